# The tcp_... settings are in force on the sockets of clients and servers, a reload changes them for those to come; so_reuseport shares a port.
use v5.36;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_KEEPALIVE SO_RCVBUF SO_SNDBUF TCP_DEFER_ACCEPT TCP_INFO TCP_KEEPCNT TCP_KEEPIDLE TCP_KEEPINTVL TCP_NODELAY
	TCP_USER_TIMEOUT pack_sockaddr_un unpack_sockaddr_in);
use Test::More;
use Wire;

# The same numbers on all architectures that have been added since.
my ($pidfd_open, $pidfd_getfd) = (434, 438);

my $server   = Postgres->new;
my %wanted   = (tcp_keepidle => 77, tcp_keepintvl => 11, tcp_keepcnt => 5, tcp_user_timeout => 12345, tcp_socket_buffer => 70000);
my $millpond = Millpond->new('pool', server => $server, settings => { %wanted, tcp_defer_accept => 45, listen_backlog => 77 },
	databases => { postgres => 'host=127.0.0.1 port=' . $server->port, direct => 'dbname=postgres host=127.0.0.1 port=' . $server->port });
my $pidfd = syscall $pidfd_open, $millpond->pid, 0;
plan skip_all => "sockets of other processes cannot be looked at here: $!" if $pidfd < 0 || !defined socket_where(sub { 1 });

# A copy of the first socket of the daemon for which the condition on its two ports holds.
sub socket_where ($condition)
{
	for my $fd (map { m{/(\d+)$} } glob '/proc/' . $millpond->pid . '/fd/*')
	{
		next if (readlink('/proc/' . $millpond->pid . "/fd/$fd") // '') !~ /^socket/;
		my $copy = syscall $pidfd_getfd, $pidfd, $fd + 0, 0;
		return if $copy < 0;
		open my $socket, '+<&=', $copy or die $!;
		my ($here, $there) = map { $_ && length $_ == 16 ? (unpack_sockaddr_in($_))[0] : 0 } getsockname $socket, getpeername $socket;
		return $socket if $here && $condition->($here, $there);
	}
	return;
}

my %option = (
	keepalive => [ SOL_SOCKET, SO_KEEPALIVE ], nodelay => [ IPPROTO_TCP, TCP_NODELAY ], idle => [ IPPROTO_TCP, TCP_KEEPIDLE ],
	interval  => [ IPPROTO_TCP, TCP_KEEPINTVL ], count => [ IPPROTO_TCP, TCP_KEEPCNT ], timeout => [ IPPROTO_TCP, TCP_USER_TIMEOUT ],
	send      => [ SOL_SOCKET, SO_SNDBUF ], receive => [ SOL_SOCKET, SO_RCVBUF ], defer => [ IPPROTO_TCP, TCP_DEFER_ACCEPT ],
);
sub options ($socket, @names)
{
	return join ' ', map { my $value = getsockopt $socket, $option{$_}[0], $option{$_}[1]; "$_=" . unpack 'i', $value } @names;
}
my @all = qw(keepalive nodelay idle interval count timeout send receive);
# Of a buffer the kernel makes twice what it is asked for.
my $all_wanted = 'keepalive=1 nodelay=1 idle=77 interval=11 count=5 timeout=12345 send=140000 receive=140000';

sub of_client ($client) { my $port = $client->{socket}->sockport; return socket_where(sub ($here, $there) { $there == $port }) }
sub of_server () { return socket_where(sub ($here, $there) { $there == $server->port }) }
sub listening () { return socket_where(sub ($here, $there) { $here == $millpond->port && !$there }) }

my $client = Wire->login($millpond);
$client->query('begin');
is(options(of_client($client), @all), $all_wanted, 'a client');
is(options(of_server(), @all), $all_wanted, 'a server');
cmp_ok((split /=/, options(listening(), 'defer'))[1], '>', 0, 'accepting is deferred');

# What tells of unacknowledged segments tells of a listener how many may wait.
is(unpack('x28 L', getsockopt listening(), IPPROTO_TCP, TCP_INFO), 77, 'so many may wait to be accepted');
my @waiting;
$millpond->signal('STOP');
wait_until(sub { slurp_file('/proc/' . $millpond->pid . '/stat') =~ /\) T / }, 'the daemon to stand still');
while (@waiting <= 100)
{
	my $socket = IO::Socket::UNIX->new(Blocking => 0) or die "socket: $!";
	last if !connect $socket, pack_sockaddr_un($millpond->host . '/.s.PGSQL.' . $millpond->port);
	push @waiting, $socket;
}
$millpond->signal('CONT');
is(scalar @waiting, 77 + 1, '... on the Unix socket, too, which takes one more');
$_->close for @waiting;

# Another value, and those of the system; the sockets that are there are left alone.
my $untouched = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1');
my $system = options($untouched, qw(interval count timeout));
$millpond->reconfigure(settings => { tcp_keepidle => 99, tcp_keepintvl => 0, tcp_keepcnt => undef, tcp_user_timeout => 0, tcp_socket_buffer => 0,
	tcp_defer_accept => 0 });
is(options(of_client($client), @all), $all_wanted, 'a reload leaves the client alone');
my $second = Wire->login($millpond, database => 'direct');
is(options(of_client($second), qw(idle interval count timeout)), "idle=99 $system", 'a new client has what the reload has brought');
is(options(listening(), 'defer'), 'defer=0', 'accepting is not deferred any more');
$client->query('commit');
$client->close;
$millpond->console('RECONNECT');
wait_until(sub { !$server->backends }, 'the old server to go');
$second->query('begin');
is(options(of_server(), qw(idle interval count timeout)), "idle=99 $system", 'and so has a new server');

$millpond->reconfigure(settings => { tcp_keepalive => 0 });
$_->close for $second;
$millpond->console('RECONNECT');
wait_until(sub { !$server->backends }, 'the server to go');
$client = Wire->login($millpond);
$client->query('begin');
is(options(of_client($client), qw(keepalive nodelay)), 'keepalive=0 nodelay=1', 'tcp_keepalive = 0: of a client');
is(options(of_server(), qw(keepalive nodelay)), 'keepalive=0 nodelay=1', '... and of a server');

# --- so_reuseport --------------------------------------------------------------------------------

my $port = PostgreSQL::Test::Cluster::get_free_port();
my @both = map {
	Millpond->new($_, databases => { '*' => 'host=127.0.0.1' }, settings => { so_reuseport => 1, listen_port => $port, unix_socket_dir => '',
			max_client_conn => $_ eq 'first' ? 1001 : 1002 })
} qw(first second);

# Which of them takes a new client: by a setting that is not the same in both.
my %of = (1001 => 0, 1002 => 1);
sub who ()
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return;
	my $console = Wire->new($socket);
	my $answer = $console->startup(database => 'pgbouncer')->result;
	return unless $answer->{status};
	my ($row) = $console->hashes("SHOW CONFIG WHERE key = 'max_client_conn'");
	return $of{ $row->{value} };
}
my %seen;
wait_until(sub { $seen{ who() // 'nobody' }++; $seen{0} && $seen{1} }, 'both to be asked');
pass('two daemons with so_reuseport share a port');
$both[0]->signal('TERM');
wait_until(sub { $both[0]->log_contains(qr/shutting down|SIGTERM/) }, 'the first to give way');
wait_until(sub { !grep { (who() // 0) != 1 } 1 .. 10 }, 'only the second to be asked');
pass('when one is told to end, the other takes all');

done_testing;
