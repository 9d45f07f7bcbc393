# An allocation that fails costs one client its session; the others go on, and nobody runs in circles.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

plan skip_all => 'a sanitizer allocates in its own way' if $ENV{SANITIZE};

my $library = File::Spec->rel2abs("$ENV{OUT}/preload/fail_allocations.so");
my $file    = PostgreSQL::Test::Utils::tempdir() . '/failing';
my %env     = (LD_PRELOAD => $library, FAILING => $file);

sub let_fail ($size, $times)
{
	open my $out, '+<:raw', $file or die "$file: $!";
	syswrite $out, pack 'QQ', $size, $times;
	return;
}

sub left_to_fail ()
{
	open my $in, '<:raw', $file or die "$file: $!";
	read $in, my $bytes, 16;
	return (unpack 'QQ', $bytes)[1];
}

# The first note of a server makes room for sixteen, of 40 bytes.
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	env => \%env);
my ($first, $second) = map { Wire->login($millpond) } 1 .. 2;
$first->query('select 1');
let_fail(640, 1);
my $answer = $first->put(Parse('s', 'select 7'), Sync())->result;
is(left_to_fail(), 0, 'there was no memory for a note');
is($answer->{error}{C}, '53200', 'its client is told so');
let_fail(0, 0);
my $before = $millpond->cpu_seconds;
$second->put(Parse('s', 'select 7'), Bind('', 's'), Execute(), Sync());
is(eval { $second->result('Z', 10)->{types} }, '12DCZ', 'the next one prepares the same statement');
cmp_ok($millpond->cpu_seconds - $before, '<', 2, '... without running in circles');

# What such a note was to own is freed: here, the statement that the name has meant.
sub is_known ($text) { return scalar grep { $_->{query} eq $text } $millpond->console('SHOW PREPARED_STATEMENTS') }
$second->put(Parse('t', 'select 8'), Sync())->result;
$millpond->console('RECONNECT');
$second->query('select 1');
ok(is_known('select 8'), 'a statement of one client');
let_fail(640, 1);
is($second->put(Close('S', 't'), Sync())->result->{error}{C}, '53200', '... has no memory for the note of its Close');
let_fail(0, 0);
wait_until(sub { !is_known('select 8') }, 'the statement to be gone', 10);
pass('... and is gone with its client and its server');
$millpond->stop;

# Many logins at once need room for as many pointers. A second worker's random numbers happen to need as much.
my $fake = FakeServer->new;
my $many = Millpond->new('many', env => \%env, settings => { workers => 1 },
	databases => { postgres => $fake->target . ' user=postgres pool_size=37 min_pool_size=37' });

