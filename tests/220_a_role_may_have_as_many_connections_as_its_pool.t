# Where PostgreSQL allows a role no more connections than its pool has, nobody hears of a closed server's backend that has not ended yet.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app1 login connection limit 1; create role app3 login connection limit 3');
my $millpond = Millpond->new('pool', server => $server, settings => { server_lifetime => 1, server_login_retry => 30 },
	databases => { one => 'dbname=postgres pool_size=1', three => 'dbname=postgres pool_size=3' });

# Transactions until then, from some of which clients go away. Says what went wrong.
sub work ($seconds, %whom)
{
	my ($until, $count, @errors) = (time + $seconds, 0);
	while (time < $until)
	{
		my $client = eval { Wire->login($millpond, %whom) } or push @errors, $@ and next;
		for my $sql ('begin; select 1', 'commit', 'begin; select 2', 'commit', 'begin; select 3')
		{
			my $error = $client->query($sql)->{error};
			push @errors, $error->{M} if $error;
			last if $error || ++$count % 7 == 0;
		}
		$client->close;
	}
	return @errors;
}

for my $size (1, 3)
{
	my @workers = map {
		my $pid = open(my $output, '-|') // die "fork: $!";
		if (!$pid)
		{
			print map { "$_\n" } work(3, database => $size == 1 ? 'one' : 'three', user => "app$size");
			close STDOUT;
			POSIX::_exit(0);
		}
		$output;
	} 1 .. 6;
	is_deeply([ map { readline } @workers ], [], "a pool of $size: servers come and go, and so do clients");
}
cmp_ok(scalar(() = $millpond->log_since =~ /server lifetime over/g), '>=', 4, 'some servers were over');

# One that has temporary tables to drop needs longer. Whoever waits, or comes meanwhile, has the next one.
my %whom = (database => 'one', user => 'app1');
for my $round (1 .. 10)
{
	my ($client, $waiting) = map { Wire->login($millpond, %whom) } 1 .. 2;
	$client->query(join ';', 'begin', map { "create temp table t$_ (a int primary key)" } 1 .. 40);
	$waiting->put(Query('select 7'));
	wait_until(sub { $millpond->pool('one')->{cl_waiting} }, 'one to wait');
	$millpond->console('RECONNECT one');
	$client->put(Query('commit'), Query('select 8'));
	my $newcomer = Wire->connect($millpond)->startup(%whom);
	my @errors   = grep { defined } map { $_->result->{error}{M} } $client, $client, $waiting, $newcomer;
	is_deeply(\@errors, [], "round $round: nobody hears of it") or last;
}

done_testing;
