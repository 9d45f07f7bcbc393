# While a cancel request is on its way, its server is not given to anybody, even when the query has ended.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $fake = FakeServer->new(
	cancel => sub ($c) { sleep 1 },
	query  => sub ($c, $sql) { sleep 0.4 if $sql =~ /slow/; return 0 });
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' });
my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;
$client->put(Query('slow'));
wait_until(sub { $fake->received(qr/Q slow/) }, 'the query');
my $cancel = Wire->connect($millpond);
$cancel->put(CancelRequest(@$client{qw(pid secret)}));
wait_until(sub { $fake->received(qr/ cancel /) }, 'the cancel request');
my $from = time;
is($client->result->{types}, 'TDCZ', 'the query ends before the cancel does');
my $answer = $next->query('next');
is($answer->{rows}[0][0], 'next', 'the next client is served');
my ($connection) = map { /^(\d+)/ } $fake->received(qr/Q next/);
my ($first)      = map { /^(\d+)/ } $fake->received(qr/Q slow/);
ok(time - $from > 0.4 || $connection != $first,
	'only after the cancel has ended, or by another server');
my ($key) = map { /cancel (.*)/ } $fake->received(qr/ cancel /);
ok($key, 'the request carried a key');

done_testing;
