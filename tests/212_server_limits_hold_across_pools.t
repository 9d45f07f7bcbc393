# max_db_connections and max_user_connections hold over all pools; an idle server elsewhere gives way.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres',
	'create role app login; create role bob login; create database shop');
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => 'max_db_connections=2', shop => '' },
	users => { bob => 'max_user_connections=3' });

# A server may outlive its connection by a moment.
sub has_at_most ($most, $where, $what)
{
	wait_until(sub { $server->backends($where) <= $most }, "no more than $most servers");
	return pass($what);
}

my @users = map { Wire->login($millpond, user => $_) } qw(postgres app bob postgres app bob);
for my $round (1 .. 3)
{
	$_->put(Query('select pg_sleep(0.01)')) for @users;
	is($_->result->{types}, 'TDCZ', "round $round: everybody gets through") for @users;
	has_at_most(2, 'true', "round $round: within max_db_connections");
}
my @bobs = map { Wire->login($millpond, user => 'bob', database => $_) } ('shop') x 5;
$_->put(Query('select pg_sleep(0.1)')) for @bobs;
$_->result for @bobs;
has_at_most(3, q(usename = 'bob'), 'within max_user_connections');

done_testing;
