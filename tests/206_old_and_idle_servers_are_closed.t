# server_lifetime and server_idle_timeout close servers that nobody uses, never one in use.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { server_lifetime => 1, default_pool_size => 3 });
my $client   = Wire->login($millpond);

$client->query('begin');
my $pid  = $client->value('select pg_backend_pid()');
my $from = $millpond->log_end;
is($client->value('select pg_sleep(1.5)'), '', 'a transaction longer than server_lifetime');
is($client->value('select pg_backend_pid()'), $pid, 'keeps its server');
$client->query('commit');
$millpond->wait_for_log(qr/closing because: server lifetime over/, $from);
wait_until(sub { 0 == $server->backends }, 'the server to go');
pass('afterwards it is closed');
isnt($client->value('select pg_backend_pid()'), $pid, 'and a new one is made');

$millpond->reconfigure(settings => { server_lifetime => undef, server_idle_timeout => 1 });
$from = $millpond->log_end;
$pid  = $client->value('select pg_backend_pid()');
wait_until(sub { 0 == $server->backends }, 'the server to go');
like($millpond->log_since($from), qr/closing because: server idle timeout/, 'an idle server is closed');
isnt($client->value('select pg_backend_pid()'), $pid, 'and a new one is made');

$millpond->reconfigure(settings => { server_idle_timeout => undef },
	databases => { postgres => 'server_lifetime=1' });
wait_until(sub { 0 == $server->backends }, 'the server to go');
pass('server_lifetime of one database');

$millpond->reconfigure(settings => { server_lifetime => 0 }, databases => { postgres => '' });
my %pids = map { $client->value('select pg_backend_pid()') => 1 } 1 .. 5;
is(scalar keys %pids, 5, 'server_lifetime 0: each server is used once');

$millpond->reconfigure(databases => { fresh => 'dbname=postgres' });
$from = $millpond->log_end;
Wire->login($millpond, database => 'fresh')->value('select 1');
$millpond->wait_for_log(qr/S-\w+: fresh.* closing because: server lifetime over/, $from);
is(scalar(() = $millpond->log_since($from) =~ /S-\w+: fresh.* new connection/g), 1,
	'... the first by the client that it has greeted');

done_testing;
