# Replication connections pass one to one: pg_basebackup, pg_receivewal, pg_recvlogical and a subscription work, and nobody gets their servers.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(run_log run_command);
use Test::More;
use Wire;

my $server = Postgres->new('server',
	conf => "wal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10\nwal_sender_timeout = 10s");
my $millpond = Millpond->new('pool',
	server    => $server,
	settings  => { default_pool_size => 3, min_pool_size => 1 },
	databases => { postgres => '', replication => 'dbname=postgres' });
my @where  = ('-h', '127.0.0.1', '-p', $millpond->port, '-U', 'postgres');
my $folder = PostgreSQL::Test::Utils::tempdir();

sub gone ()
{
	wait_until(sub { !grep { $_->{replication} ne 'none' } $millpond->console('SHOW SERVERS') },
		'the servers of replication clients to be closed');
	return;
}

# By hand.
my $logical = Wire->login($millpond, replication => 'database', application_name => 'by hand',
	options => '-c extra_float_digits=2 -c work_mem=5MB');
my $result = $logical->query('IDENTIFY_SYSTEM');
is($result->{columns}[0], 'systemid', 'IDENTIFY_SYSTEM on a logical connection');
is($logical->value('show work_mem'), '5MB', 'options are passed on as they are');
is($logical->value('show application_name'), 'by hand', '... and the name');
my $physical = Wire->login($millpond, replication => 'true');
is($physical->query('IDENTIFY_SYSTEM')->{rows}[0][0], $result->{rows}[0][0], 'and on a physical one');
is_deeply([ sort map { $_->{replication} } grep { $_->{database} eq 'postgres' } $millpond->console('SHOW CLIENTS') ],
	[qw(logical physical)], 'SHOW CLIENTS tells them apart');
is_deeply([ sort map { $_->{replication} } $millpond->console("SHOW SERVERS WHERE state = active") ],
	[qw(logical physical)], '... as does SHOW SERVERS');
is(Wire->login($millpond)->value('select 1'), 1, 'others go on beside them');
my $before = $millpond->log_end;
Wire->login($millpond, replication => 'true')->close;
$millpond->wait_for_log(qr{S-\w+: postgres/.*closing because: replication client was closed}, $before);
is($logical->query('select 1/0')->{error}{C}, '22012', 'an error is the server\'s');
is($logical->value('select 2'), 2, '... and does no harm');
$logical->put(Query('select pg_sleep(60)'));
my $sleeps = sub { $server->safe_psql('postgres', q(select 1 from pg_stat_activity where wait_event = 'PgSleep')) };
wait_until($sleeps, 'a query');
$logical->cancel;
is($logical->result->{error}{C}, '57014', 'a query can be cancelled');
is($logical->value('select 2'), 2, '... and another one asked');
my $leaving = Wire->login($millpond, replication => 'database');
$leaving->put(Query('select pg_sleep(60)'));
wait_until($sleeps, 'a query');
$leaving->close;
wait_until(sub { !$sleeps->() }, 'the query of one who leaves to end');
pass('the query of one who leaves ends');
my $error = Wire->connect($millpond)->startup(replication => 'nonsense')->result->{error};
my $quoted = Wire->connect($server)->startup(replication => 'nonsense')->result->{error};
is("$error->{$_}", $quoted->{$_}, "a word that means nothing is refused as the server does ($_)") for qw(S C M H);
$before = $millpond->log_end;
$error = Wire->connect($millpond)->startup(user => 'nobody', replication => 'true')->result->{error};
is("$error->{C} $error->{M}", '28000 login failed', 'what the server refuses is refused');
like($error->{D}, qr/^The server says: role "nobody" does not exist/, '... and it is quoted');
$millpond->wait_for_log(qr{C-\w+: .* closing because: login failed \(age=\d+s\)}, $before);
like($millpond->log_since($before),
	qr{(S-\w+:) \S+ server login failed: FATAL role "nobody" does not exist.*\n.* \1 \S+ closing because: login failed \(age=\d+s\)$}m,
	'... in the log as well, in front of why the server is closed');
$_->close for $logical, $physical;
gone();
is(Wire->login($millpond, replication => $_)->query('IDENTIFY_SYSTEM')->{rows}[0][0], $result->{rows}[0][0], "$_ asks for one")
	for qw(true on 1 yes tR);
