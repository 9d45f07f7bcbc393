# A real PostgreSQL for one test file: a PostgreSQL::Test::Cluster whose data directory is copied
# from a template that the first test file of a run has made, as initdb is slow.
package Postgres;

use v5.36;
use Surroundings;
use parent 'PostgreSQL::Test::Cluster';
use Fcntl qw(LOCK_EX);
use File::Path qw(rmtree);
use Files;
use PostgreSQL::Test::Utils ();

# Started, with the user and database postgres, on a Unix socket and on 127.0.0.1.
sub new ($class, $name = 'server', %more)
{
	rmtree "$PostgreSQL::Test::Utils::tmp_check/t_" . _test_name() . "_${name}_data";
	my $self = $class->SUPER::new($name);
	unlink $self->logfile;
	$self->init;
	$self->append_conf('postgresql.conf', join "\n", "listen_addresses = '127.0.0.1'",
		'max_connections = 200', 'autovacuum = off', $more{conf} // '');
	$self->start unless $more{stopped};
	return $self;
}

sub _test_name ()
{
	my ($name) = $0 =~ m{([^/]+?)(?:\.[^.]+)?$};
	return $name;
}

sub init ($self, %)
{
	my $template = "$ENV{TESTDIR}/template";
	open my $lock, '>', "$template.lock" or die "$template.lock: $!";
	flock $lock, LOCK_EX or die "$template.lock: $!";
	if (!-d $template)
	{
		$self->SUPER::init(extra => [qw(-U postgres --locale=C.UTF-8)]);
		PostgreSQL::Test::Utils::system_or_bail('cp', '-r', $self->data_dir, "$template.new");
		rename "$template.new", $template or die "$template: $!";
		return;
	}
	PostgreSQL::Test::Utils::system_or_bail('cp', '-r', $template, $self->data_dir);
	chmod 0700, $self->data_dir;
	$self->append_conf('postgresql.conf',
		sprintf "port = %d\nunix_socket_directories = '%s'", $self->port, $self->host);
	return;
}

# As that of the cluster, but new sessions find what it has brought.
sub reload ($self)
{
	my $loaded = sub { $self->safe_psql('postgres', 'select pg_conf_load_time()') };
	my $before = $loaded->();
	$self->SUPER::reload;
	Millpond::wait_until(sub { $loaded->() ne $before }, 'the reload');
	return;
}

# Makes it obey these lines of pg_hba.conf instead of those it has.
sub set_hba ($self, @lines)
{
	put_file($self->data_dir . '/pg_hba.conf', @lines);
	$self->reload;
	return;
}

# What `conf` in a [databases] entry needs to reach this server.
sub target ($self) { return 'host=' . $self->host . ' port=' . $self->port }

# The process ids of the sessions in it, the asking one excepted.
sub backends ($self, $where = 'true')
{
	return split /\n/, $self->safe_psql('postgres',
		"select pid from pg_stat_activity where backend_type = 'client backend'"
			. " and pid <> pg_backend_pid() and ($where) order by backend_start, pid");
}

1;
