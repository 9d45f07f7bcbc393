# Every message of PgBouncer's is said in its words, with PostgreSQL's SQLSTATE, and with figures and advice where there are some.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $server   = Postgres->new;
my $nobody   = PostgreSQL::Test::Cluster::get_free_port();
my $millpond = Millpond->new('pool', server => $server,
	databases => { postgres => '', closed => 'dbname=postgres', one => 'dbname=postgres pool_size=1',
		missing => 'dbname=dne', dead => "host=127.0.0.1 port=$nobody", statement => 'dbname=postgres pool_mode=statement' });
my $console = Wire->login($millpond, database => 'pgbouncer');

# A SET that holds until the case is over.
my @set;
sub set (%settings)
{
	for my $name (sort keys %settings)
	{
		my $error = $console->query("SET $name = '$settings{$name}'")->{error};
		die "$error->{M}: $error->{D}" if $error;
	}
	push @set, keys %settings;
	return;
}

sub login_error (%names) { return Wire->connect($millpond)->startup(%names)->result->{error} }
sub bytes_error ($bytes) { return Wire->connect($millpond)->put($bytes)->result->{error} }

my $hba = "$ENV{TESTDIR}/hba-$$";
put_file($hba, "host all rejected all reject\nhost all postgres all trust\nlocal all all trust\n");

# Someone who has the only server of a pool.
sub occupied ()
{
	my $client = Wire->login($millpond, database => 'one');
	$client->query('begin');
	return $client;
}

