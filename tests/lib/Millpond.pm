# A running Millpond as a guard object: started with a configuration of its own in a temporary
# folder and on a free port, and gone when the test file ends, however that happens.
#
#	my $server = Postgres->new;
#	my $millpond = Millpond->new('transaction', server => $server,
#		settings => { pool_mode => 'transaction' }, databases => { small => 'pool_size=1' });
#
# It is a PostgreSQL::Test::Cluster, so psql, safe_psql, background_psql, pgbench, connect_ok,
# log_contains, wait_for_log and the others work on it. A test file fails if its daemon crashed,
# did not leave when told to, or if a sanitizer had something to report.
package Millpond;

use v5.36;
use Surroundings;
use parent 'PostgreSQL::Test::Cluster';
use Carp;
use Exporter 'import';
use File::Path qw(rmtree);
use File::Spec;
use Files;
use IPC::Run;
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Time::HiRes qw(time sleep);
use Postgres;
use Wire ();

our @EXPORT = qw(wait_until run_binary ini_file put_file new_file);

our $binary = File::Spec->rel2abs($ENV{MILLPOND} || './millpond');

my $sanitizer_report =
	qr/(?:Address|Thread|Leak|Memory)Sanitizer|runtime error:|Assertion .* failed/;

my %default_settings = (
	listen_addr     => '127.0.0.1',
	auth_type       => 'trust',
	admin_users     => 'postgres',
	stats_users     => 'statistician',
	pool_mode       => 'transaction',
	max_client_conn => 200,
	# A notice of a long wait would be an answer too many on a busy machine.
	query_wait_notify => 0,
	# Even the few clients of a test are to meet across workers.
	spread_clients => 1,
	# So that the whole suite can be run with another number of them.
	$ENV{WORKERS} ? (workers => $ENV{WORKERS}) : (),
);

my @daemons;

