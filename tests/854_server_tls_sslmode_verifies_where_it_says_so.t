# server_tls_sslmode and server_tls_ca_file mean what they do to PgBouncer, with libpq and without it: below verify-ca nothing is verified.
use v5.36;
use Certificates;
use Millpond;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my ($ca, $stranger) = map { $_->file('ca.crt') } $authority, Certificates->new('Another authority');
my $server = Postgres->new('server', conf => join "\n", 'ssl = on',
	map { "ssl_$_->[0]_file = '" . $authority->file("server.$_->[1]") . "'" } [ 'key', 'key' ], [ 'cert', 'crt' ]);

my $home = PostgreSQL::Test::Utils::tempdir();
mkdir "$home/.postgresql";
append_to_file("$home/.postgresql/root.crt", slurp_file($stranger));

my %ways = (own => 'user=postgres password=x', libpq => 'krbsrvname=postgres');

# What becomes of a login in each way: whether it is through TLS, or why it fails.
sub outcomes_are ($expected, $what, %case)
{
	state $count = 0;
	my $pool = Millpond->new('pool' . $count++, env => { HOME => '/nonexistent', ($case{env} // {})->%* },
		settings  => { server_login_retry => 60, ($case{settings} // {})->%* },
		databases => { map { $_ => 'host=localhost port=' . $server->port
			. " dbname=postgres $ways{$_} " . ($case{entry} // '') } keys %ways });
	my %client = map { $_ => Wire->connect($pool)->startup(database => $_) } keys %ways;
	for my $way (sort keys %ways)
	{
		my $why;
		wait_until(sub { ($why) = $pool->log_since(0) =~ m{S-\w+: $way/.*((?<=closing because: ).*|new connection to server)} }, 'an end');
		$why = $client{$way}->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
			if $why =~ /^new/ && $client{$way}->result->{status};
		like($why, $expected, "$what, $way");
	}
	$pool->stop;
	return;
}
my ($failed, $encrypted, $clear) = (qr/certificate verify failed/, qr/^t$/, qr/^f$/);
my %foreign = (server_tls_ca_file => $stranger);

outcomes_are($encrypted, 'require, and the file of another',
	settings => { server_tls_sslmode => 'require', %foreign });
outcomes_are($encrypted, 'prefer, and the file of another', settings => {%foreign});
outcomes_are($clear, 'allow, and the file of another', settings => { server_tls_sslmode => 'allow', %foreign });
outcomes_are($encrypted, 'require, and another at home',
	settings => { server_tls_sslmode => 'require' }, env => { HOME => $home });
outcomes_are($encrypted, 'prefer, and another at home', env => { HOME => $home });
outcomes_are($failed, "verify-ca, and the file of another",
	settings => { server_tls_sslmode => 'verify-ca', %foreign });
outcomes_are($failed, "verify-ca, and another at home",
	settings => { server_tls_sslmode => 'verify-ca' }, env => { HOME => $home });

# What an entry asks for is meant as libpq has it.
outcomes_are($failed, 'require of the entry', settings => {%foreign}, entry => 'sslmode=require');
outcomes_are($failed, 'require, and a file of the entry',
	settings => { server_tls_sslmode => 'require' }, entry => "sslrootcert=$stranger");

done_testing;
