# Each event is one line in the shape that log analysers read; the log_* settings choose which.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $server   = Postgres->new;
my $log      = PostgreSQL::Test::Utils::tempdir() . '/own.log';
my $millpond = Millpond->new('pool', server => $server, settings => { logfile => $log });
my $port     = $millpond->port;

like(slurp_file($log), qr/listening on 127\.0\.0\.1:$port\n/, 'the address');
like(slurp_file($log), qr{listening on unix:\Q@{[ $millpond->host ]}\E/\.s\.PGSQL\.$port\n},
	'the Unix socket');
like(slurp_file($log), qr/process up: Millpond/, 'the start');

Wire->login($millpond)->value('select 1');
Wire->login($millpond, unix => 1)->value('select 1');
my $stranger = Wire->connect($millpond);
like($stranger->startup(database => 'nowhere')->result->{error}{M}, qr/no such database: nowhere/,
	'a stranger');
wait_until(sub { 3 == (() = slurp_file($log) =~ /C-\S+: .*closing because/g) }, 'three goodbyes');

my $text = slurp_file($log);
my $pid  = $millpond->pid;
my $stamp = qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[$pid\]/m;
my $login = qr/login attempt: db=postgres user=postgres tls=no$/m;
like($text, qr/$stamp LOG C-\w+: postgres\/postgres\@127\.0\.0\.1:\d+ $login/, 'a login over TCP');
like($text, qr/$stamp LOG C-\w+: postgres\/postgres\@unix\(\d+\):$port $login/,
	'a login over the Unix socket');
like($text, qr/$stamp LOG C-\w+: \S+ closing because: .* \(age=\d+s\)$/m, 'a goodbye');
like($text, qr/$stamp LOG S-\w+: postgres\/postgres\@\S+ new connection to server(?: \(from .*\))?$/m,
	'a server connection');
like($text, qr/C-\w+: \S+ pooler error: no such database: nowhere$/m, 'an error of our own');
# The pattern by which pgBadger knows a log of PgBouncer.
my $of_pgbadger = qr/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d+(?: [A-Z\+\-\d]{3,6})? \[\d+\] \S+ .\-0x[0-9a-f\.]*: [\w\[\]\-\.]*\/[\w\[\]\-\.]*\@/;
is_deeply([ grep { !/$of_pgbadger/ } grep { / [CS]-/ } split /\n/, $text ], [], 'the lines about clients and servers are as pgBadger reads them');
my @odd = grep { !/$stamp (?:FATAL|ERROR|WARNING|LOG|DEBUG|NOISE) / } split /\n/, $text;
is_deeply(\@odd, [], 'no line has another shape');
ok(!-s $millpond->logfile || slurp_file($millpond->logfile) =~ /process up/,
	'standard error gets the same');

$millpond->reconfigure(settings => { log_connections => 0, log_disconnections => 0,
	log_pooler_errors => 0 }, databases => { fresh => 'dbname=postgres' });
my $from = -s $log;
Wire->login($millpond, database => 'fresh')->value('select 1');
Wire->connect($millpond)->startup(database => 'nowhere')->result;
wait_until(sub { 1 == $millpond->console('SHOW CLIENTS') }, 'both to be gone');
unlike(slurp_file($log, $from), qr/login attempt|new connection to server|closing because|pooler error/,
	'all of them can be silenced');

rename $log, "$log.1" or die;
$millpond->reload_by_signal;
ok(-e $log, 'the log file is opened again at a reload');
rename $log, "$log.2" or die;
$millpond->write_config(settings => { max_client_conn => 'many' });
$millpond->reload_by_signal;
like(-e $log ? slurp_file($log) : '', qr/ERROR RELOAD failed/, '... also at one that fails');

$millpond->reconfigure(settings => { max_client_conn => 200, log_connections => 1, log_stats => 1, stats_period => 1 });
Wire->login($millpond);
like(slurp_file($log), $login, 'and written to');
my $stats = qr{stats: \d+ xacts/s, \d+ queries/s, .*in \d+ B/s, out \d+ B/s, xact \d+ us, query \d+ us}
	. qr{, wait \d+ us};
wait_until(sub { slurp_file($log) =~ $stats }, 'a line of statistics');
pass('statistics are logged');

done_testing;
