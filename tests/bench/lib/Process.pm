# Programs that run beside the benchmark: started on a processor of their own, as an unprivileged user
# when we are root (PostgreSQL and pgbouncer insist on that), and stopped by pid at the end.
package Process;

use v5.36;
use Exporter 'import';
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT = qw(work_folder free_port start_program start_server start_as_we_are
	stop_program stop_all run_program last_lines
	pin_to unprivileged program_path);

my %running;    # pid => name
my $folder;
my %cores;      # role => processor

sub work_folder ()
{
	return $folder if $folder;
	$folder = tempdir('bench-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0755, $folder;
	return $folder;
}

sub program_path ($name)
{
	for my $place (split(/:/, $ENV{PATH}), '/usr/sbin', glob('/usr/lib/postgresql/*/bin')) {
		return "$place/$name" if -x "$place/$name";
	}
	return undef;
}

sub free_port ()
{
	state %given;
	for (1 .. 100) {
		my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or next;
		my $port = $socket->sockport;
		return $port unless $given{$port}++;
	}
	die "no free port\n";
}

# Decides who runs where. split: the pooler alone on a processor, what surrounds it on another (the
# backend on a third when there is one). one: all on one. none: wherever the kernel puts them.
sub pin_to ($how)
{
	my ($allowed) = map { /^Cpus_allowed_list:\s*(\S+)/ ? $1 : () } _lines('/proc/self/status');
	my @cpus = map { /(\d+)-(\d+)/ ? ($1 .. $2) : $_ } split /,/, $allowed // '0';

	%cores = ();
	return if $how eq 'none' || !program_path('taskset');
	%cores = (load => $cpus[0], backend => $cpus[0], pooler => $cpus[0]);
	return if $how eq 'one' || @cpus < 2;
	$cores{pooler}  = $cpus[-1];
	$cores{backend} = $cpus[1] if @cpus > 2;
}

sub _lines ($path)
{
	open my $file, '<', $path or return;
	return <$file>;
}

# The uid and gid to become, or nothing when we are not root.
sub unprivileged ()
{
	return if $> != 0;
	return (getpwnam('nobody'))[2, 3];
}

sub _become_unprivileged ()
{
	my ($uid, $gid) = unprivileged() or return;
	$) = "$gid $gid";
	POSIX::setgid($gid);
	POSIX::setuid($uid);
}

# The descriptor limit is raised on the way, since not every pooler does that by itself.
sub _command ($role, @command)
{
	my $core = $cores{$role};
	unshift @command, program_path('taskset'), '-c', $core if defined $core;
	return ('sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', @command);
}

sub _start ($name, $becomes_unprivileged, @command)
{
	my $log = work_folder() . "/$name.log";
	my $pid = fork // die "fork: $!\n";

	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log or POSIX::_exit(126);
		open STDERR, '>&', \*STDOUT;
		_become_unprivileged() if $becomes_unprivileged;
		exec @command or POSIX::_exit(127);
	}
	$running{$pid} = $name;
	return $pid;
}

# Starts a program in the background; its output goes to a file named after it. Returns its pid.
sub start_program ($name, $role, @command)
{
	return _start($name, 1, _command($role, @command));
}

sub start_as_we_are ($name, @command)
{
	return _start($name, 0, @command);
}

# The same, waiting until it accepts connections.
sub start_server ($name, $role, $port, @command)
{
	my $pid   = start_program($name, $role, @command);
	my $until = time + 10;

	while (time < $until && waitpid($pid, WNOHANG) == 0) {
		return $pid if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		sleep 0.02;
	}
	stop_program($pid);
	die "$name does not accept connections on port $port:\n" . last_lines($name);
}

sub last_lines ($name)
{
	local $/ = "\n";
	my @lines = _lines(work_folder() . "/$name.log");
	splice @lines, 0, -10 if @lines > 10;
	return join '', map { "    $_" } @lines;
}

sub stop_program ($pid, $signal = 'TERM')
{
	my $name = delete $running{$pid} // return;
	kill $signal, $pid;
	for (1 .. 500) {
		return if waitpid($pid, WNOHANG) != 0;
		sleep 0.01;
	}
	warn "$name (pid $pid) did not leave within 5 s\n";
	kill 'KILL', $pid;
	waitpid $pid, 0;
}

sub stop_all ()
{
	stop_program($_) for sort { $b <=> $a } keys %running;
}

# Runs a program to its end and returns its standard output. Dies on failure, with what it complained about.
sub run_program ($role, $limit_seconds, @command)
{
	my $complaints = work_folder() . '/complaints.log';
	my @redirected = ('sh', '-c', 'exec 2>"$0" "$@"', $complaints);
	open my $output, '-|', @redirected, _command($role, 'timeout', $limit_seconds, @command)
		or die "$command[0]: $!\n";
	local $/;
	my $text = <$output> // '';
	close $output or die "$command[0] failed" . ($? >> 8 == 124 ? ' (took too long)' : '') . "\n" .
		last_lines('complaints');
	return $text;
}

1;
