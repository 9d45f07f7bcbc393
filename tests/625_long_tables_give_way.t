# A table with thousands of rows holds up nobody, and is right though clients come and go while it is made.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $crowd = $ENV{STRESS} ? 10_000 : $ENV{SANITIZE} ? 200 : 1500;
my $hard  = `sh -c 'ulimit -Hn'` + 0 || 1 << 20;
plan skip_all => 'too few descriptors' if $hard < 2 * $crowd + 100;
system 'prlimit', "--pid=$$", "--nofile=$hard:$hard";

my $server = Postgres->new;
my $lone   = Millpond->new('lone', server => $server, settings => { workers => 1, max_client_conn => 2 * $crowd },
	databases => { '*' => 'dbname=postgres' });
sub crowd ($millpond, $count)
{
	my @clients = map { Wire->connect($millpond)->startup } 1 .. $count;
	$_->result for @clients;
	return @clients;
}
my @crowd = crowd($lone, $crowd);
my ($large, $small) = map { Wire->login($lone, database => 'pgbouncer') } 1 .. 2;

# Two questions, one after the other, are answered before the first byte of the large table is there.
for my $command ('SHOW CLIENTS', 'SHOW SOCKETS')
{
	my $passed = 0;
	for my $attempt (1 .. 40)
	{
		$large->put(Query($command));
		$small->value('SHOW VERSION') for 1 .. 2;
		$passed = $large->quiet;
		my $rows = $large->result->{rows}->@*;
		cmp_ok($rows, '>=', $crowd, "$command: a row for each") if $attempt == 1;
		last if $passed;
	}
	ok($passed, "$command gives way") unless $ENV{SANITIZE};
}
cmp_ok(scalar @{[ $large->hashes('SHOW FDS') ]}, '>=', $crowd, 'SHOW FDS: a row for each');
my @sorted = map { $_->{id} } $large->hashes('SHOW CLIENTS ORDER BY id DESC');
is_deeply(\@sorted, [ sort { $b <=> $a } @sorted ], 'it can be sorted');
is(scalar @{[ $large->hashes(q(SHOW CLIENTS WHERE database = 'postgres' LIMIT 7)) ]}, 7, 'and cut off');

# Two asking at once, over several workers, while others come and go.
my $millpond = Millpond->new('several', server => $server, settings => { workers => 3, max_client_conn => 2 * $crowd });
my @staying = crowd($millpond, 300);
my @asking  = map { Wire->login($millpond, database => 'pgbouncer') } 1 .. 3;
my %there   = map { $_->{id} => 1 } $asking[0]->hashes('SHOW CLIENTS');
my @passing = crowd($millpond, 150);
for my $round (1 .. 15)
{
	$_->put(Query('SHOW CLIENTS')) for @asking;
	my @leaving = splice @passing, 0, 10;
	push @passing, map { Wire->connect($millpond)->startup } 1 .. 5;
	$_->close for @leaving;
	my (%seen, $double, $missing);
	for my $console (@asking)
	{
		my %here;
		$double += $here{ $_->[20] }++ for $console->result->{rows}->@*;
		$missing += grep { !$here{$_} } keys %there;
	}
	if ($double || $missing) { fail("round $round: $double twice, $missing missing"); last }
}
pass('nobody is there twice, or left out');

# SHOW FDS is for admins, and knows which socket belongs to which.
is(Wire->login($millpond, database => 'pgbouncer', user => 'statistician')->query('SHOW FDS')->{error}{M},
	'admin access needed', 'SHOW FDS is not for everybody');
my $lent = $staying[0];
$lent->query(q(begin; set timezone = 'Asia/Tokyo'));
my @fds = $asking[0]->hashes('SHOW FDS');
is((grep { $_->{task} eq 'pooler' } @fds), 2, 'the listeners');
my ($client) = grep { $_->{task} eq 'client' && $_->{link} } @fds;
my ($of)     = grep { $_->{task} eq 'server' && $_->{link} } @fds;
is("$client->{link} $of->{link}", "$of->{fd} $client->{fd}", 'a client and its server point at each other');
is($client->{cancel}, $lent->{pid} << 32 | $lent->{secret}, 'the key to cancel it');
is(join(' ', @$client{qw(user database addr timezone)}), 'postgres postgres 127.0.0.1 Asia/Tokyo', 'who it is');
my ($idle) = grep { $_->{task} eq 'client' && !$_->{link} } @fds;
is(join(' ', @$idle{qw(client_encoding std_strings datestyle timezone)}),
	join(' ', $staying[1]{parameters}->@{qw(client_encoding standard_conforming_strings DateStyle TimeZone)}),
	'what holds for one that has set nothing');
is($of->{port}, $server->port, 'where the server is');
my $inode = qr/^socket:/;
is((grep { (readlink('/proc/' . $millpond->pid . "/fd/$_->{fd}") // '') !~ $inode } @fds), 0, 'all are sockets of the process');
is((grep { defined $_->{password} || defined $_->{scram_client_key} || defined $_->{scram_server_key} } @fds), 0, 'and no secret is shown');

# What a console client may keep is bounded
my $console = $asking[0];
my @many    = map { (Parse("s$_", 'SHOW VERSION')) } 1 .. 1000;
is($console->put(@many, Sync())->result->{error}, undef, 'a thousand statements');
my $error = $console->put(Parse('more', 'SHOW VERSION'), Sync())->result->{error};
is("$error->{S} $error->{C} $error->{M}", 'ERROR 53400 too many prepared statements or portals', 'one more is too many');
is($console->put(Close('S', 's7'), Parse('more', 'SHOW VERSION'), Sync())->result->{error}, undef, 'unless one is closed');
$console = $asking[1];
$console->put(Parse('', 'SHOW VERSION'), map { Bind("p$_") } 1 .. 64);
is($console->put(Bind('more'), Sync())->result->{error}{M}, 'too many prepared statements or portals', '64 portals');
is($console->put(Parse('', 'SHOW VERSION'), Bind('p1'), Execute('p1'), Sync())->result->{types}, '12DCZ', 'they go with the transaction');
is($console->put(Bind(''), Sync(), Execute(''), Sync())->result->{types}, '2Z', 'as on a server');
is($console->result->{error}{M}, 'portal "" does not exist', '... which says so');
my $name = 'x' x 60_000;
my $count = 0;
$count++ until $console->put(Parse("$name$count", 'SHOW VERSION'), Sync())->result->{error} || $count > 300;
cmp_ok($count, '>', 100, 'long names');
cmp_ok($count, '<', 200, '... up to some megabytes');

done_testing;
