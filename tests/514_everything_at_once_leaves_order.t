# Clients that come, work, fail, cancel and vanish at random leave the pool whole and all servers free.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $seed = $ENV{SEED} // time;
srand $seed;
note("SEED=$seed");
my $rounds   = $ENV{STRESS} ? 20_000 : 600;
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 4 });
Wire->login($millpond)->query('create table t (a int); create table done (a int)');

my (@clients, %history);
my %acts = (
	query    => sub ($c) { $c->query('select 1') },
	late     => sub ($c) { $c->put(Query('select 2')) },
	begin    => sub ($c) { $c->put(Query('begin; insert into t values (1)')) },
	rollback => sub ($c) { $c->put(Query('rollback')) },
	batch    => sub ($c) { $c->put(Parse('', 'select 1'), Bind(), Execute(),
		Sync()) },
	half     => sub ($c) { $c->put(Parse('', 'select 1'), Bind(), Flush()) },
	sync     => sub ($c) { $c->put(Sync()) },
	error    => sub ($c) { $c->put(Query('select 1/0')) },
	big      => sub ($c) { $c->put(Query("select repeat('x', 2000000)")) },
	copy     => sub ($c) { $c->put(Query('copy t from stdin'), CopyFail('no')) },
	cancel   => sub ($c) { Wire->connect($millpond)->put(CancelRequest(@$c{qw(pid secret)})) },
	read     => sub ($c) { $c->{in} = ''; sysread $c->{socket}, my $unused, 100_000 },
	reset    => sub ($c) { $c->reset; $c->{gone} = 1 },
	leave    => sub ($c) { $c->close; $c->{gone} = 1 },
	goodbye  => sub ($c) { $c->put(Terminate()); $c->close; $c->{gone} = 1 },
);
my @acts = sort grep { $_ ne 'query' } keys %acts;
for (1 .. $rounds)
{
	push @clients, Wire->login($millpond) if @clients < 3;
	push @clients, Wire->login($millpond) if @clients < 30 && rand() < 0.3;
	my $client = $clients[ rand @clients ];
	my $act = $acts[ rand @acts ];
	$history{ $client->{socket}->sockport } .= " $act";
	$acts{$act}->($client);
	@clients = grep { !$_->{gone} } @clients;
}
$_->close for @clients;
if (!eval { wait_until(sub { 1 == $millpond->console('SHOW CLIENTS') }, 'all clients to be gone') })
{
	fail('all clients are gone');
	diag("$_->{ptr} $_->{state} did$history{$_->{port}}") for $millpond->console('SHOW CLIENTS');
	diag(explain($millpond->pool));
}
wait_until(sub { my $pool = $millpond->pool; !$pool->{sv_active} && !$pool->{cl_active}
	&& !$pool->{cl_waiting} }, 'an empty pool');
my @last = map { Wire->login($millpond) } 1 .. 8;
$_->put(Query('select pg_sleep(0.05)')) for @last;
is($_->result->{types}, 'TDCZ', 'everybody is served') for @last;
is($last[0]->value('select count(*) from t'), 0, 'nothing uncommitted is left');
wait_until(sub { $server->backends <= 4 }, 'what was closed to be gone');
pass('no limit is exceeded');
wait_until(sub { !$server->backends(q(state like 'idle in%')) }, 'the last transaction to end');
pass('no transaction is open');

done_testing;
