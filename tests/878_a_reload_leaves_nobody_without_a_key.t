# RELOAD while servers are logged in to: what it has brought counts for a login that was under way, and a user that a file has lacked
# for a moment is not without the key that opens more servers.
use v5.36;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $secret = Scram::secret('pencil');

# --- a login that is under way -----------------------------------------------------------------------

# Asks only when it is told to.
my $go   = PostgreSQL::Test::Utils::tempdir() . '/go';
my $fake = FakeServer->new(login => sub ($c, $startup) {
	wait_until(sub { -e $go }, 'leave to go on');
	if ($startup->{user} eq 'plain')
	{
		$c->put(AuthRequest(3));
		return $c->log_in if ($c->get // $c->leave)->[1] eq "pencil\0";
		$c->put(ErrorResponse('28P01', 'password authentication failed', 'FATAL'));
		$c->leave;
	}
	my ($scram, $text) = Scram->challenge($secret, $c->begin_scram);
	$c->put(AuthRequest(11, $text));
	my $answer = $scram->accept(($c->get // $c->leave)->[1]) // $c->leave;
	$c->put(AuthRequest(12, $answer));
	return $c->log_in;
});
my $nobody   = qq("plain" ""\n"key" ""\n);
my $millpond = Millpond->new('under_way', databases => { postgres => $fake->target },
	files    => { 'users.txt' => $nobody, hba => "local all all trust\nhost all all all scram-sha-256\n" },
	settings => { auth_type => 'hba', auth_hba_file => 'hba', auth_file => 'users.txt', default_pool_size => 1,
		server_login_retry => 60, query_wait_timeout => 60 });
my $owner = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');
for my $user (qw(plain key))
{
	unlink $go;
	$millpond->write_file('users.txt', $nobody);
	$owner->query('RELOAD');
	my $before = Wire->connect($millpond, unix => 1)->startup(user => $user);
	wait_until(sub { $fake->received(qr/startup .*\|$user\|/) }, 'the login');
	$millpond->write_file('users.txt', qq("plain" "pencil"\n"key" "$secret"\n));
	is($owner->query('RELOAD')->{error}, undef, 'RELOAD while a server is logged in to');
	my $after = Wire->connect($millpond)->prove('pencil', user => $user);
	wait_until(sub { 2 == grep { grep { ($_ // '') eq $user } @$_ } $owner->query('SHOW CLIENTS')->{rows}->@* }, 'both clients');
	open my $file, '>', $go or die "$go: $!";
	is($_->[1]->result->{error}, undef, "$user: who came $_->[0]") for [ before => $before ], [ after => $after ];
	$_->close for $before, $after;
}
$owner->close;
$millpond->stop;

# --- a line that is gone for a moment -------------------------------------------------------------------

my $server = Postgres->new('server');
$server->safe_psql('postgres', "create role $_ login password 'pencil'") for 'u', 'lookup superuser', 'seeker';
$server->set_hba("local all postgres trust\nlocal all all scram-sha-256\n");
my $whole = join '', map { qq("$_" ") . $server->safe_psql('postgres', "select rolpassword from pg_authid where rolname = '$_'") . qq("\n) }
	qw(u lookup);
my $pool = Millpond->new('moment', server => $server, files => { 'users.txt' => $whole },
	databases => { postgres => '', asked => 'dbname=postgres auth_user=lookup' },
	settings  => { auth_type => 'scram-sha-256', auth_file => 'users.txt', server_login_retry => 60, query_wait_timeout => 20 });
$owner = Wire->login($pool, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

sub enter ($user, $database)
{
	my $client = Wire->connect($pool);
	my $error  = $client->authenticate('pencil', user => $user, database => $database)->{error};
	is($error && $error->{M}, undef, "$user comes in");
	return $client;
}

my $client = enter('u', 'postgres');
enter('lookup', 'postgres')->close;
enter('seeker', 'asked')->close;
for my $text (qq("other" "x"\n), $whole)
{
	$pool->write_file('users.txt', $text);
	$owner->query('RELOAD');
}
$owner->query('RECONNECT');
is($client->query('select 1')->{error}, undef, 'a client that is there has a new server');
enter('seeker', 'asked');

done_testing;
