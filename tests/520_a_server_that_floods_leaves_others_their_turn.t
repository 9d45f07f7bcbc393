# A server that says more than anybody has asked for, when it is checked, reset or at rest, holds up nobody else and is closed.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $folder = PostgreSQL::Test::Utils::tempdir();

# Notices without end.
sub flood ($c) { return $c->flood(Message('N') x 200_000) }

# Each server floods only once.
sub first_time ($what) { return mkdir "$folder/$what" }

my $fake = FakeServer->new(query => sub ($c, $sql) {
	flood($c) if $sql =~ /^(check|DISCARD ALL|ROLLBACK)/ && first_time($1);
	return 0 if $sql ne 'then rest';
	$c->run('rested');
	sleep 0.01 until -e "$folder/go";
	flood($c);
});
my $millpond = Millpond->new('pool',
	settings => { workers => 1, server_check_delay => 0, server_check_query => '', server_connect_timeout => 5,
		query_wait_timeout => 20, server_login_retry => 0.1 },
	databases => { map { $_->[0] => $fake->target . " pool_size=1 $_->[1]" }
		[ light => '' ], [ rest => '' ], [ reset => 'pool_mode=session' ], [ rollback => '' ] });
my $other   = Wire->login($millpond, database => 'light');
my $console = Wire->login($millpond, database => 'pgbouncer');

# Nobody waits while the flood that follows is on, and the server is closed in some time.
sub is_survived ($what, $count, $reason)
{
	wait_until(sub { ($fake->received(qr/floods/))[ $count - 1 ] }, "the flood at $what");
	# ThreadSanitizer takes up to a second for what is read between two turns.
	cmp_ok($other->slowest(0.5), '<', 3, "$what: others have their turn");
	wait_until(sub { $millpond->log_since =~ /closing because: $reason/ }, "$what: the end");
	return;
}

my $client = Wire->login($millpond, database => 'rest');
is($client->value('then rest'), 'rested', 'a server is at rest');
put_file("$folder/go");
is_survived('rest', 1, 'idle server got dirty');

$client = Wire->login($millpond, database => 'reset');
$client->value('two');
$client->close;
is_survived('the reset', 2, 'reset query failed');

$client = Wire->login($millpond, database => 'rollback');
$client->query('begin');
$client->close;
is_survived('the rollback', 3, 'client disconnect while server was not ready');

$client = Wire->login($millpond, database => 'rest');
$client->value('three');
$console->query("SET server_check_query = 'check'");
$client->put(Query('four'));
is_survived('the check', 4, 'test query failed');
is($client->result->{rows}[0][0], 'four', 'and another server answers');

done_testing;
