# A simple query costs two recvfrom and two sendto, a fraction of an epoll_wait under load, and no epoll_ctl.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

plan skip_all => 'the sanitizers make calls of their own' if $ENV{SANITIZE};
plan skip_all => 'strace is not here, or may not trace' if system 'strace -D -o /dev/null true 2>&1';

my $server  = Postgres->new;
my $summary = PostgreSQL::Test::Utils::tempdir() . '/calls';
my $clients = 64;
my $holder  = Wire->login($server);

# The number of each system call of the worker, which is the main thread, in the life of a daemon that answered so
# many queries a client.
sub calls ($name, $queries)
{
	my $millpond = Millpond->new($name, server => $server, settings => { default_pool_size => $clients, workers => 1 },
		wrapper => [ 'strace', '-D', '-c', '-U', 'calls,name', '-o', $summary ]);
	my @clients = map { Wire->login($millpond) } 1 .. $clients;
	for (1 .. $queries)
	{
		# All of them ask at once, and are answered at once, however busy the machine is.
		$holder->query('select pg_advisory_lock(1)');
		$millpond->signal('STOP');
		$_->put(Query('select pg_advisory_xact_lock_shared(1)')) for @clients;
		$millpond->signal('CONT');
		wait_until(sub { $server->backends(q(wait_event = 'advisory')) == $clients }, 'all to wait');
		$millpond->signal('STOP');
		$holder->query('select pg_advisory_unlock(1)');
		wait_until(sub { !$server->backends(q(state = 'active')) }, 'all to be answered');
		$millpond->signal('CONT');
		$_->result for @clients;
	}
	$_->put(Terminate()) for @clients;
	$millpond->stop;
	wait_until(sub { -s $summary && slurp_file($summary) =~ /total/ }, 'the count');
	my %calls = map { /^\s*(\d+)\s+(\w+)/ ? ($2 => $1) : () } split /\n/, slurp_file($summary);
	unlink $summary;
	return \%calls;
}

my ($few, $many) = (calls('few', 2), calls('many', 12));
my %each = map { $_ => ($many->{$_} - ($few->{$_} // 0)) / ($clients * 10) } keys %$many;
note(explain(\%each));
cmp_ok($each{recvfrom} // 0, '<=', 2.1, 'recvfrom');
cmp_ok($each{recvfrom} // 0, '>=', 1.9, '... they are counted');
cmp_ok($each{sendto} // 0, '<=', 2.1, 'sendto');
cmp_ok($each{epoll_wait} // 0, '<=', 0.5, 'epoll_wait');
cmp_ok($each{epoll_ctl} // 0, '<=', 0.01, 'epoll_ctl');
my $rest = 0;
$rest += $each{$_} for grep { !/^(?:recvfrom|sendto|epoll_wait|total)$/ } keys %each;
cmp_ok($rest, '<=', 0.3, 'anything else');

done_testing;
