# Statements that do not fit their table any more, or that the server has lost, are prepared anew.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=1' });
my ($a, $b, $direct) = (Wire->login($millpond), Wire->login($millpond), Wire->login($server));
$direct->query('create table t (a int); insert into t values (1)');
my $columns = 1;

# Another column: a plan that selects all does not fit any more.
sub alter ()
{
	$columns++;
	$direct->query("alter table t add column c$columns int default $columns");
	return;
}
sub lose () { return $direct->query('select 1') && $b->query(q(do $$begin execute 'deallocate all'; end$$)) }
sub row () { return [ 1 .. $columns ] }

sub used ($client, @more)
{
	$client->put(Bind('', 's'), Describe('P'), Execute(), Sync());
	return $client->result;
}

$_->put(Parse('s', 'select * from t'), Sync())->result for $a, $b, $direct;
is_deeply(used($_)->{rows}, [ [1] ], 'as it was') for $a, $b;

for my $change (\&alter, \&lose, \&alter, \&lose)
{
	my $what = $change == \&alter ? 'altered' : 'lost';
	$change->();
	my $result = used($a);
	is($result->{types}, '2TDCZ', "$what: no error reaches the client");
	is_deeply($result->{rows}, [ row() ], '... and the rows are those of now');
	is_deeply(used($b)->{rows}, [ row() ], '... for another client too');

	$change->();
	$a->put(Bind('', 's'), Execute(), Sync());
	my $undescribed = $a->result;
	is_deeply($undescribed->{rows}, [ row() ], '... without Describe, if the columns are the same')
		if $change == \&lose;
	is($undescribed->{error}{C}, '0A000', '... but whoever was told of others hears of it')
		if $change == \&alter;

	$change->();
	$a->put(Describe('S', 's'), Bind('', 's'), Execute(), Sync());
	is($a->result->{types}, 'tT2DCZ', '... when it is described first');

	# In pieces: the error comes before the Sync.
	$change->();
	$a->put(Parse('', 'select 7'), Bind('', 's'), Describe('P'), Flush());
	is($a->get->[0], '1', '... what came before is answered once');
	is($a->get->[0], '2', '... then the Bind');
	$a->put(Execute(), Sync());
	my $pieces = $a->result;
	is($pieces->{types}, 'TDCZ', '... and the rest');
	is_deeply($pieces->{rows}, [ row() ], '... with rows');
	$change->();
	$a->put(Parse("x$columns", 'select 1'), Parse('', 'select 7'), Bind(), Describe('P'), Bind('', 's'),
		Describe('P'), Execute(), Sync());
	is($a->result->{types}, '112T2TDCZ', '... in the middle of others');
	$a->put(Close('S', "x$columns"), Sync())->result;
	$change->();
	$a->put(Bind('', 's'), Describe('P'), Execute(), Sync(), Query('select 1'));
	$a->result;
	is($a->result->{types}, 'TDCZ', '... and what follows is answered');
	used($a);
}

# No more than 64 KiB are kept for that.
for my $length (1_000, 70_000)
{
	used($a);
	alter();
	$a->put(Parse('', 'select 1 --' . 'x' x $length), Bind('', 's'), Describe('P'), Execute(), Sync());
	is($a->result->{error}{C}, $length < 65_536 ? undef : '0A000', "behind a message of $length bytes");
}
used($a);

# A portal runs what its name meant when it was bound: if that cannot be done again, nothing is.
for my $twice ([ map { Parse('', "select '$_'"), Bind("p$_") } qw(A B) ],
	[ Parse('n', q(select 'A')), Bind('pA', 'n'), Close('S', 'n'), Parse('n', q(select 'B')), Bind('pB', 'n') ])
{
	alter();
	$a->put(@$twice, Bind('ps', 's'), map({ Execute($_) } qw(pA pB ps)), Sync());
	is($a->result->{error}{C}, '0A000', 'a name that has meant two things');
	used($a);
}

# By SQL.
$a->query('prepare q as select * from t');
for my $change (\&alter, \&lose)
{
	$change->();
	is_deeply($a->query('execute q')->{rows}, [ row() ], 'EXECUTE too');
	$a->put(Parse('', 'execute q'), Bind(), Describe('P'), Execute(), Sync());
	is_deeply($a->result->{rows}, [ row() ], '... in the extended protocol');
	$change->();
	$a->put(Bind('', 'q'), Describe('P'), Execute(), Sync());
	is_deeply($a->result->{rows}, [ row() ], '... and what it has prepared by Bind');
}

