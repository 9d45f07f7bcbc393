# What track_extra_parameters lists may be a startup parameter, and is the client's own on whatever server it gets.
use v5.36;
use EmbeddedPostgres;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils ();
use Test::More;
use Wire;

my $server = Postgres->new;
my $setup  = q(create schema a; create schema b; create schema "a,b";
	create table a.t as select 'in a' x; create table b.t as select 'in b' x; create table b.u as select 'b.u' x);
$server->safe_psql('postgres', $setup);
my $millpond = Millpond->new('pool', server => $server,
	settings  => { track_extra_parameters => 'IntervalStyle , Search_Path,temp_tablespaces,work_mem, session_authorization,nonsense',
		track_session_parameters => 0 },
	databases => {
		postgres => 'pool_size=1',
		two      => 'pool_size=2 dbname=postgres',
		session  => 'pool_size=1 dbname=postgres pool_mode=session',
	});

sub refusal (%parameters)
{
	my $result = Wire->connect($millpond)->startup(%parameters)->result;
	return $result->{error} ? $result->{error}{M} : 'none';
}

sub path ($client) { return $client->value('show search_path') }

my $own = path(Wire->login($server));

# Whatever is asked for, and however.
for my $value ('a', 'a,b', 'a, "a,b"', q("it's", b), '', '"$user"', "\xc3\xbc", 'b\\c')
{
	my $direct = Wire->login($server, search_path => $value);
	my $client = Wire->login($millpond, search_path => $value);
	is(path($client), path($direct), "search_path=$value is what it is without a pooler");
	is($client->value('select current_schemas(false)'), $direct->value('select current_schemas(false)'),
		'... and means the same');
	$_->close for $client, $direct;
}
is(path(Wire->login($millpond, options => '-c SEARCH_PATH=a,b')), 'a,b', 'in options');
is(path(Wire->login($millpond, options => '--search-path=b,a')), 'b,a', '... of the other kind');
my $client = Wire->login($millpond, work_mem => '5MB', temp_tablespaces => '');
is($client->value('show work_mem'), '5MB', 'another one');
is($client->{parameters}{work_mem}, undef, 'which the client is not told, as the server does not tell it');
is(Wire->login($millpond)->value('show work_mem'), Wire->login($server)->value('show work_mem'),
	'and who comes next has the own one of the server');
is(refusal(statement_timeout => 5), 'unsupported startup parameter: statement_timeout', 'one that is not listed');
is(refusal(session_authorization => 'x'), 'unsupported startup parameter: session_authorization',
	'one that may not be set, listed or not');
is(Wire->login($millpond, IntervalStyle => 'iso_8601')->value('show intervalstyle'), 'iso_8601', 'the default one');

# What the server refuses is the client's own trouble.
for (1 .. 2)
{
	like(Wire->login($millpond, nonsense => 1)->query('select 1')->{error}{M},
		qr/unrecognized configuration parameter "nonsense"/, 'one that does not exist');
	is(path(Wire->login($millpond)), $own, '... is nobody else\'s trouble');
}

