# Servers of one pool may differ in what clients may not set, or an operator decides: nobody is cut off, and nothing undone.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

# Another product's own, with a password: so it is seen at the login.
my $fake = FakeServer->new(
	login => sub ($c, $startup) {
		$c->{parameters}{its_version} = "v$c->{number}";
		return $c->log_in;
	},
	query => sub ($c, $sql) {
		return 0 if $sql !~ /its_version/;
		return $c->put(ErrorResponse('42501', 'permission denied to set parameter'), ReadyForQuery());
	});
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => {
		postgres => 'pool_size=2', other => $fake->target . ' pool_size=2 user=me password=secret' });
my ($first, $holder) = map { Wire->login($millpond, database => 'other') } 1 .. 2;
is($first->query('a')->{rows}[0][0], 'a', 'a server of another product');
$holder->query('begin');
is($first->query('b')->{rows}[0][0], 'b', 'one of another version, which no client can set');
is(() = $fake->received(qr/ startup /), 2, '... is another server');

# Three servers, the last of an older version: a client that was told of one's scram_iterations goes on everywhere.
my $mixed = FakeServer->new(
	login => sub ($c, $startup) {
		$c->{parameters}{scram_iterations} = 4096 * $c->{number} if $c->{number} < 3;
		return $c->log_in;
	},
	query => sub ($c, $sql) {
		return 0 if $sql !~ /scram_iterations/ || $c->{number} < 3;
		return $c->put(ErrorResponse('42704', 'unrecognized configuration parameter'), ReadyForQuery());
	});
$millpond->write_config(databases => { mixed => $mixed->target . ' pool_size=3 user=me password=secret' });
$millpond->safe_psql('millpond', 'reload');
my ($wanderer, @holders) = map { Wire->login($millpond, database => 'mixed') } 1 .. 3;
for my $number (1 .. 3)
{
	is($wanderer->query("query $number")->{rows}[0][0], "query $number", "server $number of mixed ones");
	$holders[$number - 1]->query('begin') if $number < 3;
}
is(() = $mixed->received(qr/ startup /), 3, '... each is another');

# An operator keeps writers out: on new servers, and on those that read their configuration again.
my $direct = Wire->login($server);
my $show   = 'show transaction_read_only';
my ($client, $other) = map { Wire->login($millpond) } 1 .. 2;
is($client->query($show)->{rows}[0][0], 'off', 'anybody may write');
$direct->query('alter role postgres set default_transaction_read_only = on');
$other->query('begin');
is($client->query($show)->{rows}[0][0], 'on', 'nobody may on a new server');
is($client->query($show)->{rows}[0][0], 'on', '... also later');
$other->query('commit');
$direct->query('alter role postgres reset default_transaction_read_only');
$millpond->safe_psql('millpond', 'reconnect');
my ($third, $fourth) = map { Wire->login($millpond) } 1 .. 2;
is($_->query($show)->{rows}[0][0], 'off', 'anybody may write again') for $third, $fourth;
$direct->query(q(alter system set default_transaction_read_only = on));
$direct->query('select pg_reload_conf()');
wait_until(sub { Wire->login($server)->query($show)->{rows}[0][0] eq 'on' }, 'the server to know of it');
is($_->query($show)->{rows}[0][0], 'on', 'nobody may, once it is in the configuration') for $third, $fourth, $third, $fourth;

done_testing;
