# Each key of [databases], [users] and [peers] that PgBouncer knows is taken, refused with a bad value, and does what it is for.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my @keys = map { [ split /\t/ ] } grep { !/^#/ } split /\n/, slurp_file('tests/data/keys.tsv');

# --- values --------------------------------------------------------------------------------------

my %bad = (
	int  => [ map { [ $_, qr/"\Q$_\E" is not a whole number/ ] } '', '-1', '1.5', '5s', 'many', '9' x 30 ],
	time => [ map { [ $_, qr/"\Q$_\E" is not a time/ ] } '', '-1', '1e10', '5parsecs', 'soon', '9' x 30 ],
	enum => [ map { [ $_, qr/"\Q$_\E" is not one of "/ ] } '', '-1', 'nonsense' ],
);
my %good = (int => [ '1', '7', '0x10' ], time => [ '1', '1.5', '500ms' ], enum => [], text => [ 'x', "'x y'", "'it''s'" ]);
my %words = (pool_mode => [qw(session transaction statement)], load_balance_hosts => [qw(round-robin disable)]);
my %text  = (port => [qw(1 5432 65535)]);

# A file with one entry for each value, and what is said of them.
my (@lines, %wanted);
for my $key (@keys)
{
	my ($section, $name, $type) = @$key;
	push @lines, "[$section]";
	my $more = $section eq 'users' || $name eq 'host' ? '' : 'host=127.0.0.1 ';
	my $add = sub ($value, $words) {
		state $entry = 100;
		$entry++;
		push @lines, "$entry = $more$name=" . ($value eq '' ? "''" : $value);
		$wanted{ scalar @lines } = $words;
	};
	$add->(@$_) for ($bad{$type} // [])->@*;
	$add->($_, undef) for ($words{$name} // $text{$name} // $good{$type})->@*;
	$add->(substr($_, 0, -1), qr/did you mean "\Q$_\E"\?/) for ($words{$name} // [])->@*;
}
my ($status, $out, $error) = run_binary('--check', ini_file(join '', map { "$_\n" } @lines));
my $text = "$out$error";
my %said;
push $said{$1}->@*, $2 while $text =~ /^\S*test\.ini:(\d+): (.*)$/mg;
for my $line (sort { $a <=> $b } keys %wanted)
{
	my $faults = join ' | ', grep { !/password has no use without user$/ } ($said{$line} // [])->@*;
	my $words  = $wanted{$line};
	$words ? like($faults, $words, $lines[ $line - 1 ]) : is($faults, '', $lines[ $line - 1 ]);
}

# --- effects -------------------------------------------------------------------------------------

my $server = Postgres->new('server', conf => "listen_addresses = '127.0.0.1,127.0.0.2'");
my $there  = $server->target;
my $fake   = FakeServer->new(login => sub ($c, $startup) {
	$c->put(AuthRequest(3));
	$c->log('password', $c->get->[1]);
	return 0;
});
my @users = map { "u_$_->[1]" } grep { $_->[0] eq 'users' } @keys;
$server->safe_psql('postgres', join '', map { "create role $_ login; " } 'app', 'app2', @users);
$server->safe_psql('postgres', 'create database elsewhere');
my $nobody = PostgreSQL::Test::Cluster::get_free_port();

my $millpond = Millpond->new('pool',
	server    => $server,
	settings  => { reserve_pool_timeout => '0.1', peer_id => 9, default_pool_size => 6, min_pool_size => 0 },
	databases => {
		postgres                  => '',
		dbname                    => 'dbname=elsewhere',
		host                      => 'dbname=postgres host=127.0.0.1 port=' . $server->port,
		port                      => "dbname=postgres host=127.0.0.1 port=$nobody",
		user                      => 'dbname=postgres user=app',
		password                  => $fake->target . " user=app password='it''s'",
		client_encoding           => 'dbname=postgres client_encoding=LATIN1',
		datestyle                 => q(dbname=postgres datestyle='German, DMY'),
		timezone                  => 'dbname=postgres timezone=Asia/Tokyo',
		application_name          => q(dbname=postgres application_name='the entry'),
		pool_size                 => 'dbname=postgres pool_size=2',
		min_pool_size             => 'dbname=postgres user=app2 min_pool_size=2',
		reserve_pool_size         => 'dbname=postgres pool_size=1 reserve_pool_size=1',
		reserve_pool              => 'dbname=postgres pool_size=1 reserve_pool=1',
		max_db_connections        => 'dbname=postgres max_db_connections=1',
		max_db_client_connections => 'dbname=postgres max_db_client_connections=1',
		server_lifetime           => 'dbname=postgres server_lifetime=1',
		query_wait_timeout        => 'dbname=postgres pool_size=1 query_wait_timeout=2',
		load_balance_hosts        => 'dbname=postgres host=127.0.0.2,127.0.0.1 load_balance_hosts=disable port=' . $server->port,
		pool_mode                 => 'dbname=postgres pool_mode=session',
		connect_query             => q(dbname=postgres connect_query='set work_mem to ''3MB'''),
	},
	users => {
		u_pool_mode                   => 'pool_mode=session',
		u_pool_size                   => 'pool_size=2',
		u_reserve_pool_size           => 'pool_size=1 reserve_pool_size=1',
		u_max_user_connections        => 'max_user_connections=2',
		u_max_user_client_connections => 'max_user_client_connections=1',
		u_query_timeout               => 'query_timeout=300ms',
		u_query_wait_timeout          => 'pool_size=1 query_wait_timeout=2',
		u_transaction_timeout         => 'transaction_timeout=300ms',
		u_idle_transaction_timeout    => 'idle_transaction_timeout=300ms',
		u_client_idle_timeout         => 'client_idle_timeout=300ms',
	},
	peers => { 7 => 'host=192.0.2.7 port=1234 pool_size=3', 8 => 'host=/run/eight', 9 => 'host=127.0.0.1' });

# The settings of auth_... need somebody to be let in by them. The secret is who or where the query ran.
my $guarded = Millpond->new('guarded',
	server    => $server,
	files     => { 'users.txt' => qq("app" ""\n) },
	settings  => { auth_type => 'plain', auth_file => 'users.txt' },
	databases => {
		auth_user   => q(dbname=postgres auth_user=app auth_query='select $1::text, current_user::text'),
		auth_query  => q(dbname=postgres auth_user=app auth_query='select $1::text, ''crayon''::text'),
		auth_dbname => q(dbname=postgres auth_user=app auth_dbname=elsewhere auth_query='select $1::text, current_database()::text'),
		elsewhere   => '',
		none        => 'dbname=postgres',
	});
sub admitted ($database, $password)
{
	my $client = Wire->connect($guarded);
	return $client->authenticate($password, user => 'postgres', database => $database)->{status} ? $client->value('select current_user') : 'no';
}

sub shown ($database, $column)
{
	return ($millpond->console("SHOW DATABASES WHERE name = '$database'"))[0]{$column};
}

# So many may have a transaction open in a pool at once, and one more waits.
sub boundary ($most, $database, $user = 'postgres')
{
	my @clients = map { Wire->login($millpond, database => $database, user => $user) } 1 .. $most + 1;
	is($_->query('begin')->{status}, 'T', "$database/$user: one of $most") for @clients[ 0 .. $most - 1 ];
	$clients[-1]->put(Query('begin'));
	wait_until(sub { $millpond->pool($database, $user)->{cl_waiting} == 1 }, 'a client to wait');
	ok($clients[-1]->quiet(0.3), "$database/$user: the next one waits");
	$clients[0]->query('commit');
	is($clients[-1]->result->{status}, 'T', '... until there is room');
	$_->close for @clients;
	return;
}

# What ends a client that does this. Its first server may take longer than its times allow.
sub end_of ($user, @queries)
{
	my $client = wait_until(sub { eval { Wire->login($millpond, user => $user) } }, "a server for $user");
	return $client->put(map { Query($_) } @queries)->result('E')->{error}{M};
}

sub wait_too_long ($database, $user)
{
	my $holder = Wire->login($millpond, database => $database, user => $user);
	$holder->query('begin');
	return is(Wire->login($millpond, database => $database, user => $user)->query('select 1')->{error}{M}, 'query_wait_timeout',
		"$database/$user: whoever waits too long");
}

sub keeps_server ($database, $user)
{
	my $client = Wire->login($millpond, database => $database, user => $user);
	$client->query('select 1');
	return $millpond->pool($database, $user)->{sv_active};
}

sub second_client ($expected, %names)
{
	my $first = Wire->login($millpond, %names);
	is(Wire->connect($millpond)->startup(%names)->result->{error}{M}, $expected, "$expected: the second is refused");
	$first->close;
	wait_until(sub { eval { Wire->login($millpond, %names) } }, 'the place of the first');
	return;
}

sub value_of ($database, $sql) { return Wire->login($millpond, database => $database)->value($sql) }

my $since = $millpond->log_end;
value_of('server_lifetime', 'select 1');

my %effect = (
	'databases dbname' => sub { is(value_of('dbname', 'select current_database()'), 'elsewhere', 'dbname') },
	'databases host'   => sub {
		is(value_of('host', 'select host(inet_server_addr())'), '127.0.0.1', 'host: an address');
		is(value_of('postgres', 'select inet_server_addr()'), undef, 'host: a directory');
	},
	'databases port' => sub {
		my $client = Wire->connect($millpond)->startup(database => 'port', user => 'app');
		wait_until(sub { $millpond->log_contains(qr/127\.0\.0\.1:$nobody.*closing because:/) }, 'the dial');
		is(shown('port', 'port'), $nobody, 'port');
		is(shown('host', 'port'), $server->port, 'port: another one');
	},
	'databases user'     => sub { is(value_of('user', 'select current_user'), 'app', 'user'); is(shown('user', 'force_user'), 'app', '... is shown') },
	'databases password' => sub {
		is(value_of('password', 'select 1'), 'select 1', 'password: it is let in');
		is(($fake->received(qr/^\d+ password/))[0], "1 password it's|", '... with this one');
	},
	'databases auth_user' => sub {
		is(admitted('auth_user', 'app'), 'postgres', 'auth_user');
		is(admitted('none', 'app'), 'no', '... which others do not have');
	},
	'databases auth_query'  => sub { is(admitted('auth_query', 'crayon'), 'postgres', 'auth_query') },
	'databases auth_dbname' => sub { is(admitted('auth_dbname', 'elsewhere'), 'postgres', 'auth_dbname') },
	'databases client_encoding' => sub { is(value_of('client_encoding', 'show client_encoding'), 'LATIN1', 'client_encoding') },
	'databases datestyle'       => sub { is(value_of('datestyle', 'show datestyle'), 'German, DMY', 'datestyle') },
	'databases timezone'        => sub { is(value_of('timezone', 'show timezone'), 'Asia/Tokyo', 'timezone') },
	'databases application_name' => sub {
		is(value_of('application_name', 'show application_name'), 'the entry', 'application_name');
	},
	'databases pool_size'     => sub { boundary(2, 'pool_size'); is(shown('pool_size', 'pool_size'), 2, '... as is shown') },
	'databases min_pool_size' => sub {
		wait_until(sub { ($millpond->pool('min_pool_size') // { sv_idle => 0 })->{sv_idle} == 2 }, 'the minimum');
		is(shown('min_pool_size', 'min_pool_size'), 2, 'min_pool_size');
	},
	'databases reserve_pool_size' => sub { boundary(2, 'reserve_pool_size'); is(shown('reserve_pool_size', 'reserve_pool_size'), 1, '... as is shown') },
	'databases reserve_pool'      => sub { is(shown('reserve_pool', 'reserve_pool_size'), 1, 'reserve_pool, its old name') },
	'databases max_db_connections' => sub {
		boundary(1, 'max_db_connections');
		my ($one, $other) = map { Wire->login($millpond, database => 'max_db_connections', user => $_) } qw(app app2);
		$one->query('begin');
		$other->put(Query('select 1'));
		wait_until(sub { $millpond->pool('max_db_connections', 'app2')->{cl_waiting} == 1 }, 'another user to wait');
		is(shown('max_db_connections', 'current_connections'), 1, 'max_db_connections: of all users together');
		$one->query('commit');
		is($other->result->{rows}[0][0], 1, '... one makes room for another');
	},
	'databases max_db_client_connections' => sub {
		second_client('client connections exceeded (max_db_client_connections)', database => 'max_db_client_connections');
	},
	'databases server_lifetime' => sub {
		like($millpond->wait_for_log(qr{server_lifetime/postgres\S* closing because: server lifetime over}, $since) ? 'over' : '', qr/over/, 'server_lifetime');
		is(shown('server_lifetime', 'server_lifetime'), 1, '... as is shown');
	},
	'databases query_wait_timeout' => sub { wait_too_long('query_wait_timeout', 'postgres') },
	'databases load_balance_hosts' => sub {
		my @clients = map { Wire->login($millpond, database => 'load_balance_hosts') } 1 .. 4;
		$_->query('begin') for @clients;
		is(join(' ', map { $_->value('select host(inet_server_addr())') } @clients), join(' ', ('127.0.0.2') x 4), 'load_balance_hosts: always the first');
		is(shown('load_balance_hosts', 'load_balance_hosts'), 'disable', '... as is shown');
	},
	'databases pool_mode' => sub {
		is(keeps_server('pool_mode', 'postgres'), 1, 'pool_mode');
		is(shown('pool_mode', 'pool_mode'), 'session', '... as is shown');
	},
	'databases connect_query' => sub { is(value_of('connect_query', 'show work_mem'), '3MB', 'connect_query') },
	'users pool_mode'         => sub { is(keeps_server('postgres', 'u_pool_mode'), 1, 'pool_mode of a user') },
	'users pool_size'         => sub { boundary(2, 'postgres', 'u_pool_size') },
	'users reserve_pool_size' => sub { boundary(2, 'postgres', 'u_reserve_pool_size') },
	'users max_user_connections' => sub { boundary(2, 'postgres', 'u_max_user_connections') },
	'users max_user_client_connections' => sub {
		second_client('client connections exceeded (max_user_client_connections)', user => 'u_max_user_client_connections');
	},
	'users query_timeout'       => sub { is(end_of('u_query_timeout', 'select pg_sleep(20)'), 'query timeout', 'query_timeout') },
	'users query_wait_timeout'  => sub { wait_too_long('postgres', 'u_query_wait_timeout') },
	'users transaction_timeout' => sub { is(end_of('u_transaction_timeout', 'begin', 'select pg_sleep(20)'), 'transaction timeout', 'transaction_timeout') },
	'users idle_transaction_timeout' => sub {
		is(end_of('u_idle_transaction_timeout', 'begin'), 'idle transaction timeout', 'idle_transaction_timeout');
	},
	'users client_idle_timeout' => sub { is(end_of('u_client_idle_timeout'), 'client_idle_timeout', 'client_idle_timeout') },
	'peers host' => sub {
		my @peers = map { join ' ', @$_{qw(peer_id host port pool_size)} } $millpond->console('SHOW PEERS');
		is_deeply(\@peers, [ '7 192.0.2.7 1234 3', '8 /run/eight 6432 6', '9 127.0.0.1 6432 6' ], 'peers: host, port, pool_size');
	},
	'peers port'      => undef,    # shown together; what is sent there: see test 406
	'peers pool_size' => undef,
);
for my $key (@keys)
{
	my $name = "$key->[0] $key->[1]";
	ok(exists $effect{$name}, "there is a case for $name") or next;
	$effect{$name}->() if $effect{$name};
}

# Peers that cannot be.
($status, $out, $error) = run_binary('--check', ini_file("[peers]\n0 = host=a\n65536 = host=a\nx = host=a\n1 = port=1\n2 = host=a,b\n3 = host=a hots=b\n"));
like($error, qr/test\.ini:$_->[0]: peer "\S+": $_->[1]/, "a peer: $_->[1]") for [ 2, 'its name must be' ], [ 3, 'its name must be' ],
	[ 4, 'its name must be' ], [ 5, 'host is missing' ], [ 6, 'host can only be one' ], [ 7, 'unknown key "hots"; did you mean "host"' ];

done_testing;
