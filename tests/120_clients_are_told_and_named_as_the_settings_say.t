# login_notify_message, application_name_add_host, disable_pqexec, query_wait_notify and server_fast_close do what they say.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server   => $server,
	settings => {
		login_notify_message      => 'Maintenance at noon',
		application_name_add_host => 1,
		query_wait_notify         => 1,
		server_fast_close         => 1,
		default_pool_size         => 1,
	});

my $client = Wire->login($millpond, application_name => 'shop');
is($client->{greeting}{notices}[0]{M}, 'Maintenance at noon', 'a notice greets whoever logs in');
like($client->{greeting}{types}, qr/NZ\z/, '... right before the session is ready');
my $port = $client->{socket}->sockport;
is($client->value('show application_name'), "shop - 127.0.0.1:$port", 'its host is added to its name');
is($client->{parameters}{application_name}, "shop - 127.0.0.1:$port", '... and it is told so');
$client->value(q{set application_name to 'other'});
is($client->value('show application_name'), 'other', '... but not to a name that it sets later');
my $nameless = Wire->login($millpond);
like($nameless->value('show application_name'), qr/^app - 127\.0\.0\.1:\d+$/, 'one without a name gets one');
my $console = Wire->login($millpond, database => 'pgbouncer', application_name => 'monitor');
$port = $console->{socket}->sockport;
is(($console->hashes("SHOW CLIENTS WHERE database = 'pgbouncer'"))[0]{application_name}, "monitor - 127.0.0.1:$port",
	'... as does one on the console');

# Waiting.
$client->query('begin');
$nameless->put(Wire::Query('select 1'));
my $message = $nameless->get;
is($message->[0], 'N', 'whoever waits gets a notice');
is(Wire::Fields($message->[1])->{M},
	'No server connection available in postgres backend, client being queued', '... in the known words');
ok($nameless->quiet(1.5), '... only once');
$client->query('commit');
is($nameless->result->{rows}[0][0], 1, 'and its answer when it is its turn');
$client->query('begin');
$nameless->put(Wire::Query('select 2'));
is($nameless->get->[0], 'N', 'the next wait has a notice of its own');
$client->query('commit');
is($nameless->result->{rows}[0][0], 2, '... and an answer');
$_->close for $client, $nameless;

# Sessions whose server is to be closed.
$millpond->reconfigure(settings => { pool_mode => 'session' });
my $session = Wire->login($millpond);
$session->query('begin');
$millpond->console('RECONNECT');
is($session->query('select 3')->{rows}[0][0], 3, 'a transaction is not disturbed');
my $result = $session->put(Wire::Query('commit'))->result('E');
like($result->{types}, qr/^CZE/, 'but its end is the end of the session');
is($result->{error}{M}, 'database configuration changed', '... with its reason');
$session = Wire->login($millpond);
$session->query('select 1');
$millpond->console('RECONNECT');
is($session->result('E')->{error}{M}, 'database configuration changed',
	'a session at rest ends at once');

# No simple queries.
$millpond->write_config(settings => { disable_pqexec => 1 });
$millpond->stop;
$millpond->start;
my $extended = Wire->login($millpond);
is($extended->put(Wire::Parse('', 'select 4'), Wire::Bind(), Wire::Execute(), Wire::Sync())->result->{rows}[0][0],
	4, 'extended queries pass');
my $error = $extended->query('select 5')->{error};
is("$error->{S} $error->{C} $error->{M}", 'FATAL 0A000 PQexec disallowed', 'simple ones are refused');

done_testing;
