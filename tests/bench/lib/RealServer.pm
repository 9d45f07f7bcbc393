# The same through a real PostgreSQL, with pgbench: what remains of the difference when the server works.
package RealServer;

use v5.36;
use Exporter 'import';
use Poolers;
use Process;
use Samples;
use Table;

our @EXPORT = qw(measure_real_server);

my $transaction = <<~'END';
	\set aid random(1, 100000)
	BEGIN;
	SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
	SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
	COMMIT;
	END

# A throwaway cluster; returns its port.
sub _start_postgres ()
{
	my ($uid, $gid) = unprivileged();
	my $data = work_folder() . '/postgres';
	my $port = free_port();

	mkdir $data;
	chown $uid, $gid, $data if defined $uid;
	my $initdb = start_program('initdb', '', program_path('initdb'), '-D', $data, '-U', 'bench', '-A',
		'trust', '-E', 'UTF8', '--locale=C', '--no-sync');
	waitpid $initdb, 0;
	die "initdb failed:\n" . last_lines('initdb') if $?;
	my $pid = start_server('postgres', '', $port, program_path('postgres'), '-D', $data, '-p', $port,
		'-k', '', '-c', 'fsync=off', '-c', 'shared_buffers=128MB', '-c', 'listen_addresses=127.0.0.1');
	run_program('', 60, program_path('psql'), '-q', _reach($port), '-d', 'postgres', '-c',
		'CREATE DATABASE bench');
	run_program('', 60, program_path('pgbench'), _reach($port), '-i', '-q', '-I', 'dtgp', 'bench');
	return ($pid, $port);
}

sub _reach ($port)
{
	return ('-h', '127.0.0.1', '-p', $port, '-U', 'bench');
}

# CPU time of all threads in us, from the scheduler's own account.
sub _cpu_us ($pid)
{
	my $sum = 0;
	for my $task (glob "/proc/$pid/task/*/schedstat") {
		open my $file, '<', $task or next;
		$sum += (split ' ', <$file>)[0] / 1000;
	}
	return $sum;
}

sub _sample ($plan, $pooler, $workload, $clients, $round, @how)
{
	my $before = _cpu_us($pooler->{pid});
	my $text   = eval {
		run_program('', 60, program_path('pgbench'), _reach($pooler->{port}), '-n', '-c', $clients, '-T',
			$plan->{pgbench_seconds}, @how, 'bench');
	};
	my ($transactions) = ($text // '') =~ /actually processed: (\d+)/;
	if (!defined $transactions || $text !~ /failed transactions: 0 /) {
		print "$pooler->{name} FAILED at $workload: ", $text // $@, last_lines($pooler->{name});
		$plan->{failures}{$pooler->{name}}++;
		return;
	}
	return if $transactions == 0;    # all the time went into connecting: the machine is busy otherwise

	my ($latency)      = $text =~ /latency average = ([\d.]+)/;
	my ($tps)          = $text =~ /^tps = ([\d.]+)/m;
	my $cpu = (_cpu_us($pooler->{pid}) - $before) / $transactions;
	$plan->{samples}->add($workload, $clients, $pooler->{name}, $round,
		"tps=$tps latency_us=" . 1000 * $latency . ($pooler->{name} eq 'direct' ? '' : " cpu_us=$cpu"));
}

sub measure_real_server ($plan)
{
	for my $needed (qw(initdb postgres pgbench)) {
		next if program_path($needed);
		print "\nThere is no $needed here, so nothing is measured with a real PostgreSQL.\n";
		return;
	}
	my $script = work_folder() . '/transaction.sql';
	open my $file, '>', $script or die "$script: $!\n";
	print $file $transaction;
	close $file;
	my %work = (
		'pgbench -S'             => ['-S', '-M', 'simple'],
		'pgbench -S -M extended' => ['-S', '-M', 'extended'],
		'pgbench transaction'    => ['-f', $script],
	);

	my ($postgres, $port) = _start_postgres();
	my @poolers = ({ name => 'direct', port => $port, pid => $postgres },
		map { start_pooler($_, $port) } grep { $_ ne 'floor' } @{ $plan->{names} });
	for my $round (0 .. $plan->{pgbench_rounds} - 1) {
		for my $workload (sort keys %work) {
			_sample($plan, $_, $workload, 16, $round, @{ $work{$workload} }) for @poolers;
		}
	}
	stop_program($_->{pid}) for @poolers[1 .. $#poolers];
	stop_program($postgres, 'INT');
	_print($plan, [sort keys %work], map { $_->{name} } @poolers);
}

sub _print ($plan, $workloads, @names)
{
	my $samples = $plan->{samples};
	my @rows    = (['workload', 'pooler', 'tps', '/direct', '/pgbouncer', 'average us', 'CPU us/tx', '/pgbouncer']);

	for my $workload (@$workloads) {
		for my $name (@names) {
			my $get = sub ($key) { $samples->value($workload, 16, $name, $key) };
			my $by  = sub ($base, $key) { $samples->ratio($workload, 16, $name, $base, $key) };
			next unless defined $get->('tps');
			push @rows, [$workload, $name, number($get->('tps')), number($by->('direct', 'tps'), 2),
				number($by->('pgbouncer', 'tps'), 2), number($get->('latency_us')),
				number($get->('cpu_us'), 2), number($by->('pgbouncer', 'cpu_us'), 2)];
		}
	}
	print_table('**a real PostgreSQL**, pgbench with 16 clients', 2, @rows);
}

1;
