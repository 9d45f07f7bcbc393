# Handshakes: DH as client_tls_dheparams has it, the name of a server's host told to it where it is one, and no second one on its demand.
use v5.36;
use Certificates;
use FakeServer;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost', key => 'rsa:2048');

# Notes the name that it is called by, and asks for a second handshake in the middle of a query.
my $fake = FakeServer->new(
	ssl   => sub ($c) { return $c->shake_hands($authority, 'server', SSL_version => 'TLSv1_2') },
	login => sub ($c, $startup) {
		$c->log('name', $startup->{database} . ' ' . ($c->{socket}->get_servername // 'none'));
		return 0;
	},
	query => sub ($c, $sql) {
		return 0 if $sql !~ /again/;
		my $ssl = $c->{socket}->_get_ssl_object;
		$c->{socket}->blocking(1);
		Net::SSLeay::renegotiate($ssl);
		Net::SSLeay::do_handshake($ssl);
		Net::SSLeay::read($ssl);
		$c->log('refusal', Net::SSLeay::ERR_error_string(Net::SSLeay::ERR_get_error()));
		$c->leave;
	});

my %ways  = (own => 'user=postgres password=x', libpq => 'krbsrvname=postgres');
my %hosts = (name => 'localhost', v4 => '127.0.0.1', v6 => '::1');
my $cipher = 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0';
my $millpond = Millpond->new('pool',
	settings  => { client_tls_sslmode => 'allow', client_tls_ciphers => $cipher, $authority->client_tls,
		server_tls_sslmode => 'require' },
	databases => { map { my $way = $_; map { ("${way}_$_" => "host=$hosts{$_} hostaddr=127.0.0.1 port=${\ $fake->port } $ways{$way}") }
			keys %hosts } keys %ways });

for my $database (map { my $way = $_; map { "${way}_$_" } sort keys %hosts } sort keys %ways)
{
	is(Wire->login($millpond, database => $database)->value('select 1'), 'select 1', "$database is reached");
	my ($name) = map { /name $database (.*)/ } $fake->received;
	is($name, $database =~ /_name/ ? 'localhost' : 'none', '... by the name of its host, if it has one');
}

Wire->login($millpond, database => 'own_name')->query('again');
my ($refusal) = wait_until(sub { ($fake->received(qr/ refusal /))[0] }, 'the end of another handshake');
like($refusal, qr/no renegotiation/, 'a second handshake is refused');

# The size of the parameters of DH that a client is offered.
sub offered ($parameters)
{
	$millpond->reconfigure(settings => { client_tls_dheparams => $parameters });
	my $text = '';
	IPC::Run::run([ qw(openssl s_client -starttls postgres -tls1_2 -cipher), $cipher, -connect => '127.0.0.1:' . $millpond->port ],
		'<', \undef, '>', \$text, '2>', \$text, IPC::Run::timeout($Wire::patience));
	return $text =~ /Temp Key: DH, (\d+) bits/ ? $1 : $text =~ /alert handshake failure/ ? 'none' : $text;
}
is(offered('auto'),   2048,   'client_tls_dheparams = auto: as strong as the key');
is(offered('legacy'), 1024,   '... legacy: weaker');
is(offered('none'),   'none', '... none');

done_testing;
