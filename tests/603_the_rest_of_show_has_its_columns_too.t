# The tables that monitors read less often have PgBouncer's columns, types and rows as well.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my %oid = (T => 25, I => 23, L => 20, N => 1700);
my $sockets = 'type T user T database T replication T state T addr T port I local_addr T local_port I connect_time T '
	. 'request_time T wait I wait_us I close_needed I ptr T link T remote_pid I tls T application_name T '
	. 'prepared_statements I id I recv_pos I pkt_pos I pkt_remain I send_pos I send_remain I pkt_avail I send_avail I';
my $counters = 'server_assignment_count N xact_count N query_count N bytes_received N bytes_sent N xact_time N '
	. 'query_time N wait_time N ';
my %columns = (
	DATABASES => 'name T host T port I database T force_user T pool_size I min_pool_size I reserve_pool_size I '
		. 'server_lifetime I pool_mode T load_balance_hosts T max_connections I current_connections I '
		. 'max_client_connections I current_client_connections I paused I disabled I',
	USERS => 'name T pool_size T reserve_pool_size T pool_mode T max_user_connections I current_connections I '
		. 'max_user_client_connections I current_client_connections I',
	LISTS          => 'list T items I',
	STATE          => 'key T value T',
	MEM            => 'name T size I used I free I memtotal I',
	SOCKETS        => $sockets,
	ACTIVE_SOCKETS => $sockets,
	STATS_TOTALS   => "database T ${counters}client_parse_count N server_parse_count N bind_count N client_login_count N",
	STATS_AVERAGES => "database T ${counters}avg_client_parse_count N avg_server_parse_count N avg_bind_count N "
		. 'avg_client_login_count N',
	TOTALS     => 'name T value N',
	PEERS      => 'peer_id I host T port I pool_size I',
	PEER_POOLS => 'peer_id I cl_active_cancel_req I cl_waiting_cancel_req I sv_active_cancel I sv_login I',
	DNS_HOSTS  => 'hostname T ttl L addrs T',
	DNS_ZONES  => 'zonename T serial L count I',
);

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => '', small => 'dbname=postgres pool_size=3 pool_mode=session',
		single => 'dbname=postgres pool_size=1', '*' => '' },
	users => { app => 'pool_size=7', bob => 'pool_mode=statement max_user_connections=5' });
