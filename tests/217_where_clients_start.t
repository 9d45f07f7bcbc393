# What connect_query has set is where clients start, whatever others have set meanwhile.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => {
		postgres => q(pool_size=1 connect_query='set timezone to ''Asia/Tokyo'''),
		session  => q(dbname=postgres pool_size=1 pool_mode=session connect_query='set timezone to ''Asia/Tokyo'''),
	},
	settings => { server_connect_timeout => 0 });
my $plain = Wire->login($millpond);
is($plain->value('show timezone'), 'Asia/Tokyo', 'a client starts with what connect_query has set');
my $other = Wire->login($millpond, TimeZone => 'Europe/Rome');
for my $round (1 .. 2)
{
	is($other->value('show timezone'), 'Europe/Rome', "round $round: a client with wishes");
	is($plain->value('show timezone'), 'Asia/Tokyo', '... one without');
}
my $third = Wire->login($millpond);
$third->query(q(set timezone to 'America/Lima'));
is(Wire->login($millpond)->value('show timezone'), 'Asia/Tokyo', "a SET is nobody else's");
is($third->value('show timezone'), 'America/Lima', '... but stays with its client');
# There is no limit for the server's answer to the first SET with server_connect_timeout=0.
is(Wire->login($millpond, TimeZone => 'Africa/Cairo')->value('show timezone'), 'Africa/Cairo',
	'startup parameters need no server_connect_timeout');

# RESET does not know of connect_query: as without a pooler it leads to what its client came with.
$_->close for $plain, $other, $third;
for my $database (qw(postgres session))
{
	my $direct = Wire->login($server, TimeZone => 'Europe/Paris');
	my $client = Wire->login($millpond, database => $database, TimeZone => 'Europe/Paris');
	for my $sql ('reset timezone', 'set timezone to utc', 'reset all', 'set timezone to utc', 'discard all',
		q(set timezone to 'Asia/Tokyo'; reset statement_timeout), 'begin', 'reset timezone', 'rollback')
	{
		$_->query($sql) for $direct, $client;
		is($client->{parameters}{TimeZone}, $direct->{parameters}{TimeZone}, "$database: $sql: the client is told the same");
		is($client->value('show timezone'), $direct->value('show timezone'), '... and has it');
	}
	$_->close for $direct, $client;
	my $next = Wire->login($millpond, database => $database);
	is($next->value('show timezone'), 'Asia/Tokyo', '... and who comes next starts with what connect_query has set');
	$next->query('reset timezone');
	is($next->value('show timezone'), Wire->login($server)->value('show timezone'),
		'... and is led by RESET to what the server has by itself');
	$next->close;
}

done_testing;
