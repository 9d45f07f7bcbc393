# server_tls_sslmode and server_tls_ca_file mean what they do to PgBouncer, with libpq and without it: below verify-ca nothing is verified.
use v5.36;
use Certificates;
use Millpond;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my ($ca, $stranger) = map { $_->file('ca.crt') } $authority, Certificates->new('Another authority');
my $server = Postgres->new('server', conf => join "\n", 'ssl = on',
	map { "ssl_$_->[0]_file = '" . $authority->file("server.$_->[1]") . "'" } [ 'key', 'key' ], [ 'cert', 'crt' ]);

my $home = PostgreSQL::Test::Utils::tempdir();
mkdir "$home/.postgresql";
append_to_file("$home/.postgresql/root.crt", slurp_file($stranger));

my %ways = (own => 'user=postgres password=x', libpq => 'krbsrvname=postgres');

# What becomes of a login in each way: whether it is through TLS, or why it fails.
sub outcomes_are ($expected, $what, %case)
{
	state $count = 0;
	my $pool = Millpond->new('pool' . $count++, env => { HOME => '/nonexistent', ($case{env} // {})->%* },
		settings  => { server_login_retry => 60, ($case{settings} // {})->%* },
		databases => { map { $_ => 'host=localhost port=' . $server->port
			. " dbname=postgres $ways{$_} " . ($case{entry} // '') } keys %ways });
	my %client = map { $_ => Wire->connect($pool)->startup(database => $_) } keys %ways;
	for my $way (sort keys %ways)
	{
		my $why;
		wait_until(sub { ($why) = $pool->log_since(0) =~ m{S-\w+: $way/.*((?<=closing because: ).*|new connection to server)} }, 'an end');
		$why = $client{$way}->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
			if $why =~ /^new/ && $client{$way}->result->{status};
		like($why, $expected, "$what, $way");
	}
	$pool->stop;
	return;
}
my ($failed, $encrypted, $clear) = (qr/certificate verify failed/, qr/^t$/, qr/^f$/);
my %foreign = (server_tls_ca_file => $stranger);

outcomes_are($encrypted, 'require, and the file of another',
	settings => { server_tls_sslmode => 'require', %foreign });
outcomes_are($encrypted, 'prefer, and the file of another', settings => {%foreign});
outcomes_are($clear, 'allow, and the file of another', settings => { server_tls_sslmode => 'allow', %foreign });
outcomes_are($encrypted, 'require, and another at home',
	settings => { server_tls_sslmode => 'require' }, env => { HOME => $home });
outcomes_are($encrypted, 'prefer, and another at home', env => { HOME => $home });
outcomes_are($failed, "verify-ca, and the file of another",
	settings => { server_tls_sslmode => 'verify-ca', %foreign });
outcomes_are($failed, "verify-ca, and another at home",
	settings => { server_tls_sslmode => 'verify-ca' }, env => { HOME => $home });

# What an entry asks for is meant as libpq has it.
outcomes_are($failed, 'require of the entry', settings => {%foreign}, entry => 'sslmode=require');
outcomes_are($failed, 'require, and a file of the entry',
	settings => { server_tls_sslmode => 'require' }, entry => "sslrootcert=$stranger");

# Where nothing names a file, the system's is meant. That is OpenSSL's, which SSL_CERT_FILE stands for.
my %full = (server_tls_sslmode => 'verify-full');
outcomes_are($encrypted, 'verify-full, by the system', settings => {%full}, env => { SSL_CERT_FILE => $ca });
outcomes_are($encrypted, 'verify-full of the entry, by the system',
	entry => 'sslmode=verify-full', env => { SSL_CERT_FILE => $ca });
outcomes_are($failed, 'verify-full, and a system that does not vouch',
	settings => {%full}, env => { SSL_CERT_FILE => $stranger });
outcomes_are($failed, 'verify-full, and another at home', settings => {%full}, env => { HOME => $home, SSL_CERT_FILE => $ca });
outcomes_are(qr{root certificate file "/nowhere" does not exist}, 'verify-full, and nothing at all',
	settings => {%full}, env => { SSL_CERT_FILE => '/nowhere' });

# ... but not in the place of a file at home that cannot be had.
my %unreachable = map { $_ => PostgreSQL::Test::Utils::tempdir() } 'a link to nowhere', 'a closed folder', 'a closed home';
mkdir "$_/.postgresql" for values %unreachable;
symlink '/nowhere', "$unreachable{'a link to nowhere'}/.postgresql/root.crt";
chmod 0, "$unreachable{'a closed folder'}/.postgresql", $unreachable{'a closed home'};
outcomes_are(qr/root certificate file ".*\/root.crt" does not exist|could not open certificate file/, "verify-ca, and $_",
	settings => { server_tls_sslmode => 'verify-ca' }, env => { HOME => $unreachable{$_}, SSL_CERT_FILE => $ca })
	for 'a link to nowhere', 'a closed folder';
outcomes_are(qr/^t$|could not open certificate file/, 'verify-full, and a closed home, which is none',
	settings => {%full}, env => { HOME => $unreachable{'a closed home'}, SSL_CERT_FILE => $ca });
chmod 0700, "$unreachable{'a closed folder'}/.postgresql", $unreachable{'a closed home'};

# An entry may say so; then servers are verified in full, with any libpq and whatever the settings and files at home say.
my $system = 'sslrootcert=system';
outcomes_are($encrypted, 'the system, by the entry', entry => $system, env => { HOME => $home, SSL_CERT_FILE => $ca },
	settings => { server_tls_sslmode => 'disable', %foreign });
outcomes_are($encrypted, 'the system and verify-full, by the entry',
	entry => "$system sslmode=verify-full", env => { SSL_CERT_FILE => $ca });
outcomes_are($failed, 'a system that does not vouch, by the entry', entry => $system, env => { SSL_CERT_FILE => $stranger });
outcomes_are(qr/does not match host name "127.0.0.1"/, 'the system, and another name',
	entry => "$system host=127.0.0.1", env => { SSL_CERT_FILE => $ca });
outcomes_are(qr{root certificate file "/nowhere" does not exist}, 'the system, and it has no file',
	entry => $system, env => { SSL_CERT_FILE => '/nowhere' });

my $home_of_check = '/nonexistent';
sub notes ($settings, @entries)
{
	local @ENV{qw(HOME SSL_CERT_FILE)} = ($home_of_check, '/nowhere');
	my $databases = join '', map { "$_\n" } @entries;
	my ($status, $out) = run_binary('--check', ini_file("[databases]\n$databases"
		. "[millpond]\nlisten_port = 1\nlisten_addr = *\nauth_type = trust\n$settings"));
	return $out;
}
my $missing = qr{database "far": verify-full verifies servers, but here is no file "/nowhere" .*: name one in server_tls_ca_file or sslrootcert};
my $out     = notes("server_tls_sslmode = verify-full\n", 'far = host=localhost', 'near = host=/tmp', 'other = host=x sslmode=require');
like($out, qr/:9: $missing/, '--check tells what is not there');
unlike($out, qr/"(?:near|other)": verify/, '... where it is missed');
like(notes('', 'far = host=localhost sslmode=verify-full'), $missing, '... also by an entry');
unlike(notes("server_tls_ca_file = $ca\n", 'far = host=localhost sslmode=verify-full'), qr/verifies/, '... if it is missed');
like(notes('', "far = host=localhost $system"), $missing, '... and of the system');

$home_of_check = $unreachable{'a link to nowhere'};
like(notes('', 'far = host=localhost sslmode=verify-full'), qr{here is no file "~/.postgresql/root.crt"}, '... and of the one at home');

my $weak = ini_file(join "\n", '[databases]', map({ "$_ = host=x $system sslmode=$_" } qw(disable prefer require verify-ca verify-full)),
	"[millpond]\nauth_type = trust\n");
my ($status, undef, $faults) = run_binary('--check', $weak);
is($faults, join('', map { sprintf qq(%s:%d: database "%s": weak sslmode "%s" may not be used with sslrootcert=system (use "verify-full")\n),
		$weak, $_->[0], $_->[1], $_->[1] } [ 2, 'disable' ], [ 3, 'prefer' ], [ 4, 'require' ], [ 5, 'verify-ca' ]),
	'a weaker mode beside it is refused, as by libpq');

done_testing;
