# A simple query, an empty one, several in one message and one that fails all answer as a server does.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my $client   = Wire->login($millpond);

is($client->query('select 1 as one, null, $$two$$')->{types}, 'TDCZ', 'one row');
is_deeply($client->query('select 1 as one, null, $$two$$')->{rows}, [ [ 1, undef, 'two' ] ],
	'its values');
is($client->query('')->{types},  'IZ', 'the empty query');
is($client->query(';')->{types}, 'IZ', 'a lone semicolon');

my $several = $client->query('select 1; select 2; notify a; select 3');
is($several->{types}, 'TDCTDCCTDCZ', 'several statements in one message');
is_deeply($several->{tags}, [ 'SELECT 1', 'SELECT 1', 'NOTIFY', 'SELECT 1' ], 'with their tags');

my $broken = $client->query('select 1; select 1/0; select 3');
is($broken->{types}, 'TDCEZ', 'an error ends the message');
is($broken->{error}{C}, '22012', "with the server's SQLSTATE");
is($broken->{status}, 'I', 'and nothing is left open');

my $notice = $client->query(q(do $$begin raise notice 'hello'; end$$));
is($notice->{notices}[0]{M}, 'hello', 'a notice arrives');

done_testing;
