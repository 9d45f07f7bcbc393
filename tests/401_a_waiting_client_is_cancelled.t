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

# In the middle of a batch, all that follows is skipped up to Sync; but not a goodbye.
my %goodbyes = (
	'Sync'              => sub ($c) { is($c->put(Execute(), Sync())->result->{types}, 'Z', 'a Sync') },
	'Terminate'         => sub ($c) { ok($c->put(Terminate())->closed, 'a goodbye') },
	'Execute Terminate' => sub ($c) { ok($c->put(Execute(), Terminate())->closed, 'one after more') },
	'Terminate and end' => sub ($c) { $c->put(Terminate()); $c->close },
	'Execute and end'   => sub ($c) { $c->put(Execute()); $c->close },
	'end'               => sub ($c) { $c->close },
	'reset'             => sub ($c) { $c->reset },
);
for my $how (sort keys %goodbyes)
{
	my $guest = Wire->login($millpond);
	$holder->query('begin');
	$guest->put(Parse('', 'select 1'), Bind(), Flush());
	wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
	$guest->cancel;
	is($guest->result('E')->{error}{C}, '57014', "$how: cancelled in a batch");
	my $before = $millpond->cpu_seconds;
	ok($guest->quiet(0.3), '... and what follows is awaited');
	cmp_ok($millpond->cpu_seconds - $before, '<', 0.1, '... without turning in circles');
	$goodbyes{$how}->($guest);
	$holder->query('commit');
	is($guest->value('select 8'), 8, 'the session goes on') if $how eq 'Sync';
	undef $guest;
	wait_until(sub { $millpond->pool->{cl_active} == 3 }, 'the guest to leave');
	pass("$how: it has left");
}

# Cancel, last words and reset arrive together.
for my $words (Terminate(), Execute(), Execute() . Flush(), '')
{
	for (1 .. 25)
	{
		$holder->query('begin');
		my $guest = Wire->login($millpond);
		$guest->put(Parse('', 'select 1'), Bind(), Flush());
		wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
		my $cancel = Wire->connect($millpond);
		$cancel->put(CancelRequest(@$guest{qw(pid secret)}));
		$guest->put($words);
		$guest->close;
		$cancel->closed;
		$holder->query('commit');
		wait_until(sub { $millpond->pool->{cl_active} == 3 }, 'the guest to leave');
	}
}
pass('nobody is left behind');

done_testing;
