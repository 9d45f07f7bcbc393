# server_check_query runs when a server has rested longer than server_check_delay, and a dead one is replaced unseen.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_delay => 0, server_check_query => 'select check_me' });
my $client = Wire->login($millpond);

# The queries of one client query, as the server saw them.
my $seen = 0;
sub queries ()
{
	my @all = map { s/^\d+ Q //r } grep { /^\d+ Q/ } $fake->received;
	my @new = @all[ $seen .. $#all ];
	$seen = @all;
	return grep { !/\bset\b/i } @new;
}

$client->query('one');
queries();
is($client->query('two')->{rows}[0][0], 'two', 'the answer of the check is not shown');
is_deeply([queries()], [ 'select check_me|', 'two|' ],
	'a server is checked once before it is used again');
wait_until(sub { $millpond->pool->{sv_used} == 1 }, 'it to be used, as the console calls it');
is($millpond->pool->{sv_idle}, 0, '... instead of idle');
is_deeply([ map { $_->{state} } $millpond->console('SHOW SERVERS') ], ['used'], '... in SHOW SERVERS');
is_deeply([ map { $_->{state} } $millpond->console('SHOW SOCKETS WHERE type = S') ], ['sv_used'], '... and SHOW SOCKETS');
$client->query('begin');
queries();
$client->query('three');
is_deeply([queries()], ['three|'], 'not inside a transaction');
$client->query('commit');

$millpond->reconfigure(settings => { server_check_query => undef });
$client->query('four');
queries();
$client->query('five');
is_deeply([queries()], [ '|', 'five|' ], 'the default is an empty query');
$millpond->reconfigure(settings => { server_check_query => '' });
$client->query('six');
queries();
$client->query('seven');
is_deeply([queries()], ['seven|'], 'nothing is no check');
wait_until(sub { $millpond->pool->{sv_idle} == 1 }, 'it to be idle where nothing is checked');
$millpond->reconfigure(settings => { server_check_query => undef, server_check_delay => 30 });
$client->query('eight');
is_deeply([queries()], ['eight|'], 'a recent one is not checked');
wait_until(sub { $millpond->pool->{sv_idle} == 1 }, '... and is idle');
is_deeply([ map { $_->{state} } $millpond->console('SHOW SERVERS') ], ['idle'], '... in SHOW SERVERS');

# Servers that fail the check.
my $deaf = FakeServer->new(query => sub ($c, $sql) {
	$c->leave if $sql eq 'select check_me' && $c->{number} == 1;
	return 0;
});
$millpond->reconfigure(settings => { server_check_query => 'select check_me',
	server_check_delay => 0 },
	databases => { other => $deaf->target });
my $other = Wire->login($millpond, database => 'other');
is($other->query('one')->{rows}[0][0], 'one', 'first use');
is($other->query('two')->{rows}[0][0], 'two',
	'a server that dies at the check is replaced without a word');
is_deeply([ $deaf->received(qr/Q two/) ], ['2 Q two|'], 'by a second one');

# A check that leaves a transaction open leaves it to nobody.
my $server = Postgres->new;
$server->safe_psql('postgres', 'create table t (a int)');
my %bad = (begin => 'it left a transaction open', nonsense => 'syntax error', 'copy t from stdin' => 'COPY from stdin failed');
for my $check (sort keys %bad)
{
	$millpond->reconfigure(settings => { server_check_query => $check }, databases => { real => $server->target . ' dbname=postgres pool_size=1' });
	my $client = Wire->login($millpond, database => 'real');
	$client->query('select 1');
	my $from = $millpond->log_end;
	is($client->query('insert into t values (1)')->{status}, 'I', "$check: who comes next has a server of its own");
	like($millpond->log_since($from), qr{S-\w+: real/.* server_check_query failed: $bad{$check}}, '... and why is logged');
	like($millpond->log_since($from), qr{S-\w+: real/.* closing because: test query failed \(}, '... besides the end of the other');
	$client->close;
}
is($server->safe_psql('postgres', 'select count(*) from t'), keys %bad, 'no work is lost');

done_testing;
