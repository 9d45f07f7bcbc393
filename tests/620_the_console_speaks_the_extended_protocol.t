# Parse, Bind, Describe, Execute and Close work on the console as on a server, in text and binary, with parameters, rows in pieces, and errors.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { map { ("db$_" => 'dbname=postgres pool_size=' . (10 + $_)) } 1 .. 5 });
my $console = Wire->login($millpond, database => 'pgbouncer');

# A Bind with formats of parameters and results.
sub BindAs ($statement, $codes, $values, $results, $portal = '')
{
	return Message('B', "$portal\0$statement\0" . pack('n/(n)', @$codes) . Wire::counted(@$values)
			. pack('n/(n)', @$results));
}

my $result = $console->put(Parse('', 'SHOW VERSION'), Bind(), Describe('P'), Execute(), Sync())->result;
is($result->{types}, '12TDCZ', 'the messages come in their order');
like($result->{rows}[0][0], qr/^Millpond\b/, 'with the row');
is_deeply($result->{tags}, ['SHOW'], 'and the tag');
is($console->put(Parse('', 'SHOW VERSION'), Bind(), Execute(), Sync())->result->{types}, '12DCZ',
	'rows are described only when that is asked for');
is($console->put(Parse('s', 'SHOW DATABASES'), Describe('S', 's'), Sync())->result->{types}, '1tTZ',
	'a statement is described before it is bound');
is($console->put(Parse('', 'RELOAD'), Describe('S'), Bind(), Describe('P'), Execute(), Sync())->result->{types},
	'1tn2nCZ', 'a command has no rows');
is($console->put(Bind('', 's'), Execute(), Bind('', 's'), Execute(), Sync())->result->{rows}->@*, 12,
	'a named statement can be run again and again');
is($console->put(Parse('s', 'SHOW STATE'), Sync())->result->{error}{M},
	'prepared statement name is already in use', 'but not parsed again');
is($console->put(Close('S', 's'), Parse('s', 'SHOW STATE'), Sync())->result->{types}, '31Z', 'until it is closed');
is($console->put(Parse('', ''), Bind(), Execute(), Sync())->result->{types}, '12IZ', 'an empty one');

# Binary forms.
$result = $console->put(Parse('', 'SHOW DATABASES'), BindAs('', [], [], [1]), Describe('P'), Execute(), Sync())
	->result;
my ($row) = grep { $_->[0] eq 'db3' } $result->{rows}->@*;
is($row->[0], 'db3', 'text is text in binary as well');
is(unpack('l>', $row->[5]), 13, 'int4 in binary');
is($row->[4], undef, 'NULL stays NULL');
$server->safe_psql('postgres', 'select 1');
Wire->login($millpond, database => 'db1')->value("select repeat('x', 123456)");
sub numeric ($bytes)
{
	my ($groups, $weight, $sign, $scale, @digits) = unpack 'n s> n n n*', $bytes;
	my $number = 0;
	$number += $digits[$_] * 10000**($weight - $_) for 0 .. $#digits;
	return ($sign ? '-' : '') . sprintf "%.${scale}f", $number;
}
# The times are booked when the client has had its answer already.
wait_until(sub { ($console->hashes('SHOW STATS_TOTALS WHERE database = db1'))[0]{xact_time} }, 'the transaction to be booked');
my @text   = $console->query('SHOW STATS_TOTALS')->{rows}->@*;
my @binary = $console->put(Parse('', 'SHOW STATS_TOTALS'), BindAs('', [], [], [1]), Execute(), Sync())
	->result->{rows}->@*;
