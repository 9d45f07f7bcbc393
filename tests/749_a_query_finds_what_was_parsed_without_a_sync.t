# A Query finds what was parsed in front of it with a Flush instead of a Sync, as asyncpg's prepare() does.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { workers => 1 },
	databases => { postgres => 'pool_size=1', two => 'dbname=postgres pool_size=2' });
$server->safe_psql('postgres', 'create table done(n int)');

sub flushed ($client, $name, $sql)
{
	$client->put(Parse($name, $sql), Describe('S', $name), Flush());
	return $client->result($sql =~ /insert/ ? 'n' : 'T');
}
sub answer ($client, @messages)
{
	my $result = $client->put(@messages)->result;
	my $error = $result->{error} // {};
	return [ $result->{types}, $result->{rows}, $result->{tags}, $error->{C}, $error->{M} ];
}

for my $sql (
	'execute x(5)',
	'explain (costs off) execute x(5)',
	'prepare x as select 9',
	'deallocate x',
	'deallocate all',
	'discard all',
	'begin; deallocate x; rollback',
	'select 7; deallocate x',
	'select 7; execute x(1)',
	'create temp table made on commit drop as execute x(1)',
	'execute nothing(1)',
	)
{
	my @pair = map { Wire->login($_) } $server, $millpond;
	flushed($_, 'x', 'select $1::int') for @pair;
	my ($real, $pooled) = map { answer($_, Query($sql)) } @pair;
	is_deeply($pooled, $real, "$sql: the answer is the server's");
	($real, $pooled) = map { answer($_, Bind('', 'x', 4), Execute(), Sync()) } @pair;
	is_deeply($pooled, $real, '... and the name means the same afterwards');
	$_->close for @pair;
}

# On another server, for a name of an earlier transaction.
my ($client, $holder) = map { Wire->login($millpond, database => 'two') } 1 .. 2;
flushed($client, 'old', 'select 1 as old');
$client->put(Sync())->result;
$client->query('prepare written as select 2');
$holder->query('begin');
flushed($client, 'new', 'select 3');
is($client->value('execute old'), 1, 'a name of an earlier transaction');
flushed($client, 'newer', 'select 4');
is($client->value('execute written'), 2, '... that SQL has prepared');
is($client->value('execute new'), 3, '... and others');
is($client->value('execute newer'), 4, '... as well');
$holder->query('rollback');

# What can not be parsed any more is an error, behind which the client goes on.
$client->query('create table going(a int)');
flushed($client, 'lost', 'select * from going');
$client->put(Sync())->result;
$server->safe_psql('postgres', 'drop table going');
flushed($client, 'newest', 'select 5');
my $lost = $client->query('execute lost');
is($lost->{error}{C}, '42P01', 'a statement whose table has gone');
is($lost->{types}, 'EZ', '... is an error like any other');
is($client->value('execute newest'), 5, '... and the next query runs');

# What was executed without a Sync is a part of the Query's transaction.
for my $sql ('execute x(1); select 1 / 0', 'execute x(1)')
{
	my @counts;
	for my $node ($server, $millpond)
	{
		my $one = Wire->login($node);
		flushed($one, 'x', 'select $1::int');
		$one->put(Parse('', 'insert into done values (1)'), Bind(), Execute(), Flush());
		$one->result('C');
		my $result = $one->query($sql);
		$one->close; # newer servers keep the transaction open
		push @counts, [ $result->{types}, $server->safe_psql('postgres', 'select count(*) from done') ];
		$server->safe_psql('postgres', 'truncate done');
	}
	is_deeply($counts[1], $counts[0], "an INSERT, and $sql without a Sync between them");
}

done_testing;
