# Several workers are one pooler: one limit, one set of statistics, one console, cancel keys for all.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { workers => 4, default_pool_size => 3, max_client_conn => 40 });
my @clients = map { Wire->login($millpond) } 1 .. 40;

my @workers = $millpond->console('SHOW WORKERS');
is(scalar @workers, 4, 'four workers');
is(scalar(grep { $_->{clients} >= 10 } @workers), 4, 'with as many clients each');
is(scalar(grep { $_->{state} eq 'running' } @workers), 4, 'all of which run');
is($workers[0]{thread_id}, $millpond->pid, 'the first in the main thread');

my $foreign = 0;
for my $round (1 .. 10)
{
	$clients[$_]->put(Query("select $_ + 100 * $round")) for 0 .. $#clients;
	$foreign += $clients[$_]->result->{rows}[0][0] != $_ + 100 * $round for 0 .. $#clients;
}
is($foreign, 0, 'each client gets its own rows');
cmp_ok(scalar $server->backends, '<=', 3, 'over no more servers than the pool may have');
my $pool = $millpond->pool;
is($pool->{cl_active} + $pool->{cl_waiting}, 40, 'SHOW POOLS counts all clients');
is(scalar(grep { $_->{database} eq 'postgres' } $millpond->console('SHOW CLIENTS')),
	40, 'SHOW CLIENTS has a row for each');
is(scalar(() = $millpond->console('SHOW SERVERS')),
	scalar(() = $server->backends), 'SHOW SERVERS one for each server');
my ($stats) = grep { $_->{database} eq 'postgres' } $millpond->console('SHOW STATS');
is($stats->{total_xact_count}, 400, 'each transaction is counted once');
my $late = Wire->connect($millpond);
$late->startup(user => 'postgres', database => 'postgres');
like($late->result->{error}{M}, qr/no more connections allowed/, 'the limit is one for all workers');

# With 40 clients in turn, numbers 0, 4, 8 ... are with one worker, 1, 5, 9 ... with the next.
sub pids (@who)
{
	my @pids = map { $clients[$_]->query('begin'); $clients[$_]->value('select pg_backend_pid()') } @who;
	$clients[$_]->query('commit') for @who;
	return [ sort @pids ];
}
my $before = pids(0, 4, 8);
is_deeply(pids(1, 5, 9), $before, 'idle servers of other workers are used before new ones');
my $moved = 0;
$moved += $_->{servers_moved_in} for $millpond->console('SHOW WORKERS');
cmp_ok($moved, '>=', 3, 'which move for that');

# The cancel requests come in at all workers in turn.
my $cancelled = 0;
for my $client (@clients[ 0 .. 3 ])
{
	$client->query('begin');
	$client->put(Query('select pg_sleep(60)'));
	wait_until(sub { $server->backends("query like '%pg_sleep(60)%' and state = 'active'") }, 'a query');
	$client->cancel;
	$cancelled += ($client->result->{error}{C} // '') eq '57014';
	$client->query('rollback');
}
is($cancelled, 4, 'a query is cancelled from whatever worker');

my @ids = map { $_->{id} } grep { $_->{database} eq 'postgres' } $millpond->console('SHOW CLIENTS');
$millpond->console("KILL_CLIENT $_") for @ids[ 0 .. 7 ];
wait_until(sub { $millpond->pool->{cl_active} == 32 }, 'eight clients to be gone');
pass('each client can be killed, wherever it is');
$millpond->console('KILL postgres');
is(scalar(grep { $_->closed } @clients), 40, 'and all of a database');
done_testing;
