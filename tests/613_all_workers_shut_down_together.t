# Each kind of SHUTDOWN holds for the clients of all workers, whatever they are doing; a second one, or a signal, does not wait as long.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, stopped => 1,
	databases => { postgres => '', one => 'dbname=postgres pool_size=1' }, settings => { workers => 4 });
my ($console, $holder, @open, @resting, @waiting);

sub crowd ($each = 5)
{
	$millpond->start;
	@open    = map { Wire->login($millpond) } 1 .. $each;
	@resting = map { Wire->login($millpond) } 1 .. $each;
	$holder  = Wire->login($millpond, database => 'one');
	@waiting = map { Wire->login($millpond, database => 'one') } 1 .. $each;
	$_->query('begin') for $holder, @open;
	$_->put(Query('select 1')) for @waiting;
	wait_until(sub { $millpond->pool('one')->{cl_waiting} == $each }, 'all to wait');
	$console = Wire->login($millpond, database => 'pgbouncer', unix => 1);
	cmp_ok((grep { $_->{clients} > 0 } $console->hashes('SHOW WORKERS')), '>=', 3, 'they are with several workers');
	return;
}
sub ends ($name)
{
	is($millpond->wait_exit & 127, 0, "$name: it ends");
	is((grep { !$_->closed } $holder, @open, @resting, @waiting), 0, '... and nobody is left');
	wait_until(sub { !$server->backends }, 'the servers to go');
	return;
}
sub shutting_down ($answer) { return join ' ', @{ $answer->{error} // {} }{qw(S C M)} }
my $told = 'FATAL 57P01 server shutting down';

# At once
crowd();
$console->put(Query('SHUTDOWN'));
is($console->rest, '', 'SHUTDOWN is not answered');
ends('SHUTDOWN');

# When no server is in use any more
crowd();
is_deeply($console->query('SHUTDOWN WAIT_FOR_SERVERS')->{tags}, ['SHUTDOWN'], 'SHUTDOWN WAIT_FOR_SERVERS');
is(shutting_down($_->result('E')), $told, 'who waits is told')        for @waiting;
is(shutting_down($_->query('select 2')), $told, 'who asks is told') for @resting[ 0 .. 2 ];
is($_->value('select 3'), 3, 'transactions go on')                    for $holder, @open;
is($console->query($_)->{error}{M}, 'pooler is shutting down', "$_ is refused") for 'RESUME', 'SUSPEND';
$_->query('commit') for @open;
is($console->value('SHOW VERSION') =~ /Millpond/, 1, 'the last transaction is waited for');
$holder->query('commit');
ends('SHUTDOWN WAIT_FOR_SERVERS');

# When no client is left
crowd();
is_deeply($console->query('SHUTDOWN WAIT_FOR_CLIENTS')->{tags}, ['SHUTDOWN'], 'SHUTDOWN WAIT_FOR_CLIENTS');
is($_->value('select 4'), 4, 'all go on') for $holder, @open, @resting;
$holder->query('commit');
is($_->result->{tags}[0], 'SELECT 1', 'who waits is served') for @waiting;
is($console->query('RESUME')->{error}{M}, 'pooler is shutting down', 'RESUME is refused');
$_->close for @open, $holder, @waiting[ 1 .. $#waiting ];
$_->put(Terminate()) for @resting;
is($waiting[0]->value('select 5'), 5, 'the last client is waited for');
$waiting[0]->close;
is($millpond->wait_exit & 127, 0, 'SHUTDOWN WAIT_FOR_CLIENTS: it ends');

# One after the other
crowd();
$console->query('SHUTDOWN WAIT_FOR_CLIENTS');
$console->query('SHUTDOWN WAIT_FOR_SERVERS');
is(shutting_down($_->result('E')), $told, 'then for servers only: who waits is told') for @waiting;
is($open[0]->value('select 6'), 6, 'transactions still go on');
$console->put(Query('SHUTDOWN'));
ends('then at once');
for my $signals ('TERM INT', 'INT TERM', 'INT QUIT')
{
	crowd(2);
	my ($first, $second) = split / /, $signals;
	$millpond->signal($first);
	my $from = $millpond->log_end;
	wait_until(sub { $console->query('RESUME')->{error}{M} eq 'pooler is shutting down' }, "SIG$first");
	is($open[0]->value('select 7'), 7, "SIG$first lets transactions go on");
	$millpond->signal($second);
	ends("SIG$second behind it");
}

# After a PAUSE, with those who wait because of it
crowd();
$_->query('commit') for $holder, @open;
$_->result for @waiting;
is_deeply($console->query('PAUSE')->{tags}, ['PAUSE'], 'PAUSE');
$_->put(Query('select 8')) for @resting;
wait_until(sub { $millpond->pool->{cl_waiting} == 5 }, 'them to wait');
$resting[0]->cancel;
is($resting[0]->result->{error}{C}, '57014', 'one that waits can be cancelled');
my $row = ($console->hashes(q(SHOW CLIENTS WHERE state = waiting)))[0];
$console->query("KILL_CLIENT $row->{id}");
wait_until(sub { $millpond->pool->{cl_waiting} == 3 }, 'or sent away');
(pop @resting)->close;
wait_until(sub { $millpond->pool->{cl_waiting} == 2 }, 'or leave');
is($console->query('SHUTDOWN WAIT_FOR_SERVERS')->{tags}[0], 'SHUTDOWN', 'no server is in use');
ends('SHUTDOWN in a pause');

# Ctrl-C takes back what an admin does not want to wait for
$millpond->start;
my $client = Wire->login($millpond);
$client->query('begin');
$console = Wire->login($millpond, database => 'pgbouncer');
my %paused = (
	'PAUSE'          => sub { grep { $_->{key} eq 'paused' && $_->{value} eq 'yes' } $millpond->console('SHOW STATE') },
	'PAUSE postgres' => sub { grep { $_->{paused} } $millpond->console('SHOW DATABASES') },
);
for my $command (sort keys %paused)
{
	$console->put(Query($command));
	wait_until($paused{$command}, $command);
	$console->cancel;
	is($console->result->{error}{C}, '57014', "$command is cancelled");
	is($paused{$command}->(), 0, '... and taken back');
}
$console->query('RECONNECT');
$console->put(Query('WAIT_CLOSE'));
ok($console->quiet(0.2), 'WAIT_CLOSE waits');
$console->cancel;
is($console->result->{error}{C}, '57014', '... and is cancelled');
$console->cancel;
is($console->value('SHOW VERSION') =~ /Millpond/, 1, 'a cancel request for a console that does nothing');
$console->put(Query('WAIT_CLOSE'));
ok($console->quiet(0.2), '... does not hit its next command');
$client->query('commit');
is($console->result->{tags}[0], 'WAIT_CLOSE', '... which is answered');

done_testing;
