# idle_transaction_timeout and transaction_timeout end the session, roll back, and free the server.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login; create table t (a int)');

sub timed ($client, $seconds, $text, $code, $what, @messages)
{
	my $from = time;
	$client->put(@messages);
	my $answer;
	do { $answer = $client->result } until $answer->{eof};
	my $took = time - $from;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', $code, $text ], "$what: the session ends, with the words");
	cmp_ok($took, '>=', $seconds - 0.1, "$what: not before its time");
	cmp_ok($took, '<', 15, "$what: and not long after it");
	like($answer->{error}{D}, qr/_timeout is $seconds s/, "$what: by the setting that counts");
	return;
}

my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { idle_transaction_timeout => 1 },
		users => { app => 'idle_transaction_timeout=2' });
my $resting = Wire->login($millpond);
my $client  = Wire->login($millpond);
timed($client, 1, 'idle transaction timeout', '25P03', 'idle in a transaction',
	Query('begin; insert into t values (1)'));
is($resting->value('select count(*) from t'), 0, 'it is rolled back, and the server is free');
$client = Wire->login($millpond);
timed($client, 1, 'idle transaction timeout', '25P03', 'idle in a failed transaction',
	Query('begin; select 1/0'));
$client = Wire->login($millpond, user => 'app');
timed($client, 2, 'idle transaction timeout', '25P03', "a user's own value",
	Query('begin'));
sleep 1.3;
is($resting->value('select 1'), 1, 'outside a transaction one may rest');
is($resting->query('begin; select pg_sleep(1.3)')->{status}, 'T', 'and a query may run');
is($resting->query('commit')->{status}, 'I', 'its time counts from the answer');

# As on a server, what is asked must be whole to be a query, which has a time of its own.
$millpond->reconfigure(settings => { query_timeout => 2 });
for my $half ('Q', substr(Query('select 1'), 0, 8), substr(Query('select ' . '1' x 100_000), 0, 50_000), substr(Parse('', 'select 1'), 0, 8))
{
	$client = Wire->login($millpond);
	$client->query('begin');
	timed($client->put($half), 1, 'idle transaction timeout', '25P03', 'half a message of ' . length($half) . ' bytes');
	is($resting->value('select 1'), 1, '... and the server is free');
}
my $slow = Query('select pg_sleep(1.2)');
# Again, if this process was held up in between, nearly for as long as one may rest.
wait_until(
	sub {
		$client = Wire->login($millpond);
		$client->query('begin');
		my $from = time;
		$client->put(substr $slow, 0, 8);
		sleep 0.2;
		$client->put(substr($slow, 8), substr Query('select 1'), 0, 8);
		return time - $from < 0.6;
	},
	'two pieces in good time');
is($client->result->{types}, 'TDCZ', 'one that comes in two pieces has its time when it is whole');
$client->close;
for my $half (Parse('', 'select 1') . Bind(), Query('copy t from stdin'), Query('copy t from stdin') . substr(CopyData('1'), 0, 5),
	Query('select pg_sleep(30)') . substr(Query('select 1'), 0, 8))
{
	$client = Wire->login($millpond);
	$client->query('begin');
	timed($client->put($half), 2, 'query timeout', '57014', 'half of what is asked');
	is($resting->value('select 1'), 1, '... and the server is free');
}

$millpond->reconfigure(settings => { query_timeout => undef, idle_transaction_timeout => undef, transaction_timeout => 1 },
	users => { app => 'transaction_timeout=2' });
$client = Wire->login($millpond);
timed($client, 1, 'transaction timeout', '25P04', 'an idle transaction',
	Query('begin; insert into t values (1)'));
$client = Wire->login($millpond);
timed($client, 1, 'transaction timeout', '25P04', 'a busy one',
	Query('begin; insert into t values (1); select pg_sleep(30)'));
$client = Wire->login($millpond);
timed($client, 1, 'transaction timeout', '25P04', 'one with half a message behind it',
	Query('begin; insert into t values (1); select pg_sleep(600)'), substr(Query('x' x 200_000), 0, 100_000));
$client = Wire->login($millpond, user => 'app');
timed($client, 2, 'transaction timeout', '25P04', "a user's own value",
	Query('begin; select pg_sleep(30)'));
is($resting->value('select count(*) from t'), 0, 'they are rolled back, and the server is free');
wait_until(sub { !$server->backends(q(state like 'idle in%' or state = 'active')) }, 'an end');
pass('nothing is left in the server');
sleep 1.3;
is($resting->value('select 1'), 1, 'outside a transaction one may rest');

done_testing;
