# A cancel request reaches the right server and no other; a wrong key reaches nothing.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 3 });
my $client   = Wire->login($millpond);
my $other    = Wire->login($millpond);

sub sleeps ($n) { wait_until(sub { $n == $server->backends(q(wait_event = 'PgSleep')) },
	"$n queries to run") }

for my $unix (0, 1)
{
	$client->{how} = { unix => $unix };
	$_->put(Query('select pg_sleep(20)')) for $client, $other;
	sleeps(2);
	my $from = time;
	ok($client->cancel, 'the cancel connection is closed');
	my $answer = $client->result;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ],
		[ 'ERROR', '57014', 'canceling statement due to user request' ], "the server's own words");
	is($answer->{status}, 'I', 'the session goes on');
	cmp_ok(time - $from, '<', 10, 'at once');
	is($client->value('select 1'), 1, 'with the next query');
	sleeps(1);
	ok($other->quiet, "the other client's query runs on");

	$other->cancel($other->{secret} ^ 1);
	$other->cancel(0);
	{
		local $other->{pid} = $other->{pid} ^ 1;
		$other->cancel;
	}
	sleep 0.3;
	ok($other->quiet, 'a wrong key cancels nothing');
	$other->cancel;
	is($other->result->{error}{C}, '57014', 'the right one does');
}
$client->cancel;
is($client->value('select 1'), 1, 'cancelling a session at rest does nothing');
$client->query('begin');
$client->cancel;
is($client->value('select 1'), 1, 'nor in an idle transaction');
$client->put(Query('select pg_sleep(20)'));
sleeps(1);
$client->cancel;
is($client->result->{status}, 'E', 'a transaction fails by it');
is($client->query('rollback')->{status}, 'I', 'and can be ended');

my %keys = map { my $c = Wire->login($millpond); "$c->{pid}/$c->{secret}" => 1 } 1 .. 50;
is(scalar keys %keys, 50, 'no two sessions have the same key');

done_testing;
