# A server that refuses the login: waiting clients get its own words and SQLSTATE, and are served once it relents.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $fake = FakeServer->new(login => sub ($c, $startup) {
	return 0 if $c->{number} > 3;
	$c->put(ErrorResponse('28P01', 'password authentication failed for user "me"', 'FATAL'));
	$c->leave;
});
my $good     = FakeServer->new;
my $millpond = Millpond->new('pool',
	settings => { query_wait_timeout => 2, server_login_retry => 0.3 },
	databases => { postgres => $fake->target, good => $good->target });
my $bystander = Wire->login($millpond, database => 'good');

# Connecting may already need the server (its parameters), or only the first query.
sub attempt ()
{
	my $client = Wire->connect($millpond);
	my $answer = $client->startup->result;
	return $answer->{error} ? $answer : $client->query('select 1');
}
my $from   = time;
my $answer = attempt();
if ($answer->{error})
{
	is($answer->{error}{C}, '28P01', "the server's SQLSTATE");
	like($answer->{error}{M}, qr/password authentication failed for user "me"/,
		"the server's words");
	cmp_ok(time - $from, '<', 15, 'within query_wait_timeout');
}
else { cmp_ok(time - $from, '<', 15, 'or it was patient enough') }
is($bystander->query('select 1')->{types}, 'TDCZ', 'other pools are untouched');
wait_until(sub { my $answer = attempt(); $answer->{types} =~ /D/ }, 'the server to relent');
pass('retries reach the server once it relents');
cmp_ok(scalar $fake->received(qr/ startup /), '<=', 8, 'without hammering on it');
like($millpond->log_since,
	qr/server login failed: FATAL password authentication failed for user "me"/,
		'the log quotes it');

# No server at all.
$millpond->reconfigure(databases => { dead => 'host=127.0.0.1 port=' . PostgreSQL::Test::Cluster::get_free_port() });
my $client = Wire->connect($millpond);
$answer = $client->startup(database => 'dead')->result;
$answer = $client->query('select 1') if !$answer->{error};
like($answer->{error}{C}, qr/^08/, 'nobody listens: a connection exception');
like($answer->{error}{M}, qr/refused|connect|query_wait_timeout/i, 'with the reason');
is($bystander->query('select 1')->{types}, 'TDCZ', 'other pools are untouched');

done_testing;
