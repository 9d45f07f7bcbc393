# In transaction mode what a client SETs is its own on whatever server it gets, also what no server reports; nobody else has it.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new('server', conf => 'log_statement = all');
$server->safe_psql('postgres', <<'END');
create role low login;
create schema a; create schema b;
create table a.t as select 'in a' x; create table b.t as select 'in b' x;
create function timeout(text) returns text language sql as $$ select set_config('statement_timeout', $1, false) $$;
create procedure call_timeout(text) language sql as $$ select set_config('statement_timeout', $1, false) $$;
END
my $millpond = Millpond->new('pool', server => $server,
	databases => {
		postgres => 'pool_size=2',
		one      => 'dbname=postgres pool_size=1',
		started  => q(dbname=postgres pool_size=1 connect_query='set statement_timeout = 7000; set role low; set my.start = 1'),
		session  => q(dbname=postgres pool_size=1 pool_mode=session connect_query='set statement_timeout = 7000; set my.start = 1'),
		listed   => 'dbname=postgres pool_size=1',
	},
	settings => { server_idle_timeout => 600, track_extra_parameters => 'work_mem' });

sub client (%more) { return Wire->login($millpond, %more) }

my %question = map { $_ => "select current_setting('$_', true)" }
	qw(statement_timeout search_path work_mem my.tenant role default_transaction_isolation default_text_search_config);
sub setting ($client, $name) { return $client->value($question{$name}) // '' }

# On both servers of the pool, one after the other: the client has what it set, others what the server starts with.
my $plain = client();
my %start = map { $_ => setting(Wire->login($server), $_) } keys %question;

sub on_both ($client, $name)
{
	my $holder = client();
	my @seen;
	for my $taken (0, 1)
	{
		$holder->query('begin') if $taken;
		my $row = $client->query("$question{$name}, pg_backend_pid()" =~ s/\), pg/), pg/r)->{rows}[0];
		push @seen, $row->[0] // '';
		is(setting($plain, $name), $start{$name}, "... nobody else has it, with $taken servers taken");
	}
	$holder->query('commit');
	$holder->close;
	return \@seen;
}

sub follows ($client, $name, $expected, $what)
{
	is_deeply(on_both($client, $name), [ ($expected) x 2 ], $what);
	return;
}

