# min_pool_size servers are dialled together and kept: with a forced user always, else while a client is there.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
$server->safe_psql('postgres', 'create role app login');
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => 'min_pool_size=4',
		forced => 'dbname=postgres user=app min_pool_size=3' });

wait_until(sub { 3 == $server->backends(q(usename = 'app')) }, 'three servers of the forced user',
	5);
pass('a forced user has its minimum without any client');
is(scalar $server->backends(q(usename = 'postgres')), 0, 'others have none without a client');
my $client = Wire->login($millpond);
wait_until(sub { 4 == $server->backends(q(usename = 'postgres')) }, 'four servers', 5);
pass('and have it with one');

$server->safe_psql('postgres',
	q(select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'));
wait_until(sub { 3 == $server->backends(q(usename = 'app')) }, 'three servers again', 10);
pass('lost servers are replaced');

$millpond->reconfigure(databases => { postgres => 'min_pool_size=6' });
wait_until(sub { 6 == $server->backends(q(usename = 'postgres')) }, 'six servers', 5);
pass('a reload raises the minimum');
$millpond->reconfigure(databases => { postgres => 'min_pool_size=6 pool_size=2' });
$client->query('select 1');
cmp_ok(scalar $server->backends(q(usename = 'postgres')), '<=', 6, 'pool_size limits it');

done_testing;