# Each its own, on one server.
my %wish    = (a => 'a', ab => 'a,b', b => 'b');
my %clients = ((map { $_ => Wire->login($millpond, search_path => $wish{$_}) } keys %wish), plain => Wire->login($millpond));
for my $round (1 .. 2)
{
	is(path($clients{$_}), $wish{$_} // $own, "round $round: $_ has its own") for sort keys %clients;
	is($clients{b}->value('select x from t'), 'in b', '... and finds its tables');
	is($clients{ab}->value('select x from u'), 'b.u', '... also further back in the path');
}

# And on another one, when the first is taken.
my @pair = map { Wire->login($millpond, database => 'two', search_path => $_) } 'a', 'b';
my $holder = Wire->login($millpond, database => 'two');
my %pids;
for my $taken (0, 1)
{
	$holder->query('begin') if $taken;
	for my $which (0, 1, 0)
	{
		my $row = $pair[$which]->query(q(select x, pg_backend_pid() from t))->{rows}[0];
		is($row->[0], $which ? 'in b' : 'in a', "server ${\ ($taken + 1) }: the client's own tables");
		$pids{ $row->[1] } = 1;
	}
}
$holder->query('commit');
is(scalar keys %pids, 2, '... on two servers');

# What a client changes by itself stays with nobody; with track_session_parameters, with itself.
for my $sql ('set search_path = b', 'reset search_path', 'reset all', 'discard all', 'begin; set search_path = b; commit')
{
	$clients{a}->query($sql);
	is(path($clients{a}), 'a', "$sql: the client's own comes back with its next transaction");
	$clients{a}->query($sql);
	is(path($clients{plain}), $own, '... and nobody else has what it set');
}
$clients{a}->query('begin');
$clients{a}->query('set search_path = b');
is($clients{a}->value('select x from t'), 'in b', 'in the same transaction it counts');
$clients{a}->query('rollback');
is(path($clients{a}), 'a', '... which ends');

# What was in force may be in doubt: a value is refused, or a transaction rolled back for a client that left.
path($clients{ab});
like(Wire->login($millpond, TimeZone => 'Nowhere')->query('select 1')->{error}{M}, qr/invalid value/, 'a client fails');
is(path($clients{plain}), $own, '... and leaves nothing of another one');
my $leaver = Wire->login($millpond, search_path => 'b');
$leaver->query(q(begin; set timezone to 'Asia/Tokyo'));
$leaver->close;
wait_until(sub { $millpond->pool->{sv_active} == 0 }, 'the rollback');
is(path($clients{plain}), $own, 'who leaves in a transaction takes its own along');

# In session mode nothing is taken back before the end, and then all, with whichever query.
for my $query ('DISCARD ALL', 'DEALLOCATE ALL', '')
{
	$millpond->reconfigure(settings => { server_reset_query => $query });
	my $first = Wire->login($millpond, database => 'session', search_path => 'a');
	is(path($first), 'a', "server_reset_query='$query': a session's own");
	$first->query('set search_path = b');
	is(path($first), 'b', '... until it sets another');
	$first->close;
	is(path(Wire->login($millpond, database => 'session')), $own, '... is not the next one\'s');
	is(path(Wire->login($millpond, database => 'session', search_path => 'a')), 'a', '... which may wish it, too');
}

# One server of a pool may not know what another one does. No query runs there without it.
my $flag = PostgreSQL::Test::Utils::tempdir() . '/older';
my $fake = FakeServer->new(query => sub ($c, $sql) {
	$c->{is_older} //= -e $flag;
	return 0 if !$c->{is_older} || $sql !~ /newest/;
	$c->put(ErrorResponse('42704', 'unrecognized configuration parameter "newest"'), ReadyForQuery());
	return 1;
});
$millpond->write_config(databases => { mixed => $fake->target . ' pool_size=2' },
	settings => { track_extra_parameters => 'search_path, newest' });
$millpond->stop;
$millpond->start;
my $newest = Wire->login($millpond, database => 'mixed', newest => 1);
is($newest->value('first'), 'first', 'a newer server knows it');
put_file($flag);
$newest->query('begin');
like(Wire->login($millpond, database => 'mixed', newest => 1)->query('must not run')->{error}{M},
	qr/unrecognized configuration parameter "newest"/, 'an older one does not');
is(scalar $fake->received(qr/must not run/), 0, '... and is asked nothing');
is(Wire->login($millpond, database => 'mixed')->value('second'), 'second', '... but serves who does not wish it');
unlike(join('', $fake->received), qr/reset "newest"/i, '... which it need not be told');

# Where clients start may be what connect_query has set, of which RESET knows nothing.
my $umlaut = "\xc3\xbc";
$server->safe_psql('postgres', qq(create schema "$umlaut"));
for my $case ([ 'b', 'b' ], [ q(''''), '""' ], [ qq("$umlaut", "a,b"), qq("$umlaut", "a,b") ])
{
	my ($start, $shown) = @$case;
	$millpond->reconfigure(
		databases => { started => "dbname=postgres pool_size=1 connect_query='set search_path = $start'" });
	my ($plain, $wishing, $other) = map { Wire->login($millpond, database => 'started', %$_) }
		{}, { search_path => 'a' }, { client_encoding => 'LATIN1' };
	is($plain->{parameters}{search_path}, undef, "connect_query has set $shown: it is not told");
	for my $round (1, 2)
	{
		is(path($plain), $shown, "... round $round: it is what clients start with");
		is(path($wishing), 'a', '... unless they wish something else');
		is(path($other), $shown =~ s/$umlaut/\xfc/r, '... in every encoding');
		$wishing->query('set search_path = nowhere');
	}
	$_->close for $plain, $wishing, $other;
}
$millpond->reconfigure(settings => { server_reset_query => 'DISCARD ALL' },
	databases => { started => "dbname=postgres pool_size=1 pool_mode=session connect_query='set search_path = b'" });
for my $who ('the first session', 'the next one, after a reset')
{
	my $client = Wire->login($millpond, database => 'started');
	is(path($client), 'b', "$who has it");
	$client->close;
}

# It takes a restart.
$millpond->write_config(settings => { track_extra_parameters => undef });
my $console = Wire->login($millpond, database => 'pgbouncer');
$console->query('RELOAD');
is(refusal(search_path => 'a'), 'none', 'a reload changes nothing');
$millpond->stop;
$millpond->start;
is(refusal(search_path => 'a'), 'unsupported startup parameter: search_path', 'without being listed it is refused');
is(refusal(options => '-c search_path=a'), 'unsupported startup parameter in options: search_path', '... in options, too');

# From version 18 on it is reported.
SKIP:
{
	skip 'there is no PostgreSQL 18 here', 1 unless embedded_postgres(18);
	my $new = EmbeddedPostgres->new(18);
	$new->psql($setup);
	$millpond->write_config(databases => { new => $new->target . ' dbname=postgres pool_size=1', old => 'dbname=postgres' },
		settings => { track_extra_parameters => 'search_path' });
	$millpond->stop;
	$millpond->start;
	my ($one, $two, $none) = map { Wire->login($millpond, database => 'new', %$_) }
		{ search_path => 'a,b' }, { search_path => 'b, a' }, {};
	is($one->{parameters}{search_path}, 'a,b', 'PostgreSQL 18: a client is told');
	for (1, 2)
	{
		is($one->value('select x from u'), 'b.u', '... and finds its tables');
		is($two->value('select x from t'), 'in b', '... each by its own path');
		is(path($none), $own, '... or by that of the server');
	}
	$one->query('set search_path = b');
	path($none);
	is(path($one), 'b', '... and a later change is followed');
}

done_testing;
