# syslog with its ident and facility, verbose and -v, the lines of statistics: what is logged, how much of it and where follows the settings and a reload.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $library = File::Spec->rel2abs("$ENV{OUT}/preload/note_calls.so");
my $server  = Postgres->new;

# --- syslog --------------------------------------------------------------------------------------

# The calls that a daemon has made of the system log, as its library has noted them.
my $calls = PostgreSQL::Test::Utils::tempdir() . '/calls';
sub calls ($pattern = qr/^/) { return grep { $_ =~ $pattern } split /\n/, -e $calls ? slurp_file($calls) : '' }
my ($local3, $daemon) = (19, 3);

SKIP:
{
	skip 'a sanitizer has to come first', 1 if $ENV{SANITIZE};
	my $millpond = Millpond->new('syslog', server => $server, env => { LD_PRELOAD => $library, CALLS => $calls },
		settings => { syslog => 1, syslog_ident => 'the-pond', syslog_facility => 'local3', server_login_retry => 60 },
		databases => { postgres => '', missing => 'dbname=dne' });
	is_deeply([ calls(qr/^openlog/) ], ["openlog the-pond $local3"], 'syslog is opened, with ident and facility');
	is(scalar calls(qr/^syslog 6 process up: Millpond/), 1, 'what is usual is informational (6)');
	Wire->connect($millpond)->startup(database => 'missing')->result;
	like((calls(qr/^syslog 4 /))[0], qr/server login failed: FATAL database "dne" does not exist/, 'a warning is one (4)');
	Wire->connect($millpond)->startup(user => '%s%n', database => 'nowhere')->result;
	wait_until(sub { calls(qr{^syslog \d C-\w+: nowhere/%s%n\@\S+ pooler error: no such database}) }, 'the name');
	pass('names are no formats');
	like($millpond->log_since, qr/ LOG process up: Millpond/, 'standard error has it as well');

	$millpond->reconfigure(settings => { syslog_facility => 'daemon', syslog_ident => undef });
	is((calls(qr/^(?:open|close)log/))[-2], 'closelog', 'a reload closes it');
	is((calls(qr/^(?:open|close)log/))[-1], "openlog millpond $daemon", '... and opens it anew');
	$millpond->reconfigure(settings => { syslog => 0 });
	my $before = calls(qr/^syslog/);
	is((calls(qr/^(?:open|close)log/))[-1], 'closelog', 'or only closes it');
	Wire->login($millpond);
	wait_until(sub { $millpond->log_contains(qr/closing because: /) }, 'a line');
	is(scalar calls(qr/^syslog/), $before, 'then nothing more goes there');

	# In the background it takes the place of a file.
	my $pidfile = $millpond->basedir . '/pid';
	$millpond->stop;
	$millpond->write_config(settings => { syslog => 1, pidfile => $pidfile });
	local @ENV{qw(LD_PRELOAD CALLS)} = ($library, $calls);
	my ($status, $out, $error) = run_binary('-d', '-q', $millpond->ini);
	delete local @ENV{qw(LD_PRELOAD CALLS)};
	is("$status$out$error", '0', '-d is content with it');
	my ($pid) = slurp_file($pidfile) =~ /^(\d+)$/;
	wait_until(sub { calls(qr/^syslog 6 process up/) == 2 }, 'its line');
	pass('... and logs there');
	kill 'QUIT', $pid;
	wait_until(sub { !kill 0, $pid }, 'its end');
}

# --- verbose -------------------------------------------------------------------------------------

my $millpond = Millpond->new('pool', server => $server, settings => { stats_period => 3600 });
my $debug    = qr/ DEBUG C-\w+: postgres\/postgres\@\S+ got var: application_name=talkative$/m;

# What is logged of a client.
sub logged_of (%more)
{
	my $from   = $millpond->log_end;
	my $client = Wire->login($millpond, application_name => 'talkative', %more);
	$client->close;
	$millpond->wait_for_log(qr/closing because: /, $from);
	return $millpond->log_since($from);
}
unlike(logged_of(), qr/ DEBUG | NOISE /, 'without verbose nothing special is logged');
$millpond->console('SET verbose = 1');
like(logged_of(), $debug, 'verbose tells what a client has come with');
like(logged_of(options => '-c timezone=UTC'), qr/ DEBUG C-\w+: \S+ got var: options=-c timezone=UTC$/m, '... all of it');
like(logged_of(TimeZone => "UTC"), qr/got var: TimeZone=UTC$/m, '... by name');
$millpond->console('RELOAD');
unlike(logged_of(), qr/ DEBUG | NOISE /, 'until it is taken back');
$millpond->reconfigure(settings => { verbose => 1 });
like(logged_of(), $debug, 'the file can say so as well');
$millpond->stop;
$millpond->write_config(settings => { verbose => undef });
{
	no warnings 'redefine';
	local *Millpond::_command = sub ($self) { return ($Millpond::binary, '-v', $self->ini) };
	$millpond->start;
}
like(logged_of(), $debug, 'and -v on the command line');
$millpond->console('RELOAD');
like(logged_of(), $debug, '... which a reload does not take back');

