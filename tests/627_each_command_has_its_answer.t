# Each command of the console answers with its tag, or with PgBouncer's words for what is wrong, in the simple and in the extended protocol.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => '', other => 'dbname=postgres' });
my $console  = Wire->login($millpond, database => 'pgbouncer');

# What is done, in this order, and what is said of it: a tag, or an error.
my @steps = (
	[ 'RELOAD'                      => 'RELOAD' ],
	[ 'RECONNECT'                   => 'RECONNECT' ],
	[ 'RECONNECT postgres'          => 'RECONNECT' ],
	[ 'RECONNECT nowhere'           => 'ERROR 08P01 no such database: nowhere' ],
	[ 'RECONNECT pgbouncer'         => 'ERROR 08P01 cannot reconnect admin db: pgbouncer' ],
	[ 'WAIT_CLOSE'                  => 'WAIT_CLOSE' ],
	[ 'WAIT_CLOSE postgres'         => 'WAIT_CLOSE' ],
	[ 'WAIT_CLOSE nowhere'          => 'ERROR 08P01 no such database: nowhere' ],
	[ 'WAIT_CLOSE pgbouncer'        => 'ERROR 08P01 cannot wait in admin db: pgbouncer' ],
	[ 'PAUSE nowhere'               => 'ERROR 08P01 no such database: nowhere' ],
	[ 'PAUSE pgbouncer'             => 'ERROR 08P01 cannot pause admin db: pgbouncer' ],
	[ 'PAUSE postgres'              => 'PAUSE' ],
	[ 'SUSPEND'                     => 'ERROR 08P01 cannot suspend with paused databases' ],
	[ 'RESUME other'                => 'ERROR 08P01 database other is not paused' ],
	[ 'RESUME nowhere'              => 'ERROR 08P01 no such database: nowhere' ],
	[ 'RESUME postgres'             => 'RESUME' ],
	[ 'RESUME postgres'             => 'ERROR 08P01 database postgres is not paused' ],
	[ 'RESUME'                      => 'ERROR 08P01 pooler is not paused/suspended' ],
	[ 'PAUSE'                       => 'PAUSE' ],
	[ 'PAUSE postgres'              => 'ERROR 08P01 already suspended/paused' ],
	[ 'KILL postgres'               => 'ERROR 08P01 already suspended/paused' ],
	[ 'RESUME'                      => 'RESUME' ],
	[ 'SUSPEND'                     => 'SUSPEND' ],
	[ 'PAUSE'                       => 'ERROR 08P01 already suspended/paused' ],
	[ 'SUSPEND'                     => 'ERROR 08P01 already suspended/paused' ],
	[ 'KILL'                        => 'ERROR 08P01 already suspended/paused' ],
	[ 'RESUME'                      => 'RESUME' ],
	[ 'KILL nowhere'                => 'ERROR 08P01 no such database: nowhere' ],
	[ 'KILL pgbouncer'              => 'ERROR 08P01 cannot kill admin db: pgbouncer' ],
	[ 'KILL other'                  => 'KILL' ],
	[ 'KILL'                        => 'KILL' ],
	[ 'RESUME'                      => 'RESUME' ],
	[ 'RESUME other'                => 'RESUME' ],
	[ 'KILL_CLIENT 999999999'       => 'ERROR 08P01 client not found' ],
	[ 'KILL_CLIENT nobody'          => 'ERROR 08P01 invalid client pointer supplied' ],
	[ 'KILL_CLIENT 0'               => 'ERROR 08P01 client not found' ],
	[ 'KILL_CLIENT'                 => q(ERROR 08P01 invalid command 'KILL_CLIENT', use SHOW HELP;) ],
	[ 'DISABLE'                     => 'ERROR 08P01 a database is required' ],
	[ 'ENABLE'                      => 'ERROR 08P01 a database is required' ],
	[ 'DISABLE nowhere'             => 'ERROR 08P01 no such database: nowhere' ],
	[ 'ENABLE nowhere'              => 'ERROR 08P01 no such database: nowhere' ],
	[ 'DISABLE pgbouncer'           => 'ERROR 08P01 cannot disable admin db: pgbouncer' ],
	[ 'ENABLE pgbouncer'            => 'ERROR 08P01 cannot enable admin db: pgbouncer' ],
	[ 'DISABLE other'               => 'DISABLE' ],
	[ 'ENABLE other'                => 'ENABLE' ],
	[ 'SET query_timeout = 5'       => 'SET query_timeout=5' ],
	[ q(SET query_timeout TO '0')   => 'SET query_timeout=0' ],
	[ 'SET nonsense = 1'            => 'ERROR 08P01 SET failed' ],
	[ 'SET query_timeout = x'       => 'ERROR 08P01 SET failed' ],
	[ 'SET query_timeout'           => q(ERROR 08P01 invalid command 'SET query_timeout', use SHOW HELP;) ],
	[ q(SET query_timeout = '5)     => q(ERROR 08P01 invalid command 'SET query_timeout = '5', use SHOW HELP;) ],
	[ 'SHOW VERSION'                => 'SHOW' ],
	[ 'SELECT version'              => 'SHOW' ],
	[ 'SHOW'                        => q(ERROR 08P01 invalid command 'SHOW', use SHOW HELP;) ],
	[ 'SHOW nothing'                => q(ERROR 08P01 invalid command 'SHOW nothing', use SHOW HELP;) ],
	[ 'SHOW "VERSION'               => q(ERROR 08P01 invalid command 'SHOW "VERSION', use SHOW HELP;) ],
	[ 'SHUTDOWN nonsense'           => q(ERROR 08P01 invalid command 'SHUTDOWN nonsense', use SHOW HELP;) ],
	[ 'RELOAD now'                  => q(ERROR 08P01 invalid command 'RELOAD now', use SHOW HELP;) ],
	[ 'SUSPEND now'                 => q(ERROR 08P01 invalid command 'SUSPEND now', use SHOW HELP;) ],
	[ 'PAUSE postgres now'          => q(ERROR 08P01 invalid command 'PAUSE postgres now', use SHOW HELP;) ],
	[ 'VACUUM'                      => q(ERROR 08P01 invalid command 'VACUUM', use SHOW HELP;) ],
	[ 'x' x 16                      => 'ERROR 08P01 bad arguments' ],
	[ 'x' x 15                      => q(ERROR 08P01 invalid command ') . 'x' x 15 . q(', use SHOW HELP;) ],
	[ 'SHOW ' . 'x' x 64            => 'ERROR 08P01 bad arguments' ],
	[ 'SET ' . 'x' x 64 . ' = 1'    => 'ERROR 08P01 bad arguments' ],
	[ 'SET x = ' . 'y' x 256        => 'ERROR 08P01 bad arguments' ],
	[ 'x' x 100_000                 => 'ERROR 08P01 bad arguments' ],
);

