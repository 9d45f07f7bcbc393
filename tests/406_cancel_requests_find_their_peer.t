# A cancel request that comes to another pooler of the group is passed on to the one whose client is meant; never in circles.
use v5.36;
use IO::Socket::INET;
use Millpond;
use PostgreSQL::Test::Cluster;
use Test::More;
use Wire;

my $server = Postgres->new;
my %pond   = map { $_ => Millpond->new("peer$_", server => $server, stopped => 1,
	settings => { peer_id => $_, workers => 2 }) } 1 .. 3;

sub entry ($of) { return 'host=127.0.0.1 port=' . $pond{$of}->port }

# Peers as they should be: each knows all, one of them by its directory, one by a name.
my %all = (1 => entry(1), 2 => 'host=localhost port=' . $pond{2}->port,
	3 => 'host=' . $pond{3}->host . ' port=' . $pond{3}->port . ' pool_size=7');
for my $pond (@pond{ 1 .. 3 })
{
	$pond->write_config(peers => \%all);
	$pond->start;
}
# To these and no others.
sub change_peers ($of, %peers) { return $pond{$of}->reconfigure(peers => { map({ $_ => undef } 1 .. 4), %peers }) }

sub peers ($of) { return map { join ' ', @$_{qw(peer_id host port pool_size)} } $pond{$of}->console('SHOW PEERS') }
sub request ($via, $client, $pid = $client->{pid}, $secret = $client->{secret})
{
	return Wire->connect($pond{$via})->put(CancelRequest($pid, $secret));
}
sub sleeps ($client)
{
	$client->put(Query('select pg_sleep(30)'));
	wait_until(sub { $server->backends(q(wait_event = 'PgSleep')) }, 'the query to run');
}
sub is_cancelled ($client, $name)
{
	is($client->result->{error}{C}, '57014', $name);
	is($client->value('select 1'), 1, '... and the client goes on');
}

is_deeply([ peers(1) ], [ '1 127.0.0.1 ' . $pond{1}->port . ' 20', '2 localhost ' . $pond{2}->port . ' 20',
	'3 ' . $pond{3}->host . ' ' . $pond{3}->port . ' 7' ], 'SHOW PEERS');
is_deeply([ $pond{1}->console('SHOW PEER_POOLS') ], [], 'nothing has been sent yet');

# Each of them, by way of each
my %client = map { $_ => Wire->login($pond{$_}) } 1 .. 3;
is(($client{$_}{pid} >> 8) & 0xffff, $_ << 8, "the keys of $_ tell of it, as PgBouncer's do") for 1 .. 3;
is($client{$_}{secret} & 3, 3, '... and may be passed on three times') for 1 .. 3;
for my $of (1 .. 3)
{
	for my $via (1 .. 3)
	{
		sleeps($client{$of});
		ok(request($via, $client{$of})->closed, "a client of $of by way of $via: the request is done");
		is_cancelled($client{$of}, '... and the query cancelled');
	}
}
is_deeply([ map { $_->{peer_id} } sort { $a->{peer_id} <=> $b->{peer_id} } $pond{1}->console('SHOW PEER_POOLS') ],
	[ 2, 3 ], 'SHOW PEER_POOLS shows who was sent something');
my %lists = map { $_->{list} => $_->{items} } $pond{1}->console('SHOW LISTS');
is("$lists{peers} $lists{peer_pools}", '3 2', 'and SHOW LISTS counts them');

# One who waits for a server, and a wrong key
my $blocker = Wire->login($pond{1}, database => 'postgres');
sleeps($client{1});
ok(request(2, $client{1}, $client{1}{pid}, $client{1}{secret} ^ 0x100)->closed, 'a wrong key is taken');
ok($client{1}->quiet(0.3), 'and hits nothing');

# A key that has come as far as it may
ok(request(2, $client{1}, $client{1}{pid}, $client{1}{secret} & ~3)->closed, 'one that has gone round too often');
wait_until(sub { $pond{2}->log_contains(qr/not forwarded to peer 1: it has been too often/) }, 'it to be dropped');
ok($client{1}->quiet, 'is dropped');
ok(request(1, $client{1}, $client{1}{pid}, $client{1}{secret} & ~3)->closed, 'unless it has arrived by then');
is_cancelled($client{1}, '... so it counts');

# In circles: 2 and 3 believe of each other that they are 1
change_peers(2, 1 => entry(3));
change_peers(3, 1 => entry(2));
is_deeply([ peers(2) ], [ '1 127.0.0.1 ' . $pond{3}->port . ' 20' ], 'peers change by RELOAD');
my %from = map { $_ => $pond{$_}->log_end } 2, 3;
ok(request(2, $client{1})->closed, 'a request that goes round comes to its end');
ok($pond{3}->log_contains(qr/not forwarded to peer 1: it has been too often/, $from{3}), 'after three times');

# Nobody by that number, or nobody there
change_peers(2, 3 => 'host=127.0.0.1 port=' . PostgreSQL::Test::Cluster::get_free_port(), 4 => 'host=nowhere.invalid');
ok(request(2, $client{1})->closed, 'an unknown peer');
ok(request(2, $client{3})->closed, 'one that cannot be reached');
ok($pond{2}->log_contains(qr/not forwarded to peer 3: connection failed .*refused/, $from{2}), '... is named in the log');
ok(request(2, $client{3}, ($client{3}{pid} & ~0xffff00) | 4 << 16)->closed, 'one whose name is not known');
ok($pond{2}->log_contains(qr/not forwarded to peer 4: server DNS lookup failed/, $from{2}), '... too');

# One that answers slowly: only pool_size at once, and the others have their time
my $slow = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1');
change_peers(2, 1 => 'host=127.0.0.1 pool_size=1 port=' . $slow->sockport);
sub numbers ()
{
	my ($row) = grep { $_->{peer_id} == 1 } $pond{2}->console('SHOW PEER_POOLS');
	return join ' ', @$row{qw(cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login)};
}
my @requests = map { request(2, $client{1}) } 1 .. 3;
my $taken = $slow->accept;
wait_until(sub { numbers() eq '1 2 1 0' }, 'one to be on its way, two to wait');
sysread $taken, my $bytes, 100;
is(unpack('H*', $bytes), sprintf('0000001004d2162e%08x%08x', $client{1}{pid}, $client{1}{secret} - 1), 'the bytes, a hop less');
ok($_->quiet, 'nobody is done with') for @requests;
$taken->close;
$taken = $slow->accept;
wait_until(sub { numbers() eq '1 1 1 0' }, 'the next to follow');
$pond{2}->console("SET cancel_wait_timeout = '300ms'");
push @requests, request(2, $client{1});
ok($requests[3]->closed, 'cancel_wait_timeout ends the wait');
$pond{2}->wait_for_log(qr/C-\w+: .* closing because: cancel_wait_timeout \(age=\d+s\)/);
$taken->close;
$slow->accept->close;
ok($_->closed, 'all are done with') for @requests[ 0 .. 2 ];
wait_until(sub { numbers() eq '0 0 0 0' }, 'nothing to be left');

# Without a number it is nobody's peer; keys from before a change still count
$pond{1}->console('SET peer_id = 0');
my $later = Wire->login($pond{1});
$pond{1}->console('SET peer_id = 9');
for my $client ($client{1}, $later)
{
	sleeps($client);
	request(1, $client);
	is_cancelled($client, 'a key from before peer_id changed');
}

done_testing;
