# Named prepared statements work on any server, answer as PostgreSQL does, and are not confused.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new(
	'pool',
	server    => $server,
	databases => { postgres => 'pool_size=2', one => 'dbname=postgres pool_size=1' },
	settings  => { max_prepared_statements => 5 });

# A client that keeps a server busy, so that the others get the other one.
sub occupy ()
{
	my $busy = Wire->login($millpond);
	$busy->query('begin');
	return $busy;
}

sub backend ($client, $statement)
{
	$client->put(Bind('', $statement, 7), Execute(), Sync());
	return $client->result;
}

# The same statement on two servers.
my $client = Wire->login($millpond);
$client->put(Parse('s', 'select pg_backend_pid(), $1::int'), Sync());
is($client->result->{types}, '1Z', 'a statement is parsed');
my $here = backend($client, 's');
is($here->{types}, '2DCZ', 'and executed');
my %pids;
my $busy = occupy;
for my $round (1 .. 4)
{
	my $result = backend($client, 's');
	is($result->{types}, '2DCZ', "round $round: nothing but the client's own answers");
	is($result->{rows}[0][1], 7, '... and its value');
	$pids{ $result->{rows}[0][0] }++;
	my $next = occupy;
	$busy->query('rollback');
	$busy = $next;
}
is_deeply([ values %pids ], [ 2, 2 ], 'on two servers');
$busy->query('rollback');

# Two clients with one name for different statements.
my $a = Wire->login($millpond, database => 'one');
my $b = Wire->login($millpond, database => 'one');
$a->put(Parse('x', q(select 'a', $1::text)), Sync())->result;
$b->put(Parse('x', q(select 'b', $1::text)), Sync())->result;
for my $round (1 .. 3)
{
	is_deeply(backend($a, 'x')->{rows}, [ [ 'a', 7 ] ], "round $round: the first client's");
	is_deeply(backend($b, 'x')->{rows}, [ [ 'b', 7 ] ], "round $round: the second client's");
}

# What PostgreSQL says to wrong names.
my $unknown = backend($a, 'nobody');
is($unknown->{types},    'EZ',    'an unknown name is an error');
is($unknown->{error}{C}, '26000', '... of its kind');
is($unknown->{error}{M}, 'prepared statement "nobody" does not exist', '... in its words');
is(backend($a, 'MILLPOND_1')->{error}{M}, 'prepared statement "MILLPOND_1" does not exist',
	'nobody reaches a statement by our name for it');
$a->put(Describe('S', 'nobody'), Sync());
is($a->result->{error}{C}, '26000', 'nor can it be described');
$a->put(Close('S', 'nobody'), Sync());
is($a->result->{types}, '3Z', 'but closed');
$a->put(Parse('x', 'select 2'), Bind('', 'x'), Sync());
my $taken = $a->result;
is($taken->{types},    'EZ',    'a name can not be used twice');
is($taken->{error}{C}, '42P05', '... which is an error of its kind');
is($taken->{error}{M}, 'prepared statement "x" already exists', '... in its words');
$a->put(Parse('x', 'selekt'), Sync());
is($a->result->{error}{C}, '42601', 'unless its text is wrong too');
is_deeply(backend($a, 'x')->{rows}, [ [ 'a', 7 ] ], 'and the statement is what it was');

# Closing concerns one client only.
$b->put(Parse('same', q(select 'a', $1::text)), Close('S', 'x'), Sync());
is($b->result->{types}, '13Z', 'a Parse that the server need not see is answered in its place');
is(backend($b, 'x')->{error}{C}, '26000', 'a closed name is gone');
is_deeply(backend($a, 'x')->{rows},    [ [ 'a', 7 ] ], "... not the other client's");
is_deeply(backend($b, 'same')->{rows}, [ [ 'a', 7 ] ], 'the same text under another name');

# A failed Parse defines nothing, also in a pipeline.
$a->put(Parse('bad', 'select nothing from nowhere'), Parse('good', 'select 1'), Sync(),
	Bind('', 'good'), Sync(), Parse('good', 'select 2'), Bind('', 'good'), Execute(), Sync());
is($a->result->{error}{C}, '42P01', 'a Parse fails');
is($a->result->{error}{M}, 'prepared statement "good" does not exist', 'what follows is skipped');
is_deeply($a->result->{rows}, [ [2] ], '... and can be parsed then');
is(backend($a, 'bad')->{error}{C}, '26000', 'what failed is not there');

# Answers in the middle of a pipeline.
$b->put(Parse('n1', q(select 'a', $1::text)),
	Describe('S', 'n1'), Close('S', 'n1'), Parse('n1', 'select 5'), Bind('', 'n1'), Execute(), Sync());
is($b->result->{types}, '1tT312DCZ', 'every answer has its place');
$b->put(Parse('n2', q(select 'a', $1::text)), Flush());
is($b->get->[0], '1', 'a Flush brings an answer of our own');
$b->put(Sync());
is($b->result->{types}, 'Z', 'and Sync its own');

# In a failed transaction.
$b->query('begin');
$b->query('selekt');
$b->put(Parse('n3', q(select 'a', $1::text)), Sync());
is($b->result->{error}{C}, '25P02', 'a known text is refused in a failed transaction');
$b->put(Parse('n3', 'rollback'), Bind('', 'n3'), Execute(), Sync());
is($b->result->{types}, '12CZ', 'a rollback is not');
is($b->query('select 1')->{status}, 'I', 'and it worked');

# No more than max_prepared_statements on a server.
my $many = Wire->login($millpond, database => 'one');
$many->put(Parse("m$_", "select $_"), Sync())->result for 1 .. 12;
my $held = "select count(*) from pg_prepared_statements";
is($many->value($held), 5, 'a server holds as many as it may');
is_deeply([ map { backend_value($many, "m$_") } 1 .. 12 ], [ 1 .. 12 ], 'all can be used');
is($many->value($held), 5, '... and again it holds five');
$many->put((map { (Bind('', "m$_"), Execute()) } 1 .. 12), Sync());
is_deeply([ map { $_->[0] } $many->result->{rows}->@* ], [ 1 .. 12 ], 'also in one pipeline');
is($many->value($held), 5, '... after which there are five');

sub backend_value ($client, $name)
{
	$client->put(Bind('', $name), Execute(), Sync());
	return $client->result->{rows}[0][0];
}

# Long names and texts.
my $long = 'n' x 40_000;
$many->put(Parse($long, 'select 1 /*' . ('x' x 40_000) . '*/'), Bind('', $long), Execute(), Sync());
is($many->result->{types}, '12DCZ', 'a name and a text of 40,000 bytes');
is(backend_value($many, $long), 1, 'work later too');

# Texts longer than any buffer, also cut in pieces, with something behind.
my $text = 'select 1 /*' . ('x' x 3_000_000) . '*/';
for my $name ('huge', '', 'again')
{
	my $bytes = Parse($name, $text) . Bind('', $name) . Execute() . Sync() . Query('select 2');
	$many->put(substr $bytes, 0, 300_000, '');
	$many->put($bytes);
	is($many->result->{types}, '12DCZ', "a text of 3 MB, called '$name'");
	is_deeply($many->result->{rows}, [ [2] ], '... and what follows it');
}
$a->query('select 1');
is(backend_value($many, 'huge'), 1, '... which can be used later');
$many->put('P', substr Parse('cut', $text), 1, 2_000_000);
$many->close;
is($a->value('select 3'), 3, 'one that is never completed does no harm');

done_testing;
