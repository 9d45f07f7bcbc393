# A server that asks for more iterations of a password than anybody needs is given up, and holds up nobody else meanwhile,
# also where libpq has to log in (for krbsrvname), which takes its word for it.
use v5.36;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $secret = Scram::secret('pencil', 'saltsaltsaltsalt', 1);
my $server = FakeServer->new(login => sub ($c, $startup) {
	return 0 if $startup->{database} eq 'light';
	my (undef, $challenge) = Scram->challenge($secret, $c->begin_scram);
	$c->put(AuthRequest(11, $challenge =~ s/i=1$/i=50000000/r));
	$c->log('challenged', '');
	local $Wire::patience = 600;
	$c->get;
	$c->log('left', $startup->{database});
	$c->leave;
});
my $millpond = Millpond->new('pool',
	settings  => { workers => 1, server_login_retry => 60, query_wait_timeout => 20, server_connect_timeout => 3 },
	databases => {
		heavy => $server->target . ' user=me password=pencil',
		libpq => $server->target . ' user=me password=pencil krbsrvname=it',
		killed => $server->target . ' user=me password=pencil krbsrvname=it',
		light => $server->target
	},
	# At the end helpers are left behind on purpose.
	env => { TSAN_OPTIONS => join ':', grep { $_ } $ENV{TSAN_OPTIONS}, 'report_thread_leaks=0' });

my $bystander = Wire->login($millpond, database => 'light');
is($bystander->value('1'), '1', 'a server that asks for nothing');
my $client = Wire->connect($millpond)->startup(database => 'heavy');
wait_until(sub { $server->received(qr/challenged/) }, 'the challenge');
my $begun = time;
is($bystander->value('2'), '2', 'goes on to answer');
cmp_ok(time - $begun, '<', 5, '... at once');
my $error = $client->result->{error};
is($error->{M}, 'server login failed: malformed SCRAM message', 'the other one is given up');
like($error->{D}, qr/iteration count beyond all reason/, '... for this');

$client = Wire->connect($millpond)->startup(database => 'libpq');
wait_until(sub { $server->received(qr/challenged/) == 2 }, 'the challenge for libpq');
$begun = time;
is($bystander->value('3'), '3', 'the bystander is answered while libpq computes');
cmp_ok(time - $begun, '<', 2, '... at once');
$millpond->wait_for_log(qr{S-\w+: libpq/me\S* closing because: connect timeout}, 'what libpq does not end in time is given up');
cmp_ok(time - $begun, '<', 10, '... in its time');
wait_until(sub { $server->received(qr/left libpq/) }, 'the server to be hung up on', 5);
is($bystander->value('4'), '4', 'and then, too, others are answered');

$client = Wire->connect($millpond)->startup(database => 'killed');
wait_until(sub { $server->received(qr/challenged/) == 3 }, 'the challenge for one more');
$begun = time;
$millpond->console('KILL killed');
like($client->result->{error}{M}, qr/admin forced disconnect/, 'KILL does not wait for what libpq computes');
cmp_ok(time - $begun, '<', 2, '... at all');
is($bystander->value('5'), '5', 'nor does anybody else');

done_testing;
