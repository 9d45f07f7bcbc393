# A client that leaves while it waits for a server leaves the queue, its query never runs, also when it is cancelled.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $holder   = Wire->login($millpond);
my $next     = Wire->login($millpond);
$holder->query('create table t (a int)');

my %goodbyes = (
	Terminate => sub ($c) { $c->put(Terminate()); $c->close },
	EOF       => sub ($c) { $c->close },
	reset     => sub ($c) { $c->reset },
);
my %requests = (
	'a query'      => Query('insert into t values (1)'),
	'a batch'      => Parse('', 'insert into t values (1)') . Bind() . Execute() . Sync(),
	'half a batch' => Parse('', 'insert into t values (1)') . Bind() . Execute() . Flush(),
	# The end of the connection stands behind what is not yet read, so this one may run.
	'a long query' => Query('select 1' . ' ' x 100_000),
);
for my $request (sort keys %requests)
{
	for my $goodbye (sort keys %goodbyes)
	{
		for my $cancelled (0, 1)
		{
			my $name = "$request, $goodbye" . ($cancelled ? ', cancelled' : '');
			$holder->query('begin');
			my $client = Wire->login($millpond);
			$client->put($requests{$request});
			wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');
			$goodbyes{$goodbye}->($client);
			$client->cancel if $cancelled;
			$next->put(Query('select count(*) from t'));
			$holder->query('commit');
			is($next->result->{rows}[0][0], 0, "$name: the next is served, the query has not run");
			my $gone = eval {
				wait_until(sub { $millpond->pool->{cl_active} + $millpond->pool->{cl_waiting} == 2 },
					'it to go', 5);
			};
			ok($gone, "$name: the client is forgotten");
		}
	}
}

done_testing;
