# One text that means different things to two clients, by their time zones, dates, encodings or search paths, is two statements.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1', two => 'dbname=postgres pool_size=2' },
	settings => { track_extra_parameters => 'search_path' });

sub first_of ($result) { return $result->{error} ? $result->{error}{M} : $result->{rows}[0][0] }

sub prepare_and_run ($client, $name, $sql)
{
	$client->put(Parse($name, $sql), Bind('', $name), Execute(), Sync());
	return first_of($client->result);
}

sub run ($client, $name)
{
	$client->put(Bind('', $name), Execute(), Sync());
	return first_of($client->result);
}

my %cases = (
	TimeZone => [ 'UTC', 'America/New_York', q(select extract(epoch from '2020-01-01 00:00'::timestamptz)::int) ],
	DateStyle       => [ 'ISO, MDY', 'ISO, DMY', q(select '01/02/2003'::date) ],
	client_encoding => [ 'UTF8', 'LATIN1', "select length('\xc3\xbc')" ],
	standard_conforming_strings => [ 'on', 'off', q(select length('a\\\\n')) ],
);
for my $setting (sort keys %cases)
{
	my ($one, $other, $sql) = $cases{$setting}->@*;
	my ($a, $b) = map { Wire->login($millpond, $setting => $_) } $one, $other;
	my $direct  = Wire->login($server, $setting => $one);
	my $wanted  = prepare_and_run($direct, 's', $sql);
	my $theirs  = prepare_and_run(Wire->login($server, $setting => $other), 's', $sql);
	isnt($wanted, $theirs, "$setting: a text that means two things");
	is(prepare_and_run($a, 's', $sql), $wanted, '... is read as the first client has it');
	is(prepare_and_run($b, 's', $sql), $theirs, '... and as the second');
	is(run($a, 's'), $wanted, '... by each for itself');
	is(run($b, 's'), $theirs, '... also later');

	# By SQL.
	$_->query("prepare z as $sql") for $a, $b;
	is(first_of($a->query('execute z')), $wanted, '... prepared by SQL as well');
	is(first_of($b->query('execute z')), $theirs, '... by both');

	# Whoever changes its mind has what it parses anew read anew; others do not see it.
	$a->query("set $setting = '$other'");
	is(prepare_and_run($a, 'again', $sql), $theirs, '... and after a SET as that has it');
	$a->put(Query("set $setting = '$one'"), Parse('behind', $sql), Sync(), Bind('', 'behind'), Execute(), Sync());
	$a->result for 1 .. 2;
	is(first_of($a->result), $wanted, '... also when it is parsed before that is answered');
	is(prepare_and_run($b, 'theirs', $sql), $theirs, '... which concerns nobody else');
	$_->close for $a, $b, $direct;
}

# What the names in it mean: tables of two schemas, with columns of different types.
$server->safe_psql('postgres', q(
	create schema one; create table one.t as select 1 x, 'of one' y;
	create schema two; create table two.t as select '1'::text x, 2.5 y;
	create domain one.d as int check (value > 0); create domain two.d as text));
sub prepare_and_describe ($client, $name, $sql, @values)
{
	$client->put(Parse($name, $sql), Describe('S', $name), Bind('', $name, @values), Execute(), Sync());
	my $result = $client->result;
	return $result->{error} ? $result->{error}{M} : join ' ', $result->{rows}[0][0], unpack 'n N', $result->{parameter_types} // '';
}
for my $case ([ 'select y from t where x = $1', '1' ], [ 'select $1::d', '0' ], [q(select '0'::d)])
{
	my ($sql, @values) = @$case;
	my %direct  = map { $_ => Wire->login($server,   search_path => $_) } 'one', 'two';
	my %clients = map { $_ => Wire->login($millpond, search_path => $_) } 'one', 'two';
	for my $round (1, 2)
	{
		for my $path ('one', 'two')
		{
			is(prepare_and_describe($clients{$path}, "s$round", $sql, @values), prepare_and_describe($direct{$path}, "s$round", $sql, @values),
				"$sql, with search_path=$path, for the ${round}. time");
			$_->put(Bind('', 's1', @values), Execute(), Sync()) for $clients{$path}, $direct{$path};
			is(first_of($clients{$path}->result), first_of($direct{$path}->result), '... and run again');
		}
	}
}

# Two clients that wish nothing were told different things: by each on the server of the other.
my ($first, $holder, $other) = map { Wire->login($millpond, database => 'two') } 1 .. 3;
my $month = q(select extract(month from '01/02/2003'::date)::int);
my $pid   = 'select pg_backend_pid()';
is(prepare_and_run($first, 's', $month), 1, 'a month as the first client was told');
$first->query("prepare z as $month");
is(first_of($first->query('execute z')), 1, '... by SQL as well');
my $start = first_of($first->query($pid));
$server->safe_psql('postgres', q(alter role postgres set datestyle = 'ISO, DMY'));
$holder->query('begin');
isnt(first_of($first->query($pid)), $start, 'a server that starts with other dates');
my $second = Wire->login($millpond, database => 'two');
is(prepare_and_run($second, 's', $month), 2, 'who comes now has been told so');
$second->query("prepare z as $month");
is(first_of($second->query('execute z')), 2, '... by SQL as well');
is(run($first,                           's'), 1, 'the first has there what it had');
is(first_of($first->query('execute z')), 1, '... by SQL as well');
$other->query('begin');
$holder->query('commit');
is(first_of($second->query($pid)), $start, 'the first server');
is(run($second,                           's'), 2, '... has for the second what that had');
is(first_of($second->query('execute z')), 2, '... by SQL as well');
is(run($first,                            's'), 1, '... and for the first');

done_testing;
