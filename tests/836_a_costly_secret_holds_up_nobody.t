# Passwords sent as they are, for secrets of very many iterations: too many are refused, and the others keep nobody of another name waiting.
use v5.36;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $crowd  = 40;
my $server = Postgres->new;
$server->safe_psql('postgres', 'create role honest login');
my $secret = 'SCRAM-SHA-256$%u:c2FsdHNhbHRzYWx0c2FsdA==$' . 'A' x 43 . '=:' . 'A' x 43 . '=';
my $users  = new_file('users.txt', sprintf(qq{"postgres" "pencil"\n"slow" "$secret"\n"endless" "$secret"\n}, 2_000_000, 2_000_001)
	. sprintf(qq{"honest" "%s"\n}, Scram::secret('pencil')));
my $millpond = Millpond->new('pool', server => $server, settings => {
	auth_type       => 'plain', auth_file => $users, client_login_timeout => 60, max_client_conn => $crowd + 1,
	log_connections => 0 },
	# At the end helpers are left behind if they are still at work.
	env => { TSAN_OPTIONS => join ':', grep { $_ } $ENV{TSAN_OPTIONS}, 'report_thread_leaks=0' });
my $admin = Wire->connect($millpond);
is($admin->authenticate('pencil', user => 'postgres', database => 'pgbouncer')->{status}, 'I', 'somebody is let in');

sub begin ($user)
{
	my $client = Wire->connect($millpond)->startup(user => $user);
	$client->get;
	$client->put(Message('p', "x\0"));
	return $client;
}
is(begin('endless')->result->{error}{M}, 'password authentication failed', 'more iterations than are computed');
$millpond->wait_for_log(qr/too many iterations for a password sent as it is/);
pass('... and the log says so');

# They take seconds, all together; behind them means behind this one.
my @slow = map { begin('slow') } 1 .. $crowd;
my $one  = $slow[ $crowd / 2 ];
is($admin->query('RELOAD')->{error}, undef, 'RELOAD');
ok($one->quiet, '... stands in no line with them');
is(Wire->connect($millpond)->authenticate('pencil', user => 'honest')->{status}, 'I', 'another user is let in');
ok($one->quiet, '... and stands in none, either');
$_->close for @slow;
my $present = sub { return { map { @$_ } $admin->query('SHOW LISTS')->{rows}->@* }->{login_clients} };
ok(wait_until(sub { $present->() == 0 }, 'them to leave', 8), 'who has hung up keeps no place');
is(Wire->connect($millpond)->authenticate('pencil')->{status}, 'I', '... and the next is let in');

$admin->query('SET client_login_timeout = 2');
@slow = map { begin('slow') } 1 .. $crowd;
is($slow[-1]->result->{error}{M}, 'client_login_timeout', 'who waits too long is told');

done_testing;
