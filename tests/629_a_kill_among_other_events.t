# A client is killed in the turn of the loop in which something else happens to it: the daemon is stopped until both have come.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server    => $server,
	databases => { postgres => 'pool_size=1', session => 'dbname=postgres pool_size=1 pool_mode=session' },
	settings  => { workers => 1, server_reset_query => 'DISCARD ALL' });
my $console = Wire->login($millpond, database => 'pgbouncer');

# Kills a client of that database and, before the daemon notices, does something else.
sub kill_while ($database, $state, $meanwhile)
{
	my ($row) = grep { $_->{database} eq $database && $_->{state} eq $state } $millpond->console('SHOW CLIENTS');
	$millpond->signal('STOP');
	$console->put(Query("KILL_CLIENT $row->{id}"));
	$meanwhile->();
	$millpond->signal('CONT');
	is_deeply($console->result->{tags}, ['KILL_CLIENT'], 'a client is killed');
	return;
}

my $holder = Wire->login($millpond);
$holder->query('begin');
my $waits = Wire->login($millpond);
$waits->put(Parse('', 'select 1'), Bind(), Flush());
wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
my $cancel = Wire->connect($millpond);
kill_while('postgres', 'waiting', sub { $cancel->put(CancelRequest(@$waits{qw(pid secret)})) });
is($waits->result('E')->{error}{C}, '57P01', '... while it is cancelled: it is told of the former');
ok($waits->closed(10), '... and sent away');
$holder->query('rollback');

my $speaks = Wire->login($millpond, database => 'session');
my $pid    = $speaks->value('select pg_backend_pid()');
kill_while('session', 'active', sub { $speaks->put(Query('select 1')) });
ok($speaks->closed(10), '... while it speaks: it is sent away');
is(Wire->login($millpond, database => 'session')->value('select pg_backend_pid()'),
	$pid, '... and its server stays');

done_testing;
