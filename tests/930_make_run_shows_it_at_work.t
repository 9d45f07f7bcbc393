# make run serves a database of its own, or another's, says what to type, and leaves nothing behind.
use v5.36;
use Millpond;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep);

my @folders_before = glob '/tmp/millpond-run.*';

# Starts the script with settings in its environment; returns what it runs as, and its output so far.
sub run_script (%environment)
{
	my $output = '';
	my $run    = IPC::Run::start(
		[ 'tests/run.sh' ], '<', \undef, '>&', \$output,
		init => sub { @ENV{ keys %environment } = values %environment });
	return ($run, \$output);
}

sub await_output ($run, $output, $pattern)
{
	return wait_until(sub { $run->pump_nb; $$output =~ $pattern || !$run->pumpable },
		"output like $pattern");
}

sub finish ($run)
{
	eval { $run->finish };
	return $run->full_result || 0;    # "" for success
}

sub new_folders
{
	my %before = map { $_ => 1 } @folders_before;
	return grep { !$before{$_} } glob '/tmp/millpond-run.*';
}

my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($run, $output) = run_script(PORT => $port, MILLPOND => $Millpond::binary);
await_output($run, $output, qr/Ctrl-C/);
like($$output, qr/psql -h 127\.0\.0\.1 -p $port -U demo demo$/m, 'it says how to connect');

my @to = ('-h', '127.0.0.1', '-p', $port, '-U', 'demo');
is(qx(psql -XAt @to demo -c 'select 6 * 7' 2>&1), "42\n", 'psql works as it said');
like(qx(psql -XAt @to millpond -c 'SHOW POOLS' 2>&1), qr/^demo\|demo\|.*transaction/m,
	'the console shows a transaction pool');
my $pgbench = qx(pgbench @to -c 50 -j 2 -t 5 demo 2>&1);
like($pgbench, qr{transactions actually processed: 250/250}, 'pgbench works as it said')
	or diag($pgbench);

my ($second, $complaint) = run_script(PORT => $port, MILLPOND => $Millpond::binary);
isnt(finish($second), 0, 'a second one on the same port fails');
like($$complaint, qr/Port $port .* in use.* make run PORT=\d+/, 'and says what to do');

my ($folder) = new_folders();
my $other = PostgreSQL::Test::Cluster::get_free_port();
my ($third, $borrowed) = run_script(
	PORT     => $other,
	MILLPOND => $Millpond::binary,
	SERVER   => 'postgresql://demo@/demo?host=' . "$folder/server" =~ s{/}{%2F}gr);
await_output($third, $borrowed, qr/Ctrl-C/);
is(qx(psql -XAt -h 127.0.0.1 -p $other -U demo demo -c 'select count(*) from pgbench_branches' 2>&1),
	"5\n", 'SERVER= puts it in front of another PostgreSQL');
$third->signal('TERM');
is(finish($third), 0, 'SIGTERM ends it');

$run->signal('INT');
is(finish($run), 0, 'SIGINT ends it');
is_deeply([ new_folders() ], [], 'nothing is left behind');

done_testing;
