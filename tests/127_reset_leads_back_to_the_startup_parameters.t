# RESET and DISCARD ALL lead back to what a session has given when it connected, as in PostgreSQL.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => {
	postgres => 'pool_size=1',
	two      => 'dbname=postgres pool_size=2',
	session  => 'dbname=postgres pool_size=1 pool_mode=session',
});
my %startup = (TimeZone => 'Asia/Tokyo', application_name => 'mine', DateStyle => 'German, DMY', client_encoding => 'LATIN1');
my @names   = sort keys %startup;

sub shown ($client)
{
	return { map { $_ => $client->value("show $_") } @names };
}
sub told ($client) { return { map { $_ => $client->{parameters}{$_} } @names } }

# As without a pooler: what is said, and what is told.
my @conversation = (
	'select pg_advisory_unlock_all(); close all; unlisten *; reset all',
	q(set timezone to 'America/Lima'; reset timezone),
	q(set timezone to 'America/Lima'),
	'reset timezone',
	q(set timezone to 'America/Lima'; set datestyle to iso; set application_name to 'other'),
	'reset application_name',
	'reset all; reset all',
	q(set timezone to 'America/Lima'),
	q(reset timezone; set timezone to 'Europe/Rome'),
	'begin; reset all; commit',
	q(set timezone to 'America/Lima'),
	'discard all',
	'discard all',
	'set intervalstyle to sql_standard; reset intervalstyle',
	'reset statement_timeout',
	'begin', 'reset all', 'rollback',
	q(set timezone to 'America/Lima'),
	'begin', 'reset all', 'select 1', 'rollback',
	'begin', 'reset timezone', 'savepoint a', 'set application_name to x', 'rollback to a', 'select 1', 'commit',
	'begin', q(set local timezone to 'America/Lima'), 'reset timezone', 'commit',
	'begin; reset all; select 1 / 0', 'select 1', 'rollback',
	'begin', 'reset all', 'select 1 / 0', 'rollback',
);
for my $database (qw(postgres two session))
{
	my $direct = Wire->login($server, %startup);
	my $client = Wire->login($millpond, database => $database, %startup);
	my $other  = $database eq 'session' ? undef : Wire->login($millpond, database => $database, TimeZone => 'Europe/Rome');
	for my $sql (@conversation)
	{
		$direct->query($sql);
		my $status = $client->query($sql)->{status};
		is_deeply(told($client), told($direct), "$database: $sql: the client is told the same");
		next if $status eq 'E';
		is_deeply(shown($client), shown($direct), '... and has it');
		next if $status ne 'I' || !$other;
		is($other->value('show timezone'), 'Europe/Rome', '... and nobody else');
		is_deeply(shown($client), shown($direct), '... and keeps it');
	}
	for my $one ($direct, $client)
	{
		$one->query(q(set timezone to 'America/Lima'));
		$one->put(Parse('', 'reset all'), Bind(), Execute(), Sync());
		$one->result;
	}
	is_deeply(told($client), told($direct), "$database: the same in the extended protocol");
	is_deeply(shown($client), shown($direct), '... in both regards');
	$client->close;
	$direct->close;
	is(Wire->login($millpond, database => $database)->value('show timezone'), Wire->login($server)->value('show timezone'),
		'... and who comes next has the own one of the server');
}

# What does not reset that parameter leaves it alone.
my $client = Wire->login($millpond, TimeZone => 'Asia/Tokyo');
my $own = Wire->login($server)->value('show timezone');
$client->query("set timezone to '$own'");
$client->query('reset statement_timeout');
is($client->value('show timezone'), $own, 'a RESET of another parameter leaves what was set');
$client->query('discard all');
is($client->value('show timezone'), 'Asia/Tokyo', '... which DISCARD ALL does not');

# What is set to the server's own value behind a RESET is meant.
$client->query("reset all; set timezone to '$own'");
is($client->value('show timezone'), $own, 'a SET behind a RESET stands, be it to the value of the server');

# A spelling that the server has mended.
$client = Wire->login($millpond, TimeZone => 'asia/tokyo');
is_deeply($client->query('reset all')->{parameters}, [ [ TimeZone => 'Asia/Tokyo' ], [ TimeZone => $own ], [ TimeZone => 'Asia/Tokyo' ] ],
	'what RESET leads back to is spelled as the server does');

# Before version 14 a change is reported in front of the tag of what has made it.
my $fake = FakeServer->new(query => sub ($c, $sql) {
	my ($set) = $sql =~ /SET "TimeZone" TO '([^']*)'/;
	return 0 if !$set && $sql !~ /reset all/;
	$c->put(ParameterStatus('TimeZone', $set // 'UTC'), CommandComplete($set ? 'SET' : 'RESET'), ReadyForQuery());
	return 1;
});
$millpond->reconfigure(databases => { older => $fake->target });
$client = Wire->login($millpond, database => 'older', TimeZone => 'Asia/Tokyo');
$client->query('select 1');
is($client->query('reset all')->{parameters}[-1][1], 'Asia/Tokyo', 'an older server: the client is told');
$client->query('select 1');
is(scalar $fake->received(qr/SET "TimeZone" TO 'Asia/), 2, '... and it is set anew');

done_testing;
