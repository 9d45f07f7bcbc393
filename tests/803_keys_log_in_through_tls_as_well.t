# A user of whom only a SCRAM secret or an md5 hash is known is logged in to a server through TLS, which is verified as sslmode asks.
use v5.36;
use Certificates;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
my $stranger  = Certificates->new('Another authority');
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my $server = Postgres->new('server', conf => $authority->ssl_conf);
$server->safe_psql('postgres', "create role alice login password 'secret';"
		. "set password_encryption = md5; create role bob login password 'secret'");
my $secret = $server->safe_psql('postgres', "select rolpassword from pg_authid where rolname = 'alice'");
my $hash   = 'md5' . md5_hex('secretbob');
$server->safe_psql('postgres', 'create database tls');
$server->set_hba("local all postgres trust\nlocal tls alice scram-sha-256\nlocal tls bob md5\nhostssl tls alice all scram-sha-256\nhostssl tls bob all md5\n"
	. "host postgres alice all scram-sha-256\n");

my $users = new_file('users', qq{"alice" "$secret"\n"bob" "$hash"\n});
my $port = $server->port;
my $ca   = $authority->file('ca.crt');
my $fake = FakeServer->new(ssl => sub ($c) { $c->put('S' . AuthenticationOk()); 1 });

# The directory of one list of what is revoked, named as OpenSSL looks for it.
sub list_revoked ($name)
{
	my $folder = PostgreSQL::Test::Utils::tempdir() . "/$name";
	my $list   = $authority->file('ca.crl');
	mkdir $folder;
	my $hash = qx(openssl crl -in $list -noout -hash) =~ s/\s//gr;
	put_file("$folder/$hash.r0", PostgreSQL::Test::Utils::slurp_file($list));
	return $folder;
}
$authority->write_crl;
my $none_revoked = list_revoked('none');
$authority->revoke('server');
my $revoked = list_revoked('one');

my %entries = (
	require  => [ "host=127.0.0.1 port=$port dbname=tls sslmode=require",                    qr/^t$/ ],
	ca       => [ "host=127.0.0.1 port=$port dbname=tls sslmode=verify-ca sslrootcert=$ca",  qr/^t$/ ],
	full     => [ "host=localhost port=$port dbname=tls sslmode=verify-full sslrootcert=$ca", qr/^t$/ ],
	prefer   => [ "host=127.0.0.1 port=$port dbname=tls",                                    qr/^t$/ ],
	tls12    => [ "host=127.0.0.1 port=$port dbname=tls ssl_max_protocol_version=TLSv1.2",   qr/^t$/ ],
	disable  => [ "host=127.0.0.1 port=$port dbname=postgres sslmode=disable",               qr/^f$/ ],
	mismatch => [ "host=127.0.0.1 port=$port dbname=tls sslmode=verify-full sslrootcert=$ca",
		qr/does not match host name "127.0.0.1"/ ],
	stranger => [ "host=localhost port=$port dbname=tls sslmode=verify-ca sslrootcert="
			. $stranger->file('ca.crt'), qr/certificate verify failed/ ],
	good     => [ "host=127.0.0.1 port=$port dbname=tls sslmode=verify-ca sslrootcert=$ca sslcrldir=$none_revoked", qr/^t$/ ],
	revoked  => [ "host=127.0.0.1 port=$port dbname=tls sslmode=verify-ca sslrootcert=$ca sslcrldir=$revoked",
		qr/certificate verify failed/ ],
	certless => [ "host=127.0.0.1 port=$port dbname=tls sslcertmode=disable sslcert=/nowhere sslkey=/nowhere", qr/^t$/ ],
	strict   => [ "host=127.0.0.1 port=$port dbname=tls target_session_attrs=read-write", qr/^t$/ ],
	encoding => [ "host=127.0.0.1 port=$port dbname=tls client_encoding=auto",               qr/^t$/ ],
	nothing  => [ "host=localhost port=$port dbname=tls sslmode=verify-full",                qr/sslrootcert/ ],
	peer     => [ 'host=' . $server->host . " port=$port dbname=tls requirepeer=" . getpwuid($<), qr/^f$/ ],
	impostor => [ 'host=' . $server->host . " port=$port dbname=tls requirepeer=root",
		qr/requirepeer specifies "root", but actual peer user name is/ ],
	words    => [ $fake->target . ' sslmode=require',                      qr/SSL error: wrong version number/ ],
);
my $millpond = Millpond->new('pool',
	settings => { auth_type => 'md5', auth_file => $users, server_login_retry => 0.2,
		query_wait_timeout => 8, server_reset_query_always => 1 },
	env       => { SSL_CERT_FILE => '/nowhere' },
	databases => { map { $_ => $entries{$_}[0] } keys %entries });
# All at once, as whoever gets no server waits for query_wait_timeout.
my @logins = grep { "@$_" !~ /^bob (?:disable|words)/ } map { my $user = $_; map { [ $user, $_ ] } sort keys %entries } qw(alice bob);
my @clients = map { Wire->connect($millpond)->prove('secret', user => $_->[0], database => $_->[1]) } @logins;
for (@logins)
{
	my ($user, $name) = @$_;
	my $client = shift @clients;
	my $answer = $client->result;
	my ($why) = $millpond->log_since =~ m{S-\w+: $name/$user\@.*closing because: (.*)};
	like($answer->{status} ? $client->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()') : $why // $answer->{error}{M},
		$entries{$name}[1], "$user, $name: $entries{$name}[0]");
}
my ($row) = grep { $_->{database} eq 'full' && $_->{user} eq 'alice' }
	$millpond->console('SHOW SERVERS', unix => 1, user => 'pgbouncer');
like($row->{tls} // '', qr/^TLSv1\.3\//, 'SHOW SERVERS tells of it');
is_deeply([ $fake->received(qr/startup/) ], [], 'who speaks in the clear was told nothing');

done_testing;
