# -d leaves a working daemon with a pidfile, -q silences standard error, and both need what they need.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, stopped => 1);
my ($status, $out, $error) = run_binary('-d', $millpond->ini);
isnt($status, 0, '-d without a pidfile is refused');
like($error, qr/pidfile/, 'and says so');

my $pidfile = $millpond->basedir . '/millpond.pid';
$millpond->write_config(settings => { pidfile => $pidfile });
($status, $out, $error) = run_binary('-d', $millpond->ini);
isnt($status, 0, '-d without a log is refused');
like($error, qr/logfile/, 'and says so');

my $log = $millpond->basedir . '/own.log';
$millpond->write_config(settings => { logfile => $log });
($status, $out, $error) = run_binary('-q', '-d', $millpond->ini);
is($status, 0, '-d returns');
is($error, '', 'and with -q it says nothing');
wait_until(sub { -s $pidfile }, 'the pidfile');
my ($pid) = slurp_file($pidfile) =~ /^(\d+)\n\z/;
ok($pid && kill(0, $pid), 'the pidfile names a process');
is(Wire->login($millpond)->value('select 1'), 1, 'that serves');
my ($session) = slurp_file("/proc/$pid/stat") =~ /\) \S (?:-?\d+ ){2}(\d+) /;
is($session, $pid, 'in a session of its own, which no terminal ends');
my $holds = sub ($what) { return 3 == grep { (readlink("/proc/$pid/fd/$_") // '') eq $what } 0 .. 2 };
wait_until(sub { $holds->('/dev/null') }, 'standard input and output to be given up');
pass('and holds nothing of the one who has started it');
like(slurp_file($log), qr/ UTC \[$pid\] LOG .*process up/, 'and logs under that number');

($status, $out, $error) = run_binary('-q', $millpond->ini);
isnt($status, 0, 'a second one with the same pidfile is refused');
ok(kill(0, $pid) && slurp_file($pidfile) =~ /^$pid$/, 'and leaves the first one alone');

kill 'INT', $pid;
wait_until(sub { !kill 0, $pid }, 'its end');
ok(!-e $pidfile, 'the pidfile is gone with it');
ok(!-e $millpond->host . '/.s.PGSQL.' . $millpond->port, 'and so is the Unix socket');

# Somebody has taken the file away, and another one has come meanwhile.
is((run_binary('-q', '-d', $millpond->ini))[0], 0, 'another one starts');
wait_until(sub { -s $pidfile }, 'the pidfile');
($pid) = slurp_file($pidfile) =~ /^(\d+)/;
put_file($pidfile, "$$\n");
kill 'INT', $pid;
wait_until(sub { !kill 0, $pid }, 'its end');
is(-e $pidfile ? slurp_file($pidfile) : '', "$$\n", 'a pidfile that names another process stays');

done_testing;
