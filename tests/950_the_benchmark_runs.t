# The benchmark runs through, and every reply that Millpond relayed was right. No time is asserted.
use v5.36;
use Test::More;

my @workloads = qw(simple extended prepared transaction connect big idle statements waiting);
my $output    = qx(tests/bench/run --quick --workloads=${\ join ',', @workloads } 2>&1);

is($?, 0, 'tests/bench/run --quick succeeds');
for my $workload (@workloads) {
	ok($output =~ /^\*\*$workload\*\*\n(?:\n|\|.*\n)*?\| \d+ +\| millpond +\| +[\d,]/m,
		"$workload has its figures");
}
diag $output unless Test::More->builder->is_passing;

done_testing;
