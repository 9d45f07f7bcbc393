# A result of hundreds of MB to a slow reader does not make the daemon grow, and others are served meanwhile.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $megabytes = $ENV{STRESS} ? 2000 : 300;
my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server);
my $bystander = Wire->login($millpond);
my $client    = Wire->login($millpond, rcvbuf => 16384);
$bystander->query('select 1');
my $before = $millpond->memory_kb('VmHWM');

$client->put(Query("select repeat('x', 100000) from generate_series(1, $megabytes * 10)"));
wait_until(sub { $server->backends("wait_event = 'ClientWrite'") }, 'the server to get rid of no more');
is($bystander->value('select 1'), 1, 'another client is served while nobody reads');
my ($rows, $bytes) = (0, 0);
while (my $message = $client->get)
{
	last if $message->[0] eq 'Z';
	$rows++, $bytes += length $message->[1] if $message->[0] eq 'D';
	if ($rows == $megabytes * 5)
	{
		my $from = time;
		is($bystander->value('select 1'), 1, 'and in the middle');
		cmp_ok(time - $from, '<', 5, 'without a long wait');
	}
}
is($rows, $megabytes * 10, 'every row has arrived');
is($bytes, $rows * (100_000 + 6), 'whole');
my $grown = $millpond->memory_kb('VmHWM') - $before;
cmp_ok($grown, '<', $millpond->growth_limit_kb, "the daemon grew by $grown kB at most");

done_testing;
