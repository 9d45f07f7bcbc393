# A client that sends faster than it is read, and only what is dropped, holds up nobody else on its worker.
use v5.36;
use Millpond;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { workers => 1 });
my $other    = Wire->login($millpond);
$other->value('select 1');

# The data of no COPY.
pipe my $begun, my $begins or die "pipe: $!";
my $flooder = fork // die "fork: $!";
if (!$flooder)
{
	my $client = Wire->login($millpond);
	my $flood  = CopyData('') x 200_000;
	my $end    = time + 6;
	$client->{socket}->blocking(1);
	syswrite $client->{socket}, $flood;
	close $begins;
	while (time < $end) { syswrite $client->{socket}, $flood or last }
	POSIX::_exit(0);
}
close $begins;
sysread $begun, my $nothing, 1;

my ($slowest, $answered, $until) = (0, 0, time + 2);
while ((my $from = time) < $until)
{
	$answered += $other->value('select 1');
	$slowest = time - $from if time - $from > $slowest;
}
cmp_ok($slowest, '<', 2.5, "of $answered queries each is answered before the flood ends");
kill 'KILL', $flooder;
waitpid $flooder, 0;

done_testing;
