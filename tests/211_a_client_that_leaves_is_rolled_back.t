# A client that leaves in a transaction or in mid-query is rolled back and cancelled, and its server kept.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $other    = Wire->login($millpond);
$other->query('create table t (a int)');
my $pid = $other->value('select pg_backend_pid()');

my %goodbyes = (
	Terminate => sub ($client) { $client->put(Terminate()) },
	EOF       => sub ($client) { $client->close },
	reset     => sub ($client) { $client->reset },
);
my %situations = (
	'idle in a transaction' => sub ($client) { $client->query('begin; insert into t values (1)') },
	'in a failed one' =>
		sub ($client) { $client->query('begin; insert into t values (1); select 1/0') },
	'in a query' => sub ($client) {
		$client->query('begin; insert into t values (1)');
		$client->put(Query('select pg_sleep(60)'));
		wait_until(sub { $server->backends(q(wait_event = 'PgSleep')) }, 'the query to run');
	},
	'before Sync' => sub ($client) {
		$client->put(Parse('', 'insert into t values (1)'), Bind(), Execute(), Flush());
		$client->result('C');
	},
	'in COPY IN' => sub ($client) {
		$client->put(Query('copy t from stdin'), CopyData("1\n"));
		$client->result('G');
	},
	'in a large result' => sub ($client) {
		$client->put(Query(q(select repeat('x', 10000) from generate_series(1, 20000))));
		$client->get;
	},
);
for my $situation (sort keys %situations)
{
	for my $goodbye (sort keys %goodbyes)
	{
		my $client = Wire->login($millpond);
		$situations{$situation}->($client);
		my $from = time;
		$goodbyes{$goodbye}->($client);
		is($other->value('select count(*) from t'), 0,
			"$situation, $goodbye: nothing is left of it");
		cmp_ok(time - $from, '<', 10, '... soon');
		# A large result need not be read to its end; closing its server is right, too.
		is($other->value('select pg_backend_pid()'), $pid, '... and the server was kept')
			if $situation ne 'in a large result';
		$pid = $other->value('select pg_backend_pid()');
	}
}
wait_until(sub { $server->backends == 1 }, 'those that were closed to be gone');
pass('one server is there in the end');

done_testing;
