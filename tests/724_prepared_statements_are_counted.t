# SHOW tells what is prepared, by whom and where; the counters are exact; what nobody needs goes.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new(
	'pool',
	server    => $server,
	databases => { postgres => 'pool_size=1', session => 'dbname=postgres pool_mode=session' },
	settings  => { max_prepared_statements => 4 });

sub shown () { return { map { $_->{query} => $_ } $millpond->console('SHOW PREPARED_STATEMENTS') } }
sub stats ($database = 'postgres')
{
	my ($row) = grep { $_->{database} eq $database } $millpond->console('SHOW STATS');
	return [ @$row{qw(total_client_parse_count total_server_parse_count total_bind_count)} ];
}

is_deeply(shown(), {}, 'nothing is prepared');
my @clients = map { Wire->login($millpond) } 1 .. 3;
$_->put(Parse('s', 'select $1, $2::text', 23), Bind('', 's', 1, 2), Execute(), Sync())->result for @clients;
my $row = shown()->{'select $1, $2::text'};
is($row->{parameter_types}, '23', 'types are shown');
is_deeply([ @$row{qw(clients servers uses)} ], [ 3, 1, 3 ], 'three clients use one statement');
cmp_ok($row->{bytes}, '>', 20, 'it takes some bytes');
like($row->{name}, qr/^MILLPOND_\d+$/, 'its name on the servers');
is($server->safe_psql('postgres', 'select 1'), 1, 'the server is well');
is($clients[0]->value('select count(*) from pg_prepared_statements'), 1, 'it is there once');
is_deeply(stats(), [ 3, 1, 3 ], 'Parses of clients, Parses sent, Binds');

my ($self) = grep { $_->{id} && $_->{type} eq 'S' } $millpond->console('SHOW SERVERS');
is($self->{prepared_statements}, 1, 'SHOW SERVERS counts it');
is_deeply([ map { $_->{prepared_statements} }
		grep { $_->{database} eq 'postgres' } $millpond->console('SHOW CLIENTS') ],
	[ 1, 1, 1 ], 'and SHOW CLIENTS');

# Many, of which the server keeps a few.
$clients[0]->put(Parse("m$_", "select $_"), Sync())->result for 1 .. 10;
is(scalar keys shown()->%*, 11, 'texts live as long as somebody has a name for them');
is((grep { $_->{servers} } values shown()->%*), 4, 'the server holds as many as it may');
$clients[0]->query('deallocate all');
is((grep { $_->{clients} } values shown()->%*), 1, 'what is deallocated is dropped');
$_->close for @clients;
wait_until(sub { !grep { $_->{clients} } values shown()->%* }, 'the clients to go');
$millpond->console('RECONNECT');
wait_until(sub { keys shown()->%* == 0 }, 'the server to go');
pass('with the last user a statement goes');

# Clients that prepare and leave do not make it grow.
sub churn ($from)
{
	my $client = Wire->login($millpond);
	$client->put((map { Parse("s$_", "select $_ /*" . 'x' x 2000 . '*/') } $from .. $from + 199),
		Sync());
	$client->result;
	$client->close;
	return;
}
churn(1000 * $_) for 1 .. 5;
my $before = $millpond->memory_kb;
churn(1000 * $_) for 6 .. 30;
cmp_ok($millpond->memory_kb - $before, '<', $millpond->growth_limit_kb / 2,
	'5,000 statements of 2 kB come and go');
wait_until(sub { !grep { $_->{clients} } values shown()->%* }, 'the clients to go');
Wire->login($millpond)->query('select 1');
cmp_ok(scalar keys shown()->%*, '<=', 4, 'of which the server holds the last ones only');

# Session mode knows nothing of it.
my $session = Wire->login($millpond, database => 'session');
$session->put(Parse('s', 'select 1'), Bind('', 's'), Execute(), Sync())->result;
is_deeply($session->value(q(select name from pg_prepared_statements)), 's', 'session mode passes names on');
is_deeply(stats('session'), [ 0, 0, 0 ], '... and does not count them');

# Nor does anybody with max_prepared_statements = 0, though names of before go on.
my $named = Wire->login($millpond);
$named->put(Parse('kept', 'select 7'), Bind('', 'kept'), Execute(), Sync())->result;
$millpond->reconfigure(settings => { max_prepared_statements => 0 });
my $was = stats();
my $plain = Wire->login($millpond);
$plain->put(Parse('raw', 'select 1'), Bind('', 'raw'), Execute(), Sync());
is($plain->result->{types}, '12DCZ', 'without it');
is($plain->value(q(select count(*) from pg_prepared_statements where name = 'raw')), 1,
	'... names reach the server');
$named->put(Bind('', 'kept'), Execute(), Sync(), Parse('', 'select 8'), Bind(), Execute(), Sync());
is(join(' ', map { "$_->{types} $_->{rows}[0][0]" } $named->result, $named->result), '2DCZ 7 12DCZ 8', '... those of before are followed');
is_deeply(stats(), $was, '... and nothing is counted');

done_testing;
