# A value that one database took and another refuses is reported in its words, and tried again for the next client.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils ();
use Test::More;
use Wire;

my $flag = PostgreSQL::Test::Utils::tempdir() . '/refuse';
my $fake = FakeServer->new(query => sub ($c, $sql) {
	$c->put(ParameterStatus('TimeZone', 'UTC')) if $sql =~ /^RESET/;
	return 0 if $sql !~ /Tokyo/ || !-e $flag;
	$c->put(ErrorResponse('22023', 'this server does not know Tokyo'), ReadyForQuery());
	return 1;
});
my $millpond = Millpond->new('pool', databases => { a => $fake->target . ' pool_size=1',
	b => $fake->target . ' pool_size=1' }, settings => { server_check_query => '' });
my @tokyo = (TimeZone => 'Asia/Tokyo');

sub refuse ($on)
{
	$on ? put_file($flag) : unlink $flag;
	return;
}

sub sets ($database)
{
	my ($number) = map { /^(\d+)/ } $fake->received(qr/startup .*database\|$database\|/);
	return scalar $fake->received(qr/^$number Q .*Asia.Tokyo/);
}

sub is_refused ($database, $sql)
{
	my $client = Wire->connect($millpond);
	my $answer = $client->startup(database => $database, @tokyo)->result;
	$answer = $client->query($sql) if !$answer->{error};
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ],
		[ 'FATAL', '22023', 'this server does not know Tokyo' ], "$database: its own words");
	ok($answer->{eof}, '... the session ends');
	return;
}

is(Wire->login($millpond, database => 'a', @tokyo)->value('first'), 'first', 'a takes the value');
is(Wire->login($millpond, database => 'b')->value('first'), 'first', 'b has not been asked');

# The other database: it was not known to take it, so no query ran without it.
refuse(1);
is_refused('b', 'must not run');
is(scalar $fake->received(qr/must not run/), 0, '... and no query ran');
refuse(0);
my $sets = sets('b');
is(Wire->login($millpond, database => 'b', @tokyo)->value('second'), 'second', 'b: later it is taken');
is(sets('b'), $sets + 1, '... when it was tried again');

# The same database, which has changed its mind: the SET goes in front of the query.
is(Wire->login($millpond, database => 'a', @tokyo)->value('again'), 'again', 'a takes it again');
is(Wire->login($millpond, database => 'a')->value('plain'), 'plain', 'a: a client without wishes');
refuse(1);
is_refused('a', 'third');
refuse(0);
$sets = sets('a');
my $client = Wire->login($millpond, database => 'a', @tokyo);
is($client->value('fourth'), 'fourth', 'a: later it is taken');
is(sets('a'), $sets + 1, '... when it was tried again');
is($client->value('fifth'), 'fifth', '... and then known');
is(sets('a'), $sets + 1, '... and not said again');

done_testing;
