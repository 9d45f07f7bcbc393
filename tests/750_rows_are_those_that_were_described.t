# Who was told of a statement's columns once, and goes by that, gets no others.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server    => $server,
	databases => { one => 'dbname=postgres pool_size=1', two => 'dbname=postgres pool_size=2' },
	settings  => { server_round_robin => 1, workers => 1 });
my $direct = Wire->login($server);

sub remembered ($name, @values) { return Bind('', $name, @values), Execute(), Sync() }

# By one or the other a client learns of the columns.
my $columns = 0;
my %told = (
	'of the statement' => [ Describe('S', 's'), Bind('', 's'), Execute() ],
	'of the portal'    => [ Bind('', 's'), Describe('P'), Execute() ],
	'of a named one'   => [ Bind('c', 's'), Describe('P', 'c'), Execute('c') ],
);

# What a direct connection says, the pooler says with one server and with several.
my %changes = (
	'a column less'    => 'alter table t drop name',
	'a column more'    => 'alter table t add more text',
	'another name'     => 'alter table t rename name to called',
	'another type'     => 'alter table t alter id type bigint',
	'another size'     => 'alter table t alter name type varchar(5)',
	'as many of those' => 'alter table t drop name; alter table t add mail varchar(9)',
	'the same columns' => q(drop table t; create table t(id int, name varchar(9)); insert into t values (1, 'Anna')),
	'another order'    => q(drop table t; create table t(name varchar(9), id int); insert into t values ('Anna', 1)),
);
for my $how (sort keys %told)
{
	for my $change (sort keys %changes)
	{
		my %said;
		for my $where ('direct', 'one', 'two')
		{
			$direct->query(q(drop table if exists t; create table t(id int, name varchar(9)); insert into t values (1, 'Anna')));
			my ($node, %database) = $where eq 'direct' ? $server : ($millpond, database => $where);
			my $client = Wire->login($node, %database);
			my @others = map { Wire->login($node, %database) } 1 .. 2;
			$client->put(Parse('s', 'select * from t'), $told{$how}->@*, Sync())->result;
			$direct->query($changes{$change});
			for (1 .. 3)
			{
				my $got = $client->put(remembered('s'))->result;
				push $said{$where}->@*,
					[ $got->{rows}, map { $_ && join ' ', @$_{qw(S V C M F R)} } $got->{error} ];
			}
			# ... and another one, who asks, in between.
			if ($where eq 'two')
			{
				$_->put(Parse('s', 'select * from t'), Describe('S', 's'), Bind('', 's'), Execute(), Sync())->result
					for @others;
				my $got = $client->put(remembered('s'))->result;
				is_deeply([ $got->{rows}, !!$got->{error} ], [ $said{two}[0][0], !!$said{two}[0][1] ],
					"told $how, $change: as before wherever others ask");
			}
			next if $where eq 'direct';
			my $healed = $client->put(Bind('', 's'), Describe('P'), Execute(), Sync())->result;
			is($healed->{types}, '2TDCZ', "told $how, $change: who asks anew is answered");
			$healed = $client->put(remembered('s'))->result;
			is($healed->{types}, '2DCZ', '... and goes by that');
			$client->put(Close('S', 's'), Parse('s', 'select * from t'), Describe('S', 's'), Sync())->result;
			$healed = $client->put(remembered('s'))->result;
			is($healed->{types}, '2DCZ', '... as does who prepares anew');
		}
		is_deeply($said{$_}, $said{direct}, "told $how, $change: $_ as a direct connection") for 'one', 'two';
	}
}

# In a segment with the question the answer comes first.
my ($c, $d) = map { Wire->login($millpond, database => 'one') } 1 .. 2;
$c->put(Parse('s', 'select * from t'), Describe('S', 's'), Sync())->result;
for my $ask (
	[ Describe('S', 's'), Bind('', 's'), Execute() ],
	[ Bind('', 's'), Describe('P'), Execute(), Bind('', 's'), Execute() ],
	[ Describe('S', 's'), Flush(), Bind('', 's'), Execute() ])
{
	$direct->query('alter table t add c' . ++$columns . ' int');
	my $got = $c->put(@$ask, Sync())->result;
	is($got->{error}, undef, 'described in the same segment');
	$got = $c->put(remembered('s'))->result;
	is($got->{error}, undef, '... and from then on');
}

# Two of one text, of which one client has asked later than the other.
$c->put(Parse('old', 'select * from t'), Describe('S', 'old'), Sync())->result;
$direct->query('alter table t add late int');
$c->put(Parse('new', 'select * from t'), Describe('S', 'new'), Sync())->result;
is($c->put(remembered('new'))->result->{error}, undef, 'who has asked since gets the rows');
is($c->put(remembered('old'))->result->{error}{C}, '0A000', '... by another name one does not');
is($c->put(remembered('new'))->result->{error}, undef, '... nor is the one in the way of the other');

# The description is asked for in front, where the server lacks the statement: once.
$c->put(Parse('n', 'select name from t'), Describe('S', 'n'), Sync())->result;
$millpond->console('RECONNECT one');
is($c->put(remembered('n'))->result->{types}, '2DCZ', 'a new server has the same columns') for 1 .. 2;

# A Close that was not done leaves what was told.
$c->put(Parse('k', 'select * from t'), Describe('S', 'k'), Sync())->result;
$c->put(Parse('', 'nonsense'), Close('S', 'k'), Sync())->result;
$direct->query('alter table t add last int');
is($c->put(remembered('k'))->result->{error}{C}, '0A000', 'a Close that is skipped forgets nothing');

# A long Bind, of which the rest is not there yet.
my $long = 'x' x 200_000;
$c->put(Parse('l', 'select t.*, $1::text from t'), Describe('S', 'l'), Sync())->result;
is($c->put(remembered('l', $long))->result->{error}, undef, 'a long value');
$millpond->console('RECONNECT one');
is($c->put(remembered('l', $long))->result->{error}, undef, '... on a new server');
$direct->query('alter table t add very_last int');
is($c->put(remembered('l', $long))->result->{error}{C}, '0A000', '... for other columns');
is($c->put(remembered('l', $long))->result->{error}{C}, '0A000', '... and again');
for (1 .. 2)
{
	$c->put(Bind('', 'l', $long), Describe('P'), Execute(), Sync())->result for 1 .. 2;
	$direct->query("alter table t add really_last$_ int");
}
is($c->put(Bind('', 'l', 'short'), Describe('P'), Execute(), Sync())->result->{error}, undef, 'who always asks');
is($c->put(Bind('', 'l', $long), Describe('P'), Execute(), Sync())->result->{error}, undef, '... also with a long one');

is_deeply($d->query('select 1')->{rows}, [ [1] ], 'and all goes on');
# Descriptions that are too long to be compared come whole now and then, as the reads fall.
$server->safe_psql('postgres', 'create table wide (' . join(',', map { sprintf '%s_%04d int', 'c' x 55, $_ } 1 .. 1590) . ')');
my @wide = map { Wire->login($millpond, database => 'two') } 1, 2;
my %heard;
for my $round (1 .. 10)
{
	for my $client (@wide)
	{
		$client->put(Parse("wide$round", 'select * from wide'), Describe('S', "wide$round"), Sync())->result;
		$client->query('begin') if $round % 2;
		$heard{ $client->put(Bind('', "wide$round"), Execute(), Sync())->result->{error}{C} // 'nothing' }++ for 1 .. 3;
	}
	$_->query('commit') for @wide;
}
is_deeply(\%heard, { nothing => 60 }, 'a long description that has not changed is no error');

done_testing;
