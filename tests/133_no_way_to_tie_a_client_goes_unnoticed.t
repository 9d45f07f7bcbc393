# With pin_clients, whatever way a client gets its lock, table or cursor: it is noticed, and so is its end.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { one => 'dbname=postgres pool_size=1' },
	settings => { server_idle_timeout => 600, pin_clients => 1 });

my $what_there_is = <<'END';
select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
	(select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
	(select count(*) from pg_cursors where is_holdable), (select count(*) from pg_listening_channels())
END
my $direct = Wire->login($server);
$direct->query($_) for
	q(create procedure make_table() language plpgsql as 'begin create temp table t (i int); end'),
	q(create procedure make_cursor() language plpgsql as 'begin execute ''declare c cursor with hold for select 1''; end'),
	q(create procedure take_lock() language plpgsql as 'begin perform pg_advisory_lock(3); end'),
	q(create function give_back() returns void language plpgsql as 'begin perform pg_advisory_unlock_all(); end');

sub client      { return Wire->login($millpond, database => 'one') }
sub runs ($sql) { return (Parse('', $sql), Bind(), Execute(), Sync()) }

# Sends all at once; what must have been answered is the server's to say.
sub run ($client, @messages)
{
	$client->put(@messages);
	$client->result for grep { /^[QSF]/ } @messages;
	return;
}

# Somebody else asks for the server: either there is none of it, or he waits.
sub must_wait ($other)
{
	$other->put(Query($what_there_is));
	wait_until(sub { !$other->quiet || $millpond->pool('one')->{cl_waiting} }, 'an answer, or a wait');
	return $millpond->pool('one')->{cl_waiting};
}

my $quote = q($$);
my $long  = 'x' x 300_000;
for my $case (
	[ 'SELECT INTO without rows',        Query('select 1 as i into temp t where false') ],
	[ 'CREATE TABLE AS without rows',    Query('create temp table t as select 1 where false') ],
	[ 'CREATE TABLE AS without data',    Query('create temp table t as select 1 with no data') ],
	[ '... extended',                    runs('create temp table t as select 1 where false') ],
	[ '... extended, with rows',         runs('create temp table t as select 1') ],
	[ '... of what was prepared',        Query('prepare p as select 1 where false'), Query('create temp table t as execute p') ],
	[ 'EXPLAIN ANALYZE CREATE TABLE AS', Query('explain analyze create temp table t as select 1') ],
	[ 'a function in pg_temp',           Query('create function pg_temp.f() returns int language sql as $$select 1$$') ],
	[ 'a table by CALL',                 Query('call make_table()') ],
	[ 'a cursor by CALL',                Query('call make_cursor()') ],
	[ 'a lock by CALL',                  Query('call take_lock()') ],
	[ 'a cursor by DO',                  Query(q(do 'begin execute ''declare c cursor with hold for select 1''; end')) ],
	[ 'a lock by DO and CALL',           Query(q(do 'begin call take_lock(); end')) ],
	[ 'a lock by the number of the function', FunctionCall(2880, 5) ],
	[ 'a lock behind a long text',       Query("select $quote$long$quote, pg_advisory_lock(9)") ],
	[ '... extended',                    runs("select $quote$long$quote, pg_advisory_lock(9)") ],
	[ 'a lock before an error',          Query('select pg_advisory_lock(1); select 1/0') ],
	[ 'a lock by EXPLAIN ANALYZE EXECUTE', Query('prepare l as select pg_advisory_lock(9)'), Query('explain analyze execute l') ],
	[ 'a lock by COPY',                  Query('copy (select pg_advisory_lock(8)) to stdout') ],
	[ 'LISTEN with Flush',               Parse('', 'listen news'), Bind(), Execute(), Flush(), Sync() ],
	[ 'a lock before ROLLBACK TO',       map { Query($_) } 'begin', 'savepoint a', 'select pg_advisory_lock(4)', 'rollback to a', 'commit' ],
	[ 'a lock before COMMIT AND CHAIN',  map { Query($_) } 'begin', 'select pg_advisory_lock(4)', 'commit and chain', 'rollback' ],
	)
{
	my ($what, @messages) = @$case;
	my ($one, $two) = (client(), client());
	run($one, @messages);
	ok(must_wait($two), "$what ties its client");
	$one->close;
	is_deeply($two->result->{rows}[0], [ 0, 0, 0, 0 ], '... and goes with it');
	$two->close;
}

# Of a statement that could not be followed it is not known what it does.
for my $case ([ 'under a name that is not read', qq(prepare "k\303\244se" as select pg_advisory_lock(9)), Query(qq(execute "k\303\244se")) ],
	[ '... extended', qq(prepare "k\303\244se" as select pg_advisory_lock(9)), runs(qq(execute "k\303\244se")) ],
	[ 'in a place where it is not seen', q(do 'begin execute ''prepare l as select pg_advisory_lock(9)''; end'; prepare m as select 1; execute m), Query('execute l') ],
	[ '... by its name', q(do 'begin execute ''prepare l as select pg_advisory_lock(9)''; end'; prepare m as select 1; execute m), Bind('', 'l'), Execute(), Sync() ])
{
	my ($what, $prepares, @uses) = @$case;
	my ($one, $two) = (client(), client());
	$one->query($prepares);
	$one->query('select 1');
	run($one, @uses);
	is($one->query('deallocate all')->{error}, undef, "a PREPARE $what");
	ok(must_wait($two), '... its lock ties');
	$one->close;
	is_deeply($two->result->{rows}[0], [ 0, 0, 0, 0 ], '... and goes');
	$two->close;
}

# Nothing is asked after a SELECT that finds nothing, also if its driver did not have it described.
for my $statement ('', 'named')
{
	my $one   = client();
	my $empty = 'select 1 where false';
	my $pid   = $one->value('select pg_backend_pid()');
	run($one, Parse($statement, $empty), Sync());
	run($one, Bind('', $statement), Execute(), Sync());
	wait_until(sub { $millpond->pool('one')->{sv_idle} }, 'the server to be idle');
	is($direct->value("select query from pg_stat_activity where pid = $pid"), $empty, "an empty SELECT asks for nothing: '$statement'");
	run($one, Parse($statement eq '' ? '' : 'into', 'select 1 into temp t where false'), Sync());
	run($one, Bind('', $statement eq '' ? '' : 'into'), Execute(), Sync());
	my $two = client();
	ok(must_wait($two), '... but one that makes a table does');
	$_->close for $one, $two;
}

# An end that nothing tells of is noticed by and by, also while the client rests.
for my $case (
	[ 'a cursor that is closed as a portal', 'declare c cursor with hold for select 1', Close('P', 'c'), Sync() ],
	[ 'a lock that a function gives back', 'select pg_advisory_lock(5)', Query('select give_back()') ],
	)
{
	my ($what, $makes, @ends) = @$case;
	my ($one, $two) = (client(), client());
	$one->query($makes);
	ok(must_wait($two), "$what has tied its client");
	run($one, @ends);
	is_deeply($two->result->{rows}[0], [ 0, 0, 0, 0 ], '... until it has gone');
	$_->close for $one, $two;
}

# A question that was not answered is asked again, though its client rests.
{
	my ($one, $two) = (client(), client());
	$one->query($_) for 'begin', 'create temp table t (i int)', 'drop table t', q(set statement_timeout = '20ms');
	$direct->query($_) for 'begin', 'lock table pg_catalog.pg_depend in access exclusive mode';
	my $from = $millpond->log_end;
	$one->query('commit');
	$millpond->wait_for_log(qr/pinned to its server: it has there temporary tables/, $from);
	$two->put(Query('set statement_timeout = 0'));
	$direct->query('rollback');
	is($two->result->{types}, 'CZ', 'who is pinned only for want of an answer does not stay so');
	$_->close for $one, $two;
}

# Notifications that come while the server is asked are all for the client, in its own time; or for nobody.
for my $leaves (0, 1)
{
	my $count = 3000;
	my ($one, $two) = (client(), client());
	$one->query($_) for 'listen news', 'begin', 'create temp table t (i int)';
	$direct->query($_) for 'begin', 'lock table pg_catalog.pg_depend in access exclusive mode';
	$one->query('commit');
	my $third = Wire->login($server);
	wait_until(sub { $third->value(q(select count(*) from pg_stat_activity where wait_event_type = 'Lock')) }, 'the question to wait');
	$third->query("select pg_notify('news', repeat('x', 7900) || i) from generate_series(1, $count) i");
	my $from = $millpond->log_end;
	$direct->query('rollback');
	$one->put(Query('select 5'));
	if ($leaves)
	{
		$one->get for 1 .. 100;
		$one->close;
	}
	else
	{
		my $result = $one->result;
		is(scalar $result->{notifications}->@*, $count, 'a client hears all that comes while its server is asked');
		is($result->{rows}[0][0], 5, '... and is answered');
		$one->close;
	}
	is($two->query('select 1')->{rows}[0][0], 1, '... the next one has a server');
	unlike($millpond->log_since($from), qr/crashed/, '... that is well') if !$leaves;
	$two->close;
}

# Whoever is pinned when pin_clients is set to 0 stays so until there is nothing left.
{
	my ($one, $two) = (client(), client());
	$one->query($_) for 'select pg_advisory_lock(6)', 'listen news';
	$millpond->reconfigure(settings => { pin_clients => 0 });
	ok(must_wait($two), 'it stays pinned after a RELOAD');
	$one->query('create temp table t (i int)');
	$one->query($_) for 'select pg_advisory_unlock(6)', 'unlisten *';
	ok($two->quiet, '... and for what it does meanwhile');
	$one->query('drop table t');
	is_deeply($two->result->{rows}[0], [ 0, 0, 0, 0 ], '... until that has gone');
}

done_testing;
