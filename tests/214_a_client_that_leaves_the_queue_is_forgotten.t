# A client that leaves while it waits for a server leaves the queue, its query never runs, also when it is cancelled.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
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

sub clients_are ($millpond, %counts)
{
	my $pool = $millpond->pool;
	return !grep { $pool->{$_} != $counts{$_} } keys %counts;
}

sub leave_while_waiting ($millpond, $request, $goodbye, $cancelled)
{
	my $name   = join ', ', $millpond->name, $request, $goodbye, $cancelled ? 'cancelled' : ();
	my $holder = Wire->login($millpond);
	my $next   = Wire->login($millpond);

	$holder->query('begin');
	my $client = Wire->login($millpond);
	$client->put($requests{$request});
	wait_until(sub { clients_are($millpond, cl_waiting => 1) }, 'one to wait');
	$goodbyes{$goodbye}->($client);
	$client->cancel if $cancelled;
	# One worker sees the departure before the commit. Of several each may see its own first.
	wait_until(sub { clients_are($millpond, cl_waiting => 0) }, 'it to leave the queue')
		if $millpond->name ne 'one' && $request ne 'a long query';
	$next->put(Query('select count(*) from t'));
	$holder->query('commit');
	is($next->result->{rows}[0][0], 0, "$name: the next is served, the query has not run");
	my $gone = eval {
		wait_until(sub { clients_are($millpond, cl_active => 2, cl_waiting => 0) }, 'it to go');
	};
	ok($gone, "$name: the client is forgotten");
}

my %workers = (one => 1, many => 3);
for my $name (sort keys %workers)
{
	my $millpond = Millpond->new($name, server => $server, databases => { postgres => 'pool_size=1' },
		settings => { workers => $workers{$name} });

	$server->safe_psql('postgres', 'create table if not exists t (a int)');
	for my $request (sort keys %requests)
	{
		for my $goodbye (sort keys %goodbyes)
		{
			leave_while_waiting($millpond, $request, $goodbye, $_) for 0, 1;
		}
	}
	$millpond->stop;
}

done_testing;
