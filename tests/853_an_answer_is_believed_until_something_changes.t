# With auth_query_cache the old secret counts until RELOAD, SET, RECONNECT or a failed login; that of one server opens no other.
use v5.36;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $server = Postgres->new('server');
my $second = Postgres->new('second');
$_->safe_psql('postgres', q{
	create role lookup superuser login password 'lookup';
	create role app login password 'pencil';
	create role other login password 'pencil'}) for $server, $second;
$second->safe_psql('postgres', q(alter role app password 'brush'));
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => '', twin => $second->target . ' dbname=postgres' },
	files => { 'users.txt' => qq("lookup" "lookup"\n"postgres" "pencil"\n) },
	settings => { auth_type => 'scram-sha-256', auth_user => 'lookup', auth_file => 'users.txt', auth_query_cache => 600 });
my $owner = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

sub attempt ($password, $user = 'app', $database = 'postgres')
{
	my $client = Wire->connect($millpond);
	my $error = $client->authenticate($password, user => $user, database => $database)->{error};
	$client->close;
	return $error ? $error->{M} : 'welcome';
}
sub change ($password) { return $server->safe_psql('postgres', "alter role app password '$password'") }

my $password = 'pencil';
is(attempt($password), 'welcome', 'a user is asked about');
for my $command ('RELOAD', 'SET verbose = 1', 'RECONNECT')
{
	change(my $new = $password eq 'pencil' ? 'crayon' : 'pencil');
	is(attempt($password), 'welcome', 'the answer is believed while a password changes');
	$owner->query($command);
	is(attempt($password), 'SASL authentication failed', "after $command the old one does not count");
	is(attempt($new), 'welcome', '... and the new one does');
	$password = $new;
}

# What was asked of one server is not believed of another, where the same user has another password.
is(attempt('brush', 'app', 'twin'), 'welcome', 'a password of another server');
is(attempt($_->[0], 'app', $_->[1]), 'SASL authentication failed', "$_->[0] does not open $_->[1]")
	for [ $password, 'twin' ], [ 'brush', 'postgres' ];
is(attempt($_->[0], 'app', $_->[1]), 'welcome', "... but $_->[1] is opened by its own")
	for [ $password, 'postgres' ], [ 'brush', 'twin' ];

# Whoever comes with a new one is let in at the second try, and asks about nobody else.
change('chalk');
attempt('pencil', 'other');
$server->safe_psql('postgres', q(alter role other password 'chalk'));
is(attempt('chalk'), 'SASL authentication failed', 'a new password does not count at once');
is(attempt('chalk'), 'welcome', '... but has the user asked about again');
is(attempt('pencil', 'other'), 'welcome', '... and no other');

# One who hangs up has not failed.
change('pencil');
Wire->connect($millpond)->startup(user => 'app')->close;
is(attempt('chalk'), 'welcome', 'nor does one who says nothing');

$millpond->write_config(databases => { postgres => $second->target });
$owner->query('RELOAD');
is(attempt('chalk'), 'SASL authentication failed', 'a password of the former server');
is(attempt('brush'), 'welcome', 'opens no other, whose own does');
# Whoever comes after a RELOAD has nothing of a question that was under way before it.
$second->safe_psql('postgres', q(alter role app password 'before'));
$millpond->write_config(settings => { auth_query => 'select rolname, rolpassword from pg_authid where rolname = $1 and '
		. q(pg_advisory_lock_shared(42)::text = '') });
$owner->query('RELOAD');
my $holder = $second->background_psql('postgres');
$holder->query_safe('select pg_advisory_lock(42)');
my @asked = Wire->connect($millpond)->startup(user => 'app');
$second->poll_query_until('postgres', q(select true from pg_stat_activity where usename = 'lookup' and wait_event = 'advisory'));
$second->safe_psql('postgres', q(alter role app password 'after'));
$owner->query('RELOAD');
my $from = $millpond->log_end;
push @asked, Wire->connect($millpond)->startup(user => 'app');
$millpond->wait_for_log(qr/login attempt/, $from);
$holder->query_safe('select pg_advisory_unlock(42)');
for my $password (qw(before after))
{
	my ($client, $scram) = (shift @asked, Scram->new($password));
	$client->get;
	$client->put(Message('p', "SCRAM-SHA-256\0" . pack 'N/a*', $scram->first));
	my $challenge = substr $client->get->[1], 4;
	is($client->put(Message('p', $scram->final($challenge)))->result->{error}{M}, undef, "the password $password a RELOAD");
}
$holder->quit;
done_testing;
