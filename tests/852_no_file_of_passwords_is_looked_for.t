# A file of passwords opens servers where passfile= or PGPASSFILE names it, and not because it lies in the home of the daemon's user.
use v5.36;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $home  = put_file("$dir/.pgpass",     "*:*:*:*:from home\n");
my $entry = put_file("$dir/entry",       "*:*:*:*:from the entry\n");
my $named = put_file("$dir/environment", "*:*:*:*:from the environment\n");
chmod 0600, $home, $entry, $named;

my $fake = FakeServer->new(login => sub ($c, $startup) { $c->note_password($startup) });
my %environments = (unset => {}, empty => { PGPASSFILE => '' }, named => { PGPASSFILE => $named });
for (
	[ 'unset', 'bare',  undef ],
	[ 'empty', 'bare',  undef ],
	[ 'named', 'bare',  'from the environment' ],
	[ 'unset', 'entry', 'from the entry' ],
	[ 'named', 'entry', 'from the entry' ])
{
	my ($environment, $database, $password) = @$_;
	my $millpond = Millpond->new("$environment-$database", env => { HOME => $dir, $environments{$environment}->%* },
		settings  => { client_login_timeout => 10 },
		databases => { bare => $fake->target, entry => $fake->target . " passfile=$entry" });
	my $user   = "$environment $database";
	my $result = Wire->connect($millpond)->startup(user => $user, database => $database)->result;
	my @given  = map { s/^.* password $user //r } $fake->received(qr/ password $user /);
	is_deeply(\@given, [ map { "$_|" } grep { defined } $password ], "PGPASSFILE $environment, $database: what the server is given");
	is($result->{error}{M}, $password ? undef : 'server login failed: wrong password type', '... and the client is told');
	unlike($millpond->log_since, qr/password file/, '... and the log is not');
	$millpond->stop;
}

done_testing;
