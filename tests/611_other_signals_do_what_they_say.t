# SIGINT waits for servers, SIGQUIT does not wait, SIGUSR1 pauses and SIGUSR2 resumes, SIGPIPE does nothing.
use v5.36;
use Millpond;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
my ($client, $resting) = map { Wire->login($millpond) } 1 .. 2;

$client->query('select 1');
$millpond->signal('USR1');
wait_until(sub { !$server->backends }, 'the servers to close');
pass('SIGUSR1 closes the servers');
$client->put(Query('select 7'));
wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'the query to wait');
ok($client->quiet(0.3), 'and holds queries back');
$millpond->signal('USR2');
is($client->result->{rows}[0][0], 7, 'SIGUSR2 lets them go on');

$client->query('begin');
$millpond->signal('USR1');
is($client->value('select 8'), 8, 'a transaction is not paused');
$client->query('commit');
wait_until(sub { !$server->backends }, 'the servers to close');
pass('but afterwards its server is closed');
$millpond->signal('USR2');
is($client->value('select 9'), 9, 'and all goes on');
$millpond->signal('PIPE');
is($client->value('select 10'), 10, 'SIGPIPE does nothing');

# SIGINT: busy servers are waited for, clients at rest are not.
$client->query('begin');
$millpond->signal('INT');
$millpond->wait_for_log(qr/SIGINT/);
is($client->value('select 11'), 11, 'SIGINT lets a transaction go on');
$client->query('commit');
is($millpond->wait_exit & 127, 0, 'and ends when no server is in use');
ok($resting->closed, 'although a client was still there');

$millpond->start;
$client = Wire->login($millpond);
$client->query('begin');
my $from = time;
$millpond->signal('QUIT');
is($millpond->wait_exit & 127, 0, 'SIGQUIT ends it');
cmp_ok(time - $from, '<', 10, 'at once');
wait_until(sub { !$server->backends }, 'the servers to go');
pass('its servers are gone with it');

$millpond->start;
$client = Wire->login($millpond);
$client->query('begin');
$millpond->signal('INT');
$millpond->wait_for_log(qr/SIGINT.*SIGINT/s);
$millpond->signal('INT');
is($millpond->wait_exit & 127, 0, 'a second SIGINT does not wait');

# A reload that waits for a file does not outlive the daemon, nor the daemon it.
for my $comes (1, 0)
{
	my $fifo = $millpond->basedir . '/fifo';
	-p $fifo or POSIX::mkfifo($fifo, 0600) or die $!;
	$millpond->start;
	$from = $millpond->log_end;
	PostgreSQL::Test::Utils::append_to_file($millpond->ini, "%include $fifo\n");
	$millpond->signal('HUP');
	$millpond->wait_for_log(qr/reloading/, $from);
	$millpond->signal('QUIT');
	$millpond->wait_for_log(qr/shutting down/, $from);
	if ($comes) { open my $file, '>', $fifo or die $!; }
	is($millpond->wait_exit, 0, $comes ? 'a reload ends before the daemon does' : 'or is given up');
	# It cannot even start with that line.
	$millpond->write_config;
}

done_testing;
