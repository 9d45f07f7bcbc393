# A key with a passphrase is refused, on either side: nobody sits at the terminal, and whoever asked there would wait for ever.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'IO::Pty is needed for a terminal' unless eval { require IO::Pty; 1 };
my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
my ($certificate, $key) = map { $authority->file("server.$_") } qw(crt key);
my $locked = $authority->file('locked.key');
system(qw(openssl ec -aes256 -passout pass:secret -in), $key, '-out', $locked) == 0 or die 'openssl';

# The daemon has a terminal at which nobody types.
my @terminal = ($^X, '-MIO::Pty', '-e', '$^F = 100; my $terminal = IO::Pty->new;'
		. ' $terminal->make_slave_controlling_terminal; exec @ARGV or die $!');

my $server = FakeServer->new(ssl => sub ($c) { return $c->shake_hands($authority, 'server') });
my $entry    = $server->target . " sslmode=require sslcert=$certificate sslkey=";
my $millpond = Millpond->new('pool', wrapper => \@terminal,
	settings  => { server_tls13_ciphers => 'TLS_AES_256_GCM_SHA384', query_wait_timeout => 8 },
	databases => { open => $entry . $key, locked => $entry . $locked });
is(Wire->login($millpond, database => 'open')->query('select 1')->{status}, 'I', 'a key without one is used');
my $answer = Wire->connect($millpond)->startup(database => 'locked')->result;
like($answer->{error}{D}, qr/no server could be had: (?!timeout)/, 'one with a passphrase opens no server');
like($answer->{error}{H}, qr/^Look at the server/, '... and the hint is not about waiting for others');
is(Wire->login($millpond, database => 'open')->query('select 1')->{status}, 'I', '... and holds up nobody');
$millpond->stop;

my $closed = Millpond->new('closed', wrapper => \@terminal, stopped => 1,
	settings => { client_tls_sslmode => 'require', client_tls_cert_file => $certificate, client_tls_key_file => $locked });
$closed->launch;
isnt($closed->wait_exit, 0, 'Millpond itself does not start with such a key');
ok($closed->log_contains(qr/client_tls_key_file: .*\Q$locked\E/), '... and says which one it is');

done_testing;
