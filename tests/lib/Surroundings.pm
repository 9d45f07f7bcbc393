# Finds PostgreSQL's own test modules and programs, and a place for temporary files, when the
# Makefile has not already said where they are. Loaded before anything of PostgreSQL's.
package Surroundings;

use v5.36;

BEGIN
{
	# PostgreSQL refuses to run as root, and so does the daemon.
	die "run the tests as an unprivileged user, as `make check` does\n" if $> == 0;

	my ($bin) = sort { $b cmp $a } glob '/usr/lib/postgresql/*/bin';
	$bin = $ENV{PG_BINDIR} if $ENV{PG_BINDIR};
	die "no PostgreSQL server found; try `make deps`\n" unless $bin && -x "$bin/initdb";
	my $pgxs = $bin =~ s{/bin$}{/lib/pgxs}r;

	$ENV{PATH}       = "$bin:$ENV{PATH}";
	$ENV{PG_REGRESS} //= "$pgxs/src/test/regress/pg_regress";
	$ENV{TESTDIR}    //= $ENV{TESTDATADIR} // "/tmp/millpond-tests-$>";
	$ENV{PG_TEST_PORT_DIR}        //= "$ENV{TESTDIR}/ports";
	$ENV{PG_TEST_TIMEOUT_DEFAULT} //= 30;
	mkdir $ENV{TESTDIR};
	if ($ENV{TESTLOGDIR} && mkdir "$ENV{TESTDIR}/tmp_check")
	{
		symlink $ENV{TESTLOGDIR}, "$ENV{TESTDIR}/tmp_check/log";
	}
	unshift @INC, "$pgxs/src/test/perl";
}

# Test::Utils clears the user's own PG* variables; ours come after that.
use PostgreSQL::Test::Utils ();
use Test::More ();
$ENV{PGUSER} = 'postgres';

# A test that hangs is told to end. Without this it would not run its ENDs, and leave its servers behind.
$SIG{TERM} = sub { require Carp; Carp::confess('ended by SIGTERM') };

# Test::Utils sends standard error to a file; when a test died, its last words belong on the screen.
END
{
	my $status = $?;
	if ($status > 1 && $PostgreSQL::Test::Utils::test_logfile
		&& open my $log, '<', $PostgreSQL::Test::Utils::test_logfile)
	{
		my @lines = <$log>;
		splice @lines, 0, -15 if @lines > 15;
		Test::More::diag(@lines);
	}
	$? = $status;
}

1;
