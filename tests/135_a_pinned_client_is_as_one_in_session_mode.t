# A client that is pinned to its server meets commands, limits, changes of settings and the end of its server as one in session
# mode does, and leaves nothing behind.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my @limits   = qw(idle_transaction_timeout transaction_timeout query_timeout client_idle_timeout);
my %settings = (server_idle_timeout => 600, pin_clients => 1, pool_mode => 'transaction', server_lifetime => 600, map { $_ => 0 } @limits);
my $millpond = Millpond->new('pool', server => $server, settings => \%settings,
	databases => { one => 'dbname=postgres pool_size=1', statement => 'dbname=postgres pool_size=1 pool_mode=statement' });
my $direct = Wire->login($server);
my $admin  = Wire->login($millpond, database => 'pgbouncer');

my $what_there_is = <<'END';
select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
	(select count(*) from pg_class where relnamespace = pg_my_temp_schema()),
	(select count(*) from pg_cursors where is_holdable), (select count(*) from pg_listening_channels())
END
sub client (%more) { return Wire->login($millpond, database => 'one', %more) }
sub pinned         { return join '; ', map { $_->{reason} } $millpond->console('SHOW PINNED') }

# The reply is there before the question behind it is answered.
sub is_pinned_for ($reason, $what)
{
	eval { wait_until(sub { pinned() eq $reason }, 'it to be pinned') };
	is(pinned(), $reason, $what);
	return;
}
sub notify ($text) { return $direct->query("notify news, '$text'") }

sub is_clean ($what, %more)
{
	my $next = client(%more);
	is_deeply($next->query($what_there_is)->{rows}[0], [ 0, 0, 0, 0 ], "$what: the next one finds nothing");
	$next->close;
	return;
}

sub listener (%more)
{
	my $client = client(%more);
	$client->query('listen news');
	return $client;
}

# PAUSE waits for it, as for whoever is in a session.
my $client = listener();
$admin->put(Query('PAUSE one'));
wait_until(sub { ($millpond->console("SHOW DATABASES WHERE name = 'one'"))[0]{paused} }, 'the pause');
notify('in the pause');
is_deeply($client->result('A')->{notifications}, [ [ 'news', 'in the pause' ] ], 'it hears while PAUSE waits');
is($client->value('select 1'), 1, '... and is served');
ok($admin->quiet, '... for its server');
$client->query('unlisten *');
is($admin->result->{types}, 'CZ', '... which it gives back');
$admin->query('RESUME one');
$client->close;

# What ends it takes all of it along.
for my $case ([ 'KILL', sub { $admin->query('KILL one'); $admin->query('RESUME one') }, '57P01', 'admin forced disconnect' ],
	[ 'KILL_CLIENT', sub { $admin->query('KILL_CLIENT ' . ($millpond->console('SHOW CLIENTS WHERE database = one'))[0]{id}) }, '57P01', 'admin forced disconnect' ],
	[ 'client_idle_timeout', sub { $millpond->reconfigure(settings => { %settings, client_idle_timeout => 1 }) }, '57P05', 'client_idle_timeout' ])
{
	my ($what, $end, $code, $message) = @$case;
	my $client = listener();
	$client->query($_) for 'select pg_advisory_lock(1)', 'create temp table t (i int)', 'declare c cursor with hold for select 1';
	$end->();
	my $error = $client->result('E')->{error};
	is("$error->{C} $error->{M}", "$code $message", "$what ends it");
	is_clean($what);
	$millpond->reconfigure(settings => \%settings);
}

# Its server ends while it rests.
$client = listener();
my $pid = $client->value('select pg_backend_pid()');
$direct->query("select pg_terminate_backend($pid)");
is($client->result('E')->{error}{C}, '57P01', 'it is told what its server says last');
ok($client->closed, '... and is gone with it');
is_clean('a server that has ended');

# Limits of transactions and servers are not for those who rest.
$millpond->reconfigure(settings => { %settings, map { $_ => 1 } 'server_lifetime', @limits[ 0 .. 2 ] });
$client = listener();
my $rests_since = time;
wait_until(sub { time - $rests_since > 2 }, 'two seconds');
is($client->value('select 1'), 1, 'limits of transactions and servers are not for its rest');
$client->close;
$millpond->reconfigure(settings => \%settings);

# Another role, and transactions that may only read, do not hinder the pooler.
$direct->query('create role other; grant other to current_user');
$client = listener();
$client->query($_) for 'create temp table t (i int)', 'select pg_advisory_lock(1)', 'set role other', 'declare c cursor with hold for select 1',
	'set default_transaction_read_only = on';
is_pinned_for('advisory locks, temporary tables, cursors WITH HOLD, channels it listens to', 'what it has as another role counts');
$client->close;
is_clean('another role that only reads');

# Modes that change under it.
$client = listener();
$millpond->reconfigure(settings => { %settings, pool_mode => 'session' });
$client->query($_) for 'select pg_advisory_lock(3)', 'begin';
is(pinned(), '', 'in session mode nobody is said to be pinned');
$millpond->reconfigure(settings => \%settings);
notify('one');
$client->query('create temp table t (i int)');
$client->query('commit');
is_pinned_for('advisory locks, temporary tables, channels it listens to', 'back in transaction mode it is, for all that');
$client->close;
is_clean('a change of the mode');
$millpond->reconfigure(settings => { %settings, pool_mode => 'session' });
$client = client();
$client->query($_) for 'select pg_advisory_lock(3)', 'create temp table t (i int)';
$millpond->reconfigure(settings => \%settings);
$client->query('select 1');
is_clean('what was made in session mode');
$client->close;

# Each statement is a transaction of its own.
$client = listener(database => 'statement');
$client->query($_) for 'create temp table t (i int)', 'insert into t values (7)';
is($client->value('select i from t'), 7, 'in statement mode it is pinned likewise');
is($client->query('begin')->{error}{M}, 'transaction blocks not allowed in statement pooling mode', '... but has no blocks');
is_clean('statement mode', database => 'statement');

# SUSPEND holds it still.
$client = listener();
$admin->query('SUSPEND');
notify('while suspended');
ok($client->quiet, 'it hears nothing while all is suspended');
$admin->query('RESUME');
is_deeply($client->result('A')->{notifications}, [ [ 'news', 'while suspended' ] ], '... and all afterwards');

# A shutdown that waits for servers waits for its.
$admin->put(Query('SHUTDOWN WAIT_FOR_SERVERS'));
$millpond->wait_for_log(qr/SHUTDOWN/i);
is($client->value('select 1'), 1, 'a shutdown waits for it');
$client->query('unlisten *');
is($millpond->wait_exit, 0, '... until it is free');

done_testing;
