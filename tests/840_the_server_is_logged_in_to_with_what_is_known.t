# The matrix of server logins: kind of secret x how the client logged in x what the server asks -> outcome, on a real server.
use v5.36;
use Digest::MD5 qw(md5_hex);
use Millpond;
use Scram;
use Test::More;
use Wire;

my @asks   = ('trust', 'password', 'md5', 'scram-sha-256');
my @kinds  = qw(plain md5 scram);
my $server = Postgres->new;

sub role ($ask, $kind) { return ($ask =~ s/-.*//r) . "_$kind" }

sub secret ($role, $kind)
{
	return 'pencil' if $kind eq 'plain';
	return $kind eq 'md5' ? 'md5' . md5_hex("pencil$role") : Scram::secret('pencil');
}

my ($hba, $users, $roles) = ("local all postgres trust\n", '', '');
for my $ask (@asks)
{
	for my $kind (@kinds)
	{
		my $role = role($ask, $kind);
		my $text = secret($role, $kind);
		$hba   .= "local all $role $ask\n";
		$users .= qq("$role" "$text"\n);
		# What asks for md5 has md5 hashes of the plain ones.
		$roles .= 'set password_encryption = ' . ($ask eq 'md5' ? 'md5' : "'scram-sha-256'") . ';'
			. "create role $role login password '$text';";
	}
}
$server->safe_psql('postgres', $roles);
$server->set_hba($hba);

sub millpond ($name, $auth_type)
{
	return Millpond->new($name, server => $server, files => { 'users.txt' => $users },
		settings => { auth_type => $auth_type, auth_file => 'users.txt', server_login_retry => 60 });
}

# By auth_type and kind of secret: which of the server's questions can be answered.
my %answered = (
	'scram-sha-256 plain' => [qw(trust password md5 scram-sha-256)],
	'scram-sha-256 scram' => [qw(trust md5 scram-sha-256)],
	'md5 plain'           => [qw(trust password md5 scram-sha-256)],
	'md5 md5'             => [qw(trust md5)],
	'md5 scram'           => [qw(trust md5 scram-sha-256)],
	'plain plain'         => [qw(trust password md5 scram-sha-256)],
	'plain md5'           => [qw(trust md5)],
	'plain scram'         => [qw(trust md5 scram-sha-256)],
	'trust plain'         => [qw(trust password md5 scram-sha-256)],
	'trust md5'           => [qw(trust md5)],
	'trust scram'         => [qw(trust)],
);
my %daemons = map { $_ => millpond(s/-.*//r, $_) } qw(scram-sha-256 md5 plain trust);
for my $row (sort keys %answered)
{
	my ($auth_type, $kind) = split / /, $row;
	for my $ask (@asks)
	{
		my $client = Wire->connect($daemons{$auth_type});
		my $answer = $client->authenticate('pencil', user => role($ask, $kind));
		my $works  = grep { $_ eq $ask } $answered{$row}->@*;
		is($answer->{error}{M} // 'welcome',
			$works ? 'welcome' : 'server login failed: wrong password type',
			"client: $auth_type, secret: $kind, server: $ask");
		next if !$works;
		is($client->value('select current_user'), role($ask, $kind), '... as that user');
	}
}

# The password of an entry is that of the entry's own user.
my $entry = $server->target . ' dbname=postgres';
$daemons{md5}->write_config(databases => { nobodys => "$entry password=wrong",
	forced => "$entry user=password_plain password=pencil", wrong => "$entry user=password_plain password=wrong" });
$daemons{md5}->reload_by_signal;
for my $case ([ nobodys => 'password_plain', 'password_plain' ], [ nobodys => 'scram_plain', 'scram_plain' ],
	[ forced => 'scram_plain', 'password_plain' ], [ wrong => 'scram_plain', undef ])
{
	my ($database, $user, $expected) = @$case;
	my $client = Wire->connect($daemons{md5});
	my $answer = $client->authenticate('pencil', user => $user, database => $database);
	is($answer->{error} ? $answer->{error}{M} : $client->value('select current_user'),
		$expected // 'password authentication failed for user "password_plain"', "$user in the database $database");
}

# Again and again, though no server is kept: what was known of those who came before still opens new ones.
my $console = Wire->login($daemons{'scram-sha-256'}, user => 'pgbouncer', database => 'pgbouncer', unix => 1);
for my $role (map { role('scram-sha-256', $_) } qw(plain scram))
{
	my %servers;
	for my $round (1 .. 4)
	{
		my $client = Wire->connect($daemons{'scram-sha-256'});
		my $answer = $client->authenticate($round == 3 ? 'pencils' : 'pencil', user => $role);
		is($answer->{error}{M} // 'welcome', $round == 3 ? 'SASL authentication failed' : 'welcome', "$role, login $round");
		$servers{ $client->value('select pg_backend_pid()') } = 1 if $round != 3;
		$console->query('RECONNECT');
	}
	is(scalar keys %servers, 3, '... each with a server of its own');
}

# What a login without libpq makes is a connection like any other.
my $scram  = $daemons{'scram-sha-256'};
my $client = Wire->connect($scram);
$client->authenticate('pencil', user => 'scram_scram', application_name => 'from me');
is($client->{parameters}{server_version}, $server->safe_psql('postgres', 'show server_version'),
	'parameters are known');
is($client->value('show application_name'), 'from me', 'wishes are applied');
$client->put(Query('select pg_sleep(60)'));
wait_until(sub { $server->backends("query like '%pg_sleep%' and state = 'active'") }, 'the query');
$client->cancel;
my $result = $client->result;
is($result->{error}{C}, '57014', 'a query can be cancelled');
is($result->{status}, 'I', 'and the session goes on');
# Who runs the process needs no password on its Unix socket.
my ($shown) = grep { $_->{user} eq 'scram_scram' }
	$scram->console('SHOW SERVERS', user => 'pgbouncer', unix => 1);
is($shown->{remote_pid}, $client->value('select pg_backend_pid()'), 'its process is known');

# A host that does not answer is passed over, as libpq does; over TCP, too.
my $dead = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
$server->set_hba($hba, "host all all 127.0.0.1/32 scram-sha-256\n");
$scram->write_config(databases => {
	hosts => "host=127.0.0.1,127.0.0.1 port=$dead," . $server->port
		. q( dbname=postgres application_name=pooled options='-c work_mem=99kB') });
$scram->reload_by_signal;
$client = Wire->connect($scram);
my $answer = $client->authenticate('pencil', user => 'scram_scram', database => 'hosts');
is($answer->{error}{M}, undef, 'the second host of a list');
is($client->value('show work_mem'), '99kB', 'options of the entry hold');
is($client->value('show application_name'), 'pooled', 'as does its name');

# Another salt on the server: the same password, but not the same secret.
$server->safe_psql('postgres', q(alter role scram_scram password 'pencil'));
$server->safe_psql('postgres',
	q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'scram_scram'));
$answer = Wire->connect($scram)->authenticate('pencil', user => 'scram_scram');
$client = undef;
wait_until(sub {
	my $again = Wire->connect($scram);
	$answer = $again->authenticate('pencil', user => 'scram_scram');
	$answer = $again->query('select 1') if !$answer->{error};
	return $answer->{error};
}, 'the refusal');
is($answer->{error}{M}, 'server login failed: wrong password type', 'another salt');
like($answer->{error}{D}, qr/salt or iterations differ/, 'and the detail says so');

unlike($_->log_since, qr/pencil|SCRAM-SHA-256\$/, 'the log tells nothing') for values %daemons;

done_testing;
