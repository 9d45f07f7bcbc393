# A server that offers TLS is used without; an entry that insists on it is refused, with the reason.
use v5.36;
use Millpond;
use Test::More;
use Wire;

for my $mode (qw(require verify-ca verify-full))
{
	my ($status, $output, $error) = run_binary('--check',
		ini_file("[databases]\nx = host=127.0.0.1 sslmode=$mode\n[millpond]\nlisten_port = 1\n"));
	is($status, 1, "sslmode=$mode is refused");
	like($output . $error, qr/\bsslmode\b.*not encrypted/, '... with the reason');
}

my $server = Postgres->new('server', stopped => 1);
my ($key, $certificate) = map { $server->data_dir . "/server.$_" } qw(key crt);
system(qw(openssl req -new -x509 -nodes -days 2 -subj /CN=localhost -keyout), $key, '-out',
	$certificate) == 0 or plan skip_all => 'no openssl program';
chmod 0600, $key;
$server->append_conf('postgresql.conf', 'ssl = on');
$server->start;
my $target   = 'dbname=postgres host=127.0.0.1 port=' . $server->port;
my @modes    = qw(disable allow prefer);
my $millpond = Millpond->new('pool',
	databases => { map { $_ => "$target sslmode=$_" } @modes });
for my $mode (@modes)
{
	my $client = Wire->login($millpond, database => $mode);
	is($client->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()'), 'f',
		"sslmode=$mode: a plain connection");
	is($client->value('select 1'), 1, '... that works');
}

done_testing;
