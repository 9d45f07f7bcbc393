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

$console->query('PAUSE shop');
$millpond->reconfigure(databases => { shop => undef });
like($console->query('SUSPEND')->{error}{M}, qr/paused/, 'a pause outlives its database');
is_deeply($console->query('RESUME shop')->{tags}, ['RESUME'], '... until RESUME');
is($console->query('RESUME shop')->{error}{M}, 'no such database: shop', '... once');
$millpond->reconfigure(databases => \%all);
is(Wire->login($millpond, database => 'shop')->value('select 1'), 1, 'then it is open when it is there again');

done_testing;
