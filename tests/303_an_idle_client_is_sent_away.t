# client_idle_timeout ends sessions at rest with the known words, not those that work or wait.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login');
my $millpond = Millpond->new('pool', server => $server, settings => { client_idle_timeout => 1 },
	databases => { postgres => '', as_app => 'dbname=postgres user=app', as_boss => 'dbname=postgres user=postgres' },
	users => { app => 'client_idle_timeout=2' });
my $idle = Wire->login($millpond);
my $from = time;
$idle->query('select 1');
my $user = Wire->login($millpond, user => 'app');
my $by_name = Wire->login($millpond, user => 'app', database => 'as_boss');
my $not_own = Wire->login($millpond, database => 'as_app');
my $busy = Wire->login($millpond);
$busy->put(Query('select pg_sleep(1.6)'));
my $answer = $idle->result;
my $waited = time - $from;
is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', '57P05', 'client_idle_timeout' ],
	'the words');
ok($answer->{eof}, 'the session ends');
cmp_ok($waited, '>=', 0.9, 'not before its time');
cmp_ok($waited, '<', 15, 'and not long after it');
like($not_own->result->{error}{D}, qr/client_idle_timeout is 1 s/, 'the value of a forced user is not theirs who log in under other names');
is($busy->result->{types}, 'TDCZ', 'a long query is not idleness');
like($user->result->{error}{D}, qr/client_idle_timeout is 2 s/, "a user's own value");
cmp_ok(time - $from, '>=', 1.9, 'which is longer');
like($by_name->result->{error}{D}, qr/client_idle_timeout is 2 s/, 'and holds where somebody else is logged in on the server as well');

done_testing;