my $plain;
for my $word (qw(off 0 no false FAL))
{
	$plain = Wire->login($millpond, replication => $word, application_name => "says $word");
	is($plain->value('select 3'), 3, "$word asks for none");
	my ($row) = grep { $_->{application_name} eq "says $word" } $millpond->console('SHOW CLIENTS');
	is($row->{replication}, 'none', '... and is none');
}
gone();

# As the programs do it.
run_log([ 'pg_basebackup', @where, '-D', "$folder/copy", '-X', 'stream', '-c', 'fast', '--no-sync' ])
	and pass('pg_basebackup') or fail('pg_basebackup');
ok(-e "$folder/copy/backup_manifest", '... has brought a copy');
gone();
$server->safe_psql('postgres', 'create table t (a int primary key)');
mkdir "$folder/wal";
my $end = $server->safe_psql('postgres', 'insert into t values (1); select pg_switch_wal(); select pg_current_wal_lsn()');
$end = (split /\n/, $end)[-1];
ok(run_log([ 'pg_receivewal', @where, '-D', "$folder/wal", '--endpos', $end, '--no-loop', '--no-sync' ]), 'pg_receivewal');
ok(scalar(glob "$folder/wal/0*"), '... has brought some');
ok(run_log([ 'pg_recvlogical', @where, '-d', 'postgres', '--slot', 's', '--create-slot', '-P', 'test_decoding' ]),
	'a slot by pg_recvlogical') or diag('test_decoding is in postgresql-contrib of old');
$server->safe_psql('postgres', 'insert into t values (2)');
$end = $server->safe_psql('postgres', 'select pg_current_wal_lsn()');
my ($changes) = run_command([ 'pg_recvlogical', @where, '-d', 'postgres', '--slot', 's', '--start', '-f', '-', '--endpos', $end, '--no-loop' ]);
like($changes, qr/table public\.t: INSERT: a\[integer\]:2/, 'and its changes');
gone();

# A subscription: it reconnects through Millpond by itself.
my $copy = Postgres->new('subscriber', conf => 'wal_level = logical');
$copy->safe_psql('postgres', 'create table t (a int primary key)');
$server->safe_psql('postgres', 'create publication p for table t');
$copy->safe_psql('postgres', sprintf "create subscription s2 connection 'host=127.0.0.1 port=%d user=postgres dbname=postgres' publication p",
	$millpond->port);
wait_until(sub { $copy->safe_psql('postgres', 'select count(*) from t') eq '2' }, 'the first copy of the table');
$server->safe_psql('postgres', 'insert into t select generate_series(3, 1000)');
wait_until(sub { $copy->safe_psql('postgres', 'select count(*) from t') eq '1000' }, 'the changes');
pass('a subscription follows');
$copy->safe_psql('postgres', 'drop subscription s2');
gone();

# They count for the size of the pool that everybody is in, of which there is one; an idle server makes room for them.
$millpond->reconfigure(settings => { default_pool_size => 2, min_pool_size => undef });
is($plain->value('select 4'), 4, 'a server of those who are none');
my $from = $millpond->log_end;
my @both = map { Wire->login($millpond, replication => $_) } 'true', 'database';
$millpond->wait_for_log(qr/closing because: evicted/, $from);
my @rows = grep { $_->{database} eq 'postgres' } $millpond->console('SHOW POOLS');
is(scalar @rows, 1, 'one row of SHOW POOLS for all of them');
is("$rows[0]{cl_active} $rows[0]{sv_active} $rows[0]{sv_idle}", '3 2 0', '... in which all are counted');
is((grep { $_->{list} eq 'pools' } $millpond->console('SHOW LISTS'))[0]{items}, scalar(my @all = $millpond->console('SHOW POOLS')),
	'... as SHOW LISTS has it');
my $third = Wire->connect($millpond)->startup(replication => 'true');
$plain->put(Query('select 5'));
wait_until(sub { $millpond->pool->{cl_waiting} == 2 }, 'a third to wait, and one who is none');
$_->close for @both;
is($plain->result->{rows}[0][0], 5, 'one goes on when there is room');
is($third->result->{status}, 'I', '... and the other comes in');
$millpond->console('KILL_CLIENT ' . ($millpond->console('SHOW CLIENTS WHERE replication = physical'))[0]{id});
wait_until(sub { grep { $_->closed(0.1) } $third, @both }, 'one to be sent away');
pass('they can be sent away');

done_testing;
