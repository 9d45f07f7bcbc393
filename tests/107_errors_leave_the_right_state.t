# Errors inside and outside transactions leave the status a server would show, and the server is shared accordingly.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
my $other    = Wire->login($millpond);

is($client->query('select 1/0')->{status}, 'I', 'outside: idle');
is($other->value('select 1'), 1, 'the server is free');
is($client->query('begin; select 1/0; select 2')->{status}, 'E',
	'begun and failed in one message: failed');
is($client->query('select 1')->{error}{C}, '25P02', 'further queries are refused by the server');
is($millpond->pool->{sv_active}, 1, 'it is still with the client');
is($client->query('rollback')->{status}, 'I', 'rolled back');
is($other->value('select 1'), 1, 'the server is free');
is($client->query('begin')->{status}, 'T', 'begun');
is($client->query('savepoint s')->{status}, 'T', 'savepoint');
is($client->query('select 1/0')->{status}, 'E', 'failed');
is($client->query('rollback to s')->{status}, 'T', 'rolled back to it');
is($client->query('commit and chain')->{status}, 'T', 'commit and chain');
is($client->query('commit')->{status}, 'I', 'committed');
is($other->value('select 1'), 1, 'the server is free');
is($client->query('rollback')->{notices}[0]{C}, '25P01', 'a warning comes through');

done_testing;
