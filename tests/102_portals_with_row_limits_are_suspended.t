# Execute with a row limit suspends the portal; it goes on later, on the same server.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 2 });
my $other    = Wire->login($millpond);
my $client   = Wire->login($millpond);

$client->put(Parse('', 'select generate_series(1, 5)'), Bind(), Execute('', 2), Flush());
my $part = $client->result('s');
is($part->{types}, '12DDs', 'two rows, then PortalSuspended');
is($other->value('select 1'), 1, 'another client works meanwhile');
$client->put(Execute('', 2), Flush());
is_deeply($client->result('s')->{rows}, [ [3], [4] ], 'the next two rows');
$client->put(Execute('', 2), Sync());
is($client->result->{types}, 'DCZ', 'the last row, and CommandComplete');

$client->query('begin');
$client->put(Parse('', 'select generate_series(1, 4)'), Bind('p'), Execute('p', 1), Sync());
is($client->result->{types}, '12DsZ', 'a named portal in a transaction');
is($other->value('select 2'), 2, 'another client works meanwhile');
is($client->value('select 3'), 3, 'a query between');
$client->put(Execute('p', 0), Sync());
is_deeply($client->result->{rows}, [ [2], [3], [4] ], 'outlives a Sync inside the transaction');
$client->put(Parse('', 'select generate_series(1, 4)'), Bind('q'), Execute('q', 1), Close('P', 'q'),
	Execute('q', 1), Sync());
my $closed = $client->result;
is($closed->{types}, '12Ds3EZ', 'a closed portal is gone');
is($closed->{error}{C}, '34000', '... which is an error');
is($client->query('rollback')->{status}, 'I', 'the transaction ends');

$client->query('begin');
$client->query('declare c cursor for select generate_series(1, 9)');
is_deeply($client->query('fetch 2 from c')->{rows}, [ [1], [2] ], 'a cursor of SQL');
is_deeply($client->query('fetch 2 from c')->{rows}, [ [3], [4] ], '... goes on');
$client->query('commit');

done_testing;
