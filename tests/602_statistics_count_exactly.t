# SHOW STATS counts transactions, queries, bytes and times of clients, and no traffic of our own.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { server_check_delay => 0 });
my $client   = Wire->login($millpond, timezone => 'Asia/Tokyo');
$client->query('select 1');
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to return');

sub stats () { return (grep { $_->{database} eq 'postgres' } $millpond->console('SHOW STATS'))[0] }

# What the given work adds to each counter.
sub difference ($work)
{
	my $before = stats();
	$work->();
	wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to return');
	my $after = stats();
	return { map { s/^total_//r => $after->{$_} - $before->{$_} } grep { /^total/ } keys %$after };
}
sub counts ($difference) { return [ @$difference{qw(xact_count query_count)} ] }

is_deeply(counts(difference(sub { })), [ 0, 0 ], 'nothing is nothing');
is_deeply(counts(difference(sub { $client->query('select 1') })), [ 1, 1 ], 'a query');
is_deeply(counts(difference(sub { $client->query($_) for 'begin', 'select 1', 'commit' })),
	[ 1, 3 ], 'a transaction of three');
is_deeply(counts(difference(sub { $client->query('select 1; select 2') })), [ 1, 1 ],
	'two in one message');
is_deeply(counts(difference(sub { $client->put(Parse('', 'select 1'), Bind(), Execute(),
	Sync())->result })), [ 1, 1 ], 'a batch');
is_deeply(counts(difference(sub { $client->query('select 1/0') })), [ 1, 1 ], 'a failing query');

my $size = difference(sub { $client->query("select repeat('x', 100000)") });
cmp_ok($size->{sent}, '>=', 100_000, 'bytes to the client');
cmp_ok($size->{sent}, '<', 101_000, '... exactly those');
is($size->{received}, length Query("select repeat('x', 100000)"), 'bytes from the client');
my $slept = difference(sub { $client->query('select pg_sleep(0.3)') });
cmp_ok($slept->{query_time}, '>=', 290_000, 'the time of a query in microseconds');
cmp_ok($slept->{query_time}, '<', 30_000_000, '... and in no smaller unit');
cmp_ok($slept->{xact_time}, '>=', 290_000, 'and of its transaction');
is(difference(sub { Wire->login($millpond) for 1 .. 3 })->{client_login_count}, 3, 'logins');
is(difference(sub { Wire->connect($millpond)->startup(database => 'nowhere')->result })
	->{client_login_count}, 0, 'but not refused ones');
is(difference(sub { $client->query('select 1') for 1 .. 4 })->{server_assignment_count}, 4,
	'servers lent');

my $holder = Wire->login($millpond);
$millpond->reconfigure(databases => { postgres => 'pool_size=1' });
my $waited = difference(sub {
	$holder->query('begin; select pg_sleep(0)');
	my @waiting = map { Wire->login($millpond)->put(Query('select 1')) } 1 .. 2;
	wait_until(sub { $millpond->pool->{cl_waiting} == 2 }, 'two to wait');
	cmp_ok($millpond->pool->{maxwait_us} + 1e6 * $millpond->pool->{maxwait}, '>', 0,
		'the longest wait is shown');
	$holder->query('select pg_sleep(0.3); commit');
	$_->result for @waiting;
});
cmp_ok($waited->{wait_time}, '>=', 500_000, 'the time that clients waited');

# Averages tell of the period that has just begun as well.
$client->query('select 1') for 1 .. 300;
my $now = stats();
cmp_ok($now->{avg_query_count}, '>', 0, 'queries a second, in the first period already');
cmp_ok($now->{avg_recv}, '>', $now->{avg_query_count}, '... and bytes');
cmp_ok($now->{avg_query_time}, '>', 0, '... and the time of one');
my ($average) = grep { $_->{name} eq 'avg_query_count' } $millpond->console('SHOW TOTALS');
cmp_ok($average->{value}, '>', 0, '... and of all together');

# The console is a database of its own, whose clients count as others do, the question itself included.
my $console = Wire->login($millpond, database => 'pgbouncer');
sub own ($table = 'STATS') { return (grep { $_->{database} eq 'pgbouncer' } $console->hashes("SHOW $table"))[0] }
my $before = own();
$console->query($_) for 'SHOW VERSION', 'SHOW NONSENSE', 'SELECT 1';
my $after = own();
is($after->{total_query_count} - $before->{total_query_count}, 4, 'queries of the console, with that for the second look');
is($after->{total_xact_count} - $before->{total_xact_count}, 4, '... each a transaction');
is($after->{total_received} - $before->{total_received},
	length join('', map { Query($_) } 'SHOW VERSION', 'SHOW NONSENSE', 'SELECT 1', 'SHOW STATS'), '... and their bytes');
cmp_ok($after->{total_sent} - $before->{total_sent}, '>', 500, '... with the answers');
is($after->{total_server_assignment_count}, 0, 'no server is lent there');
is($after->{total_wait_time}, 0, '... or waited for');
$console->put(Parse('', 'SHOW VERSION'), Flush())->result(1);
$console->put(Bind(), Execute(), Sync())->result;
is(own()->{total_query_count} - $after->{total_query_count}, 2, 'a batch counts once');
$console->query($_) for 'BEGIN', 'SELECT 1', 'COMMIT';
my $block = own();
is($block->{total_query_count} - $block->{total_xact_count}, 2, 'a block is one transaction');
Wire->login($millpond, database => 'pgbouncer') for 1 .. 2;
is(own()->{total_client_login_count} - $block->{total_client_login_count}, 2, 'logins to the console');
my %totals = map { $_->{name} => $_->{value} } $console->hashes('SHOW TOTALS');
my @rows = $console->hashes('SHOW STATS_TOTALS');
my $sum  = 0;
$sum += $_->{client_login_count} for @rows;
is($totals{total_client_login_count}, $sum, 'SHOW TOTALS counts them too');
is_deeply([ map { $_->{database} } @rows ], [qw(pgbouncer postgres)], 'a row in its place by name');
$millpond->reconfigure(settings => { stats_period => 1 });
wait_until(sub { own('STATS_AVERAGES')->{query_count} > 0 }, 'an average of the console');

# The first login of a pool waits for a server to learn what it reports. That is no use of it.
$millpond->reconfigure(databases => { session => 'dbname=postgres pool_mode=session' });
for my $number (1 .. 5)
{
	Wire->login($millpond, database => 'session')->value('select 1');
	wait_until(sub { $millpond->pool('session')->{cl_active} == 0 }, 'the session to end');
}
my ($sessions) = grep { $_->{database} eq 'session' } $millpond->console('SHOW STATS');
is($sessions->{total_server_assignment_count}, 5, 'each session is lent a server once');

done_testing;
