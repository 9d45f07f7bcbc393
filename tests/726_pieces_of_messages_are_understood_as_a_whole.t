# A message that comes in pieces means what it means as a whole: no name is overlooked, and nothing is read
# that is not there.
use v5.36;
use Millpond;
use Test::More;
use Time::HiRes qw(sleep);
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 1 });
my ($one, $other) = map { Wire->login($millpond) } 1, 2;

# In two pieces that the pooler reads one by one.
sub in_pieces ($client, $message, $length)
{
	$client->put(substr $message, 0, $length, '');
	wait_until(sub { grep { $_->{recv_pos} == $length } $millpond->console('SHOW SOCKETS') }, 'the first piece');
	return $client->put($message);
}

$one->query("prepare q as select 'of one'");
for my $length (4, 7, 12)
{
	is($one->value('execute q'), 'of one', 'a statement of one client, on the server');
	$other->query('begin');
	in_pieces($other, Query('execute q'), $length);
	is($other->result->{error}{C}, '26000', "is not another's, if EXECUTE comes as $length bytes and the rest");
	$other->query('rollback');
}
$one->query('begin');
in_pieces($one, Query("prepare long as select '" . 'x' x 40_000 . "', 'end'"), 12_000);
is($one->result->{error}, undef, 'a long PREPARE in two pieces');
$one->query('commit');
$server->safe_psql('postgres', 'select pg_terminate_backend(pid) from pg_stat_activity'
	. " where backend_type = 'client backend' and pid <> pg_backend_pid()");
wait_until(sub { !$server->backends }, 'no server');
is($one->query('execute long')->{rows}[0][1], 'end', 'is known as a whole on the next server');

$one->query('create table t (a int); insert into t values (1)');
$one->put(Parse('s', 'select * from t'), Bind('', 's'), Execute(), Sync())->result;
$other->query('alter table t add column b int');
$one->put(Bind('', 's'), Execute(), pack('aN', 'B', 0x30000100) . "\0s\0\0\1\0\0\0\1" . pack('N', 0x30000000) . 'y' x 64);
sleep 0.3;
$one->reset;
is($other->value('select 1'), 1, 'half of a Bind behind a statement that has to be prepared anew does no harm');
ok(kill(0, $millpond->pid), 'the pooler is there');
done_testing;
