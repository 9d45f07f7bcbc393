# A crowd of 20 clients of one driver over a transaction pool of 2 servers. The program is given the
# connection in PGHOST, PGPORT, PGUSER, PGDATABASE; it checks every row it gets and prints "well", once
# for each process.
#
#	crowd('asyncpg', asyncpg => [ 'python3', '-c', $program ]);
package Crowd;

use v5.36;
use Exporter 'import';
use IPC::Run;
use Millpond;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(crowd crowd_skip python_threads);

our $clients = 20;

sub crowd_skip ($reason)
{
	plan skip_all => $reason;
}

# The command of a program in Python that runs one(n), which the text defines, in a thread for each client. It fails by
# an exception.
sub python_threads ($modules, $text)
{
	return [ 'python3', '-c', "import os, threading, $modules\n$text" . <<'END' ];
failed = []
def run(n):
    try:
        one(n)
    except BaseException as e:
        failed.append(repr(e))
threads = [threading.Thread(target=run, args=(n,)) for n in range(int(os.environ['CLIENTS']))]
for t in threads: t.start()
for t in threads: t.join()
print('\n'.join(failed) if failed else 'well')
END
}

# Options: processes (how many are started at once), settings.
sub crowd ($driver, $command, %options)
{
	my $server   = Postgres->new;
	my $millpond = Millpond->new(
		'pool',
		server    => $server,
		databases => { postgres => 'pool_size=2' },
		settings  => { max_prepared_statements => 10, ($options{settings} // {})->%* });
	$server->safe_psql('postgres', 'create table numbers as select generate_series(1, 1000) as n');
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE CLIENTS)} =
		('127.0.0.1', $millpond->port, 'postgres', 'postgres', $clients);
	my @runs;
	for my $number (0 .. ($options{processes} // 1) - 1)
	{
		my $run = { out => '', error => '' };
		$run->{harness} = IPC::Run::start([ @$command, $number ], '<', \undef, '>', \$run->{out},
			'2>', \$run->{error}, IPC::Run::timeout(120));
		push @runs, $run;
	}
	$_->{harness}->finish for @runs;
	my @bad = grep { $_->{out} !~ /^well$/m } @runs;
	is(scalar @bad, 0, "$driver: every row is the right one") or diag(map { @$_{qw(out error)} } @bad);
	# The backend of the psql above may take its time to leave.
	ok(wait_until(sub { $server->backends <= 2 }, 'no more than two servers'), 'over two servers');
	wait_until(sub { my $pool = $millpond->pool; !$pool->{cl_active} && !$pool->{sv_active} },
		'an empty pool');
	is(scalar $server->backends(q(state like 'idle in%')), 0, 'nothing is left open');
	my ($stats) = grep { $_->{database} eq 'postgres' } $millpond->console('SHOW STATS');
	return ($millpond, $stats);
}

1;
