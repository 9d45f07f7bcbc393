# Under a limit over several pools nobody is kept from its servers by those who never rest, or hardly ever.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep time);
use Wire;

my $fake     = FakeServer->new(query => sub ($c, $sql) { sleep 0.02; return 0 });
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' max_db_connections=1' });
my $other    = Wire->login($millpond, user => 'two');

# Clients of another user, who ask without a pause.
my @busy;
sub add_busy ()
{
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		my $client = Wire->login($millpond, user => 'one');
		$client->query('busy') while 1;
	}
	push @busy, $pid;
	wait_until(sub { @busy == grep { $_->{user} eq 'one' } $millpond->console('SHOW CLIENTS') }, 'it to be there');
	return;
}

sub longest_of ($count)
{
	my $longest = 0;
	for (1 .. $count)
	{
		my $from = time;
		$other->query('other');
		$longest = time - $from if time - $from > $longest;
	}
	note(sprintf '%.3f s', $longest);
	return $longest;
}

add_busy();
cmp_ok(longest_of(20), '<', 10, 'who waits has the place of a server that rests for a moment');
add_busy() for 1 .. 2;
cmp_ok(longest_of(3), '<', 20, 'and some time that of one that does not');
kill 'KILL', @busy;
waitpid $_, 0 for @busy;
done_testing;
