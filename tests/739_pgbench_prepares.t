# pgbench -M prepared and -M extended work with 20 clients over 2 servers.
use v5.36;
use Millpond;
use Test::More;

my $server = Postgres->new;
$server->run_log([qw(pgbench -i -q -s 1 postgres)]);
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2' });
for my $protocol (qw(prepared extended))
{
	for my $script ([], ['-S'])
	{
		my ($out, $error) = ('', '');
		my $name = "$protocol @$script";
		# A thread for each client, since pgbench waits for a Parse without serving the others.
		IPC::Run::run([ qw(pgbench -n -h 127.0.0.1 -c 20 -j 20 -t 40 -M), $protocol, @$script, '-p',
				$millpond->port, 'postgres' ],
			'>', \$out, '2>', \$error, IPC::Run::timeout(60));
		is($?, 0, $name) or diag($error);
		like($out, qr/number of failed transactions: 0 /, '... no transaction failed');
	}
}
is($server->safe_psql('postgres',
	'select (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts)'),
	't', 'the books are balanced');
my ($stats) = grep { $_->{database} eq 'postgres' } $millpond->console('SHOW STATS');
cmp_ok($stats->{total_bind_count}, '>', 20 * 40 * 2, 'statements were bound');
my $prepared = $millpond->console('SHOW PREPARED_STATEMENTS');
cmp_ok($prepared, '<=', 12, 'each text is there once');

done_testing;
