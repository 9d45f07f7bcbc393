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
$_->query('begin') for @clients;
is($_->value('show work_mem'), '2MB', 'it ran on this server') for @clients;
$_->query('commit') for @clients;
is(scalar(() = slurp_file($server->logfile) =~ /select 42/g), 3, 'once on each');
is($clients[0]->query('select 1')->{types}, 'TDCZ', 'nothing of it is shown');

my $from = $millpond->log_end;
is(Wire->login($millpond, database => 'broken')->value('select 1'), 1,
	'one that fails does no harm');
like($millpond->log_since($from), qr/nonsense/, 'but is logged');

# One that asks for data gets none; one that leaves a transaction open, in which clients would lose their work, is not had.
$server->safe_psql('postgres', 'create table t (a int)');
$millpond->reconfigure(databases => { copying => q(dbname=postgres connect_query='copy t from stdin') });
$from = $millpond->log_end;
is(Wire->login($millpond, database => 'copying')->value('select 1'), 1, 'nor does one that asks for the data of a COPY');
like($millpond->log_since($from), qr/connect_query failed: COPY from stdin failed/, '... which is logged as well');
my %left = (
	'begin'                                         => 'it left a transaction open',
	'begin; select 1/0'                             => 'division by zero',
	'select pg_terminate_backend(pg_backend_pid())' => 'server conn crashed?',
);
for my $query (sort keys %left)
{
	$millpond->reconfigure(settings => { query_wait_timeout => 1 },
		databases => { open => "dbname=postgres pool_size=1 connect_query='$query'" });
	$from = $millpond->log_end;
	my $answer;
	# A busy machine may not come to the query in the time of one client.
	wait_until(
		sub {
			my $client = Wire->connect($millpond);
			$answer = $client->startup(database => 'open')->result;
			$answer = $client->query('insert into t values (1)') unless $answer->{error};
			return ($answer->{error}{C} // '') ne '57014';
		},
		'the query to have failed');
	is("@{$answer->{error}}{qw(C M)}", '08004 query_wait_timeout', "$query: nobody gets such a server");
	like($answer->{error}{D}, qr/no server could be had: connect_query: \Q$left{$query}/, '... and why');
	like($millpond->log_since($from), qr/S-\w+: open\S* closing because: connect_query: \Q$left{$query}/, '... in the log, too');
	is($server->safe_psql('postgres', 'select count(*) from t'), 0, '... and no work is lost');
}

# One that takes too long does not run on.
$millpond->reconfigure(settings => { server_connect_timeout => 3, server_login_retry => 60 }, databases => {
	slow => q(dbname=postgres connect_query='select pg_sleep(600)') });
$from = $millpond->log_end;
Wire->connect($millpond)->startup(database => 'slow');
$server->wait_for_log(qr/statement: select pg_sleep\(600\)/);
$millpond->wait_for_log(qr/S-\w+: slow\S* closing because/, $from);
wait_until(sub { !$server->backends(q(wait_event = 'PgSleep')) }, 'it to end in the server');
pass('one that takes too long is cancelled');

done_testing;
