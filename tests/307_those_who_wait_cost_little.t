# Clients with long requests that wait for a server are not read from further than a little.
use v5.36;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'the thread sanitizer keeps a shadow of all memory' if ($ENV{SANITIZE} // '') =~ /thread/;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 300 },
	databases => { postgres => 'pool_size=1' });
my $holder = Wire->login($millpond);
my $count  = 150;
my @waiting = map { Wire->login($millpond) } 1 .. $count;
my $length  = 256 * 1024;
$holder->query('begin');
my $before = $millpond->memory_kb;
my %unsent;
for my $client (@waiting)
{
	my $request = Query('select 7 --' . 'x' x $length);
	$unsent{$client} = substr $request, $client->put_some($request);
}
wait_until(sub { $millpond->pool->{cl_waiting} == $count }, 'all of them to wait');
my $grown = $millpond->memory_kb - $before;
cmp_ok($grown, '<', $count * 64, "$count requests of 256 KB take $grown KB");

$holder->query('commit');
$_->put($unsent{$_}) for @waiting;
is($_->result->{rows}[0][0], 7, 'each is answered in the end') for @waiting;

done_testing;
