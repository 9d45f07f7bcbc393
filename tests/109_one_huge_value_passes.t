# One value far larger than any buffer goes in and comes out again (1 GB when STRESS is set).
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $size     = $ENV{STRESS} ? 1_000_000_000 : 64_000_000;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my $client   = Wire->login($millpond);
$client->query('select 1');
my $before = $millpond->memory_kb('VmHWM');

$client->put(Parse('', 'select $1::text, length($1::text)', 25), Bind('', '', 'y' x $size),
	Execute(), Sync());
my $result = $client->result('Z', 300);
is($result->{types}, '12DCZ', 'the answer is complete');
is($result->{rows}[0][1], $size, 'the server got the whole value');
ok($result->{rows}[0][0] eq 'y' x $size, 'and so did the client');
cmp_ok($millpond->memory_kb('VmHWM') - $before, '<', $millpond->growth_limit_kb,
	'the daemon held little of it');

is($client->put(Query("select length('" . 'z' x ($size / 4) . "')"))->result('Z',
	300)->{rows}[0][0],
	$size / 4, 'a long query text');

done_testing;
