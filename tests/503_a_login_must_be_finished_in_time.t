# client_login_timeout counts from the accept, which a silent client has soon, although a byte drips every now and then.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server, settings => { client_login_timeout => 2 });
my $bystander = Wire->login($millpond);
my $from      = time;
my $silent    = Wire->connect($millpond);
my $unix      = Wire->connect($millpond, unix => 1);
my $half      = Wire->connect($millpond);
my $started   = Wire->connect($millpond);
my $dripping  = Wire->connect($millpond);
my $packet    = Startup(user => 'postgres', database => 'postgres', application_name => 'x' x 500);
$half->put(substr $packet, 0, 100);
$started->put(pack 'NN', 8, 80877103);
is($started->get_bytes(1), 'N', 'one has asked for encryption');

my $sent = 0;
while ($dripping->quiet(0.1) && time - $from < 20)
{
	$dripping->put(substr $packet, $sent++, 1);
}
my $waited = time - $from;
cmp_ok($sent, '>', 3, 'a byte at a time');
cmp_ok($waited, '>=', 1.8, 'is borne until the time is over');
cmp_ok($waited, '<', 12, 'and no longer');
my %clients = (dripping => $dripping, silent => $silent, 'on a Unix socket' => $unix, half => $half,
	'after SSLRequest' => $started);
for my $name (sort keys %clients)
{
	my $rest = $clients{$name}->rest;
	like($rest, qr/^E.*Mclient_login_timeout/s, "$name: the words");
}
cmp_ok(time - $from, '<', 15, 'all at about the same time');
is($bystander->value('select 1'), 1, 'others are served');
like($millpond->log_since, qr/closing because: client_login_timeout \(age=\d+s\)/,
	'the log says so');

# The client has said all it has to, but its server does not answer.
my $fake = FakeServer->new(login => sub ($c, $startup) { sleep 60 });
$millpond->reconfigure(settings => { query_wait_timeout => 0 },
	databases => { silent => $fake->target });
my $answer = Wire->connect($millpond)->startup(database => 'silent')->result;
is_deeply([ @{ $answer->{error} }{qw(S C M)} ],
	[ 'FATAL', '57014', 'client_login_timeout (server down)' ], 'a silent server has its own words');

done_testing;
