# A login with a password comes to the same end with libpq and without it: modes of TLS, hosts, refusals.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my $server = Postgres->new('server', conf => $authority->ssl_conf);
$server->safe_psql('postgres', "create role me login password 'pencil'");
$server->safe_psql('postgres', "create database $_") for qw(sealed clear mixed);
$server->set_hba("local all postgres trust\nhostssl sealed me all scram-sha-256\nhostnossl clear me all scram-sha-256\n"
	. "host mixed me all scram-sha-256\nlocal mixed me scram-sha-256\n");
my $waking = FakeServer->new(login => sub ($c, $startup) {
	$c->put(ErrorResponse('57P03', 'the database system is starting up', 'FATAL'));
	$c->leave;
});
my $garbled = FakeServer->new(ssl => sub ($c) { $c->put('S'); $c->get_bytes(5); $c->leave });

my ($port, $ca) = ($server->port, $authority->file('ca.crt'));
my $refused  = qr/^28000 no pg_hba.conf entry .*/;
my %expected = (
	(map { ("$_ sealed" => 't', "$_ mixed" => 't') } qw(prefer require)),
	(map { ("$_ clear" => 'f', "$_ mixed" => 'f') } qw(disable allow)),
	'allow sealed'   => 't',
	'prefer clear'   => 'f',
	'require clear'  => qr/$refused SSL encryption/,
	'disable sealed' => qr/$refused no encryption/,
);
my %entries = map { my ($mode, $database) = split / /; $_ => "host=127.0.0.1 port=$port dbname=$database sslmode=$mode" }
	keys %expected;
sub add ($name, $entry, $outcome) { @entries{$name} = $entry; $expected{$name} = $outcome; return }
add('verified',       "host=localhost port=$port dbname=mixed sslmode=verify-full sslrootcert=$ca", 't');
add('unix',           'host=' . $server->host . " port=$port dbname=mixed sslmode=allow", 'f');
add('neither',        "host=127.0.0.1 port=$port dbname=postgres sslmode=prefer", qr/$refused SSL encryption/);
add('nothing there',  "host=127.0.0.1 port=$port dbname=missing", qr/^28000|^3D000/);
add('wrong password', "host=127.0.0.1 port=$port dbname=mixed password=pen", qr/^28P01 password authentication failed/);
add('a waking host',  'host=127.0.0.1,127.0.0.1 port=' . $waking->port . ",$port dbname=mixed", 't');
add('waking hosts',   'host=127.0.0.1,127.0.0.1 port=' . $waking->port . ',' . $waking->port,
	qr/^57P03 the database system is starting up/);
add('auto encoding',  "host=127.0.0.1 port=$port dbname=mixed client_encoding=auto", 't');
add('address alone',  "hostaddr=127.0.0.1 port=$port dbname=mixed", 't');
add('no host there',  'hostaddr=127.0.0.1 port=1', qr/127\.0\.0\.1.*port 1\b.* refused/);
add('no name',        "hostaddr=127.0.0.1 port=$port dbname=mixed sslmode=verify-full sslrootcert=$ca",
	qr/host name must be specified for a verified SSL connection/);
add('broken TLS',     $garbled->target, 'f');

# Files that are not there, or are not what they should be: no reason to say the password in the clear.
my ($nowhere, $other_text) = ('sslcert=/nowhere.crt sslkey=/nowhere.key', $authority->file('ca.cnf'));
my $mixed   = "host=localhost port=$port dbname=mixed";
add('no certificate',     "$mixed $nowhere", 't');
add('not even a folder',  "$mixed sslcert=$ca/client.crt sslkey=$ca/client.key", 't');
add('wrong certificate',  "$mixed sslcert=$other_text sslkey=$other_text", { own => qr/no start line/, libpq => 'f' });
add('require, no root',   "$mixed sslmode=require sslrootcert=/nowhere", 't');
add('require, wrong root', "$mixed sslmode=require sslrootcert=$other_text", qr/certificate/);
add('verify-ca, no root', "$mixed sslmode=verify-ca sslrootcert=/nowhere", qr/certificate|sslrootcert/);
add('no list of revoked', "$mixed sslmode=verify-full sslrootcert=$ca sslcrl=/nowhere", 't');

