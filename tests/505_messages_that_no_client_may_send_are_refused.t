# A message type that no client may send ends the session with a clear error, its server is not lent on dirty.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server,
	databases => { postgres => 'pool_size=1' });
my $bystander = Wire->login($millpond);
my %situations = (
	'at rest'          => sub ($c) { },
	'in a transaction' => sub ($c) { $c->query('begin') },
	'in a batch'       => sub ($c) { $c->put(Parse('', 'select 1'), Flush())->result('1') },
);
for my $situation (sort keys %situations)
{
	for my $type ('R', 'Z', 'T', 'z', '0', '!', "\0", "\xFF")
	{
		my $name   = sprintf "%s, message 0x%02x", $situation, ord $type;
		my $client = Wire->login($millpond);
		$situations{$situation}->($client);
		my $answer = $client->put(Message($type, 'x' x 10))->result('E');
		is($answer->{error} && $answer->{error}{C}, '08P01', "$name: a protocol violation");
		like($answer->{error} && $answer->{error}{M},
			qr/invalid frontend message type @{[ ord $type ]}\b/, "$name: in clear words");
		ok($client->closed, "$name: the session ends");
		is($bystander->value('select 1'), 1, "$name: others are served");
	}
}
# A password nobody asked for, and one inside of a session.
my $client = Wire->login($millpond);
my $answer = $client->put(Message('p', "secret\0"))->result('E');
is($answer->{error}{C}, '08P01', 'a password that nobody asked for');
is($bystander->value('select 1'), 1, 'others are served');

# The server would skip what follows a Flush that it cannot read, up to a Sync that nobody owes it.
my ($busy, $flushes, $asks) = map { Wire->login($millpond) } 1 .. 3;
$busy->query('begin');
$flushes->put(Message('H', 'x'));
wait_until(sub { $millpond->pool->{cl_waiting} || !$flushes->quiet }, 'it to be in the queue, or refused');
my $queue = $millpond->pool->{cl_waiting};
$asks->put(Query('select 1'));
wait_until(sub { $millpond->pool->{cl_waiting} > $queue }, 'the next one in the queue');
$busy->query('commit');
is($asks->result('Z', 10)->{types}, 'TDCZ', 'a Flush with a body: the next client has its answer, and no other');
is($flushes->result('E')->{error}{C}, '08P01', '... and the one that sent it is told');
ok($flushes->closed, '... before it is sent away');
is(scalar $server->backends(q(state like 'idle in%')), 0, 'no transaction is left');

done_testing;
