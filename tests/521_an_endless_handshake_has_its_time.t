# A server that never comes to the end of its TLS handshake holds up nobody else, and is given up in time.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

# Requests for a new handshake, which are to be skipped during one.
my $requests = pack('C n n N', 22, 0x0303, 4, 0) x 100_000;
my $fake     = FakeServer->new(ssl => sub ($c) {
	$c->put('S');
	$c->flood($requests);
});
my $light    = FakeServer->new;
my $millpond = Millpond->new('pool',
	settings  => { workers => 1, server_connect_timeout => 5, server_login_retry => 60, query_wait_timeout => 20 },
	databases => {
		light => $light->target,
		own   => $fake->target . " sslmode=require user=me password=pencil"
	});
my $other = Wire->login($millpond, database => 'light');
$other->value('one');

my $client = Wire->connect($millpond)->startup(database => 'own');
wait_until(sub { $fake->received(qr/floods/) }, 'the flood');
cmp_ok($other->slowest(0.5), '<', 3, 'others have their turn');
$millpond->wait_for_log(qr/S-\w+: own.*closing because: connect timeout \(.*age=\d+s\)/);
ok(1, 'and it ends in time');

done_testing;
