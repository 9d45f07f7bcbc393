# client_idle_timeout counts from the end of what a client without a server did last, in every pool mode.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { workers => 1, client_idle_timeout => 2 },
	databases => { postgres => '', session => 'dbname=postgres pool_mode=session' });

sub ends_when_idle ($client, $what)
{
	my $answer = $client->result;
	is($answer->{error}{M}, 'client_idle_timeout', "$what: and is ended when it is idle");
	return;
}

# Each query at once after the one before, or after far less than two seconds.
my $busy = Wire->login($millpond);
my $answers = 0;
for (1 .. 12)
{
	$answers++ if $busy->query('select pg_sleep(0.1)')->{types} eq 'TDCZ';
	sleep 0.2;
}
is($answers, 12, 'a client that asks now and then stays');
ends_when_idle($busy, 'it');

my $client = Wire->login($millpond);
is($client->query($_)->{error}, undef, $_) for 'begin', 'select pg_sleep(2.5)', 'commit', 'select 1';
sleep 0.2;
is($client->query('select 2')->{rows}[0][0], 2, 'after a long transaction it stays');
ends_when_idle($client, 'it');

# Those who have a server, for their session or their transaction, are not what it is about.
my %holder = map { $_ => Wire->login($millpond, database => $_) } qw(postgres session);
$holder{$_}->query('begin; select 1') for keys %holder;
my $session = Wire->login($millpond, database => 'session');
$session->query('select 1');
ends_when_idle(Wire->login($millpond), 'transaction mode: one who has asked nothing');
ends_when_idle(Wire->login($millpond, database => 'session'), 'session mode: one who has asked nothing');
is($session->query('select 1')->{types}, 'TDCZ', 'session mode: one who has a server stays');
is($holder{$_}->query('commit')->{error}, undef, "$_: one in a transaction as well") for sort keys %holder;
ends_when_idle($holder{postgres}, 'transaction mode: after it');
is($holder{session}->query('select 1')->{types}, 'TDCZ', 'session mode: not after it');

# What it has prepared out of sight keeps it at its server; that gives it no session.
my $pinned = Wire->login($millpond);
$pinned->query('select 1; prepare hidden as select 2');
ends_when_idle($pinned, 'transaction mode: one that is pinned to its server');

done_testing;
