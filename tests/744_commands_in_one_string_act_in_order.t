# A string with several commands about prepared statements is answered as by a direct connection, whatever its server has.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
my $direct = Wire->login($server);
$direct->query('create table gone (a int); create table gone2 (b int)');

# What the client sends first, what then goes to another server, and what after it.
my %conversations = (
	'two of SQL, deallocated'       => [ 'deallocate a; deallocate b', 'execute a' ],
	'one deallocated twice'         => [ 'deallocate a; deallocate a', 'execute b' ],
	'deallocated and executed'      => [ 'deallocate a; select 1; execute a', 'execute b' ],
	'deallocated and another used'  => [ 'deallocate a; execute b', 'execute a', 'execute b' ],
	'deallocated and prepared'      => [ 'deallocate a; prepare a as select 5' ],
	'executed'                      => [ 'execute a; execute b; execute c', 'execute c' ],
	'prepared beside others'        => [ 'prepare e as select 5; execute a; execute e' ],
	'an unreadable name'            => [ 'execute a; execute U&"n"', 'execute b' ],
	'the unreadable name first'     => [ 'deallocate a; execute U&"n"; execute a' ],
	'a backslash'                   => [ q(execute a; select E'\\\\'; deallocate a; execute a), 'execute a' ],
	'a backslash before it goes'    => [ q(select '\'; deallocate a), 'execute a', 'prepare a as select 5', 'execute a' ],
	'one that is an escape'         => [ 'set standard_conforming_strings = off', q(select '\'; deallocate b; --'; deallocate a), 'execute a', 'execute b' ],
	'it goes and comes with one'    => [ q(deallocate a; prepare a as select '\'), 'select 1', 'execute a', 'deallocate a', 'execute a' ],
	'in a failed transaction'       => [ 'begin', 'select 1/0', 'execute a; execute b', 'rollback', 'execute a' ],
	'all deallocated before'        => [ 'deallocate all; prepare a as select 5', 'select 1', 'execute a', 'prepare a as select 6', 'execute a' ],
	'of the extended protocol'      => [ 'deallocate x; deallocate y', 'execute x' ],
	'of both protocols'             => [ 'execute x; deallocate a; execute y; execute b', 'execute x' ],
	'their tables have gone'        => [ 'execute g; execute h', 'execute h; execute g', 'execute g' ],
	'another error comes before'    => [ 'select 1/0; execute g', 'execute g' ],
	'it goes before its turn'       => [ 'deallocate g; execute g', 'execute h' ],
	'some of them, before an error' => [ 'deallocate a; deallocate x; select 1/0; deallocate b', 'execute a', 'execute x', 'execute b' ],
	'prepared under the same name'  => [ 'select 1; deallocate a', 'prepare a as select 5', 'execute a' ],
	'as a reading would have it'    => [ q(select E'\\'; deallocate a; --'), 'execute a' ],
);

sub answer ($client, $sql)
{
	$client->put(Query($sql));
	my $result = eval { $client->result('Z', 10) } // return 'no answer';
	my $error  = $result->{error};
	return join ' ', $result->{types}, map({ "@$_" } $result->{rows}->@*), $error ? "$error->{C} $error->{M}" : ();
}

sub prepare ($client)
{
	$client->query("prepare $_ as select '$_'") for qw(a b c);
	$client->query("prepare $_->[0] as select * from $_->[1]") for [ g => 'gone' ], [ h => 'gone2' ];
	$client->put(Parse($_, "select '$_'"), Sync())->result for qw(x y);
}

for my $most (200, 2)
{
	for my $name (sort keys %conversations)
	{
		my $millpond = Millpond->new(
			'pool',
			server    => $server,
			databases => { postgres => 'pool_size=2' },
			settings  => { server_round_robin => 1, max_prepared_statements => $most });
		my ($client, $other, $reference) = (map({ Wire->login($millpond) } 1 .. 2), Wire->login($server));
		$direct->query('create table if not exists gone (a int); create table if not exists gone2 (b int)');
		prepare($_) for $client, $reference;
		# What the other server has under such a name is somebody else's.
		$other->query('begin');
		$other->query("prepare b as select 'of another'");
		$client->query('select 1');
		my $pid = $client->value('select pg_backend_pid()');
		$other->query('commit');
		for (1 .. 4)
		{
			$other->query('begin');
			last if $other->value('select pg_backend_pid()') == $pid;
			$other->query('commit');
		}
		$direct->query('drop table gone, gone2');
		my @conversation = $conversations{$name}->@*;
		is($client->query('select 1; deallocate y')->{types}, 'TDCCZ', "one of the extended protocol goes ($most held)");
		is($client->put(Parse('y', "select 'new'"), Bind('', 'y'), Execute(), Sync())->result->{rows}[0][0], 'new', '... and comes again');
		$reference->query('deallocate y');
		$reference->put(Parse('y', "select 'new'"), Sync())->result;
		is_deeply([ map { answer($client, $_) } @conversation ], [ map { answer($reference, $_) } @conversation ],
			"$name ($most held)");
		$other->query('commit');
		$client->close;
		is(answer($other, 'execute b'), "TDCZ of another", '... and the other client has its own');
		wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to return');
	}
}

done_testing;
