# max_db_client_connections and max_user_client_connections, general and own: the last one allowed comes in, the next is told.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server    => $server,
	settings  => { max_db_client_connections => 3, max_user_client_connections => 2 },
	databases => { postgres => '', small => 'dbname=postgres max_db_client_connections=1',
		free => 'dbname=postgres max_db_client_connections=0' },
	users => { postgres => 'max_user_client_connections=0', busy => 'max_user_client_connections=5' });
$server->safe_psql('postgres', "create role $_ login") for qw(app busy);

sub refusal (%names)
{
	my $client = Wire->connect($millpond);
	$client->startup(%names);
	return $client->result->{error};
}
my $of_database = 'client connections exceeded (max_db_client_connections)';
my $of_user     = 'client connections exceeded (max_user_client_connections)';

my @clients = map { Wire->login($millpond) } 1 .. 3;
for (1 .. 2)
{
	my $error = refusal();
	is("$error->{S} $error->{C} $error->{M}", "FATAL 53300 $of_database", 'the fourth of a database');
	like($error->{D}, qr/^Database "postgres" has 3 clients/, '... with the figures');
	like($error->{H}, qr/max_db_client_connections/, '... and the setting to look at');
}
push @clients, Wire->login($millpond, database => 'small');
is(refusal(database => 'small')->{M}, $of_database, 'a database has a limit of its own');
push @clients, map { Wire->login($millpond, database => 'free') } 1 .. 5;
pass('or none');
my ($row) = grep { $_->{name} eq 'small' } $millpond->console('SHOW DATABASES');
is($row->{max_client_connections}, 1, 'SHOW DATABASES shows the limit that counts');

push @clients, map { Wire->login($millpond, user => 'app', database => 'free') } 1 .. 2;
my $error = refusal(user => 'app', database => 'free');
is("$error->{S} $error->{C} $error->{M}", "FATAL 53300 $of_user", 'the third of a user');
like($error->{D}, qr/^User "app" has 2 clients/, '... with the figures');
push @clients, map { Wire->login($millpond, user => 'busy', database => 'free') } 1 .. 5;
is(refusal(user => 'busy', database => 'free')->{M}, $of_user, 'a user has a limit of their own');

# A refused login takes nothing, and one that leaves gives back.
(pop @clients)->close;
wait_until(sub { eval { push @clients, Wire->login($millpond, user => 'busy', database => 'free') } },
	'the place of one that left');
is(refusal(user => 'busy', database => 'free')->{M}, $of_user, 'and no more than that');

# On the console only those who may not do everything are limited.
my @consoles = map { Wire->login($millpond, database => 'pgbouncer') } 1 .. 4;
is(refusal(user => 'statistician', database => $_)->{M}, $of_database,
	"admins are counted, but not limited; others are, at $_") for qw(pgbouncer millpond);

# Limits hold from the moment they change.
$millpond->reconfigure(settings => { max_db_client_connections => 0, max_user_client_connections => 0 },
	users => { busy => 'max_user_client_connections=6' });
push @clients, Wire->login($millpond) for 1 .. 3;
push @clients, Wire->login($millpond, user => 'busy');
is(refusal(user => 'busy')->{M}, $of_user, 'counts live through a reload');

done_testing;
