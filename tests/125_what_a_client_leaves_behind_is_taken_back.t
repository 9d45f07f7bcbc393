# What a client has set, prepared or listened to is nobody else's, whichever way it was done and however quickly it left.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', q(create schema a; create schema b;
	create table a.t as select 'in a' x; create table b.t as select 'in b' x;
	create table a.k (k text); create table b.k (k int);
	create text search configuration c1 (copy = simple); create role joe login;));
my $one      = 'pool_size=1 dbname=postgres';
my $millpond = Millpond->new('pool', server => $server,
	settings  => { track_extra_parameters => 'search_path, default_text_search_config, log_statement' },
	databases => { (map { $_ => $one } qw(left set fresh parsed failed heard)),
		session => "$one pool_mode=session", joe => "$one user=joe connect_query='select 1'" });
my %by_a = (search_path => 'a');

sub client ($database, %wishes) { return Wire->login($millpond, database => $database, %wishes) }
sub path ($client) { return $client->value('show search_path') }

# Says something and is gone before the answer comes.
sub says_and_leaves ($client, $database, $sql)
{
	my $count = $millpond->pool($database)->{cl_active};
	$client->put(Query($sql));
	$client->close;
	wait_until(sub { my $pool = $millpond->pool($database); $pool->{cl_active} < $count && !$pool->{sv_active} }, 'it to be gone');
	return;
}

my $other = client('left', %by_a);
for (1 .. 4)
{
	my $client = client('left', %by_a);
	is(path($client), 'a', 'what a client wishes');
	says_and_leaves($client, 'left', 'set search_path = b');
	is(path($other), 'a', '... the next has, though the one before has set something else and left');
}
my $plain = client('left');
my $own   = path($plain);
says_and_leaves(client('left'), 'left', 'set search_path = b');
is(path($plain), $own, '... as does one that wishes nothing');

my ($sets, $next) = map { client('set', %by_a) } 1 .. 2;
path($next);
my %ways = ('set_config()' => q(select pg_catalog.set_config('search_path', 'b', false)),
	'DO' => q(do $$begin execute 'set search_path = b'; end$$));
for my $way (sort keys %ways)
{
	is($sets->query($ways{$way})->{error}, undef, "$way sets it");
	is(path($next), 'a', '... for nobody else');
	is(path($sets), 'b', '... and follows it');
}
$sets->put(Parse('', $ways{'set_config()'}), Bind(), Execute(), Sync())->result;
is(path($next), 'a', 'nor in the other protocol');

# As much of a message as the pooler gets to see at once, and then the rest.
sub put_in_two ($client, $first, $rest)
{
	my $received = sub { ($millpond->console('SHOW STATS WHERE database = set'))[0]{total_received} };
	my $before   = $received->();
	$client->put($first);
	wait_until(sub { $received->() > $before }, 'the first half');
	return $client->put($rest)->result;
}
my $message = Query($ways{'set_config()'});
$sets->query('begin');
is(put_in_two($sets, unpack('a12 a*', $message))->{types}, 'TDCZ', 'a message in two pieces');
$sets->query('commit');
is(path($next), 'a', '... sets it for nobody else');
my $long = q(select ') . 'x' x 600_000 . q(', set_config('search_path', 'b', false));
is($sets->query($long)->{types}, 'TDCZ', 'a long one');
is(path($next), 'a', '... sets it for nobody else');

# Where prepared statements are not followed.
my $plain_pool = Millpond->new('plain', server => $server,
	settings  => { track_extra_parameters => 'search_path', max_prepared_statements => 0, server_reset_query => '' },
	databases => { transaction => $one, session => "$one pool_mode=session" });
for my $mode (qw(transaction session))
{
	for my $request (Query($ways{'set_config()'}),
		Parse('', $ways{'set_config()'}) . Bind() . Execute() . Sync())
	{
		my $leaves = Wire->login($plain_pool, database => $mode, %by_a);
		is(path($leaves), 'a', "another pooler, $mode mode");
		is($leaves->put($request)->result->{error}, undef, '... it is set');
		$leaves->close;
		is(path(Wire->login($plain_pool, database => $mode, %by_a)), 'a', '... for nobody else');
	}
}

($sets, $next) = map { client('fresh') } 1 .. 2;
$sets->query('set search_path = b');
is(path($next), $own, 'a server on which nobody has wished it yet is no different');

my $session = client('session', %by_a);
is(path($session), 'a', 'a session has what it came with');
$session->query('set search_path = b');
$session->query('discard all');
is(path($session), 'a', '... again after DISCARD ALL');

# joe may not set log_statement, though it is listed.
my $joe = client('joe');
path($joe);
$joe->query('set search_path = b');
is(client('joe')->query('select 1')->{error}, undef, 'what may not be set stands in nobody\'s way');

my ($parses, $uses) = map { client('parsed', %by_a) } 1 .. 2;
path($uses);
$parses->query($_) for 'begin', 'set search_path = b';
$parses->put(Parse('s', 'select k from k where k = $1'), Sync())->result;
$parses->query('rollback');
is($uses->put(Parse('s', 'select k from k where k = $1'), Bind('', 's', 'x'), Execute(), Sync())->result->{error}, undef,
	'a statement that was parsed where names mean something else is not the next one\'s');

my %wish = (default_text_search_config => 'public.c1');
my ($leaves, $stays) = map { client('failed', %wish) } 1 .. 2;
is($stays->value('show default_text_search_config'), 'public.c1', 'another wish');
client('failed')->query('drop text search configuration public.c1');
says_and_leaves($leaves, 'failed', 'select 1');
isnt($stays->query('show default_text_search_config')->{error}, undef, '... that fails for one who has left, fails for the next as well');

my $hears = client('heard');
$hears->query('select 1');
says_and_leaves(client('heard'), 'heard', 'listen x');
is($hears->query('notify x')->{types}, 'CZ', 'what one has listened to and left, nobody else hears');
says_and_leaves(client('heard'), 'heard', 'select 1; prepare zz as select 1');
is($hears->value('select count(*) from pg_prepared_statements'), 0, 'nor is what it has prepared there');

done_testing;
