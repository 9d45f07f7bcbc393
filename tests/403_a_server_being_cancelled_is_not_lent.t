# While a cancel request is on its way, its server is not given to anybody, even when the query has ended.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $asked = PostgreSQL::Test::Utils::tempdir() . '/asked';
my $fake  = FakeServer->new(
	cancel => sub ($c)
	{
		put_file($asked);
		sleep 1;
		$c->log('ended', '');
	},
	query => sub ($c, $sql)
	{
		sleep 0.02 while $sql =~ /slow/ && !-e $asked;
		return 0;
	});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' });
my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;
$client->put(Query('slow'));
wait_until(sub { $fake->received(qr/Q slow/) }, 'the query');
my $cancel = Wire->connect($millpond);
$cancel->put(CancelRequest(@$client{qw(pid secret)}));
wait_until(sub { $fake->received(qr/ cancel /) }, 'the cancel request');
is($client->result->{types}, 'TDCZ', 'the query ends before the cancel does');
my $answer = $next->query('next');
is($answer->{rows}[0][0], 'next', 'the next client is served');
my ($connection) = map { /^(\d+)/ } $fake->received(qr/Q next/);
my ($first)      = map { /^(\d+)/ } $fake->received(qr/Q slow/);
my ($sooner) = $fake->received(qr/Q next| ended /);
ok($sooner =~ / ended / || $connection != $first, 'only after the cancel has ended, or by another server');
my ($key) = map { /cancel (.*)/ } $fake->received(qr/ cancel /);
ok($key, 'the request carried a key');

done_testing;
