# The matrix of logins: auth_type x kind of secret x password -> outcome, with the right question, words and SQLSTATE.
use v5.36;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $scram = 'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=='
	. '$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=';
my %secret = (plain => 'pencil', md5 => 'md5' . md5_hex('pencilmd5'), scram => $scram, none => '');
# There are more like the users whose secrets are asked for below.
my $users  = join '', map({ qq("$_" "$secret{$_}"\n) } sort keys %secret), map { qq("plain$_" "secret"\n) } 1 .. 5;
my $fake   = FakeServer->new;

sub millpond ($auth_type, %more)
{
	state $number = 0;
	return Millpond->new('pool' . ++$number, files => { 'users.txt' => $users },
		databases => { postgres => $fake->target, small => $fake->target, forced => $fake->target . ' user=other' },
		settings  => { auth_type => $auth_type, auth_file => 'users.txt', %more });
}

sub refusal ($auth_type, $asked)
{
	return $auth_type eq 'trust' ? '28000 "trust" authentication failed'
		: $auth_type eq 'any' ? 'F0000 bouncer config error'
		: '28P01 ' . ($asked == 10 ? 'SASL' : 'password') . ' authentication failed';
}

# What is asked (of AuthenticationRequest: 3, 5, 10, 0), and the outcome of the right password.
my @table = (
	# auth_type      user       asked  right
	['plain',         'plain',   3,    1],
	['plain',         'md5',     3,    1],
	['plain',         'scram',   3,    1],
	['plain',         'none',    3,    0],
	['plain',         'nobody',  3,    0],
	['md5',           'plain',   5,    1],
	['md5',           'md5',     5,    1],
	['md5',           'scram',   10,   1],
	['md5',           'none',    5,    0],
	['md5',           'nobody',  5,    0],
	['scram-sha-256', 'plain',   10,   1],
	['scram-sha-256', 'md5',     10,   0],
	['scram-sha-256', 'scram',   10,   1],
	['scram-sha-256', 'none',    10,   0],
	['scram-sha-256', 'nobody',  10,   0],
	['trust',         'plain',   0,    1],
	['trust',         'none',    0,    1],
	['trust',         'nobody',  -1,   0],
	['any',           'nobody',  -1,   0],
);

my %daemon;
for (@table)
{
	my ($auth_type, $user, $asked, $right) = @$_;
	my $millpond = $daemon{$auth_type} //= millpond($auth_type);
	for my $password ('pencil', 'pencils')
	{
		my $client  = Wire->connect($millpond);
		my $answer  = $client->authenticate($password, user => $user);
		my $welcome = $right && ($password eq 'pencil' || $asked == 0);
		my $name    = "$auth_type, $user, $password";
		is($client->{asked}, $asked, "$name: the question");
		is($answer->{error} ? "$answer->{error}{C} $answer->{error}{M}" : 'welcome',
			$welcome ? 'welcome' : refusal($auth_type, $asked), "$name: the outcome");
		is($client->value('select 1'), 'select 1', "$name: is served") if $welcome;
	}
}

# psql knows nothing of this test's arithmetic.
for my $auth_type (qw(plain md5 scram-sha-256))
{
	local $ENV{PGPASSWORD} = 'pencil';
	for my $user (qw(plain scram))
	{
		my ($status, $out) = $daemon{$auth_type}->psql('postgres', 'select 1',
			extra_params => [ '-U', $user ]);
		is($out, 'select 1', "psql, $auth_type, $user");
	}
}

# An unknown database is not told from a known one before the password was right, nor one with a user of its own.
for my $auth_type (qw(trust plain md5 scram-sha-256))
{
	my $refusal = refusal($auth_type, $auth_type eq 'scram-sha-256' ? 10 : 0);
	for my $database (qw(postgres forced nowhere))
	{
		my $right = $database eq 'nowhere' ? '3D000 no such database: nowhere' : 'welcome';
		for ([ plain => 'pencil', $right ], [ plain => 'pencils', $auth_type eq 'trust' ? $right : $refusal ], [ nobody => 'pencil', $refusal ])
		{
			my ($user, $password, $expected) = @$_;
			my $error = Wire->connect($daemon{$auth_type})->authenticate($password, user => $user, database => $database)->{error};
			is($error ? "$error->{C} $error->{M}" : 'welcome', $expected, "$auth_type, $database, $user, $password");
		}
	}
}

# Nothing of a secret is in the log.
for my $millpond (values %daemon)
{
	unlike($millpond->log_since, qr/pencil|W22ZaJ|WG5d8o|\Q$secret{md5}\E/, 'the log tells nothing');
}
like($daemon{md5}->log_since, qr/nobody@.*no such user/, 'but that there is no such user');

# Users come and go with RELOAD; a broken file changes nothing.
my $md5  = $daemon{md5};
my $file = $md5->write_file('users.txt', qq("new" "pencil"\n));
$md5->reload_by_signal;
my $answer = Wire->connect($md5)->authenticate('pencil', user => 'new');
is($answer->{status}, 'I', 'a user added by a reload');
$answer = Wire->connect($md5)->authenticate('pencil', user => 'plain');
is($answer->{error}{M}, 'password authentication failed', 'one removed by it');
my $from = $md5->log_end;
PostgreSQL::Test::Utils::append_to_file($file, qq("newer" pencil\n));
$md5->reload_by_signal;
like($md5->log_since($from), qr/users\.txt:2: this is no user/, 'a broken line is named');
$answer = Wire->connect($md5)->authenticate('pencil', user => 'new');
is($answer->{status}, 'I', 'and the old users stay');

my ($status, $out, $error) = run_binary('--check', $md5->ini);
is($status, 1, '--check sees it');
like($error, qr/\Q$file\E:2: /, 'with file and line');

done_testing;
