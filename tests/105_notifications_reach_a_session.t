# In session mode LISTEN works: a notification arrives while the client is at rest.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { pool_mode => 'session' });
my $client   = Wire->login($millpond);
$client->query('listen news');
Wire->login($millpond)->query(q(notify news, 'it rains'));
is_deeply($client->result('A')->{notifications}, [ [ 'news', 'it rains' ] ],
	'a notification without a query');
is($client->value('select 1'), 1, 'and the session goes on');
$client->close;
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the server to be cleaned');
my $next = Wire->login($millpond);
$next->query('select 1');
Wire->login($server)->query(q(notify news, 'for nobody'));
is($next->query('select 1')->{types}, 'TDCZ', 'the next client does not listen');
ok($next->quiet(0.2), 'nor later');

done_testing;
