# What monitors and runbooks look for in PgBouncer's log is in this one, word by word.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $server   = Postgres->new;
my $nobody   = PostgreSQL::Test::Cluster::get_free_port();
my $millpond = Millpond->new('pool', server => $server, settings => { server_login_retry => 1, query_wait_timeout => 2 },
	databases => { '*' => '', postgres => 'pool_size=2', dead => "host=127.0.0.1 port=$nobody",
		statement => 'dbname=postgres pool_mode=statement' });

# Runs the code, and waits for the words in what the log has said since.
sub logs ($words, $what, $code)
{
	my $from = $millpond->log_end;
	$code->();
	ok(eval { $millpond->wait_for_log($words, $from); 1 }, $what) or diag($millpond->log_since($from));
	return $millpond->log_since($from);
}

my $log = logs(qr/LOG registered new auto-database: db=template1$/m, 'a database that "*" stands for', sub {
	Wire->login($millpond, database => 'template1') for 1 .. 2;
});
is(scalar(() = $log =~ /registered new/g), 1, '... once');
unlike($millpond->log_since, qr/auto-database: db=(?:postgres|dead)/, '... and no other');

logs(qr{S-\w+: dead/postgres\@127\.0\.0\.1:$nobody closing because: connect failed \(.*refused.*\) \(age=\d+s\)},
	'no connection', sub { Wire->connect($millpond)->startup(database => 'dead')->result });
logs(qr{S-\w+: postgres/.* closing because: obsolete connection \(age}, 'RECONNECT and a server at rest', sub {
	Wire->login($millpond)->query('select 1');
	$millpond->console('RECONNECT postgres');
});
logs(qr{S-\w+: statement/.* closing because: transaction blocks not allowed in statement pooling mode \(age},
	'a transaction block', sub { Wire->login($millpond, database => 'statement')->put(Query('begin'))->result('E') });

# While a login is under way the entry changes.
my $changed = PostgreSQL::Test::Utils::tempdir() . '/changed';
my $slow    = FakeServer->new(login => sub ($c, $startup) { sleep 0.05 until -e $changed; 0 });
$millpond->reconfigure(databases => { slow => $slow->target });
logs(qr{S-\w+: slow/.* closing because: connect string changed \(age}, 'a server of an entry that is different now', sub {
	my $client = Wire->connect($millpond)->startup(database => 'slow');
	wait_until(sub { $slow->received(qr/ startup /) }, 'the login');
	$millpond->reconfigure(databases => { slow => $slow->target . ' dbname=other' });
	put_file($changed);
	$client->result;
});

# Servers that break the rules of a login that is not libpq's.
my %broken = (
	'broken ParameterStatus packet' => sub ($c, $startup) { $c->put(AuthenticationOk(), Wire::Message('S', "name\0")); 1 },
	'bad cancel key'                => sub ($c, $startup) { $c->put(AuthenticationOk(), Wire::Message('K', 'short')); 1 },
);
my $number = 0;
for my $words (sort keys %broken)
{
	my $fake = FakeServer->new(login => $broken{$words});
	my $name = 'broken' . ++$number;
	$millpond->reconfigure(databases => { $name => $fake->target . ' user=alice password=md5' . '0' x 32 });
	logs(qr{S-\w+: $name/.* closing because: .*$words.*\(age}, $words,
		sub { Wire->connect($millpond)->startup(database => $name)->result });
}

# Why servers are closed, on the real one. A SET of the console holds for the case alone.
my $console = Wire->login($millpond, database => 'pgbouncer');
sub set ($name, $value) { $console->query("SET $name = '$value'")->{error} and die "SET $name" }
sub servers ($database) { return scalar $console->hashes("SHOW SERVERS WHERE database = $database AND state = idle") }
my %reason = (
	'reset query failed' => sub ($database) {
		set(server_reset_query => 'nonsense');
		Wire->login($millpond, database => $database)->query('select 1');
	},
	'test query failed' => sub ($database) {
		my $client = Wire->login($millpond, database => $database);
		$client->query('select 1');
		set(server_check_query => 'nonsense');
		set(server_check_delay => 0);
		is($client->value('select 2'), 2, '... and its client gets another one');
	},
	'pause mode' => sub ($database) {
		Wire->login($millpond, database => $database)->query('select 1');
		wait_until(sub { servers($database) == 1 }, 'the server to rest');
		$console->query("PAUSE $database");
		$console->query("RESUME $database");
	},
	'too many servers in the pool' => sub ($database) {
		my @clients = map { Wire->login($millpond, database => $database) } 1 .. 2;
		$_->query('begin') for @clients;
		$_->query('commit') for @clients;
		$millpond->reconfigure(databases => { $database => 'dbname=postgres pool_size=1' });
		wait_until(sub { servers($database) == 1 }, 'one of two to be closed');
	},
);
for my $reason (sort keys %reason)
{
	my $database = 'why' . ++$number;
	$millpond->reconfigure(databases => { $database => 'dbname=postgres' . ($reason =~ /reset/ ? ' pool_mode=session' : '') });
	my $said = logs(qr{S-\w+: $database/.* closing because: $reason \(age=\d+s\)}, $reason, sub { $reason{$reason}->($database) });
	is(scalar(() = $said =~ /S-\w+: $database.* closing because/g), 1, '... for one server');
	$console->query('RELOAD');
}

# What an admin says, and of which database
for my $verb (qw(PAUSE RESUME DISABLE ENABLE RECONNECT WAIT_CLOSE KILL RESUME))
{
	logs(qr/C-\w+: \S+ $verb 'postgres' command issued$/m, "$verb of a database", sub { $console->query("$verb postgres") });
}
for my $command ('PAUSE', 'RESUME', 'RELOAD', 'KILL_CLIENT 1', 'SHUTDOWN nonsense')
{
	logs(qr/C-\w+: \S+ $command command issued$/m, $command, sub { $console->query($command) });
}

# Why servers are closed when a client leaves, on one that does not play along.
my $cancelled = PostgreSQL::Test::Utils::tempdir() . '/cancelled';
my $stubborn  = FakeServer->new(
	cancel => sub ($c) { put_file("$cancelled.$c->{cancels}") }, # it may come once more, half a second later
	query  => sub ($c, $sql) {
		return $c->put(ErrorResponse('XX000', 'never'), ReadyForQuery('T')) if $sql eq 'ROLLBACK';
		return 0 if $sql ne 'hang';
		sleep 0.05 until -e "$cancelled.$$";
		$c->leave;
	});
my %leaving = (
	'client disconnect before everything was sent to the server' => sub ($client) { $client->put(substr Query('x' x 100_000), 0, -2) },
	'client disconnect while server was not ready'               => sub ($client) { $client->query('begin') },
	'client disconnected with query in progress'                 => sub ($client) { $client->put(Query('hang')) },
	'client disconnected with queries in progress'               => sub ($client) { $client->put(Query('hang') x 2) },
);
$millpond->reconfigure(databases => { stubborn => $stubborn->target });
for my $reason (sort keys %leaving)
{
	my $client = Wire->login($millpond, database => 'stubborn');
	$client->query('select 1');
	logs(qr{S-\w+: stubborn/.* closing because: $reason \(age=\d+s\)}, $reason, sub {
		$leaving{$reason}->($client);
		wait_until(sub { $millpond->pool('stubborn')->{sv_active} == 1 }, 'the server to be lent');
		$client->close;
	});
}

done_testing;