my %case = (
	'no more connections allowed (max_client_conn)' => sub {
		set(max_client_conn => 1);
		my $first = Wire->login($millpond);
		return login_error();
	},
	'client connections exceeded (max_db_client_connections)' => sub {
		set(max_db_client_connections => 1);
		my $first = Wire->login($millpond);
		return login_error();
	},
	'client connections exceeded (max_user_client_connections)' => sub {
		set(max_user_client_connections => 2);    # the console's is one
		my $first = Wire->login($millpond);
		return login_error();
	},
	'no authentication method is found' => sub {
		set(auth_hba_file => $hba, auth_type => 'hba');
		return login_error(user => 'nobody');
	},
	'login rejected' => sub {
		set(auth_hba_file => $hba, auth_type => 'hba');
		return login_error(user => 'rejected');
	},
	'login failed' => sub { return login_error(user => 'nobody', replication => 'database') },
	'no such database: nowhere'     => sub { return login_error(database => 'nowhere') },
	'database "closed" is disabled' => sub {
		$console->query('DISABLE closed');
		return login_error(database => 'closed');
	},
	'old V2 protocol not supported' => sub {
		return bytes_error(pack 'NN a64 a32 a64 a64 a64', 296, 2 << 16, 'postgres', 'postgres', '', '', '');
	},
	'unsupported startup parameter: nonsense' => sub { return login_error(nonsense => 1) },
	'unsupported startup parameter in options: nonsense' => sub { return login_error(options => '-c nonsense=1') },
	q(unsupported options startup parameter: only '-c config=val' and '--config=val' are allowed) =>
		sub { return login_error(options => '-d 5') },
	'invalid startup packet layout: expected terminator as last byte' =>
		sub { return bytes_error(pack('NN', 8 + 14, 3 << 16) . "user\0postgres\0") },
	'no username supplied' => sub { return bytes_error(Startup(database => 'postgres')) },
	'PQexec disallowed'    => undef,    # takes a restart: see test 120
	'client_idle_timeout'  => sub {
		set(client_idle_timeout => '0.3');
		return Wire->login($millpond)->result('E')->{error};
	},
	'client_login_timeout' => sub {
		set(client_login_timeout => '0.3');
		return Wire->connect($millpond)->put("\0\0")->result('E')->{error};
	},
	'client_login_timeout (server down)' => sub {
		set(client_login_timeout => '0.5');
		return login_error(database => 'dead');
	},
	'server login has been failing, cached error: database "dne" does not exist (server_login_retry)' => sub {
		set(server_login_retry => 60);
		is(login_error(database => 'missing')->{M}, 'database "dne" does not exist', 'the first gets it afresh');
		return login_error(database => 'missing');
	},
	'query_wait_timeout' => sub {
		my $first = occupied();
		my $second = Wire->login($millpond, database => 'one');
		set(query_wait_timeout => '0.3');
		return $second->query('select 1')->{error};
	},
	'query_timeout' => sub {
		my $first = occupied();
		my $second = Wire->login($millpond, database => 'one');
		set(query_timeout => '0.3');
		return $second->query('select 1')->{error};
	},
	'query timeout' => sub {
		set(query_timeout => '0.3');
		return Wire->login($millpond)->query('select pg_sleep(10)')->{error};
	},
	'idle transaction timeout' => sub {
		set(idle_transaction_timeout => '0.3');
		my $client = Wire->login($millpond);
		$client->query('begin');
		return $client->result('E')->{error};
	},
	'transaction timeout' => sub {
		set(transaction_timeout => '0.3');
		return Wire->login($millpond)->put(Query('begin'))->result('E')->{error};
	},
	'transaction blocks not allowed in statement pooling mode' => sub {
		return Wire->login($millpond, database => 'statement')->put(Query('begin'))->result('E')->{error};
	},
	'suspend_timeout' => sub {
		set(suspend_timeout => '0.3');
		my $first = occupied();
		my $second = Wire->login($millpond, database => 'one');
		$second->put(Query('select 1'));
		wait_until(sub { ($console->hashes("SHOW POOLS WHERE database = 'one'"))[0]{cl_waiting} }, 'a waiting client');
		$console->query('SUSPEND');
		$console->query('RESUME');
		return $second->result('E')->{error};
	},
	'admin forced disconnect' => sub {
		my $client = Wire->login($millpond);
		my ($row) = $console->hashes("SHOW CLIENTS WHERE database = 'postgres'");
		$console->query("KILL_CLIENT $row->{id}");
		return $client->result('E')->{error};
	},
	# These two are the last in the table: they end the daemon.
	'server shutting down' => sub {
		my $first = occupied();
		my $second = Wire->login($millpond, database => 'one');
		$second->put(Query('select 1'));
		wait_until(sub { ($console->hashes("SHOW POOLS WHERE database = 'one'"))[0]{cl_waiting} }, 'a waiting client');
		$console->query('SHUTDOWN WAIT_FOR_SERVERS');
		my $error = $second->result('E')->{error};
		$first->query('rollback');
		$millpond->wait_exit;
		$millpond->start;
		$console = Wire->login($millpond, database => 'pgbouncer');
		return $error;
	},
	'pooler is shutting down' => sub {
		my $client = Wire->login($millpond);
		$millpond->signal('TERM');
		my $error;
		wait_until(
			sub {
				my $other = eval { Wire->connect($millpond, unix => 1) } or return 1;
				$other->startup;
				$error = $other->result->{error};
				return $error;
			},
			'a refusal');
		$client->close;
		$millpond->wait_exit;
		return $error;
	},
);

for my $line (grep { !/^#/ } split /\n/, slurp_file('tests/data/messages.tsv'))
{
	my ($text, $severity, $sqlstate, $more, $figures) = split /\t/, $line, -1;
	ok(exists $case{$text}, "there is a case for: $text") or next;
	my $provoke = $case{$text} or next;
	wait_until(sub { 1 == $console->hashes('SHOW CLIENTS') }, 'those of the last case to be gone');
	my $error = $provoke->();
	is($error->{M}, $text, $text);
	is("$error->{S} $error->{C}", "$severity $sqlstate", '... with its severity and code');
	is(($error->{D} ? 'D' : '') . ($error->{H} ? 'H' : ''), $more, '... with what goes along')
		or diag(join ' | ', map { $_ // '-' } @$error{qw(D H)});
	like($error->{D}, qr/$figures/, '... and the figures') if $figures;
	$console->query('RELOAD') if @set;
	@set = ();
}

done_testing;
