# SHOW PINNED has a row for each client that keeps its server beyond a transaction, in all workers, with the reason.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { pin_clients => 1, workers => 4, spread_clients => 1 },
	databases => { postgres => 'pool_size=20', whole => 'dbname=postgres pool_mode=session' });

sub client (%more) { return Wire->login($millpond, %more) }
sub pinned         { return { map { $_->{ptr} => $_ } $millpond->console('SHOW PINNED') } }
sub ptr ($client)
{
	my $name = 'c' . $client->{pid};
	$client->query("set application_name = $name");
	my ($row) = grep { $_->{application_name} eq $name } $millpond->console('SHOW CLIENTS');
	return $row->{ptr};
}

my $free = client();
$free->query('select 1');
is_deeply(pinned(), {}, 'nobody, as nothing keeps anybody');

my @cases = (
	[ 'advisory locks',             'select pg_advisory_lock_shared(1)' ],
	[ 'temporary tables',           'create temp table t (i int)' ],
	[ 'cursors WITH HOLD',          'declare c cursor with hold for select 1' ],
	[ 'channels it listens to',     'listen news' ],
	[ 'prepared statements that cannot be followed', q(prepare "käse" as select 1) ],
	[ 'advisory locks, temporary tables, prepared statements that cannot be followed',
		'select pg_advisory_lock_shared(1)', 'create temp table t (i int)', q(prepare "käse" as select 1) ],
);
my %clients;
for my $case (@cases)
{
	my ($reason, @commands) = @$case;
	my $client = client();
	$client->query($_) for @commands;
	my $ptr = ptr($client);
	my $row = pinned()->{$ptr};
	is($row && $row->{reason}, $reason, $reason);
	$clients{$ptr} = $client;
}
my %rows = map { $_->{ptr} => $_ } $millpond->console('SHOW CLIENTS');
for my $row (values pinned()->%*)
{
	my $same = $rows{ $row->{ptr} };
	is_deeply([ map { $row->{$_} } qw(user database addr port link) ], [ map { $same->{$_} } qw(user database addr port link) ],
		'the rest is as in SHOW CLIENTS');
	like($row->{link}, qr/^0x[0-9a-f]+$/, '... with its server');
}
is_deeply([ sort keys pinned()->%* ], [ sort keys %clients ], 'all of them, and nobody else');

my $whole = client(database => 'whole');
$whole->query('create temp table t (i int)');
$free->query('begin');
is(scalar keys pinned()->%*, scalar @cases, 'not whoever is in a transaction, or has a server for the whole session');
$free->query('commit');

# Others come and go while it is shown.
my @others  = map { client() } 1 .. 6;
my $console = Wire->login($millpond, database => 'pgbouncer');
for my $round (1 .. 30)
{
	$_->put(Query($round % 2 ? 'listen news' : 'unlisten *')) for @others;
	my $result = $console->query('SHOW PINNED');
	$_->result for @others;
	is($result->{error}, undef, '... at any time') if $round == 30;
}
$_->close for @others;
wait_until(sub { keys pinned()->%* == @cases }, 'the others to be gone');
while (my ($ptr, $client) = each %clients)
{
	$client->query('discard all');
	wait_until(sub { !pinned()->{$ptr} }, 'a client to be free');
	pass('until it has gone');
}

done_testing;
