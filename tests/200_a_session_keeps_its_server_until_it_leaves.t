# Session mode: one server for the whole session, reset when the client leaves, then the next client's.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { pool_mode => 'session' });
my $first = Wire->login($millpond);
my $pid   = $first->value('select pg_backend_pid()');
$first->query('create temp table t (a int)');
$first->query(q(prepare p as select 'prepared'));
$first->query('set work_mem to 12345');
is($first->value('execute p'), 'prepared', 'session state lives');
is($first->value('select pg_backend_pid()'), $pid, 'on the same server');

my $second = Wire->login($millpond);
$second->put(
	Wire::Query(q(select pg_backend_pid(), current_setting('work_mem'), to_regclass('t'))));
wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'the second client to wait');
is($first->value('select 1'), 1, 'the first goes on');
ok($second->quiet, 'the second waits');
$first->put(Wire::Terminate());
is_deeply($second->result->{rows}, [ [ $pid, '4MB', undef ] ], 'it gets the same server, clean');
is($second->query('execute p')->{error}{C}, '26000', 'the prepared statement is gone too');
ok($server->log_contains(qr/statement: DISCARD ALL/), 'by server_reset_query');

$millpond->reconfigure(settings => { server_reset_query => '' });
$second->query('set work_mem to 54321');
$second->put(Wire::Terminate());
is(Wire->login($millpond)->value('show work_mem'), '54321kB',
	'an empty server_reset_query leaves all as it was');

$millpond->reconfigure(settings => { server_reset_query => 'select this_fails()' });
my $from = $millpond->log_end;
my $last = Wire->login($millpond);
$last->query('select 1');
$last->put(Wire::Terminate());
$millpond->wait_for_log(qr/S-\w+: .*closing because: .*reset/i, $from);
$millpond->reconfigure(settings => { server_reset_query => undef });
isnt(Wire->login($millpond)->value('select pg_backend_pid()'), $pid,
	'a server whose reset fails is closed');

done_testing;
