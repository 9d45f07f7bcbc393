# Sizes of pools, reserves and limits of servers, general, of a database and of a user: the last one allowed works, the next is told, and the most particular value counts.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', "create role $_ login") for qw(app bob big);
my %settings = (default_pool_size => 3, reserve_pool_timeout => '0.1', stats_period => 3600);
my $millpond = Millpond->new('pool',
	server    => $server,
	settings  => \%settings,
	databases => {
		postgres     => '',
		small        => 'dbname=postgres pool_size=1',
		other        => 'dbname=postgres',
		forced       => 'dbname=postgres pool_size=2 user=big',
		forced_app   => 'dbname=postgres pool_size=2 user=app',
		no_reserve   => 'dbname=postgres reserve_pool_size=0',
		narrow       => 'dbname=postgres max_db_connections=1',
		wide         => 'dbname=postgres max_db_connections=0',
		no_minimum   => 'dbname=postgres min_pool_size=0',
		own_minimum  => 'dbname=postgres min_pool_size=3',
	},
	users => { big => 'pool_size=4 reserve_pool_size=2 max_user_connections=0 pool_mode=session', bob => 'max_user_connections=1' });
my $console = Wire->login($millpond, database => 'pgbouncer');

# A general value for the time of one test.
sub set (%values)
{
	$console->query("SET $_ = '$values{$_}'")->{error} and die for sort keys %values;
	return;
}

sub waiting () { my $sum = 0; $sum += $_->{cl_waiting} for $console->hashes('SHOW POOLS'); return $sum }

# So many transactions can be open at once in these pools ("database/user"), which are taken in turn; one more has to
# wait until there is room.
sub boundary ($most, @pools)
{
	my @clients;
	for my $number (0 .. $most)
	{
		my ($database, $user) = split '/', $pools[ $number % @pools ];
		my $client = Wire->connect($millpond)->startup(database => $database, user => $user);
		push @clients, $client;
		last if $number == $most;
		$client->result->{status} && $client->query('begin')->{status} or return "only $number";
	}
	# The first client of a pool waits already when it comes.
	my $next = pop @clients;
	wait_until(sub { !$next->quiet || waiting() }, 'a place in the queue or a greeting');
	$next->result->{status} && $next->put(Query('begin')) if !$next->quiet;
	wait_until(sub { !$next->quiet || waiting() }, 'a place in the queue');
	return 'more' if !$next->quiet(0.3);
	my $holder = $clients[ @clients - @pools ] // $clients[0];
	$holder->query('commit');
	$holder->close;    # the server of a session stays with it
	$next->result->{status} or return 'not when there is room';
	$_->close for @clients, $next;
	wait_until(sub { !grep { $_->{sv_active} } $console->hashes('SHOW POOLS') }, 'an end');
	return $most;
}

