# SHUTDOWN ends at once, SHUTDOWN WAIT_FOR_SERVERS after the transactions, WAIT_FOR_CLIENTS after the sessions.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
$client->query('begin');
my $console = Wire->login($millpond, database => 'pgbouncer');
my $answer  = $console->query('SHUTDOWN');
is($answer->{types}, '', 'SHUTDOWN is not answered');
is($millpond->wait_exit & 127, 0, 'it ends at once');
ok($client->closed, 'with all clients');

for my $kind (qw(WAIT_FOR_SERVERS WAIT_FOR_CLIENTS))
{
	$millpond->start;
	my ($busy, $waiting, $resting) = map { Wire->login($millpond) } 1 .. 3;
	$busy->query('begin');
	$waiting->put(Query('select 1'));
	wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
	$console = Wire->login($millpond, database => 'pgbouncer', unix => 1);
	is_deeply($console->query("SHUTDOWN $kind")->{tags}, ['SHUTDOWN'], "$kind is answered");
	is($busy->value('select 1'), 1, "$kind: a transaction goes on");
	is($console->value('SHOW VERSION') =~ /Millpond/, 1, "$kind: the console stays");
	if ($kind eq 'WAIT_FOR_SERVERS')
	{
		my @answers = ($waiting->result, $resting->query('select 1'));
		is_deeply([ @{ $_->{error} }{qw(S C M)} ], [ 'FATAL', '57P01', 'server shutting down' ],
			"$kind: who waits or comes is told")
			for @answers;
	}
	$busy->query('commit');
	if ($kind eq 'WAIT_FOR_CLIENTS')
	{
		is($console->value('SHOW VERSION') =~ /Millpond/, 1, "$kind: sessions are waited for");
		$_->put(Terminate()) for $busy, $waiting, $resting;
	}
	is($millpond->wait_exit & 127, 0, "$kind: then it ends");
}
# Where sessions keep their servers WAIT_FOR_SERVERS waits for those that have one.
$millpond->write_config(settings => { pool_mode => 'session' }, databases => { postgres => '' });
$millpond->start;
my ($session, $newcomer) = map { Wire->login($millpond) } 1 .. 2;
$session->query('select 1');
$console = Wire->login($millpond, database => 'pgbouncer', unix => 1);
is_deeply($console->query('SHUTDOWN WAIT_FOR_SERVERS')->{tags}, ['SHUTDOWN'], 'WAIT_FOR_SERVERS and sessions');
is($newcomer->query('select 1')->{error}{M}, 'server shutting down', '... who has no server gets none');
is(Wire->connect($millpond, unix => 1)->startup->result->{error}{M}, 'pooler is shutting down', '... nobody comes in');
is($session->value('select 2'), 2, '... who has one goes on') for 1 .. 2;
$session->close;
is($millpond->wait_exit & 127, 0, '... to the end of the session, and then it ends');

wait_until(sub { !$server->backends }, 'the servers to go');
pass('no server is left behind');

done_testing;
