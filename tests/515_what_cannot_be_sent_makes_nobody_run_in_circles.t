# A session whose client does not take what it is owed sleeps, also after its goodbye and after its server's.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $row  = DataRow('x' x 100_000);
my $fake = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /^(?:late|last)/;
	$c->put(RowDescription('x'), $row x 12);
	$c->log('stalled', $sql);
	if ($sql =~ /late/)
	{
		sleep 4;
		$c->put($row x 12, CommandComplete('SELECT 24'), ReadyForQuery());
		return 1;
	}
	$c->put(CommandComplete('SELECT 12'), ReadyForQuery(),
		ErrorResponse('57P01', 'these are the last words', 'FATAL'));
	$c->leave;
});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target,
	session => $fake->target . ' pool_mode=session' });
my $other = Wire->login($millpond);

# Asks for much, does not read it, and sees that the daemon sleeps for as long as that lasts.
sub rests_while ($client, $what)
{
	my $before = $millpond->cpu_seconds;
	for (1 .. 6)
	{
		sleep 0.25;
		is($other->value("query $_"), "query $_", "$what: another client is served");
	}
	cmp_ok($millpond->cpu_seconds - $before, '<', 0.2, "$what: the daemon sleeps");
	return;
}

sub stalled ($sql, %how)
{
	my $before = () = $fake->received(qr/ stalled /);
	my $client = Wire->login($millpond, %how);
	$client->put(Query($sql));
	wait_until(sub { $before < (() = $fake->received(qr/ stalled /)) }, 'its server to send');
	sleep 0.2;
	return $client;
}

sub read_some ($client)
{
	my $read = 0;
	while ($read < 200_000) { $read += sysread $client->{socket}, my $unused, 200_000 - $read }
	return;
}

my %moves = (
	'reads nothing' => sub ($client) { },
	'reads some'    => sub ($client) { read_some($client) },
	'resets'        => sub ($client) { $client->reset },
);
for my $how ([ unix => 1 ], [ rcvbuf => 8192 ])
{
	for my $move (sort keys %moves)
	{
		my $client = stalled('late', @$how);
		$client->put(Terminate());
		sleep 0.1;
		$moves{$move}->($client);
		rests_while($client, "$how->[0]: a client says goodbye and $move");
		$client->close;
	}
	my $client = stalled('last', database => 'session', @$how);
	rests_while($client, "$how->[0]: a server that has ended");
	my $result = $client->result;
	is($result->{types}, 'T' . 'D' x 12 . 'CZ', 'what it said comes, late');
	is($client->result->{error}{M}, 'these are the last words', '... to its last words');
}

done_testing;