# --- a faulty file --------------------------------------------------------------------------------

# Why it does not start is in its log, where that is known, even if nobody sees its standard error.
my $folder = PostgreSQL::Test::Utils::tempdir();
my $stamp  = qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[\d+\]/m;
sub refused ($text, @options)
{
	unlink "$folder/log";
	my $ini = ini_file($text);
	my ($status, $out, $error) = run_binary(@options, $ini);
	is("$status$out", '1', join ' ', 'it does not start', @options);
	like($error, qr/^\Q$ini\E(?::\d+)?: \S/m, '... and says why');
	return ($ini, -e "$folder/log" ? slurp_file("$folder/log") : '');
}
my $faulty = "[millpond]\nnonsense = 1\nlogfile = $folder/log\nlisten_port = x\n";
for my $options ([], ['-q'], ['-d'])
{
	my ($ini, $log) = refused($faulty, @$options);
	like($log, qr/$stamp ERROR \Q$ini\E:2: unknown setting "nonsense"\n.*$stamp ERROR \Q$ini\E:4: listen_port: /ms,
		'... in the log as well, with each fault');
	like($log, qr/$stamp FATAL cannot load config file\n\z/, '... and what comes of it');
}
like((refused("[millpond]\nlogfile = $folder/log\nclient_tls_sslmode = require\n"))[1],
	qr/$stamp ERROR \S+ .*\n$stamp FATAL/, 'one that only TLS finds faulty');
is((refused($faulty, '--check'))[1], '', '--check logs nothing');
is((refused("[millpond]\nlogfile = /nowhere/log\nnonsense = 1\n"))[1], '', 'nor is there a log if it cannot be opened');

# --- statistics ----------------------------------------------------------------------------------

# Each period has its line, with the averages of that period alone.
my $from   = $millpond->log_end;
my $client = Wire->login($millpond);
$millpond->console("SET stats_period = '0.5'");
my $stats = qr/ LOG stats: (\d+) xacts\/s, (\d+) queries\/s, (\d+) client parses\/s, (\d+) server parses\/s, (\d+) binds\/s, (\d+) client logins\/s, in (\d+) B\/s, out (\d+) B\/s, xact (\d+) us, query (\d+) us, wait (\d+) us$/m;
sub next_line ($condition)
{
	my $line;
	wait_until(
		sub {
			my @lines = $millpond->log_since($from) =~ /$stats/g;
			while (my @one = splice @lines, 0, 11) { $line = \@one, return 1 if $condition->(@one) }
			return;
		},
		'a line of statistics');
	return $line;
}
$client->query('select 1') for 1 .. 40;
my $line = next_line(sub (@numbers) { $numbers[1] >= 5 });
cmp_ok($line->[0], '>=', 5, 'the line of a busy period: transactions');
cmp_ok($line->[7], '>', 100, '... bytes');
$from = $millpond->log_end;
next_line(sub (@numbers) { !grep { $_ } @numbers[ 0 .. 4, 8 .. 10 ] });
pass('and of a quiet one');
$millpond->console('SET log_stats = 0');
$from = $millpond->log_end;
my $count = sub { scalar(() = $millpond->log_since =~ /$stats/g) };
my $before = $count->();
# Averages go on being made: a whole period is over when those of a busy one are gone.
wait_until(sub { $client->query('select 1'); ($millpond->console("SHOW STATS WHERE database = 'postgres'"))[0]{avg_query_count} > 0 }, 'the average of a busy period');
wait_until(sub { ($millpond->console("SHOW STATS WHERE database = 'postgres'"))[0]{avg_query_count} == 0 }, 'that of a quiet one');
is($count->(), $before, 'with log_stats = 0 there is no line, but there are averages');

done_testing;
