# When an address cannot be had, the daemon leaves and says which one.
use v5.36;
use IO::Socket::INET;
use Millpond;
use Test::More;

my $first = Millpond->new('first', databases => { '*' => 'host=127.0.0.1' });
my $port  = $first->port;

my $second = Millpond->new('second', databases => { '*' => 'host=127.0.0.1' }, stopped => 1,
	settings => { listen_port => $port, unix_socket_dir => '' });
my ($status, $out, $error) = run_binary($second->ini);
isnt($status, 0, 'a TCP port in use ends the start');
like($error, qr/127\.0\.0\.1:$port.*(?:in use|EADDRINUSE)/i, 'and is named');

$second->write_config(settings => { listen_addr => undef, unix_socket_dir => $first->host });
($status, $out, $error) = run_binary($second->ini);
isnt($status, 0, "another daemon's Unix socket ends the start");
like($error, qr{\Q@{[ $first->host ]}\E/\.s\.PGSQL\.$port}, 'and is named');
like(Wire->login($first, database => 'pgbouncer', unix => 1)->query('SHOW VERSION')->{types},
	qr/^TDCZ$/, 'the first daemon still has its socket');

$second->write_config(settings => { listen_addr => '192.0.2.1', unix_socket_dir => '' });
($status, $out, $error) = run_binary($second->ini);
isnt($status, 0, 'an address of some other machine ends the start');
like($error, qr/192\.0\.2\.1/, 'and is named');

$second->write_config(settings => { listen_addr => undef, unix_socket_dir => '/nowhere/at/all' });
($status, $out, $error) = run_binary($second->ini);
isnt($status, 0, 'a folder that is not there ends the start');
like($error, qr{/nowhere/at/all.*No such file}, 'and is named');

$first->signal('KILL');
$first->wait_exit;
$second->write_config(settings => { unix_socket_dir => $first->host, listen_addr => '127.0.0.1' });
$second->start;
pass('a socket file that a crashed daemon left behind is no hindrance');
$second->stop;

# What a sanitizer does to a program goes before what a test does to it.
if (!$ENV{SANITIZE})
{
	my $preload = File::Spec->rel2abs("$ENV{OUT}/preload");
	my $old     = Millpond->new('old', databases => { '*' => 'host=127.0.0.1' }, settings => { listen_addr => '*' },
		env => { LD_PRELOAD => "$preload/no_ipv6.so" });
	unlike($old->log_since, qr/FATAL|cannot listen/, 'without IPv6 there is less to listen on');
	$old->stop;

	local $ENV{LD_PRELOAD} = "$preload/no_threads.so";
	my $pidfile = $second->basedir . '/millpond.pid';
	$second->write_config(settings => { pidfile => $pidfile });
	($status, $out, $error) = run_binary($second->ini);
	isnt($status, 0, 'no threads are the end of the start');
	like($error, qr/cannot start the .*thread/, '... which says so');
	ok(!-e $pidfile, '... and leaves no pidfile');
}

done_testing;
