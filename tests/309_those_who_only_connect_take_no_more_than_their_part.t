# Whoever connects counts for max_client_conn, logged in or not; a flood of those who say nothing leaves descriptors for servers and for the admin.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 30, workers => 2 },
	databases => { postgres => '', other => 'dbname=postgres' });

# One byte, or a kernel that defers accept() would keep it to itself.
sub silent ($pond, $count) { return map { Wire->connect($pond)->put("\0") } 1 .. $count }
sub sockets ($console, $state) { return scalar grep { $_->{state} eq $state } $console->hashes('SHOW SOCKETS') }

my $console = Wire->login($millpond, database => 'pgbouncer');
my @in      = map { Wire->login($millpond) } 1 .. 10;
my @silent  = silent($millpond, 19);
wait_until(sub { sockets($console, 'cl_login') == 19 }, 'them to be accepted');
push @in, Wire->login($millpond);
is($in[-1]->value('select 1'), 1, 'the last place');
for (1 .. 3)
{
	my $error = Wire->connect($millpond)->startup->result->{error};
	is("$error->{C} $error->{M}", '53300 no more connections allowed (max_client_conn)', 'there is none for another');
	is($error->{D}, '30 clients are connected; max_client_conn is 30.', '... and it reads why');
}
$_->close for splice @silent, 0, 2;
wait_until(sub { sockets($console, 'cl_login') == 17 }, 'two to leave');
my @two = map { Wire->connect($millpond)->startup->result } 1 .. 2;
is((grep { !$_->{error} } @two), 2, 'two places, one after the other');
is(Wire->login($millpond, database => 'pgbouncer')->value('SHOW VERSION') =~ /Millpond/, 1, 'a console is no client');
wait_until(sub { sockets($console, 'cl_active') == 12 }, 'the two to be gone again');    # 11, and the console

# Two who come for the last place at the same moment, over two workers: one gets it.
push @silent, silent($millpond, 1);
wait_until(sub { sockets($console, 'cl_login') == 18 }, 'one place to be left');
for my $round (1 .. 20)
{
	my @both = map { Wire->connect($millpond) } 1 .. 2;
	$_->put(Wire::Startup(user => 'postgres', database => 'postgres')) for @both;
	my @got = map { $_->result } @both;
	if (1 != grep { !$_->{error} } @got) { fail("round $round: @{[ map { $_->{error} ? 'out' : 'in' } @got ]}"); last }
	$_->close for @both;
	wait_until(sub { sockets($console, 'cl_active') == 12 }, 'them to be gone');
}
pass('of two who come for the last place one gets it');
$in[0]->put(Query('select pg_sleep(30)'));
wait_until(sub { $server->backends(q(wait_event = 'PgSleep')) }, 'a query');
push @silent, silent($millpond, 5);
$in[0]->cancel;
is($in[0]->result->{error}{C}, '57014', 'a cancel request needs no place');
$millpond->console('SET max_client_conn = 100');
is(Wire->login($millpond)->value('select 2'), 2, 'more places');
$millpond->stop;

# Few descriptors, and all of them wanted by a flood
my $few = Millpond->new('few', server => $server, settings => { max_client_conn => 1000, workers => 2, server_lifetime => 0 },
	databases => { postgres => '', other => 'dbname=postgres' }, wrapper => [qw(prlimit --nofile=200:200)]);
my $client = Wire->login($few);
my $second = Wire->login($few, database => 'other');
is($client->value('select 1'), 1, 'a client');
my @flood = silent($few, 300);
wait_until(sub { grep { $_->closed } @flood[ 290 .. 299 ] }, 'some to be turned away');
is($second->value("select $_") + $client->value("select $_"), 2 * $_, 'new servers can be connected to') for 1 .. 5;
my $admin = Wire->login($few, database => 'pgbouncer', unix => 1);
cmp_ok(sockets($admin, 'cl_login'), '>', 50, 'an admin can come and look');
my $refused = $flood[-1];
is(Wire->connect($few)->startup->result->{error}{M}, 'no more connections allowed (file descriptors)', 'others are told');
$_->close for @flood;
wait_until(sub { eval { Wire->login($few)->value('select 1') } }, 'all to be well again');
ok(!$few->log_contains(qr/accept\(\) failed/), 'it never ran out');

done_testing;
