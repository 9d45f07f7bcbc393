# After a RELOAD with another user= for their database, clients go on as that one: from their next transaction on.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', "create role $_ login") for qw(blue green own);
sub entry ($user, $more = '') { return { forced => "dbname=postgres user=$user min_pool_size=2 $more", own => 'dbname=postgres' } }

my $who      = 'select session_user::text';
my $millpond = Millpond->new('pool', server => $server, databases => entry('blue'));
my ($rests, $works, $own) = map { Wire->login($millpond, database => $_, user => 'own') } 'forced', 'forced', 'own';
is($rests->value($who), 'blue', 'a client is the forced user');
$works->query('begin');
is($own->value($who), 'own', 'and itself without one');

$millpond->reconfigure(databases => entry('green'));
is($rests->value($who), 'green', 'after a reload it is the new one');
is($works->value($who), 'blue', '... but not in the middle of a transaction');
$works->query('commit');
is($works->value($who), 'green', '... of which it is the last thing');
my ($blue, $green) = map { $millpond->pool('forced', $_) } qw(blue green);
is($green->{cl_active}, 2, 'they count in the pool of the new user');
wait_until(sub { !$server->backends(q(usename = 'blue')) }, 'the servers of the old one to go', 10);
wait_until(sub { 2 <= $server->backends(q(usename = 'green')) }, 'the minimum of the new one', 10);
pass('the old one keeps no servers, not even a minimum');
wait_until(sub { !$millpond->pool('forced', 'blue') }, 'its pool to go', 10);
ok($millpond->pool('forced', 'green'), 'and soon there is only the new one');

# Those who wait for a server meanwhile wait for one of the new user.
$millpond->reconfigure(databases => entry('green', 'pool_size=2'));
my @waiting = map { Wire->login($millpond, database => 'forced', user => 'own') } 1 .. 4;
$_->query('begin') for $rests, $works;
$_->put(Query($who)) for @waiting;
wait_until(sub { 4 == $millpond->pool('forced', 'green')->{cl_waiting} }, 'all to wait');
$millpond->reconfigure(databases => entry('blue', 'pool_size=2'));
is($_->result('Z', 10)->{rows}[0][0], 'blue', 'who waits is served as the new user') for @waiting;
is($_->value($who), 'green', '... and who works stays the old one') for $rests, $works;
$_->query('commit') for $rests, $works;
$millpond->reconfigure(databases => entry('green'));

$millpond->reconfigure(databases => { entry('green')->%*, own => 'dbname=postgres user=blue' });
is($own->value($who), 'blue', 'who had no forced user gets one as well');
is($_->value($who), 'green', 'others stay who they are') for $rests, @waiting;

# What they have prepared goes along, and is parsed once on each server, however much their old pool has seen created.
$millpond->reconfigure(databases => { many => 'dbname=postgres user=blue pool_size=1' });
my $many = Wire->login($millpond, database => 'many');
$many->query('begin; create temp table passing(a int) on commit drop; commit') for 1 .. 3;
$many->put(Parse('s', 'select 42'), Sync())->result;
$millpond->reconfigure(databases => { many => 'dbname=postgres user=green pool_size=1' });
sub prepare_time () { return $many->value(q{select prepare_time from pg_prepared_statements where statement = 'select 42'}) }
$many->query('begin');
my @times = map { $many->put(Bind('', 's'), Execute(), Sync())->result; prepare_time() } 1, 2;
is($times[1], $times[0], 'a statement of a client that goes over is not parsed at each use');
$many->query('commit');

# Where nobody is forced any more, clients who never had to prove who they are do not become whom they said.
for my $next ([ 'an entry without user=', 'forced' ], [ 'an entry of its own in place of a *', '*' ])
{
	my ($name, $entry) = @$next;
	my $trusting = Millpond->new("trusting$entry" =~ s/\*/_/r, server => $server, settings => { auth_type => 'trust' },
		databases => { $entry => 'dbname=postgres user=blue pool_size=1' });
	my ($works, $queued, $rests, $blue) = map { Wire->login($trusting, database => 'forced', user => $_) } qw(own own postgres blue);
	is($rests->value($who), 'blue', "$name: a client is the forced user");
	$works->query('begin');
	$queued->put(Query($who));
	wait_until(sub { $trusting->pool('forced', 'blue')->{cl_waiting} }, 'one to wait');
	$trusting->reconfigure(databases => { forced => 'dbname=postgres' });
	is($_->result('E', 10)->{error}{M}, 'database removed', '... and is sent away') for $works, $queued, $rests, $blue;
	my $own = Wire->login($trusting, database => 'forced', user => 'own');
	is($own->value($who), 'own', '... while who comes is itself');
	$trusting->reconfigure(databases => { forced => 'dbname=postgres user=green' });
	is($own->value($who), 'green', '... until somebody is forced again');
}

# Killed in the turn of a reload, a client that waits follows nobody.
my $one    = Millpond->new('one', server => $server, settings => { workers => 1 }, databases => entry('blue', 'pool_size=1'));
my ($holds, $killed) = map { Wire->login($one, database => 'forced', user => 'own') } 1 .. 2;
my $console = Wire->login($one, database => 'millpond', user => 'postgres');
$holds->query('begin');
$killed->put(Query($who));
wait_until(sub { $one->pool('forced', 'blue')->{cl_waiting} }, 'it to wait');
$one->write_config(databases => entry('green', 'pool_size=1'));
$console->put(Query('RELOAD'), Query('KILL forced'));
is($killed->result->{error}{M}, 'admin forced disconnect', 'a kill that comes with a reload is heard');

# A session keeps its server, and so its user.
$millpond->reconfigure(databases => { entry('green', 'pool_mode=session')->%* });
is($rests->value($who), 'green', 'with pool_mode=session it has a server');
$millpond->reconfigure(databases => { entry('blue', 'pool_mode=session')->%* });
is($rests->value($who), 'green', '... which it keeps after a reload');
is(Wire->login($millpond, database => 'forced', user => 'own')->value($who), 'blue', '... while who comes is the new user');

done_testing;