for my $case (
	[ 'set statement_timeout = 5000', 'statement_timeout', '5s' ],
	[ q(SET SESSION statement_timeout TO '6s'), 'statement_timeout', '6s' ],
	[ q(select set_config('statement_timeout', '7s', false)), 'statement_timeout', '7s' ],
	[ 'set search_path = a, b', 'search_path', 'a, b' ],
	[ q(set schema 'b'), 'search_path', 'b' ],
	[ q(set search_path = ''), 'search_path', '""' ],
	[ q(set my.tenant = 'it''s \\ "me"'), 'my.tenant', q(it's \\ "me") ],
	[ q(set "my"."tenant" = 1), 'my.tenant', '1' ],
	[ 'set role low', 'role', 'low' ],
	[ 'set session characteristics as transaction isolation level serializable', 'default_transaction_isolation', 'serializable' ],
	[ 'begin; set work_mem = 77; savepoint s; set work_mem = 88; rollback to s; commit', 'work_mem', '77kB' ],
	[ 'select 1; set work_mem = 99;', 'work_mem', '99kB' ],
	[ 'do $$ begin set work_mem = 111; end $$; set work_mem to 112', 'work_mem', '112kB' ],
	)
{
	my ($sql, $name, $expected) = @$case;
	for my $back ("reset $name", "set $name to default", 'reset all', 'discard all')
	{
		my $client = client();
		is($client->query($sql)->{error}, undef, $sql);
		follows($client, $name, $expected, '... follows its client');
		if ($name eq 'role' && $back eq 'reset all')
		{
			$client->query($back);
			follows($client, $name, $expected, "... $back does not reset a role");
			$client->close;
			next;
		}
		$client->query($back);
		follows($client, $name, $start{$name}, "... $back leads back");
		$client->query($sql);
		$client->query("begin; $back; rollback") unless $back eq 'discard all';
		follows($client, $name, $expected, '... but not if it is rolled back');
		$client->close;
	}
}

# What is not for longer than the transaction.
{
	my $client = client();
	for my $sql ('begin; set local work_mem = 78; commit', 'begin; set work_mem = 78; rollback',
		q(select set_config('work_mem', '78', true)))
	{
		$client->query($sql);
		follows($client, 'work_mem', $start{work_mem}, "$sql: nothing remains");
	}
	$client->query('set work_mem = 77');
	$client->query($_) for 'begin', 'set work_mem = 78', 'rollback';
	follows($client, 'work_mem', '77kB', 'what was set before a transaction that is rolled back remains');
	is($client->query('set nonsense = 1')->{error}{C}, '42704', 'what the server refuses');
	follows($client, 'work_mem', '77kB', '... changes nothing');
}

# The server is asked only after what may have set something.
sub statements ($sql)
{
	my $client = client(database => 'one');
	$client->query('select 1');
	my $from = -s $server->logfile;
	$client->query($_) for @$sql;
	$client->query("select 'the end'");
	$client->close;
	my @seen = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /LOG:  (?:statement|execute [^:]*): (.*)/g;
	return [ map { /VALUES/ ? 'the question' : $_ } grep { !/the end/ } @seen ];
}
for my $sql ('select 1', q(select set_config('work_mem', '78', true)), 'set local work_mem = 78', 'update t set x = 1')
{
	is_deeply(statements([$sql]), [$sql], "$sql: nothing is asked");
}
is_deeply(statements([ 'set work_mem = 78', 'select 1', 'select 2' ]), [ 'set work_mem = 78', 'the question', 'select 1', 'select 2' ],
	'a SET: one question');
is_deeply(statements([ 'begin', 'set work_mem = 78', 'set statement_timeout = 0', 'commit' ]),
	[ 'begin', 'set work_mem = 78', 'set statement_timeout = 0', 'commit', 'the question' ],
	'a transaction: one question when it is over');

# Many clients on one server, each its own, in both protocols.
{
	my @clients = map { client(database => 'one') } 0 .. 3;
	$clients[0]->query('set my.tenant = zero');
	$clients[1]->put(Parse('', 'set my.tenant = one'), Bind(), Execute(), Sync())->result;
	$clients[2]->put(Parse('s', q(select set_config('my.tenant', $1, false))), Bind('', 's', 'two'), Execute(), Sync())->result;
	for my $round (1, 2)
	{
		is_deeply([ map { setting($_, 'my.tenant') } @clients ], [ qw(zero one two), '' ], "round $round: each has its own");
	}
	$clients[2]->put(Bind('', 's', 'TWO'), Execute(), Sync())->result;
	is_deeply([ map { setting($_, 'my.tenant') } @clients ], [ qw(zero one TWO), '' ], 'set by a statement prepared before');
	$clients[1]->query('prepare p as select set_config(\'my.tenant\', $1, false)');
	is(setting($clients[1], 'my.tenant'), 'one', 'PREPARE sets nothing');
	$clients[1]->query(q(execute p('ONE')));
	is_deeply([ map { setting($_, 'my.tenant') } @clients ], [ qw(zero ONE TWO), '' ], '... EXECUTE does');
	$clients[3]->put(Parse('', 'set my.tenant = three'), Bind(), Execute(), Flush());
	is($clients[3]->get->[0], '1', 'in a pipeline without a Sync');
	$clients[3]->put(Sync())->result;
	is_deeply([ map { setting($_, 'my.tenant') } @clients ], [ qw(zero ONE TWO three) ], '... it follows as well');
	$_->close for @clients;
	is(setting(client(database => 'one'), 'my.tenant'), '', 'with its clients it goes');
}

# By a function: what one client has set before is looked at.
{
	my ($client, $other) = map { client(database => 'one') } 0, 1;
	$client->query('set statement_timeout = 9000');
	for my $case ([ q(do $$ begin perform timeout('11s'); end $$), '11s' ],
		[ q(call call_timeout('12s')), '12s' ])
	{
		my ($sql, $expected) = @$case;
		$client->query($sql);
		is(setting($other, 'statement_timeout'), $start{statement_timeout}, "$sql: it is nobody else's");
		is(setting($client, 'statement_timeout'), $expected, '... and follows its client');
	}
	$_->close for $client, $other;
}

# In a part of a text that is not looked at.
{
	my ($client, $other) = map { client(database => 'one') } 0, 1;
	$client->query('set my.tenant = known');
	is($client->query(q(select ') . 'x' x 600_000 . q(', set_config('my.tenant', 'far behind', false)))->{error}, undef, 'a long text');
	is(setting($other, 'my.tenant'), '', '... sets it for nobody else');
	is(setting($client, 'my.tenant'), 'far behind', '... and it follows its client');
	$_->close for $client, $other;
}

# What only another role may set, and take back.
{
	$server->safe_psql('postgres', 'grant postgres to low; alter role low noinherit');
	my ($client, $other) = map { Wire->login($millpond, database => 'one', user => 'low') } 0, 1;
	my $all = q(select current_user || ' ' || current_setting('log_min_messages'));
	for my $sql (q(set role postgres; set log_min_messages = 'error'; reset role), q(begin; set role postgres; set log_min_messages = 'error'),
		q(begin; set role postgres; set log_min_messages = 'error'; reset role))
	{
		my $leaver = Wire->login($millpond, database => 'one', user => 'low');
		is($leaver->query($sql)->{error}, undef, $sql);
		$leaver->close if $sql =~ /begin/;
		is($other->value($all), 'low warning', '... nobody else has it');
		$leaver->close if $sql !~ /begin/;
	}
	$_->close for $client, $other;
	$server->safe_psql('postgres', 'revoke postgres from low; alter role low inherit');
}

# Values of all encodings.
{
	my ($utf, $latin) = (client(database => 'one'), client(database => 'one', client_encoding => 'LATIN1'));
	$utf->query("set my.tenant = '\xc3\xbc'");
	$latin->query("set my.tenant = '\xe4'");
	is(setting($utf, 'my.tenant'), "\xc3\xbc", 'a value in UTF8');
	is(setting($latin, 'my.tenant'), "\xe4", '... and in LATIN1');
	$latin->query("set client_encoding = 'UTF8'");
	is(setting($utf, 'my.tenant'), "\xc3\xbc", '... each its own');
	is(setting($latin, 'my.tenant'), "\xc3\xa4", '... also when the client has gone over to another one');
	$_->close for $utf, $latin;
}

# Names mean what they mean to the client that uses them.
{
	my ($in_a, $in_b) = map { client(database => 'one') } 0, 1;
	$in_a->query('set search_path = a');
	$in_b->put(Parse('', 'set search_path = b'), Bind(), Execute(), Parse('s', 'select x from t'), Bind('', 's'), Execute(), Sync())
		->result;
	$in_a->put(Parse('s', 'select x from t'), Sync())->result;
	for my $round (1, 2)
	{
		is($in_a->put(Bind('', 's'), Execute(), Sync())->result->{rows}[0][0], 'in a', "round $round: a statement prepared by one");
		is($in_b->put(Bind('', 's'), Execute(), Sync())->result->{rows}[0][0], 'in b', '... by one who has just set the path');
	}
	$in_b->query('set search_path = a');
	is($in_b->put(Bind('', 's'), Execute(), Sync())->result->{rows}[0][0], 'in a', '... and after it has set another');
	$_->close for $in_a, $in_b;
}

# ... in SQL's PREPARE, too, which a ROLLBACK leaves there.
{
	$server->safe_psql('postgres', 'create table a.k (k text); create table b.k (k int)');
	my ($one, $other) = map { client(database => 'one') } 0, 1;
	my $prepare = 'prepare p as select k from k where k = $1';
	$_->query('set search_path = a') for $one, $other;
	$one->query($prepare);
	$other->query($_) for 'begin', 'set search_path = b', $prepare, 'rollback';
	is($one->query(q(execute p('x')))->{error}, undef, 'a PREPARE by one who had just set the path is not the other\'s');
	$_->close for $one, $other;
}

# Another role: last of all that is set, first of all that is taken back.
{
	my ($high, $low) = map { client(database => 'one') } 0, 1;
	my $from = $millpond->log_end;
	$low->query(q(set log_min_messages = 'error'; set role low));
	for my $round (1, 2)
	{
		is_deeply($low->query('select current_user, current_setting(\'log_min_messages\')')->{rows}[0], [qw(low error)],
			"round $round: a role, and what it may not set");
		is_deeply($high->query('select current_user, current_setting(\'log_min_messages\')')->{rows}[0], [qw(postgres warning)],
			'... nobody else has it');
	}
	is($low->query('create role lower')->{error}{C}, '42501', 'it may no more than that role');
	unlike($millpond->log_since($from), qr/its user was changed/, 'the server is kept');
	$_->close for $high, $low;
}

# What connect_query has set is where clients start.
{
	my ($client, $other) = map { client(database => 'started') } 0, 1;
	my $all = q(select current_setting('statement_timeout'), current_user, current_setting('my.start'));
	is_deeply($other->query($all)->{rows}[0], [ qw(7s low 1) ], 'connect_query has set something');
	for my $back ('reset statement_timeout; reset role; reset my.start', 'reset all; reset role', 'discard all')
	{
		$client->query(q(set statement_timeout = '8s'; set role postgres; set my.start = 2));
		for my $round (1, 2)
		{
			is_deeply($client->query($all)->{rows}[0], [ qw(8s postgres 2) ], "round $round: a client sets something else");
			is_deeply($other->query($all)->{rows}[0], [ qw(7s low 1) ], '... others start with that');
		}
		$client->query(q(set statement_timeout = '7s'; set role low; set my.start = 1));
		is_deeply($client->query($all)->{rows}[0], [ qw(7s low 1) ], '... as the client does, when it has set the same');
		$client->query($back);
		for my $round (1, 2)
		{
			is_deeply($other->query($all)->{rows}[0], [ qw(7s low 1) ], "round $round: $back changes nothing of that");
			is_deeply($client->query($all)->{rows}[0], [ 0, 'postgres', '' ], '... and leads its client to where the server started');
		}
	}
	$_->close for $client, $other;
}

for my $nth (1 .. 3)
{
	my $session = client(database => 'session');
	is_deeply($session->query(q(select current_setting('statement_timeout'), current_setting('my.start')))->{rows}[0], [ '7s', 1 ],
		"session $nth, behind a DISCARD ALL: what connect_query has set is there");
	$session->query('set statement_timeout = 1; set my.start = 2') if $nth == 2;
	$session->close;
}

# What a client came with.
{
	my ($client, $other) = (client(database => 'listed', work_mem => '5MB'), client(database => 'listed'));
	is(setting($client, 'work_mem'), '5MB', 'a startup parameter');
	for my $back ('reset work_mem', 'set work_mem to default', 'reset all', 'discard all')
	{
		$client->query('set work_mem = 99');
		is(setting($client, 'work_mem'), '99kB', '... is set anew');
		is(setting($other, 'work_mem'), $start{work_mem}, '... which nobody else has');
		$client->query($back);
		is(setting($client, 'work_mem'), '5MB', "... $back leads back to it");
	}
	$_->close for $client, $other;
}

# Whoever leaves takes it along, however it leaves.
{
	my $other = client(database => 'one');
	for my $how ('at rest', 'in a transaction', 'in a query')
	{
		my $client = client(database => 'one');
		$client->query('set work_mem = 99');
		$client->query('begin; set work_mem = 98; set my.left_in_transaction = 1') if $how eq 'in a transaction';
		$client->put(Query('set work_mem = 97; set my.left_in_query = gone; select pg_sleep(600)')) if $how eq 'in a query';
		wait_until(sub { $server->safe_psql('postgres', q(select count(*) from pg_stat_activity where wait_event = 'PgSleep')) },
			'the query to run') if $how eq 'in a query';
		$client->close;
		is(setting($other, 'work_mem'), $start{work_mem}, "a client leaves $how");
		is($other->value(q(select concat(current_setting('my.left_in_transaction', true), current_setting('my.left_in_query', true)))), '',
			'... and nothing remains');
	}
	$other->close;
}

# ... also without waiting for an answer.
{
	my $other = client(database => 'one');
	for my $nth (1 .. 4)
	{
		my $client = client(database => 'one');
		$client->query('select 1');
		my $count = $millpond->pool('one', 'postgres')->{cl_active};
		$client->put(Query("set my.left$nth = 1"));
		$client->close;
		wait_until(sub { my $pool = $millpond->pool('one', 'postgres'); $pool->{cl_active} < $count && !$pool->{sv_active} }, 'it to be gone');
		is($other->value("select current_setting('my.left$nth', true)") // '', '', "a client sets something and is gone, $nth");
	}
	$other->close;
}

# More than can follow: the client stays on its server, which nobody has after it.
{
	my ($many, $long) = map { client() } 0, 1;
	my $from = $millpond->log_end;
	$many->query("set my.s$_ = $_") for 1 .. 60;
	my $pid = $many->value('select pg_backend_pid()');
	is(setting(client(), 'my.tenant'), '', 'another server serves the others');
	is_deeply([ map { $many->value("select current_setting('my.s$_')") } 1, 30, 60 ], [ 1, 30, 60 ], 'many settings');
	is($many->value('select pg_backend_pid()'), $pid, '... on one server');
	like($millpond->log_since($from), qr/pinned to its server: it may have set there what can not follow it/, '... the log tells');
	is(($millpond->console('SHOW PINNED'))[0]{reason}, 'settings that cannot follow it', '... and the console');
	$many->close;
	wait_until(sub { $millpond->log_since($from) =~ /its client has set what can not be taken back/ }, 'the server to be closed');
	my $all = client();
	$all->query(join ';', map { "set my.a$_ = $_" } 1 .. 60);
	$pid = $all->value('select pg_backend_pid()');
	is($all->value("select current_setting('my.a60')"), 60, 'many at once');
	isnt(client()->value('select pg_backend_pid()'), $pid, '... on a server that nobody else gets');
	$all->close;
	for my $length (9000, 5_000_000)
	{
		my $value = 'v' x $length;
		$long->query("set my.tenant = '$value'");
		ok(setting($long, 'my.tenant') eq $value, "a value of $length bytes");
		is(scalar $millpond->console('SHOW PINNED'), 1, '... keeps it on its server');
		is(setting(client(), 'my.tenant'), '', '... is nobody else\'s');
		$long->close;
		$long = client();
	}
	$long->close;
	my $pid_of_one = client(database => 'one')->value('select pg_backend_pid()');
	for my $nth (1 .. 5)
	{
		my $client = client(database => 'one');
		$client->query(join ';', map { "set my.n$nth$_ = 1" } 1 .. 45);
		$client->close;
	}
	wait_until(sub { client(database => 'one')->value('select pg_backend_pid()') != $pid_of_one },
		'a server on which clients have set very many to be replaced');
}

# What a server does not tell, or does not take back.
{
	my $fake = FakeServer->new(query => sub ($c, $sql) {
		return 0 if $sql !~ /current_setting|RESET "y"/;
		$c->put(ErrorResponse('55000', 'not now'), ReadyForQuery());
		return 1;
	});
	$millpond->reconfigure(databases => { fake => $fake->target . ' pool_size=1' });
	for my $name (qw(x role))
	{
		my $client = client(database => 'fake');
		my $from   = $millpond->log_end;
		$client->query("set $name = 1");
		is($client->value('another'), 'another', "a server that does not tell of $name");
		like($millpond->log_since($from), qr/$name does not follow it: the server does not tell its value/, '... the log says so');
		is(scalar $fake->received(qr/RESET "$name"/), 1, '... it is taken back');
		unlike($millpond->log_since($from), qr/LOG S-.* closing because/, '... and the server is kept');
		$client->close;
	}
	my $client = client(database => 'fake');
	my $from   = $millpond->log_end;
	$client->query('set y = 1');
	is($client->value('another'), 'another', 'one that does not take it back either');
	like($millpond->log_since($from), qr/closing because: close_needed/, '... is closed');
	$client->close;
}

# What was never set need not be taken back.
{
	my $other = client(database => 'one');
	my $pid = $other->value('select pg_backend_pid()');
	my $user = Wire->login($millpond, database => 'one', user => 'low');
	$user->value('select 1');
	for my $sql ('set nonsense = 1', 'set log_min_messages = error', 'set search_path = a; set nonsense = 1')
	{
		for my $who ($other, $user)
		{
			my $client = Wire->login($millpond, database => 'one', user => $who == $other ? 'postgres' : 'low');
			my $pid = $who->value('select pg_backend_pid()');
			$client->query('begin');
			$client->query($sql);
			$client->close;
			is($who->value('select pg_backend_pid()'), $pid, "$sql, and leaves: the server is kept");
			is(setting($who, 'search_path'), $start{search_path}, '... and nothing remains');
		}
	}
	$_->close for $other, $user;
}

# Without it, it stays behind, as with PgBouncer.
{
	$millpond->reconfigure(settings => { track_session_parameters => 0 });
	my ($client, $other) = map { client(database => 'one') } 0, 1;
	$client->query('set my.tenant = stays');
	is(setting($other, 'my.tenant'), 'stays', 'without track_session_parameters');
	$millpond->reconfigure(settings => { track_session_parameters => 1 });
	$client->query('set my.tenant = mine');
	is(setting($other, 'my.tenant'), '', 'with it again');
	is(setting($client, 'my.tenant'), 'mine', '... it follows');
	$_->close for $client, $other;
}

done_testing();
