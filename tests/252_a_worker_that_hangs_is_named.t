# A worker that does not come round is named in the log with what it was doing; `workers` takes a restart.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { workers => 2, watchdog => 1, default_pool_size => 1 });

my $from = $millpond->log_end;
$millpond->reconfigure(settings => { workers => 3 });
like($millpond->log_since($from), qr/workers: 2 -> 3 \(takes a restart\)/, 'another number waits for a restart');
is(scalar(() = $millpond->console('SHOW WORKERS')), 2, 'and until then all stays');

my @clients = map { Wire->login($millpond) } 1 .. 6;
$_->put(Query('select 1')) for @clients;
is($_->result->{status}, 'I', 'more workers than servers will do') for @clients;

SKIP:
{
	skip 'strace is not here, or may not trace', 3 if system 'strace -D -o /dev/null true 2>&1';
	my ($worker) = grep { $_->{worker} == 1 } $millpond->console('SHOW WORKERS');
	$from = $millpond->log_end;
	my $pid = fork // die "fork: $!";
	exec 'strace', '-o', '/dev/null', '-p', $worker->{thread_id}, '-e', 'trace=epoll_wait',
		'-e', 'inject=epoll_wait:delay_exit=4000000:when=2'
		if $pid == 0;
	wait_until(sub { $millpond->log_since($from) =~ /worker 1 has not come round for/ }, 'the watchdog');
	like($millpond->log_since($from), qr/worker 1 has not come round for \d+\.\d s; it was \w/,
		'a worker that hangs is named, with what it was doing');
	is($millpond->console('SHOW WORKERS') + 0, 2, 'while the other one goes on');
	wait_until(sub { $millpond->log_since($from) =~ /worker 1 comes round again/ }, 'its return');
	pass('and so is its return');
	kill TERM => $pid;
	waitpid $pid, 0;
}
done_testing;
