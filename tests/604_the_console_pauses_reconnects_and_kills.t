# PAUSE answers when all servers are closed, RECONNECT renews them, KILL and KILL_CLIENT send clients away.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $server   = Postgres->new;
$server->safe_psql('postgres', 'create role app login; create role bob login');
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => '', second => 'dbname=postgres',
		session => 'dbname=postgres pool_mode=session', map { $_ => 'dbname=postgres' } qw(unused spare) }, settings => { stats_period => 1 });
my ($client, $second) = (Wire->login($millpond), Wire->login($millpond, database => 'second'));
my $console = Wire->login($millpond, database => 'pgbouncer');

sub fails ($command, $message)
{
	is_deeply([ @{ $console->query($command)->{error} }{qw(S C M)} ], [ 'ERROR', '08P01', $message ], $command);
}

# PAUSE and RESUME
$client->query('begin');
$console->put(Query('PAUSE'), Query('SHOW VERSION'));
ok($console->quiet(0.3), 'PAUSE waits for a transaction');
is($millpond->pool->{sv_active}, 1, 'others are served meanwhile');
$client->query('commit');
is_deeply($console->result->{tags}, ['PAUSE'], 'then it answers');
is_deeply($console->result->{tags}, ['SHOW'], 'and goes on with what was sent behind it');
wait_until(sub { !$server->backends }, 'the servers to go');
pass('no server is left');
is(($console->hashes('SHOW STATE'))[1]{value}, 'yes', 'it is paused');
fails('PAUSE', 'already suspended/paused');
$client->put(Query('select 1'));
ok($client->quiet(0.3), 'queries wait');
is((grep { $_->{database} eq 'postgres' } $console->hashes('SHOW CLIENTS'))[0]{state}, 'waiting', 'their clients are waiting');
my $newcomer = Wire->connect($millpond)->startup(user => 'app');
ok($newcomer->quiet(0.3), 'and so do those who come with a new name');
is($server->backends, 0, 'without a server');
is_deeply($console->query('RESUME')->{tags}, ['RESUME'], 'RESUME');
is($newcomer->result->{status}, 'I', 'lets them in');
is($client->result->{rows}[0][0], 1, 'lets them go on');
fails('RESUME', 'pooler is not paused/suspended');

# An admin who leaves, or is sent away, while PAUSE waits
$client->query('begin');
for my $how ('leaves', 'is killed')
{
	my $admin = Wire->login($millpond, database => 'pgbouncer');
	my ($row) = sort { $b->{id} <=> $a->{id} } grep { $_->{database} eq 'pgbouncer' } $console->hashes('SHOW CLIENTS');
	$admin->put(Query('PAUSE'));
	ok($admin->quiet(0.2), 'PAUSE waits');
	if ($how eq 'leaves') { $admin->close }
	else { is_deeply($console->query("KILL_CLIENT $row->{id}")->{tags}, ['KILL_CLIENT'], 'KILL_CLIENT') }
	wait_until(sub { !grep { $_->{id} == $row->{id} } $console->hashes('SHOW CLIENTS') }, "the admin who $how to be gone");
	is($admin->result->{error}{M}, 'admin forced disconnect', 'and told') if $how eq 'is killed';
	$console->query('RESUME');
}
$client->query('commit');

# One database
is_deeply($console->query('PAUSE postgres')->{tags}, ['PAUSE'], 'PAUSE of a database');
my %paused = map { $_->{name} => $_->{paused} } $console->hashes('SHOW DATABASES');
is_deeply([ @paused{qw(postgres second)} ], [ 1, 0 ], 'is shown');
$client->put(Query('select 2'));
ok($client->quiet(0.3), 'its queries wait');
$newcomer = Wire->connect($millpond)->startup(user => 'bob');
ok($newcomer->quiet(0.3), 'and new pools of it do');
is($second->value('select 3'), 3, 'others do not');
fails('RESUME second', 'database second is not paused');
is_deeply($console->query('RESUME postgres')->{tags}, ['RESUME'], 'RESUME of a database');
is($client->result->{rows}[0][0], 2, 'lets it go on');
for my $verb (qw(PAUSE RESUME RECONNECT KILL))
{
	fails("$verb nowhere", 'no such database: nowhere');
	fails("$verb pgbouncer", "cannot \L$verb\E admin db: pgbouncer");
}

