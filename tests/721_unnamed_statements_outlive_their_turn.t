# The unnamed statement of a client is its own on whatever server it is bound next.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my ($a, $b) = map { Wire->login($millpond) } 1 .. 2;

sub run ($client, @values)
{
	$client->put(Bind('', '', @values), Execute(), Sync());
	return $client->result;
}

$a->put(Parse('', q(select 'a' || $1)), Describe('S', ''), Sync());
is($a->result->{types}, '1tTZ', 'one client parses');
$b->put(Parse('', q(select 'b' || $1)), Sync());
is($b->result->{types}, '1Z', '... and another');
for my $round (1 .. 2)
{
	is_deeply(run($a, $round)->{rows}, [ ["a$round"] ], "round $round: the first client's");
	is_deeply(run($b, $round)->{rows}, [ ["b$round"] ], "round $round: the second client's");
}
is(run($a, 3)->{types}, '2DCZ', 'only its own answers reach a client');
$b->put(Describe('S', ''), Sync());
is($b->result->{types}, 'tTZ', 'also when it describes');

# Whoever has none, or has it no more, gets nobody else's.
my $c = Wire->login($millpond);
is(run($c)->{error}{M}, 'unnamed prepared statement does not exist', 'a client that parsed nothing');
$b->query('select 1');
is(run($b, 1)->{error}{C}, '26000', 'a query drops it');
is_deeply(run($a, 4)->{rows}, [ ['a4'] ], '... for one client only');
$a->put(Close('S', ''), Sync());
is($a->result->{types}, '3Z', 'it can be closed');
is(run($a, 4)->{error}{C}, '26000', '... and is gone then');
$a->put(Parse('', q(select 'again')), Sync())->result;
$a->put(Parse('', 'selekt'), Sync());
is($a->result->{error}{C}, '42601', 'a Parse that fails');
is(run($a)->{error}{C}, '26000', '... leaves none');

# In pipelines: what was skipped has not replaced it.
$a->put(Parse('', q(select 'first')), Sync())->result;
run($b);
$a->put(Bind('', 'nobody'), Parse('', q(select 'second')), Sync());
is($a->result->{error}{C}, '26000', 'an error in front of a Parse');
$b->put(Parse('', q(select 'theirs')), Sync())->result;
is_deeply(run($a)->{rows}, [ ['first'] ], '... leaves what was there');
run($b);
$a->put(Bind('', 'nobody'), Parse('', q(select 'second')), Sync(), Bind(), Execute(), Sync());
$a->result;
is_deeply($a->result->{rows}, [ ['first'] ], 'also when it is bound before that is known');
$a->put((map { (Parse('', "select $_"), Bind(), Execute()) } 1 .. 5), Parse('', 'selekt'),
	Parse('', 'select 7'), Sync());
is_deeply($a->result->{rows}, [ map { [$_] } 1 .. 5 ], 'many in one pipeline');
is(run($a)->{error}{C}, '26000', 'of which the last one failed');
$a->put((map { (Parse('', "select $_"), Bind(), Execute()) } 1 .. 5), Bind('', 'nobody'),
	Parse('', 'select 7'), Sync());
$a->result;
$b->put(Parse('', q(select 'theirs')), Sync())->result;
is_deeply(run($a)->{rows}, [ [5] ], 'or was skipped');

# What deallocates all leaves it.
for my $sql ('deallocate all', 'discard all')
{
	$a->put(Parse('', $sql), Bind(), Execute(), Sync())->result;
	$b->put(Parse('', q(select 'theirs')), Sync())->result;
	is(run($a)->{tags}[0], uc $sql, "$sql leaves the unnamed statement");
	$a->query($sql);
	is(run($a)->{error}{C}, '26000', '... but not by a Query');
}

# A Parse of what the server holds may go as an unnamed one; then the client's is parsed once more behind it.
$a->put(Parse('held', 'select 2'), Sync())->result;
$a->put(Parse('', 'select nothing'), Sync(), Parse('again', 'select 2'), Bind(), Execute(), Sync());
is($a->result->{error}{C}, '42703', 'a Parse that fails');
is($a->result->{error}{C}, '26000', '... has left none, before that is known as well');
$a->put(Parse('', 'select 5'), Sync(), Parse('more', 'select 2'), Bind(), Execute(), Sync());
is($a->result->{types}, '1Z', 'one that does not fail');
is_deeply($a->result->{rows}, [ [5] ], '... has');

done_testing;
