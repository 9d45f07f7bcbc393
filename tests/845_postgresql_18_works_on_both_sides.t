# PostgreSQL 18 as the server, through TLS as well, its libpq as the clients', and as Millpond's own: logins, keys of SCRAM, and cancels.
use v5.36;
use Certificates;
use EmbeddedPostgres;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'there is no PostgreSQL 18 here' unless embedded_postgres(18);

my $hba = "local all all trust\nhost all postgres all trust\nhost all me all scram-sha-256\n";
my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'IP:127.0.0.1');
my $new = EmbeddedPostgres->new(18, hba => $hba,
	conf => [ 'ssl=on', map { "ssl_${_}_file=" . $authority->file('server.' . s/cert/crt/r) } qw(cert key) ]);
my $old = Postgres->new;
$old->safe_psql('postgres', q(create role me login password 'pencil'));
my $secret = $old->safe_psql('postgres', q(select rolpassword from pg_authid where rolname = 'me'));
$new->psql("create role me login password '$secret'");
$old->set_hba($hba);

my %libpq = (here => undef, 18 => embedded_libpq(18));
my $through_tls = $new->target . ' dbname=postgres sslmode=verify-full sslrootcert=' . $authority->file('ca.crt');
my $to_old = 'host=127.0.0.1 port=' . $old->port;

# Millpond, with libpq of the machine or of PostgreSQL 18; it knows the SCRAM secret alone.
sub millpond ($which)
{
	return Millpond->new("pool_$which", env => { LD_LIBRARY_PATH => $libpq{$which} // '' },
		files     => { 'users.txt' => qq("me" "$secret"\n) },
		settings  => { auth_type => 'scram-sha-256', auth_file => 'users.txt', server_login_retry => 60 },
		databases => {
			old      => "$to_old dbname=postgres",
			new      => $new->target . ' dbname=postgres sslmode=disable',
			strict   => $new->target . ' dbname=postgres sslmode=disable target_session_attrs=read-write',
			secure   => "$through_tls channel_binding=require",
			direct   => "$through_tls sslnegotiation=direct",
		});
}

# psql with that libpq: its output, or its error.
sub psql ($which, $millpond, $database, $query, %how)
{
	local $ENV{LD_LIBRARY_PATH} = $libpq{$which} if $libpq{$which};
	local $ENV{PGPASSWORD} = 'pencil';
	my $conninfo = "host=127.0.0.1 port=${\ $millpond->port } user=me dbname=$database "
		. ($how{conninfo} // '');
	my ($out, $error) = ('', '');
	my $run = IPC::Run::start([ 'psql', '-XAt', '-c', $query, $conninfo ], '<', \undef, '>', \$out, '2>',
		\$error, IPC::Run::timeout($Wire::patience));
	$how{meanwhile}->($run) if $how{meanwhile};
	$run->finish;
	return ($out . $error) =~ s/\s+\z//r;
}

# The query is sent, and cancelled once it runs.
sub cancelled ($which, $millpond, $database)
{
	my $running = q(select count(*) from pg_stat_activity where wait_event = 'PgSleep');
	my $ask = $database eq 'old' ? sub { $old->safe_psql('postgres', $_[0]) } : sub { $new->psql($_[0]) };
	my $answer = psql($which, $millpond, $database, 'select pg_sleep(60)',
		conninfo => $which eq '18' ? 'max_protocol_version=latest' : '', meanwhile => sub ($run) {
			wait_until(sub { $ask->($running) == 1 }, 'the query to run');
			$run->signal('INT');
		});
	return $answer =~ /canceling statement due to user request/ ? 'cancelled' : $answer;
}

for my $own (sort keys %libpq)
{
	my $millpond = millpond($own);
	for my $client (sort keys %libpq)
	{
		my $newest = $client eq '18' ? 'max_protocol_version=latest' : '';
		for my $database (qw(old new secure direct))
		{
			is(psql($client, $millpond, $database, 'select current_user', conninfo => $newest), 'me',
				"Millpond's libpq: $own, psql's: $client, server: $database");
			is(cancelled($client, $millpond, $database), 'cancelled', '... and a cancel reaches it');
		}
	}
	like(psql('18', $millpond, 'new', 'select 1', conninfo => 'min_protocol_version=3.2'),
		qr/protocol version/, 'a client that insists on 3.2 is told that there is 3.0');
	is(psql('here', $millpond, 'secure', q(select version from pg_stat_ssl where pid = pg_backend_pid())), 'TLSv1.3',
		"the server is spoken to through TLS, libpq: $own");
	is(psql('here', $millpond, 'strict', 'select 1'), 1, "target_session_attrs with keys, libpq: $own");
}

done_testing;
