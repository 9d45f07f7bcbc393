# A server that ends with its last words and a reset at once is seen to have ended.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $pidfile = PostgreSQL::Test::Utils::tempdir() . '/pid';

# Both come in one turn of the loop.
my $fake = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /Tokyo/;
	my $pid = slurp_file($pidfile);
	kill 'STOP', $pid;
	select undef, undef, undef, 0.001 until slurp_file("/proc/$pid/stat") =~ /\) T /;
	$c->put(FakeServer::ErrorResponse('57P01', 'terminating connection', 'FATAL'));
	$c->reset;
	kill 'CONT', $pid;
	$c->leave;
});
my $millpond = Millpond->new('pool', server => $fake, databases => { postgres => 'pool_size=1' },
	settings => { workers => 1, server_connect_timeout => 60 });
PostgreSQL::Test::Utils::append_to_file($pidfile, $millpond->pid);

my $client = Wire->login($millpond, TimeZone => 'Asia/Tokyo');
$client->put(Query('select 1'));
like($client->rest(20), qr{FATAL}, 'while a parameter is set');

done_testing;
