# A log on a full disk: nobody is held up, and once there is room it says how many lines are missing, on a line of its own.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $server   = Postgres->new;
my $log      = PostgreSQL::Test::Utils::tempdir() . '/log';
my $millpond = Millpond->new('pool', server => $server, settings => { logfile => $log });
my $client   = Wire->login($millpond);

# A limit to the size of files is met as a full disk is: in the middle of a line.
sub limit ($bytes) { system('prlimit', '--pid', $millpond->pid, "--fsize=$bytes:") == 0 or die 'prlimit' }

# A handful of lines, so that the room for half a line is left by one of them.
my $end = -s $log;
limit($end + 30);
$millpond->console("SET query_wait_timeout = $_") for 1 .. 5;
is($client->value('select 1'), 1, 'a query is answered all the same');
Wire->login($millpond)->close;
is(-s $log, $end + 30, 'the log is full, with a piece of a line at its end');

limit('unlimited');
# SET is logged before it is answered, but that a client has left may be logged at any time.
$millpond->console('SET query_wait_timeout = 6');
like(slurp_file($log, $end + 30), qr/^\n\S+ \S+ \S+ \[\d+\] WARNING lines that could not be written to the log: \d+\n/,
	'when there is room again, it first says how many are missing');
my ($lost) = slurp_file($log) =~ /to the log: (\d+)$/m;
cmp_ok($lost, '>=', 5, '... all of them');
like(slurp_file($log), qr/^\S+ \S+ \S+ \[\d+\] LOG query_wait_timeout: 5 -> 6$/m, '... and goes on with whole lines');
$millpond->console('RELOAD');
is(scalar(() = slurp_file($log) =~ /could not be written/g), 1, '... once');

# One that is taken away meanwhile has lost nothing of its own.
limit((-s $log) + 30);
$millpond->console("SET query_wait_timeout = $_") for 1 .. 5;
rename $log, "$log.1" or die $!;
limit('unlimited');
$millpond->console('RELOAD');
like(slurp_file($log), qr/\A\S+ \S+ \S+ \[\d+\] /, 'a new file begins with a line');
like(slurp_file("$log.1") . slurp_file($log), qr/WARNING lines that could not be written to the log: \d+$/m, '... and that lines are missing is told');

done_testing;
