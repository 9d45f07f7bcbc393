# An address that somebody else has is the end of the start, as is to have none; one that is not there is left out. Each is named.
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

# What cannot be had, and why
my @missing = (
	[ { listen_addr => '192.0.2.1',        unix_socket_dir => '' },     qr/192\.0\.2\.1:$port: Cannot assign/ ],
	[ { listen_addr => undef,              unix_socket_dir => '/nowhere/at/all' }, qr{/nowhere/at/all/.*: No such file} ],
	[ { listen_addr => undef,              unix_socket_dir => '/proc' }, qr{/proc/.*: (?:No such file|Permission denied)} ],
	[ { listen_addr => undef,              unix_socket_dir => '' },     undef ],
);
for (@missing)
{
	my ($settings, $why) = @$_;
	$second->write_config(settings => $settings);
	($status, $out, $error) = run_binary($second->ini);
	is($status, 1, 'nothing to listen on ends the start');
	like($error, qr/FATAL nowhere to listen on: set listen_addr/, '... with what to do');
	like($error, qr/WARNING cannot listen on .*$why/, '... and what was not there') if $why;
	unlike($error, qr/LeakSanitizer/, '... and all is given back');
}

$first->signal('KILL');
$first->wait_exit;
$second->write_config(settings => { unix_socket_dir => $first->host, listen_addr => '127.0.0.1' });
$second->start;
pass('a socket file that a crashed daemon left behind is no hindrance');
$second->stop;

# What can be had, beside what cannot
sub listens (%settings)
{
	my $from = $second->log_end;
	$second->write_config(settings => \%settings);
	$second->start;
	my $log = $second->log_since($from);
	$second->stop;
	return join ' ', sort $log =~ /(listening on 127|WARNING cannot listen on [^:]*)/g;
}
my $there = $second->host;
is(listens(listen_addr => '192.0.2.1, 127.0.0.1', unix_socket_dir => $there),
	'WARNING cannot listen on 192.0.2.1 listening on 127', 'an address that is not there is left out');
is(listens(listen_addr => '192.0.2.1 127.0.0.1', unix_socket_dir => $there),
	'WARNING cannot listen on 192.0.2.1 listening on 127', '... also where a blank stands for the comma');
is(listens(listen_addr => '127.0.0.1, 127.0.0.1'), 'WARNING cannot listen on 127.0.0.1 listening on 127',
	'an address is listened on once');
is(listens(listen_addr => '127.0.0.1, 0.0.0.0'), 'WARNING cannot listen on 0.0.0.0 listening on 127',
	'... also if another has it in it');
is(listens(listen_addr => '127.0.0.1', unix_socket_dir => '/nowhere/at/all'), 'WARNING cannot listen on unix listening on 127',
	'a folder that is not there is left out');
is(listens(listen_addr => '192.0.2.1', unix_socket_dir => $there), 'WARNING cannot listen on 192.0.2.1',
	'the Unix socket is enough');

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
