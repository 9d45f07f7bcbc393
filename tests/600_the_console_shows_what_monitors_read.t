# Each SHOW has exactly PgBouncer's columns, in their order and with their types.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my %oid = (T => 25, I => 23, L => 20, N => 1700);
my $sockets = 'type T user T database T replication T state T addr T port I local_addr T '
	. 'local_port I connect_time T request_time T wait I wait_us I close_needed I ptr T link T '
	. 'remote_pid I tls T application_name T prepared_statements I id I';
my @counters = qw(server_assignment_count xact_count query_count);
my %columns = (
	VERSION => 'version T',
	POOLS   => 'database T user T cl_active I cl_waiting I cl_active_cancel_req I '
		. 'cl_waiting_cancel_req I sv_active I sv_active_cancel I sv_being_canceled I sv_idle I '
		. 'sv_used I sv_tested I sv_login I maxwait I maxwait_us I pool_mode T '
		. 'load_balance_hosts T',
	CLIENTS => $sockets,
	SERVERS => $sockets,
	STATS   => join(' ', 'database T', map { "$_ N" }
		(map { "total_$_" } @counters,
			qw(received sent xact_time query_time wait_time client_parse_count
			server_parse_count bind_count client_login_count)),
		(map { "avg_$_" } @counters, qw(recv sent xact_time query_time wait_time client_parse_count
			server_parse_count bind_count client_login_count))),
	CONFIG => 'key T value T default T changeable T',
);

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my $client   = Wire->login($millpond, application_name => 'shown');
$client->query('begin');
for my $database (qw(pgbouncer millpond))
{
	my $console = Wire->login($millpond, database => $database);
	for my $name (sort keys %columns)
	{
		my @expected = split ' ', $columns{$name};
		my $result   = $console->query("SHOW $name");
		is(join(' ', $result->{columns}->@*),
			join(' ', @expected[ grep { !($_ % 2) } 0 .. $#expected ]), "$database: SHOW $name");
		is_deeply($result->{oids},
			[ map { $oid{$_} } @expected[ grep { $_ % 2 } 0 .. $#expected ] ], '... its types');
		is_deeply($result->{tags}, ['SHOW'], '... its tag');
		cmp_ok(scalar $result->{rows}->@*, '>=', 1, '... has rows');
	}
}

my $console = Wire->login($millpond, database => 'pgbouncer');
is($console->value('SHOW VERSION'), (split /\n/, `$Millpond::binary -V`)[0],
	'the version is the first line of -V');
is($console->value($_), $console->value('SHOW VERSION'), "'$_'") for 'show version;',
	' SHOW  VERSION ; ', 'SELECT version';
# How the programs that look at it read it. The first is pgbouncer_fdw's substring() and split_part(), which
# PostgreSQL casts to integers; the second Netdata's, the third pg_exporter's.
my $version = $console->value('SHOW VERSION');
my ($from_first_digit) = $version =~ /(\d.+)/;
is_deeply([ map { $_ // '' } (split /\./, $from_first_digit)[ 0 .. 2 ] ], [ 1, 25, 2 ], 'pgbouncer_fdw reads three integers');
like($version, qr/PgBouncer/, 'Netdata finds the word');
is(($version =~ /(\d+\.\d+\.\d+)/)[0], '1.25.2', '... and the numbers');
is(join('.', $version =~ /(\d+)\.(\d+)\.(\d+)/), '1.25.2', 'and so does pg_exporter');
like($version, qr/^Millpond\b/, 'and it is said who answers');
like($console->value('SELECT version()'), qr/^Millpond \d+\.\d+$/, '... and in which version of its own');
my $help = $console->query('SHOW HELP');
is($help->{types}, 'NCZ', 'SHOW HELP is a notice');
is($help->{notices}[0]{M}, 'Console usage', 'in the known form');
my %listed = map { $_ => 1 } map { split /\|/, $_ } $help->{notices}[0]{D} =~ /^\tSHOW ([A-Z_|]+)$/mg;
my @tables = map { (split /\t/)[0] } grep { !/^#/ } split /\n/, PostgreSQL::Test::Utils::slurp_file('tests/data/columns.tsv');
is_deeply([ grep { !$listed{$_} } @tables, qw(HELP HBA PINNED PREPARED_STATEMENTS WORKERS) ], [], 'that lists each table');
ok(!$console->query("SHOW $_")->{error}, "... and SHOW $_ is one") for sort keys %listed;
is($help->{notices}[0]{D} =~ s/^\tSHOW (HBA|\.\.\.).*\n//mgr, <<~'END' =~ s/^/\t/mgr =~ s/\A/\n/r =~ s/\n\z//r, 'in the lines of PgBouncer');
	SHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION
	SHOW PEERS|PEER_POOLS
	SHOW FDS|SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|STATE
	SHOW DNS_HOSTS|DNS_ZONES
	SHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS
	SET key = arg
	RELOAD
	PAUSE [<db>]
	RESUME [<db>]
	DISABLE <db>
	ENABLE <db>
	RECONNECT [<db>]
	KILL [<db>]
	KILL_CLIENT <client_id>
	SUSPEND
	SHUTDOWN
	SHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS
	WAIT_CLOSE [<db>]
	END

my ($row) = grep { $_->{database} eq 'postgres' } $console->hashes('SHOW CLIENTS');
is($row->{state}, 'active', 'a client with a server is active');
is($row->{application_name}, 'shown', 'its application_name');
is($row->{user}, 'postgres', 'its user');
is($row->{addr}, '127.0.0.1', 'its address');
is($row->{local_port}, $millpond->port, 'our port');
like($row->{id}, qr/^\d+$/, 'its number');
like($row->{connect_time}, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/, 'a timestamp');
my $monitor = Wire->login($millpond, database => 'pgbouncer', application_name => 'monitor');
my ($shown) = grep { $_->{database} eq 'pgbouncer' && $_->{application_name} } $console->hashes('SHOW CLIENTS');
is(($shown // {})->{application_name}, 'monitor', 'the name of one on the console');
my ($backend) = $console->hashes('SHOW SERVERS');
is($backend->{state}, 'active', 'its server is active');
is($backend->{remote_pid}, $client->value('select pg_backend_pid()'),
	'with the number of its process');
is($backend->{link}, $row->{ptr}, 'they name each other');
is($row->{ptr}, sprintf('0x%x', $row->{id}), '... by their ids');
like($millpond->log_since, qr/ LOG C-$row->{ptr}: \S+ login attempt/, '... and the log does so, too');
like($millpond->log_since, qr/ LOG S-$backend->{ptr}: \S+ new connection to server/, '... of servers');
is($row->{link}, $backend->{ptr}, '... both ways');
$client->query('commit');
wait_until(sub { $millpond->pool->{sv_idle} == 1 }, 'the server to return');
is((grep { $_->{database} eq 'postgres' } $console->hashes('SHOW CLIENTS'))[0]{state}, 'idle',
	'a client at rest is idle');
is(($console->hashes('SHOW SERVERS'))[0]{state}, 'idle', 'and so is the server');

my %pools = map { $_->{database} => $_ } $console->hashes('SHOW POOLS');
is($pools{postgres}{cl_active}, 1, 'SHOW POOLS counts the client');
is($pools{postgres}{sv_idle}, 1, 'and the server');
is($pools{postgres}{pool_mode}, 'transaction', 'and names the mode');

my %config = map { $_->{key} => $_ } $console->hashes('SHOW CONFIG');
is($config{listen_port}{value}, $millpond->port, 'SHOW CONFIG: a value');
is($config{listen_port}{default}, 6432, 'a default');
is($config{listen_port}{changeable}, 'no', 'whether a reload changes it');
is($config{server_lifetime}{changeable}, 'yes', 'or not');
my %defaults = (default_pool_size => 20, query_wait_timeout => 120, server_idle_timeout => 600,
	server_lifetime => 3600, max_client_conn => 100, client_login_timeout => 60,
	server_reset_query => 'DISCARD ALL', server_check_query => '<empty>', pool_mode => 'session');
is($config{$_}{default}, $defaults{$_}, "the default of $_") for sort keys %defaults;

done_testing;
