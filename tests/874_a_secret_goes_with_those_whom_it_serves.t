# Secrets found by auth_query, and keys that clients have proved, are in memory as long as they let somebody in, or open servers for somebody.
use v5.36;
use Digest::SHA qw(hmac_sha256);
use FakeServer;
use Memory;
use MIME::Base64;
use Millpond;
use Scram;
use Test::More;
use Wire;

plan skip_all => 'a sanitizer keeps what has been freed' if $ENV{SANITIZE};

my %secret = map { $_ => random_secret($_) } qw(brief shared cached short changed plain);
my %key;
for my $user (qw(listed other asked))
{
	my $password = $secret{$user} = random_secret($user);
	$key{$user}    = hmac_sha256('Client Key', Scram::salted($password, 'saltsaltsaltsalt', 4096));
	$secret{$user} = Scram::secret($password);
	$secret{"password of $user"} = $password;
}

# It asks everybody for a password in the clear, but those who have but a key.
my $fake = FakeServer->new(
	login => sub ($c, $startup) { return $key{ $startup->{user} } || $startup->{user} eq 'lookup' ? 0 : $c->note_password($startup) },
	message => sub ($c, $type, $body) {
		($c->{about}) = $body =~ /(\w+)\0*\z/ if $type eq 'B';
		return 0;
	},
	query => sub ($c, $sql) {
		return 0 if $sql !~ /whois/;
		return $c->put(DataRow($c->{about}, $secret{ $c->{about} }), CommandComplete('SELECT 1'));
	});
my %settings = (auth_type => 'plain', auth_file => 'users.txt', auth_user => 'lookup', auth_query => 'whois $1', auth_query_cache => 0);
my $millpond = Millpond->new('pool', workers => 1, settings => \%settings, databases => { postgres => $fake->target, second => $fake->target },
	files => { 'users.txt' => qq("listed" "$secret{listed}"\n"other" "$secret{other}"\n) });
my $owner = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

sub found ($name) { return times_in_memory($millpond, $key{$name} // $secret{$name}) }
defined found('brief') or plan skip_all => 'the memory of a process cannot be looked at here';

sub enter ($user, %how)
{
	my $client = Wire->connect($millpond);
	is($client->authenticate($secret{"password of $user"} // $secret{$user}, user => $user, %how)->{status}, 'I', "$user is let in");
	return $client;
}
sub gone ($name, $when) { return ok(eval { wait_until(sub { found($name) == 0 }, 'it to be gone', 20); 1 }, "$name: gone $when") }
sub there ($name, $when) { return cmp_ok(found($name), '>', 0, "$name: there $when") }
sub command ($sql) { return is($owner->query($sql)->{error}, undef, $sql) }
sub reload (%changes)
{
	%settings = (%settings, %changes);
	$millpond->write_config(settings => \%settings);
	return command('RELOAD');
}
sub logins ($user) { return scalar $fake->received(qr/^\d+ password $user \Q$secret{$user}\E/) }
sub opens_another ($client, $user, $when)
{
	my $before = logins($user);
	command('RECONNECT');
	return is($client->value('select 1'), 'select 1', "$user: served $when") && cmp_ok(logins($user), '>', $before, '... by a new server');
}

my $client = enter('brief');
there('brief', 'as long as its client');
$client->close;
gone('brief', 'with its client');

my @clients = map { enter('shared', database => $_) } qw(postgres postgres second);
$clients[0]->close;
opens_another($clients[1], 'shared', 'when another one has left');
$clients[1]->close;
opens_another($clients[2], 'shared', 'when those of another pool have');
$clients[2]->close;
gone('shared', 'with the last of its clients');

$client = enter('changed');
reload(auth_query => 'whois2 $1');
opens_another($client, 'changed', 'when others would be asked about in another way');
reload(auth_user => undef, auth_file => 'users.txt');
opens_another($client, 'changed', 'when nobody would be asked');
command('KILL postgres');
command('RESUME postgres');
gone('changed', 'with its client');

reload(auth_user => 'lookup', auth_query_cache => 600);
enter('cached')->close;
wait_until(sub { $millpond->log_since =~ /postgres\/cached\@\S+ closing because: client unexpected eof/ }, 'the end');
there('cached', 'while it is believed');
enter('cached')->close;
is(scalar(() = $fake->received(qr/^\d+ B .*cached/)), 1, '... which has been asked about once');
command('RELOAD');
gone('cached', 'when it is not believed any more');

reload(auth_query_cache => 1);
enter('short')->close;
gone('short', 'when its time is over');

reload(auth_query_cache => 0);
enter($_)->close for qw(listed other);
$client = enter('asked');
there($_, 'when it has been proved') for qw(listed other asked);
command('RELOAD');
there($_, 'as long as its secret') for qw(listed other asked);
$millpond->write_file('users.txt', qq("other" "$secret{other}"\n));
command('RELOAD');
gone('listed', 'with its secret');
there($_, 'when another one is gone') for qw(other asked);
$client->close;
command('RELOAD');
gone('asked', 'at the next RELOAD');
there('other', 'still');
enter($_)->close for qw(other asked);

# What opens no server is not kept at all.
reload(auth_type => 'scram-sha-256');
$client = enter('plain');
my ($salt, $iterations) = $client->{challenges}[1] =~ /,s=(.*),i=(\d+)/;
$key{plain} = hmac_sha256('Client Key', Scram::salted($secret{plain}, decode_base64($salt), $iterations));
$client->close;
gone('plain', 'when its client has proved it');
done_testing;
