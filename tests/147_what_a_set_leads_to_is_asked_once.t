# What comes of a SET that is repeated, by whatever clients, the server is asked once; and of anything else each time.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils ();
use Test::More;
use Wire;

my $server = Postgres->new('server', conf => 'log_statement = all');
$server->safe_psql('postgres', <<'END');
create role low login;
create schema a; create schema b;
create function set_98(int) returns text language sql as $$ select set_config('work_mem', '98', false) $$;
create table a.t as select 'in a' x; create table b.t as select 'in b' x;
create text search configuration a.x (copy = simple); create text search configuration b.x (copy = simple);
END
my $millpond = Millpond->new('pool', server => $server,
	databases => {
		one     => 'dbname=postgres pool_size=1',
		two     => 'dbname=postgres pool_size=2',
		started => q(dbname=postgres pool_size=1 connect_query='set work_mem = 111'),
	},
	settings => { workers => 1, server_idle_timeout => 600 });

sub client (%more) { return Wire->login($millpond, database => 'one', %more) }
sub setting ($client, $name) { return $client->value("select current_setting('$name', true)") // '' }

my $other = client();
my %start = map { $_ => setting($other, $_) } qw(work_mem search_path default_text_search_config log_min_messages);

# Another client has the server in between, so what a client has then is what the pooler takes for its wish.
sub follows ($client, $name, $expected, $what)
{
	is(setting($other, $name), $start{$name} // '', "$what: nobody else has it");
	is(setting($client, $name), $expected, '... and it follows its client');
	return;
}

# How often the server was asked while that was done. Whoever has it next has it after the question.
sub questions ($do)
{
	$other->query('select 1');
	my $from = -s $server->logfile;
	$do->();
	$other->query('select 1');
	return scalar(() = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /LOG:  statement: SELECT name, .*VALUES/g);
}

sub extended ($name, $sql) { return (Parse($name, $sql), Bind('', $name), Execute(), Sync()) }

# Repeated: in both protocols, by several clients.
for my $case ([ 'set work_mem = 99', 'work_mem', '99kB' ],
	[ q(SET SESSION "statement_timeout" TO '5s' ; ), 'statement_timeout', '5s' ],
	[ '/* a driver */ set search_path = b, "$user"', 'search_path', 'b, "$user"' ],
	[ q(set app.tenant = 'it''s me'), 'app.tenant', "it's me" ])
{
	my ($sql, $name, $expected) = @$case;
	local $start{statement_timeout} = '0';
	my ($first, $second) = map { client() } 1, 2;
	is(questions(sub { $first->query($sql) }), 1, "$sql: a question");
	is(questions(sub { $_->query($sql) for ($first, $second) x 3 }), 0, '... one for all');
	follows($_, $name, $expected, $sql) for $first, $second;
	my ($unnamed, $named, $described) = map { client() } 1 .. 3;
	is(questions(sub { is($unnamed->put(extended('', $sql))->result->{error}, undef, 'an unnamed statement') }), 0, '... asks nothing');
	is(questions(sub { $named->put(extended('s', $sql))->result }), 0, '... nor does a named one');
	is(questions(sub { $described->put(Parse('', $sql), Describe('S'), Bind(), Describe('P'), Execute(), Sync())->result }), 0,
		'... that is described');
	follows($_, $name, $expected, "$sql in the extended protocol") for $unnamed, $named, $described;
	$named->query("reset $name");
	follows($named, $name, $start{$name} // '', 'after a RESET');
	is(questions(sub { $named->put(Bind('', 's'), Execute(), Sync())->result }), 0, '... it is executed again');
	follows($named, $name, $expected, '... and again');
	$_->close for $first, $second, $unnamed, $named, $described;
}
is(questions(sub { client()->put(extended('', 'set work_mem = 100'))->result }), 1, 'the first to say it may speak the extended protocol');
is(questions(sub { client()->query('set work_mem = 100') }), 0, '... of which the others profit');
is(questions(sub { client()->query('set work_mem = 100;') }), 1, 'a text that differs in anything is another one');

# On the servers of a pool, and in another pool.
{
	my ($first, $second) = map { client(database => 'two') } 1, 2;
	my $from = -s $server->logfile;
	for my $client ($first, $second)
	{
		$client->query('set work_mem = 99');
		my $holder = client(database => 'two');
		for my $taken (0, 1)
		{
			$holder->query('begin') if $taken;
			my $row = $client->query(q(select pg_backend_pid(), current_setting('work_mem')))->{rows}[0];
			is($row->[1], '99kB', "with $taken servers taken");
		}
		$holder->query('commit');
		$holder->close;
	}
	is(scalar(() = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /VALUES/g), 1, 'another pool asks for itself, once');
	$_->close for $first, $second;
	my $low = client(user => 'low');
	is(questions(sub { $low->query('set work_mem = 99'); $low->query('select 1') }), 1, 'as that of another user does');
	$low->close;
}

my $function = $server->safe_psql('postgres', q(select 'set_98'::regproc::oid));

# What has not come about, or not alone: the server is asked.
my @set = ('set work_mem = 99', 'work_mem', '99kB');
for my $case (
	[ 'rolled back', 'begin', $set[0], 'rollback', '' ],
	[ 'to a savepoint', 'begin', 'savepoint s', $set[0], 'rollback to s', 'commit', '' ],
	[ 'in a transaction', 'begin', $set[0], 'commit', '99kB' ],
	[ 'in one text', "begin; $set[0]; rollback", '' ],
	[ 'with another behind it', "$set[0]; set work_mem = 98", '98kB' ],
	[ 'at once', Query('begin') . Query($set[0]) . Query('rollback'), '' ],
	[ 'at once, behind another', Query('set work_mem = 98') . Query($set[0]), '99kB' ],
	[ 'at once, in front of another', Query($set[0]) . Query('set work_mem = 98'), '98kB' ],
	[ 'at once, in front of a RESET', Query($set[0]) . Query('reset work_mem'), '' ],
	[ 'at once, in front of a call', Query($set[0]) . Query(q(select set_config('work_mem', '98', false))), '98kB' ],
	[ 'at once, in front of a block', Query($set[0]) . Query('do $$ begin set work_mem = 98; end $$'), '98kB' ],
	[ 'twice', Query($set[0]) x 2, '99kB' ],
	[ 'in front of an error', Parse('', $set[0]) . Bind() . Execute() . Parse('', 'nonsense') . Sync(), '' ],
	[ 'in front of one at execution', Parse('', $set[0]) . Bind() . Execute() . Parse('', 'select 1/0') . Bind() . Execute() . Sync(), '' ],
	[ 'behind one', Parse('', 'nonsense') . Parse('', $set[0]) . Bind() . Execute() . Sync(), '' ],
	[ 'between BEGIN and ROLLBACK', join('', map { extended('', $_) } 'begin', $set[0], 'rollback'), '' ],
	[ 'between them, before a Sync', join('', map { Parse('', $_) . Bind() . Execute() } 'begin', $set[0], 'rollback') . Sync(), '' ],
	[ 'with a Query behind it', Parse('', $set[0]) . Bind() . Execute() . Query('rollback'), '' ],
	[ 'without a Sync, executed twice', Parse('', $set[0]) . (Bind() . Execute()) x 2 . Sync(), '99kB' ],
	[ 'with half a SELECT behind it', Query($set[0]) . Parse('', 'select set_98(i) from generate_series(1, 2) i') . Bind()
			. Execute('', 1) . Sync(), '98kB' ],
	[ 'with half a SELECT beside it', Parse('', $set[0]) . Bind() . Execute() . Parse('', 'select set_98(i) from generate_series(1, 2) i')
			. Bind() . Execute('', 1) . Sync(), '98kB' ],
	[ 'with a function called behind it', Query($set[0]) . FunctionCall($function, 1), '98kB' ],
	[ 'with a SELECT behind it', Query($set[0]) . Query('select set_98(1)'), '98kB' ],
	[ 'not executed', Parse('', $set[0]) . Bind() . Sync(), '' ],
	[ 'not executed, but a SELECT is', Parse('s', $set[0]) . Bind('p', 's') . Parse('', 'select 1') . Bind() . Execute() . Sync(), '' ],
	[ 'with another that is only parsed', Parse('s', $set[0]) . Bind('', 's') . Execute()
			. Parse('', 'set xmloption = document') . Sync(), '99kB' ],
	[ 'not executed, but what is none', Parse('s', $set[0]) . Bind('p', 's') . Parse('l', 'set local work_mem = 98') . Bind('q', 'l')
			. Execute('q') . Sync(), '' ],
	[ 'not executed, but what is another', Parse('s', $set[0]) . Bind('p', 's') . Parse('l', 'set work_mem = 98') . Bind('q', 'l')
			. Execute('q') . Sync(), '98kB' ],
	)
{
	my ($what, @requests) = @$case;
	my $expected = pop @requests || $start{work_mem};
	my $client = client();
	my $asked = questions(sub {
		for my $request (@requests)
		{
			$client->put($request =~ /\0/ ? $request : Query($request));
			$client->result for 1 .. ($request =~ /\0/ ? scalar(() = $request =~ /[QF]\0\0|S\0\0\0\x04/g) : 1);
		}
		$client->query('select 1');
	});
	is($asked, 1, "$what: a question");
	follows($client, 'work_mem', $expected, $what);
	$client->close;
}
is(questions(sub { client()->query($set[0]) }), 0, '... after all that the answer is still known');
follows(my $known = client(), 'work_mem', $start{work_mem}, 'who does not ask has nothing');
$known->query($set[0]);
follows($known, $set[1], $set[2], 'who does has it');
$known->close;

# What is refused.
{
	my ($high, $low) = map { client() } 1, 2;
	my $sql = 'set log_min_messages = error';
	$high->query($sql);
	is(questions(sub { $high->query($sql) }), 0, "$sql is known");
	$low->query('set role low');
	is(questions(sub { is($low->query($sql)->{error}{C}, '42501', '... but who may not') }), 1, '... has it asked');
	follows($low, 'log_min_messages', $start{log_min_messages}, '... and does not have it');
	is(questions(sub { $low->query('set work_mem = 103') }), 1, 'what has another role sets something');
	is(questions(sub { $high->query('set work_mem = 103') }), 0, '... and so does another client');
	follows($high, 'work_mem', '103kB', '... to the same');
	$_->close for $high, $low;
}

# What may come of the same text at different times: the server is asked each time.
for my $case (
	[ 'set work_mem from current', 'work_mem', 'set work_mem = 77', '77kB', 'set work_mem = 78', '78kB' ],
	[ 'set default_text_search_config = x', 'default_text_search_config', 'set search_path = a', 'a.x', 'set search_path = b', 'b.x' ],
	[ q(set app.tenant = U&'!00fc' UESCAPE '!'), 'app.tenant', q(set client_encoding = 'UTF8'), "\xc3\xbc", q(set client_encoding = 'LATIN1'), "\xfc" ],
	[ q(set app.tenant = 'a\\\\b'), 'app.tenant', 'set standard_conforming_strings = on', 'a\\\\b', 'set standard_conforming_strings = off', 'a\\b' ],
	[ 'set search_path = a, b', 'search_path', 'set quote_all_identifiers = off', 'a, b', 'set quote_all_identifiers = on', '"a", "b"' ],
	[ q(set client_encoding = 'LATIN2'), 'app.tenant', "set app.tenant = '\xc3\xbc'", "\xfc", "set app.tenant = '\xc3\xa4'", "\xe4" ],
	)
{
	my ($sql, $name, @before) = @$case;
	while (my ($before, $expected) = splice @before, 0, 2)
	{
		my $client = client();
		$client->query($_) for $before, $sql;
		follows($client, $name, $expected, "$sql behind $before");
		$client->close;
	}
}
for my $sql ('set work_mem = default', 'reset work_mem', "set work_mem = '$start{work_mem}'", q(select set_config('work_mem', '99', false)),
	'set session characteristics as transaction isolation level serializable', q(set schema 'b'), 'set role low', 'set role = low',
	q(set app.tenant = ') . 'x' x 300 . q('), "set app.tenant = '\xc3\xbc'", 'set work_mem = 99; select 1', 'set work_mem = 99;;')
{
	is(questions(sub { for (1, 2) { my $client = client(); $client->query('set work_mem = 99'); $client->query($sql); $client->close } }), 2,
		"$sql: a question each time");
}

# Whoever leaves has left nothing.
{
	my $leaver = client();
	$leaver->put(Query($set[0]), Terminate());
	$leaver->closed;
	is(setting($other, 'work_mem'), $start{work_mem}, 'one that leaves leaves nothing');
	my $still = client();
	$still->query($set[0]);
	follows($still, 'work_mem', '99kB', 'one that stays');
	$still->close;
	is(setting($other, 'work_mem'), $start{work_mem}, '... and leaves at rest');
}

# What is parsed behind it is read by it.
{
	my ($in_a, $in_b) = map { client() } 1, 2;
	$in_b->query("set search_path = $_") for qw(a b);
	$in_a->query('set search_path = a');
	$in_b->query('reset search_path');
	is(questions(sub {
		$in_b->put(Parse('', 'set search_path = b'), Bind(), Execute(), Parse('s', 'select x from t'), Sync())->result }),
		0, 'a statement is parsed behind a SET that is known');
	$in_a->put(Parse('s', 'select x from t'), Sync())->result;
	for my $round (1, 2)
	{
		is($in_a->put(Bind('', 's'), Execute(), Sync())->result->{rows}[0][0], 'in a', "... round $round: others have their own");
		is($in_b->put(Bind('', 's'), Execute(), Sync())->result->{rows}[0][0], 'in b', '... as it has');
	}
	$_->close for $in_a, $in_b;
}

# A client with as much as can follow keeps its server, as without.
{
	my $client = client();
	$client->query("set app.n$_ = 1") for 1 .. 49;
	my $sure = client();
	$sure->query($_) for 'set app.last = 1', 'set app.more = 1';
	$sure->close;
	$client->query('set app.last = 1');
	is_deeply([ $millpond->console('SHOW PINNED') ], [], '50 settings follow');
	is(questions(sub { $client->query('set app.last = 1') }), 0, '... though nothing is asked');
	$client->query('set app.more = 1');
	is(($millpond->console('SHOW PINNED'))[0]{reason}, 'settings that cannot follow it', '... and with one more it is pinned');
	$client->close;
	is(setting($other, 'app.more'), '', '... which is nobody else\'s');
}

# Where a server starts may change; what is set to just that is no wish.
{
	my $client = client(database => 'started');
	my $mate   = client(database => 'started');
	for my $value (222, 111)
	{
		$client->query("set work_mem = $value");
		is(setting($mate, 'work_mem'), '111kB', 'where connect_query leads');
		is(setting($client, 'work_mem'), "${value}kB", "... a client has set $value");
	}
	$client->query('set work_mem = 222');
	$client->query('set work_mem = 111');
	$millpond->reconfigure(databases => { started => q(dbname=postgres pool_size=1 connect_query='set work_mem = 222') });
	$millpond->console('RECONNECT started');
	is(setting($mate, 'work_mem'), '222kB', 'another connect_query');
	$client->query('set work_mem = 222');
	for my $round (1, 2)
	{
		is(setting($_, 'work_mem'), '222kB', "... round $round: a client has set the same") for $mate, $client;
	}
	$millpond->reconfigure(databases => { started => q(dbname=postgres pool_size=1 connect_query='set work_mem = 333') });
	$millpond->console('RECONNECT started');
	is(setting($_, 'work_mem'), '333kB', '... and goes on with the next one') for $mate, $client;
	$_->close for $client, $mate;
}

# Statements that are not looked at.
{
	$millpond->reconfigure(settings => { max_prepared_statements => 0 });
	my $client = client();
	$client->query($set[0]);
	is(questions(sub { $client->query($set[0]) }), 0, 'without max_prepared_statements');
	$client->query('reset work_mem');
	for my $requests ([ Parse('l', 'set local work_mem = 98'), Sync() ], [ Parse('', $set[0]), Bind('', 'l'), Execute(), Sync() ])
	{
		$client->put(@$requests)->result;
	}
	follows($client, 'work_mem', $start{work_mem}, '... a statement that is parsed and not executed');
	$client->close;
	$millpond->reconfigure(settings => { max_prepared_statements => 200 });
	is(questions(sub { my $late = client(); $late->query($set[0]); $late->close }), 0, '... teaches nobody anything');
}

# So many texts, and no more.
{
	my $client = client();
	$client->query("set app.n = $_") for 1 .. 1024;
	is(questions(sub { $client->query("set app.n = $_") for 1, 2, 1024 }), 0, '1024 texts are known');
	$client->query('set app.n = 1025');
	is(questions(sub { $client->query("set app.n = $_") for 1, 2, 1025 }), 0, '... and one more');
	is(questions(sub { $client->query('set app.n = 3') }), 1, '... in the place of the one not used for longest');
	$client->close;
}

$other->close;
$millpond->stop;
done_testing;
