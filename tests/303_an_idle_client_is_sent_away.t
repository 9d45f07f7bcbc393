# client_idle_timeout ends sessions at rest with the known words, not those that work or wait.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login');
my $millpond = Millpond->new('pool', server => $server, settings => { client_idle_timeout => 1 },
	users => { app => 'client_idle_timeout=2' });
my $idle = Wire->login($millpond);
$idle->query('select 1');
my $from = time;
my $user = Wire->login($millpond, user => 'app');
my $busy = Wire->login($millpond);
$busy->put(Query('select pg_sleep(1.6)'));
my $answer = $idle->result;
my $waited = time - $from;
is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'FATAL', '57P05', 'client_idle_timeout' ],
	'the words');
ok($answer->{eof}, 'the session ends');
cmp_ok($waited, '>=', 0.8, 'not before its time');
cmp_ok($waited, '<', 2.5, 'and soon after it');
is($busy->result->{types}, 'TDCZ', 'a long query is not idleness');
is($user->result->{error}{M}, 'client_idle_timeout', "a user's own value");
cmp_ok(time - $from, '>=', 1.8, 'which is longer');

done_testing;
