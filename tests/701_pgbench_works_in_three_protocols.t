# pgbench with 50 clients over 5 servers works in the simple and the extended protocol, and prepared in session mode.
use v5.36;
use Millpond;
use Test::More;

my $server = Postgres->new;
$server->run_log([qw(pgbench -i -q -s 1 postgres)]);
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => 'pool_size=5',
		session => 'dbname=postgres pool_mode=session pool_size=20' });

sub bench ($database, $name, @options)
{
	my @command = (qw(pgbench -n -h 127.0.0.1 -p), $millpond->port, @options, $database);
	my ($out, $error) = ('', '');
	IPC::Run::run(\@command, '>', \$out, '2>', \$error, IPC::Run::timeout(60));
	is($?, 0, $name) or diag($error);
	like($out, qr/number of failed transactions: 0 /, '... no transaction failed');
	is($error =~ s/^pgbench \(.*\n//r, '', '... and nothing was said');
	return;
}
for my $protocol (qw(simple extended))
{
	bench('postgres', "50 clients, $protocol", qw(-c 50 -j 2 -t 40 -M), $protocol);
	bench('postgres', "50 clients, $protocol, reading only", qw(-S -c 50 -j 2 -t 100 -M),
		$protocol);
	bench('postgres', "20 clients, $protocol, new connections", qw(-S -C -c 20 -j 2 -t 10 -M),
		$protocol);
}
bench('session', '20 clients, prepared, in session mode', qw(-c 20 -j 2 -t 40 -M prepared));
cmp_ok(scalar $server->backends, '<=', 25, 'no limit was exceeded');
is($server->safe_psql('postgres',
	'select (select sum(delta) from pgbench_history) =
		(select sum(abalance) from pgbench_accounts)'),
	't', 'the books are balanced');

done_testing;
