# Clients that rest over TLS cost less than half of what OpenSSL holds for them, and all of them wake up again.
use v5.36;
use Certificates;
use Millpond;
use Test::More;
use Wire;

my $load = ($ENV{OUT} // 'build/strict') . '/bench/load';
plan skip_all => 'the load generator has not been built' unless -x $load;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');
my $server = Postgres->new;
my ($count, $slots_kb) = (400, 1200);    # free slots that stay for the next to come

my $millpond = Millpond->new('pool', server => $server, settings => {
		auth_type          => 'trust',
		max_client_conn    => 500,
		spread_clients     => 0,    # each worker has buffers of its own
		client_tls_sslmode => 'require',
		$authority->client_tls,
	});
my $output = qx($load --port=${\ $millpond->port } --pid=${\ $millpond->pid } --workload=idle \\
	--clients=$count --seconds=2 --tls=full --user=postgres --database=postgres 2>&1);
my %figure = $output =~ /(\w+)=([\d.]+)/g;

is($figure{answered}, $count, "$count clients log in, rest, and are answered afterwards")
	or diag $output;
SKIP:
{
	skip 'a sanitizer has an account of its own', 2 if $ENV{SANITIZE};
	my $grown = $figure{client_bytes} * $count / 1024 - $slots_kb;
	cmp_ok($grown, '<', $count * 12, "at rest they have cost $grown KB");
	$grown = $figure{client_after_use_bytes} * $count / 1024 - $slots_kb;
	cmp_ok($grown, '<', $count * 12, "and $grown KB at rest after a query");
}

# Looking at them changes nothing.
SKIP:
{
	skip 'a sanitizer has an account of its own', 2 if $ENV{SANITIZE};
	my @clients = map { Wire->login($millpond, tls => {}) } 1 .. 150;
	my $console = Wire->login($millpond, tls => {}, database => 'pgbouncer');
	# Each of them is folded within two seconds.
	my ($before, $same) = (0, 0);
	wait_until(sub {
			my $now = $millpond->memory_kb;
			$same   = $now == $before ? $same + 1 : 0;
			$before = $now;
			sleep 1;
			return $same == 3;
		}, 'them to rest');
	is((grep { ($_->{tls} // '') =~ /^TLS/ } $console->hashes('SHOW CLIENTS')), 151, 'all are shown with their encryption');
	my $grown = $millpond->memory_kb - $before;
	cmp_ok($grown, '<', 150 * 3, "... and rest as before: $grown KB more");
}

done_testing;
