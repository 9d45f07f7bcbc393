# SUSPEND answers when all sockets are flushed; nothing is read until RESUME, in any worker; who takes too long is sent away.
use v5.36;
use IO::Socket::INET;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => '', one => 'dbname=postgres pool_size=1', whole => 'dbname=postgres pool_mode=session' },
	settings  => { workers => 3, suspend_timeout => 0, query_timeout => 30, client_idle_timeout => 30 });
my $console = Wire->login($millpond, database => 'pgbouncer');
my $other   = Wire->login($millpond, database => 'pgbouncer');

sub modes ($console) { return { map { $_->{key} => $_->{value} } $console->hashes('SHOW STATE') } }
sub fails ($command, $message)
{
	is_deeply([ @{ $console->query($command)->{error} }{qw(S C M)} ], [ 'ERROR', '08P01', $message ], "$command: $message");
}
sub resumes () { is_deeply($console->query('RESUME')->{tags}, ['RESUME'], 'RESUME') }

fails('SUSPEND now', "invalid command 'SUSPEND now', use SHOW HELP;");
is(Wire->login($millpond, database => 'pgbouncer', user => 'statistician')->query('SUSPEND')->{error}{M},
	'admin access needed', 'not for everybody');

# In a transaction, at rest, in a query, in session mode with a server, and one who comes: over all workers
my @open    = map { Wire->login($millpond) } 1 .. 5;
my @resting = map { Wire->login($millpond) } 1 .. 5;
my @whole   = map { Wire->login($millpond, database => 'whole') } 1 .. 3;
my $asking  = Wire->login($millpond);
$_->query('begin') for @open;
$_->query('listen news') for @whole;
cmp_ok((grep { $_->{clients} > 0 } $console->hashes('SHOW WORKERS')), '>', 1, 'they are with several workers');
$asking->put(Query('select pg_sleep(1.5)'));
wait_until(sub { $server->backends(q(query like 'select pg_sleep%' and state = 'active')) }, 'the query to run');
is_deeply($console->query('SUSPEND')->{tags}, ['SUSPEND'], 'SUSPEND');
is_deeply(modes($console), { active => 'no', paused => 'no', suspended => 'yes' }, 'it is shown');
my @all = (@open, @resting, @whole);
$_->put(Query('select 17')) for @all;
$server->safe_psql('postgres', 'notify news');
my $newcomer = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $millpond->port);
$newcomer = Wire->new($newcomer);
$newcomer->put(Wire::Startup(user => 'postgres', database => 'postgres'));
wait_until(sub { !$server->backends(q(state = 'active' and query like 'select pg_sleep%')) }, 'the query to end');
is((grep { !$_->quiet } @all, $asking, $newcomer), 0, 'nobody hears anything');
is(scalar $server->backends(q(query = 'select 17')), 0, 'nothing reaches a server');
fails($_, 'already suspended/paused') for 'SUSPEND', 'PAUSE', 'KILL', 'PAUSE postgres';
is_deeply(modes($other), { active => 'no', paused => 'no', suspended => 'yes' }, 'the other console goes on too');
resumes();
is(scalar(grep { $_->result->{rows}[0][0] == 17 } @all), 13, 'after RESUME all are answered');
is($asking->result->{tags}[0], 'SELECT 1', 'also who had asked before');
is($newcomer->result->{status}, 'I', 'and who had come');
is_deeply(modes($console), { active => 'yes', paused => 'no', suspended => 'no' }, 'it is shown');
fails('RESUME', 'pooler is not paused/suspended');
$_->query('rollback') for @open;

# The time in which everything held still counts for no limit
$console->query('SET query_timeout = 2');
$asking->put(Query('select pg_sleep(1)'));
wait_until(sub { $server->backends(q(query like 'select pg_sleep%' and state = 'active')) }, 'the query to run');
$console->query('SUSPEND');
wait_until(sub { !$server->backends(q(state = 'active' and query like 'select pg_sleep%')) }, 'the query to end');
select undef, undef, undef, 1.5;
resumes();
is($asking->result->{tags}[0], 'SELECT 1', 'a query whose time was over meanwhile');
$console->query('SET query_timeout = 30');

# It waits for who waits for a server, and then for nobody
my ($holder, $waiter) = map { Wire->login($millpond, database => 'one') } 1 .. 2;
$holder->query('begin');
$waiter->put(Query('select 5'));
wait_until(sub { $millpond->pool('one')->{cl_waiting} }, 'one to wait');
$console->put(Query('SUSPEND'));
ok($console->quiet(0.3), 'SUSPEND waits for who waits');
is_deeply(modes($other), { active => 'no', paused => 'no', suspended => 'yes' }, 'it has begun');
is_deeply($other->query('RESUME')->{tags}, ['RESUME'], 'another admin ends it');
is($console->result->{error}{M}, 'RESUME was issued meanwhile', 'so it is not done');
$console->query('SET suspend_timeout = 0.5');
is_deeply($console->query('SUSPEND')->{tags}, ['SUSPEND'], 'with suspend_timeout it ends');
is_deeply([ @{ $waiter->result('E')->{error} }{qw(S C M)} ], [ 'FATAL', '57P01', 'suspend_timeout' ], 'who still waits is told');
ok($waiter->closed, 'and sent away');
resumes();
is($holder->query('commit')->{tags}[0], 'COMMIT', 'others go on');

# Who does not read what it gets cannot be flushed
my $deaf = Wire->login($millpond, rcvbuf => 4096);
$deaf->put(Query(q(select repeat('x', 100000) from generate_series(1, 200))));
wait_until(sub { grep { $_->{send_avail} || $_->{recv_pos} || $_->{link} } $console->hashes(q(SHOW SOCKETS WHERE state = 'cl_active')) },
	'it to be served');
is_deeply($console->query('SUSPEND')->{tags}, ['SUSPEND'], 'one who does not read holds it up no longer than that');
resumes();
wait_until(sub { $millpond->log_contains(qr/closing because: suspend_timeout/) }, 'it to be sent away');

# Paused databases, signals, and admins who leave
$console->query('PAUSE one');
fails('SUSPEND', 'cannot suspend with paused databases');
$console->query('RESUME one');
is_deeply($console->query('SUSPEND')->{tags}, ['SUSPEND'], 'SUSPEND again');
$millpond->signal('USR2');
wait_until(sub { modes($console)->{suspended} eq 'no' }, 'SIGUSR2 to resume');
is($resting[0]->value('select 1'), 1, 'all is well');
$console->query('SUSPEND');
my $from = $millpond->log_end;
$_->close for $console, $other;
is($resting[1]->value('select 2'), 2, 'when the last admin is gone it goes on');
ok($millpond->log_contains(qr/admin disappeared when suspended, doing RESUME/, $from), 'and the log says so');
$console = Wire->login($millpond, database => 'pgbouncer');
$console->query('SUSPEND');
$console->query('SHUTDOWN WAIT_FOR_CLIENTS');
is($resting[2]->value('select 3'), 3, 'SHUTDOWN WAIT_FOR_CLIENTS goes on with those who are there');
$console->put(Query('SHUTDOWN'));
is($millpond->wait_exit & 127, 0, 'and it ends');

done_testing;
