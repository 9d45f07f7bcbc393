# SHOW STATS counts transactions, queries, bytes and times of clients, and no traffic of our own.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { server_check_delay => 0 });
my $client   = Wire->login($millpond, timezone => 'Asia/Tokyo');
$client->query('select 1');

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
cmp_ok($slept->{query_time}, '<', 2_000_000, '... not more');
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

done_testing;
