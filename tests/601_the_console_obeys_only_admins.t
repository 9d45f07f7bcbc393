# Admins may do everything, stats users may look, others may not come in; wrong commands get the known words.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my $admin    = Wire->login($millpond, database => 'pgbouncer', user => 'postgres');
my $stats    = Wire->login($millpond, database => 'pgbouncer', user => 'statistician');

my $stranger = Wire->connect($millpond)->startup(database => 'pgbouncer', user => 'app')->result;
is($stranger->{error}{S}, 'FATAL', 'anybody else is refused');
is($stranger->{error}{C}, '28000', 'as not authorised');
ok($stranger->{eof}, 'and sent away');

is($stats->query("SHOW $_")->{error}, undef,
	"a stats user may SHOW $_") for qw(VERSION POOLS CLIENTS SERVERS STATS CONFIG HELP);
for my $command ('SHOW FDS', 'SHOW PREPARED_STATEMENTS', 'RELOAD', 'SHUTDOWN', 'SHUTDOWN WAIT_FOR_CLIENTS', 'KILL', 'KILL postgres', 'KILL_CLIENT 1', 'PAUSE', 'SUSPEND',
	'DISABLE postgres', 'RECONNECT', q(SET auth_type = 'any'))
{
	my $answer = $stats->query($command);
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'ERROR', '08P01', 'admin access needed' ],
		"a stats user may not $command");
	is($answer->{types}, 'EZ', 'but stays');
}
is_deeply($admin->query('RELOAD')->{tags}, ['RELOAD'], 'an admin may RELOAD');
is($admin->query("SHOW $_")->{error}, undef, "... and SHOW $_") for qw(FDS PREPARED_STATEMENTS);

my %wrong = (
	'NONSENSE'              => "invalid command 'NONSENSE', use SHOW HELP;",
	'select 1; drop table x' => "invalid command 'select 1; drop table x', use SHOW HELP;",
);
for my $command (sort keys %wrong)
{
	my $answer = $admin->query($command);
	is_deeply([ @{ $answer->{error} }{qw(S C M)} ], [ 'ERROR', '08P01', $wrong{$command} ],
		"'$command'");
}
for my $command ('SHOW', 'SHOW NONSENSE', 'SHUTDOWN NONSENSE', '"', 'x' x 5000)
{
	my $answer = $admin->query($command);
	is($answer->{error}{C}, '08P01', substr($command, 0, 20) . ' is an error');
	is($answer->{status}, 'I', 'and no more');
}
like($admin->put(Parse('', 'SHOW VERSION'), Bind(), Execute(), Sync())->result->{rows}[0][0],
	qr{^Millpond\b}, 'the extended protocol');

is($admin->query('')->{types}, 'IZ', 'an empty query');

my $unix = Wire->login($millpond, unix => 1, database => 'pgbouncer', user => 'pgbouncer');
is_deeply($unix->query('RELOAD')->{tags}, ['RELOAD'],
	'the user pgbouncer over the Unix socket, same uid, is admin');
my $greeting = $admin->{greeting};
my %parameters = map { @$_ } $greeting->{parameters}->@*;
like($parameters{server_version}, qr{^\d+\.\d+\.\d+/bouncer$},
	'the console reports its version as a parameter');
is($parameters{client_encoding}, 'UTF8', 'and an encoding');
is($admin->value('SHOW client_encoding'), 'UTF-8', 'drivers may ask for it');
my @psql = $millpond->psql('pgbouncer', 'SHOW VERSION');
like($psql[1], qr/^Millpond/, 'psql works on it');

done_testing;
