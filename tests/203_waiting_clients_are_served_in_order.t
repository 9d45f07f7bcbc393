# Clients that wait for a server get it first come first served, also those of a newcomer's own size.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { workers => 1 });
my $holder   = Wire->login($millpond);
$holder->query('create sequence s');

for my $round (1 .. 3)
{
	my @clients = map { Wire->login($millpond) } 1 .. 20;
	$holder->query('begin');
	for my $n (1 .. @clients)
	{
		$clients[ $n - 1 ]->put(Query("select nextval('s')"));
		wait_until(sub { $millpond->pool->{cl_waiting} == $n }, "$n waiting clients");
	}
	my $from = $holder->value("select nextval('s')");
	# It asks again at once, and is the last in the line now.
	is($holder->query('commit')->{status}, 'I', "round $round: the holder is done");
	$holder->put(Query("select nextval('s')"));
	my @turns = map { $_->result->{rows}[0][0] - $from } @clients;
	is_deeply(\@turns, [ 1 .. @clients ], "round $round: served in the order of asking");
	is($holder->result->{rows}[0][0] - $from, 1 + @clients,
		"round $round: a newcomer never overtakes");
}

done_testing;
