# -V and -h answer and leave with 0; what is not understood is answered with the usage and leaves with 1.
use v5.36;
use Millpond;
use Test::More;

my ($status, $out, $error) = run_binary('-V');
is($status, 0, '-V succeeds');
like($out, qr/^Millpond, compatible with PgBouncer \d+\.\d+\.\d+$/m, 'and names that of PgBouncer first');
like($out, qr/\A.+\nmillpond \d+\.\d+\nlibevent \S+\nadns: evdns2\ntls: OpenSSL \S+.*\nsystemd: yes\n\z/,
	'and its own and the libraries, in the lines of PgBouncer');
is((run_binary('--version'))[1], $out, '--version is the same');

($status, $out, $error) = run_binary('-h');
is($status, 0, '-h succeeds');
like($out, qr/usage/i, 'and says how to use it');
like($out, qr/$_/, "... $_") for qw(--check -d -q -v -u -V -h);
is((run_binary('--help'))[1], $out, '--help is the same');

for my $wrong ([], ['--no-such-option'], [ 'a.ini', 'b.ini' ], ['-u'])
{
	($status, $out, $error) = run_binary(@$wrong);
	isnt($status, 0, "'@$wrong' is refused");
	like($error, qr/usage|--help/i, '... with a hint');
}

done_testing;
