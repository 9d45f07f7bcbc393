# What libpq finds in ~/.postgresql counts in every login to a server, whatever is known of the user.
use v5.36;
use Certificates;
use Digest::MD5 qw(md5_hex);
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file system_or_bail);
use Scram;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server    => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(certified => '/CN=certified');
$authority->write_crl;
my %is = map { $_ => slurp_file($authority->file($_)) } qw(ca.crt ca.crl certified.crt certified.key);
$authority->revoke('server');
$is{revoked} = slurp_file($authority->file('ca.crl'));
$is{stranger} = slurp_file(Certificates->new('Another authority')->file('ca.crt'));

my $server = Postgres->new('server', conf => $authority->ssl_conf(ca => 1));
$server->safe_psql('postgres', 'create role me login; create role certified login');
$server->set_hba("local all postgres trust\nhostssl all me all trust\nhostssl all certified all cert\n");

my %ways = (
	own   => 'password=pencil',
	libpq => 'password=pencil krbsrvname=postgres',
	md5   => 'password=md5' . md5_hex('pencilme'),
	scram => "password='" . Scram::secret('pencil') . "'",
);
sub home (%files)
{
	my $home = PostgreSQL::Test::Utils::tempdir();
	mkdir "$home/.postgresql";
	put_file("$home/.postgresql/$_", $is{$files{$_}}) for keys %files;
	chmod 0600, glob "$home/.postgresql/*.key";
	return $home;
}

sub millpond ($name, $home, $entry = '', %more)
{
	return Millpond->new($name, env => { HOME => $home, ($more{env} // {})->%* },
		settings  => { server_login_retry => 60, ($more{settings} // {})->%* },
		databases => { map { $_ => 'host=localhost port=' . $server->port
			. " dbname=postgres user=me sslmode=require $ways{$_} $entry" } keys %ways });
}

# What the log says of each login, expected of all or by its way; 'welcome': they are let in, through TLS.
sub outcomes_are ($expected, $what, $pool)
{
	my %client = map { $_ => Wire->connect($pool)->startup(database => $_) } keys %ways;
	for my $way (sort keys %ways)
	{
		my $why;
		wait_until(sub { ($why) = $pool->log_since(0) =~ m{S-\w+: $way/.*((?<=closing because: ).*|new connection to server)} }, 'an end');
		$why = 'welcome' if $why =~ /^new/ && $client{$way}->result->{status}
			&& $client{$way}->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()') eq 't';
		like($why, ref $expected eq 'HASH' ? $expected->{$way} // $expected->{others} : $expected, "$what, $way");
	}
	return;
}

my $failed    = qr/certificate verify failed/;
my %root      = ('root.crt' => 'ca.crt');
my %identity  = ('postgresql.crt' => 'certified.crt', 'postgresql.key' => 'certified.key');
my $stranger  = home('root.crt' => 'stranger');
my $certified = home(%root, %identity, 'root.crl' => 'ca.crl');

outcomes_are($failed, 'another root', millpond('another', $stranger));
outcomes_are($failed, 'another root, with ciphers', millpond('ciphers', $stranger, '', settings => { server_tls_ciphers => 'HIGH' }));
outcomes_are($failed, 'what is revoked', millpond('revoked', home(%root, 'root.crl' => 'revoked')));
outcomes_are(qr/^welcome$/, 'a certificate', millpond('certified', $certified, 'sslmode=verify-full user=certified'));
outcomes_are(qr/certificate present, but not private key/, 'a certificate without a key',
	millpond('keyless', home('postgresql.crt' => 'certified.crt')));

my $home = home(%identity);
chmod 0640, "$home/.postgresql/postgresql.key";
outcomes_are(qr/has group or world access/, 'a key for all', millpond('open', $home));

$home = home('postgresql.crt' => 'certified.crt');
system_or_bail('openssl', 'pkey', '-in', $authority->file('certified.key'), '-outform', 'DER', '-out', "$home/.postgresql/postgresql.key");
chmod 0600, "$home/.postgresql/postgresql.key";
outcomes_are(qr/^welcome$/, 'a key in DER', millpond('binary', $home, 'user=certified'));

# What is named stands instead of what is at home, also a folder of lists instead of a list.
my $ca = $authority->file('ca.crt');
my ($hash, $folder) = (qx(openssl x509 -in $ca -noout -subject_hash) =~ s/\s//gr, PostgreSQL::Test::Utils::tempdir());
put_file("$folder/$hash.r0", $is{'ca.crl'});
outcomes_are(qr/^welcome$/, 'a root that is named', millpond('named', $stranger, "sslrootcert=$ca"));
outcomes_are(qr/^welcome$/, 'lists that are named',
	millpond('lists', home(%root, 'root.crl' => 'revoked'), "sslcrldir=$folder"));

# libpq wants to look into it.
$home = home('root.crt' => 'stranger');
chmod 0, "$home/.postgresql";
outcomes_are({ libpq => qr/could not open certificate file/, others => qr/^welcome$/ }, 'a closed home', millpond('closed', $home));
chmod 0700, "$home/.postgresql";

# Where HOME does not say where that is, the user does.
outcomes_are($failed, 'without HOME', millpond('homeless', '', '',
	env => { OTHER_HOME => $stranger, LD_PRELOAD => File::Spec->rel2abs("$ENV{OUT}/preload/other_home.so") }))
	if !$ENV{SANITIZE};

done_testing;
