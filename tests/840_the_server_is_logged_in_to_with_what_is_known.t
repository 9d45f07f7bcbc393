# The matrix of server logins: kind of secret x how the client logged in x what the server asks -> outcome, on real servers.
use v5.36;
use Certificates;
use Digest::MD5 qw(md5_hex);
use Directory;
use EmbeddedPostgres;
use Millpond;
use Pam;
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
# Whose password here is not that of the server, of which the hash is known.
my $theirs = 'md5' . md5_hex('theirsother');
# Whose secret has the longest salt, here known as it is and there by its password.
my $salted = Scram::secret('pencil', 'salt' x 128);
$server->safe_psql('postgres', "$roles create role other login password '$theirs';"
	. join ';', map { "create role $_ login password '$salted'" } qw(salted salted_plain));
$users .= qq("other" "$theirs"\n"salted" "$salted"\n"salted_plain" "pencil"\n);
$server->set_hba($hba .= "local all other md5\nlocal all salted,salted_plain scram-sha-256\n");

# And PostgreSQL 18, where it is.
my %target = (postgres => '');
if (embedded_postgres(18))
{
	my $new = EmbeddedPostgres->new(18, hba => $hba =~ s/^local all (\S+)/host all $1 all/mgr);
	$new->psql("$roles create role other login password '$theirs'");
	$target{new} = $new->target . ' dbname=postgres';
}

# How a client logs in: what the daemon is told, and how it is connected to. Where a program is missing, not at all.
my $osuser    = getpwuid $>;
my $authority = Certificates->new;
$authority->issue($_ => "/CN=$_") for qw(server someone);
my $shown = { SSL_cert_file => $authority->file('someone.crt'), SSL_key_file => $authority->file('someone.key') };
my @people = $users =~ /^"(\w+)"/mg;
my %hba    = (auth_type => 'hba', auth_hba_file => 'hba.conf', auth_ident_file => 'ident.conf',
	client_tls_sslmode => 'allow', $authority->client_tls(ca => 1));

sub pam ()
{
	return Pam->missing ? undef : { settings => { auth_type => 'pam' },
		env => { Pam->new(passwords => [ map { "$_:pencil:pgbouncer" } @people ])->env } };
}

sub ldap ()
{
	return if Directory->missing;
	my $port = Directory->new(people => { map { $_ => 'pencil' } @people })->port;
	return { settings => { auth_type => 'ldap', auth_ldap_options =>
		qq(ldapserver=127.0.0.1 ldapport=$port ldapprefix="uid=" ldapsuffix=",ou=people,dc=example,dc=net") } };
}

my %methods = (
	(map { $_ => { settings => { auth_type => $_ } } } 'scram-sha-256', 'md5', 'plain', 'trust'),
	cert => { settings => \%hba, how => { tls => $shown } },
	peer => { settings => \%hba, how => { unix => 1 } },
	pam  => pam(),
	ldap => ldap(),
);

sub millpond ($name, $method)
{
	return Millpond->new($name, server => $server, env => $method->{env}, databases => {%target},
		files => { 'users.txt' => $users, 'hba.conf' => "hostssl all all all cert map=any\nlocal all all peer map=any\n",
			'ident.conf' => "any someone all\nany $osuser all\n" },
		settings => { $method->{settings}->%*, auth_file => 'users.txt', server_login_retry => 60 });
}

# By method and kind of secret: which of the server's questions can be answered. PAM and LDAP leave the password itself,
# with which even the server has no use for SCRAM where it keeps an md5 hash.
my %answered = (
	'scram-sha-256 plain' => [qw(trust password md5 scram-sha-256)],
	'scram-sha-256 scram' => [qw(trust md5 scram-sha-256)],
	'md5 plain'           => [qw(trust password md5 scram-sha-256)],
	'md5 md5'             => [qw(trust md5)],
	'md5 scram'           => [qw(trust md5 scram-sha-256)],
	'plain plain'         => [qw(trust password md5 scram-sha-256)],
	'plain md5'           => [qw(trust md5)],
	'plain scram'         => [qw(trust md5 scram-sha-256)],
	(map { ("$_ plain" => [qw(trust password md5 scram-sha-256)], "$_ md5" => [qw(trust md5)], "$_ scram" => [qw(trust)]) }
		qw(trust cert peer)),
	(map { ("$_ plain" => [qw(trust password md5 scram-sha-256)], "$_ md5" => [qw(trust password md5)],
		"$_ scram" => [qw(trust password md5 scram-sha-256)]) } qw(pam ldap)),
);
my %daemons = map { $_ => millpond(s/-.*//r, $methods{$_}) } grep { $methods{$_} } keys %methods;
for my $row (sort keys %answered)
{
	my ($method, $kind) = split / /, $row;
	next if !$daemons{$method};
	for (map { my $ask = $_; map { [ $ask, $_ ] } sort keys %target } @asks)
	{
		my ($ask, $database) = @$_;
		my $client = Wire->connect($daemons{$method}, ($methods{$method}{how} // {})->%*);
		my $answer = $client->authenticate('pencil', user => role($ask, $kind), database => $database);
		my $works  = grep { $_ eq $ask } $answered{$row}->@*;
		my $refusal = $method =~ /pam|ldap/ ? "password authentication failed for user \"${\role($ask, $kind)}\""
			: 'server login failed: wrong password type';
		is($answer->{error}{M} // 'welcome', $works ? 'welcome' : $refusal,
			"client: $method, secret: $kind, server $database: $ask");
		next if !$works;
		is($client->value('select current_user'), role($ask, $kind), '... as that user');
	}
}

for my $method ('scram-sha-256', 'md5', 'plain')
{
	for my $user (qw(salted salted_plain))
	{
		my $client = Wire->connect($daemons{$method});
		is($client->authenticate('pencil', user => $user)->{error}{M}, undef, "$method, $user: a salt of 512 bytes");
		is($client->value('select current_user'), $user, '... as that user');
	}
}

for my $method (grep { $daemons{$_} } qw(pam ldap))
{
	my $client = Wire->connect($daemons{$method});
	is($client->authenticate('pencil', user => 'other')->{error}{M}, undef, "$method, with the hash of another password");
	is($client->value('select current_user'), 'other', '... that opens the server');
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
my ($row) = grep { $_->{user} eq 'scram_scram' }
	$scram->console('SHOW SERVERS', user => 'pgbouncer', unix => 1);
is($row->{remote_pid}, $client->value('select pg_backend_pid()'), 'its process is known');

# A host that does not answer is passed over, as libpq does; over TCP, too.
my $dead = PostgreSQL::Test::Cluster::get_free_port();
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
