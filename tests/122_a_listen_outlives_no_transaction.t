# In transaction mode nobody is sent the notifications that another client has asked for.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' },
	settings => { server_idle_timeout => 600 });
my ($first, $second) = map { Wire->login($millpond) } 1 .. 2;
my $pid  = $first->value('select pg_backend_pid()');
my $from = $millpond->log_end;

for my $listen (
	[ Query('listen news') ],
	[ Parse('', 'listen news'), Bind(), Execute(), Sync() ],
	[ Query('select 1; listen news') ])
{
	is($first->put(@$listen)->result->{error}, undef, 'LISTEN is no error');
	is_deeply($second->query('select pg_backend_pid(), count(*) from pg_listening_channels()')->{rows},
		[ [ $pid, 0 ] ], 'the next client has the same server, which does not listen');
}
is(() = $millpond->log_since($from) =~ /UNLISTEN \*: a client has left a LISTEN behind/g, 3,
	'the log tells of it');

$first->query('begin');
$first->query('listen news');
$first->close;
Wire->login($server)->query(q(notify news, 'for nobody'));
my $answer = $second->query('select count(*) from pg_listening_channels()');
is_deeply($answer->{rows}, [ [0] ], 'who leaves in the middle leaves nothing');
is_deeply($answer->{notifications} // [], [], '... and nobody is told anything');

# Within its transaction a client may listen, and hears what it says itself.
my $third = Wire->login($millpond);
$third->query($_) for 'begin', 'listen news', q(notify news, 'mine');
is_deeply($third->query('commit')->{notifications}, [ [ 'news', 'mine' ] ], 'a transaction may listen');

done_testing;
