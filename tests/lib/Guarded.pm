# A real PostgreSQL behind Millpond, which lets nobody in but by TLS and SCRAM: the role me, whose password
# is pencil, known by its SCRAM secret alone. For tests of drivers.
#
#	my $guarded = Guarded->new;
#	$guarded->run('asyncpg', 'python3', '-c', $program);
#
# The program finds PGHOST (localhost), PGPORT, PGUSER, PGPASSWORD, PGDATABASE, and the authority's certificate
# in CA and that of a stranger in WRONG_CA; it prints "well".
package Guarded;

use v5.36;
use Certificates;
use IPC::Run;
use Millpond;
use Test::More;

sub new ($class, %settings)
{
	my $self = bless { authority => Certificates->new, stranger => Certificates->new('Somebody else') }, $class;
	$self->{authority}->issue(server => '/CN=localhost', names => 'DNS:localhost,IP:127.0.0.1');
	$self->{server} = Postgres->new;
	$self->{server}->safe_psql('postgres', q(create role me login password 'pencil'));
	my $secret = $self->{server}->safe_psql('postgres', q(select rolpassword from pg_authid where rolname = 'me'));
	$self->{millpond} = Millpond->new('pool',
		server   => $self->{server},
		files    => { 'users.txt' => qq("me" "$secret"\n) },
		settings => {
			auth_type                 => 'scram-sha-256',
			auth_file                 => 'users.txt',
			client_tls_sslmode        => 'require',
			ignore_startup_parameters => 'extra_float_digits',
			$self->{authority}->client_tls,
			%settings
		});
	return $self;
}

sub file ($self, $name) { return $self->{authority}->file($name) }

# The environment of a client.
sub environment ($self)
{
	return (PGHOST => 'localhost', PGPORT => $self->{millpond}->port, PGUSER => 'me', PGPASSWORD => 'pencil',
		PGDATABASE => 'postgres', CA => $self->file('ca.crt'), WRONG_CA => $self->{stranger}->file('ca.crt'));
}

# Runs a driver's program; then nothing may be left in the pool, and the log knows of the encryption.
sub run ($self, $driver, @command)
{
	my %environment = $self->environment;
	my ($out, $error) = ('', '');
	local @ENV{ keys %environment } = values %environment;

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$error, IPC::Run::timeout(120));
	like($out, qr/^well$/m, "$driver logs in over TLS, and only there and so") or diag $out, $error;
	my $log = $self->{millpond}->log_since;
	like($log, qr/login attempt: db=postgres user=me tls=TLSv1\.3/, 'by TLS 1.3');
	unlike($log, qr/login attempt: db=postgres user=me tls=no/, 'never in the clear');
	return;
}

1;