my @table = (
	# pools                              capacity  general values
	[ ['postgres/postgres']                => 3 ],
	[ ['small/postgres']                   => 1 ],
	[ ['postgres/big']                     => 4 ],
	[ ['small/big']                        => 4 ],    # the user's before the database's
	[ ['forced_app/big']                   => 2 ],    # whose pool it is, not who comes
	[ ['forced/postgres']                  => 4 ],
	[ ['postgres/postgres']                => 4, reserve_pool_size => 1 ],
	[ ['small/postgres']                   => 2, reserve_pool_size => 1 ],
	[ ['no_reserve/postgres']              => 3, reserve_pool_size => 1 ],
	[ ['no_reserve/big']                   => 6 ],
	[ ['postgres/postgres']                => 3, reserve_pool_size => 1, reserve_pool_timeout => 0 ],
	[ ['postgres/postgres']                => 2, max_db_connections => 2 ],
	[ [ 'postgres/postgres', 'postgres/app' ] => 2, max_db_connections => 2 ],
	[ [ 'postgres/app', 'other/app' ]      => 4, max_db_connections => 2 ],
	[ ['narrow/postgres']                  => 1, max_db_connections => 2 ],
	[ ['wide/postgres']                    => 3, max_db_connections => 2 ],
	[ [ 'postgres/app', 'other/app' ]      => 2, max_user_connections => 2 ],
	[ [ 'postgres/app', 'postgres/postgres' ] => 4, max_user_connections => 2 ],
	[ [ 'postgres/bob', 'other/bob' ]      => 1, max_user_connections => 2 ],
	[ ['postgres/big']                     => 6, max_user_connections => 2 ],
	[ ['postgres/postgres']                => 2, reserve_pool_size => 5, max_db_connections => 2 ],
	[ ['postgres/postgres']                => 1, max_user_connections => 1, max_db_connections => 2 ],
);
$_->[1] += 2 for grep { $_->[0][0] =~ /^(?:postgres|small)\/big|^forced\// } grep { !defined $_->[2] } @table;    # its reserve
for my $row (@table)
{
	my ($pools, $expected, %general) = @$row;
	set(%general);
	is(boundary($expected, @$pools), $expected, "@$pools: $expected at once" . join '', map { ", $_ = $general{$_}" } sort keys %general);
	$console->query('RELOAD');
	$console->query('RECONNECT');
}

# The next one is told, with the figures.
set(default_pool_size => 2);
my @holders = map { Wire->login($millpond) } 1 .. 2;
$_->query('begin') for @holders;
set(query_wait_timeout => '0.3');
my $error = Wire->login($millpond)->query('select 1')->{error};
is($error->{M}, 'query_wait_timeout', 'whoever waits too long is told');
like($error->{D}, qr/2 of 2 server connections are in use/, '... how many there are');
like($error->{H}, qr/default_pool_size/, '... what to look at');
$_->query('rollback') for @holders;
$console->query('PAUSE');
$error = Wire->login($millpond)->query('select 1')->{error};
like($error->{D}, qr/; the pool is paused, 1 clients wait\.$/, 'in a pause that it is one');
like($error->{H}, qr/RESUME/, '... and what ends it');
$console->query('RESUME');
set(query_wait_timeout => 0);
$_->query('begin') for @holders;
set(query_wait_timeout => '0.3');
for my $limit (qw(max_db_connections max_user_connections))
{
	set(default_pool_size => 3, max_db_connections => 0, max_user_connections => 0, $limit => 2);
	my ($database, $user) = $limit eq 'max_db_connections' ? ('postgres', 'app') : ('other', 'postgres');
	for my $late (qw(query_wait_timeout query_timeout))
	{
		my $next = Wire->connect($millpond)->startup(database => $database, user => $user);
		$error = $next->result->{error} // $next->query('select 1')->{error};
		like($error->{D}, qr/2 of 2 server connections that $limit allows are there, 1 clients wait\.$/, "$late: it is $limit that holds up");
		like($error->{H}, qr/^Look at $limit,/, '... and is what to look at');
		set(query_wait_timeout => 0, query_timeout => '0.3');
	}
	set(query_wait_timeout => '0.3', query_timeout => 0);
}
$_->close for @holders;
$console->query('RELOAD');

# The least that is kept.
set(min_pool_size => 2);
my %least = ('postgres/postgres' => 2, 'small/postgres' => 1, 'no_minimum/postgres' => 0, 'own_minimum/postgres' => 3);
my @clients = map { my ($database, $user) = split '/'; Wire->login($millpond, database => $database, user => $user) } sort keys %least;
$_->query('select 1') for @clients;
$console->query('RECONNECT');
sub kept ($pool) { my $row = $millpond->pool(split '/', $pool); return $row->{sv_idle} + $row->{sv_used} + $row->{sv_tested} }
wait_until(sub { !grep { kept($_) != $least{$_} } keys %least }, 'the minimum of each pool');
is(join(' ', map { "$_=" . kept($_) } sort keys %least), join(' ', map { "$_=$least{$_}" } sort keys %least), 'the minimum of each pool, and not more');

done_testing;
