# What a client has set and its server does not take back costs the server, and none of those who come after that client.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new('server');
plan skip_all => 'SET can be granted from version 15 on' if $server->pg_version < 15;
$server->safe_psql('postgres', 'create role app login; grant set on parameter log_min_messages to app');
my $millpond = Millpond->new('pool', server => $server,
	databases => { one => 'dbname=postgres pool_size=1', two => 'dbname=postgres pool_size=2' },
	settings  => { server_idle_timeout => 600, workers => 2 });

sub client (%more) { return Wire->login($millpond, database => 'one', user => 'app', %more) }
sub pid ($client) { return $client->value('select pg_backend_pid()') }

# A parameter of an extension that is loaded later, and does not know it; nobody is to hear of that.
{
	my ($client, $other, $third) = map { client() } 0 .. 2;
	my $pid  = pid($other);
	my $from = $millpond->log_end;
	is($client->query($_)->{error}, undef, $_) for 'set plpgsql.nonsense = 1', 'do $$ begin end $$';
	isnt(pid($other), $pid, 'another client has another server');
	is(scalar(() = $millpond->log_since($from) =~ /closing because: what a client has set there can not be taken back/g), 1, '... the log tells why');
	$pid = pid($third);
	is(pid($_), $pid, '... with which all is well') for $other, client();
	$_->close for $client, $other, $third;
}

# What may not be set any more: on both servers of a pool.
{
	my @clients = map { client(database => 'two') } 0 .. 3;
	$clients[$_]->query(q(begin; set log_min_messages = 'error')) for 0, 1;
	$clients[$_]->query('commit') for 0, 1;
	$server->safe_psql('postgres', 'revoke set on parameter log_min_messages from app');
	my $from = $millpond->log_end;
	for my $nth (2, 3, 2, 3)
	{
		is_deeply($clients[$nth]->query(q(select current_setting('log_min_messages')))->{rows}, [ ['warning'] ], "client $nth is served");
	}
	$clients[2]->query('begin');
	is($clients[3]->value(q(select current_setting('log_min_messages'))), 'warning', '... also on the other server');
	is(scalar(() = $millpond->log_since($from) =~ /closing because: what a client has set there can not be taken back/g), 2, '... after both were closed');
	is($clients[0]->query('select 1')->{error}{C}, '42501', 'whoever wishes it hears that it may not');
	$from = $millpond->log_end;
	is($clients[3]->value('select 1'), 1, '... and nobody else');
	unlike($millpond->log_since($from), qr/S-.*closing because/, '... which costs no server');
	$_->close for @clients[2, 3];
}

$millpond->stop;
done_testing;
