# SCRAM-SHA-256-PLUS over TLS: psql insists on it, another certificate in between is noticed, and so is a list cut short.
use v5.36;
use Certificates;
use Digest::SHA qw(sha256);
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost,IP:127.0.0.1');
my $hash = sha256(qx(openssl x509 -in ${\ $authority->file('server.crt') } -outform DER));

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target },
	files    => { 'users.txt' => qq("me" ") . Scram::secret('pencil') . qq("\n"plain" "pencil"\n) },
	settings => { auth_type => 'scram-sha-256', auth_file => 'users.txt',
		client_tls_sslmode => 'allow', $authority->client_tls });

sub psql_is_bound ($user, $root, $what)
{
	local $ENV{PGPASSWORD} = 'pencil';
	my ($status, $out, $error) = $millpond->psql('postgres', 'select 1',
		connstr => sprintf 'host=localhost hostaddr=127.0.0.1 port=%d dbname=postgres user=%s '
			. 'sslmode=verify-full sslrootcert=%s channel_binding=require', $millpond->port, $user,
			$authority->file($root));
	return is($out, 'select 1', "psql with channel_binding=require, $what") || diag $error;
}
psql_is_bound($_, 'ca.crt', $_) for qw(me plain);

# One conversation: the mechanisms offered, and the outcome.
sub converse ($tls, $mechanism, %scram)
{
	my $client = Wire->connect($millpond, $tls ? (tls => {}) : ())->startup(user => 'me');
	my ($offered) = unpack 'x4 a*', $client->get->[1];
	my $scram = Scram->new('pencil', %scram);
	$client->put(Message('p', "$mechanism\0" . pack 'N/a*', $scram->first));
	my $message = $client->get;
	if ($message->[0] eq 'R')
	{
		$client->put(Message('p', $scram->final(substr $message->[1], 4)));
		$message = $client->get;
	}
	my $error = $message->[0] eq 'E' ? Fields($message->[1]) : undef;
	return (join(' ', split /\0/, $offered), $error ? "$error->{C} $error->{M}" : 'welcome');
}

my $plus   = 'SCRAM-SHA-256-PLUS';
my $bound  = 'p=tls-server-end-point,,';
my $failed = '08P01 SASL authentication failed';
# over TLS, mechanism, header, certificate seen -> outcome
my @table = (
	[ 1, $plus,           $bound,            $hash,           'welcome' ],
	[ 1, $plus,           $bound,            'x' x 32,        '28000 SCRAM channel binding check failed' ],
	[ 1, $plus,           $bound,            '',              '28000 SCRAM channel binding check failed' ],
	[ 1, $plus,           'n,,',             '',              $failed ],
	[ 1, $plus,           'y,,',             '',              $failed ],
	[ 1, $plus,           'p=tls-unique,,',  $hash,           $failed ],
	[ 1, 'SCRAM-SHA-256', 'n,,',             '',              'welcome' ],
	[ 1, 'SCRAM-SHA-256', 'y,,',             '', '28000 SCRAM channel binding negotiation error' ],
	[ 1, 'SCRAM-SHA-256', $bound,            $hash,           $failed ],
	[ 0, 'SCRAM-SHA-256', 'n,,',             '',              'welcome' ],
	[ 0, 'SCRAM-SHA-256', 'y,,',             '',              'welcome' ],
	[ 0, $plus,           $bound,            $hash,           $failed ],
);
for (@table)
{
	my ($tls, $mechanism, $header, $binding, $expected) = @$_;
	my ($offered, $outcome) = converse($tls, $mechanism, header => $header, binding => $binding);
	my $name = ($tls ? 'TLS' : 'no TLS') . ", $mechanism, '$header'";
	is($offered, $tls ? "$plus SCRAM-SHA-256" : 'SCRAM-SHA-256', "$name: the offer");
	is($outcome, $expected, "$name: the outcome");
}

# The certificate's own digest is the one that counts, but for those that are broken (RFC 5929, section 4.1).
for my $kind (map({ [ 'rsa:2048', $_ ] } qw(sha1 sha256 sha384 sha512)), [ undef, 'sha384' ])
{
	my ($key, $digest) = @$kind;
	$authority->self_signed(own => '/CN=localhost', names => 'DNS:localhost', key => $key, digest => $digest);
	$millpond->write_config(settings => { client_tls_key_file => $authority->file('own.key'),
		client_tls_cert_file => $authority->file('own.crt') });
	$millpond->reload_by_signal;
	psql_is_bound('me', 'own.crt', "$digest with " . ($key // 'a curve'));
}

done_testing;
