# What is known of a host name is believed for dns_max_ttl, shared by all workers, and servers at an address that it has no more are let go.
use v5.36;
use Millpond;
use NameServer;
use Test::More;
use Wire;

my $server = Postgres->new;
$server->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1,127.0.0.2'");
$server->restart;
my $names = NameServer->new('db.pond.test' => ['127.0.0.1'], 'both.pond.test' => [ '127.0.0.1', '127.0.0.2' ],
	'empty.pond.test' => [], 'pond.test' => 2026112400, 'silent.other.test' => undef, 'late.other.test' => undef);
my $port     = $server->port;
my $millpond = Millpond->new('pool', server => $server,
	databases => { (map { $_ => "host=$_.pond.test port=$port dbname=postgres" } qw(db both missing empty)),
		again => "host=DB.pond.test port=$port dbname=postgres", listed => "host=db.pond.test,both.pond.test port=$port dbname=postgres",
		map { $_ => "host=$_.other.test port=$port dbname=postgres" } qw(silent late) },
	settings => { resolv_conf => $names->resolv_conf, dns_max_ttl => 300, dns_nxdomain_ttl => 300, workers => 3,
		server_login_retry => '100ms', query_wait_timeout => 30 });
my $console = Wire->login($millpond, database => 'pgbouncer');

sub login ($database, %more) { return Wire->connect($millpond)->startup(database => $database, %more) }
sub hosts () { return { map { $_->{hostname} => $_ } $console->hashes('SHOW DNS_HOSTS') } }
sub addresses ($database)
{
	return join ' ', sort map { $_->{addr} } $console->hashes("SHOW SERVERS WHERE database = $database");
}
sub lists () { return { map { $_->{list} => $_->{items} } $console->hashes('SHOW LISTS') } }

# Asked once, by many at the same moment over all workers
my @crowd = map { login($_ % 2 ? 'db' : 'again', user => 'postgres') } 1 .. 20;
$_->result for @crowd;
$_->put(Query('begin; select 1')) for @crowd;
is((grep { $_->result->{status} eq 'T' } @crowd), 20, 'twenty clients have twenty servers');
is($names->asked('A db.pond.test'), 1, 'for which the name was asked for once');
my $host = hosts()->{'db.pond.test'};
is($host->{addrs}, '127.0.0.1:0', 'SHOW DNS_HOSTS has its address');
cmp_ok($host->{ttl}, '>', 250, '... and for how long');
cmp_ok($host->{ttl}, '<=', 300, '... at most');
is_deeply([ $console->query('SHOW DNS_ZONES')->{rows}->@* ], [ [ 'pond.test', 0, 1 ] ], 'SHOW DNS_ZONES has its zone');
is(join(' ', @{ lists() }{qw(dns_names dns_zones dns_queries dns_pending)}), '1 1 0 0', 'SHOW LISTS counts them');

