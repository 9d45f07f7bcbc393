# auth_query's answers are kept of ten thousand users; of those whose clients are there a secret is known for new servers all the same.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', q{
	create role lookup superuser login password 'lookup';
	create role app login password 'pencil';
	create function look(text, out text, out text) language sql as
		$$ select $1, coalesce((select rolpassword from pg_authid where rolname = $1), 'x') $$});
$server->set_hba("local all postgres trust\nlocal all all scram-sha-256\n");

my $millpond = Millpond->new('pool', server => $server,
	files => { 'users.txt' => qq("lookup" "lookup"\n"postgres" ""\n),
		hba => "local all all trust\nhost all all 0.0.0.0/0 scram-sha-256\n" },
	settings => { auth_type => 'hba', auth_hba_file => 'hba', auth_user => 'lookup', auth_file => 'users.txt',
		auth_query => 'select * from public.look($1)', auth_dbname => 'postgres',
		log_connections => 0, log_disconnections => 0 });
sub renew () { return $millpond->console('RECONNECT', unix => 1, user => 'pgbouncer') }

my $app = Wire->connect($millpond);
is($app->authenticate('pencil', user => 'app')->{status}, 'I', 'a client is let in');
renew;
is($app->value('select current_user'), 'app', 'and served by a new server');

my $refused = 0;
for my $crowd (1 .. 101)
{
	my @clients = map { Wire->connect($millpond, unix => 1)->startup(user => "u$crowd.$_", database => 'nowhere') } 1 .. 100;
	$refused += $_->result->{error}{C} eq '3D000' for @clients;
	$_->close for @clients;
}
is($refused, 10100, 'ten thousand others are looked up');
renew;
is($app->value('select current_user'), 'app', '... and it is served by a new server still');
done_testing;
