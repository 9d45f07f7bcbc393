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
like($millpond->log_since, qr/taking connection from reserve_pool/, 'which is logged');
ok($clients[3]->quiet(1.5), 'the second one waits on');
is(scalar $server->backends, 3, 'three servers and no more');
is(scalar(() = $millpond->log_since =~ /taking connection from reserve_pool/g), 1, 'logged once');
$clients[0]->query('commit');
is($clients[3]->result->{status}, 'T', 'until one is given back');
$_->query('commit') for @clients[ 1 .. 3 ];

done_testing;
