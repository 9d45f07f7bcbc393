# Fifty cancel requests at once, more than max_client_conn allows clients, hit only what they are meant for.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	settings => { default_pool_size => 5, max_client_conn => 60 });
my @clients = map { Wire->login($millpond) } 1 .. 50;

# All run or wait; the even ones are cancelled, the odd ones must not notice.
$_->put(Query('select pg_sleep(0.3)')) for @clients;
my @cancels = map {
	my $cancel = Wire->connect($millpond);
	$cancel->put(CancelRequest(@{ $clients[$_] }{qw(pid secret)}));
} grep { $_ % 2 == 0 } 0 .. $#clients;
$_->closed for @cancels;
my @answers = map { $_->result } @clients;
is_deeply([ map { $answers[$_]{types} } grep { $_ % 2 } 0 .. $#answers ], [ ('TDCZ') x 25 ],
	'no other query was hit');
my %codes = map { ($answers[$_]{error}
	? $answers[$_]{error}{C} : 'done') => 1 } grep { $_ % 2 == 0 } 0 .. $#answers;
is_deeply([ grep { !/^(?:57014|done)$/ } keys %codes ], [],
	'those that were meant were cancelled, or had ended');
ok($codes{57014}, 'some were');

# One server over which clients come and go, and each is cancelled just as its query ends.
$millpond->reconfigure(databases => { one => 'dbname=postgres pool_size=1' });
my ($victim, $next) = map { Wire->login($millpond, database => 'one') } 1 .. 2;
my $hits = 0;
for my $round (1 .. 60)
{
	$victim->put(Query('select pg_sleep(0.002)'));
	$next->put(Query('select pg_sleep(0.004)'));
	my $cancel = Wire->connect($millpond);
	$cancel->put(CancelRequest(@$victim{qw(pid secret)}));
	$victim->result;
	$hits++ if $next->result->{types} ne 'TDCZ';
	$cancel->closed;
}
is($hits, 0, 'a cancel that comes late never hits the next client');

done_testing;