sub said ($answer)
{
	return join ' ', $answer->{error} ? @{ $answer->{error} }{qw(S C M)} : $answer->{tags}->@*, $answer->{status} eq 'I' ? () : 'no end';
}
# A pool of each database, so that there is something to pause
Wire->login($millpond, database => $_)->value('select 1') for qw(postgres other);
for my $way ('simple', 'extended')
{
	for my $step (@steps)
	{
		my ($text, $expected) = @$step;
		my $answer = $way eq 'simple' ? $console->query($text) :
			$console->put(Parse('', $text), Bind(), Execute(), Sync())->result;
		is(said($answer), $expected, "$way: " . substr $text, 0, 40);
	}
}

# Words in quotes are what they are, and a reload of a faulty file is the one error with a code of its own.
is(said($console->query('"PAUSE" "postgres"')), 'PAUSE', 'words may be quoted');
is(said($console->query('resume "postgres" ;')), 'RESUME', '... in any case, with a semicolon behind');
is(said($console->query('PAUSE "Postgres"')), 'ERROR 08P01 no such database: Postgres', 'a name is as it is written');
$millpond->write_config(settings => { nonsense => 1 });
is(said($console->query('RELOAD')), 'ERROR F0000 RELOAD failed, see logs for additional details', 'a faulty file');
$millpond->write_config(settings => { nonsense => undef });
is(said($console->query('RELOAD')), 'RELOAD', '... mended');

# The kinds of SHUTDOWN come last
my $client = Wire->login($millpond);
my $local  = Wire->login($millpond, unix => 1, database => 'pgbouncer');
is(said($local->query('SHUTDOWN WAIT_FOR_CLIENTS')), 'SHUTDOWN', 'SHUTDOWN WAIT_FOR_CLIENTS');
is(said($local->query('RESUME')), 'ERROR 08P01 pooler is shutting down', '... of which there is no RESUME');
is(said($local->query('SUSPEND')), 'ERROR 08P01 pooler is shutting down', '... and no rest');
$local->put(Query('SHUTDOWN'));
my $last = $local->result;
is("$last->{types} $last->{eof}", ' 1', 'SHUTDOWN at once says nothing');
is($millpond->wait_exit, 0, '... and ends well');

done_testing;
