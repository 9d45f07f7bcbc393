# Statement mode: single statements share servers, and a transaction block ends the session with the known words.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { pool_mode => 'statement' });
my $bystander = Wire->login($millpond);
my $client    = Wire->login($millpond);
is($client->value('select 1'), 1, 'a statement');
is($bystander->value('select 1'), 1, 'another client, same server');
is($client->query('select 1; select 2')->{types}, 'TDCTDCZ', 'two in one message');
$client->put(Parse('', 'select 3'), Bind(), Execute(), Sync());
is($client->result->{types}, '12DCZ', 'the extended protocol');

my @ways = (Query('begin'), Query('begin; select 1'),
	Parse('', 'begin') . Bind() . Execute() . Sync());
for my $begin (@ways)
{
	my $offender = Wire->login($millpond);
	$offender->query('select 1');
	my $answer = $offender->put($begin)->result('E');
	is($answer->{error}{M}, 'transaction blocks not allowed in statement pooling mode',
		'a block is refused');
	is($answer->{error}{S}, 'FATAL', 'for good');
	is($answer->{types}, 'E', 'before it has been answered');
	ok($offender->closed, 'and the session ends');
	is($bystander->value('select 1'), 1, 'the others go on');
}
my $long = Wire->login($millpond)->put(Query(q(begin; select repeat('x', 1000000))))->result('E');
is(length $long->{rows}[0][0], 1000000, 'a row that has begun comes to its end');
is($long->{error}{M}, 'transaction blocks not allowed in statement pooling mode', '... before its block is refused');
Wire->login($millpond)->put(Query('begin'), Query('select pg_sleep(600)'))->result('E');
is($bystander->value('select 1'), 1, 'what was sent behind a block holds up nobody');
wait_until(sub { !$server->backends(q(state like 'idle in%' or state = 'active')) }, 'the last server to be closed');
pass('no transaction is left open');
is($client->query('create table t (a int); insert into t values (1)')->{status}, 'I',
	'an implicit transaction is none');
is($bystander->value('select count(*) from t'), 1, 'and is committed');

# What was done, and answered, in front of it is told, even if the answers come together; and it is refused even if it is
# over by then.
my %answer = (insert => CommandComplete('INSERT 0 1') . ReadyForQuery(), begin => CommandComplete('BEGIN') . ReadyForQuery('T'),
	commit => CommandComplete('COMMIT') . ReadyForQuery());
my $fake = FakeServer->new(query => sub ($c, $sql) {
	my ($word, $is_last) = split / /, $sql;
	return 0 if !$answer{$word};
	$c->{held} .= $answer{$word};
	$c->put(delete $c->{held}) if $is_last;
	return 1;
});
$millpond->reconfigure(databases => { fake => $fake->target }, settings => { pool_mode => 'statement' });
for my $queries ([ 'insert', 'insert', 'begin last' ], [ 'insert', 'insert', 'begin', 'commit last' ],
	[ 'insert', 'insert', 'begin', 'commit', 'insert last' ])
{
	my $ahead = Wire->login($millpond, database => 'fake');
	$ahead->put(map { Query($_) } @$queries);
	is(join(' ', map { $_->{types}, $_->{tags}->@* } map { $ahead->result } 1 .. 2), 'CZ INSERT 0 1 CZ INSERT 0 1',
		"@$queries: what was done before a block is told");
	my $end = $ahead->result;
	is($end->{types}, 'E', '... and no more than that');
	is($end->{error}{M}, 'transaction blocks not allowed in statement pooling mode', '... but that it was refused');
}

# What runs behind a block is cancelled twice, as the first request may have come before it ran.
Wire->login($millpond, database => 'fake')->put(map { Query($_) } 'begin last', 'insert')->result('E');
wait_until(sub { $fake->received(qr/ cancel /) == 2 }, 'two requests to cancel it');
pass('what stands behind a block is cancelled for sure');

# Within one batch it is done before it could be seen, as if it were none.
my $batch = Wire->login($millpond);
$batch->put(map { (Parse('', $_), Bind(), Execute()) } 'begin', 'insert into t values (3)', 'commit');
is($batch->put(Sync())->result->{status}, 'I', 'a block of one batch');
is($bystander->value('select count(*) from t'), 2, '... is committed');
done_testing;
