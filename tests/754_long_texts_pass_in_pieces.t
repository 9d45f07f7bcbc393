# A Query that is too long to be kept goes to the server as it comes, and what it does to prepared statements is followed all the
# same, or else its client stays where it is. No other client's statements are there for it.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 1 });
$server->safe_psql('postgres', 'create table t (a text)');
my ($one, $other) = map { Wire->login($millpond) } 1, 2;
my $long = 16_000_000;

sub grown_by ($code)
{
	my $before = $millpond->memory_kb('VmHWM');
	$code->();
	return $millpond->memory_kb('VmHWM') - $before;
}

# --- memory ---------------------------------------------------------------------------------------

my $z     = 'z' x $long;
my %texts = (
	'a comment in front'   => "/* from an application */ insert into t values ('$z')",
	'another one'          => "-- from an application\ninsert into t values ('$z')",
	'a blank in front'     => " insert into t values ('$z')",
	'DO'                   => "do \$\$ begin perform length('$z'); end \$\$",
	'EXPLAIN'              => "explain insert into t values ('$z')",
	'CREATE'               => "create or replace function f() returns text language sql return length('$z')::text",
	'INSERT'               => "insert into t values ('$z')",
	'with backslashes'     => "insert into t values ('" . '\\' x $long . "')",
	'in a transaction'     => "begin; insert into t values ('$z'); commit",
	'EXECUTE of a large value' => "execute by_sql('$z')",
);
for my $named (0, 1)
{
	if ($named)
	{
		$one->put(Parse('by_message', 'select 1'), Sync())->result;
		$one->query('prepare by_sql (text) as insert into t values ($1)');
	}
	for my $text (sort keys %texts)
	{
		my $is_execute = $text =~ /EXECUTE/;
		my $result;
		my $grown = grown_by(sub { $result = $one->put(Query($texts{$text}))->result('Z', 120) });
		is($result->{error} && $result->{error}{C}, $is_execute && !$named ? '26000' : undef,
			($named ? 'with statements: ' : 'without: ') . $text);
		cmp_ok($grown, '<', $millpond->growth_limit_kb, '... is not kept');
		is($other->value('select 1'), 1, '... and the server is free for another');
	}
}
$server->safe_psql('postgres', 'truncate t');

# --- what is in sight ---------------------------------------------------------------------------------

my $filler = "select '" . 'y' x 5_000_000 . "'";
$other->query('select 1');
is($one->query("begin; execute by_sql('first'); $filler; commit")->{error}, undef, 'an EXECUTE that stands near the beginning');
is($one->value('select count(*) from t'), 1, '... has run');

# 400 KB, which is followed from end to end.
$other->query('select 1');
my $middle = "select '" . 'y' x 400_000 . "'";
is($one->query("$middle; execute by_sql('second')")->{error}, undef, 'an EXECUTE behind a text of middling size');

# --- what is not ------------------------------------------------------------------------------------------

$other->query("prepare mine as select 'of another'");
is($other->value('execute mine'), 'of another', 'a statement of another client, on the server');
for my $text ("$filler; execute mine", "insert into t values ('$z'); execute mine", "do 'begin end' /* $filler */; execute mine")
{
	is($one->query($text)->{error}{C}, '26000', "... is not to be had at the end of '" . substr($text, 0, 12) . "...'");
	is($other->value('execute mine'), 'of another', '... and still there for its own client');
}

# Nor is a name overlooked, or half of one taken for another, wherever a limit may be.
for my $length (1000, 16_000, 60_000, 65_000, 70_000, 300_000, 600_000)
{
	my $comment = '/* ' . 'c' x $length . ' */';
	is($other->value('execute mine'), 'of another', "on the server; and behind $length bytes of comment");
	is($one->query("$comment execute mine")->{error}{C}, '26000', '... not to be had');
	is($other->value('execute mine'), 'of another', '... on the server');
	$one->put(Parse('', "$comment execute mine"), Bind(), Execute(), Sync());
	is($one->result->{error}{C}, '26000', '... nor by a Parse');
	is($one->query("$comment deallocate mine")->{error}{C}, '26000', '... nor to be deallocated');
	is($one->query(qq($comment execute "MILLPOND_1"))->{error}{C}, '42939', "... nor one of the pooler's");
}
for my $cut (16_384, 65_536)
{
	my $comment = '/*' . 'c' x ($cut - length('/**/ prepare na')) . '*/';
	$one->put(Parse('', "$comment prepare name as select 'first'"), Bind(), Execute(), Sync())->result;
	is($one->value('execute name'), 'first', "a name across $cut bytes");
	is($other->query("prepare name as select 'second'")->{error}, undef, '... is not left behind');
	is($other->value('execute name'), 'second', '... for another');
	$_->query('deallocate name') for $one, $other;
}

# What is there for the client stays there.
$one->query('begin');
$one->query("prepare own as select 'own'");
is($one->query("$filler; execute own")->{error}, undef, 'a statement that its client has just prepared, at the end');
$one->put(Parse('parsed', "select 'parsed'"), Sync())->result;
$one->query('execute parsed');
is($one->query("$filler; execute parsed")->{error}, undef, '... or parsed and executed');
$one->query('rollback');
is($one->value('execute own'), 'own', '... and it is there afterwards');
$one->query('deallocate own');

# The pooler's own names, where they are in sight.
$other->put(Parse('st', "select 'of another'"), Sync())->result;
my ($ours) = grep { /^MILLPOND_/ } map { $_->[0] } $one->query('select name from pg_prepared_statements')->{rows}->@*;
ok($ours, "one of the pooler's names: $ours");
for my $text (qq(execute "$ours"; $filler), qq(select 1; execute "$ours"), qq(deallocate "$ours"; $filler))
{
	is($one->query($text)->{error}{C}, '42939', 'is refused in ' . substr($text, 0, 30));
}
$other->query('begin');
is($other->put(Bind('', 'st'), Execute(), Sync())->result->{rows}[0][0], 'of another', '... and still there');
$other->query('rollback');

is($one->query("$filler; prepare at_end as select 'kept'")->{error}, undef, 'a PREPARE at the end');
like($millpond->log_since, qr/pinned to its server: PREPARE/, '... pins');
is($one->value('execute at_end'), 'kept', '... so that it is there');
$one->query('deallocate at_end');
is($other->value('select 1'), 1, '... until it is gone');

is($one->query("prepare huge as $filler")->{error}, undef, 'a PREPARE of 5 MB');
is(length $one->value('execute huge'), 5_000_000, '... is there as well');
$one->query('deallocate huge');

# As slow as it can be: the first bytes alone tell nothing.
my $bytes = Query("/* slow */ insert into t values ('$z')");
for my $length (1, 5, 10, 4000)
{
	my $from = $millpond->console('SHOW SOCKETS');
	$one->put(substr $bytes, 0, $length, '');
	wait_until(sub { grep { $_->{recv_pos} && $_->{recv_pos} >= $length } $millpond->console('SHOW SOCKETS') }, "$length bytes")
		if $length > 5;
}
is($one->put($bytes)->result('Z', 120)->{error}, undef, 'a long text that begins in small pieces');
is($other->value("select count(*) from t where length(a) = $long"), 1, '... has arrived as a whole');

done_testing;