# A pause of all and that of one database are two things.
sub is_paused ($database)
{
	return ($console->hashes("SHOW DATABASES WHERE name = $database"))[0]{paused};
}
$console->query('PAUSE');
is(is_paused('postgres'), 0, 'a pause of all is none of a database');
fails("RESUME $_", "database $_ is not paused") for qw(postgres unused);
$client->put(Query('select 6'));
ok($client->quiet(0.3), 'and goes on');
$console->query('RESUME');
is($client->result->{rows}[0][0], 6, 'until RESUME of all');
$console->query('PAUSE postgres');
$console->query('PAUSE');
$client->put(Query('select 7'));
$second->put(Query('select 8'));
is_deeply($console->query('RESUME')->{tags}, ['RESUME'], 'which opens all');
is($second->result->{rows}[0][0], 8, 'others');
my $from = $millpond->log_end;
$millpond->signal('USR2');
$millpond->wait_for_log(qr/got SIGUSR2/, $from);
is(is_paused('postgres'), 1, 'a database stays paused, also after SIGUSR2');
ok($client->quiet(0.3), 'with its queries');
fails('RESUME', 'pooler is not paused/suspended');
is_deeply($console->query('RESUME postgres')->{tags}, ['RESUME'], 'until it is opened itself');
is($client->result->{rows}[0][0], 7, 'and they go on');

# A PAUSE that is undone while it waits does not say that it is done.
$client->query('begin');
my $hasty = Wire->login($millpond, database => 'pgbouncer');
for my $of ('', ' postgres')
{
	$console->put(Query("PAUSE$of"));
	ok($console->quiet(0.3), "PAUSE$of waits");
	is_deeply($hasty->query("RESUME$of")->{tags}, ['RESUME'], "... until another admin says RESUME$of");
	my $result = $console->result;
	is_deeply([ @{ $result->{error} }{qw(S C M)} ], [ 'ERROR', '08P01', 'RESUME was issued meanwhile' ], '... which is told');
	is($client->value('select 9'), 9, '... and nothing is paused');
}
$console->put(Query('PAUSE postgres'));
ok($console->quiet(0.3), 'PAUSE of a database waits');
$hasty->put(Query('PAUSE'));
ok($hasty->quiet(0.3), '... and so does that of all');
$console->cancel;
is($console->result->{error}{C}, '57014', '... the first is taken back');
$console->query('RESUME');
is($hasty->result->{error}{M}, 'RESUME was issued meanwhile', '... and so is the other');
$client->query('commit');
$hasty->close;

# Databases that nobody has used yet
for ([ PAUSE => 'unused' ], [ KILL => 'spare' ])
{
	my ($verb, $database) = @$_;
	is_deeply($console->query("$verb $database")->{tags}, [$verb], "$verb of a database without pools");
	my ($shown) = grep { $_->{name} eq $database } $console->hashes('SHOW DATABASES');
	is($shown->{paused}, 1, '... is shown');
	my $early = Wire->connect($millpond)->startup(database => $database);
	ok($early->quiet(0.3), '... keeps its first client waiting');
	fails('SUSPEND', 'cannot suspend with paused databases');
	is_deeply($console->query("RESUME $database")->{tags}, ['RESUME'], '... until RESUME');
	is($early->result->{status}, 'I', '... which lets it in');
	fails("RESUME $database", "database $database is not paused");
}

