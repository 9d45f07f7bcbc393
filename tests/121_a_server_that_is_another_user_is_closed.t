# After SET SESSION AUTHORIZATION, or a SET ROLE that the server tells of and that does not follow its client, a server goes to nobody else.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role other');
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { track_session_parameters => 0 });
my ($first, $second) = map { Wire->login($millpond) } 1 .. 2;

for my $change ('set session authorization other', 'set role other')
{
	my $from = $millpond->log_end;
	is($first->query($change)->{error}, undef, $change);
	is_deeply($second->query('select session_user, current_user')->{rows},
		[ [qw(postgres postgres)] ], '... the next client is who it is');
	like($millpond->log_since($from), qr/closing because: its user was changed/, '... the log tells why');
}

my $pid = $second->value('select pg_backend_pid()');
for my $passing (
	[ 'begin', 'set local session authorization other', 'commit' ],
	[ 'begin', 'set session authorization other', 'rollback' ],
	[ 'begin', 'set session authorization other', 'reset session authorization', 'commit' ])
{
	$first->query($_) for @$passing;
	is($second->value('select pg_backend_pid()'), $pid, "@$passing: the server is as before, and is kept");
}
$first->put(Query('begin; set session authorization other'))->result;
$first->close;
is($second->value('select session_user'), 'postgres', 'who leaves in the middle leaves nothing either');

# What one does becomes nobody's starting point.
my $newest = Wire->login($millpond);
is($newest->{parameters}{session_authorization}, 'postgres', 'new clients are told who they are');

$millpond->reconfigure(settings => { pool_mode => 'session', server_reset_query => '' });
$pid = $second->value('select pg_backend_pid()');
$second->query('set session authorization other');
is($second->value('select session_user'), 'other', 'a session may be another user');
$second->put(Terminate());
is($newest->value('select session_user'), 'postgres', '... but does not hand that on');

done_testing;
