# A reload between question and answer: a login goes on with the secret and the method that it began with, and only the next one finds what is new.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $fake = FakeServer->new;
my %secret = (
	plain => 'old',
	md5   => 'md5' . md5_hex('oldme'),
	scram => Scram::secret('old'),
);
my $refused = qr/^(?:SASL|password) authentication failed$/;

sub users ($me) { return qq($me\n"pgbouncer" "x"\n) }

# What a reload brings, and what the next ones meet who come with the old and the new password.
my $rejected = qr/^login rejected$/;
my @changes  = (
	# change                settings                          users.txt                  old        new
	[ 'another password',   {},                               '"me" "new"',              $refused,  'welcome' ],
	[ 'a SCRAM secret',     {},             '"me" "' . Scram::secret('new') . '"',       $refused,  'welcome' ],
	[ 'no such user',       {},                               '"you" "new"',             $refused,  $refused ],
	[ 'no password',        {},                               '"me" ""',                 $refused,  $refused ],
	[ 'rejecting lines',    { auth_type => 'hba' },           '"me" "new"',              $rejected, $rejected ],
	[ 'scram-sha-256',      { auth_type => 'scram-sha-256' }, '"me" "new"',              $refused,  'welcome' ],
	[ 'md5',                { auth_type => 'md5' },           '"me" "new"',              $refused,  'welcome' ],
	[ 'plain',              { auth_type => 'plain' },         '"me" "new"',              $refused,  'welcome' ],
	[ 'trust',              { auth_type => 'trust' },         '"me" "new"',              'welcome', 'welcome' ],
	[ 'other iterations',   { scram_iterations => 5000 },     '"me" "new"',              $refused,  'welcome' ],
);

# Goes as far as the last question; what it returns answers that and says what comes of it.
sub begin ($millpond, $password)
{
	my $client   = Wire->connect($millpond)->startup(user => 'me');
	my $question = $client->get;
	my ($request, $data) = $question->[0] eq 'R' ? unpack 'N a*', $question->[1] : 0;
	my $answer = $request == 3 ? "$password\0" : $request == 5 ? Scram::md5_response($password, 'me', $data) . "\0" : '';
	if ($request == 10)
	{
		$client->{scram} = Scram->new($password);
		$client->put(Message('p', "SCRAM-SHA-256\0" . pack 'N/a*', $client->{scram}->first));
		$answer = $client->{scram}->final(substr $client->get->[1], 4);
	}
	return sub () {
		return Fields($question->[1])->{M} if $question->[0] eq 'E';
		my $result = $client->put($request ? Message('p', $answer) : ())->result;
		return $result->{error} ? $result->{error}{M} : $client->value('select 1') eq 'select 1' ? 'welcome' : 'not served';
	};
}

sub is_outcome ($got, $expected, $name)
{
	return ref $expected ? like($got, $expected, $name) : is($got, $expected, $name);
}

for my $way ([ 'scram-sha-256' => 'plain' ], [ 'scram-sha-256' => 'scram' ],
	map { my $kind = $_; map { [ $_ => $kind ] } qw(md5 plain) } qw(plain md5 scram))
{
	my ($auth_type, $kind) = @$way;
	state $number = 0;
	my %settings = (auth_type => $auth_type, auth_file => 'users.txt', auth_hba_file => 'hba.conf', scram_iterations => undef);
	my %files    = ('users.txt' => users(qq("me" "$secret{$kind}")), 'hba.conf' => "local all all trust\nhost all all all reject\n");
	my $millpond = Millpond->new('pool' . ++$number, databases => { postgres => $fake->target }, files => \%files,
		settings => { map { $_ => $settings{$_} } grep { defined $settings{$_} } keys %settings });
	my $console = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');
	for my $change (@changes)
	{
		my ($what, $new, $me, $next_old, $next_new) = @$change;
		my %end = map { $_ => begin($millpond, $_) } qw(old new wrong);

		$millpond->write_file('users.txt', users($me));
		$millpond->write_config(settings => $new);
		$console->query('RELOAD');
		my $name = "$auth_type with a secret of $kind, then $what";
		is_outcome($end{old}->(), 'welcome', "$name: the password that was right");
		is_outcome($end{$_}->(),  $refused,  "$name: the $_ one") for qw(new wrong);
		is_outcome(begin($millpond, 'old')->(), $next_old, "... and the next: the old one");
		is_outcome(begin($millpond, 'new')->(), $next_new, '... the new one');

		$millpond->write_file('users.txt', $files{'users.txt'});
		$millpond->write_config(settings => \%settings);
		$console->query('RELOAD');
	}
}

# Where there is nothing to come into any more, nobody does.
my $millpond = Millpond->new('gone', databases => { map { $_ => $fake->target } qw(postgres other) },
	files => { 'users.txt' => users('"me" "old"') }, settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt' });
my $console = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');
my %end     = map { $_ => begin($millpond, $_) } qw(old wrong);
$millpond->write_config(databases => { postgres => undef });
$console->query('RELOAD');
like($end{wrong}->(), $refused, 'a database is removed: the wrong password');
is($end{old}->(), 'no such database: postgres', '... and the right one');

done_testing;
