# The measurements against the backend that computes nothing.
package Relayed;

use v5.36;
use Exporter 'import';
use IPC::Open2;
use Time::HiRes qw(sleep);
use Poolers;
use Process;
use Samples;
use Table;

our @EXPORT = qw(measure_relaying measure_on_one measure_scaling measure_resting measure_system_calls
	take_sample print_throughput);

# What the generator is asked for, where it is not called as the workload.
my %run_as = (scaling => 'simple', handover => 'simple', tls => 'simple', idle_tls => 'idle');

# A load generator's command line for this workload on this pooler.
sub _load ($plan, $pooler, $workload, $clients, @more)
{
	return ("$plan->{programs}/load", "--port=$pooler->{port}", "--pid=$pooler->{pid}",
		'--workload=' . ($run_as{$workload} // $workload =~ s/^login\K_.*| on one$//r), "--clients=$clients", @more);
}

# One sample, or a complaint that ends up in the exit status. Who fails three times is out.
sub take_sample ($plan, $pooler, $workload, $clients, $round, @more)
{
	my $name = $pooler->{name};
	return if ($plan->{failures}{$name} // 0) >= 3;

	my $line = eval {
		run_program('load', 100, _load($plan, $pooler, $workload, $pooler->{clients} // $clients, @more));
	};
	if (defined $line) {
		$plan->{samples}->add($workload, $clients, $name, $round, $line);
	} else {
		print "$name FAILED at $workload with $clients clients: $@", last_lines($name);
		$plan->{failures}{$name}++;
	}
}

sub _progress ($text)
{
	printf STDERR "\r%-60s\r", $text if -t STDERR;
}

# The floor has a server connection for each client, the others have 8 for all: so that one may also compare
# what has the same number of requests under way, it stands there with 8 clients as well.
my $floor_of_8 = 'floor of 8';

sub _with_floor_of_8 ($clients, @poolers)
{
	return map {
		$_->{name} eq 'floor' && $clients > 8 ? ($_, { %$_, name => $floor_of_8, clients => 8 }) : $_
	} @poolers;
}

sub _measure_throughput ($plan, $workload, $clients, @poolers)
{
	for my $round (0 .. $plan->{rounds} - 1) {
		_progress("$workload, $clients clients, round $round");
		take_sample($plan, $_, $workload, $clients, $round, "--seconds=$plan->{seconds}", "--warmup=$plan->{warmup}")
			for _with_floor_of_8($clients, _takers($workload, @poolers));
	}
	_progress('');
}

# Throughput: the poolers run all the time and take turns.
sub measure_relaying ($plan, $server_port)
{
	my @poolers = map { start_pooler($_, $server_port) } @{ $plan->{names} };

	for my $workload (grep { !/^(?:idle|statements|waiting|tls|logins|idle_tls)$/ } @{ $plan->{workloads} }) {
		my @clients = $workload eq 'big' ? (4) : @{ $plan->{clients} };
		_measure_throughput($plan, $workload, $_, @poolers) for @clients;
		print_throughput($plan, $workload, @clients);
	}
	stop_program($_->{pid}) for @poolers;
}

# The same with all on one processor, where nobody has to be woken from the sleep of an idle processor.
sub measure_on_one ($plan, $server_port)
{
	my ($clients) = grep { $_ == 16 } @{ $plan->{clients} } or return;
	my @poolers = map { start_pooler($_, $server_port) } @{ $plan->{names} };

	for my $workload (map { "$_ on one" } grep { /^(?:simple|extended|prepared|transaction)$/ } @{ $plan->{workloads} }) {
		_measure_throughput($plan, $workload, $clients, @poolers);
		print_throughput($plan, $workload, $clients);
	}
	stop_program($_->{pid}) for @poolers;
}

# Millpond with one worker, two, and so on up to the number of processors, anywhere on the machine, by turns.
sub measure_scaling ($plan, $server_port, $processors)
{
	return unless grep { $_ eq 'millpond' } @{ $plan->{names} };
	my @poolers;
	for (my $workers = 1; $workers <= ($processors > 2 ? $processors : 2); $workers *= 2) {
		my $pooler = start_pooler('millpond', $server_port, "workers = $workers");
		push @poolers, { %$pooler, name => "$workers workers" };
	}
	for my $clients (@{ $plan->{clients} }) {
		for my $round (0 .. $plan->{long_rounds} - 1) {
			_progress("scaling, $clients clients, round $round");
			# Long enough for the load to be spread before it is measured.
			take_sample($plan, $_, 'scaling', $clients, $round, "--seconds=$plan->{long_seconds}",
				'--warmup=' . ($plan->{warmup} < 0.1 ? $plan->{warmup} : 2)) for @poolers;
		}
	}
	_progress('');
	_print_scaling($plan, map { $_->{name} } @poolers);
	stop_program($_->{pid}) for @poolers;
	_measure_handover($plan, $server_port);
	_measure_lock($plan, $processors);
}

# Two clients and one server: with two workers it moves at each query, with one it never does.
sub _measure_handover ($plan, $server_port)
{
	my $lines = join "\n", ('spread_clients = 1', '[databases]', "one = host=127.0.0.1 port=$server_port dbname=bench user=bench pool_size=1");
	my @poolers = map { { %{ start_pooler('millpond', $server_port, "workers = $_\n$lines") },
		name => "$_ workers" } } 1, 2;
	for my $round (0 .. $plan->{rounds} - 1) {
		take_sample($plan, $_, 'handover', 2, $round, "--seconds=$plan->{seconds}", '--database=one')
			for @poolers;
	}
	my ($here, $there) = map { $plan->{samples}->value('handover', 2, $_->{name}, 'cpu_us') } @poolers;
	print "\nHand-over of a server to another worker: ", number($there - $here, 1), ' us of CPU (',
		number($here, 1), ' us a query without, ', number($there, 1), " us with).\n"
		if defined $here && defined $there;
	stop_program($_->{pid}) for @poolers;
}

sub _measure_lock ($plan, $processors)
{
	for my $threads (1, $processors) {
		my %figures = map { split /=/, $_, 2 }
			split ' ', run_program('lock', 60, "$plan->{programs}/lock", "--threads=$threads");
		print "Lending and returning a server at home, with $threads thread(s) at once: ",
			"$figures{ns_per_pair} ns, during which the lock is taken twice.\n";
	}
}

sub _print_scaling ($plan, @names)
{
	my $samples = $plan->{samples};
	my @rows    = (['clients', 'millpond', 'tps', 'p50 us', 'p99 us', 'least served', 'busy', 'CPU us/tx',
		'tps / 1 worker', 'CPU / 1 worker']);

	for my $clients (@{ $plan->{clients} }) {
		for my $name (@names) {
			my $get = sub ($key) { $samples->value('scaling', $clients, $name, $key) };
			my $by  = sub ($key) { $samples->ratio('scaling', $clients, $name, '1 workers', $key) };
			next unless defined $get->('tps');
			push @rows, [$clients, $name, map({ number($get->($_)) } qw(tps p50_us p99_us)),
				number(100 * $get->('client_min') / $get->('client_avg'), 0, ' %'),
				number(100 * $get->('busy'), 0, ' %'), number($get->('cpu_us'), 2),
				map { number($by->($_), 2) } qw(tps cpu_us)];
		}
	}
	print_table("**scaling** (simple query, wherever the kernel puts them; $plan->{long_rounds} rounds of "
		. "$plan->{long_seconds} s)", 2, @rows);
}

# The floor opens a server connection for each client: connecting to it says nothing about a pooler. An
# older pgbouncer knows nothing of prepared statements.
sub _takers ($workload, @poolers)
{
	my %out;
	$out{floor} = 1 if $workload =~ /^(?:connect|idle|idle_tls|statements|waiting)$/;
	$out{pgbouncer} = 1 if $workload =~ /^(?:prepared|statements)\b/ && !pgbouncer_prepares();
	return grep { !$out{ $_->{name} } } @poolers;
}

sub print_throughput ($plan, $workload, @clients)
{
	my $samples = $plan->{samples};
	my @extra   = $workload eq 'big' ? ('MB/s', '/floor') : ();
	my @rows    = (['clients', 'pooler', 'tps', 'p50 us', 'p99 us', 'p99.9 us', 'least served', 'pooler busy',
		'CPU us/tx', '/floor', "/$floor_of_8", '/pgbouncer', @extra]);

	for my $clients (@clients) {
		for my $name (map { $_->{name} } _with_floor_of_8($clients, map { { name => $_ } } @{ $plan->{names} })) {
			my $get = sub ($key) { $samples->value($workload, $clients, $name, $key) };
			my $by  = sub ($base, $key) { $samples->ratio($workload, $clients, $name, $base, $key) };
			next unless defined $get->('tps');
			push @rows, [$clients, $name, number($get->('tps')),
				(map { number($get->($_)) } qw(p50_us p99_us p999_us)),
				number(100 * $get->('client_min') / $get->('client_avg'), 0, ' %'),
				number(100 * $get->('busy'), 0, ' %'), number($get->('cpu_us'), 2),
				map({ number($by->($_, 'cpu_us'), 2) } 'floor', $floor_of_8, 'pgbouncer'),
				@extra ? (number($get->('mb_s')), number($by->('floor', 'mb_s'), 2)) : ()];
		}
	}
	print_table("**$workload**", 2, @rows);
}

# Memory: a fresh pooler for each sample. The floor pools nothing, so it has no figure here.
sub measure_resting ($plan, $server_port, $workload, $settings = '', @how)
{
	my @names   = map { $_->{name} } _takers($workload, map { { name => $_ } } @{ $plan->{names} });
	my $clients = $plan->{$workload};

	for my $round (0 .. $plan->{resting_rounds} - 1) {
		for my $name (@names) {
			_progress("$workload, $clients clients, round $round");
			my $pooler = start_pooler($name, $server_port, $settings);
			take_sample($plan, $pooler, $workload, $clients, $round,
				"--seconds=$plan->{rest_seconds}", @how);
			stop_program($pooler->{pid});
		}
	}
	_progress('');
	_print_resting($plan, $workload, $clients, @names);
}

sub _print_resting ($plan, $workload, $clients, @names)
{
	my %columns = (
		idle => [['connected in', 'connect_seconds', 2, ' s'], ['refused', 'refused', 0, ''],
			['idle, bytes/client', 'client_bytes', 0, ''],
			['after a query each', 'client_after_use_bytes', 0, '']],
		statements => [['for 50 statements, bytes/client', 'client_bytes', 0, '']],
		waiting    => [['waiting, bytes/client', 'client_bytes', 0, ''],
			['all served in', 'drain_seconds', 2, ' s']],
	);
	my @columns = $columns{ $workload =~ s/_tls//r }->@*;
	my @rows = (['clients', 'pooler', map { $_->[0] } @columns]);

	for my $name (@names) {
		push @rows, [$clients, $name, map {
			number($plan->{samples}->value($workload, $clients, $name, $_->[1]), $_->[2], $_->[3])
		} @columns];
	}
	print_table("**$workload**", 2, @rows);
}

my @counted = qw(recvfrom sendto epoll_wait epoll_ctl futex);

# System calls per transaction while 16 clients work, counted by strace.
sub measure_system_calls ($plan, $server_port)
{
	my @rows = (['workload', 'pooler', @counted, 'others', '(which)']);

	if (!program_path('strace')) {
		print "\nThere is no strace here, so system calls are not counted.\n";
		return;
	}
	for my $workload (grep { /^(?:simple|extended|transaction)$/ } @{ $plan->{workloads} }) {
		for my $name (@{ $plan->{names} }) {
			my $pooler = start_pooler($name, $server_port);
			my $calls  = eval { _count_calls($plan, $pooler, $workload) };
			stop_program($pooler->{pid});
			if (!$calls) {
				print "System calls of $name at $workload: $@";
				next;
			}
			my %rest = %$calls;
			my @cells = map { number(delete $rest{$_} // 0, 3) } @counted;
			my $others = 0;
			$others += $_ for values %rest;
			push @rows, [$workload, $name, @cells, number($others, 3), join ' ', sort keys %rest];
		}
	}
	print_table('**system calls per transaction**, 16 clients', 2, @rows) if @rows > 1;
}

# The generator waits at its gate while strace attaches, and again until strace has let go, so that
# connecting and leaving are not counted.
sub _count_calls ($plan, $pooler, $workload)
{
	my $report = work_folder() . '/strace.log';
	my @command = _load($plan, $pooler, $workload, 16, '--seconds=1', '--warmup=0', '--gate');

	run_program('load', 10, _load($plan, $pooler, $workload, 16, '--seconds=0.2'));    # servers connect
	my $load = open2(my $from, my $to, @command);
	local $SIG{PIPE} = 'IGNORE';

	(<$from> // '') =~ /ready/ or die "the load generator did not begin\n";
	my $strace = start_strace($pooler->{pid}, $report);
	print $to "go\n";
	$to->flush;
	<$from>;
	stop_program($strace, 'INT');
	print $to "leave\n";
	$to->flush;
	my %figures = map { split /=/, $_, 2 } split ' ', <$from> // '';
	waitpid $load, 0;
	return _read_strace($report, $figures{transactions});
}

sub start_strace ($pid, $report)
{
	my $strace = start_as_we_are('strace', program_path('strace'), '-c', '-f', '-o', $report,
		'-p', $pid);
	for (1 .. 200) {
		return $strace if last_lines('strace') =~ /attached/;
		sleep 0.01;
	}
	stop_program($strace, 'INT');
	die "strace could not attach:\n" . last_lines('strace');
}

# The summary's lines: % time, seconds, usecs/call, calls, errors (may be absent), name.
sub _read_strace ($report, $transactions)
{
	open my $file, '<', $report or die "$report: $!\n";
	my %calls;
	while (<$file>) {
		$calls{$2} = $1 / $transactions
			if /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/ && $2 ne 'total';
	}
	return \%calls;
}

1;
