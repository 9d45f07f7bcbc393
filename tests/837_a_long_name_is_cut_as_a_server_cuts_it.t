# Names of more than 63 bytes are those that the server makes of them, for every rule and limit; but what the files name is found.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
my ($role, $database, $entry, $listed) = ('r' x 63, 'd' x 63, 'e' x 70, 'l' x 70);
my $umlauts = "\xc3\xa4" x 31;    # what fits of them
$server->safe_psql('postgres', qq{
	create role lookup superuser login password 'lookup';
	create role $role login password 'pencil';
	create role "$umlauts" login password 'pencil';
	create database $database;
});
my $hba = new_file('hba', <<"LINES");
host pgbouncer all 0.0.0.0/0 trust
host postgres $role 0.0.0.0/0 reject
host $database "$umlauts" 0.0.0.0/0 reject
host all all 0.0.0.0/0 scram-sha-256
LINES
my $millpond = Millpond->new('pool', server => $server,
	settings => {
		auth_type => 'hba', auth_hba_file => $hba, auth_user => 'lookup', auth_dbname => 'postgres', default_pool_size => 1,
		auth_file => new_file('users.txt', qq{"lookup" "lookup"\n"postgres" "pencil"\n"$listed" "crayon"\n}) },
	databases => { '*' => '', $entry => "dbname=postgres user=postgres" },
	users     => { $role => 'max_user_client_connections=1' });

sub outcome ($client, $user, $name, $password = 'pencil')
{
	my $answer = $client->authenticate($password, user => $user, database => $name);
	return $answer->{error} ? $answer->{error}{M} : $client->value(q(select current_user || '@' || current_database()));
}

# On a connection that is closed again.
sub short ($user, $name, @password) { return outcome(Wire->connect($millpond), $user, $name, @password) }

is(short($role, 'postgres'), 'login rejected', 'a line of HBA for a role of 63 bytes');
is(short("${role}x", 'postgres'), 'login rejected', '... holds for who adds to the name');
my $one = Wire->connect($millpond);
is(outcome($one, $role, $database), "$role\@$database", 'in another database it is let in');
is(short("${role}y", $database), 'client connections exceeded (max_user_client_connections)',
	'... and who adds to the name shares its limit');
$one->close;
wait_until(sub { $one = Wire->connect($millpond); outcome($one, "${role}z", "${database}z") eq "$role\@$database" },
	'the place');
is($millpond->pool($database, $role)->{cl_active}, 1, '... and its pool');
is(short($umlauts . "\xc3\xa4", 'postgres'), "$umlauts\@postgres", 'no character is cut in two');
is(short($umlauts . "\xc3\xa4", "$database+"), 'login rejected', '... and the name of a database is cut for the lines of HBA as well');
is(short('postgres', $entry), 'postgres@postgres', 'an entry may have a longer name');
is(short($listed, $entry, 'crayon'), 'postgres@postgres', '... and a user of auth_file');
is(short($listed, $entry), 'SASL authentication failed', '... with a password of its own');

done_testing;
