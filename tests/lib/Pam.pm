# Services of PAM for one test file, in a folder of their own, for daemons that are started with what env() says.
#
#	plan skip_all => Pam->missing if Pam->missing;
#	my $pam = Pam->new(passwords => [ 'ann:red fish:pgbouncer' ], services => { closed => "auth required pam_deny.so\n" });
#	Millpond->new('pool', settings => { auth_type => 'pam' }, env => { $pam->env });
#
package Pam;

use v5.36;
use Surroundings;
use Carp;
use File::Path qw(rmtree);
use Files;
use PostgreSQL::Test::Utils ();

sub _wrapper () { return (glob '/usr/lib/*/libpam_wrapper.so')[0] }
sub _modules () { return (glob '/usr/lib/*/pam_wrapper')[0] }

sub missing ($class)
{
	return _wrapper() && _modules() ? undef : 'libpam-wrapper is not installed';
}

# Options: passwords, services (name => lines, in which MATRIX stands for the module that checks those passwords). The
# service pgbouncer is there without being asked for.
sub new ($class, %options)
{
	my $dir    = PostgreSQL::Test::Utils::tempdir();
	my $self   = bless { dir => $dir, wrapper => _wrapper(), owner => $$ }, $class;
	my $matrix = _modules() . "/pam_matrix.so passdb=$dir/passwords";
	my %services = (pgbouncer => "auth required MATRIX\naccount required MATRIX\n", ($options{services} // {})->%*);
	mkdir "$dir/pam.d" or croak "$dir/pam.d: $!";
	put_file("$dir/passwords", map { "$_\n" } $options{passwords}->@*);
	put_file("$dir/pam.d/$_", $services{$_} =~ s/MATRIX/$matrix/gr) for keys %services;
	put_file("$dir/suppressions", "race:ld-linux\nrace:libpam.so\n");
	if ($ENV{SANITIZE})
	{
		system 'cc', '-shared', '-fPIC', '-o', "$dir/shallow.so", 'tests/programs/without_deepbind.c';
		$self->{wrapper} = "$dir/shallow.so $self->{wrapper}";
	}
	return $self;
}

# The wrapper copies the services to a folder of its own, which stays behind when a daemon has ended while a module hung.
# This comes after the daemons' end.
sub DESTROY ($self)
{
	return if $self->{owner} != $$;
	for my $copy (glob '/tmp/pam.?')
	{
		my $service = eval { PostgreSQL::Test::Utils::slurp_file("$copy/pgbouncer") } // '';
		rmtree($copy) if $service =~ /\Q$self->{dir}\E/;
	}
	return;
}

# The environment of a daemon that is to find them.
sub env ($self)
{
	my $dir = $self->{dir};
	return (
		LD_PRELOAD => $self->{wrapper}, PAM_WRAPPER => 1, PAM_WRAPPER_SERVICE_DIR => "$dir/pam.d",
		# The loader's own locks are not seen by it.
		TSAN_OPTIONS => join(':', grep { $_ } $ENV{TSAN_OPTIONS}, "suppressions=$dir/suppressions",
			'report_thread_leaks=0'),
		ASAN_OPTIONS => join(':', grep { $_ } $ENV{ASAN_OPTIONS}, 'verify_asan_link_order=0'));
}

1;
