# PREPARE and DEALLOCATE that run in a named portal (JDBC with a fetch size) are followed as well.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });

sub said ($result) { return $result->{error} ? "$result->{error}{C} $result->{error}{M}" : join ',', $result->{tags}->@* }

# Runs in a transaction what has one ReadyForQuery.
sub in_block ($client, @messages)
{
	$client->put(Query('begin'), @messages, Query('commit'));
	my @results = map { $client->result } 1 .. 3;
	return said($results[1]);
}
sub run_in_portal ($client, $sql)
{
	return in_block($client, Parse('', $sql), Bind('C_1', ''), Describe('P', 'C_1'), Execute('C_1', 100), Sync());
}
sub found ($client, $name)
{
	my $result = $client->query("execute $name");
	return $result->{rows}[0][0] // $result->{error}{C};
}

for my $node ($server, $millpond)
{
	my $how = $node == $server ? 'direct' : 'pooled';
	my $one = Wire->login($node);
	my $two = Wire->login($node);
	$one->query('prepare a as select 1');
	is(run_in_portal($two, 'prepare a as select 2'), 'PREPARE', "$how: another client may use the name");
	is(found($two, 'a'), 2, '... and has its own');
	$two->query('deallocate all');
	$two->query('prepare b as select 3');
	is(run_in_portal($two, 'deallocate b'), 'DEALLOCATE', '... what it has it deallocates');
	is(found($two, 'b'), '26000', '... so it has gone');
	is(said($two->query('prepare b as select 4')), 'PREPARE', '... and may come again');
	$two->query('deallocate all');
	is(run_in_portal($two, 'deallocate a'), '26000 prepared statement "a" does not exist', "... what is another's is not there");
	is(found($one, 'a'), 1, "... and stays the other's");

	$two->put(Parse('make', 'prepare a as select 5'), Parse('drop', 'deallocate a'), Parse('row', 'select 6'), Sync())->result;
	is(in_block($two, Bind('x', 'drop'), Bind('y', 'row'), Bind('', 'row'), Bind('z', 'make'),
			map({ Execute($_) } '', 'z', 'y', 'x'), Sync()),
		'SELECT 1,PREPARE,SELECT 1,DEALLOCATE', '... each portal has its own');
	is(found($two, 'a'), '26000', '... in the order in which they run');
	is(in_block($two, Bind('x', 'drop'), Close('P', 'x'), Bind('x', 'make'), Execute('x'), Sync()), 'PREPARE',
		'... and what is closed may be bound anew');
	is(found($two, 'a'), 5, '... to something else');
	$two->put(Query('begin'), Bind('x', 'drop'), Sync(), Query('commit'));
	$two->result for 1 .. 3;
	is(in_block($two, Bind('x', 'row'), Execute('x'), Sync()), 'SELECT 1', '... a portal ends with its transaction');
	is(found($two, 'a'), 5, '... without having run');

	my @many = map { ("p$_", "prepare n$_ as select $_") } 1 .. 20;
	is(in_block($two, (map { (Parse('', $many[ 2 * $_ + 1 ]), Bind($many[ 2 * $_ ], '')) } 0 .. 19),
			(map { Execute("p$_") } reverse 1 .. 20), Sync()),
		join(',', ('PREPARE') x 20), '... many are followed');
	is(join(' ', map { found($one, "n$_") } 1, 10, 20), '26000 26000 26000', '... and are not the other\'s');
	is(join(' ', map { found($two, "n$_") } 1, 10, 20), '1 10 20', '... but their own client\'s');
	$_->close for $one, $two;
}
unlike($millpond->log_since, qr/pinned/, 'nobody was pinned to the server');
done_testing;
