# pool_idle_timeout, and autodb_idle_timeout for databases that * stands for: a pool that nobody uses disappears with its
# statistics, but not one that keeps servers ready.
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

my $star = Millpond->new('star', server => $millpond->{options}{server},
	settings  => { autodb_idle_timeout => 1, server_idle_timeout => 1 },
	databases => { named => 'dbname=postgres', '*' => '' });
my $console = Wire->login($star, database => 'pgbouncer');
my ($named, $passing, $staying) = map { Wire->login($star, database => $_) } qw(named template1 postgres);
$_->value('select 1') for $named, $passing, $staying;
sub named_in ($table, $column) { return join ' ', map { $_->{$column} } $console->hashes("SHOW $table") }
is(named_in('DATABASES', 'name'), 'named pgbouncer postgres template1', 'databases that * stands for are shown');
$_->close for $named, $passing;
wait_until(sub { named_in('DATABASES', 'name') !~ /template1/ }, 'the database to disappear');
is(named_in('DATABASES', 'name'), 'named pgbouncer postgres', '... which one with a client, or an entry, does not');
is(named_in($_, 'database'), 'named pgbouncer postgres', "... nor from SHOW $_") for qw(POOLS STATS);
is($staying->value('select 2'), 2, 'who is there goes on');
is(Wire->login($star, database => 'template1')->value('select 3'), 3, 'and who comes makes the pool anew');
is((() = $star->log_since =~ /registered new auto-database: db=template1/g), 2, '... of a database that is new again');

done_testing;
