# pool_mode, pool_size and user of one database or user beat the general ones; * stands for the rest.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->safe_psql('postgres',
	'create role app login; create role bob login; create database shop');
my $millpond = Millpond->new('pool', server => $server,
	databases => {
		session   => 'dbname=postgres pool_mode=session',
		forced    => 'dbname=postgres user=app pool_size=3',
		elsewhere => 'dbname=shop pool_size=1',
		'*'       => '',
	},
	users => { bob => 'pool_mode=session pool_size=2' });

# Whether the server stays with a client at rest.
sub keeps_server ($database, $user)
{
	my $client = Wire->login($millpond, database => $database, user => $user);
	$client->query('select 1');
	my $kept = $millpond->pool($database)->{sv_active};
	$client->put(Terminate());
	wait_until(sub { $millpond->pool($database)->{sv_active} == 0 }, 'the server to return');
	return $kept;
}

is(keeps_server('postgres', 'postgres'), 0, 'transaction mode in general');
is(keeps_server('session', 'postgres'), 1, 'session mode for one database');
is(keeps_server('shop', 'bob'), 1, 'session mode for one user');

my @forced = map { Wire->login($millpond, database => 'forced', user => $_) } qw(postgres bob app);
is($_->value('select current_user'), 'app', 'a forced user for everybody') for @forced;
is(scalar(grep { $_->{database} eq 'forced' } $millpond->console('SHOW POOLS')), 1, 'in one pool');
is($millpond->pool('forced')->{user}, 'app', "that is the forced user's");

is(Wire->login($millpond, database => 'elsewhere')->value('select current_database()'), 'shop',
	'dbname on the server');
is(Wire->login($millpond, database => 'shop')->value('select current_database()'), 'shop',
	'* for a name not listed');
my $gone   = Wire->connect($millpond);
my $answer = $gone->startup(database => 'dne')->result;
$answer = $gone->query('select 1') if !$answer->{error};
is($answer->{error}{C}, '3D000', "the server's own refusal comes through");

my @clients = map { Wire->login($millpond, database => 'forced') } 1 .. 6;
$_->query('begin') for @clients[ 0 .. 2 ];
$_->put(Query('select 1')) for @clients[ 3 .. 5 ];
wait_until(sub { $millpond->pool('forced')->{cl_waiting} == 3 }, 'three to wait');
is(scalar $server->backends(q(usename = 'app')), 3, 'pool_size of one database');
$_->query('commit') for @clients[ 0 .. 2 ];
$_->result for @clients[ 3 .. 5 ];

my @bobs = map { Wire->login($millpond, database => 'shop', user => 'bob') } 1 .. 4;
$_->query('select 1')      for @bobs[ 0, 1 ];
$_->put(Query('select 1')) for @bobs[ 2, 3 ];
wait_until(sub { $millpond->pool('shop', 'bob')->{cl_waiting} == 2 }, 'two to wait');
is(scalar $server->backends(q(usename = 'bob')), 2, 'pool_size of one user');

done_testing;
