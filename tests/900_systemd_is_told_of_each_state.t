# The service manager hears of the start, of each reload, of a living event loop and of the end.
use v5.36;
use Millpond;
use NotifySocket;
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use Wire;

my $manager  = NotifySocket->new("$ENV{TESTDIR}/notify-$$");
my $millpond = Millpond->new(
	'pool',
	databases => { postgres => 'host=/nonexistent' },
	settings  => { stats_period => 1 },
	env       => { NOTIFY_SOCKET => $manager->{path}, WATCHDOG_USEC => 3_000_000 },
	stopped   => 1);

# Start ---------------------------------------------------------------------------------------

$millpond->launch;
my $ready = $manager->await('READY');
is($ready->{READY}, 1, 'READY=1 when it has started');
ok(eval { Wire->login($millpond, database => 'pgbouncer') }, 'and by then it serves');
my ($status) = grep { defined } map { $_->{STATUS} } $manager->{said}->@*;
$status //= $manager->await('STATUS')->{STATUS};
my $micro = "\xc2\xb5";
like($status, qr{^stats: \d+ xacts/s, \d+ queries/s, \d+ client parses/s, \d+ server parses/s, \d+ binds/s, \d+ client logins/s, in \d+ B/s, out \d+ B/s, xact \d+ ${micro}s, query \d+ ${micro}s, wait \d+ ${micro}s$},
	'STATUS= is the line of statistics, with micro signs');

# Watchdog ------------------------------------------------------------------------------------

# Half of the interval is what systemd recommends; a whole one without a sign is a restart.
my @signs = map { $_->{at} } grep { $_->{WATCHDOG} } $manager->listen_for(6);
cmp_ok(@signs, '>=', 3, 'WATCHDOG=1 comes again and again');
my @gaps = map { $signs[$_] - $signs[ $_ - 1 ] } 1 .. $#signs;
is_deeply([ grep { $_ > 3 } @gaps ], [], 'and never later than the interval');

# Reload --------------------------------------------------------------------------------------

sub reload_is_announced ($what)
{
	my $before = int(clock_gettime(CLOCK_MONOTONIC) * 1e6);
	$millpond->signal('HUP');
	my $reloading = $manager->await('RELOADING');
	my $after     = int(clock_gettime(CLOCK_MONOTONIC) * 1e6) + 1;
	is($reloading->{RELOADING}, 1, "RELOADING=1 for $what");
	my $usec = $reloading->{MONOTONIC_USEC} // 0;
	ok($before <= $usec && $usec <= $after, 'with the time at which it began')
		or diag("$before <= $usec <= $after");
	ok(!exists $reloading->{READY}, 'not yet READY in the same breath');
	is($manager->await('READY')->{READY}, 1, 'READY=1 when it is over');
	return;
}

$millpond->write_config(settings => { max_client_conn => 123 });
reload_is_announced('a reload');
my ($row) = grep { $_->{key} eq 'max_client_conn' } $millpond->console('SHOW CONFIG');
is($row->{value}, 123, 'the new settings hold');

$millpond->write_config(settings => { max_client_conn => 'many' });
reload_is_announced('a reload of a faulty file');
($row) = grep { $_->{key} eq 'max_client_conn' } $millpond->console('SHOW CONFIG');
is($row->{value}, 123, 'the old settings hold');

# End -----------------------------------------------------------------------------------------

$millpond->signal('INT');
is($manager->await('STOPPING')->{STOPPING}, 1, 'STOPPING=1 when it is told to end');
is($millpond->wait_exit, 0, 'and it ends well');

# Other surroundings --------------------------------------------------------------------------

my $abstract = NotifySocket->new("\@millpond-test-$$");
$millpond->write_config(settings => { max_client_conn => 100 });
$millpond->{options}{env} = { NOTIFY_SOCKET => $abstract->{path} };
$millpond->launch;
ok($abstract->await('READY'), 'a notify socket in the abstract namespace');
is_deeply([ grep { $_->{WATCHDOG} } $abstract->listen_for(1.5) ], [],
	'no WATCHDOG=1 when nobody watches');
$millpond->stop;

$millpond->{options}{env} = { NOTIFY_SOCKET => "$ENV{TESTDIR}/no-such-socket",
	WATCHDOG_USEC => 500_000 };
$millpond->start;
ok(Wire->login($millpond, database => 'pgbouncer'),
	'a notify socket that is not there does no harm');

unlink $manager->{path};
done_testing;
