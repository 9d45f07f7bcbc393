# What make install lays down is complete, passes systemd's own checks, and spares the settings.
use v5.36;
use File::Find qw(find);
use File::Temp qw(tempdir);
use Test::More;

my $dir = tempdir(CLEANUP => 1, DIR => $ENV{TESTDATADIR} // '/tmp');
chmod 0755, $dir;

sub make ($arguments)
{
	my $output = qx(umask 077; make --no-print-directory $arguments BINARY='$ENV{MILLPOND}' 2>&1);
	is($?, 0, "make $arguments") or diag($output);
	return;
}

sub files_under ($root)
{
	my @files;
	find({ wanted => sub { push @files, $File::Find::name =~ s/^\Q$root\E//r if -f },
		no_chdir => 1 }, $root);
	return sort @files;
}

sub mode ($path) { return sprintf '%o', (stat $path)[2] & 07777 }

sub content ($path, $text = undef)
{
	if (defined $text)
	{
		open my $file, '>', $path or die "$path: $!";
		print $file $text;
		return $text;
	}
	open my $file, '<', $path or die "$path: $!";
	return join '', <$file>;
}

# With DESTDIR, as a package is built -------------------------------------------------------------

my $package = "$dir/a package";
make("install DESTDIR='$package' PREFIX=/usr");
is_deeply(
	[ files_under($package) ],
	[ sort qw(
		/etc/millpond/millpond.ini
		/usr/bin/millpond
		/usr/lib/systemd/system/millpond.service
		/usr/lib/systemd/system/millpond.socket
		/usr/lib/sysusers.d/millpond.conf
		/usr/lib/tmpfiles.d/millpond.conf
		/usr/share/doc/millpond/LICENSE
		/usr/share/doc/millpond/README.md
		/usr/share/doc/millpond/millpond.ini
		/usr/share/man/man1/millpond.1
		/usr/share/man/man5/millpond.ini.5
	) ],
	'all files are in their places, and no others');
like(content("$package/usr/lib/systemd/system/millpond.service"),
	qr{^ExecStart=/usr/bin/millpond /etc/millpond/millpond.ini$}m,
		'the unit names the final paths');
is(mode("$package/etc/millpond/millpond.ini"), 640, 'settings are not for everyone');
is(join(' ', grep { mode("$package$_") !~ /^(?:644|755)$/ } grep { !/^.etc/ } files_under($package)), '',
	'... but the rest is, whatever the umask');
is(mode("$package/usr/$_"), 755, "... and so is the folder $_") for '', 'lib/systemd/system', 'share/man/man5';
like(content("$package/etc/millpond/millpond.ini"), qr{^unix_socket_dir = /run/millpond$}m,
	"the Unix socket goes to the service's own folder");
my $said = qx('$package/usr/bin/millpond' --check '$package/etc/millpond/millpond.ini' 2>&1);
is($said =~ s{^.* no folder "/run/millpond"\n}{}mr,
	"$package/etc/millpond/millpond.ini: ok\n", 'the sample settings are without fault');

content("$package/etc/millpond/millpond.ini", "; mine\n");
make("install DESTDIR='$package' PREFIX=/usr");
is(content("$package/etc/millpond/millpond.ini"), "; mine\n", 'settings are not overwritten');
make("uninstall DESTDIR='$package' PREFIX=/usr");
is_deeply([ files_under($package) ], ['/etc/millpond/millpond.ini'],
	'only they stay at the end');

# At each boot ------------------------------------------------------------------------------------

# Whoever runs this stands for root and for the group of the service.
my $root  = "$dir/booted";
my ($gid) = split / /, $);
make("install DESTDIR=$root PREFIX=/usr");
mkdir "$root/etc/millpond/conf.d" or die $!;
content("$root/etc/millpond/conf.d/more.ini", "max_client_conn = 500\n");
my $tmpfiles = "$root/usr/lib/tmpfiles.d/millpond.conf";
content($tmpfiles, content($tmpfiles) =~ s/root millpond/$> $gid/gr);
chmod 0755, "$root/etc/millpond", "$root/etc/millpond/conf.d";
chmod 0644, "$root/etc/millpond/millpond.ini", "$root/etc/millpond/conf.d/more.ini";
like(qx(systemd-tmpfiles --create --root=$root --prefix=/etc/millpond 2>&1), qr/^$/, 'systemd-tmpfiles');
is(mode("$root/etc/millpond/$_"), 750, "a folder is open to the service alone: $_") for '.', 'conf.d';
is(mode("$root/etc/millpond/$_"), 640, "... and a file: $_") for 'millpond.ini', 'conf.d/more.ini';

# In place, with other paths ----------------------------------------------------------------------

make("install PREFIX=$dir/local sysconfdir=$dir/settings");
my $units = "$dir/local/lib/systemd/system";

my $complaints = qx(systemd-analyze verify --man=no $units/millpond.service $units/millpond.socket 2>&1);
is($?, 0, 'systemd-analyze verify');
is(join('', grep { /millpond/ } split /^/m, $complaints), '', 'has nothing to say about them');

# What README puts beside the unit, where the file is PgBouncer's.
my ($beside) = content('README.md') =~ /`systemctl edit millpond`.*?^```ini\n(.*?)^```/ms;
mkdir "$units/millpond.service.d" or die $!;
my $drop_in = "$units/millpond.service.d/override.conf";
content($drop_in, $beside =~ s{/usr/local/}{$dir/local/}r);
$complaints = qx(systemd-analyze verify --man=no $units/millpond.service 2>&1);
is(join('', grep { /millpond|override/ } split /^/m, $complaints), '', 'nor about what README puts beside it');
content($drop_in, $beside);
like(qx(systemd-analyze verify --man=no $units/millpond.service 2>&1), qr{/usr/local/bin/millpond}, '... which it has read')
	if !-e '/usr/local/bin/millpond';
unlink $drop_in;

# 50 is where "OK" ends and "MEDIUM" begins; the unit is well below.
my $exposure = qx(systemd-analyze security --no-pager --offline=true --threshold=20 $units/millpond.service 2>&1);
is($?, 0, 'systemd-analyze security') or diag($exposure);
like($exposure, qr/Overall exposure level .*: [\d.]+ (OK|PERFECT)/, 'calls it OK');

content("$units/broken.service", content("$units/millpond.service") =~ s/^WatchdogSec=\K.*/soon/mr);
like(qx(systemd-analyze verify --man=no $units/broken.service 2>&1),
	qr/broken\.service:\d+: Failed to parse/,
	'a fault would have been seen');

like(qx(systemd-sysusers --dry-run $dir/local/lib/sysusers.d/millpond.conf 2>&1), qr/millpond/,
	'the user would be made');

done_testing;
