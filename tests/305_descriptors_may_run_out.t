# Without descriptors, further clients are refused clearly, but for admins and cancel requests, and accepting goes on when some are free again.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 1000 },
	wrapper => [qw(prlimit --nofile=150:150)]);
like($millpond->log_since, qr/\b\d+ clients\b|file descriptor|open files/i,
	'the start says how many clients can come');
my $bystander = Wire->login($millpond);
is($bystander->value('select 1'), 1, 'a client');

my (@clients, @refused);
for (1 .. 200)
{
	my $client = Wire->connect($millpond);
	my $answer = $client->startup->result;
	push @clients, $client if $answer->{status};
	push @refused, $answer if !$answer->{status};
}
cmp_ok(scalar @clients, '>=', 20, scalar(@clients) . ' clients are let in');
cmp_ok(scalar @refused, '>=', 40, scalar(@refused) . ' are refused');
is_deeply([ grep { !$_->{error} || $_->{error}{C} ne '53300' } @refused ], [],
	'each with SQLSTATE 53300');
like($refused[0]{error}{M}, qr/^no more connections allowed/, 'and the words');
is($bystander->value('select 2'), 2, 'who is in is served');
is($clients[-1]->value('select 3'), 3, 'the last one, too');

# Some are in reserve.
sub refusal (%who) { return Wire->connect($millpond)->startup(%who)->result->{error}{M} }
my $words = 'no more connections allowed (file descriptors)';
$bystander->put(Query('select pg_sleep(30)'));
wait_until(sub { $server->backends(q(wait_event = 'PgSleep')) }, 'a query');
$bystander->cancel;
is($bystander->result->{error}{C}, '57014', 'a cancel request is served');
my $admin = Wire->login($millpond, database => 'pgbouncer');
is($admin->value('SHOW VERSION') =~ /Millpond/, 1, 'an admin on the console');
is(refusal(database => 'pgbouncer', user => 'statistician'), $words, '... but nobody else there');
is(refusal(), $words, '... and no other client of the same name');
my @silent = map { Wire->connect($millpond)->put("\0") } 1 .. 30;
is(Wire->connect($millpond)->put("\0")->result->{error}{M}, $words, 'those who say nothing take no more than the reserve');
is($admin->value('SHOW VERSION') =~ /Millpond/, 1, 'the admin stays');
wait_until(sub { eval { Wire->login($millpond, database => 'pgbouncer') } }, 'those who say nothing to be sent away');
is($_->result->{error}{M}, $words, '... and told why') for @silent;
is(refusal(), $words, 'the reserve is no place for others');
ok(!$millpond->log_contains(qr/accept\(\) failed/), 'it never ran out');

$_->close for splice @clients, 0, 10;
wait_until(sub { eval { Wire->login($millpond)->value('select 1') } }, 'a free place');
pass('accepting goes on');

# With more descriptors than clients there may still be too few, as some are for servers.
for my $limit (1200, 1400)
{
	my $pond = Millpond->new("limit$limit", settings => { max_client_conn => 1100, workers => 2 },
		wrapper => [ 'prlimit', "--nofile=150:$limit" ]);
	my ($soft) = slurp_file('/proc/' . $pond->pid . '/limits') =~ /^Max open files +(\d+)/m;
	is($soft, $limit, 'the soft limit is raised to the hard one');
	like($pond->log_since, qr/file descriptor limit: $limit,/, '... which is logged');
	is($pond->log_contains(qr/max_client_conn is more than the file descriptor limit allows/) ? 1 : 0,
		$limit == 1200 ? 1 : 0, "$limit descriptors for 1100 clients");
}

done_testing;
