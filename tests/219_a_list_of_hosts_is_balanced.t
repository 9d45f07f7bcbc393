# load_balance_hosts: round-robin takes hosts in turn, disable stays with the first that works, and a reload changes it.
use v5.36;
use FakeServer;
use Millpond;
use PostgreSQL::Test::Utils;
use Test::More;

my $server   = Postgres->new('server',
	conf => "listen_addresses = '127.0.0.1,127.0.0.2'");
my $port     = $server->port;
my $unused   = PostgreSQL::Test::Cluster::get_free_port();
my $list     = 'host=127.0.0.1,127.0.0.2';
my $millpond = Millpond->new('pool',
	server    => $server,
	settings  => { server_lifetime => 0 },
	databases => {
		turns => "$list port=$port dbname=postgres",
		first => "$list port=$port dbname=postgres load_balance_hosts=disable",
		dead  => "$list port=$unused,$port dbname=postgres load_balance_hosts=disable",
	});

# On which address the server sees each of some connections arrive.
sub arrivals ($database, $count)
{
	return map {
		my $client  = Wire->login($millpond, database => $database);
		my $address = $client->value('select host(inet_server_addr())');
		$client->close;
		$address
	} 1 .. $count;
}

my %seen;
$seen{$_}++ for arrivals('turns', 6);
is_deeply([ sort keys %seen ], [ '127.0.0.1', '127.0.0.2' ],
	'round-robin, the default, goes to each in turn');
my %first;
$first{$_}++ for arrivals('first', 4);
is_deeply([ keys %first ], ['127.0.0.1'], 'disable stays with the first');
my %dead;
$dead{$_}++ for arrivals('dead', 3);
is_deeply([ keys %dead ], ['127.0.0.2'], 'or with the first that works');

my %shown = map { $_->{name} => $_->{load_balance_hosts} } $millpond->console('SHOW DATABASES');
is($shown{turns}, 'round-robin', 'SHOW DATABASES shows the one');
is($shown{first}, 'disable', 'and the other');
$millpond->reconfigure(databases => { turns => "$list port=$port dbname=postgres load_balance_hosts=disable" });
%shown = map { $_->{name} => $_->{load_balance_hosts} } $millpond->console('SHOW DATABASES');
is($shown{turns}, 'disable', 'and what a reload has changed');

# Logins that fail together leave a host that does not answer only once.
my $silent = FakeServer->new(login => sub ($c, $startup) { $c->rest(600); $c->leave });
$millpond->reconfigure(
	settings  => { server_connect_timeout => 3, server_login_retry => 0.1, query_wait_timeout => 20 },
	databases => { silent => 'host=127.0.0.1,127.0.0.1 port=' . $silent->port
			. ",$port dbname=postgres load_balance_hosts=disable" });
my @together = map { Wire->connect($millpond)->startup(database => 'silent') } 1 .. 2;
is($_->result->{status}, 'I', 'two who came together are served') for @together;
is(scalar(my @logins = $silent->received(qr/startup/)), 2, '... after one login of each to the silent host');

done_testing;
