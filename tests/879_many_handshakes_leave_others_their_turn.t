# Hundreds of clients who begin a handshake at the same moment hold up nobody who is in already, and all get their answer.
use v5.36;
use Certificates;
use FakeServer;
use IO::Socket::SSL;
use Millpond;
use POSIX ();
use Socket;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $count     = 300;
my $authority = Certificates->new;
# Some milliseconds for each signature.
$authority->issue(server => '/CN=localhost', key => 'rsa:3072');
my $millpond = Millpond->new('pool', databases => { postgres => FakeServer->new->target },
	settings => { workers => 1, max_client_conn => 2 * $count, client_tls_sslmode => 'allow', $authority->client_tls });
my $inside = Wire->login($millpond);
$inside->value('select 1');

# The first words of a handshake, which anybody may repeat.
sub hello (%options)
{
	socketpair my $one, my $other, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
	$one->blocking(0);
	IO::Socket::SSL->start_SSL($one, SSL_verify_mode => 0, SSL_startHandshake => 0, %options) or die $SSL_ERROR;
	$one->connect_SSL;
	sysread $other, my $hello, 100_000;
	return $hello;
}

for my $way ('requested', 'direct')
{
	my $hello = hello($way eq 'direct' ? (SSL_alpn_protocols => ['postgresql']) : ());
	my @many  = map { Wire->connect($millpond) } 1 .. $count;
	if ($way eq 'requested')
	{
		$_->put($Wire::ssl_request) for @many;
		$_->get_bytes(1) for @many;
	}
	# Counts from the first word to the last answer.
	pipe my $end, my $ends or die "pipe: $!";
	my $from  = time;
	my $crowd = fork // die "fork: $!";
	if (!$crowd)
	{
		$_->put($hello) for @many;
		my $answered = grep { ($_->get_bytes(1) // '') eq "\x16" } @many;
		syswrite $ends, pack 'NF', $answered, time - $from;
		POSIX::_exit(0);
	}
	my ($slowest, $bits) = (0, '');
	vec($bits, fileno $end, 1) = 1;
	until (select my $ready = $bits, undef, undef, 0)
	{
		my $begun = time;
		$inside->value('select 1');
		$slowest = time - $begun if time - $begun > $slowest;
	}
	sysread $end, my $report, 100;
	waitpid $crowd, 0;
	my ($answered, $lasted) = unpack 'NF', $report;
	is($answered, $count, "$way: all are answered");
	cmp_ok($slowest, '<', $lasted / 3, sprintf '... and nobody waits for all of them: %.0f of %.0f ms', 1000 * $slowest, 1000 * $lasted);
	$_->close for @many;
}

done_testing;
