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
	is_deeply($a->result->{rows}, [ row() ], '... without Describe, as texts');

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
		Execute(), Sync());
	is($a->result->{types}, '112T2DCZ', '... in the middle of others');
	$a->put(Close('S', "x$columns"), Sync())->result;
	$change->();
	$a->put(Bind('', 's'), Describe('P'), Execute(), Sync(), Query('select 1'));
	$a->result;
	is($a->result->{types}, 'TDCZ', '... and what follows is answered');
	used($a);
}

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

done_testing;
