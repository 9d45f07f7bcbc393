# The benchmark runs through, and every reply that Millpond relayed was right. No time is asserted.
use v5.36;
use Test::More;

my @workloads = qw(simple extended prepared transaction connect big tls logins idle statements waiting idle_tls);
my $output    = qx(tests/bench/run --quick --workloads=${\ join ',', @workloads } 2>&1);

is($?, 0, 'tests/bench/run --quick succeeds');
unlike($output, qr/MISSED|\*\*goals\*\*/, 'and holds figures of so short a time against no goal');
like($output, qr/^\| $_ +\| millpond +\| +[\d,]/m, "$_ has its figures")
	for qw(login login_scram login_plain login_tls login_resumed login_tls_scram);
# A difference of memory may be less than nothing under a sanitizer.
for my $workload (grep { $_ ne 'logins' } @workloads) {
	ok($output =~ /^\*\*$workload\*\*\n(?:\n|\|.*\n)*?\| \d+ +\| millpond +\| +-?[\d,]/m,
		"$workload has its figures");
}
diag $output unless Test::More->builder->is_passing;

done_testing;
