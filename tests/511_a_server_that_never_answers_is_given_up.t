# A server that accepts and then says nothing is given up after server_connect_timeout, before and within the login.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my %silences = (
	'before the login' => sub ($c, $startup) { sleep 60 },
	'within the login' => sub ($c,
		$startup) { $c->put(AuthenticationOk(),
			ParameterStatus('server_version', '15')); sleep 60 },
	'dripping'         => sub ($c,
		$startup) { $c->put(AuthenticationOk()); $c->put(ParameterStatus("a$_", 'b')),
			sleep 0.3 for 1 .. 200 },
);
for my $name (sort keys %silences)
{
	# The first connection is silent, the others are not.
	my $fake = FakeServer->new(login => sub ($c, $startup) { $silences{$name}->($c, $startup)
		if $c->{number} == 1; 0 });
	my $millpond = Millpond->new("pool" . length $name,
		settings => { server_connect_timeout => 1, server_login_retry => 0.2 },
		databases => { postgres => $fake->target . ' pool_size=1' });
	my $from   = time;
	my $client = Wire->connect($millpond);
	my $answer = $client->startup->result;
	is($answer->{status}, 'I', "$name: the login succeeds in the end");
	is($client->query('hello')->{rows}[0][0], 'hello', "$name: and the client is served");
	cmp_ok(time - $from, '>=', 0.9, "$name: after the time-out");
	cmp_ok(time - $from, '<', 20, "$name: and soon");
	like($millpond->log_since, qr/S-\w+: .*closing because: connect timeout/,
		"$name: the log says so");
	$millpond->stop;
}

# Nobody is held up by somebody else's silent server, and logins run side by side.
my $silent = FakeServer->new(login => sub ($c, $startup) { sleep 60 });
my $slow   = FakeServer->new(login => sub ($c, $startup) { sleep 1; 0 });
my $good   = FakeServer->new;
my $millpond = Millpond->new('many',
	settings => { query_wait_timeout => 6, server_connect_timeout => 20 },
	databases => { silent => $silent->target, slow => $slow->target, good => $good->target });
my $stuck = Wire->connect($millpond)->startup(database => 'silent');
my $from  = time;
is(Wire->login($millpond, database => 'good')->query('x')->{types}, 'TDCZ',
	'another pool is served');
cmp_ok(time - $from, '<', 10, 'long before the other gives up');
my @clients = map { Wire->connect($millpond)->startup(database => 'slow') } 1 .. 8;
is((grep { ($_->result->{status} // '') eq 'I' } @clients), 8, 'eight who wait for slow logins come in');
$_->put(Query('select 1')) for @clients;
is((grep { $_->result->{types} eq 'TDCZ' } @clients), 8, '... and are served, as the logins run side by side');
my $answer = $stuck->result;
$answer = $stuck->query('select 1') if !$answer->{error};
like($answer->{error}{C}, qr/^(?:57014|08\d\d\d)$/,
	'who waits for the silent server is told so in time');

done_testing;
