# pool_idle_timeout: a pool that nobody uses disappears with its statistics, but not one that keeps servers ready.
use v5.36;
use Millpond;
use Test::More;

my $millpond = Millpond->new('pool', server => Postgres->new,
	settings  => { pool_idle_timeout => 1, server_idle_timeout => 1 },
	databases => { postgres => '', ready => 'dbname=postgres user=postgres min_pool_size=1', other => 'dbname=postgres' });
my $stays = Wire->login($millpond, database => 'other');
$stays->value('select 1');
my $leaves = Wire->login($millpond);
$leaves->value('select 1');
is($millpond->pool('postgres')->{cl_active}, 1, 'a pool that is used');
$leaves->close;
wait_until(sub { !$millpond->pool('postgres') }, 'the pool to disappear');
ok($millpond->log_contains(qr/ LOG cleaning up idle pool$/m), 'the log says so');
ok($millpond->pool('other'), 'one with a client stays');
ok($millpond->pool('ready'), '... as does one that keeps servers ready');
is($stays->value('select 2'), 2, 'and its client goes on');
is(Wire->login($millpond)->value('select 3'), 3, 'a new client makes the pool anew');

done_testing;
