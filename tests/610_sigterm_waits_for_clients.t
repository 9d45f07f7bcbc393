# SIGTERM closes the TCP listener at once and serves its clients until they leave; the Unix socket stays for the console.
use v5.36;
use IO::Socket::INET;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my $client   = Wire->login($millpond);
my $waiting  = Wire->login($millpond);
my $resting  = Wire->login($millpond);
$client->query('begin');
$waiting->put(Query('select 1'));
wait_until(sub { $millpond->pool->{cl_waiting} == 1 }, 'one to wait');

$millpond->signal('TERM');
wait_until(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $millpond->port) },
	'the listener to close');
pass('the TCP port is closed at once');
my $successor = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
	LocalPort => $millpond->port, ReuseAddr => 1);
ok($successor, 'another process can have it');

is($client->value('select 42'), 42, 'a running transaction goes on');
ok($waiting->quiet(0.3), 'who waits waits on');
my $console = Wire->login($millpond, unix => 1, database => 'pgbouncer');
is(scalar(grep { $_->{database} eq 'postgres' } $console->hashes('SHOW CLIENTS')), 3,
	'the console is there over the Unix socket');
my $answer = Wire->connect($millpond, unix => 1)->startup->result;
is($answer->{error}{M}, 'pooler is shutting down', 'others are not let in');
is($answer->{error}{C}, '57P01', 'with their SQLSTATE');

my $from = $millpond->log_end;
$millpond->signal('USR2');
$millpond->wait_for_log(qr/got SIGUSR2 while shutting down, ignoring/, $from);
$client->query('commit');
is_deeply($waiting->result->{rows}, [ [1] ], 'the server goes to who waited');
is($resting->value('select 2'), 2, 'and then to a new query');
$_->put(Terminate()) for $client, $waiting, $resting;
is($millpond->wait_exit & 127, 0, 'after the last client has left, it ends');
ok(!-e $millpond->host . '/.s.PGSQL.' . $millpond->port, 'the Unix socket is gone');

# A second SIGTERM does not wait.
$successor->close;
$millpond->start;
$from = $millpond->log_end;
my $stubborn = Wire->login($millpond);
$stubborn->query('begin');
$millpond->signal('TERM');
$millpond->wait_for_log(qr/SIGTERM/, $from);
is($stubborn->value('select 1'), 1, 'the first one waits');
$millpond->signal('TERM');
is($millpond->wait_exit & 127, 0, 'the second one does not');
ok($stubborn->closed, 'and the client is closed');

done_testing;
