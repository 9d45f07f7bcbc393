# A driver that resets its session again and again, as asyncpg does, pays for that only what it has set.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils ();
use Test::More;
use Wire;

my $server   = Postgres->new('server', conf => 'log_statement = all');
my $millpond = Millpond->new('pool', server => $server,
	databases => {
		one     => 'dbname=postgres pool_size=1',
		started => q(dbname=postgres pool_size=1 connect_query='set work_mem = 111'),
	},
	settings => { server_idle_timeout => 600 });

sub client ($database = 'one') { return Wire->login($millpond, database => $database) }

# What the server hears of them.
sub statements (@sql)
{
	my $client = client();
	$client->query('select 1');
	my $from = -s $server->logfile;
	$client->query($_) for @sql;
	$client->query('select 2');
	$client->close;
	my @seen = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /LOG:  statement: (.*)/g;
	return [ map { /VALUES/ ? 'the question' : $_ } grep { !/select 2/ } @seen ];
}

my $other = client();
$other->query('set work_mem = 78');
my $value = 99;
for my $sql ('reset all', 'discard all', 'select pg_advisory_unlock_all(); close all; unlisten *; reset all')
{
	$value++; # that no answer is known to
	is_deeply(statements($sql, 'select 1', $sql), [ $sql, 'select 1', $sql ], "$sql: nothing is asked");
	is($other->value('show work_mem'), '78kB', '... what others have set is theirs');
	is_deeply(statements("set work_mem = $value", $sql, $sql, 'select 1'),
		[ "set work_mem = $value", 'the question', $sql, 'the question', $sql, 'select 1' ], '... a question of what was set');
	is($other->value('show work_mem'), '78kB', '... of which others know nothing');
}
$other->close;

# It leads to what the server had before connect_query, which is nobody else's.
for my $sql ('reset all', 'discard all', 'begin; reset all; rollback')
{
	my ($client, $second) = map { client('started') } 0, 1;
	$client->query($sql);
	for my $round (1, 2)
	{
		is($second->value('show work_mem'), '111kB', "$sql behind a connect_query: round $round");
		is($client->value('show work_mem'), $sql =~ /rollback/ ? '111kB' : '4MB', '... its client');
	}
	$_->close for $client, $second;
}

$millpond->stop;
done_testing;
