# Binary values are of the types that the client was told of, whichever server takes them.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server    => $server,
	databases => { one => 'dbname=postgres pool_size=1', two => 'dbname=postgres pool_size=2' },
	settings  => { server_round_robin => 1, workers => 1 });
my $direct = Wire->login($server);
my $int8   = 20;

sub stored () { return join ' ', map { $_->[0] } $direct->query('select v from t order by v')->{rows}->@* }
sub bind_binary ($name, $number) { return Message('B', "\0$name\0" . pack('nnnNq>n', 1, 1, 1, 8, $number, 0)) }
sub insert ($client, $number, @more) { return $client->put(bind_binary('s', $number), @more, Execute(), Sync())->result }

sub login ($database, @types)
{
	$direct->query('drop table if exists t; create table t(v bigint)');
	$millpond->console("RECONNECT $database");
	my $client = Wire->login($millpond, database => $database);
	$client->put(Parse('s', 'insert into t values ($1)', @types), Describe('S', 's'), Sync())->result;
	return $client;
}

for my $more ([], [ Describe('P') ])
{
	my $how = @$more ? 'who describes the portal' : 'who does not';
	my $c   = login('one');
	$millpond->console('RECONNECT one');
	is(insert($c, $_, @$more)->{error}, undef, "$how: a new server takes the same") for 1 .. 2;
	is(stored(), '1 2', '... and stores it');
	$direct->query('alter table t alter v type double precision');
	is(insert($c, 3, @$more)->{error}, undef, '... also the old server, when the type is another');
	is(stored(), '1 2 3', '... in the new type');
	$millpond->console('RECONNECT one');
	for (1 .. 2)
	{
		my $got = insert($c, 4, @$more);
		is($got->{error}{C}, '0A000', '... but a new server would take it for something else');
		is($got->{error}{R}, 'RevalidateCachedQuery', '... which drivers know by this');
	}
	$c->put(Bind('', 's', '4.5'), @$more, Execute(), Sync())->result;
	is(stored(), '1 2 3 4.5', '... not a text');
	$c->put(Close('S', 's'), Parse('s', 'insert into t values ($1)'), Describe('S', 's'), Sync())->result;
	my $double = Message('B', "\0s\0" . pack('nnnNd>n', 1, 1, 1, 8, 5.5, 0));
	$c->put($double, @$more, Execute(), Sync())->result;
	is(stored(), '1 2 3 4.5 5.5', '... nor what is of the type that it was told of since');
}

# What a client has seen to itself stays so.
my $c = login('one', $int8);
$direct->query('alter table t alter v type double precision');
$millpond->console('RECONNECT one');
is(insert($c, 7)->{error}, undef, 'a type that the client has given');
is(stored(), '7', '... is the one it is taken for');

# One server has parsed it before, the other after: who has learned of the new type is served by both.
my ($d, $holder) = (login('two'), Wire->login($millpond, database => 'two'));
$holder->query('begin');
insert($d, $_) for 1 .. 2;
$holder->query('rollback');
insert($d, $_) for 3 .. 6;
is(stored(), '1 2 3 4 5 6', 'two servers');
$direct->query('alter table t alter v type double precision');
$millpond->console('RECONNECT two');
$d->put(Close('S', 's'), Parse('s', 'insert into t values ($1)'), Describe('S', 's'), Sync())->result;
$direct->query('alter table t alter v type bigint');
my $e = Wire->login($millpond, database => 'two');
$holder->query('begin');
$e->put(Parse('s', 'insert into t values ($1)'), Describe('S', 's'), Sync())->result;
insert($d, 100) for 1 .. 2;
$holder->query('rollback');
is(insert($e, $_)->{error}, undef, 'who knows the types of now') for 7 .. 10;
like(stored(), qr/^1 2 3 4 5 6 7 8 9 10/, '... stores what it means on both');

done_testing;
