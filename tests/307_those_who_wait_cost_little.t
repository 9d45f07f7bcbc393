# Clients that wait for a server have a page of stack, and those with long requests are not read from further than a little.
use v5.36;
use Millpond;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

plan skip_all => 'the thread sanitizer keeps a shadow of all memory' if ($ENV{SANITIZE} // '') =~ /thread/;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 300 },
	databases => { postgres => 'pool_size=1' });
my $holder = Wire->login($millpond);
my $count  = 150;
my @waiting = map { Wire->login($millpond) } 1 .. $count;

# What is resident of each stack: 64 KB behind a guard page, which keeps them apart.
sub stacks_kb ()
{
	my $maps = slurp_file('/proc/' . $millpond->pid . '/smaps');
	return sort { $a <=> $b } $maps =~ /^\S+ rw-p \S+ 00:00 0 *\nSize: +64 kB\n(?:\w+: .*\n)*?Rss: +(\d+) kB$/mg;
}

$holder->query('begin');
$_->put(Query('select 6')) for @waiting;
wait_until(sub { $millpond->pool->{cl_waiting} == $count }, 'all of them to wait');
SKIP:
{
	skip 'such a build has other stacks', 2 if $ENV{SANITIZE} || $ENV{OUT} =~ /debug/;
	my @stacks = stacks_kb();
	cmp_ok(scalar @stacks, '>=', $count, 'each has a stack');
	# A few have served for more before.
	my $usual = $stacks[ $count * 3 / 4 ];
	cmp_ok($usual * 1024, '<=', POSIX::sysconf(POSIX::_SC_PAGESIZE()), "... of which $usual KB are in use");
}
$holder->query('commit');
is(scalar(grep { $_->result->{rows}[0][0] == 6 } @waiting), $count, 'each is answered in the end');

my $length = 256 * 1024;
$holder->query('begin');
my $before = $millpond->memory_kb;
my %unsent;
for my $client (@waiting)
{
	my $request = Query('select 7 --' . 'x' x $length);
	$unsent{$client} = substr $request, $client->put_some($request);
}
wait_until(sub { $millpond->pool->{cl_waiting} == $count }, 'all of them to wait');
my $grown = $millpond->memory_kb - $before;
cmp_ok($grown, '<', $count * 64, "$count requests of 256 KB take $grown KB");

$holder->query('commit');
$_->put($unsent{$_}) for @waiting;
is($_->result->{rows}[0][0], 7, 'each is answered in the end') for @waiting;

done_testing;
