# A secret or key that becomes known is tried at once, for all who depend on it, whatever has failed before; one that was known is not.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', q{
	create role lookup superuser login password 'lookup';
	create role seeker login password 'pencil';
	create role changing login password 'pencil';
	create role plain login password 'pencil';
	create table passwords (name text, password text);
	insert into passwords values ('plain', 'pencil');
});
$server->safe_psql('postgres', "create role $_ login password 'pencil'") for qw(early vouched forced clear);
my $twin_secret = $server->safe_psql('postgres', q(create role first_twin login password 'twin'; select rolpassword from pg_authid where rolname = 'first_twin'));
$server->safe_psql('postgres', "create role $_ login password '$twin_secret'") for qw(twin other_twin);
my $users = qq("plain_lookup" "lookup"\n) . join '', map { qq("$_" "$twin_secret"\n) } qw(first_twin twin other_twin);
for my $role (qw(lookup early vouched forced clear))
{
	my $secret = $server->safe_psql('postgres', "select rolpassword from pg_authid where rolname = '$role'");
	$users .= qq("$role" "$secret"\n);
}
$server->safe_psql('postgres', q(create role plain_lookup superuser login password 'lookup'));
$server->set_hba("local all postgres trust\nlocal all clear password\nlocal all all scram-sha-256\n");

my $from_table = q(auth_user=plain_lookup auth_query='select name, password from passwords where name=$1');
my $millpond = Millpond->new('pool', server => $server,
	files => { 'users.txt' => $users, hba => "local all pgbouncer peer\nlocal all all trust\nhost all all all scram-sha-256\n" },
	databases => {
		postgres => '',
		ready    => 'dbname=postgres user=early min_pool_size=1',
		asked    => 'dbname=postgres auth_user=lookup',
		forcing  => 'dbname=postgres user=forced',
		changing => 'dbname=postgres auth_user=plain_lookup',
		table    => "dbname=postgres $from_table",
	},
	settings => { auth_type => 'hba', auth_hba_file => 'hba', auth_file => 'users.txt', server_login_retry => 60,
		pool_mode => 'transaction' });

sub attempt ($user, $database, $password = 'pencil')
{
	my $client = Wire->connect($millpond);
	my $answer = $client->authenticate($password, user => $user, database => $database);
	return wantarray ? ($answer->{error}{M} // 'welcome', $client) : $answer->{error}{M} // 'welcome';
}

sub let_in_unasked ($user, $database)
{
	my $client = Wire->connect($millpond, unix => 1);
	return $client->startup(user => $user, database => $database)->result->{error}{M} // 'welcome';
}

my $nothing_known = 'server login failed: wrong password type';

# The pooler comes first, or somebody who has proved nothing.
wait_until(sub { $millpond->log_since =~ /ready\/early.*closing because: server login failed: wrong password type/ }, 'the login that fails');
is(attempt('early', 'ready'), 'welcome', 'a pool that was to be ready opens with the first key');
is(let_in_unasked('vouched', 'postgres'), $nothing_known, 'who has proved nothing has no server');
is(attempt('vouched', 'postgres'), 'welcome', '... and who then does has one');
is(let_in_unasked('vouched', 'postgres'), 'welcome', '... as has the former');

# Several have the same secret.
is(let_in_unasked($_, 'postgres'), $nothing_known, "$_ has proved nothing") for qw(twin other_twin);
is(attempt('first_twin', 'postgres', 'twin'), 'welcome', 'somebody else proves the key');
is(attempt('twin', 'postgres', 'twin'), 'welcome', '... and opens servers to who proves it as well');
is(let_in_unasked('other_twin', 'postgres'), 'welcome', '... and to who does not');

# The key is that of somebody on whom others depend.
is(attempt('seeker', 'asked'), $nothing_known, 'nobody can be looked up');
is(attempt('lookup', 'postgres', 'lookup'), 'welcome', 'until auth_user has logged in');
is(attempt('seeker', 'asked'), 'welcome', '... and then at once');
is(attempt('vouched', 'forcing'), $nothing_known, 'no server opens to a forced user');
is(attempt('forced', 'postgres'), 'welcome', 'until he has logged in');
is(attempt('vouched', 'forcing'), 'welcome', '... and then at once');

# A password changes, which the next who logs in shows.
sub change_password ($user)
{
	$server->safe_psql('postgres', "alter role $user password 'brush'");
	$server->safe_psql('postgres', "update passwords set password = 'brush' where name = '$user'");
	$server->safe_psql('postgres', "select pg_terminate_backend(pid, 60000) from pg_stat_activity where usename = '$user'");
	return;
}
for my $case ([ changing => 'changing' ], [ plain => 'table' ])
{
	my ($user, $database) = @$case;
	my ($words, $client) = attempt($user, $database);
	is($words, 'welcome', "$user: the first password");
	change_password($user);
	my $result;
	wait_until(sub { $result = $client->query('select 1'); $result->{error} }, 'the refusal');
	like($result->{error}{M}, qr/wrong password type|password authentication failed/, '... is none any more');
	my ($again, $new) = attempt($user, $database, 'brush');
	is($again, 'welcome', '... and the second, at once');
	is(eval { $new->value('select current_user') }, $user, '... opens a server');
}

# What has been known all along is tried as often as the setting has it.
my $from = $millpond->log_end;
is(attempt('clear', 'postgres'), $nothing_known, "login $_ with a key that is of no use") for 1 .. 5;
is(scalar(() = $millpond->log_since($from) =~ /S-\w+: postgres\/clear.*closing because: server login failed: wrong password type/g), 1, 'the server is asked once');

done_testing;