my $client  = Wire->login($millpond, user => 'postgres');
my $other   = Wire->login($millpond, database => 'template1');
my $console = Wire->login($millpond, database => 'pgbouncer');
$client->query('begin');
for my $name (sort keys %columns)
{
	my @expected = split ' ', $columns{$name};
	my $result   = $console->query("SHOW $name");
	is(join(' ', $result->{columns}->@*), join(' ', @expected[ grep { !($_ % 2) } 0 .. $#expected ]), "SHOW $name");
	is_deeply($result->{oids}, [ map { $oid{$_} } @expected[ grep { $_ % 2 } 0 .. $#expected ] ], '... its types');
	is_deeply($result->{tags}, ['SHOW'], '... its tag');
}

my %databases = map { $_->{name} => $_ } $console->hashes('SHOW DATABASES');
is_deeply([ sort keys %databases ], [qw(pgbouncer postgres single small template1)], 'databases, those that * stands for, and the console');
is($databases{small}{database}, 'postgres', 'the name on the server');
is($databases{small}{pool_size}, 3, 'a pool_size of its own');
is($databases{small}{pool_mode}, 'session', 'a pool_mode of its own');
is($databases{postgres}{pool_size}, 20, 'the general one');
is($databases{postgres}{pool_mode}, undef, 'no mode of its own');
is($databases{postgres}{current_connections}, 1, 'its servers');
is($databases{template1}{current_client_connections}, 1, 'its clients');

my %users = map { $_->{name} => $_ } $console->hashes('SHOW USERS');
is($users{app}{pool_size}, '7', 'a pool_size of a user');
is($users{bob}{pool_size}, '', 'or none');
is($users{bob}{pool_mode}, 'statement', 'a mode');
is($users{bob}{max_user_connections}, 5, 'a limit');
is(join(' ', sort keys %users), 'app bob pgbouncer postgres', 'those of [users], the user of the console, and who is here');
$millpond->write_file(users => qq("bob" ""\n"postgres" ""\n"zed" "secret"\n));
$millpond->reconfigure(settings => { auth_file => 'users' });
is_deeply([ map { $_->{name} } $console->hashes('SHOW USERS') ], [qw(app bob pgbouncer postgres zed)], 'and of auth_file, in their order');
is((grep { $_->{name} eq 'zed' } $console->hashes('SHOW USERS'))[0]{pool_size}, '', 'with nothing of its own');
$millpond->reconfigure(settings => { auth_file => undef });

is(join(' ', map { $_->{list} } $console->hashes('SHOW LISTS')), 'databases users peers pools peer_pools free_clients '
	. 'used_clients login_clients free_servers used_servers dns_names dns_zones dns_queries dns_pending', 'SHOW LISTS');
my %lists;
sub look { %lists = map { $_->{list} => $_->{items} } $console->hashes('SHOW LISTS') }
wait_until(sub { look; $lists{used_clients} == 3 }, 'the clients, without the one that has changed the settings');
is("$lists{databases} $lists{users} $lists{pools}", '5 4 3', 'databases, users and pools are those of the other tables');
is($lists{used_clients}, 3, 'the clients');
is($lists{used_servers}, 2, 'and servers');
is(join(' ', map { "$_->{key}=$_->{value}" } $console->hashes('SHOW STATE')), 'active=yes paused=no suspended=no', 'SHOW STATE');
my @kinds = qw(server_assignment_count xact_count query_count client_bytes server_bytes xact_time query_time wait_time
	ps_client_parse_count ps_server_parse_count ps_bind_count client_login_count);
is_deeply([ map { $_->{name} } $console->hashes('SHOW TOTALS') ], [ (map { "total_$_" } @kinds), map { "avg_$_" } @kinds ],
	'SHOW TOTALS');
my %totals = map { $_->{name} => $_->{value} } $console->hashes('SHOW TOTALS');
my ($stats) = grep { $_->{database} eq 'postgres' } $console->hashes('SHOW STATS_TOTALS');
my ($own)   = grep { $_->{database} eq 'pgbouncer' } $console->hashes('SHOW STATS_TOTALS');
is($totals{total_client_login_count} - $own->{client_login_count}, 2, 'over all databases, with the console');
is($stats->{client_login_count}, 1, 'or of one');
my %states = map { $_->{state} => 1 } $console->hashes('SHOW ACTIVE_SOCKETS');
is_deeply([ sort keys %states ], [qw(cl_active sv_active)], 'sockets that are busy');
my ($holder, $waiter) = map { Wire->login($millpond, database => 'single') } 1 .. 2;
$holder->query('begin');
$waiter->put(Query('select 1'));
wait_until(sub { grep { $_->{database} eq 'single' && $_->{cl_waiting} } $console->hashes('SHOW POOLS') }, 'one to wait');
is_deeply([ sort map { $_->{state} } grep { $_->{database} eq 'single' } $console->hashes('SHOW ACTIVE_SOCKETS') ],
	[qw(cl_active cl_waiting sv_active)], '... and who waits to be');
$_->close for $holder, $waiter;
my $silent = Wire->connect($millpond, unix => 1);
my ($login) = wait_until(sub { (grep { $_->{state} eq 'cl_login' } $console->hashes('SHOW SOCKETS'))[0] }, 'one who says nothing');
is("$login->{user} $login->{database}", '(nouser) (nodb)', '... to be named so');
$silent->close;

my %fake = (client_encoding => 'UTF-8', default_transaction_isolation => 'read committed',
	standard_conforming_strings => 'on', datestyle => 'ISO', timezone => 'GMT');
for my $name (sort keys %fake)
{
	my $result = $console->query("SHOW $name");
	is_deeply([ $result->{columns}, $result->{rows} ], [ [$name], [ [ $fake{$name} ] ] ], "SHOW $name");
}
is_deeply($console->query("SET client_encoding TO 'UTF8'")->{tags}, ['SET client_encoding=UTF8'], 'SET is accepted');

done_testing;
