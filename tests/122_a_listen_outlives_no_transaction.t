# In transaction mode nobody is sent the notifications that another client has asked for, even out of sight.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1', owner => 'dbname=postgres pool_mode=session' },
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

# What a function listens to is not seen before something comes.
my $direct = Wire->login($server);
my $hidden = q(do 'begin listen secret; end');
$first = Wire->login($millpond);
$first->query($hidden);
$second->query('begin');
$direct->query(q(notify secret, 'of another'));
$answer = $second->query('commit');
is_deeply($answer->{notifications} // [], [], 'nobody else is told of that');
is_deeply($second->query('select count(*) from pg_listening_channels()')->{rows}, [ [0] ], '... and it ends then');

$from = $millpond->log_end;
$first->query($hidden);
$direct->query(q(notify secret, 'of another'));
$millpond->wait_for_log(qr/closing because: idle server got dirty/, $from);
is_deeply($second->query('select count(*) from pg_listening_channels()')->{rows}, [ [0] ], '... also at rest');

$first->query($_) for 'begin', 'listen news', $hidden, q(notify secret, 'mine');
is_deeply($first->query('commit')->{notifications}, [ [ 'secret', 'mine' ] ], 'whoever listens to something hears all');
is_deeply($second->query('select count(*) from pg_listening_channels()')->{rows}, [ [0] ], '... until the end');

my $owner = Wire->login($millpond, database => 'owner');
$owner->query($hidden);
$direct->query(q(notify secret, 'mine'));
is_deeply($owner->result('A')->{notifications}, [ [ 'secret', 'mine' ] ], 'a session keeps what its functions listen to');

done_testing;
