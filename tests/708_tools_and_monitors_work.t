# pg_dump, pg_restore, vacuumdb, pgbench, psql's own commands and Ctrl-C work through a transaction pool; check_postgres and the Prometheus exporter's queries on the console.
use v5.36;
use Millpond;
use IPC::Run;
use PostgreSQL::Test::Utils qw(run_log run_command slurp_file);
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { query_wait_timeout => 20 },
	databases => { '*' => 'pool_size=4', dump => 'dbname=postgres pool_mode=session pool_size=6' });
my @where    = ('-h', '127.0.0.1', '-p', $millpond->port, '-U', 'postgres');
my $folder   = PostgreSQL::Test::Utils::tempdir();

sub psql (@arguments)
{
	my ($out, $error) = run_command([ 'psql', '-X', @where, '-d', 'postgres', @arguments ]);
	return $out . $error;
}

# Programs of PostgreSQL. Those that empty the search_path of their session need session pooling;
# pgbench prepares blockingly, so a thread's clients would wait for each other.
ok(run_log([ 'pgbench', @where, '-i', '-q', '-s', '1', 'postgres' ]), 'pgbench -i');
ok(run_log([ 'pgbench', @where, '-c', '8', '-j', '8', '-t', '50', '-M', $_, 'postgres' ]), "pgbench -M $_")
	for qw(simple extended prepared);
ok(run_log([ 'pg_dump', @where, '-Fc', '-f', "$folder/dump", 'dump' ]), 'pg_dump, which changes its session');
ok(run_log([ 'pg_dump', @where, '-Fd', '-j', '3', '-f', "$folder/parallel", 'dump' ]), 'pg_dump in several jobs');
ok(run_log([ 'createdb', @where, '--maintenance-db=dump', 'restored' ]), 'createdb');
ok(run_log([ 'pg_restore', @where, '-j', '2', '-d', 'restored', "$folder/dump" ]), 'pg_restore in two jobs');
is($server->safe_psql('restored', 'select count(*) from pgbench_accounts'), 100_000, '... has brought all');
ok(run_log([ 'vacuumdb', @where, '-z', '-j', '2', 'dump' ]), 'vacuumdb in two jobs');
ok(run_log([ 'reindexdb', @where, '-t', 'pgbench_accounts', 'dump' ]), 'reindexdb');
ok(run_log([ 'pg_isready', @where ]), 'pg_isready');

# psql.
like(psql('-c', '\d pgbench_accounts'), qr/"pgbench_accounts_pkey" PRIMARY KEY/, '\d');
like(psql('-c', '\dt+'), qr/pgbench_branches/, '\dt+');
like(psql('-c', '\l'), qr/restored/, '\l');
like(psql('-c', 'create table c (a int, b text)', '-c', "\\copy c from program 'printf \"1,x\\n2,y\\n\"' csv", '-c', '\copy c to stdout'),
	qr/^1\tx\n2\ty$/m, '\copy both ways');
my $watch = put_file("$folder/watch.sql", "select 'seen'\n\\watch 0.1\n");
my ($out, $error) = ('', '');
my $psql = IPC::Run::start([ 'psql', '-X', '-At', @where, '-d', 'postgres', '-f', $watch ], '<', \undef, '>', \$out, '2>', \$error);
wait_until(sub { $psql->pump_nb; (() = $out =~ /seen/g) >= 3 }, '\watch');
pass('\watch');
$psql->signal('KILL');
$psql->finish;

# Ctrl-C.
($out, $error) = ('', '');
$psql = IPC::Run::start([ 'psql', '-X', '-At', @where, '-d', 'postgres', '-c', 'select pg_sleep(60)' ], '<', \undef, '>', \$out, '2>', \$error);
wait_until(sub { $server->safe_psql('postgres', "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'") }, 'the query');
$psql->signal('INT');
$psql->finish;
like($error, qr/canceling statement due to user request/, 'Ctrl-C cancels');

# The Prometheus exporter's queries, by the columns it looks for.
my $console = Wire->login($millpond, database => 'pgbouncer', user => 'statistician');
my %wanted  = (
	'SHOW STATS_TOTALS' => 'database query_count query_time bytes_received bytes_sent wait_time xact_count xact_time '
		. 'client_parse_count server_parse_count bind_count',
	'SHOW POOLS' => 'database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active '
		. 'sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode',
	'SHOW DATABASES' => 'name host port database force_user pool_size min_pool_size reserve_pool_size pool_mode '
		. 'max_connections current_connections max_client_connections current_client_connections paused disabled',
	'SHOW LISTS' => 'list items', 'SHOW CONFIG' => 'key value default changeable', 'SHOW VERSION' => 'version',
	'SHOW CLIENTS' => 'type user database state addr port wait wait_us application_name',
	'SHOW SERVERS' => 'type user database state addr port connect_time request_time remote_pid',
);
for my $query (sort keys %wanted)
{
	my $result = $console->query("$query;");
	my %there  = map { $_ => 1 } $result->{columns}->@*;
	is_deeply([ grep { !$there{$_} } split / /, $wanted{$query} ], [], "$query has the exporter's columns");
}
my %lists = map { $_->{list} => $_->{items} } $console->hashes('SHOW LISTS');
is_deeply([ grep { !defined $lists{$_} } qw(databases users pools free_clients used_clients login_clients free_servers
	used_servers dns_names dns_zones dns_queries dns_pending) ], [], 'and SHOW LISTS its rows');

# check_postgres.
SKIP:
{
	skip 'no check_postgres here', 10 unless -x '/usr/bin/check_postgres';
	for my $action (qw(pgb_pool_cl_active pgb_pool_cl_waiting pgb_pool_sv_active pgb_pool_sv_idle pgb_pool_sv_used
		pgb_pool_sv_tested pgb_pool_sv_login pgb_pool_maxwait))
	{
		($out) = run_command([ '/usr/bin/check_postgres', '--action', $action, '--host', '127.0.0.1', '--port', $millpond->port,
			'--dbuser', 'postgres', '--dbname', 'pgbouncer', '-w', 1000, '-c', 2000 ]);
		like($out, qr/^POSTGRES_\w+ OK/, "check_postgres $action");
	}
	($out) = run_command([ '/usr/bin/check_postgres', '--action', 'pgbouncer_backends', '--host', '127.0.0.1', '--port', $millpond->port,
		'--dbuser', 'postgres', '--dbname', 'pgbouncer' ]);
	like($out, qr/^POSTGRES_PGBOUNCER_BACKENDS OK/, 'check_postgres pgbouncer_backends');
	($out) = run_command([ '/usr/bin/check_postgres', '--action', 'connection', '--host', '127.0.0.1', '--port', $millpond->port,
		'--dbuser', 'postgres', '--dbname', 'postgres' ]);
	like($out, qr/^POSTGRES_CONNECTION OK/, 'check_postgres connection, through the pool');
}

done_testing;
