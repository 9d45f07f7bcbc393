# client_idle_timeout counts from the end of what a client did last, in every pool mode.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { client_idle_timeout => 1 },
	databases => { postgres => '', session => 'dbname=postgres pool_mode=session' });

sub ends_when_idle ($client, $what)
{
	my $answer = $client->result;
	is($answer->{error}{M}, 'client_idle_timeout', "$what: and is ended when it is idle");
	return;
}

# Each query at once after the one before, or after far less than a second.
my $busy = Wire->login($millpond, database => 'session');
my $answers = 0;
for (1 .. 12)
{
	$answers++ if $busy->query('select pg_sleep(0.1)')->{types} eq 'TDCZ';
	sleep 0.2;
}
is($answers, 12, 'session mode: a client that asks now and then stays');
ends_when_idle($busy, 'session mode');

for my $database (qw(postgres session))
{
	my $client = Wire->login($millpond, database => $database);
	is($client->query($_)->{error}, undef, "$database: $_")
		for 'begin', 'select pg_sleep(1.5)', 'commit', 'select 1';
	sleep 0.2;
	is($client->query('select 2')->{rows}[0][0], 2, "$database: after a long transaction it stays");
	ends_when_idle($client, $database);
}

done_testing;
