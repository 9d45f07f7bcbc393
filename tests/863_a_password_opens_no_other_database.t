# A password that PAM or LDAP was asked about goes to the servers of the database that it was given for, as that user, and to no others.
use v5.36;
use Directory;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $missing = Directory->missing;
plan skip_all => $missing if $missing;

my ($here, $there) = map { Directory->new(people => $_) }
	{ ann => 'red fish', bob => 'pencil', admin => 'theirs' }, { admin => 'ours' };
sub asked ($directory)
{
	return 'ldap ldapserver=127.0.0.1 ldapport=' . $directory->port
		. ' ldapprefix="uid=" ldapsuffix=",ou=people,dc=example,dc=net"';
}
my $hba = "local all all trust\nhost pgbouncer,open all all trust\n"
	. "host ours all all @{[asked($there)]}\nhost all all all @{[asked($here)]}\n";

# Each asks for the password itself, and writes it down.
my %servers = map { $_ => FakeServer->new(login => sub ($c, $startup) { $c->note_password($startup) }) }
	qw(shop forced open theirs ours);
$servers{refusing} = FakeServer->new(login => sub ($c, $startup) {
	$c->put(AuthRequest(3));
	$c->log('password', "$startup->{user} " . ($c->get // $c->leave)->[1]);
	$c->put(ErrorResponse('28P01', "not with that one", 'FATAL'));
	$c->leave;
});
my $millpond = Millpond->new('pool', files => { 'hba.conf' => $hba },
	databases => { map { $_ => $servers{$_}->target . ($_ eq 'forced' ? ' user=ann' : '') } keys %servers },
	settings  => { auth_type => 'hba', auth_hba_file => 'hba.conf', server_login_retry => 60,
		client_login_timeout => 6, query_wait_timeout => 6 });

sub enter ($database, $user, $password, %how)
{
	my $client = Wire->connect($millpond, %how);
	my $answer = $client->authenticate($password, user => $user, database => $database);
	return ($answer->{status} // '') eq 'I' ? $client : undef;
}
sub passwords ($name) { return map { s/^\d+ password //r } $servers{$name}->received(qr/ password .*[^|]\|$/) }

my $ann = enter('shop', 'ann', 'red fish');
ok($ann, 'a client is let in');
is_deeply([ passwords('shop') ], ['ann red fish|'], '... and its server has its password');

ok(!enter('forced', 'bob', 'pencil'), 'who is made another user has no password of that one');
ok(!enter('forced', 'ann', 'red fish'), '... nor has that one, who has given it as a client');
ok(!enter('open', 'ann', ''), 'nor has who is believed');
is_deeply([ passwords($_) ], [], "the server of $_ is told nothing") for qw(forced open);

# Two users of one name, each known to a directory of its own.
my $theirs = enter('theirs', 'admin', 'theirs');
my $ours   = enter('ours',   'admin', 'ours');
$millpond->console('RECONNECT theirs');
is($theirs->value('select 1'), 'select 1', 'a server is made anew');
is_deeply([ passwords('theirs') ], [ ('admin theirs|') x 2 ], '... with the password of its own clients');
is_deeply([ passwords('ours') ],   ['admin ours|'], 'and the other one with that of the others');

# The last one who could have given it has left.
$ann->close;
wait_until(sub { !grep { $_->{database} eq 'shop' } $millpond->console('SHOW CLIENTS') }, 'the client to be gone');
$millpond->console('RECONNECT shop');
my $believed = enter('shop', 'ann', '', unix => 1);
ok($believed->query('select 1')->{error}, 'who needs no password has none for a new server');
is_deeply([ passwords('shop') ], ['ann red fish|'], '... as it is not known any more');
is(enter('shop', 'ann', 'red fish')->value('select 1'), 'select 1', 'until it is given anew, and tried at once');

# Each is alone in the pool, which has no password any more when the next comes.
for (1 .. 5)
{
	ok(!enter('refusing', 'ann', 'red fish'), "a server refuses the password, login $_");
	wait_until(sub { !grep { $_->{database} eq 'refusing' } $millpond->console('SHOW CLIENTS') }, 'the client to be gone');
}
is_deeply([ passwords('refusing') ], ['ann red fish|'], '... and is asked once');

done_testing;
