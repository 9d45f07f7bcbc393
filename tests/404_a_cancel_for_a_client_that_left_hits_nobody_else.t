# Whoever leaves has his query cancelled before his server goes to the next, even if it has ended meanwhile.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $fake = FakeServer->new(query => sub ($c, $sql) {
	if ($sql =~ /^big (\d+)/)
	{
		$c->put(RowDescription('x'), DataRow('x' x 20_000) x $1, CommandComplete('SELECT'),
			ReadyForQuery());
		$c->log('sent', $sql);
		return 1;
	}
	sleep 0.5 if $sql =~ /next/;
	$c->answer_with($sql);
	$c->log('answered', $sql);
	$c->put(ReadyForQuery());
	return 1;
});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_query => '' });
my $next = Wire->login($millpond);
my $console = Wire->login($millpond, database => 'pgbouncer');

# A client that does not read what it asked for; all of it is on its way to the daemon or there.
sub slow_client ($rows)
{
	my $client = Wire->login($millpond, unix => 1);
	my $before = () = $fake->received(qr/ sent /);
	$client->put(Query("big $rows"));
	wait_until(sub { $before < (() = $fake->received(qr/ sent /)) }, 'the result to be sent');
	return $client;
}

sub is_paused ()
{
	return grep { $_->{key} eq 'paused' && $_->{value} eq 'yes' } $millpond->console('SHOW STATE');
}

# The daemon's buffers hold more or less of it, so that it comes to its end sooner or later.
for my $rows (25 .. 40, 50)
{
	my $client = slow_client($rows);
	my $mark   = () = $fake->received;
	$next->put(Query("next $rows"));
	wait_until(sub { $millpond->pool->{cl_waiting} || !$next->quiet }, 'the next client');
	$client->close;
	is($next->result->{rows}[0][0], "next $rows", "$rows rows: the next client is served");
	my @since = map { /^\d+ (\w+)/ } ($fake->received)[ $mark .. (() = $fake->received) - 1 ];
	unlike("@since", qr/Q (?:\w+ )*cancel (?:\w+ )*answered/,
		'... and no request to cancel came while it was');
}

# The server may go away while the request is on its way.
for my $rows (25 .. 40)
{
	my $client = slow_client($rows);
	is($console->query('RECONNECT')->{error}, undef, "$rows rows: RECONNECT") if $rows % 2;
	$console->put(Query('PAUSE'));
	wait_until(sub { is_paused() }, 'PAUSE');
	$client->close;
	is($console->result->{error}, undef, '... PAUSE ends');
	is($console->query('RESUME')->{error}, undef, '... RESUME');
	is($next->value('again'), 'again', '... the next client is served');
}

done_testing;
