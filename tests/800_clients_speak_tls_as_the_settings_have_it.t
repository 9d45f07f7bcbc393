# Each client_tls_sslmode meets each sslmode of psql: whether the client comes in, and whether encrypted.
use v5.36;
use Certificates;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost,IP:127.0.0.1');
$authority->issue(client => '/CN=postgres');
my $stranger = Certificates->new('Another authority');
$stranger->issue(client => '/CN=postgres');

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { client_tls_sslmode => 'allow', $authority->client_tls(ca => 1) });

my $conninfo = sprintf 'host=localhost hostaddr=127.0.0.1 port=%d user=postgres', $millpond->port;

# Whether psql is encrypted: t or f, or what it says when it does not come in.
sub outcome ($mode, %more)
{
	state $number = 0;
	my $name = 'asks' . ++$number;
	my ($stdout, $stderr) = ('', '');
	my $options = join ' ', map { "$_=$more{$_}" } sort keys %more;
	$millpond->psql('pgbouncer', 'show clients', stdout => \$stdout, stderr => \$stderr,
		connstr => "$conninfo dbname=pgbouncer application_name=$name sslmode=$mode sslrootcert="
			. $authority->file('ca.crt') . " $options",
		extra_params => [ '-F', ';' ]);
	return $stderr =~ s/\s+\z//r =~ s/.*FATAL:  //sr if $stderr;
	my ($mine) = grep { /;$name;/ } split /\n/, $stdout;
	return $mine =~ /TLSv1\.3\/TLS_AES_256_GCM_SHA384;/ ? 't' : 'f';
}

sub certificate ($from)
{
	return (sslcert => $from->file('client.crt'), sslkey => $from->file('client.key'));
}

my $refused   = qr/SSL required/;
my $not_here  = qr/server does not support SSL/;
my $no_cert   = qr/certificate required/;
my $bad_cert  = qr/unknown ca/;
my %none      = (sslcert => '/nowhere', sslkey => '/nowhere');

# server's mode     client: disable      prefer    require   verify-full
my @matrix = (
	[ disable       => 'f',            'f',        $not_here, $not_here ],
	[ allow         => 'f',            't',        't',       't' ],
	[ prefer        => 'f',            't',        't',       't' ],
	[ require       => $refused,       't',        't',       't' ],
	[ 'verify-ca'   => $refused,       $no_cert,   $no_cert,  $no_cert ],
	[ 'verify-full' => $refused,       $no_cert,   $no_cert,  $no_cert ],
);
for my $row (@matrix)
{
	my ($mode, @expected) = @$row;
	$millpond->write_config(settings => { client_tls_sslmode => $mode });
	Wire->login($millpond, database => 'pgbouncer', unix => 1)->query('RELOAD');
	for my $sslmode (qw(disable prefer require verify-full))
	{
		my $expected = shift @expected;
		my $name     = "client_tls_sslmode=$mode and sslmode=$sslmode";
		like(outcome($sslmode, %none), ref $expected ? $expected : qr/^$expected\z/, $name);
	}
	next if $mode eq 'disable';
	my $demands = $mode =~ /verify/;
	is(outcome('require', certificate($authority)), 't', "$mode: with a certificate");
	like(outcome('require', certificate($stranger)), $demands ? $bad_cert : qr/^t\z/,
		"$mode: with somebody else's certificate");
}

# On a Unix socket there is nothing to encrypt, and nothing is demanded.
is(Wire->login($millpond, unix => 1)->value('select 1'), 1, 'a Unix socket is not encrypted');
my $local = Wire->connect($millpond, unix => 1);
is($local->put($Wire::ssl_request)->get_bytes(1), 'N', 'and TLS is declined there');

# What a client says in the end is still heard, and logged with the encryption.
$millpond->write_config(settings => { client_tls_sslmode => 'require' });
Wire->login($millpond, database => 'pgbouncer', unix => 1)->query('RELOAD');
my $from = $millpond->log_end;
is(Wire->login($millpond, tls => {})->value('select 1'), 1, 'a query through TLS');
like($millpond->log_since($from), qr/login attempt: .* tls=TLSv1\.3\/TLS_AES_256_GCM_SHA384$/m,
	'the log says how the client came in');

# What PgBouncer would find out only when it sets up TLS anew is no error there, and changes nothing.
my $console = Wire->login($millpond, tls => {}, database => 'pgbouncer');
my $kept    = 'TLS settings could not be applied, still using old configuration';
sub set ($what)
{
	my $answer = $console->query("SET $what");
	return join '; ', $answer->{types}, $answer->{tags}->@*, map { "$_->{S} $_->{M}" } $answer->{notices}->@*, $answer->{errors}->@*;
}
$from = $millpond->log_end;
is(set("$_ = nonsense"), "NCZ; SET $_=nonsense; NOTICE $kept", "SET $_") for qw(client_tls13_ciphers client_tls_ciphers
	client_tls_ecdhcurve client_tls_dheparams client_tls_protocols client_tls_cert_file client_tls_key_file client_tls_ca_file
	server_tls_ciphers server_tls_protocols server_tls_ca_file);
like($millpond->log_since($from), qr/TLS setup failed: .*no cipher match/, 'and the log tells why');
like($millpond->log_since($from), qr/client_tls13_ciphers: .*no cipher match.*\n.*failed to set the TLSv1\.3 cipher suites/, '... in the known words');
is(Wire->login($millpond, tls => {})->value('select 1'), 1, 'clients come in as before');
is((grep { $_->{key} eq 'client_tls_ciphers' } $console->hashes('SHOW CONFIG'))[0]{value}, 'nonsense', 'though the settings are as set');
is(set('default_pool_size = 21'), 'CZ; SET default_pool_size=21', 'and others can be set as well');
$console->query('RELOAD');
is((grep { $_->{key} eq 'client_tls_ciphers' } $console->hashes('SHOW CONFIG'))[0]{value}, 'default', 'the file sets them right');

# A key and a certificate of another authority, one after the other.
$stranger->issue(server => '/CN=stranger');
sub served ()
{
	return Wire->connect($millpond, tls => {})->{socket}->peer_certificate('cn');
}
my $before = served();
is(set("client_tls_key_file = '" . $stranger->file('server.key') . "'"), "NCZ; SET client_tls_key_file="
	. $stranger->file('server.key') . "; NOTICE $kept", 'a key that fits no certificate is kept for later');
is(served(), $before, '... and clients see what they saw');
is(set("client_tls_cert_file = '" . $stranger->file('server.crt') . "'"), 'CZ; SET client_tls_cert_file='
	. $stranger->file('server.crt'), 'its certificate makes it whole');
is(served(), 'stranger', '... and clients see it');
$console->query('RELOAD');
is(served(), $before, 'the file has the old pair');
is(set("$_ = nonsense"), 'EZ; ERROR SET failed', "SET $_ takes a word of its list") for qw(client_tls_sslmode server_tls_sslmode);
is(set('client_tls_nonsense = x'), 'EZ; ERROR SET failed', '... and only what there is');

done_testing;