# In a transaction the error is the client's, and the next use works.
for my $change (\&alter, \&lose)
{
	used($a);
	$a->query('begin');
	my $lost = $a->query(q(do $$begin execute 'deallocate all'; end$$)) if $change == \&lose;
	$a->query('commit');
	alter() if $change == \&alter;
	$a->query('begin');
	my $code = $change == \&alter ? '0A000' : '26000';
	my $failed = used($a);
	is($failed->{error}{C}, $code, "in a transaction the client hears $code");
	is($failed->{error}{M}, 'prepared statement "s" does not exist', '... with its own name')
		if $change == \&lose;
	$a->query('rollback');
	is_deeply(used($a)->{rows}, [ row() ], '... and the next use works');
}

# Whoever takes binary values and does not ask what they are must know of the change.
alter();
my $binary = Message('B', "\0s\0" . pack('n n n n', 0, 0, 1, 1));
$a->put($binary, Execute(), Sync());
is($a->result->{error}{C}, '0A000', 'not for binary values that are not described');
$a->put($binary, Describe('P'), Execute(), Sync());
is($a->result->{types}, '2TDCZ', '... if they are, it works');

# What was executed before can not be done again.
alter();
$a->put(Parse('', 'insert into t default values'), Bind(), Execute(), Bind('', 's'), Describe('P'),
	Execute(), Sync());
my $mixed = $a->result;
is($mixed->{types}, '12CEZ', 'behind something that was executed the error is told');
is_deeply(used($a)->{rows}, [ row() ], '... nothing was done, and the next use works');

# A table that is gone.
$direct->query('drop table t');
for (1 .. 2)
{
	my ($got, $wanted) = map { used($_)->{error} } $a, $direct;
	is_deeply([ @$got{qw(C M)} ], [ @$wanted{qw(C M)} ], 'a table that is gone is told as such');
}
is_deeply($b->query('select 1')->{rows}, [ [1] ], 'and all goes on');

# The same when it comes to a server that has never had the statement, or has it from somebody else by now.
$millpond->reconfigure(databases => { two => 'dbname=postgres pool_size=2' }, settings => { server_round_robin => 1 });
my ($c, $d, $holder) = map { Wire->login($millpond, database => 'two') } 1 .. 3;
sub binary (@more) { return Message('B', "\0s\0" . pack 'n n n n', 0, 0, 1, 1), @more }
$direct->query('create table u (a int); insert into u values (7)');
$c->put(Parse('s', 'select a from u'), Describe('S', 's'), Sync())->result;
$c->put(binary(Execute(), Sync()));
is_deeply($c->result->{rows}, [ [ pack 'N', 7 ] ], 'binary values, described once');
$holder->query('begin');
for (1 .. 3)
{
	$c->put(binary(Execute(), Sync()));
	is_deeply($c->result->{rows}, [ [ pack 'N', 7 ] ], '... also elsewhere');
}
$direct->query('alter table u alter a type text');
$holder->query('rollback');
$_->query('begin') for $holder, $d;    # on both servers, of which each is ...
$_->put(Parse('s', 'select a from u'), Sync())->result for $holder, $d;
$_->query('rollback') for $holder, $d;
for my $server (1 .. 2)
{
	$c->put(binary(Execute(), Sync()));
	my $answer = $c->result;
	is($answer->{error}{C}, '0A000', "... must not be others, on server $server");
	is($answer->{error}{R}, 'RevalidateCachedQuery', '... which drivers know by this');
}
$millpond->console('RECONNECT');
$c->put(binary(Execute(), Sync()));
is($c->result->{error}{C}, '0A000', '... nor on a new server');
$c->put(binary(Describe('P'), Execute(), Sync()));
is_deeply($c->result->{rows}, [ ['7'] ], 'whoever asks what they are gets them');
$c->put(Close('S', 's'), Parse('s', 'select a from u'), Describe('S', 's'), Sync())->result;
$c->put(binary(Execute(), Sync()));
is_deeply($c->result->{rows}, [ ['7'] ], 'and whoever prepares anew');

done_testing;