# A name with two addresses, and a list
my @both = map { Wire->login($millpond, database => 'both') } 1 .. 4;
$_->query('begin') for @both;
is(addresses('both'), '127.0.0.1 127.0.0.1 127.0.0.2 127.0.0.2', 'two addresses are used in turn');
is(hosts()->{'both.pond.test'}{addrs} =~ tr/,//, 1, 'both are shown');
is(Wire->login($millpond, database => 'listed')->value('select 1'), 1, 'names in a list');
is($names->asked('A db.pond.test') + $names->asked('A both.pond.test'), 2, '... are known already');

# What is not there, has no address, or is not answered
for my $database (qw(missing empty))
{
	my $from   = $millpond->log_end;
	my $client = login($database);
	$millpond->wait_for_log(qr/DNS lookup failed: $database\.pond\.test.*server DNS lookup failed.*server DNS lookup failed/s, $from);
	is($names->asked("A $database.pond.test"), 1, "$database: asked once, though tried again");
	is(hosts()->{"$database.pond.test"}{addrs}, '', '... and shown without an address');
	$client->close;
}
my @waiting = map { login('silent') } 1 .. 3;
wait_until(sub { lists()->{dns_queries} }, 'the question to be counted');
is($crowd[0]->value('select 2'), 2, 'a name server that is silent holds up nobody');
$_->close for @waiting;

# It has moved. The answer of before is believed as long as it may be.
$names->set('db.pond.test' => ['127.0.0.2']);
$_->query('rollback') for @crowd[ 0 .. 9 ];
$millpond->console('RECONNECT again');
is(Wire->login($millpond, database => 'again')->value('select 3'), 3, 'new servers are where they were');
is($names->asked('A db.pond.test'), 1, 'nobody has asked');
$console->query('SET dns_max_ttl = 0');    # from the next answer on

# A new zone number: everything that was known of it is asked for again, and the servers follow at rest.
my $from = $millpond->log_end;
$console->query("SET dns_zone_check_period = '100ms'");
wait_until(sub { ($console->hashes(q(SHOW DNS_ZONES WHERE zonename = 'pond.test')))[0]{serial} == 2026112400 }, 'the serial number to be known');
ok($names->asked('SOA pond.test') > 0, 'by asking for it');
is($names->asked('A db.pond.test'), 1, 'which alone changes nothing');
$names->set('pond.test' => 2026112401);
$millpond->wait_for_log(qr/zone 'pond\.test' serial changed: old=2026112400 new=2026112401/, $from);
$millpond->wait_for_log(qr/db\.pond\.test is no longer at 127\.0\.0\.1/, $from);
wait_until(sub { hosts()->{'db.pond.test'}{addrs} eq '127.0.0.2:0' }, 'the new address');
wait_until(sub { addresses('db') !~ /127/ || !grep { $_->{state} eq 'idle' } $console->hashes('SHOW SERVERS WHERE database = db') },
	'servers at rest to be gone');
is((grep { !$_->{close_needed} } grep { $_->{addr} eq '127.0.0.1' } map { $console->hashes("SHOW SERVERS WHERE database = $_") } qw(db again)),
	0, 'those in use are not lent again');
is($crowd[$_]->value('select 4'), 4, 'a transaction goes on where it is') for 10, 11;
$_->query('commit') for @crowd[ 10 .. 19 ];
is($_->value('select 5'), 5, 'then all go on') for @crowd[ 0 .. 19 ];
unlike(addresses('db') . addresses('again'), qr/127\.0\.0\.1/, 'at the new address');

# Without a zone to watch the next login to a server notices, when the answer is no longer believed.
$console->query('SET dns_zone_check_period = 0');
$names->set('db.pond.test' => ['127.0.0.1']);
my $pid = $crowd[0]->value('select pg_backend_pid()');
$_->put(Query('begin; select 1')) for @crowd;
is((grep { $_->result->{status} eq 'T' } @crowd), 20, 'some new servers are needed') ;
$millpond->console('RECONNECT');
$_->query('commit') for @crowd;
wait_until(sub { $crowd[0]->value('select 6') && addresses('db') !~ /127\.0\.0\.2/ }, 'all to be at the newest address');
is(hosts()->{'db.pond.test'}{addrs}, '127.0.0.1:0', 'which is known');

# Many addresses, in another order each time, are the same ones.
my @ten = map { "127.0.0.$_" } 1 .. 10;
$names->set('db.pond.test' => \@ten);
$from = $millpond->log_end;
my $asked = $names->asked('A db.pond.test');
for my $round (0 .. 3)
{
	$names->set('db.pond.test' => [ @ten[ map { ($_ + 4 * $round) % 10 } 0 .. 9 ] ]);
	$millpond->console('RECONNECT db');
	is($crowd[0]->value('select 7'), 7, 'a login to one of ten addresses');
}
cmp_ok($names->asked('A db.pond.test'), '>=', $asked + 3, '... which are asked for anew');
is(hosts()->{'db.pond.test'}{addrs} =~ tr/,//, 9, '... and all known');
unlike($millpond->log_since($from), qr/no longer at/, '... so that none is left');

# An answer may be half of one: an address of the other kind is left only when the next has none either.
$names->set('db.pond.test' => [ '::1', '127.0.0.1' ]);
sub ask_again () { $millpond->console('RECONNECT db'); return $crowd[0]->value('select 8') }
ask_again();
wait_until(sub { hosts()->{'db.pond.test'}{addrs} =~ /\[::1\]/ && hosts()->{'db.pond.test'}{addrs} =~ tr/,// == 1 },
	'both kinds of addresses');
$names->set('db.pond.test' => [ '127.0.0.1', 'half' ]);
$from = $millpond->log_end;
ask_again();
is(hosts()->{'db.pond.test'}{addrs}, '127.0.0.1:0', 'half an answer is an answer');
unlike($millpond->log_since($from), qr/no longer at/, '... by which nobody leaves the other kind');
ask_again();
$millpond->wait_for_log(qr/db\.pond\.test is no longer at ::1/, $from);
pass('a second one is believed');

# When it ends nobody waits for an answer.
my $late = login('late');
wait_until(sub { lists()->{dns_queries} }, 'another question');
$millpond->stop;
pass('it ends in the middle of a question');

done_testing;
