# SUSPEND and a gentle SHUTDOWN at once: whichever comes first, nobody is held for ever.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
for my $round (1 .. 8)
{
	my $millpond = Millpond->new("round$round", server => $server, settings => { workers => 2 });
	my $client   = Wire->login($millpond);
	$client->query('select 1');
	my ($one, $other, $third) = map { Wire->login($millpond, database => 'pgbouncer') } 1 .. 3;
	$one->put(Query('SUSPEND'));
	$other->put(Query('SHUTDOWN WAIT_FOR_CLIENTS'));
	$_->result for $other, $one;
	my %state = map { $_->{key} => $_->{value} } $third->hashes('SHOW STATE');
	is($state{suspended}, 'no', 'nobody is held');
	is($client->value('select 2'), 2, '... and the client is served');
	$millpond->stop;
}

done_testing;
