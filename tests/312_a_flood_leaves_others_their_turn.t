# A client that sends faster than it is read, and only what is dropped, holds up nobody else on its worker, and can be sent away.
use v5.36;
use Millpond;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { workers => 1 },
	databases => { postgres => '', one => 'dbname=postgres pool_size=1' });
my $other    = Wire->login($millpond);
$other->value('select 1');

# Sends until it is sent away, or the time is over: the process that does so. Returns when it has begun.
sub flood ($client, $bytes, $seconds)
{
	pipe my $begun, my $begins or die "pipe: $!";
	my $flooder = fork // die "fork: $!";
	if (!$flooder)
	{
		my $end = time + $seconds;
		$client->{socket}->blocking(1);
		syswrite $client->{socket}, $bytes;
		close $begins;
		while (time < $end) { syswrite $client->{socket}, $bytes or POSIX::_exit(1) }
		POSIX::_exit(0);
	}
	close $begins;
	sysread $begun, my $nothing, 1;
	return $flooder;
}

# The data of no COPY.
my $flood   = CopyData('') x 200_000;
my $flooder = flood(Wire->login($millpond), $flood, 6);

cmp_ok($other->slowest(2), '<', 5, 'each query is answered before the flood ends');
kill 'KILL', $flooder;
waitpid $flooder, 0;

# What follows a batch that was cancelled. Other floods keep the worker from ever seeing the end of this one.
my ($holder, $client) = map { Wire->login($millpond, database => 'one') } 1 .. 2;
$holder->query('begin');
$client->put(Parse('', 'select 1'), Flush());
wait_until(sub { $millpond->pool('one')->{cl_waiting} }, 'it to wait');
$client->cancel;
is($client->result('E')->{error}{C}, '57014', 'one that has waited is cancelled in a batch');
my $port = $client->{socket}->sockport;
my ($id) = map { $_->{id} } grep { $_->{port} == $port } $millpond->console('SHOW CLIENTS');
my @floods = map { flood(Wire->login($millpond), $flood, 20) } 1 .. 2;
push @floods, flood($client, Flush() x 200_000, 20);
my $from = $millpond->log_end;
my $at   = time;
$millpond->console("KILL_CLIENT $id");
wait_until(sub { $millpond->log_since($from) =~ /closing because: admin forced disconnect/ }, 'its end');
cmp_ok(time - $at, '<', 15, '... and sent away in the middle of the flood that follows');
kill 'KILL', @floods;
waitpid $_, 0 for @floods;

done_testing;
