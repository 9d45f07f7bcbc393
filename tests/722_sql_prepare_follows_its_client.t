# PREPARE, EXECUTE and DEALLOCATE work on any server, in both protocols; what can not be followed pins.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new(
	'pool',
	server    => $server,
	databases => { postgres => 'pool_size=1', two => 'dbname=postgres pool_size=2' });
my ($a, $b) = map { Wire->login($millpond) } 1 .. 2;
my $direct = Wire->login($server);

# The extended protocol, with the unnamed statement.
sub extended ($client, $sql)
{
	$client->put(Parse('', $sql), Bind(), Describe('P'), Execute(), Sync());
	return $client->result;
}
sub error_of ($result)
{
	my $error = { $result->{error}->%* };
	delete @$error{qw(F L R)};
	return $error;
}

for my $run (\&Wire::query, \&extended)
{
	my $how = $run == \&extended ? 'extended' : 'simple';
	is($run->($a, q(prepare p (int) as select 'a', $1))->{tags}[0], 'PREPARE', "$how: PREPARE");
	is($run->($b, q(PREPARE P (text) as select 'b', $1))->{tags}[0], 'PREPARE', '... by two');
	for my $round (1 .. 2)
	{
		is_deeply($run->($a, 'execute p(1)')->{rows}, [ [ 'a', 1 ] ], "round $round: one client's");
		is_deeply($run->($b, 'execute p(1)')->{rows}, [ [ 'b', 1 ] ], "round $round: the other's");
	}
	is($run->($a, 'execute p(1)')->{types}, $run == \&extended ? '12TDCZ' : 'TDCZ',
		'nothing else reaches the client');
	is($run->($a, 'prepare p as select 2')->{error}{M},
		'prepared statement "p" already exists', 'a name can not be used twice');
	is($run->($a, 'deallocate p')->{tags}[0], 'DEALLOCATE', 'DEALLOCATE');
	is($run->($a, 'execute p(1)')->{error}{C}, '26000', '... and it is gone');
	is_deeply($run->($b, 'execute p(1)')->{rows}, [ [ 'b', 1 ] ], '... for one client');
	is($run->($a, 'deallocate p')->{error}{C}, '26000', 'it can not go twice');
	$run->($b, 'deallocate all');
	is($run->($b, 'execute p(1)')->{error}{C}, '26000', 'DEALLOCATE ALL');
}
is_deeply($a->query("explain (costs off) execute p(1)")->{error}{C}, '26000', 'EXPLAIN EXECUTE');
$a->query(q(prepare p (int) as select 'a', $1));
$b->query(q(prepare p (int) as select 'b', $1));
is_deeply($a->query('explain (costs off) execute p(1)')->{rows}, [ ['Result'] ], '... of one that is');
$a->query('create temp table made as execute p(7)');
is_deeply($a->query('select * from made')->{error}, undef, 'CREATE TABLE AS EXECUTE')
	if 0;    # temporary tables are another matter

# Names of both protocols are the same names.
$a->put(Bind('', 'p', 5), Execute(), Sync());
is_deeply($a->result->{rows}, [ [ 'a', 5 ] ], 'Bind of what was PREPAREd');
$b->put(Bind('', 'p', 5), Execute(), Sync());
is_deeply($b->result->{rows}, [ [ 'b', 5 ] ], '... by the other client');
$a->put(Close('S', 'p'), Sync())->result;
is($a->query('execute p(1)')->{error}{C}, '26000', 'Close of what was PREPAREd');
$a->put(Parse('P q', 'select 3, $1::int'), Sync())->result;
$b->query(q(prepare "P q" as select 'b'));
is_deeply($a->query('execute "P q"(4)')->{rows}, [ [ 3, 4 ] ], 'EXECUTE of what was parsed');
$a->put(Parse('P q', 'select 4'), Sync());
is($a->result->{error}{C}, '42P05', '... which is in use');
is($a->query('deallocate "P q"')->{tags}[0], 'DEALLOCATE', 'DEALLOCATE of what was parsed');
$a->put(Bind('', 'P q', 4), Execute(), Sync());
is($a->result->{error}{C}, '26000', '... and it is gone');
is_deeply($b->query('execute "P q"')->{rows}, [ ['b'] ], '... for one client');
$a->put(Parse('s', 'select 5'), Sync())->result;
is($a->query('discard all')->{tags}[0], 'DISCARD ALL', 'DISCARD ALL');
$a->put(Bind('', 's'), Execute(), Sync());
is($a->result->{error}{C}, '26000', '... takes what was parsed');
$b->put(Parse('s', 'select 5'), Bind('', 's'), Execute(), Sync());
is_deeply($b->result->{rows}, [ [5] ], '... which others can use again');

