# Who was told of a statement's columns gets no others, though nothing may be seen yet of what follows its Bind.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { workers => 1 });
my $direct   = Wire->login($server);

sub alter_elsewhere ($alteration)
{
	$direct->query($alteration);
	$millpond->console('RECONNECT');
	return wait_until(sub { $server->backends == 1 }, 'no server');
}

# Bind and the rest, which are read one by one.
sub in_two ($client, $bind, @rest)
{
	$client->put($bind);
	wait_until(sub { $millpond->pool->{sv_active} == 1 }, 'the Bind');
	return $client->put(@rest)->result;
}

my %ways = (
	'in one piece'            => sub ($client) { $client->put(Bind('', 's', 'x'), Execute(), Sync())->result },
	'in two'                  => sub ($client) { in_two($client, Bind('', 's', 'x'), Execute(), Sync()) },
	'with a long value'       => sub ($client) { $client->put(Bind('', 's', 'x' x 100_000), Execute(), Sync())->result },
	'with a long one, in two' => sub ($client) { in_two($client, Bind('', 's', 'x' x 100_000), Execute(), Sync()) },
);
for my $way (sort keys %ways)
{
	# As pgjdbc does, it describes at the first use, and no more.
	my $client = Wire->login($millpond);
	$direct->query('drop table if exists t; create table t(id int); insert into t values (1)');
	$client->put(Parse('s', 'select * from t where length($1) > 0', 25), Bind('', 's', 'x'), Describe('P'), Execute(), Sync())
		->result;
	is($ways{$way}->($client)->{types}, '2DCZ', "$way: the rows");
	alter_elsewhere('create index on t(id)');
	is($ways{$way}->($client)->{types}, '2DCZ', '... also of another server') for 1 .. 2;
	alter_elsewhere('alter table t add more int');
	is($ways{$way}->($client)->{error}{C}, '0A000', '... but not of other columns') for 1 .. 2;
}
done_testing;
