# FunctionCall is answered, also with an error; notices of all kinds and sizes reach the client.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
my $other    = Wire->login($millpond);

my $int4pl = $client->value("select 'int4pl'::regproc::oid::int");
my $answer = $client->put(FunctionCall($int4pl, 3, 4))->result;
is($answer->{types}, 'VZ', 'a function call');
is($answer->{value}, 7, 'its value');
is($other->value('select 1'), 1, 'the server is free afterwards');

my $int4div = $client->value("select 'int4div'::regproc::oid::int");
is($client->put(FunctionCall($int4div, 1, 0))->result->{error}{C}, '22012', 'one that fails');
is($other->value('select 1'), 1, 'the server is free afterwards');

$client->query('begin');
is($client->put(FunctionCall($int4pl, 1, 1))->result->{status}, 'T', 'one in a transaction');
is($client->query('commit')->{status}, 'I', 'which goes on');

my $many = $client->query(
	q(do $$begin for i in 1..1000 loop raise notice '%', repeat('x', i); end loop; end$$));
is(scalar $many->{notices}->@*, 1000, 'a thousand notices');
is($many->{notices}[999]{M}, 'x' x 1000, 'the last one is whole');
is($client->query('select 1 from no_such_table')->{error}{C}, '42P01', 'an error has its fields');

done_testing;