# In transactions, and failing.
$a->query('begin');
$a->query('prepare t as select 1');
$a->query('rollback');
$b->query('select 1');
is_deeply($a->query('execute t')->{rows}, [ [1] ], 'a rollback does not take a PREPARE back');
$a->query('begin');
$a->query('selekt');
is($a->query('execute t')->{error}{C}, '25P02', 'nothing is executed in a failed transaction');
is($a->query('prepare u as select 1')->{error}{C}, '25P02', 'nor prepared');
$a->query('rollback');
is($a->query('execute u')->{error}{C}, '26000', '... so it is not there');
$direct->query('create table gone (a int); insert into gone values (1)');
$_->query('prepare g as select * from gone') for $a, $b, $direct;
$b->query('deallocate g');
$b->query('prepare g as select 2');
$direct->query('drop table gone');
is_deeply(error_of($a->query('execute g')), error_of($direct->query('execute g')),
	'what can not be prepared any more says so');
is_deeply($a->query('execute t')->{rows}, [ [1] ], 'and the next query is answered');
$a->put(Query('execute g'), Query('execute t'), Parse('', 'execute t'), Bind(), Execute(), Sync());
is($a->result->{error}{C}, '42P01', 'also in a pipeline');
is_deeply($a->result->{rows}, [ [1] ], '... where the next query is answered');
is_deeply($a->result->{rows}, [ [1] ], '... and the next');

# What can not be followed.
my ($c, $d) = map { Wire->login($millpond, database => 'two') } 1 .. 2;
my $result = $c->query('select 1; prepare hidden as select pg_backend_pid(); select 2');
is($result->{types}, 'TDCCTDCZ', 'PREPARE among several statements');
my $pid = $c->value('execute hidden');
is($millpond->pool('two')->{sv_active}, 1, 'pins the client to its server');
like($millpond->log_since, qr/pinned to its server: PREPARE/, '... and the log says why');
$d->query('begin');
isnt($d->value('select pg_backend_pid()'), $pid, 'others have other servers');
$d->query('commit');
is($c->value('execute hidden'), $pid, 'it stays there');
$c->put(Bind('', 'hidden'), Execute(), Sync());
is($c->result->{rows}[0][0], $pid, 'also for the extended protocol');
$c->query('deallocate hidden');
wait_until(sub { $millpond->pool('two')->{sv_active} == 0 }, 'the server to return');
pass('until it is deallocated');
$c->query('select 1; prepare hidden as select 1');
$c->close;
wait_until(sub { $millpond->pool('two')->{sv_active} == 0 }, 'the server to return');
$d->query('begin');
my $e = Wire->login($millpond, database => 'two');
is_deeply([ map { $_->query('execute hidden')->{error}{C} } $d, $e ], [ '26000', '26000' ],
	'nothing is left when it leaves');
$d->query('rollback');
is($d->query('select 1; execute nothing')->{error}{C}, '26000', 'EXECUTE among several statements');
$d->query('prepare something as select 5');
$e->query('prepare something as select 6');
is_deeply($d->query('select 1; execute something')->{rows}, [ [1], [5] ], '... is followed');

# Too many.
$millpond->reconfigure(settings => { max_client_prepared_statements => 3 });
my $f = Wire->login($millpond);
$f->query("prepare f$_ as select $_") for 1 .. 3;
is($f->query('prepare f4 as select 4')->{error}{C}, '53400', 'one PREPARE too many');
$f->put(Parse('f4', 'select 4'), Bind('', 'f4'), Sync());
my $many = $f->result;
is($many->{types}, 'EZ', 'one Parse too many');
like($many->{error}{M}, qr/max_client_prepared_statements/, '... by which setting');
is($f->value('execute f3'), 3, 'what is there can be used');
$f->query('deallocate f1');
is($f->query('prepare f4 as select 4')->{tags}[0], 'PREPARE', 'after one has gone there is room');

done_testing;
