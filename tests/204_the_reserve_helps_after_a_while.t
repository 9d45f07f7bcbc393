# The reserve pool is opened only after a client has waited reserve_pool_timeout, and only to its size.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => 'pool_size=2 reserve_pool_size=1' },
		settings => { reserve_pool_timeout => 1 });
my @clients = map { Wire->login($millpond) } 1 .. 4;
$_->query('begin') for @clients[ 0, 1 ];
my $from = time;
for my $waiting (1, 2)
{
	$clients[ 1 + $waiting ]->put(Query('begin; select 1'));
	wait_until(sub { $millpond->pool->{cl_waiting} == $waiting }, 'a place in the queue');
}
is($clients[2]->result->{status}, 'T', 'the first waiting client gets a server');
my $waited = time - $from;
cmp_ok($waited, '>=', 0.9, 'not before the time-out');
cmp_ok($waited, '<', 5, 'but soon after it');
like($millpond->log_since, qr/ WARNING \S+ \S+ taking connection from reserve_pool/, 'which is logged');
ok($clients[3]->quiet(1.5), 'the second one waits on');
is(scalar $server->backends, 3, 'three servers and no more');
is(scalar(() = $millpond->log_since =~ /taking connection from reserve_pool/g), 1, 'logged once');
$clients[0]->query('commit');
is($clients[3]->result->{status}, 'T', 'until one is given back');
$_->query('commit') for @clients[ 1 .. 3 ];

# The size is the general one, the database's under both of its names, or the user's. The largest comes last, so that
# the others have had their time when it is used up.
$server->safe_psql('postgres', 'create role app login');
$millpond = Millpond->new('sizes', server => $server, users => { app => 'reserve_pool_size=4' },
	settings  => { default_pool_size => 1, reserve_pool_size => 3, reserve_pool_timeout => '0.3' },
	databases => { general => 'dbname=postgres', new => 'dbname=postgres reserve_pool_size=2', old => 'dbname=postgres reserve_pool=1' });
my @sizes = ([ 'old/postgres' => 1 ], [ 'new/postgres' => 2 ], [ 'general/postgres' => 3 ], [ 'general/app' => 4 ]);
@clients = map { my ($database, $user) = split '/', $_->[0]; map { Wire->login($millpond, database => $database, user => $user) } 1 .. 6 } @sizes;
$_->put(Query('begin')) for @clients;
wait_until(sub { $millpond->pool('general', 'app')->{sv_active} == 5 }, 'the largest reserve to be used');
for (@sizes)
{
	my ($pool, $size) = @$_;
	wait_until(sub { $millpond->pool(split '/', $pool)->{sv_active} >= 1 + $size }, "the reserve of $pool");
	my $row = $millpond->pool(split '/', $pool);
	is("$row->{sv_active} $row->{cl_waiting} $row->{sv_login}", 1 + $size . ' ' . (5 - $size) . ' 0', "$pool: the pool and $size more");
	is(scalar(() = $millpond->log_since =~ m{\Q$pool\E\@.*taking connection from reserve_pool}g), $size, '... each of which is logged');
}

done_testing;