# verify-full: the subject and the other names of a certificate, the host, and whether it is that one's.
my $other  = qr/does not match host name|embedded null/;
my $hidden = 'DER:30148212' . unpack 'H*', "db.internal\0.other";
my %certificates = (
	'address as CN'         => [ '127.0.0.1', undef, '127.0.0.1', 't' ],
	'address'               => [ 'x', 'IP:127.0.0.1', '127.0.0.1', 't' ],
	'address as a name'     => [ 'x', 'DNS:127.0.0.1', '127.0.0.1', 't' ],
	'address as CN, names'  => [ '127.0.0.1', 'DNS:db.internal', '127.0.0.1', 't' ],
	'address as CN, others' => [ '127.0.0.1', 'IP:127.0.0.2', '127.0.0.1', $other ],
	'name as CN'            => [ 'db.internal', undef, 'db.internal', 't' ],
	'name as CN, addresses' => [ 'db.internal', 'IP:127.0.0.1', 'db.internal', 't' ],
	'name as CN, names'     => [ 'db.internal', 'DNS:other.internal', 'db.internal', $other ],
	'name in capitals'      => [ 'x', 'DNS:DB.Internal', 'db.internal', 't' ],
	'second name'           => [ 'x', 'DNS:other.internal,DNS:db.internal', 'db.internal', 't' ],
	'star'                  => [ 'x', 'DNS:*.internal', 'db.internal', 't' ],
	'star as CN'            => [ '*.internal', undef, 'db.internal', 't' ],
	'star for two'          => [ 'x', 'DNS:*.internal', 'a.db.internal', $other ],
	'star for nothing'      => [ 'x', 'DNS:*.internal', 'internal', $other ],
	'star for a half'       => [ 'x', 'DNS:d*.internal', 'db.internal', $other ],
	'star alone'            => [ 'x', 'DNS:*', 'db', $other ],
	'hidden end'            => [ 'db.internal', $hidden, 'db.internal', $other ],
	'nothing'               => [ 'x', 'email:me@internal', 'db.internal', $other ],
);

sub with_certificate ($name)
{
	return FakeServer->new(
		ssl   => sub ($c) { return $c->shake_hands($authority, $name) },
		query => sub ($c, $sql) { $c->answer_with('t'); $c->put(ReadyForQuery()); return 1 });
}
for my $name (sort keys %certificates)
{
	my ($subject, $names, $host, $outcome) = $certificates{$name}->@*;
	$authority->issue($name, "/CN=$subject", names => $names);
	add("certificate: $name", "host=$host hostaddr=127.0.0.1 port=" . with_certificate($name)->port
		. " sslmode=verify-full sslrootcert=$ca", $outcome);
}

my %ways = (own => '', libpq => 'krbsrvname=postgres');
my $millpond = Millpond->new('pool',
	settings => { workers => 1, server_login_retry => 60, query_wait_timeout => 12 },
	env       => { HOME => '/nonexistent' },
	databases => { map {
		my $way = $_;
		map { ("\"$way $_\"" => "user=me $entries{$_} $ways{$way}" . ($entries{$_} =~ /password/ ? '' : ' password=pencil')) }
			keys %entries
	} keys %ways });
sub begin ($way, $name) { return Wire->connect($millpond)->startup(database => "$way $name") }

# Who is refused is told, mostly, when the wait is over: they wait together, while the others come in.
my @refused = grep { ref $expected{$_} } sort keys %entries;
my %waiting = map { my $way = $_; map { ("$way $_" => begin($way, $_)) } @refused } keys %ways;
for my $name ((grep { !ref $expected{$_} } sort keys %entries), @refused)
{
	for my $way (sort keys %ways)
	{
		my $client  = $waiting{"$way $name"} // begin($way, $name);
		my $answer  = $client->result;
		my $outcome = ($answer->{status} // '') ne 'I' ? join ' ', grep { defined } $answer->{error}->@{qw(C M D)}
			: $name eq 'broken TLS' ? 'f'
			: $client->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
		my $expected = ref $expected{$name} eq 'HASH' ? $expected{$name}{$way} : $expected{$name};
		like($outcome, ref $expected ? $expected : qr/^$expected$/, "$name, $way");
	}
}

is(Wire->login($millpond, database => "$_ auto encoding")->value('show client_encoding'), 'SQL_ASCII', "the encoding, $_")
	for sort keys %ways;

done_testing;
