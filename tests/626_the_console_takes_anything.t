# Whatever is said to the console is answered or refused, in the simple and the extended protocol, by one client or by thousands.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $crowd    = $ENV{SANITIZE} ? 200 : 2000;
my $hard     = `sh -c 'ulimit -Hn'` + 0 || 1 << 20;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { max_client_conn => 10, workers => 3 });
my $console  = Wire->login($millpond, database => 'pgbouncer');

# Simple queries that are none
sub error ($bytes, $on = $console)
{
	my $answer = $on->put($bytes)->result;
	return join ' ', $answer->{types}, map { "$_->{C} $_->{M}" } $answer->{error} // ();
}
is(error(Message('Q', "SHOW VERSION\0SHOW VERSION\0")), 'EZ 08P01 invalid message format', 'bytes behind the end');
is(error(Message('Q', "SHOW VERSION")), 'EZ 08P01 invalid message format', 'no end');
is(error(Message('Q', '')), 'EZ 08P01 invalid message format', 'nothing at all');
is(error(Message('Q', "\0\0")), 'EZ 08P01 invalid message format', 'an end too many');
like(error(Query($_->[0])), qr/^EZ 08P01 $_->[1]/, substr $_->[0], 0, 30)
	for [ q(SHOW "VERSION), q(invalid command 'SHOW "VERSION', use SHOW HELP;) ],
	[ q(SET x = 'y),       q(invalid command 'SET x = 'y', use SHOW HELP;) ],
	[ q("),                q(invalid command '"', use) ],
	[ q('),                q(invalid command ''', use) ],
	[ "SHOW \x{1}",        "invalid command 'SHOW \x{1}', use" ],
	[ "\xff\xfe",          'invalid command' ],
	[ 'SHOW VERSION;;',    'invalid command' ],
	[ "KILL_CLIENT " . '9' x 60, 'invalid client pointer supplied' ],
	[ 'PAUSE "' . 'x' x 63 . '"', 'no such database: x+$' ],
	[ 'PAUSE "' . 'x' x 64 . '"', 'bad arguments' ],
	[ 'SET x = ' . 'y' x 256, 'bad arguments' ],
	[ 'SHOW CLIENTS WHERE nothing = 1', '.*nothing' ],
	[ 'SHOW CLIENTS ORDER BY nothing', '.*nothing' ],
	[ 'SHOW CLIENTS LIMIT -1', 'invalid command' ],
	[ 'SHOW CLIENTS LIMIT 1.5', 'invalid command' ],
	[ 'SHOW CLIENTS LIMIT ' . '9' x 20, 'invalid command' ],
	[ 'SHOW CLIENTS WHERE', 'invalid command' ],
	[ 'SHOW CLIENTS WHERE id = 1 AND' , 'invalid command' ],
	[ 'SHOW CLIENTS WHERE ' . join(' AND ', ('id > 0') x 5), 'invalid command' ],
	[ 'x' x 100_000, 'bad arguments' ],
	[ ' ' x 100_000 . 'x', q(invalid command ') ],
	[ 'SHOW CLIENTS WHERE id = ' . '7' x 100_000, 'bad arguments' ];
is($console->query(' ' x 100_000 . 'SHOW VERSION' . ' ' x 10_000)->{types}, 'TDCZ', 'blanks do no harm');

# Messages of the extended protocol that end too early, or too late
sub refusal ($letter, $body) { return $console->put(Message($letter, $body), Sync())->result->{error}{M} // 'none' }
$console->put(Parse('', 'SHOW VERSION'), Sync())->result;
is(refusal(@$_[ 0, 1 ]), 'invalid message format', $_->[2])
	for [ 'P', "\0SHOW VERSION\0" . pack('nN', 2, 23), 'a Parse with fewer types than it says' ],
	[ 'P', "\0SHOW VERSION\0" . pack('n', 0) . 'x', 'a Parse with something behind its end' ],
	[ 'B', "\0\0" . pack('nnn', 0, 0, 0) . 'x', 'a Bind with that' ],
	[ 'D', "S\0x",                           'a Describe with that' ],
	[ 'E', "\0" . pack('N', 0) . 'x',        'an Execute with that' ],
	[ 'C', "S\0x",                           'a Close with that' ];

my $long = Wire->login($millpond, database => 'pgbouncer');
is($long->put(Query('x' x 200_000))->result('E')->{error}{M}, 'invalid message length', 'a message longer than that');
ok($long->closed, '... ends the session');

# Anything, in both protocols: each is answered, and the session lives.
srand 626;
my @words = (qw(SHOW SELECT SET PAUSE RESUME WHERE ORDER BY LIMIT AND DESC POOLS CLIENTS STATS_TOTALS name id = <> < > ; " ' $1 ( ) -- /* 1 -5),
	'client_encoding', 'begin', 'deallocate', "x'y", '', "\t", "\n", 'é');
sub phrase () { return join ' ', map { $words[ rand @words ] } 1 .. 1 + rand 8 }
my $answered = 0;
for (1 .. 600)
{
	my $phrase = phrase();
	next if $phrase =~ /PAUSE/;
	$answered += $console->put(Query($phrase))->result->{status} ? 1 : 0;
	my $answer = $console->put(Parse('', $phrase), Describe('S'), Bind('', '', ('1') x ($phrase =~ /\$1/ ? 1 : 0)), Describe('P'),
		Execute('', rand 3), Sync())->result;
	$answered += $answer->{status} ? 1 : 0;
	$answered-- if $answer->{types} !~ /^(1|1t|1t[Tn]|1t[Tn]2|1t[Tn]2[Tn])?(E|N*(D*[sCI])|[TD]*C)?N?Z$/ && diag("$phrase: $answer->{types}");
}
cmp_ok($answered, '>', 900, 'whatever is said is answered');
$console->query('RESUME');

# What a stats user may, and may not
my $statistician = Wire->login($millpond, database => 'pgbouncer', user => 'statistician');
my %refused = map { $_ => 1 } qw(FDS PREPARED_STATEMENTS);
for my $table (qw(HELP CONFIG DATABASES POOLS CLIENTS SERVERS USERS VERSION PEERS PEER_POOLS FDS SOCKETS ACTIVE_SOCKETS LISTS MEM
	STATE DNS_HOSTS DNS_ZONES STATS STATS_TOTALS STATS_AVERAGES TOTALS WORKERS HBA PINNED PREPARED_STATEMENTS))
{
	my $error = $statistician->query("SHOW $table")->{error};
	is($error ? $error->{M} : 'shown', $refused{$table} ? 'admin access needed' : 'shown', "a stats user: SHOW $table");
	$error = $statistician->put(Parse('', "SHOW $table"), Bind(), Execute(), Sync())->result->{error};
	is($error ? $error->{M} : 'shown', $refused{$table} ? 'admin access needed' : 'shown', '... in the extended protocol');
}
is($statistician->query($_)->{error}{M}, 'admin access needed', "a stats user: $_")
	for 'RELOAD', 'PAUSE', 'RESUME', 'SUSPEND', 'KILL', 'KILL_CLIENT 1', 'RECONNECT', 'WAIT_CLOSE', 'SHUTDOWN', 'DISABLE postgres',
	'ENABLE postgres', 'SET default_pool_size = 1';

# Thousands of them, which max_client_conn does not count
SKIP:
{
	skip 'too few descriptors', 5 if $hard < 2 * $crowd + 100;
	system 'prlimit', "--pid=$$", "--nofile=$hard:$hard";
	my @consoles = map { Wire->connect($millpond)->put(Wire::Startup(user => 'postgres', database => 'pgbouncer')) } 1 .. $crowd;
	is((grep { ($_->result->{status} // '') eq 'I' } @consoles), $crowd, "$crowd consoles");
	is(Wire->login($millpond)->value('select 1'), 1, 'a client comes in beside them');
	$_->put(Query('SHOW STATE'), Query('SHOW LISTS')) for @consoles;
	is((grep { $_->result->{rows}->@* == 3 && $_->result->{rows}->@* == 14 } @consoles), $crowd, 'all are answered');
	$_->put(Query('SHOW CLIENTS')) for @consoles[ 0 .. 9 ];
	is((grep { $_->result->{rows}->@* >= $crowd } @consoles[ 0 .. 9 ]), 10, 'each sees all of them');
	$_->close for @consoles;
	wait_until(sub { $console->query('SHOW CLIENTS')->{rows}->@* < 10 }, 'them to be gone');
	pass('and they are forgotten');
}

done_testing;