sub all_are_there ($times)
{
	wait_until(sub { $fake->received(qr/ startup /) == 37 * $times }, "37 logins, $times times");
	wait_until(sub { ($many->pool // {})->{sv_idle} == 37 }, 'the servers to be at rest');
	return 1;
}

all_are_there(1);
let_fail(37 * 8, 1 << 40);
$many->console('RECONNECT');
ok(all_are_there(2), 'servers are logged in to one by one');
cmp_ok(left_to_fail(), '<', 1 << 40, '... when there is no memory for all at once');

$many->stop;
let_fail(0, 0);

# A RELOAD for which there is no memory at first.
my $long    = 'some_name_of_a_length_that_nothing_else_has_' . 'x' x 33;
my $reloads = Millpond->new('reloads', server => $server, databases => { postgres => '' }, env => \%env);
my $stays   = Wire->login($reloads);
$reloads->write_config(databases => { $long => 'dbname=postgres' });
let_fail(length($long) + 1, 3);
$reloads->console('RELOAD');
is(left_to_fail(), 0, 'there was no memory for a name');
is($stays->value('select 2'), 2, 'who is there stays');
is(Wire->login($reloads, database => $long)->value('select 3'), 3, '... and the new settings are in force');

# Another for which there is none, for a fault in it, nor for the many keywords of an entry.
my $from = $reloads->log_end;
$reloads->write_config(settings => { no_such_setting => 1 });
let_fail(100, 3);
eval { $reloads->console('RELOAD') };
let_fail(0, 0);
ok($reloads->log_contains(qr/no_such_setting/, $from), 'a fault is named all the same');
$reloads->write_config(settings => { no_such_setting => undef }, databases => { keywords =>
	'dbname=postgres client_encoding=UTF8 keepalives=1 keepalives_count=3 keepalives_idle=9 keepalives_interval=9'
	. ' sslmode=disable sslcompression=0 sslsni=1 tcp_user_timeout=0 application_name=a' });
let_fail(8 * 19, 3);    # room for the ninth and its value; OpenSSL may want as much, and then the file is refused
eval { $reloads->console('RELOAD') };
let_fail(0, 0);
$reloads->console('RELOAD');
is(Wire->login($reloads, database => 'keywords')->value('select 5'), 5, 'an entry has its keywords');

# What cannot be told for lack of memory is an error, and not taken for nothing.
my $crowd = Millpond->new('crowd', env => \%env, settings => { workers => 1 },
	databases => { map { ("d$_" => $fake->target . ' user=postgres') } 1 .. 41 });
my @crowd = map { Wire->login($crowd, database => "d$_") } 1 .. 41;
for my $table (qw(POOLS DATABASES LISTS STATS))
{
	my $asking = Wire->login($crowd, database => 'pgbouncer');
	let_fail(41 * 8, 1);
	my $shown = $asking->query("SHOW $table");
	is_deeply([ left_to_fail(), $shown->{error}{C} ], [ 0, '53200' ], "SHOW $table: there is no memory for 41 pools");
}

# In the extended protocol, what the first of these messages makes, and a Bind with room for eleven formats.
my %first = (Parse => Parse('', 'SHOW VERSION'), Bind => Bind(), Describe => Describe('S'), Execute => Execute(), Close => Close('S'));
for my $letter (sort keys %first)
{
	my $asking = Wire->login($crowd, database => 'pgbouncer');
	let_fail(40, 1);
	my $answer = $asking->put($first{$letter}, Sync())->result;
	is_deeply([ left_to_fail(), $answer->{error}{C} ], [ 0, '53200' ], "$letter: there is no memory for what is kept");
}
my $binding = Wire->login($crowd, database => 'pgbouncer');
$binding->put(Parse('s', 'SHOW VERSION'), Sync())->result;
let_fail(22, 1);
my $bound = $binding->put(Message('B', "\0s\0" . pack 'n*', 0, 0, 11, (1) x 11), Sync())->result;
is_deeply([ left_to_fail(), $bound->{error}{C} ], [ 0, '53200' ], 'Bind: there is no memory for its formats');

# Half an answer is never made into another one. Any allocation of one of these sizes may be for it.
my %requests = (
	'a part of a table'      => [ Query("SHOW LISTS WHERE list <> 'pools' ORDER BY list") ],
	'a table in a portal'    => [ Parse('', 'SHOW LISTS'), Bind(), Execute(), Sync() ],
	'the columns of a table' => [ Parse('', 'SHOW POOLS'), Describe('S'), Sync() ],
	'a look-up in a catalog' => [ Parse('', q(SELECT name FROM pg_settings WHERE name LIKE 'po%')), Bind(), Execute(), Sync() ],
	'what psql asks for'     => [ Parse('', 'SELECT version()'), Bind(), Describe('P'), Execute(), Sync() ],
	'what drivers ask for'   => [ Parse('', 'SHOW standard_conforming_strings'), Describe('S'), Sync() ],
);
sub shape ($answer) { return join ' ', map { $_ // '-' } @$answer{qw(types status)}, map { @$_ } $answer->{columns} // [] }
my $console = Wire->login($crowd, database => 'pgbouncer');
for my $what (sort keys %requests)
{
	my $whole = shape($console->put($requests{$what}->@*)->result);
	my ($failed, %told) = (0);
	for my $size (1 .. 500)
	{
		let_fail($size, 1);
		my $answer = $console->put($requests{$what}->@*)->result;
		$failed += !left_to_fail();
		let_fail(0, 0);
		my $is_whole = shape($answer) eq $whole;
		$told{ $is_whole ? 'whole' : $answer->{error} ? $answer->{error}{C} : shape($answer) }++;
		$console = Wire->login($crowd, database => 'pgbouncer') if !$is_whole;
	}
	cmp_ok($failed, '>', 2, "$what: there is no memory for it");
	is_deeply([ sort keys %told ], [ '53200', 'whole' ], '... which is told, or it is whole') or diag explain \%told;
}
$crowd->stop;

# Nor is a host for whose name there is no memory no host.
my %hosts = (
	first => [ '/' . 'x' x 120, ',127.0.0.1 port=1,' . $fake->{port} . ' load_balance_hosts=disable' ],
	named => [ 'y' x 130, " hostaddr=127.0.0.1 port=$fake->{port}" ],
);
my $hosts = Millpond->new('hosts', env => \%env,
	databases => { map { ($_ => "host=$hosts{$_}[0]$hosts{$_}[1] user=postgres") } keys %hosts });
for my $database (sort keys %hosts)
{
	my $from = $hosts->log_end;
	let_fail(length($hosts{$database}[0]) + 1, 1);
	Wire->login($hosts, database => $database);
	is(left_to_fail(), 0, "$database: there was no memory for its host");
	ok($hosts->log_contains(qr/out of memory/, $from), '... which was no login then');
}
$hosts->stop;

# Nothing tells how large a session is; at one of these sizes there is no memory for a client that comes.
my %refused;
for my $size (map { 8 * $_ } 40 .. 120)
{
	let_fail($size, 1);
	my $client = eval { Wire->connect($reloads)->startup(database => $long)->result };
	$refused{$client->{error}{C}}++ if $client && $client->{error};
}
let_fail(0, 0);
is_deeply([ keys %refused ], ['53200'], 'who cannot come in for lack of memory is told so');

# Listening sockets that the kernel has no memory to watch, when a suspension ends.
my $deaf_file = "$file.deaf";
my $deaf      = Millpond->new('deaf', server => $server, databases => { postgres => '' },
	env => { LD_PRELOAD => $library =~ s/fail_allocations/deaf_listeners/r, DEAF => $deaf_file });
$console = Wire->login($deaf, database => 'pgbouncer');
$console->query('SUSPEND');
open my $times, '+<:raw', $deaf_file or die "$deaf_file: $!";
syswrite $times, pack 'Q', 1;
$console->query('RESUME');
seek $times, 0, 0;
read $times, my $left, 8;
is(unpack('Q', $left), 0, 'there was no memory to listen again');
is(Wire->login($deaf)->value('select 4'), 4, '... but a little later there is');

done_testing;
