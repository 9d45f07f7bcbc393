# connect_query runs once on every new server connection, before any client's query.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => {
	postgres => q(connect_query='set work_mem to ''2MB''; select 42'),
	broken   => q(dbname=postgres connect_query='select nonsense'),
});
my @clients = map { Wire->login($millpond) } 1 .. 3;
$_->put(Query('select current_setting($$work_mem$$), pg_sleep(0.2)')) for @clients;
is($_->result->{rows}[0][0], '2MB', 'it ran on this server') for @clients;
is(scalar(() = slurp_file($server->logfile) =~ /select 42/g), scalar $server->backends,
	'once on each');
is($clients[0]->query('select 1')->{types}, 'TDCZ', 'nothing of it is shown');

my $from = $millpond->log_end;
is(Wire->login($millpond, database => 'broken')->value('select 1'), 1,
	'one that fails does no harm');
like($millpond->log_since($from), qr/nonsense/, 'but is logged');

done_testing;
