# query_timeout ends a query that runs, waits or takes to arrive too long, but never an idle transaction.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login; create table t (a int)');
my $millpond = Millpond->new('pool', server => $server, settings => { query_timeout => 1 },
	databases => { postgres => '', one => 'dbname=postgres pool_size=1' },
		users => { app => 'query_timeout=2' });

# A client whose pool has a server at rest: what waits for one to be logged in to waits within that time as well, which
# a busy machine may not keep.
sub ready (%who)
{
	return wait_until(sub { eval { my $client = Wire->login($millpond, %who); $client->value('select 1'); $client } }, 'a server');
}

my $bystander = ready();
for my $start (Query('select pg_sleep(30)'),
	Parse('', 'select pg_sleep(30)') . Bind() . Execute() . Sync(),
	Query('begin; insert into t values (1); select pg_sleep(30)'),
	Query('select pg_sleep(30)') . substr(Query('x' x 200_000), 0, 100_000),
	Query('begin; copy t from stdin') . CopyData("1\n"),
	Parse('', 'copy t from stdin') . Bind() . Execute() . Flush() . substr(CopyData("1\n"), 0, 6))
{
	my $client = ready();
	my $from   = time;
	my $answer = $client->put($start)->result;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', '57014', 'query timeout' ],
		'the words');
	ok($answer->{eof}, 'the session ends');
	cmp_ok(time - $from, '>=', 0.9, 'not before its time');
	cmp_ok(time - $from, '<', 15, 'and not long after it');
	wait_until(sub { !$server->backends(q(state <> 'idle')) }, 'the query to end in the server', 15);
}
ready()->close;
is($bystander->value('select count(*) from t'), 0, 'nothing of it is left');

my $app  = ready(user => 'app');
my $from = time;
$app->put(Query('select pg_sleep(30)'))->result;
cmp_ok(time - $from, '>=', 1.9, 'the value of one user');

$bystander->query('begin');
sleep 1.6;
is($bystander->value('select 1'), 1, 'a transaction may rest longer');
$bystander->query('commit');
is($bystander->query("select generate_series(1, 3), pg_sleep(0.5)")->{error}{M}, 'query timeout',
	'rows on the way do not prolong it');

my $holder = ready(database => 'one');
$holder->query('begin');
my $waiting = Wire->login($millpond, database => 'one')->put(Query('select 1'))->result;
is_deeply([ @{ $waiting->{error} }{qw(S C M)} ], [ 'FATAL', '57014', 'query_timeout' ],
	'a query that waits too long');
is($holder->value('select 1'), 1, 'while who has the server is not touched');
$holder->query('commit');

# So is who waits for the first server of a pool, before it is let in.
my $silent = FakeServer->new(login => sub ($c, $startup) { sleep 1 while 1 });
$millpond->reconfigure(databases => { silent => $silent->target });
$from = time;
$waiting = Wire->connect($millpond)->startup(database => 'silent')->result;
is_deeply([ @{ $waiting->{error} }{qw(S C M)} ], [ 'FATAL', '57014', 'query_timeout' ], 'a login waits no longer either');
cmp_ok(time - $from, '<', 10, '... but soon hears of it');

# A COPY ends by it also while the server takes nothing, and so nothing is taken from the client.
my $locker = Wire->login($server);
$locker->query('begin; lock table t');
my $copier = ready()->put(Query('copy t from stdin'));
my $data   = CopyData("1\n" x 1_000_000);
my ($sent, $taken_at) = (0, time);
while ($sent < 50_000_000 && time < $taken_at + 0.3)
{
	my $some = $copier->put_some(substr $data, $sent % length $data);
	$some ? $taken_at = time : sleep 0.01;
	$sent += $some;
}
cmp_ok($sent, '<', 50_000_000, 'a COPY is held up');
is($copier->result->{error}{M}, 'query timeout', '... but not for ever');
wait_until(sub { !$server->backends(q(wait_event = 'relation')) }, 'the COPY to end in the server');
$locker->query('commit');
is($holder->value('select count(*) from t'), 0, 'nothing of it is left');

# Whoever has begun a long message has a server until it is whole.
my $long = Parse('', 'select 1' . ' ' x 400_000);
my $slow = ready(database => 'one');
my $half = $slow->put(substr $long, 0, 390_000)->result;
is($half->{error}{M}, 'query timeout', 'half a long message has its time as well');
is(ready(database => 'one')->value('select 1'), 1, '... and its place is there for others');

done_testing;
