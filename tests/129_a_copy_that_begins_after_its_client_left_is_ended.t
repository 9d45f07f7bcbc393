# A COPY FROM STDIN whose client leaves before the server has said that it begins is ended at once.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

# As PostgreSQL does when the cancel request meets it as it begins to read: it says G, and waits for the data.
my $fake = FakeServer->new(
	message => sub ($c, $type, $body)
	{
		return 0 if $type ne 'f';
		$c->put(FakeServer::ErrorResponse('57014', 'COPY from stdin failed'), FakeServer::ReadyForQuery());
		return 1;
	},
	query => sub ($c, $sql)
	{
		return 0 if $sql !~ /copy/;
		sleep 0.5;
		$c->put(Message('G', "\0\0\1\0\0"));
		return 1;
	});
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' });
my ($client, $next) = map { Wire->login($millpond) } 1 .. 2;
$client->put(Query('copy t from stdin'));
wait_until(sub { $fake->received(qr/Q copy/) }, 'the query');
$client->close;
my $from = time;
is($next->query('next')->{rows}[0][0], 'next', 'the next client is served');
cmp_ok(time - $from, '<', 10, 'soon');
ok($fake->received(qr/ f /), 'the server was told that nothing comes');
is(scalar(() = $fake->received(qr/startup/)), 1, 'by the same server');

done_testing;
