# A console that asks thousands of times and reads late gets every answer, and costs nothing meanwhile.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my $other    = Wire->login($millpond);
my $total    = 100_000;
for my $how ([ unix => 1 ], [ rcvbuf => 8192 ])
{
	my $console  = Wire->login($millpond, database => 'pgbouncer', @$how);
	my $commands = Query('nonsense') x $total;
	my $quiet    = 0;
	while (length $commands && $quiet < 20)
	{
		my $sent = $console->put_some($commands);
		substr $commands, 0, $sent, '';
		$quiet = $sent ? 0 : $quiet + 1;
		sleep 0.02 if !$sent;
	}
	wait_until(
		sub {
			my $before = $millpond->cpu_seconds;
			sleep 0.5;
			return $millpond->cpu_seconds - $before < 0.1;
		},
		'the daemon to sleep, with as much done as it can');
	is($other->value("select $_"), $_, "$how->[0]: others are served") for 1 .. 4;

	my %answers;
	while (($answers{Z} // 0) < $total)
	{
		substr $commands, 0, $console->put_some($commands), '' if length $commands;
		my $message = $console->get // last;
		$answers{ $message->[0] }++;
	}
	is_deeply(\%answers, { E => $total, Z => $total }, "$how->[0]: every command is answered");
	is($console->query('SHOW VERSION')->{types}, 'TDCZ', "$how->[0]: and the console goes on");
}

done_testing;
