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

# What takes the place of an online restart.
($status, $out, $error) = run_binary('-R', $theirs);
is($status, 1, '-R is refused');
like($error, qr/SIGHUP.*systemd.*so_reuseport/s, '... with what to use instead');

done_testing;
