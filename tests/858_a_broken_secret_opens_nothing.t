# What begins like a SCRAM secret and is none is no password: its text opens neither this door nor a server's, and its line is named.
use v5.36;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $whole  = Scram::secret('pencil');
my %secret = (
	cut    => substr($whole, 0, -4),
	more   => $whole . 'x',
	salted => Scram::secret('pencil', 's' x 513),
	bare   => 'SCRAM-SHA-256$',
);
my @broken = sort keys %secret;
my $fake = FakeServer->new(
	login => sub ($c, $startup) {
		my ($how) = $startup->{database} =~ /^asks_(\w+)/ or return 0;
		$c->put($how eq 'plain' ? AuthRequest(3) : $how eq 'md5' ? AuthRequest(5, 'salt') : AuthRequest(10, "SCRAM-SHA-256\0\0"));
		my $message = $c->get;
		$c->log('told', $message->[1]) if $message && $message->[0] eq 'p';
		return $c->leave;
	},
	FakeServer::tells_secrets(sub ($user) { $secret{$user} }));
# Most have good ones; the line of the first broken one is the third.
my $good  = qq("fine" "$whole"\n) . qq("fine too" "$whole"\n);
my @asked = map { "asks_$_" } qw(plain md5 scram);

# What is said to somebody who comes with a password, but for what is random.
sub transcript ($millpond, $user, $password)
{
	my $client = Wire->connect($millpond);
	my $answer = $client->authenticate($password, user => $user);
	my @said   = map { length == 4 ? 'salt' : s/r=.*?,s=.{24},/r,s,/r =~ s/\0/|/gr } $client->{challenges}->@*;
	return join ' ', $client->{asked}, @said, $answer->{types}, $answer->{status} // "$answer->{error}{C} $answer->{error}{M}";
}

for my $auth_type (qw(scram-sha-256 md5 plain))
{
	for my $where (qw(file query))
	{
		my $lines    = $good . ($where eq 'file' ? join '', map { qq("$_" "$secret{$_}"\n) } @broken : '');
		my $millpond = Millpond->new("$where-$auth_type" =~ s/-/_/gr, databases => { postgres => $fake->target },
			files    => { 'users.txt' => $lines },
			settings => { auth_type => $auth_type, auth_file => 'users.txt', admin_users => join(', ', @broken),
				$where eq 'file' ? () : (auth_user => 'fine', auth_query => 'select whois($1)', auth_dbname => 'postgres') });
		is((transcript($millpond, 'fine', 'pencil') =~ /(\S+)$/)[0], 'I', "$auth_type, $where: a good one");
		my $stranger = transcript($millpond, 'nobody', 'wrong');
		for my $user (@broken)
		{
			for my $password ($secret{$user}, 'pencil')
			{
				is(transcript($millpond, $user, $password), $stranger, "$auth_type, $where, $user: is refused like a stranger");
			}
			like($millpond->log_since, qr/$user\@\S+ the user's secret begins like one of SCRAM, and is none/, '... and the log says why');
			my $console = Wire->connect($millpond)->authenticate($secret{$user}, user => $user, database => 'pgbouncer');
			isnt($console->{status}, 'I', '... also by the console');
		}
	}
}

# Who is in all the same, since nobody is asked, or as an entry's user.
my $file     = join '', $good, map { qq("$_" "$secret{$_}"\n) } @broken;
my $millpond = Millpond->new('servers', files => { 'users.txt' => $file },
	databases => { (map { $_ => $fake->target . " dbname=$_" } @asked),
		map { ("user_$_" => $fake->target . " dbname=$_ user=cut", "own_$_" => $fake->target . " dbname=$_ user=x password='$secret{cut}'") } @asked },
	settings => { auth_type => 'trust', auth_file => 'users.txt', server_login_retry => 60 });
for my $database (@asked, map { ("user_$_", "own_$_") } @asked)
{
	my $answer = Wire->connect($millpond)->startup(user => 'cut', database => $database)->result;
	is($answer->{error}{M}, 'server login failed: wrong password type', "to a server, $database");
}
is(scalar $fake->received(qr/told/), 0, 'no server has been told anything');

# Nobody is kept from starting by it.
my ($status, $out) = run_binary('--check', $millpond->ini);
is($status, 0, '--check is content');
my $users = $millpond->basedir . '/users.txt';
for my $log ($out, $millpond->log_since)
{
	my $line = 2;
	for my $user (@broken)
	{
		$line++;
		like($log, qr/\Q$users\E:$line: the secret of user "$user" begins like one of SCRAM, and is none: it opens nothing/,
			"line $line is named");
	}
	like($log, qr/millpond.ini:\d+: database "own_asks_md5": its password begins like a secret of SCRAM, and is none: it opens nothing/,
		'... and an entry');
	unlike($log, qr/SCRAM-SHA/, '... without what it is');
}

done_testing;
