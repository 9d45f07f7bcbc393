# A host that does not take cancel requests holds up those for no other host, and no RELOAD; and after one
# of which nobody knows what became of it, its server goes to nobody else.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server   = Postgres->new;
my $hanging  = FakeServer->new(
	query  => sub ($c, $sql) { sleep 300 if $sql eq 'hang'; return 0 },
	cancel => sub ($c) { sleep 300 });
my $millpond = Millpond->new('pool', server => $server,
	settings  => { cancel_wait_timeout => 2 },
	databases => {
		postgres => '',
		hanging  => $hanging->target . ' pool_size=10',
		local    => 'host=' . $server->host . ' port=' . $server->port . ' dbname=postgres pool_size=1',
	});

# More than there are helpers for one host.
my @clients = map { Wire->login($millpond, database => 'hanging') } 1 .. 6;
$_->put(Query('hang')) for @clients;
wait_until(sub { 6 == $hanging->received(qr/Q hang/) }, 'the queries');
my $unheard = Wire->connect($millpond);
my $patient = pop @clients;
$unheard->put(CancelRequest(@$patient{qw(pid secret)}));
wait_until(sub { $hanging->received(qr/ cancel /) }, 'the first cancel request');
$_->close for @clients;
wait_until(sub { 4 == $hanging->received(qr/ cancel /) }, 'as many as may hang at once');

my $client = Wire->login($millpond);
$client->put(Query('select pg_sleep(300)'));
wait_until(sub { $server->backends(q(wait_event = 'PgSleep')) }, 'a query on another host');
$client->cancel;
is($client->result->{error}{C}, '57014', 'a query on another host is cancelled');
$millpond->reconfigure(settings => { server_idle_timeout => 60 });
pass('a RELOAD is done');
is($unheard->rest, '', 'who asked for what hangs is let go after cancel_wait_timeout, without a word');
ok($millpond->log_contains(qr/cancel request failed: no answer/),
	"... and the log tells of it");
$millpond->wait_for_log(qr/C-\w+: \(nodb\).* closing because: cancel_wait_timeout \(age=\d+s\)/);
pass('... and why its client has gone');

# The socket is not there for the moment, so the request fails.
my ($first, $second) = map { Wire->login($millpond, database => 'local') } 1 .. 2;
my $socket = $server->host . '/.s.PGSQL.' . $server->port;
my $pid    = $first->value('select pg_backend_pid()');
my $holder = Wire->login($server);
$holder->query('select pg_advisory_lock(1)');
$first->put(Query('select pg_advisory_lock(1)'));
wait_until(sub { $server->backends(q(wait_event = 'advisory')) }, 'the query');
rename $socket, "$socket.away" or die "$socket: $!";
$first->cancel;
rename "$socket.away", $socket or die "$socket: $!";
$holder->query('select pg_advisory_unlock(1)');
is($first->result->{types}, 'TDCZ', 'a query whose cancel request failed goes on');
isnt($second->value('select pg_backend_pid()'), $pid, '... and then its server is closed');

done_testing;
