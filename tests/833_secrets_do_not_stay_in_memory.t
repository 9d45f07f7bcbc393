# What clients have sent, and what files have said before a reload, is not found in the process's memory any more.
use v5.36;
use Certificates;
use Digest::MD5 qw(md5_hex);
use FakeServer;
use Memory;
use Millpond;
use Scram;
use Test::More;
use Wire;

plan skip_all => 'a sanitizer keeps what has been freed' if $ENV{SANITIZE};

my $fake      = FakeServer->new;
my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');
my %token = map { $_ => random_secret($_) }
	qw(plain scram wrong tls wrongtls old new entry gone bind kept asked left);
my $millpond = Millpond->new('pool', stopped => 1,
	databases => { postgres => $fake->target, entry => $fake->target . " user=x password=$token{entry}" },
	settings => { auth_type => 'plain', auth_file => 'users.txt', client_tls_sslmode => 'allow', workers => 1,
		$authority->client_tls });

sub users (%secrets)
{
	return $millpond->write_file('users.txt', map { qq("$_" "$secrets{$_}"\n) } sort keys %secrets);
}
my %hashed = (
	postgres => '', kept => $token{kept},
	plain => 'md5' . md5_hex("$token{plain}plain"), tls => 'md5' . md5_hex("$token{tls}tls"),
	scram => Scram::secret($token{scram}));
users(%hashed, old => $token{old});
$millpond->start;

sub found ($token, $daemon = $millpond) { return times_in_memory($daemon, $token) }
defined found('x') or plan skip_all => 'the memory of a process cannot be looked at here';
cmp_ok(found($token{kept}), '>', 0, 'what is needed is there, and is found');

# What clients send.
for (['plain', 'plain', 1], ['scram', 'scram', 1], ['plain', 'wrong', 0], ['tls', 'tls', 1], ['tls', 'wrongtls', 0])
{
	my ($user, $what, $right) = @$_;
	my $client = Wire->connect($millpond, $what =~ /tls/ ? (tls => {}) : ());
	my $answer = $client->authenticate($token{$what}, user => $user);
	is($client->{asked}, 3, "$what: sent as it is");
	is($answer->{error} ? 0 : 1, $right, '... and judged');
	is(found($token{$what}), 0, '... and gone while its client is there');
	$client->close;
	is(found($token{$what}), 0, '... and later');
}
# In pieces, with bytes behind it.
my $client = Wire->connect($millpond)->startup(user => 'plain');
$client->get;
my $message = Message('p', "$token{plain}\0");
$client->put(substr $message, 0, 30);
$client->put(substr($message, 30) . Query('select 1'));
is($client->result->{status}, 'I', 'a password in pieces');
is(found($token{plain}), 0, '... is gone as a whole');
$client = Wire->connect($millpond)->startup(user => 'plain');
$client->get;
$client->put(substr $message, 0, 30);
my $from = $millpond->log_end;
$client->close;
$millpond->wait_for_log(qr/plain\@\S+ closing because: client unexpected eof/, $from);
is(found(substr $token{plain}, 0, 24), 0, 'half a one is gone with its client');

# What files have said.
users(%hashed, new => $token{new});
my @owner = (unix => 1, user => 'pgbouncer');
$millpond->write_config(databases => { entry => $fake->target . " user=x password=$token{gone}" },
	settings => { auth_ldap_options => "ldapserver=x ldapbasedn=y ldapbindpasswd=$token{bind}" });
$millpond->console('RELOAD', @owner);
is(found($token{old}), 0, 'a secret that a reload has taken out of auth_file');
is(found($token{entry}), 0, 'a password of an entry that a reload has changed');
cmp_ok(found($token{$_}), '>', 0, "... while the new one is there: $_") for qw(new gone bind);
$millpond->write_config(databases => { entry => undef }, settings => { auth_ldap_options => undef });
$millpond->console('RELOAD', @owner);
is(found($token{$_}), 0, "one that has gone altogether: $_") for qw(gone bind);

# What somebody else is to be asked about, who cannot be reached, or does not answer before the client has gone.
my $unused = PostgreSQL::Test::Cluster::get_free_port();
my $silent = IO::Socket::INET->new(Listen => 9, LocalAddr => '127.0.0.1') or die $!;
my $vouched = Millpond->new('vouched', databases => { postgres => $fake->target },
	settings => { auth_type => 'ldap', auth_ldap_options => "ldapserver=127.0.0.1 ldapport=$unused ldapbasedn=x" });
is(Wire->connect($vouched)->authenticate($token{asked}, user => 'x')->{error}{M}, 'LDAP authentication failed',
	'a password that nobody could be asked about');
is(found($token{asked}, $vouched), 0, '... is gone');
$vouched->write_config(settings => { auth_ldap_options => "ldapserver=127.0.0.1 ldapport=@{[$silent->sockport]} ldapbasedn=x" });
$vouched->reload_by_signal;
# More than are asked about at a time: the last ones are in the line.
my @left = map { Wire->connect($vouched)->startup(user => "x$_") } 1 .. 6;
$_->get for @left;
$_->put(Message('p', "$token{left}\0")) for @left;
wait_until(sub { found($token{left}, $vouched) >= 6 }, 'all to wait');
$_->close for @left;
$vouched->wait_for_log(qr/x$_\@\S+ closing because: client unexpected eof/) for 1 .. 6;
cmp_ok(found($token{left}, $vouched), '<=', 4, 'those in the line are gone with their clients');
$silent->close;
wait_until(sub { found($token{left}, $vouched) == 0 }, 'the others to be gone when they have been asked about');
pass('... and the others with the end of the question');

done_testing;
