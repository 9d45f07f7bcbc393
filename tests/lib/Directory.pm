# A directory (OpenLDAP's slapd) for one test file, on free ports of 127.0.0.1, run by the test's own
# user from a folder of its own.
#
#	plan skip_all => Directory->missing if Directory->missing;
#	my $directory = Directory->new(people => { ann => 'red fish' });
#	$directory->port; $directory->tls_port; $directory->queries(qr/BIND/);
#
# Its people are uid=NAME,ou=people,dc=example,dc=net, with a mail of NAME@example.net; nobody needs to
# log in to search, unless closed => 1. The manager is cn=manager,dc=example,dc=net with `secret`.
package Directory;

use v5.36;
use Surroundings;
use Carp;
use File::Copy qw(copy);
use Files;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils qw(slurp_file);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time sleep);
use Wire ();

my $program = '/usr/sbin/slapd';
my @running;

sub missing ($class)
{
	return if -x $program && -e '/etc/ldap/schema/inetorgperson.schema' && glob '/usr/lib/ldap/back_mdb*.so*';
	return 'slapd is not installed';
}

# Options: people (name => password), closed, authority (a Certificates, which has issued server.crt).
sub new ($class, %options)
{
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir(), owner => $$, %options }, $class;
	$self->{$_} = PostgreSQL::Test::Cluster::get_free_port() for qw(port tls_port);
	mkdir "$self->{dir}/data";
	# Where a profile of the system's says what slapd may open, it goes by the path.
	copy($program, "$self->{dir}/slapd") && chmod 0755, "$self->{dir}/slapd" or croak "slapd: $!";
	put_file("$self->{dir}/slapd.conf", $self->_configuration);
	put_file("$self->{dir}/people.ldif", $self->_people);
	system("$self->{dir}/slapd", '-T', 'add', '-q', '-f', "$self->{dir}/slapd.conf", '-l',
		"$self->{dir}/people.ldif") == 0
		or croak 'slapadd failed';
	push @running, $self;
	$self->start;
	return $self;
}

sub port     ($self) { return $self->{port} }
sub tls_port ($self) { return $self->{tls_port} }
sub base     ($self) { return 'dc=example,dc=net' }

sub start ($self)
{
	my $pid = fork // croak "fork: $!";
	if (!$pid)
	{
		open STDIN,  '<',  '/dev/null';
		open STDOUT, '>>', "$self->{dir}/log";
		open STDERR, '>&', \*STDOUT;
		my $tls = $self->{authority} ? " ldaps://127.0.0.1:$self->{tls_port}" : '';
		exec "$self->{dir}/slapd", '-d', '256', '-f', "$self->{dir}/slapd.conf", '-h',
			"ldap://127.0.0.1:$self->{port}$tls"
			or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	my $deadline = time + $Wire::patience;
	until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}))
	{
		croak "slapd does not start:\n" . slurp_file("$self->{dir}/log")
			if time > $deadline || waitpid($pid, WNOHANG) == $pid;
		sleep 0.02;
	}
	return;
}

sub stop ($self)
{
	return unless $self->{owner} == $$ && $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = undef;
	return;
}

END { my $status = $?; $_->stop for @running; $? = $status }

# What it was asked, one line for each step: `conn=1000 op=0 BIND dn="uid=ann,..." method=128`.
sub asked ($self, $pattern = qr/./)
{
	return map { /(conn=.*)/ } grep { $_ =~ $pattern } split /\n/, slurp_file("$self->{dir}/log");
}

sub _configuration ($self)
{
	my ($dir, $authority) = @$self{qw(dir authority)};
	my $tls = $authority ? join '', map { "TLS$_->[0] " . $authority->file($_->[1]) . "\n" }
		['CACertificateFile', 'ca.crt'], ['CertificateFile', 'server.crt'], ['CertificateKeyFile', 'server.key'] : '';
	my $readers = $self->{closed} ? 'users read by anonymous auth' : '* read';
	return <<"CONFIGURATION";
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile $dir/pid
argsfile $dir/arguments
modulepath /usr/lib/ldap
moduleload back_mdb
${tls}access to attrs=userPassword by anonymous auth by * none
access to * by $readers
database mdb
maxsize 10485760
dbnosync
directory $dir/data
suffix "dc=example,dc=net"
rootdn "cn=manager,dc=example,dc=net"
rootpw secret
CONFIGURATION
}

sub _people ($self)
{
	my $text = <<'TOP';
dn: dc=example,dc=net
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: ou=people,dc=example,dc=net
objectClass: organizationalUnit
ou: people
TOP
	for my $name (sort keys $self->{people}->%*)
	{
		my $escaped = $name =~ s/([,+"\\<>;=#])/\\$1/gr;
		$text .= "\ndn: uid=$escaped,ou=people,dc=example,dc=net\nobjectClass: inetOrgPerson\nuid: $name\n"
			. "cn: $name\nsn: $name\nmail: $name\@example.net\nuserPassword: $self->{people}{$name}\n";
	}
	return $text;
}

1;
