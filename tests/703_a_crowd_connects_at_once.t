# A thousand clients that connect at the same moment all get in and all are served by a few servers.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

# ThreadSanitizer takes long to make a coroutine.
my $crowd    = $ENV{STRESS} ? 5000 : $ENV{SANITIZE} ? 90 : 900;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { max_client_conn => 2 * $crowd, default_pool_size => 4 });
my $hard = `sh -c 'ulimit -Hn'` + 0 || 1 << 20;
plan skip_all => 'too few descriptors' if $hard < 2 * $crowd + 100;
system 'prlimit', "--pid=$$", "--nofile=$hard:$hard";
my $from     = time;
my @clients  = map { Wire->connect($millpond)->startup } 1 .. $crowd;
is(scalar(grep { ($_->result->{status} // '') eq 'I' } @clients), $crowd, 'all of them are let in');
cmp_ok(time - $from, '<', 20, 'soon');
$_->put(Query('select 1')) for @clients;
is(scalar(grep { $_->result->{types} eq 'TDCZ' } @clients), $crowd, 'and all are served');
cmp_ok(scalar $server->backends, '<=', 4, 'by four servers');
is($millpond->pool->{cl_active}, $crowd, 'the pool counts them');
$_->close for @clients;
wait_until(sub { $millpond->pool->{cl_active} == 0 }, 'them to go');
pass('and forgets them');

done_testing;
