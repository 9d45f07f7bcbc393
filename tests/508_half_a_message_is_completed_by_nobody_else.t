# What follows half a message on a server connection is its own other half or the end of the connection.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_query => '' });
my $next     = Wire->login($millpond);

# The connection that a query came by, and what came by it after that query.
sub after_query ($sql)
{
	my ($number) = map { /^(\d+) Q \Q$sql\E\|/ } $fake->received;
	my @all = $fake->received(qr/^$number /);
	shift @all while $all[0] !~ / Q \Q$sql\E\|/;
	shift @all;
	return ($number, @all);
}

# Five bytes are missing: as many as a Terminate has.
my $data = CopyData('d' x 100);
my %halves = (
	CopyData => substr($data, 0, -5),
	Query    => substr(Query('drop everything'), 0, -5),
	Parse    => substr(Parse('', 'drop everything'), 0, -5),
	Bind     => substr(Bind('portal', 'statement', 'value'), 0, -5),
	'a long CopyData' => substr(CopyData('d' x 100_000), 0, -5),
);
my %endings = (
	close     => sub ($client) { $client->close },
	reset     => sub ($client) { $client->reset },
	Terminate => sub ($client) { $client->put('X'); $client->close },
);
my $count = 0;
for my $half (sort keys %halves)
{
	for my $ending (sort keys %endings)
	{
		my $sql    = 'query ' . ++$count;
		my $client = Wire->login($millpond);
		$client->put(Query($sql), $halves{$half});
		is($client->result->{types}, 'TDCZ', "$half, $ending: the query before it is answered");
		$endings{$ending}->($client);
		is($next->value("next $count"), "next $count", '... the next client is served');
		my ($number, @rest);
		wait_until(sub { ($number, @rest) = after_query($sql); @rest }, 'the end of its connection');
		# What may speak of a statement waits until it is whole, so its server has seen nothing of it.
		my $seen = $half =~ /^(?:Parse|Query)$/ ? "$number Q next $count|" : "$number eof ";
		is_deeply(\@rest, [$seen], '... and nobody saw the half');
	}
}

# The other half comes together with what no client may send.
for my $bad ("!\0\0\0\4", "Q\0\0\0\0", "\0" x 5)
{
	my $sql    = 'query ' . ++$count;
	my $client = Wire->login($millpond);
	$client->put(Query($sql), substr($data, 0, 50));
	is($client->result->{types}, 'TDCZ', 'a query and half a message: the query is answered');
	$client->put(substr($data, 50) . $bad);
	is($client->result->{error}{C}, '08P01', '... what is not allowed is refused');
	$client->close;
	is($next->value("next $count"), "next $count", '... the next client is served');
	my ($number, @rest);
	wait_until(sub { ($number, @rest) = after_query($sql); "@rest" =~ / (?:Q|eof) / }, 'the end of its connection, or what came next');
	like("@rest", qr/^(?:$number d d{100} )?$number (?:Q next $count\||eof )$/,
		'... what its server got was whole, or nothing');
}

done_testing;
