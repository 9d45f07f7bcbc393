# min_pool_size servers are dialled together and kept: with a forced user always, else while a client is there.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
$server->safe_psql('postgres', "create role $_ login") for qw(app narrow few guest);
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => 'min_pool_size=4',
		forced => 'dbname=postgres user=app min_pool_size=3',
		narrow => 'dbname=postgres user=narrow min_pool_size=5 max_db_connections=2',
		few    => 'dbname=postgres user=few min_pool_size=5',
		more   => 'dbname=postgres user=few min_pool_size=5',
		guest  => 'dbname=postgres min_pool_size=5 max_db_connections=3' },
	users => { few => 'max_user_connections=2' });
my $guest = Wire->login($millpond, database => 'guest', user => 'guest');

wait_until(sub { 3 == $server->backends(q(usename = 'app')) }, 'three servers of the forced user');
pass('a forced user has its minimum without any client');
is(scalar $server->backends(q(usename = 'postgres')), 0, 'others have none without a client');
my $client = Wire->login($millpond);
wait_until(sub { 4 == $server->backends(q(usename = 'postgres')) }, 'four servers');
pass('and have it with one');

$server->safe_psql('postgres',
	q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'));
wait_until(sub { 3 == $server->backends(q(usename = 'app')) }, 'three servers again');
pass('lost servers are replaced');

$millpond->reconfigure(databases => { postgres => 'min_pool_size=6' });
wait_until(sub { 6 == $server->backends(q(usename = 'postgres')) }, 'six servers');
pass('a reload raises the minimum');
$millpond->reconfigure(databases => { postgres => 'min_pool_size=6 pool_size=2' });
$client->query('select 1');
cmp_ok(scalar $server->backends(q(usename = 'postgres')), '<=', 6, 'pool_size limits it');

# All the while there were minima beyond a limit, two of them of the same user.
my %most = (narrow => 2, few => 2, guest => 3);
for my $name (sort keys %most)
{
	wait_until(sub { $server->backends("usename = '$name'") == $most{$name} }, "the servers of $name");
	pass("$name: as many as the limit allows");
	is(scalar(() = $millpond->log_since =~ m{S-\w+: \w+/$name\@.* new connection to server}g), $most{$name}, '... and never one more');
}
# Each login of these ends only when all of them are under way.
my $logins = PostgreSQL::Test::Utils::tempdir();
my $slow   = FakeServer->new(login => sub ($c, $startup) {
	put_file("$logins/$c->{number}");
	wait_until(sub { 4 == (() = glob "$logins/*") }, 'all logins');
	return 0;
});
$millpond->reconfigure(databases => { together => $slow->target . ' user=app min_pool_size=4' });
wait_until(sub { (($millpond->pool('together', 'app') // {})->{sv_idle} // 0) == 4 }, 'four servers that are logged in to together');
pass('they are dialled together');

unlike($millpond->log_since, qr/evicted/, 'nobody gave way for the sake of a minimum');

done_testing;
