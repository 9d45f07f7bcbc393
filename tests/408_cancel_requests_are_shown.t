# The console shows cancel requests on their way and in the queue, and servers that wait for the end of one.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $folder = PostgreSQL::Test::Utils::tempdir();
my ($query, $cancel) = map { put_file("$folder/$_") } qw(query cancel);
my $fake = FakeServer->new(
	query  => sub ($c, $sql) { sleep 0.02 while $sql eq 'hang' && -e $query; return 0 },
	cancel => sub ($c) { sleep 0.02 while -e $cancel });
my $millpond = Millpond->new('pool', settings => { cancel_wait_timeout => 100, max_client_conn => 12 },
	databases => { postgres => $fake->target . ' pool_size=10' });

my @columns = qw(cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel sv_being_canceled sv_idle);
sub pool () { my $row = $millpond->pool; return join ' ', @$row{@columns} }
sub becomes ($expected, $what) { return wait_until(sub { pool() eq $expected }, "$what: $expected") && pass("$what: $expected") }

# How many of each state a table has
sub states ($table)
{
	my %count;
	$count{ $_->{state} }++ for $millpond->console("SHOW $table WHERE database = postgres");
	return \%count;
}

# One helper sends one request; a host gets four of them. Those who ask are more than the clients that may be there.
my @clients = map { Wire->login($millpond) } 1 .. 6;
$_->put(Query('hang')) for @clients;
wait_until(sub { 6 == $fake->received(qr/Q hang/) }, 'the queries');
is(pool(), '0 0 6 0 0 0', 'six are at work');
my @askers = map { my $asker = Wire->connect($millpond); $asker->put(CancelRequest(@$_{qw(pid secret)})); $asker } (@clients) x 6;
wait_until(sub { 4 == $fake->received(qr/ cancel /) }, 'four to be sent');
becomes('4 32 6 4 0 0', 'as many as may be sent are, the others wait');
is_deeply(states('CLIENTS'), { active => 6, active_cancel_req => 4, waiting_cancel_req => 32 }, 'SHOW CLIENTS has them');
is_deeply(states('SERVERS'), { active => 6, active_cancel => 4 }, '... and SHOW SERVERS what is sent');
my ($row) = $millpond->console('SHOW CLIENTS WHERE state = active_cancel_req');
is("$row->{user} $row->{addr}", '(nouser) 127.0.0.1', 'who they are is known by the address only');
my $another = Wire->login($millpond);
ok($another->put(Terminate())->closed, 'they take no place that is a client\'s');

# The queries end before the requests do
unlink $query;
$_->result for @clients;
becomes('4 32 0 4 6 0', 'servers wait for the end of what may hit them');
is_deeply(states('SERVERS'), { being_canceled => 6, active_cancel => 4 }, '... in SHOW SERVERS, too');
unlink $cancel;
ok($_->closed, 'who asked hears of the end') for @askers;
becomes('0 0 0 0 0 6', 'then all rest');
is_deeply(states('CLIENTS'), { idle => 6 }, '... and nobody asks');

done_testing;
