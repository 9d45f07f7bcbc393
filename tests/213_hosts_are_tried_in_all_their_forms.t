# A host may be an address, a name, a directory or a list; a name is looked up without holding anybody up.
use v5.36;
use Millpond;
use NameServer;
use Test::More;
use Wire;

my $server = Postgres->new;
my $names  = NameServer->new;    # that of the machine may be out of reach, and then it takes long to say so
my ($port, $dir) = ($server->port, $server->host);
my %entries = (
	address   => "host=127.0.0.1 port=$port",
	name      => "host=localhost port=$port",
	directory => "host=$dir port=$port",
	'list1'   => "host=127.0.0.1,localhost port=$port",
	'list2'   => "host=127.0.0.1,$dir port=1,$port",
	'list3'   => "host=no-such-host.invalid,127.0.0.1 port=$port",
);
my $millpond = Millpond->new('pool', server => $server,
	databases => { (map { $_ => "$entries{$_} dbname=postgres" } keys %entries),
		nowhere => "host=no-such-host.invalid port=$port dbname=postgres" },
	settings => { resolv_conf => $names->resolv_conf, server_login_retry => 1, query_wait_timeout => 10 });
my $nowhere = Wire->connect($millpond)->startup(database => 'nowhere');
for my $name (sort keys %entries)
{
	my $client = Wire->login($millpond, database => $name);
	is($client->value('select current_database()'), 'postgres', "$name: $entries{$name}");
}
$millpond->wait_for_log(qr/closing because: server DNS lookup failed/);
is_deeply($nowhere->result->{rows}, [], 'who asks for a server without address gets no answer');

done_testing;
