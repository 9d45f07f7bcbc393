# When pool_mode changes, what the clients of the old mode have left on a server reaches none of the new one.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { pool_mode => 'session' });

sub leave_something ($client)
{
	$client->query("set statement_timeout = '7s'; create temp table mine as select 1");
	$client->query(q(prepare q as select 'not yours'));
	return $client->value('select pg_backend_pid()');
}

sub find_nothing ($client, $what)
{
	is($client->value('show statement_timeout'), '0', "$what: no setting is left");
	is($client->value(q(select to_regclass('mine'))), undef, '... no table');
	is($client->query('execute q')->{error}{C}, '26000', '... and no statement');
	return;
}

# One that has its server at that moment keeps it until its next transaction ends.
my $holder = Wire->login($millpond);
my $pid    = leave_something($holder);
$millpond->reconfigure(settings => { pool_mode => 'transaction' });
my $waiting = Wire->login($millpond);
is($holder->value('select pg_backend_pid()'), $pid, 'who has a server keeps it for now');
find_nothing($waiting, 'session to transaction');

my $user = Wire->login($millpond);
leave_something($user);
my $from = $millpond->log_end;
$millpond->reconfigure(settings => { pool_mode => 'session' });
like($millpond->log_since($from), qr/closing because: pool_mode changed/, 'the log has the reason');
find_nothing(Wire->login($millpond), 'transaction to session');

# The mode of one user, too.
$millpond->reconfigure(settings => { pool_mode => 'transaction' }, users => { postgres => '' });
$holder->close;
leave_something($user);
$millpond->reconfigure(users => { postgres => 'pool_mode=session' });
find_nothing(Wire->login($millpond), 'by a user');

done_testing;
