# What servers start with may change under live sessions: each goes on with what it was told.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2', small => 'dbname=postgres pool_size=1' });
my $direct   = Wire->login($server);
my $date     = q(select '2020-01-02'::date, pg_backend_pid());

# On which server it has found what.
my %seen;
sub finds ($client, $wanted, $name)
{
	my ($found, $pid) = $client->query($date)->{rows}[0]->@*;
	is($found, $wanted, $name);
	$seen{$name =~ s/:.*//r}{$pid} = 1;
}

my ($first, $holder) = map { Wire->login($millpond) } 1 .. 2;
is($first->{parameters}{DateStyle}, 'ISO, MDY', 'one style');
finds($first, '2020-01-02', 'first: its style');
$direct->query(q(alter role postgres set datestyle = 'German'));
$holder->query('begin');
finds($first, '2020-01-02', 'first: a server that starts with another');
my $second = Wire->login($millpond);
is($second->{parameters}{DateStyle}, 'German, DMY', 'who comes now is told so');
finds($second, '02.01.2020', 'second: its style');
my $other = Wire->login($millpond);
$other->query('begin');
$holder->query('commit');
finds($second, '02.01.2020', 'second: a server that started with another');
finds($first, '2020-01-02', 'first: the same one');
is(scalar keys $seen{$_}->%*, 2, "$_ has seen both") for qw(first second);

# A SET to what one server starts with is a wish on the other.
my $third = Wire->login($millpond);
$third->query(q(set datestyle = 'ISO, MDY'));
is($third->query('show datestyle')->{rows}[0][0], 'ISO, MDY', 'a SET');
$holder->query('begin');
$other->query('commit');
is($third->query('show datestyle')->{rows}[0][0], 'ISO, MDY', '... holds on the other server');
$holder->query('commit');
$direct->query('alter role postgres reset datestyle');

# The same if a server reads its configuration again. The first to use it then is told so, as on a server of its own.
my $fourth = Wire->login($millpond);
$direct->query(q(alter system set timezone = 'Asia/Tokyo'));
$direct->query('select pg_reload_conf()');
wait_until(sub { Wire->login($server)->query('show timezone')->{rows}[0][0] eq 'Asia/Tokyo' }, 'new servers to know of it');
$_->query('begin') for $holder, $other;
$_->query('commit') for $holder, $other;
for my $client ($first, $second, $fourth, $holder, $other)
{
	is($client->query('show timezone')->{rows}[0][0], $client->{parameters}{TimeZone}, 'a zone is the one that was told');
}
isnt($first->{parameters}{TimeZone}, 'Asia/Tokyo', 'it goes on with the one of before');

# ... also if it does so as it is told, by itself, what nobody has wished before.
my $zone = 'show timezone';
my $one  = Wire->login($millpond, database => 'small');
is($one->query($zone)->{rows}[0][0], 'Asia/Tokyo', 'a server that starts with the new one');
$direct->query(q(alter system set timezone = 'Europe/Rome'));
$direct->query('select pg_reload_conf()');
wait_until(sub { Wire->login($server)->query($zone)->{rows}[0][0] eq 'Europe/Rome' }, 'new servers to know of it');
my @named = map { Wire->login($millpond, database => 'small', application_name => "name $_") } 1 .. 2;
is($_->query($zone)->{rows}[0][0], $_->{parameters}{TimeZone}, 'a zone is the one that was told, to whoever brings a name') for @named, $one;

done_testing;
