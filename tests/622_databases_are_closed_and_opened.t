# DISABLE closes a database to new clients, ENABLE opens it again; those who are in go on.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => '', other => 'dbname=postgres' });
my $console  = Wire->login($millpond, database => 'pgbouncer');
my $client   = Wire->login($millpond);

sub shown ($database)
{
	return ($console->hashes("SHOW DATABASES WHERE name = '$database'"))[0]{disabled};
}
sub error_of ($command) { return $console->query($command)->{error} }

is_deeply($console->query('DISABLE postgres')->{tags}, ['DISABLE'], 'DISABLE answers as there');
is_deeply($console->query('DISABLE postgres')->{tags}, ['DISABLE'], 'also when it is closed already');
is(shown('postgres'), 1, 'SHOW DATABASES shows it');
is(shown('other'), 0, '... of no other');
my $refused = Wire->connect($millpond)->startup->result->{error};
is("$refused->{S} $refused->{C} $refused->{M}", 'FATAL 55000 database "postgres" is disabled', 'new clients are told');
like($refused->{H}, qr/ENABLE/, '... and what helps');
is($client->value('select 1'), 1, 'who is in goes on');
is(Wire->login($millpond, database => 'other')->value('select 1'), 1, 'other databases are open');
$console->query('RELOAD');
is(shown('postgres'), 1, 'a reload does not open it');
is_deeply($console->query('ENABLE postgres')->{tags}, ['ENABLE'], 'ENABLE answers as there');
is(shown('postgres'), 0, 'and SHOW DATABASES shows it');
is(Wire->login($millpond)->value('select 2'), 2, 'new clients come in again');

for my $verb (qw(DISABLE ENABLE))
{
	is(error_of($verb)->{M}, 'a database is required', "$verb needs one");
	is(error_of("$verb nothing")->{M}, 'no such database: nothing', '... that there is');
	is(error_of("$verb pgbouncer")->{M}, "cannot \L$verb\E admin db: pgbouncer", '... and that is not the console');
	is(Wire->login($millpond, database => 'pgbouncer', user => 'statistician')->query("$verb postgres")->{error}{M},
		'admin access needed', '... and an admin');
}

done_testing;
