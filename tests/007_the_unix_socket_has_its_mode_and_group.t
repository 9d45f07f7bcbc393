# unix_socket_mode and unix_socket_group are what the socket file gets, and it goes with the daemon.
use v5.36;
use Millpond;
use Test::More;

my $group    = getgrgid((split ' ', $))[0]);
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { unix_socket_mode => '0710', unix_socket_group => $group, listen_addr => '' });
my $path = $millpond->host . '/.s.PGSQL.' . $millpond->port;
my @stat = stat $path;
is(sprintf('%o', $stat[2] & 07777), '710', 'the mode');
is($stat[5], getgrnam($group), 'the group');
is(Wire->login($millpond, unix => 1)->value('select 1'), 1, 'it serves');
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $millpond->port),
	'and TCP does not');
like($millpond->log_since, qr/listening on unix:\Q$path\E/, 'the log says where');
$millpond->stop;
ok(!-e $path, 'the file goes with the daemon');

my $other = Millpond->new('other', server => $server, stopped => 1,
	settings => { unix_socket_group => 'no_such_group' });
my ($status, $out, $error) = run_binary($other->ini);
isnt($status, 0, 'an unknown group ends the start');
like($error, qr/no_such_group/, 'by name');

# A name that begins with @ is none of a file.
my $abstract = Millpond->new('abstract', server => $server, settings => { unix_socket_dir => "\@/millpond-test-$$" });
my $name     = "/millpond-test-$$/.s.PGSQL." . $abstract->port;
my $client   = Wire->new(IO::Socket::UNIX->new(Peer => "\0$name") // die "$name: $!");
is($client->startup->result->{status}, 'I', 'a socket in the abstract namespace');
is($client->value('select 1'), 1, '... serves as well');
ok(!-e $name, '... without a file');
like($abstract->log_since, qr/listening on unix:\@\Q$name\E$/m, '... as the log says');
my ($said) = PostgreSQL::Test::Utils::run_command(
	[ 'psql', '-XAtc', 'select 1', '-h', "\@/millpond-test-$$", '-p', $abstract->port, '-U', 'postgres', 'postgres' ]);
is($said, 1, '... and psql finds it');

done_testing;
