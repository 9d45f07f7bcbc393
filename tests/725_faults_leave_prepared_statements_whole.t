# A server that dies, a Parse of ours that fails, an eviction in the middle: nobody gets a wrong row.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new(
	'pool',
	server    => $server,
	databases => { postgres => 'pool_size=1' },
	settings  => { max_prepared_statements => 3 });
my $direct = Wire->login($server);
$direct->query('create table t as select 7 as seven');
my ($a, $b) = map { Wire->login($millpond) } 1 .. 2;

sub used ($client, $name)
{
	$client->put(Bind('', $name), Describe('P'), Execute(), Sync());
	return $client->result;
}

# The server dies while it works on a Parse of ours: that needs a lock which somebody holds.
$a->put(Parse('t', 'select seven from t'), Sync())->result;
$b->put(Parse('t', 'select seven from t'), Sync())->result;
$millpond->console('RECONNECT');
$b->query('select 1');
$direct->query('begin');
$direct->query('lock table t');
$a->put(Bind('', 't'), Execute(), Sync());
my $waiting = q(select pid from pg_locks where relation = 't'::regclass and not granted);
wait_until(sub { $server->safe_psql('postgres', $waiting) }, 'our Parse to wait for the lock');
$server->safe_psql('postgres', "select pg_terminate_backend(pid) from ($waiting) w");
is($a->result->{error}{C}, '57P01', 'the server dies between our Parse and its answer');
$direct->query('commit');
is_deeply(used($b, 't')->{rows}, [ [7] ], 'another client gets its rows from a new server');
$a = Wire->login($millpond);
$a->put(Parse('t', 'select seven from t'), Bind('', 't'), Execute(), Sync());
is_deeply($a->result->{rows}, [ [7] ], 'and so does a new one');

# A Parse of ours fails, in the middle of a pipeline.
$millpond->console('RECONNECT');
$b->query('select 1');
$direct->query('drop table t');
$a->put(Parse('x', 'select 1'), Bind('', 't'), Execute(), Parse('y', 'select 2'), Sync(),
	Bind('', 'x'), Execute(), Sync());
my $failed = $a->result;
is($failed->{types}, '1EZ', 'a Parse of ours fails in the place of the Bind');
is($failed->{error}{C}, '42P01', '... and says that the table is gone');
is_deeply($a->result->{rows}, [ [1] ], 'what came before it was done');
is(used($a, 'y')->{error}{C}, '26000', '... and what came behind it was not');
$direct->query('create table t as select 8 as seven');
is_deeply(used($a, 't')->{rows}, [ [8] ], 'with a new table it works again');

# Statements in use are evicted in the same pipeline.
for my $round (1 .. 3)
{
	my $client = Wire->login($millpond);
	my @names  = map { "e$_" } 1 .. 10;
	$client->put((map { Parse($names[$_], "select $_") } 0 .. 9), Sync())->result;
	my @order = map { int rand 10 } 1 .. 50;
	$client->put(map { (Bind('', $names[$order[$_]]), Execute(), $_ % 7 == 0 ? Sync() : ()) } 0 .. 49);
	my @rows;
	while (@rows < 50) { push @rows, map { $_->[0] } $client->result->{rows}->@* }
	is_deeply(\@rows, \@order, "round $round: 10 statements where 3 have room");
	# And with an error among them.
	$client->put((map { (Bind('', $names[$_]), Execute()) } 0 .. 4), Bind('', 'nobody'),
		(map { (Bind('', $names[$_]), Execute()) } 5 .. 9), Sync(),
		(map { (Bind('', $names[$_]), Execute()) } reverse 0 .. 9), Sync());
	is_deeply([ map { $_->[0] } $client->result->{rows}->@* ], [ 0 .. 4 ], '... up to an error');
	is_deeply([ map { $_->[0] } $client->result->{rows}->@* ], [ reverse 0 .. 9 ], '... and after it');
	$client->close;
}
is($a->value('select count(*) from pg_prepared_statements'), 3, 'the server holds three');

# A client that leaves in the middle takes nothing with it.
for my $round (1 .. 5)
{
	my $client = Wire->login($millpond);
	$client->put((map { Parse("l$_", "select $_ + $round") } 1 .. 20), Bind('', 'l3'), Execute());
	$round % 2 ? $client->close : $client->reset;
	is_deeply(used($a, 't')->{rows}, [ [8] ], "round $round: a client leaves in the middle");
}

done_testing;
