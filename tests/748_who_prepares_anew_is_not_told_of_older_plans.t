# Who prepares a statement after something was altered gets it as it is now, though the server holds an older one.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool',
	server    => $server,
	databases => { one => 'dbname=postgres pool_size=1', two => 'dbname=postgres pool_size=2' },
	settings  => { workers => 1 });
my $columns = 1;

sub login ($database) { return Wire->login($millpond, database => $database) }
sub alter () { return 'alter table t add c' . ++$columns . ' int' }
sub parsed ($client, $name, @more) { return $client->put(Parse($name, 'select * from t'), @more, Sync())->result }
my @all = (Bind('', 'new'), Describe('P'), Execute());

login('one')->query('create table t(c1 int); insert into t values (1)');
my $old = login('one');
parsed($old, 'old', Describe('S', 'old'), Bind('', 'old'), Execute());
$old->query(alter());

# On the server that holds it.
my $new = login('one');
$new->query('begin');
my $got = parsed($new, 'new', @all);
is($got->{types}, '12TDCZ', 'in a transaction the first use works');
is(scalar $got->{columns}->@*, $columns, '... with the columns of now');
$new->query('commit');

# Altered in a transaction: it holds for its client at once, for others when it is committed.
my ($c, $d) = (login('two'), login('two'));
$_->query('begin') for $c, $d;
parsed($_, 'old', Describe('S', 'old')) for $c, $d;
$d->query('rollback');
$c->query(alter());
is(scalar parsed($c, 'new', @all)->{columns}->@*, $columns, 'in the transaction that alters');
$c->query('commit');
$c->query('begin');
$d->query('begin');
is(scalar parsed($d, 'new', @all)->{columns}->@*, $columns, '... and on another server, once it is committed');
$_->query('rollback') for $c, $d;

# Types of parameters are found anew as well.
my $f = login('one');
$f->query('create table p(v bigint)');
$f->put(Parse('s', 'insert into p values ($1)'), Describe('S', 's'), Sync())->result;
$f->query('alter table p alter v type double precision');
my $g = login('one');
$g->put(Parse('s', 'insert into p values ($1)'), Describe('S', 's'), Sync());
my $told;
while ((my $message = $g->get)->[0] ne 'Z') { $told = unpack 'xxN', $message->[1] if $message->[0] eq 't' }
is($told, 701, 'the types of parameters too');

# What was dropped, created or replaced is another thing as well; and on whichever server, what a client uses is not
# older than what it has prepared.
my %changes = (
	'a replaced view' => [ 'create view %s as select 1 as a', 'create or replace view %s as select 1 as a, 2 as b', 'drop view %s' ],
	'another table'   => [ 'create table %s(a int)', 'drop table %s; create table %s(a int, b int)', 'drop table %s' ],
	'an altered one'  => [ 'create table %s(a int)', 'alter table %s add b int', 'drop table %s' ],
);
my @use = (Bind('', 's'), Execute(), Sync());
for my $change (sort keys %changes)
{
	my ($made, $changed, $dropped) = map { s/%s/thing/gr } $changes{$change}->@*;
	my ($first, $second, $newer) = map { login('two') } 1 .. 3;
	$first->query($made);
	$_->query('begin') for $first, $second;
	$_->put(Parse('s', 'select * from thing'), @use)->result for $first, $second;
	$_->query('commit') for $first, $second;
	$first->query($changed);
	$newer->query('begin');
	is($newer->put(Parse('s', 'select * from thing'), @use)->result->{error}, undef, "$change: who prepares anew");
	my $pid = $newer->value('select pg_backend_pid()');
	$newer->query('commit');
	$first->query('begin');
	$newer->query('begin');
	isnt($newer->value('select pg_backend_pid()'), $pid, '... and then has another server');
	is($newer->put(@use)->result->{error}, undef, '... may use it there');
	$_->query('rollback') for $first, $newer;
	$first->query($dropped);
}

done_testing;
