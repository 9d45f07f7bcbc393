# When the service ends, logins to servers end as well, whatever these say or have to be told, and however long.
use v5.36;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

# Once it is challenged, the pooler computes for a while, which is shorter than the second that the end may take.
my $iterations = $ENV{SANITIZE} ? 15_000 : 50_000;
sub challenge ($c)
{
	my (undef, $challenge) = Scram->challenge(Scram::secret('pencil', 'saltsaltsaltsalt', 1), $c->begin_scram);
	$c->put(AuthRequest(11, $challenge =~ s/i=1$/i=$iterations/r));
	$c->log('begun', '');
	$c->rest(600);
	return 1;
}

# It is read more slowly than it can be said, so that there is always more.
sub talk ($c)
{
	my $changes = join '', map { ParameterStatus('a', $_ % 2) } 1 .. 50_000;
	$c->put(AuthenticationOk());
	$c->log('begun', '');
	$c->put($changes) while 1;
}

my %logins = ('endless changes' => \&talk, 'a proof that takes long' => \&challenge);
for my $name (sort keys %logins)
{
	my $fake     = FakeServer->new(login => sub ($c, $startup) { $logins{$name}->($c) });
	my $millpond = Millpond->new('pool' . length $name, settings => { workers => 1, server_connect_timeout => 0 },
		databases => { postgres => $fake->target . ' user=me password=pencil' });
	my $client = Wire->connect($millpond)->startup;
	wait_until(sub { $fake->received(qr/begun/) }, 'the login');
	$millpond->signal('QUIT');
	is($millpond->wait_exit(15), 0, "$name: the service ends");
	like($millpond->log_since, qr/S-\w+: .*closing because: server shutting down/, '... and the login before it');
	ok($client->closed, '... with the client');
}

done_testing;
