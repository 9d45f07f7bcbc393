# With auth_type any, any name is that of the database's user; all may look at the console, and only admin_users may steer it.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { auth_type => 'any', log_connections => 1 },
	databases => { postgres => '', forced => 'dbname=postgres user=postgres', map { $_ => "dbname=postgres user=$_" } qw(limited hasty) },
	users     => { limited => 'max_user_client_connections=1', hasty => 'client_idle_timeout=0.2' });
$server->safe_psql('postgres', "create role $_ login") for qw(limited hasty);
for (qw(anybody nobody_knows))
{
	my $client = Wire->login($millpond, database => 'forced', user => $_);
	is($client->value('select current_user'), 'postgres', "$_ becomes the forced user");
	is($client->{parameters}{session_authorization}, 'postgres', '... and is told so');
	is_deeply([ map { $_->{user} } grep { $_->{database} eq 'forced' } $millpond->console('SHOW CLIENTS') ],
		['postgres'], '... which is shown');
	like($millpond->log_since, qr{forced/$_\@\S+ taken for the forced user "postgres"}, '... while the log has the name as well');
	$client->close;
	wait_until(sub { !grep { $_->{database} eq 'forced' } $millpond->console('SHOW CLIENTS') }, 'the client to be gone');
}

sub refusal (%names) { return Wire->connect($millpond)->startup(%names)->result->{error} }

my $error = refusal(user => 'postgres');
is("$error->{C} $error->{M}", 'F0000 bouncer config error', 'a database without one is nobody\'s');
like($millpond->log_since, qr{postgres/postgres\@\S+ auth_type=any requires forced user}, '... and the log says why');

# Limits and times are those of the forced user, whatever the name.
for my $name (qw(one another))
{
	my $client;
	wait_until(sub { $client = eval { Wire->login($millpond, database => 'limited', user => $name) } }, 'the place');
	is(refusal(database => 'limited', user => 'other')->{M}, 'client connections exceeded (max_user_client_connections)',
		"$name has taken the one place");
	$client->close;
}
is(Wire->login($millpond, database => 'hasty', user => 'anybody')->result->{error}{M}, 'client_idle_timeout',
	'who may not be idle for long');

# As soon as it has none, those who were there are sent away.
$server->safe_psql('postgres', 'create role passing superuser login');
$millpond->reconfigure(databases => { passing => 'dbname=postgres user=passing' });
my $passing = Wire->login($millpond, database => 'passing', user => 'anybody');
is($passing->value('select current_user'), 'passing', 'a client is the forced user');
$millpond->reconfigure(databases => { passing => 'dbname=postgres' });
is($passing->result('E', 10)->{error}{M}, 'database removed', '... as long as there is one');

my $guest = Wire->login($millpond, database => 'pgbouncer', user => 'anybody');
is($guest->query('SHOW POOLS')->{error}, undef, 'anybody may look');
is($guest->query('RELOAD')->{error}{M}, 'admin access needed', 'but not steer');
my $admin = Wire->login($millpond, database => 'pgbouncer', user => 'postgres');
is_deeply($admin->query('RELOAD')->{tags}, ['RELOAD'], 'an admin may');

done_testing;