# Options: server (a Postgres), databases, users and peers (name => text of the entry), settings,
# files (name => text, beside the ini), stopped => 1 (only writes the files), env (environment
# variables), wrapper (a command in front).
# Every database entry reaches the server, unless it names a host itself; the default is one
# entry called postgres.
sub new ($class, $name, %options)
{
	rmtree "$PostgreSQL::Test::Utils::tmp_check/t_" . Postgres::_test_name() . "_${name}_data";
	my $self = $class->SUPER::new($name);
	unlink $self->logfile;
	$self->{options} = { databases => { postgres => '' }, %options };
	$self->{options}{settings} = {
		%default_settings,
		listen_port     => $self->port,
		unix_socket_dir => $self->host,
		($options{settings} // {})->%*
	};
	push @daemons, $self;
	$self->write_config;
	$self->write_file($_, $options{files}{$_}) for keys(($options{files} // {})->%*);
	$self->start unless $options{stopped};
	return $self;
}

sub ini ($self) { return $self->basedir . '/millpond.ini' }

# Writes the ini, changed by what is given: settings, databases, users and peers are merged into those
# of before, and a value of undef drops the key.
sub write_config ($self, %changes)
{
	my $options = $self->{options};
	for my $section (keys %changes)
	{
		my $known = $options->{$section} //= {};
		for my $key (keys $changes{$section}->%*)
		{
			delete $known->{$key};
			$known->{$key} = $changes{$section}{$key} if defined $changes{$section}{$key};
		}
	}
	my %sections = (
		databases => { map { $_ => $self->_entry($options->{databases}{$_}) } keys $options->{databases}->%* },
		millpond  => $options->{settings},
		users     => $options->{users},
		peers     => $options->{peers});
	put_file($self->ini, map { _section($_, $sections{$_}) } grep { $sections{$_} } sort keys %sections);
	return;
}

sub _section ($name, $lines)
{
	return ("[$name]\n", map { "$_ = $lines->{$_}\n" } sort keys %$lines);
}

# Writes a file beside the ini and returns its path.
sub write_file ($self, $name, @texts) { return put_file($self->basedir . "/$name", @texts) }

sub _entry ($self, $text)
{
	my $server = $self->{options}{server};
	return $text =~ /\bhost *=/ || !$server ? $text : $server->target . " $text";
}

# Starts it and returns when it serves.
sub start ($self)
{
	my $from = $self->log_end;
	$self->launch;
	$self->_await_log(qr/process up: /, $from);
	return;
}

# As wait_for_log, but sees at once when the daemon has left instead of writing that line.
sub _await_log ($self, $pattern, $from)
{
	wait_until(
		sub {
			my $gone   = waitpid($self->{_pid}, WNOHANG) == $self->{_pid};
			my $status = $?;
			return 1 if -e $self->logfile && $self->log_contains($pattern, $from);
			return if !$gone;
			$self->_gone($status);
			croak "the daemon ended with wait status $status: " . $self->log_since($from);
		},
		'the start');
	return;
}

# Starts it without waiting for anything.
sub launch ($self)
{
	my $pid = fork // die "fork: $!";
	if (!$pid)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $self->logfile;
		open STDERR, '>>', $self->logfile;
		$ENV{$_} = $self->{options}{env}{$_} for keys(($self->{options}{env} // {})->%*);
		exec $self->_command or POSIX::_exit(127);
	}
	$self->{_pid}   = $pid;
	$self->{_owner} = $$;
	return;
}

sub _command ($self)
{
	return (($self->{options}{wrapper} // [])->@*, $binary, $self->ini);
}

sub pid ($self) { return $self->{_pid} }

sub signal ($self, $name) { return kill $name, $self->{_pid} }

# Waits until it has left by itself and returns its wait status.
sub wait_exit ($self, $seconds = $Wire::patience)
{
	my $deadline = time + $seconds;
	while (defined $self->{_pid})
	{
		return $self->_gone($?) if waitpid($self->{_pid}, WNOHANG) == $self->{_pid};
		croak 'the daemon does not leave' if time > $deadline;
		sleep 0.01;
	}
	return $self->{_status};
}

sub _gone ($self, $status)
{
	$self->{_pid}    = undef;
	$self->{_status} = $status;
	# The tests themselves kill by SIGKILL alone.
	my $signal = $status & 127;
	$self->{faults} .= "crashed by signal $signal\n" if $signal && $signal != 9;
	return $status;
}

# Ends it at once, by SIGQUIT.
sub stop ($self, $mode = 'immediate', %)
{
	return unless defined $self->{_pid} && $self->{_owner} == $$;
	# ThreadSanitizer keeps signals for the coroutine that was running, so one may get lost.
	for (1 .. (($ENV{SANITIZE} // '') =~ /thread/ ? 4 : 1))
	{
		$self->signal('QUIT');
		return if defined eval { $self->wait_exit($Wire::patience / 3) };
	}
	$self->{faults} .= "did not leave on SIGQUIT\n";
	$self->signal('KILL');
	$self->wait_exit;
	return;
}

# False, with an explanation, if it crashed, stayed, or a sanitizer complained.
sub _was_well ($self)
{
	my $faults = $self->{faults} // '';
	my $log    = -e $self->logfile ? slurp_file($self->logfile) : '';
	$faults .= $1 if $log =~ /(.*$sanitizer_report(?:.*\n){0,30})/;
	diag($self->name . ": $faults\nlog: " . $self->logfile) if $faults;
	return !$faults;
}

END
{
	my $status = $?;
	my $well   = 1;
	for my $daemon (grep { ($_->{_owner} // 0) == $$ } @daemons)
	{
		$daemon->stop;
		$well &&= $daemon->_was_well;
	}
	$? = $status || ($well ? 0 : 1);
}

# Rows of a console command as hashes; dies on an error.
sub console ($self, $command, %startup)
{
	return Wire->login($self, database => 'pgbouncer', %startup)->hashes($command);
}

# The error fields of a console command that must fail.
sub console_error ($self, $command, %startup)
{
	return Wire->login($self, database => 'pgbouncer', %startup)->query($command)->{error};
}

# The line of SHOW POOLS for a database and user.
sub pool ($self, $database = 'postgres', $user = undef)
{
	my ($row) = grep { $_->{database} eq $database && (!defined $user || $_->{user} eq $user) }
		$self->console('SHOW POOLS');
	return $row;
}

# Writes a changed ini and makes the daemon read it.
sub reconfigure ($self, %changes)
{
	$self->write_config(%changes);
	$self->console('RELOAD');
	return;
}

# Reads its files again at a signal, as where nobody can come in as an admin; returns when every worker has what they say,
# or when they were refused.
sub reload_by_signal ($self)
{
	my $from = $self->log_end;
	$self->signal('HUP');
	return $self->wait_for_log(qr/reloaded, the new settings|RELOAD failed/, $from);
}

# What the log said since the given offset, and the offset of now.
sub log_since ($self, $offset = 0) { return slurp_file($self->logfile, $offset) }
sub log_end ($self) { return (-s $self->logfile) // 0 }

# The processor time that the daemon has used so far. A busy loop shows itself by this.
sub cpu_seconds ($self)
{
	my ($user, $system) = slurp_file("/proc/$self->{_pid}/stat") =~ /\) (?:\S+ ){11}(\d+) (\d+)/;
	return ($user + $system) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# Runs the condition again and again until it is true; croaks when patience is over.
sub wait_until ($condition, $what = 'a condition', $seconds = $Wire::patience)
{
	my $deadline = time + $seconds;
	my $value;
	until ($value = $condition->())
	{
		croak "waited in vain for $what" if time > $deadline;
		sleep 0.02;
	}
	return $value;
}

# Runs the program itself to its end: exit code (or -1 for a signal), output, error output.
sub run_binary (@arguments)
{
	my ($out, $error) = ('', '');
	IPC::Run::run([ $binary, @arguments ], '<', \undef, '>', \$out, '2>', \$error,
		IPC::Run::timeout($Wire::patience));
	return ($? & 127 ? -1 : $? >> 8, $out, $error);
}

# Writes a file of that name in a folder of its own and returns its path.
sub new_file ($name, @texts)
{
	return put_file(PostgreSQL::Test::Utils::tempdir() . "/$name", @texts);
}
sub ini_file ($text) { return new_file('test.ini', $text) }

# How much the daemon may grow while it relays something huge. AddressSanitizer keeps freed memory.
sub growth_limit_kb ($self) { return ($ENV{SANITIZE} ? 400 : 8) * 1024 }

# A number from /proc/PID/status, such as VmHWM in kB.
sub memory_kb ($self, $field = 'VmRSS')
{
	my ($kb) = slurp_file("/proc/$self->{_pid}/status") =~ /^$field:\s+(\d+)/m;
	return $kb;
}

1;
