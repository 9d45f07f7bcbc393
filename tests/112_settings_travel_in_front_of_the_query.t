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

done_testing;
