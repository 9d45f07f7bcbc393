# With pin_clients, in transaction mode, a client with advisory locks, temporary tables, cursors WITH HOLD or a LISTEN stays on its server
# until there is none of that left; nobody else finds any of it.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2', one => 'dbname=postgres pool_size=1' },
	settings => { server_idle_timeout => 600, pin_clients => 1 });

my $what_there_is = <<'END';
select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
	(select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
	(select count(*) from pg_cursors where is_holdable), (select count(*) from pg_listening_channels())
END

sub client (%more) { return Wire->login($millpond, %more) }
sub pid ($client)  { return $client->value('select pg_backend_pid()') }

# The servers of the pool, by their pids: two clients in transactions at once have them all.
sub pids (@clients)
{
	$_->query('begin') for @clients;
	my @pids = map { pid($_) } @clients;
	$_->query('commit') for @clients;
	return @pids;
}

# The client has a server that others do not get, and sees there what it made.
sub is_tied ($client, $expected, $what)
{
	my ($mine) = $client->value('select pg_backend_pid()');
	my @others = map { client() } 1 .. 3;
	is_deeply([ grep { $_ == $mine } map { pid($_) } @others ], [], "$what: its server is nobody else's");
	is(pid($client), $mine, '... and stays its own');
	is_deeply($others[0]->query($what_there_is)->{rows}[0], [ 0, 0, 0, 0 ], '... others find nothing');
	is_deeply($client->query($what_there_is)->{rows}[0], $expected, '... it finds what it made');
	$_->close for @others;
}

# Both servers go from hand to hand, and nothing is on them.
sub is_free ($what)
{
	my @clients = (client(), client());
	$_->query('begin') for @clients;
	is_deeply([ map { $_->query($what_there_is)->{rows}[0]->@* } @clients ], [ (0) x 8 ], $what);
	$_->query('commit') for @clients;
	$_->close for @clients;
}

my @cases = (
	[ 'a lock', 'select pg_advisory_lock(7)', 'select pg_advisory_unlock(7)', [ 1, 0, 0, 0 ], 'advisory locks' ],
	[ 'a lock in capitals', 'SELECT PG_TRY_ADVISORY_LOCK_SHARED(7)', 'select pg_advisory_unlock_all()', [ 1, 0, 0, 0 ] ],
	[ 'a temporary table', 'create temporary table t (i int)', 'drop table t', [ 0, 1, 0, 0 ], 'temporary tables' ],
	[ 'a table made of rows', 'create temp table t as select 1', 'discard temp', [ 0, 1, 0, 0 ] ],
	[ 'SELECT INTO', 'select 1 as i into temp t', 'discard all', [ 0, 1, 0, 0 ] ],
	[ 'a temporary table made by DO', q(do 'begin create temp table t (i int); end'), 'drop table t', [ 0, 1, 0, 0 ] ],
	[ 'a temporary view', 'create temp view v as select 1', 'drop view v', [ 0, 1, 0, 0 ] ],
	[ 'a cursor', 'declare c cursor with hold for select 1', 'close c', [ 0, 0, 1, 0 ], 'cursors WITH HOLD' ],
	[ 'cursors', 'declare c cursor with hold for select 1', 'close all', [ 0, 0, 1, 0 ] ],
	[ 'a channel', 'listen news', 'unlisten news', [ 0, 0, 0, 1 ], 'channels it listens to' ],
	[ 'several in one string', 'listen news; create temp table t (i int)', 'unlisten *; drop table t', [ 0, 1, 0, 1 ],
		'temporary tables, channels it listens to' ],
);

# In the pool of one server, another has to wait until this one has done that.
sub is_held ($client, $other, $there, $what, @until)
{
	$other->put(Query('select 1'));
	wait_until(sub { $millpond->pool('one')->{cl_waiting} }, 'one to wait');
	is_deeply($client->query($what_there_is)->{rows}[0], $there, $what);
	$client->query($_) for @until;
	is($other->result->{rows}[0][0], 1, '... until it is gone');
}

sub extended ($client, $sql) { return $client->put(Parse('', $sql), Bind(), Execute(), Sync())->result }

for my $case (@cases)
{
	my ($what, $make, $end, $there, $logged) = @$case;

	for my $how ('simple', 'extended', 'in a block')
	{
		next if $how eq 'extended' && $make =~ /;/;
		my $client = client();
		my $run    = $how eq 'extended' ? \&extended : sub ($client, $sql) { $client->query($sql) };
		my $from   = $millpond->log_end;
		$client->query('begin') if $how eq 'in a block';
		is($run->($client, $make)->{error}, undef, "$what, $how: is made");
		$client->query('commit') if $how eq 'in a block';
		is_tied($client, $there, "$what, $how");
		like($millpond->log_since($from), qr/LOG C-\S+ postgres\/\S+ pinned to its server: it has there \Q$logged\E\n/, '... the log tells why')
			if $logged;
		$client->query('select 1');
		is($run->($client, $_)->{error}, undef, '... is ended') for $end =~ /;/ ? split(/; /, $end) : $end;
		is_free('... then its server is anybody\'s');
		like($millpond->log_since($from), qr/no longer pinned to its server/, '... the log tells of it');
		$client->close;

		# Whoever leaves takes it along.
		$client = client();
		$run->($client, $make);
		my $pid = pid($client);
		$client->close;
		is_free('... nothing is left of a client that has gone');

		# In the middle, too.
		$client = client();
		$client->query('begin');
		$run->($client, $make);
		$client->close;
		is_free('... nor of one that went in the middle');
	}
}
my @pids = pids(client(), client());
is_deeply([ sort(pids(client(), client())) ], [ sort @pids ], 'no server had to be closed for it');

# What does not outlive its transaction ties nobody.
my $from = $millpond->log_end;
my ($one, $two) = map { client(database => 'one') } 1 .. 2;
for my $sql ('select pg_advisory_xact_lock(7)', 'create temp table t (i int) on commit drop', 'declare c cursor for select 1', 'select 1 as pg_advisory_')
{
	$one->query('begin');
	is($one->query($sql)->{error}, undef, $sql);
	$one->query('commit');
	is_deeply($two->query($what_there_is)->{rows}[0], [ 0, 0, 0, 0 ], '... is over with its transaction');
}
for my $sql ('create temp table t (i int)', 'listen news', 'declare c cursor with hold for select 1')
{
	$one->query('begin');
	$one->query($sql);
	$one->query('rollback');
	is_deeply($two->query($what_there_is)->{rows}[0], [ 0, 0, 0, 0 ], "$sql, rolled back");
}
unlike($millpond->log_since($from), qr/pinned/, '... so nobody is pinned');

# A lock outlives a rollback.
$one->query($_) for 'begin', 'select pg_advisory_lock(8)', 'rollback';
is_held($one, $two, [ 1, 0, 0, 0 ], 'a lock stays after ROLLBACK', 'select pg_advisory_unlock(8)');

# Statements that were prepared before.
$one->query('prepare l as select pg_advisory_lock(9)');
$one->put(Parse('m', 'select pg_advisory_lock(9)'), Sync())->result;
for my $use ([ Query('execute l') ], [ Bind('', 'm'), Execute(), Sync() ])
{
	is(pid($two), pid($one), 'a PREPARE alone ties nobody');
	$one->put(@$use)->result;
	is_held($one, $two, [ 1, 0, 0, 0 ], '... its use does', 'select pg_advisory_unlock_all()');
}
$one->put(Parse('', 'select pg_advisory_lock(9)'), Sync())->result;
is($two->query('select 2')->{rows}[0][0], 2, 'nor does the Parse of an unnamed statement');
$one->put(Bind(), Execute(), Sync())->result;
is_held($one, $two, [ 1, 0, 0, 0 ], '... but its use', 'select pg_advisory_unlock_all()');

# Notifications reach a client at rest.
my $listener = client();
my $direct   = Wire->login($server);
$listener->query('listen news');
$direct->query(q(notify news, 'of today'));
is_deeply($listener->result('A')->{notifications}, [ [ 'news', 'of today' ] ], 'who listens hears');
$listener->query('create temp table t (i int)');
$direct->query(q(notify news, 'of tomorrow'));
is_deeply($listener->result('A')->{notifications}, [ [ 'news', 'of tomorrow' ] ], '... also with something else there');
$listener->query('unlisten *');
is_deeply($listener->query($what_there_is)->{rows}[0], [ 0, 1, 0, 0 ], 'each goes by itself');
$listener->close;

# A question without an answer is asked again after the next transaction: until then all may be there.
for my $case ([ 1, 'create temp table t (i int)' ], [ 0, 'create temp table t (i int)', 'drop table t' ])
{
	my ($stays, @commands) = @$case;
	$one->query($_) for 'begin', @commands, q(set statement_timeout = '50ms');
	$direct->query($_) for 'begin', 'lock table pg_catalog.pg_depend in access exclusive mode';
	my $from = $millpond->log_end;
	$one->query('commit');
	$millpond->wait_for_log(qr/pinned to its server: it has there temporary tables/, $from);
	$direct->query('rollback');
	$one->query('set statement_timeout = 0');
	if ($stays)
	{
		is_held($one, $two, [ 0, 1, 0, 0 ], 'a question that failed is asked again', 'drop table t');
	}
	else
	{
		is(pid($two), pid($one), '... and what is not there ties nobody');
	}
}

# As with PgBouncer, if that is wanted.
for my $case ([ 0, 0, 1, 'what is left behind stays' ], [ 1, 1, 0, 'with server_reset_query_always it is taken back' ])
{
	my ($pins, $resets, $count, $what) = @$case;
	$millpond->reconfigure(settings => { pin_clients => $pins, server_reset_query_always => $resets });
	my $from = $millpond->log_end;
	my $free = client(database => 'one');
	$free->query('create temp table t (i int)');
	is_deeply($two->query($what_there_is)->{rows}[0], [ 0, $count, 0, 0 ], $what);
	$two->query('discard temp');
	unlike($millpond->log_since($from), qr/pinned/, '... and ties nobody');
	$free->close;
}

done_testing;
