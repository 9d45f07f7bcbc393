# Statements that replies to come are about are not closed before those have come, though there are more than may be kept.
use v5.36;
use Millpond;
use Test::More;
use Wire;

# The sanitizers tell of it if one is: what a failed request makes of its statement is noted in it.
my $server = Postgres->new;
for my $most (1, 5, 200)
{
	my $millpond = Millpond->new("most$most", server => $server, databases => { postgres => 'pool_size=1' },
		settings => { max_prepared_statements => $most });
	my ($client, $other) = map { Wire->login($millpond) } 1 .. 2;
	# The oldest of the server's statements is made again under its name, and fails.
	$client->query($_) for 'create table u (a int)', 'prepare a as select * from u', "prepare c$most as select 1";
	$other->query($_) for "execute c$most", 'prepare a as select 2';
	$client->query("prepare c$_ as select 1") for 1 .. $most - 1;
	$client->query('drop table u');
	$client->put(Parse('', "execute c$most"), Bind(), Execute(), Parse('', 'execute a'), Bind(), Execute(), Sync(),
		Parse('', 'select 3'), Bind(), Execute(), Sync());
	my $failed = $client->result;
	like($failed->{error}{M}, qr/relation "u" does not exist/, "$most: a statement whose table has gone");
	is($client->result->{rows}[0][0], 3, '... and what follows it');
	is($other->value('select 5'), 5, '... and others are served');
	is($client->query('execute c1')->{rows}[0][0], 1, '... and what was prepared is still there');
	cmp_ok($client->value('select count(*) from pg_prepared_statements'), '<=', $most + 1, '... but no more than may be');
}

done_testing;
