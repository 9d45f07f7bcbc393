# What a server still has to be told goes in front of the client's bytes, only when it differs.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { postgres => $fake->target . ' pool_size=1' },
	settings => { server_check_query => '' });
my $a = Wire->login($millpond, TimeZone => 'Asia/Tokyo', application_name => 'a');
my $b = Wire->login($millpond, TimeZone => 'Asia/Tokyo', application_name => 'b');

is_deeply($a->query('question a')->{rows}, [ ['question a'] ], 'a query');
my @sets = grep { /set/i } $fake->received;
ok(@sets, 'the server was told');
is_deeply([ grep { /^\d+ [QPBES] / && !/set/i } $fake->received ], ['1 Q question a|'],
	'and asked once');

$a->query('question a2');
is(scalar(grep { /set/i } $fake->received), scalar @sets,
	'the second query of the same client needs none');
$b->query('question b');
my @more = (grep { /set/i } $fake->received)[ @sets .. 99 ];
@more = grep { defined } @more;
like("@more", qr/application_name.*'b'/i, 'another client: what differs is set');
unlike("@more", qr/Tokyo/, '... and what does not is not');

# A server has accepted what it spells in another way.
my $scribe = FakeServer->new(query => sub ($c, $sql) {
	return 0 if $sql !~ /"TimeZone" to 'utc'/i;
	$c->log(length $c->{in} ? 'together' : 'alone', $sql);
	$c->put(ParameterStatus('TimeZone', 'UTC'), CommandComplete('SET'), ReadyForQuery());
	return 1;
});
$millpond->reconfigure(databases => { scribe => $scribe->target . ' pool_size=1' });
my @clients = map { Wire->login($millpond, database => 'scribe', TimeZone => 'utc') } 1 .. 2;
for my $client (@clients)
{
	$client->query('question');
	is($client->{parameters}{TimeZone}, 'UTC', 'a client is told how the server spells its wish');
	Wire->login($millpond, database => 'scribe', TimeZone => 'Asia/Tokyo')->query('question');
}
is_deeply([ map { /^\d+ (\w+)/ } $scribe->received(qr/alone|together/) ], [qw(alone together)],
	'only the first such wish needs a round trip of its own');

done_testing;
