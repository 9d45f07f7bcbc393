# Transaction mode: many clients over two servers; a server is another's between transactions and nobody's within.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 2 });
my @clients  = map { Wire->login($millpond) } 1 .. 40;
# Both are there before the crowd comes.
$_->query('begin')  for @clients[ 0, 1 ];
$_->query('commit') for @clients[ 0, 1 ];
my %pids;
for my $round (1 .. 5)
{
	$_->put(Query('select pg_backend_pid(), pg_sleep(0.001)')) for @clients;
	$pids{ $_->result->{rows}[0][0] }++ for @clients;
}
is(scalar keys %pids, 2, 'forty clients used two servers');
is(scalar $server->backends, 2, 'there are no more');

my ($a, $b, $c) = @clients;
$_->query('begin') for $a, $b;
my ($in_a, $in_b) = map { $_->value('select pg_backend_pid()') } $a, $b;
isnt($in_a, $in_b, 'two transactions have one server each');
is($a->value('select pg_backend_pid()'), $in_a, 'and keep it');
$c->put(Query('select pg_backend_pid()'));
wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'the third to wait');
ok($c->quiet, 'a third client waits');
$b->query('commit');
is($c->result->{rows}[0][0], $in_b, 'for the one that becomes free');
$a->query('rollback');

# Nothing is reset between transactions unless that is asked for.
ok(!$server->log_contains(qr/DISCARD ALL/), 'no server_reset_query in transaction mode');
$millpond->reconfigure(settings => { server_reset_query_always => 1 });
is($_->value('select 1'), 1, 'a query with server_reset_query_always') for $a, $b;
wait_until(sub { $server->log_contains(qr/DISCARD ALL/) }, 'DISCARD ALL');
pass('server_reset_query_always resets in transaction mode too');

# Three statements that hold a transaction open in one message.
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the last reset');
is($a->query('begin; select 1')->{status}, 'T', 'a transaction begun in a longer message');
is($millpond->pool->{sv_active}, 1, 'keeps the server');
is($a->query('select 2; commit')->{status}, 'I', 'and ended in one');
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to return');

done_testing;
