# After logins that failed in every way no count of clients is too high: each limit lets in as many as before, and nobody is shown.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');
my $fake   = FakeServer->new(login => sub ($c, $startup) {
	return 0 if ($startup->{user} // '') ne 'refused';
	$c->put(FakeServer::ErrorResponse('28P01', 'password authentication failed for user "refused"', 'FATAL'));
	return $c->leave;
});
my $nobody = PostgreSQL::Test::Cluster::get_free_port();
my %limit  = (max_client_conn => 4, max_db_client_connections => 3, max_user_client_connections => 2);

sub millpond ($name, $auth_type, %more)
{
	my $millpond = Millpond->new($name,
		files => {
			'users.txt' => qq("me" "pencil"\n"you" "pencil"\n"refused" "pencil"\n"lookup" "pencil"\n),
			'hba.conf'  => "host all mallory all reject\nhost all all all scram-sha-256\n",
		},
		databases => { postgres => $fake->target, closed => $fake->target, dead => "host=127.0.0.1 port=$nobody auth_user=lookup auth_dbname=dead" },
		settings  => {
			auth_type => $auth_type, auth_file => 'users.txt', auth_hba_file => 'hba.conf', client_tls_sslmode => 'allow', server_login_retry => 60,
			$authority->client_tls, query_wait_timeout => 20, workers => 2, %limit, %more
		});
	my $console = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');
	$console->query('DISABLE closed');
	return { millpond => $millpond, console => $console, auth_type => $auth_type };
}

# All that is counted, when it is as it was in the beginning.
sub leftovers ($pond)
{
	my $console = $pond->{console};
	my %lists   = map { $_->{list} => $_->{items} } $console->hashes('SHOW LISTS');
	return join ' ', (map { "$_=$lists{$_}" } grep { $lists{$_} != ($_ eq 'used_clients' ? 1 : 0) } qw(used_clients login_clients)),
		(map { "client $_->{user}/$_->{database} $_->{state}" } grep { $_->{database} ne 'pgbouncer' } $console->hashes('SHOW CLIENTS')),
		(map { "database $_->{name}" } grep { $_->{current_client_connections} && $_->{name} ne 'pgbouncer' } $console->hashes('SHOW DATABASES')),
		(map { "user $_->{name}" } grep { $_->{current_client_connections} && $_->{name} ne 'pgbouncer' } $console->hashes('SHOW USERS')),
		(map { "pool $_->{user}" } grep { $_->{database} ne 'pgbouncer' && $_->{cl_active} + $_->{cl_waiting} } $console->hashes('SHOW POOLS'));
}

# Each limit lets in as many as it says, and not one more.
sub limits ($pond, $name)
{
	my $millpond = $pond->{millpond};
	my $login = sub ($user, $database = 'postgres') {
		my $client = Wire->connect($millpond);
		my $answer = $client->authenticate('pencil', user => $user, database => $database);
		return ($client, $answer->{status} ? 'in' : $answer->{error}{M});
	};
	my (@clients, @said);
	for my $case ([ me => 'in' ], [ me => 'in' ], [ me => 'max_user_client_connections' ], [ you => 'in' ], [ you => 'max_db_client_connections' ])
	{
		my ($client, $said) = $login->($case->[0]);
		push @clients, $client if $said eq 'in';
		push @said, $said if $said !~ /\b$case->[1]\b/;
	}
	is_deeply(\@said, [], "$name: and each limit is what it was");
	$_->close for @clients;
	wait_until(sub { leftovers($pond) eq '' }, 'everybody to leave');
	return;
}

# --- ways to fail --------------------------------------------------------------------------------

sub client ($pond, %how) { return Wire->connect($pond->{millpond}, %how) }
sub first_message () { return Message('p', "SCRAM-SHA-256\0" . pack 'N/a*', Scram->new('pencil')->first) }
sub half_way ($pond, $steps)
{
	my $client = client($pond)->startup(user => 'me');
	return $client if $steps == 0;
	$client->get;
	$client->put(first_message()) if $steps > 1;
	$client->get if $steps > 2;
	return $client;
}

my %plain = (
	'nothing at all'          => sub ($pond) { client($pond)->close },
	'a reset at once'         => sub ($pond) { client($pond)->reset },
	'half a startup packet'   => sub ($pond) { client($pond)->put("\0\0\0\x20\0\3")->close },
	'a startup packet, and away' => sub ($pond) { half_way($pond, 0)->close },
	'a startup packet, and a reset' => sub ($pond) { half_way($pond, 0)->reset },
	'old protocol'            => sub ($pond) { client($pond)->put(pack 'NN a64', 72, 2 << 16, 'me')->closed },
	'no name'                 => sub ($pond) { client($pond)->put(Startup(database => 'postgres'))->closed },
	'a wrong password'        => sub ($pond) { client($pond)->authenticate('crayon', user => 'me') },
	'an empty password'       => sub ($pond) { client($pond)->authenticate('', user => 'me') },
	'an unknown user'         => sub ($pond) { client($pond)->authenticate('pencil', user => 'stranger') },
	'an unknown database'     => sub ($pond) { client($pond)->authenticate('pencil', user => 'me', database => 'nowhere') },
	'a closed database'       => sub ($pond) { client($pond)->authenticate('pencil', user => 'me', database => 'closed') },
	'an unknown parameter'    => sub ($pond) { client($pond)->authenticate('pencil', user => 'me', nonsense => 1) },
	'the console, by a stranger' => sub ($pond) { client($pond)->authenticate('pencil', user => 'me', database => 'pgbouncer') },
	'the console, by nobody'  => sub ($pond) { client($pond)->authenticate('pencil', user => 'stranger', database => 'pgbouncer') },
	'another message'         => sub ($pond) { half_way($pond, 1)->put(Query('select 1'))->closed },
	'a goodbye instead of a password' => sub ($pond) { half_way($pond, 1)->put(Terminate())->closed },
	'away when asked'         => sub ($pond) { half_way($pond, 1)->close },
	'a reset when asked'      => sub ($pond) { half_way($pond, 1)->reset },
	'half a password'         => sub ($pond) { half_way($pond, 1)->put("p\0\0\0\x40SCR")->close },
	'a user whom the server refuses' => sub ($pond) { client($pond)->authenticate('pencil', user => 'refused') },
	'TLS, and away'           => sub ($pond) { client($pond)->put($Wire::ssl_request)->close },
	'TLS, and nonsense'       => sub ($pond) { my $client = client($pond)->put($Wire::ssl_request); $client->get_bytes(1); $client->put('x' x 100)->closed },
	'half a handshake'        => sub ($pond) { my $client = client($pond)->put($Wire::ssl_request); $client->get_bytes(1); $client->put("\x16\3\1\2\0\1\0")->close },
	'bytes in front of TLS'   => sub ($pond) { client($pond)->put($Wire::ssl_request . Startup(user => 'me'))->closed },
	'a wrong password over TLS' => sub ($pond) { client($pond, tls => {})->authenticate('crayon', user => 'me') },
	'away in the middle of it over TLS' => sub ($pond) { my $client = client($pond, tls => {})->startup(user => 'me'); $client->get; $client->close },
	'a cancel request for nobody' => sub ($pond) { client($pond)->put(CancelRequest(1, 2))->closed },
);
my %dead = (
	'a server that is not there' => sub ($pond) {
		$pond->{console}->query('SET query_wait_timeout = 0.5');
		client($pond)->authenticate('pencil', user => 'me', database => 'dead');
		$pond->{console}->query('SET query_wait_timeout = 20');
	},
	'whom the dead server should know' => sub ($pond) {
		$pond->{console}->query('SET client_login_timeout = 0.3');
		client($pond)->authenticate('pencil', user => 'stranger', database => 'dead');
		$pond->{console}->query('SET client_login_timeout = 60');
	},
);
my %scram = (
	'away after the first message'  => sub ($pond) { half_way($pond, 2)->close },
	'a reset after the first message' => sub ($pond) { half_way($pond, 2)->reset },
	'away when challenged'   => sub ($pond) { half_way($pond, 3)->close },
	'a reset when challenged' => sub ($pond) { half_way($pond, 3)->reset },
	'a wrong proof'          => sub ($pond) { half_way($pond, 3)->put(Message('p', 'c=biws,r=x,p=' . 'A' x 43 . '='))->closed },
	'an unknown mechanism'   => sub ($pond) { half_way($pond, 1)->put(Message('p', "NONE\0" . pack 'N/a*', 'x'))->closed },
);
my %hba     = ('a line that rejects' => sub ($pond) { client($pond)->authenticate('pencil', user => 'mallory') });
my %require = ('no TLS where it is required' => sub ($pond) { client($pond)->startup(user => 'me')->closed });

# Three times each, so that one that is left behind would fill the limits soon.
sub fail_in_all_ways ($pond, %ways)
{
	for my $name (sort keys %ways)
	{
		$ways{$name}->($pond) for 1 .. 3;
		my $left;
		eval { wait_until(sub { ($left = leftovers($pond)) eq '' }, 'it to be gone') };
		is($left, '', "$pond->{auth_type}: $name");
	}
	limits($pond, $pond->{auth_type}) if !$ways{'no TLS where it is required'};
	return;
}

fail_in_all_ways(millpond('scram', 'scram-sha-256'), %plain, %scram, %dead);
fail_in_all_ways(millpond('plain', 'plain'), %plain);
fail_in_all_ways(millpond('md5', 'md5'), %plain);
fail_in_all_ways(millpond('hba', 'hba'), %plain, %scram, %hba);
fail_in_all_ways(millpond('tls', 'scram-sha-256', client_tls_sslmode => 'require'), %require);

# A login that takes too long, with its place in the count until then.
my $pond = millpond('late', 'scram-sha-256', client_login_timeout => 1);
my @slow = map { half_way($pond, $_) } 0 .. 3;
is($_->result('E')->{error}{M}, 'client_login_timeout', 'too late') for @slow;
wait_until(sub { leftovers($pond) eq '' }, 'them to be gone');
$pond->{console}->query('SET client_login_timeout = 60');
limits($pond, 'too late');

done_testing;
