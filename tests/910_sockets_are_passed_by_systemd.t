# Sockets that systemd has opened are served, TCP and Unix alike, and no others are opened.
use v5.36;
use Millpond;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use Test::More;
use Wire;

my $server = Postgres->new;
my $closed = PostgreSQL::Test::Cluster::get_free_port();

my $millpond = Millpond->new(
	'pool',
	server   => $server,
	settings => { listen_port => $closed },
	stopped  => 1);
my $unix = $millpond->host . '/.s.PGSQL.' . $millpond->port;

# The daemon's environment is what is named here, and nothing else.
my @environment = map { ('-E',
	$_) } grep { defined $ENV{$_} } qw(PATH HOME TMPDIR LC_ALL ASAN_OPTIONS
	TSAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS);
$millpond->{options}{wrapper} = [
	'systemd-socket-activate', @environment, '-l', '127.0.0.1:' . $millpond->port, '-l', $unix
];

$millpond->launch;
wait_until(sub { -S $unix }, 'the listening sockets');
my $first = Wire->login($millpond);
is($first->query('select 1')->{rows}[0][0], 1, 'the client that woke it up is served over TCP');
is(Wire->login($millpond, unix => 1)->query('select 2')->{rows}[0][0], 2,
	'another one over the Unix socket');
is($millpond->safe_psql('postgres', 'select 3'), 3, 'psql as well');

ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $closed),
	'listen_port is not opened');
ok(!-e $millpond->host . "/.s.PGSQL.$closed", 'nor its Unix socket made');
unlike($millpond->log_since, qr/listening on \S*\b$closed\b/, 'nor does the log claim it');

$millpond->signal('HUP');
wait_until(sub { $millpond->log_since =~ /reload|re-read/i }, 'the reload');
is(Wire->login($millpond)->query('select 4')->{rows}[0][0], 4, 'they last through a reload');

$_->put(Terminate()) for $first;
$millpond->signal('INT');
is($millpond->wait_exit, 0, 'it ends well');
ok(-S $unix, "the Unix socket stays, as it is systemd's");
unlink $unix;

# Variables meant for another process -----------------------------------------------------------

delete $millpond->{options}{wrapper};
$millpond->{options}{env} = { LISTEN_PID => 1, LISTEN_FDS => 2 };
$millpond->write_config(settings => { listen_port => $millpond->port });
$millpond->start;
is(Wire->login($millpond)->query('select 5')->{rows}[0][0], 5,
	'sockets passed to another process are not taken for ours');

done_testing;
