# The server used last is used next; with server_round_robin the one that rested longest.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 4, workers => 1 });
my @clients  = map { Wire->login($millpond) } 1 .. 4;
$_->query('begin')  for @clients;
$_->query('commit') for @clients;
is(scalar $server->backends, 4, 'four servers');

my %pids = map { $clients[ $_ % 4 ]->value('select pg_backend_pid()') => 1 } 1 .. 12;
is(scalar keys %pids, 1, 'one of them does all the work');
$millpond->reconfigure(settings => { server_round_robin => 1 });
%pids = ();
$pids{ $clients[ $_ % 4 ]->value('select pg_backend_pid()') }++ for 1 .. 12;
is_deeply([ sort values %pids ], [ 3, 3, 3, 3 ], 'or all of them by turns');

done_testing;
