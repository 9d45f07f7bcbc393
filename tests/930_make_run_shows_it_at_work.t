# make run serves a database of its own, or another's, says what to type, and leaves nothing behind.
use v5.36;
use Millpond;
use IPC::Run ();
use Postgres;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Time::HiRes qw(sleep);

my @ports;

# Starts the script with settings in its environment; returns what it runs as, and its output so far.
sub run_script (%environment)
{
	push @ports, $environment{PORT};
	my $output = '';
	my $run    = IPC::Run::start(
		[ 'tests/run.sh' ], '<', \undef, '>&', \$output,
		init => sub { @ENV{ keys %environment } = values %environment });
	return ($run, \$output);
}

sub await_output ($run, $output, $pattern)
{
	return wait_until(sub { $run->pump_nb; $$output =~ $pattern || !$run->pumpable },
		"output like $pattern", 4 * $Wire::patience);
}

sub finish ($run)
{
	eval { $run->finish };
	return $run->full_result || 0;    # "" for success
}

# Others may have theirs beside them.
sub own_folders
{
	my $own = join '|', @ports;
	return grep { (eval { slurp_file("$_/millpond.ini") } // '') =~ /^listen_port = (?:$own)$/m } glob '/tmp/millpond-run.*';
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

my ($folder) = own_folders();
my $other = PostgreSQL::Test::Cluster::get_free_port();
my ($third, $borrowed) = run_script(
	PORT     => $other,
	MILLPOND => $Millpond::binary,
	SERVER   => 'postgresql://demo@/demo?host=' . "$folder/server" =~ s{/}{%2F}gr);
await_output($third, $borrowed, qr/Ctrl-C/);
is(qx(psql -XAt -h 127.0.0.1 -p $other -U demo demo -c 'select count(*) from pgbench_branches' 2>&1),
	"5\n", 'SERVER= puts it in front of another PostgreSQL');
is(qx(psql -XAt -h 127.0.0.1 -p $other -U demo template1 -c 'select current_database()' 2>&1),
	"template1\n", '... with all its databases');
$third->signal('TERM');
is(finish($third), 0, 'SIGTERM ends it');

$run->signal('INT');
is(finish($run), 0, 'SIGINT ends it');

# --- what psql knows of a server, Millpond is told ------------------------------------------------

my $server = Postgres->new;
$server->set_hba("local all guest scram-sha-256\n", "local all all trust\n");
$server->safe_psql('postgres', q(create user guest password 'it''s 5 \%'));
my ($host, $place) = ($server->host, $server->port);
my $in_uri     = $host =~ s{/}{%2F}gr;
my $passwords  = new_file('passwords', "*:*:*:guest:it's 5 \\\\%\n");
my $services   = new_file('services', "[mine]\nhost=$host\nport=$place\nuser=guest\ndbname=postgres\n");
my $everywhere = "postgresql://guest:it's%205%20%5C%25@/postgres?port=$place,$place&host=";
chmod 0600, $passwords;
my @servers = (
	[ 'a password'            => SERVER => "host=$host port=$place user=guest dbname = postgres password='it\\'s 5 \\\\%'" ],
	[ 'PGPASSWORD'            => SERVER => "host=$host port=$place user=guest dbname=postgres", PGPASSWORD => "it's 5 \\%" ],
	[ 'PGHOST and PGPASSFILE' => SERVER => 'user=guest dbname=postgres', PGHOST => $host, PGPORT => $place, PGPASSFILE => $passwords ],
	[ 'a service'             => SERVER => 'service=mine', PGSERVICEFILE => $services, PGPASSWORD => "it's 5 \\%" ],
	[ 'a time to connect'     => SERVER => "postgresql://guest:it's%205%20%5C%25@/postgres?port=$place&host=$in_uri&connect_timeout=10" ],
	[ 'a list of hosts'       => SERVER => "$everywhere%2Fnowhere,$in_uri" ],
);
for (@servers)
{
	my ($what, %environment) = @$_;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($run, $output) = run_script(PORT => $port, MILLPOND => $Millpond::binary, %environment);
	await_output($run, $output, qr/Ctrl-C/);
	is(qx(psql -XAt -h 127.0.0.1 -p $port -U guest postgres -c 'select current_user' 2>&1), "guest\n", $what) or diag($$output);
	$run->signal('INT');
	finish($run);
}

# --- what does not serve is not said to ----------------------------------------------------------

# A program in the place of Millpond, which it runs in the end.
sub stand_in ($text)
{
	my $script = new_file('millpond', "#!/usr/bin/perl\nuse IO::Socket::INET;\n$text\n");
	chmod 0755, $script;
	return $script;
}
my $stranger = q(my $theirs = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT}, Listen => 1) or die;)
	. "exit(system('$Millpond::binary', \@ARGV) != 0);";
my $astray = q(system 'sed', '-i', 's/^\* = .*/* = host=127.0.0.1 port=1/', $ARGV[0];) . "exec '$Millpond::binary', \@ARGV;";
my $known    = "host=$host port=$place user=postgres dbname=postgres";
for ([ $stranger => qr/Millpond did not start/, 'a port that somebody else was quicker to take' ],
	[ $astray => qr/Connection refused.*Millpond does not reach that PostgreSQL/s, 'a server that it does not reach' ])
{
	my ($script, $complaint, $what) = @$_;
	my ($run, $output) = run_script(PORT => PostgreSQL::Test::Cluster::get_free_port(), SERVER => $known,
		MILLPOND => stand_in($script));
	await_output($run, $output, qr/$complaint|Ctrl-C/);
	$run->signal('INT') if $$output =~ /Ctrl-C/;
	isnt(finish($run), 0, "$what is noticed");
	like($$output, $complaint, '... and told');
	unlike($$output, qr/Millpond serves/, '... and nothing else');
}
is_deeply([ own_folders() ], [], 'nothing is left behind');

done_testing;
