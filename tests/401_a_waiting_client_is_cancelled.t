# A client that still waits for a server gets 57014, leaves the queue, and its query never runs.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $holder   = Wire->login($millpond);
$holder->query('create table t (a int)');
my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;

for my $messages (Query('insert into t values (1)'),
	Parse('', 'insert into t values (1)') . Bind() . Execute() . Sync())
{
	$holder->query('begin');
	$client->put($messages);
	wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
	$next->put(Query('select 7'));
	wait_until(sub { $millpond->pool->{cl_waiting} == 2 }, 'two to wait');
	$client->cancel;
	my $answer = $client->result;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ],
		[ 'ERROR', '57014', 'canceling statement due to user request' ], 'the words');
	is($answer->{types}, 'EZ', 'an error and ReadyForQuery');
	is($answer->{status}, 'I', 'the session goes on');
	is($millpond->pool->{cl_waiting}, 1, 'it has left the queue');
	is($holder->value('select 1'), 1, 'who has the server is not touched');
	$holder->query('commit');
	is($next->result->{rows}[0][0], 7, 'the next in the queue is served');
	is($client->value('select count(*) from t'), 0, 'the cancelled query never ran');
}

done_testing;