my ($t, $b) = map { (grep { $_->[0] eq 'db1' } @$_)[0] } \@text, \@binary;
cmp_ok($t->[5], '>', 123456, 'there is a large number');
is_deeply([ map { numeric($_) } $b->@[ 1 .. $#$b ] ], [ $t->@[ 1 .. $#$t ] ], 'numeric in binary');
my ($worker) = $console->put(Parse('', 'SHOW WORKERS'), BindAs('', [], [], [1]), Execute(), Sync())->result->{rows}->@*;
like(numeric($worker->[6]), qr/^\d{1,3}\.\d$/, '... with decimals');
is($console->put(Parse('', 'SHOW DNS_HOSTS'), BindAs('', [], [], [ 0, 1, 0 ]), Describe('P'), Sync())->result->{types},
	'12TZ', 'a form for each column');

# Parameters.
$result = $console->put(Parse('p', 'SHOW DATABASES WHERE name = $1 AND pool_size > $2 LIMIT $3'),
	Describe('S', 'p'), BindAs('p', [], [ 'db4', 10, 5 ], []), Execute(), Sync())->result;
is($result->{types}, '1tT2DCZ', 'parameters are described');
is($result->{rows}[0][5], 14, '... and used');
$result = $console->put(Parse('', 'SHOW DATABASES WHERE pool_size = $1', 23),
	BindAs('', [1], [ pack 'N', 12 ], []), Execute(), Sync())->result;
is($result->{rows}[0][0], 'db2', 'a number in binary');
$result = $console->put(Parse('', 'SHOW DATABASES WHERE name = $1'), BindAs('', [], [q{it's "}], []),
	Execute(), Sync())->result;
is($result->{types}, '12CZ', 'quotes in a value stay in it');
is_deeply($console->put(Parse('', 'PAUSE $1'), Bind('', '', 'db1'), Execute(), Sync())->result->{tags},
	['PAUSE'], 'a command with a parameter that has to wait');
is_deeply($console->put(Parse('', 'RESUME $1'), Bind('', '', 'db1'), Execute(), Sync())->result->{tags},
	['RESUME'], '... and another');
is($console->put(Parse('', 'PAUSE $1'), Bind('', '', q(a"b'c)), Execute(), Sync())->result->{error}{M},
	q(no such database: a"b'c), '... and one with quotes');

# In pieces.
$result = $console->put(Parse('', 'SHOW DATABASES'), Bind('c'), Execute('c', 4), Execute('c', 1), Execute('c', 4),
	Execute('c'), Sync())->result;
is($result->{types}, '12DDDDsDsDCCZ', 'rows come in the pieces that were asked for');

# Errors.
for my $case (
	[ 'an invalid command'    => [ Parse('', 'NONSENSE'), Bind(), Execute(), Execute() ], '12EZ', '08P01' ],
	[ 'a missing statement'   => [ Bind('', 'none'), Execute() ], 'EZ', '26000' ],
	[ 'a missing portal'      => [ Execute('none') ], 'EZ', '34000' ],
	[ 'an unknown column'     => [ Parse('', 'SHOW POOLS WHERE x = 1'), Bind(), Execute() ], '12EZ', '08P01' ],
	[ 'too few values'        => [ Parse('', 'KILL $1'), Bind() ], '1EZ', '08P01' ],
	[ 'half a message'        => [ Message('B', "\0") ], 'EZ', '08P01' ],
	[ 'more than is there'    => [ Message('B', "\0\0\0\0\x7f\xff") ], 'EZ', '08P01' ],
	)
{
	my ($what, $messages, $types, $sqlstate) = @$case;
	my $answer = $console->put(@$messages, Query('SHOW VERSION'), Sync())->result;
	is($answer->{types}, $types, "$what: the rest is skipped up to Sync");
	is($answer->{error}{C}, $sqlstate, '... with its code');
}
is($console->query('SHOW STATE')->{types}, 'TDDDCZ', 'and the session goes on');
my $statistician = Wire->login($millpond, database => 'pgbouncer', user => 'statistician');
is($statistician->put(Parse('', 'RELOAD'), Bind(), Execute(), Sync())->result->{error}{M}, 'admin access needed',
	'who may not, may not in this way either');
is($console->put(Message('F', pack 'NnnN', 1, 0, 0, 0))->result->{types}, 'EZ', 'functions cannot be called');

# Many statements are given back when the session ends, and there is an end to them.
my $greedy = Wire->login($millpond, database => 'pgbouncer');
$greedy->put(Parse("s$_", 'SHOW STATE' . ' ' x 1000)) for 1 .. 1000;
is($greedy->put(Parse('one more', 'SHOW STATE'), Sync())->result->{error}{C}, '53400', 'a thousand statements are enough');

done_testing;
