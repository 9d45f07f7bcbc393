# Where an authority stands between the one that is trusted and a certificate, the whole chain is shown to clients and to servers, and in theirs each certificate may have been revoked.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $root   = Certificates->new('Root');
my %middle = map { $_ => Certificates->new($_, under => $root) } qw(good revoked);
for my $middle (values %middle)
{
	$middle->issue(server => '/CN=localhost', names => 'DNS:localhost');
	$middle->issue(client => '/CN=postgres');
	$middle->write_crl;
}
$root->revoke('revoked');
my $ca  = $root->file('ca.crt');
my $crl = $root->file('all.crl');
put_file($crl, map { slurp_file($_->file('ca.crl')) } $root, values %middle);

# Servers that insist on a certificate of ours.
my %fake = map {
	my $middle = $middle{$_};
	$_ => FakeServer->new(ssl => sub ($c) { $c->shake_hands($middle, 'server', SSL_verify_mode => 3, SSL_ca_file => $ca) });
} keys %middle;
sub shown ($side, $name)
{
	return map { ("${side}_tls_$_->[0]_file" => $middle{good}->file("$name.$_->[1]")) } [ key => 'key' ], [ cert => 'crt' ];
}

my %ways     = (own => 'user=postgres password=x', libpq => 'krbsrvname=postgres');
my $millpond = Millpond->new('pool',
	settings => { auth_type => 'cert', client_tls_sslmode => 'verify-full', client_tls_crl_file => $crl,
		client_tls_ca_file => $ca, server_tls_sslmode => 'verify-full', server_tls_crl_file => $crl, server_tls_ca_file => $ca,
		shown(client => 'server'), shown(server => 'client'), server_login_retry => 60, query_wait_timeout => 20 },
	databases => { map { my $from = $_; map { ("${from}_$_" => $fake{$from}->target =~ s/127.0.0.1/localhost/r . " $ways{$_}") }
			keys %ways } keys %fake });

# A client that verifies as much, and asks for that database.
sub client ($middle, $database)
{
	return Wire->connect($millpond, tls => { SSL_verify_mode => 1, SSL_ca_file => $ca, SSL_verifycn_scheme => 'none',
		SSL_cert_file => $middle->file('client.crt'), SSL_key_file => $middle->file('client.key') })->startup(database => $database);
}

for my $way (sort keys %ways)
{
	is(client($middle{good}, "good_$way")->result->{status}, 'I', "a client and a server under a good authority, $way");
	my $client = client($middle{good}, "revoked_$way");
	$millpond->wait_for_log(qr{S-\w+: revoked_$way/.*(?:closing because|new connection)});
	like($millpond->log_since, qr{S-\w+: revoked_$way/.*closing because: .*certificate verify failed},
		"a server under a revoked one, $way");
}
is_deeply([ $fake{revoked}->received(qr/startup/) ], [], '... which is told nothing');
my $answer = eval { client($middle{revoked}, 'good_own')->result };
is($answer && $answer->{status}, undef, 'a client under a revoked one');
$millpond->wait_for_log(qr/TLS handshake failed: certificate verify failed/);

done_testing;
