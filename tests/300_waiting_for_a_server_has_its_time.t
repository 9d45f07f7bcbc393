# query_wait_timeout ends the wait with the known words; a database's or user's own value counts first.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login');
my $millpond = Millpond->new('pool', server => $server,
	settings => { query_wait_timeout => 1, default_pool_size => 1 },
	databases => { postgres => '', patient => 'dbname=postgres query_wait_timeout=3' },
	users => { app => 'query_wait_timeout=2' });

my %expected = ('postgres/postgres' => 1, 'patient/postgres' => 3, 'postgres/app' => 2,
	'patient/app' => 2);
for my $pair (sort keys %expected)
{
	my ($database, $user) = split '/', $pair;
	# The first server of a pool is waited for as well, and may take longer on a busy machine.
	my $holder = wait_until(sub { eval { Wire->login($millpond, database => $database, user => $user) } }, "a server of $pair");
	$holder->query('begin');
	my $client = Wire->login($millpond, database => $database, user => $user);
	my $from   = time;
	my $answer = $client->put(Query('select 1'))->result;
	my $waited = time - $from;
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', '57014', 'query_wait_timeout' ],
		"$pair: the words");
	ok($answer->{eof}, "$pair: the session ends");
	cmp_ok($waited, '>=', $expected{$pair} - 0.1, "$pair: after $expected{$pair} s");
	cmp_ok($waited, '<', 15, "$pair: and not long after that");
	like($answer->{error}{D}, qr/query_wait_timeout is $expected{$pair} s/, "$pair: by the setting that counts");
	is($holder->value('select 1'), 1, "$pair: who has the server is not touched");
	is($millpond->pool($database, $user)->{cl_waiting}, 0, "$pair: nobody waits any more");
}
like($millpond->log_since, qr/pooler error: query_wait_timeout/, 'the log says it');

done_testing;
