# An authority that issues certificates for one test file, in a folder of its own, with the openssl
# program.
#
#	my $authority = Certificates->new;
#	$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
#	$authority->file('server.crt');
#
# Next to what it issues (NAME.crt, NAME.key) it keeps ca.crt, and ca.crl once something was revoked. One that stands under
# another, of which it has its own certificate, issues chains: that certificate stands behind each of its own.
package Certificates;

use v5.36;
use Carp;
use File::Copy;
use Files;
use IPC::Run;
use POSIX ();
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);

my @of_authority = (-addext => 'basicConstraints=critical,CA:TRUE', -addext => 'keyUsage=keyCertSign,cRLSign');

# Options: under (another, which issues NAME to it).
sub new ($class, $name = 'Test authority', %options)
{
	my $self = bless { dir => PostgreSQL::Test::Utils::tempdir(), %options }, $class;
	# The daemon may run as somebody else.
	chmod 0755, $self->{dir};
	put_file($self->file('index.txt'));
	put_file($self->file('ca.cnf'), <<"CONFIGURATION");
[ca]
default_ca = this
[this]
database = $self->{dir}/index.txt
new_certs_dir = $self->{dir}
certificate = $self->{dir}/ca.crt
private_key = $self->{dir}/ca.key
rand_serial = yes
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
string_mask = utf8only
[any]
commonName = optional
organizationName = optional
organizationalUnitName = optional
[req]
distinguished_name = nothing
string_mask = utf8only
[nothing]
CONFIGURATION
	$self->_run(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2),
		'-subj', "/CN=$name", -keyout => $self->file('ca.key'), -out => $self->file('ca.crt'), @of_authority)
		if !$options{under};
	$options{under}->_raise($self, $name) if $options{under};
	return $self;
}

sub _raise ($self, $other, $name)
{
	$self->issue($name => "/CN=$name", authority => 1);
	copy($self->file("$name.$_"), $other->file("ca.$_")) or croak "copy: $!" for qw(key crt);
	return;
}

sub file ($self, $name) { return "$self->{dir}/$name" }

# The settings of a pooler that shows its clients server.crt, and with ca => 1 can verify theirs.
sub client_tls ($self, %options)
{
	my %file = $self->_server_files(%options);
	return map { ("client_tls_${_}_file" => $file{$_}) } keys %file;
}

# Lines of postgresql.conf for the same.
sub ssl_conf ($self, %options)
{
	my %file = $self->_server_files(%options);
	return join "\n", 'ssl = on', map { "ssl_${_}_file = '$file{$_}'" } keys %file;
}

sub _server_files ($self, %options)
{
	return (key => $self->file('server.key'), cert => $self->file('server.crt'),
		$options{ca} ? (ca => $self->file('ca.crt')) : ());
}

sub _kind_of_key (%options)
{
	return $options{key} ? ($options{key}) : (qw(ec -pkeyopt ec_paramgen_curve:prime256v1));
}

# Options: names (a subjectAltName), key (a kind of key for openssl's -newkey), ends => a time, expired => 1,
# authority => 1 (it may issue in turn).
sub issue ($self, $name, $subject, %options)
{
	my ($key, $request, $certificate) = map { $self->file("$name.$_") } qw(key csr crt);
	my @kind = _kind_of_key(%options);
	my @names = $options{names} ? ('-addext', "subjectAltName=$options{names}") : ();
	push @names, @of_authority if $options{authority};
	my $ends = $options{expired} ? 1577923200 : $options{ends};
	my @dates = $ends ? (qw(-startdate 20200101000000Z -enddate), POSIX::strftime('%Y%m%d%H%M%SZ', gmtime $ends)) : ();
	$self->_run('req', '-newkey', @kind, '-nodes', -subj => $subject, @names, -keyout => $key,
		-out => $request, qw(-utf8));
	$self->_run(qw(ca -batch -notext -utf8), @dates, -in => $request, -out => $certificate);
	append_to_file($certificate, slurp_file($self->file('ca.crt'))) if $self->{under};
	chmod 0600, $key;
	return;
}

# Options: names, key, digest (which signs it: sha1, sha384, ...).
sub self_signed ($self, $name, $subject, %options)
{
	my @names = $options{names} ? ('-addext', "subjectAltName=$options{names}") : ();
	my @digest = $options{digest} ? "-$options{digest}" : ();
	$self->_run(qw(req -x509 -newkey), _kind_of_key(%options), qw(-nodes -days 2), @digest,
		-subj => $subject, @names, -keyout => $self->file("$name.key"),
		-out => $self->file("$name.crt"));
	chmod 0600, $self->file("$name.key");
	return;
}

# Revokes what it has issued under that name, and writes ca.crl.
sub revoke ($self, $name)
{
	$self->_run(qw(ca -revoke), $self->file("$name.crt"));
	$self->write_crl;
	return;
}

sub write_crl ($self)
{
	$self->_run(qw(ca -gencrl -out), $self->file('ca.crl'));
	return;
}

sub _run ($self, $command, @arguments)
{
	my $output = '';
	IPC::Run::run([ 'openssl', $command, '-config', $self->file('ca.cnf'), @arguments ],
		'<', \undef, '>&', \$output)
		or croak "openssl $command: $output";
	return;
}

1;
