# What is compared: the floor relay, pgbouncer and Millpond, each in front of the same server and, but for
# the floor, with the same ini.
package Poolers;

use v5.36;
use Exporter 'import';
use Process;

our @EXPORT = qw(start_pooler pooler_names pooler_version pgbouncer_prepares);

my %program;    # name => path

# Which of the wanted ones are there. Says why when one is not.
sub pooler_names ($programs, @wanted)
{
	%program = (
		floor     => "$programs/floor",
		pgbouncer => program_path('pgbouncer'),
		millpond  => "$programs/millpond",
	);
	my @there = grep { $program{$_} && -x $program{$_} } @wanted;
	for my $name (@wanted) {
		print "There is no $name here, so it is left out.\n" unless grep { $_ eq $name } @there;
	}
	return @there;
}

sub pooler_version ($name)
{
	return undef if $name eq 'floor';
	my @lines = split /\n/, qx('$program{$name}' -V 2>&1);
	my ($own) = grep { /^millpond [\d.]+$/ } @lines;
	return $own // $lines[0];
}

# Whether it follows prepared statements, as it does since 1.21.
sub pgbouncer_prepares ()
{
	return 0 unless $program{pgbouncer};
	my ($major, $minor) = pooler_version('pgbouncer') =~ /(\d+)\.(\d+)/ or return 0;
	return $major > 1 || $minor >= 21;
}

sub _ini ($port, $server_port, $more)
{
	return <<~END;
		[databases]
		bench = host=127.0.0.1 port=$server_port dbname=bench user=bench
		[pgbouncer]
		listen_addr = 127.0.0.1
		listen_port = $port
		listen_backlog = 4096
		unix_socket_dir =
		auth_type = any
		pool_mode = transaction
		default_pool_size = 8
		max_client_conn = 12000
		log_connections = 0
		log_disconnections = 0
		log_pooler_errors = 0
		log_stats = 0
		$more
		END
}

# A fresh one: { name, port, pid }. More lines of its ini replace earlier ones.
sub start_pooler ($name, $server_port, $more = '')
{
	my $port = free_port();
	my @command = ($program{$name}, $port, $server_port);

	if ($name ne 'floor') {
		$more .= "\nmax_prepared_statements = 200" if $name eq 'pgbouncer' && pgbouncer_prepares();
		my $path = work_folder() . "/$name.ini";
		open my $file, '>', $path or die "$path: $!\n";
		print $file _ini($port, $server_port, $more);
		close $file;
		@command = ($program{$name}, '-q', $path);
	}
	my $pid = start_server($name, 'pooler', $port, @command);
	return { name => $name, port => $port, pid => $pid };
}

1;
