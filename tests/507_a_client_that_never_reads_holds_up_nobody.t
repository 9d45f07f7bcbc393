# A client that asks for much and never reads costs little memory, holds up nobody, and can be got rid of.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
$server->safe_psql('postgres', 'create role deaf login');
my $millpond  = Millpond->new('pool', server => $server, settings => { default_pool_size => 6 },
	users => { deaf => 'query_timeout=10' });
my $bystander = Wire->login($millpond);
$bystander->query('select 1');
my $before = $millpond->memory_kb('VmHWM');
my @deaf   = map { Wire->login($millpond, rcvbuf => 8192, user => 'deaf') } 1 .. 5;
$_->put(Query(q(select repeat('x', 10000) from generate_series(1, 10000)))) for @deaf;
wait_until(sub { $millpond->pool('postgres', 'deaf')->{sv_active} == 5 }, 'them to have a server each');
is($bystander->value("select $_"), $_, 'another client is served') for 1 .. 20;
is($millpond->pool('postgres', 'deaf')->{sv_active}, 5, 'they still hold theirs');
cmp_ok($millpond->memory_kb('VmHWM') - $before, '<', $millpond->growth_limit_kb,
	'and little memory');

$deaf[0]->close;
$deaf[1]->reset;
wait_until(sub { $millpond->pool('postgres', 'deaf')->{sv_active} == 3 }, 'their servers');
pass('the servers of those that leave come back');
wait_until(sub { $millpond->pool('postgres', 'deaf')->{sv_active} == 0 }, 'query_timeout');
wait_until(sub { 2 == $millpond->console('SHOW CLIENTS') }, 'the clients to go');
pass('query_timeout ends the others, though they do not read');
is($bystander->value('select 1'), 1, 'another client is served');

# What is remembered of its requests until they are answered.
$before = $millpond->memory_kb('VmHWM');
my $wordy = Wire->login($millpond, rcvbuf => 4096);
$wordy->put(Bind('', 'n' x 200_000), Sync()) for 1 .. 300;
is($bystander->value('select 1'), 1, 'another client is served');
cmp_ok($millpond->memory_kb('VmHWM') - $before, '<', $millpond->growth_limit_kb,
	'long names are not remembered at length');
my $error = $wordy->result->{error};
is($error->{C}, '26000', 'the error is that of the server');
ok($error->{M} =~ /^prepared statement "n{1000,1100}" does not exist$/, '... with the name cut short');

done_testing;
