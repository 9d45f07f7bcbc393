# A reload without a database ends its clients, whatever they do, and its servers; nobody else notices.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my %all      = map { $_ => 'dbname=postgres pool_size=1' } qw(postgres shop session);
my $millpond = Millpond->new('pool', server => $server, databases => { %all, session => "$all{session} pool_mode=session" });
my $console  = Wire->login($millpond, database => 'pgbouncer');
my $other    = Wire->login($millpond);
my $pid      = $other->value('select pg_backend_pid()');

my %clients = map { $_ => Wire->login($millpond, database => $_ eq 'holds its server' ? 'session' : 'shop') }
	('rests', 'is in a transaction', 'waits for a server', 'holds its server');
$clients{rests}->query('select 1');
$clients{'holds its server'}->query('select 1');
$clients{'is in a transaction'}->query('begin');
$clients{'waits for a server'}->put(Query('select 1'));
wait_until(sub { $millpond->pool('shop')->{cl_waiting} == 1 }, 'a client to wait');

my %text = ('waits for a server' => 'no such database: shop');
$millpond->reconfigure(databases => { shop => undef, session => undef });
for my $what (sort keys %clients)
{
	my $answer = $clients{$what}->result;
	is($answer->{error}{M}, $text{$what} // 'database removed', "who $what is told");
	is($answer->{error}{C}, $text{$what} ? '3D000' : '57P04', '... with its code');
	ok($answer->{eof}, '... and cut off');
}
wait_until(sub { !$server->backends("pid <> $pid") }, 'the servers to be closed');
is($other->value('select pg_backend_pid()'), $pid, 'others keep their server');
is(Wire->connect($millpond)->startup(database => 'shop')->result->{error}{M}, 'no such database: shop', 'nobody comes in');

$millpond->reconfigure(databases => \%all);
is(Wire->login($millpond, database => 'shop')->value('select 1'), 1, 'until it is there again');

# Nothing of it is left: no pool, no pause, no DISABLE.
sub named_in ($table) { return join ' ', map { $_->{database} } $console->hashes("SHOW $table") }
$console->query('PAUSE shop');
$console->query('DISABLE session');
my $paused = Wire->login($millpond, database => 'shop')->put(Query('select 1'));
wait_until(sub { $millpond->pool('shop')->{cl_waiting} == 1 }, 'a client to wait for the end of the pause');
$millpond->reconfigure(databases => { shop => undef, session => undef });
is($paused->result->{error}{M}, 'no such database: shop', 'who waits in a pause is told');
wait_until(sub { named_in('POOLS') eq 'pgbouncer postgres' }, 'the pools to go');
is(named_in($_), 'pgbouncer postgres', "SHOW $_ has them no longer") for qw(POOLS STATS);
is($console->query("$_ shop")->{error}{M}, 'no such database: shop', "$_ knows it no longer") for qw(RESUME ENABLE);
is_deeply($console->query($_)->{tags}, [$_], "$_: no pause stands in the way") for qw(SUSPEND RESUME);
$millpond->reconfigure(databases => \%all);
is(Wire->login($millpond, database => 'shop')->query('select 1')->{types}, 'TDCZ', 'when it is there again it is not paused');
is(Wire->login($millpond, database => 'session')->query('select 1')->{types}, 'TDCZ', '... and the other is open');

# Those that stay keep both, also where only * stands for them.
my $star = Millpond->new('star', server => $server, databases => { postgres => '', template1 => '', '*' => '' });
my $of_star = Wire->login($star, database => 'millpond');
$of_star->query($_) for 'PAUSE postgres', 'DISABLE template1';
$star->reconfigure(databases => { postgres => undef, template1 => undef });
is(Wire->connect($star)->startup(database => 'template1')->result->{error}{C}, '55000', 'one that * stands for stays closed');
is_deeply($of_star->query('RESUME postgres')->{tags}, ['RESUME'], '... or paused');

# But its clients are not those of *: not of its server, and not as a user that nothing forces any more.
my $second = Postgres->new('second');
$_->safe_psql('postgres', 'create role own login; create role admin login') for $server, $second;
my $who     = q(select session_user || ' ' || current_setting('port'));
my $to_star = $second->target . ' dbname=postgres';
my %entries = (shop => 'dbname=postgres pool_size=1', forced => 'dbname=postgres user=admin');
my $both    = Millpond->new('both', server => $server, databases => { %entries, '*' => $to_star });
my ($shop, $waits, $forced, $auto) = map { Wire->login($both, database => $_, user => 'own') } qw(shop shop forced auto);
is($forced->value($who), 'admin ' . $server->port, 'a client is the forced user of its entry');
is($auto->value($who), 'own ' . $second->port, 'one of * is itself');
$shop->query('begin');
$waits->put(Query($who));
wait_until(sub { $both->pool('shop')->{cl_waiting} == 1 }, 'a client to wait');
$both->reconfigure(databases => { shop => undef, forced => undef });
is($_->result->{error}{M}, 'database removed', 'without the entry it is sent away') for $forced, $shop, $waits;
is(Wire->login($both, database => $_, user => 'own')->value($who), 'own ' . $second->port, "who comes to $_ then is a client of *")
	for qw(shop forced);
is($auto->value($who), 'own ' . $second->port, 'who was goes on');
$both->reconfigure(databases => { auto => 'dbname=postgres' });
is($auto->value($who), 'own ' . $server->port, '... also when its database gets an entry');
$both->reconfigure(databases => { auto => undef });
is($auto->result->{error}{M}, 'database removed', '... until that is removed');
wait_until(sub { !$server->backends(q(usename in ('own', 'admin'))) }, 'the servers to be closed');

done_testing;
