# A message that stops half-way, in silence or with the connection, holds up nobody, and its server comes back.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
my $millpond  = Millpond->new('pool', server => $server,
	databases => { postgres => 'pool_size=1' });
my $bystander = Wire->login($millpond);
$bystander->query('create table t (a int)');

my %halves = (
	'a type'                => 'Q',
	'half a header'         => "Q\0\0",
	'a header'              => "Q\0\0\0\x20",
	'half a query'          => substr(Query('insert into t values (1)'), 0, 20),
	'half a batch'          => Parse('', 'insert into t values (1)') . Bind() . Execute(),
	'half a batch and more' => Parse('', 'insert into t values (1)') . Bind()
		. substr(Execute(), 0, 3),
	'a query and a half'    => Query('select 1') . substr(Query('insert into t values (1)'), 0, 20),
	'half a long one'       => substr(Query('insert into t values (1)' . ' ' x 1_000_000), 0,
		500_000),
);
for my $half (sort keys %halves)
{
	for my $ending (qw(EOF reset silence))
	{
		my $client = Wire->login($millpond);
		$client->put($halves{$half});
		# With only one server, one that waits for the rest of a batch has a right to it.
		next if $ending eq 'silence' && $half !~ /^a type|header|half a query/;
		is($bystander->value('select 1'), 1, "$half, silence: others are served")
			if $ending eq 'silence';
		$ending eq 'reset' ? $client->reset : $client->close;
		is($bystander->value('select count(*) from t'), 0,
			"$half, $ending: nothing of it was done");
	}
}
wait_until(sub { 2 == $millpond->console('SHOW CLIENTS') }, 'all of them to be gone');
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the last to be given back');
pass('no server is held');

# With a query under way the server is closed, and the query is not left to itself.
my %unfinished = (
	'half a message behind a query' => Query('select pg_sleep(600)') . substr(Query('x' x 200_000), 0, 100_000),
	'more than the server takes'    => Query('select pg_sleep(600)') . Query('x' x 20_000_000),
	'a COPY into a locked table'    => Query('copy t from stdin') . CopyData("1\n" x 5_000_000),
	'many queries behind a query'   => Query('select pg_sleep(600)') . Query('select 1') x 20_000,
);
my $holder = Wire->login($server);
$holder->query('begin; lock table t');
for my $unfinished (map { my $what = $_; map { "$what, $_" } /^half/ ? 'EOF' : qw(reset KILL) } sort keys %unfinished)
{
	my ($what, $ending) = split /, /, $unfinished;
	my $client = Wire->login($millpond);
	$client->put_some($unfinished{$what});
	wait_until(sub { $server->backends(q(state = 'active' and wait_event in ('PgSleep', 'relation'))) }, "$what to run");
	my ($row) = $millpond->console('SHOW CLIENTS WHERE state = active AND database = postgres');
	if    ($ending eq 'EOF')   { $client->close }
	elsif ($ending eq 'reset') { $client->reset }
	else                       { $millpond->console("KILL_CLIENT $row->{id}") }
	is($bystander->value('select 1'), 1, "$unfinished: another server is there");
	wait_until(sub { !$server->backends(q(state = 'active')) }, "$unfinished to end in the server");
	pass('... and nothing runs on');
}
$holder->query('rollback');

# A message in many pieces is one message.
my $slow = Wire->login($millpond);
$slow->put($_) for split //,
	Query('select 1234') . Parse('', 'select 5678') . Bind() . Execute() . Sync();
is($slow->result->{rows}[0][0], 1234, 'a query byte by byte');
is($slow->result->{rows}[0][0], 5678, 'a batch byte by byte');

done_testing;
