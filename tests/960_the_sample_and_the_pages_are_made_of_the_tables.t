# conf/millpond.ini and the manual pages are what `make docs` makes of the program's tables, name every setting, and are well-formed.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(run_command slurp_file);
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
is(system('doc/make', $Millpond::binary, $folder), 0, 'doc/make runs');
my %place = ('millpond.ini' => 'conf', 'millpond.1' => 'doc', 'millpond.ini.5' => 'doc');
for my $name (sort keys %place)
{
	my $made = slurp_file("$folder/$name");
	ok($made eq slurp_file("$place{$name}/$name"), "$place{$name}/$name is current (run `make docs`)");
}

my ($status, $out, $error) = run_binary('--check', 'conf/millpond.ini');
is($status, 0, 'the sample is good') or diag($error);
is($out, "conf/millpond.ini: ok\n", '... without a note');

# With every setting that is commented out there, it means the same.
my $sample = slurp_file('conf/millpond.ini') =~ s/^;(\w+ =)/$1/mgr;
$sample =~ s/^(auth_type|auth_file) = .*\n//mg;
($status, $out, $error) = run_binary('--check', ini_file("$sample\nauth_type = trust\n"));
is($status, 0, 'the defaults in the comments are values that can be set') or diag($error);

my @settings = map { [ split /\t/, $_, -1 ] } split /\n/, (run_binary('--settings'))[1];
my $page = slurp_file('doc/millpond.ini.5');
is(scalar(grep { @$_ != 8 || $_->[7] eq '' } @settings), 0, 'every setting and key has its meaning');
is(scalar(grep { my $name = $_->[1]; $page !~ /^\.B \Q$name\E$/m } @settings), 0, '... and its place in the page');

SKIP:
{
	skip 'no man here', 2 if system('man --version >/dev/null 2>&1');
	for my $file ('doc/millpond.1', 'doc/millpond.ini.5')
	{
		my ($text, $warnings) = run_command([ 'man', '--warnings', '-E', 'UTF-8', '-l', $file ]);
		is($warnings, '', "$file is well-formed");
	}
}

# A file for PgBouncer.
my $theirs = ini_file("[databases]\nx = host=127.0.0.1\n[pgbouncer]\nauth_type = trust\npkt_buf = 4096\n"
		. "listen_backlog = 128\n");
($status, $out, $error) = run_binary('--check', $theirs);
is($status, 0, 'a file for PgBouncer is good');
like($out, qr/^What is different from PgBouncer:$/m, '--check lists what will be different');
like($out, qr/^  server_login_retry is not set: /m, '... where the file does not say it');
unlike($out, qr/^  listen_backlog/m, '... but not where it does');
like($out, qr/^  pkt_buf has no effect: /m, '... and what has no effect');
($status, $out, $error) = run_binary('--check', ini_file("[databases]\nx = host=127.0.0.1\n[millpond]\nauth_type = trust\n"));
unlike($out, qr/PgBouncer/, 'a file of our own is not compared');

# Each difference is told to those whom it concerns: what a file sets, and the line that it brings.
my $users = new_file('users', qq("me" "x"\n));
my $base = "[databases]\nx = host=127.0.0.1\n[pgbouncer]\n";
my @concerns = (
	[ "auth_type = trust\nadmin_users = me\n" => qr/admin_users: SHOW FDS/ ],
	[ "auth_type = trust\nauth_user = me\n" => qr/auth_query runs on server connections of its own/ ],
	[ "auth_type = trust\nauth_file = $users\n" => qr/auth_file, auth_hba_file: if one is missing/ ],
	[ "auth_type = trust\n[databases]\ny = host=a,b\n" => qr/host: when one of a list fails/ ],
	[ "auth_type = trust\ntrack_extra_parameters = search_path\n" => qr/track_extra_parameters: what the server/ ],
	[ "auth_type = trust\n" => qr/trust: with neither .* everybody can log in/ ],
	[ "auth_type = pam\n" => qr/pam: four logins/ ],
	[ "auth_type = ldap\nauth_ldap_options = ldapserver=h ldapbasedn=\"dc=x\"\n" => qr/ldap: names are escaped/ ],
	[ "auth_type = trust\npool_mode = statement\n" => qr/pool_mode: a LISTEN ends/ ],
	[ "auth_type = trust\npool_mode = statement\n" => qr/pool_mode: a server whose user/ ],
	[ "auth_type = trust\npool_mode = transaction\npin_clients = 1\n" => qr/pin_clients: .* keeps its server/ ],
	[ "auth_type = trust\npool_mode = transaction\n" => qr/max_prepared_statements: .*MILLPOND_/ ],
	[ "auth_type = trust\npool_mode = transaction\n" => qr/max_prepared_statements: one that is not there/ ],
	[ "auth_type = trust\n[users]\nme = pool_mode=transaction\n" => qr/max_prepared_statements: .*MILLPOND_/ ],
	[ "auth_type = trust\nsyslog = 1\n" => qr/syslog_ident is not set/ ],
	[ "auth_type = trust\nserver_tls_ciphers = HIGH\n" => qr/server_tls_ciphers holds up to TLS 1\.2; server_tls13_ciphers is not set/ ],
);
($status, $out, $error) = run_binary('--check', ini_file("${base}auth_type = md5\n"));
my $plain = $out;
like($plain, qr/^  -R is refused: .*so_reuseport$/m, 'what concerns every file');
like($plain, qr/^  workers is not set: /m, '... and what it leaves to the default');
for my $case (@concerns)
{
	my ($settings, $line) = @$case;
	($status, $out, $error) = run_binary('--check', ini_file($base . $settings));
	like($out, qr/^  $line/m, $settings =~ s/\n/, /gr) or diag($error);
	unlike($plain, qr/^  $line/m, '... and only then');
}

# What takes the place of an online restart.
($status, $out, $error) = run_binary('-R', $theirs);
is($status, 1, '-R is refused');
like($error, qr/SIGHUP.*systemd.*so_reuseport/s, '... with what to use instead');

done_testing;