# A session keeps its server, so that it is waited for as a whole.
my $session = Wire->login($millpond, database => 'session');
my $backend = $session->value('select pg_backend_pid()');
$console->put(Query('PAUSE session'));
wait_until(sub { (grep { $_->{name} eq 'session' } $millpond->console('SHOW DATABASES'))[0]{paused} }, 'the pause');
is($session->value('select pg_backend_pid()'), $backend, 'a session goes on') for 1 .. 2;
ok($console->quiet, 'PAUSE waits for it');
$session->close;
is_deeply($console->result->{tags}, ['PAUSE'], 'until it leaves');
$console->query('RESUME session');

# RECONNECT and WAIT_CLOSE
my $pid = $client->value('select pg_backend_pid()');
is_deeply($console->query('RECONNECT')->{tags}, ['RECONNECT'], 'RECONNECT');
isnt($client->value('select pg_backend_pid()'), $pid, 'renews the servers at rest');
$client->query('begin');
$console->query('RECONNECT postgres');
$console->put(Query('WAIT_CLOSE postgres'));
ok($console->quiet(0.3), 'WAIT_CLOSE waits for a transaction on an old server');
$client->query('commit');
is_deeply($console->result->{tags}, ['WAIT_CLOSE'], 'then it answers');

# KILL_CLIENT and KILL
fails('KILL_CLIENT 12345', 'client not found');
fails('KILL_CLIENT 0x12', 'invalid client pointer supplied');
fails('KILL_CLIENT 99999999999999999999', 'invalid client pointer supplied');
fails('KILL_CLIENT', "invalid command 'KILL_CLIENT', use SHOW HELP;");
my ($row) = grep { $_->{database} eq 'second' } $console->hashes('SHOW CLIENTS');
is_deeply($console->query("KILL_CLIENT $row->{id}")->{tags}, ['KILL_CLIENT'], 'KILL_CLIENT');
is($second->result->{error}{M}, 'admin forced disconnect', 'tells the client');
ok($second->closed, 'and sends it away');
$second = Wire->login($millpond, database => 'second');
$client->query('begin');
is_deeply($console->query('KILL postgres')->{tags}, ['KILL'], 'KILL of a database');
is($client->result->{error}{M}, 'admin forced disconnect', 'sends its clients away');
is($second->value('select 4'), 4, 'others stay');
$console->query('RESUME postgres');
$client = Wire->login($millpond);
is_deeply($console->query('KILL')->{tags}, ['KILL'], 'KILL of all');
is($_->result->{error}{M}, 'admin forced disconnect', 'sends everybody away') for $client, $second;
wait_until(sub { 1 == $console->hashes('SHOW CLIENTS') }, 'them to be gone');
pass('but the admin');
$console->query('RESUME');
is(Wire->login($millpond)->value('select 5'), 5, 'after RESUME all is well');

# Many commands at once, long ones, and the extended protocol
$console->put((Query('SHOW STATE'), Query('nonsense'), Query('')) x 500);
is(join(' ', map { $console->result->{types} } 1 .. 1500), join(' ', ('TDDDCZ', 'EZ', 'IZ') x 500), 'pipelined commands');
is($console->query('x' x 100_000)->{error}{M}, 'bad arguments', 'a long word');
like($console->query("SHOW '" . 'x' x 100_000)->{error}{M}, qr/^invalid command 'SHOW 'x+', use SHOW HELP;$/, 'a long command');
my $message = Query('SHOW VERSION');
for my $byte (split //, $message) { $console->put($byte); sleep 0.01 }
is($console->result->{types}, 'TDCZ', 'a command that comes byte by byte');
$console->put(Bind('', 'none'), Flush());
is($console->get->[0], 'E', 'an extended query that fails says so before its Sync');
$console->put(Bind(), Execute(), Query('SHOW VERSION'), Sync(), Query('SHOW VERSION'));
is($console->result->{types}, 'Z', 'what belongs to it is dropped');
is($console->result->{types}, 'TDCZ', 'and then all is well');
is($console->put(FunctionCall(1))->result->{types}, 'EZ', 'a function call');
$console->put(Query('SHOW VERSION'), Terminate());
is($console->result->{types}, 'TDCZ', 'who leaves is answered');
ok($console->closed, 'and left');

done_testing;
