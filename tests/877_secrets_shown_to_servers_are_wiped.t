# What opens servers, and what auth_query has said, is not found in the process's memory any more when the settings and clients that it was for are gone.
use v5.36;
use Certificates;
use Digest::MD5 qw(md5_hex);
use Digest::SHA qw(hmac_sha256);
use FakeServer;
use Memory;
use MIME::Base64;
use Millpond;
use Scram;
use Test::More;
use Wire;

plan skip_all => 'a sanitizer keeps what has been freed' if $ENV{SANITIZE};

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');

my %password = map { $_ => random_secret($_) } qw(clear tls long md5 scram key asked hashed forced unproven);
$password{long} x= 40;
my %scram = map { $_ => Scram::secret($password{$_}) } qw(scram key);
my %answer = (map({ $_ => $password{$_} } qw(asked forced unproven)), hashed => 'md5' . md5_hex("$password{hashed}hashed"));

sub ask_as_named ($c, $startup)
{
	my $name = $startup->{database};
	return $c->note_password($startup) if $name =~ /clear|tls|long|asked/;
	if ($name =~ /md5|hashed/)
	{
		$c->put(AuthRequest(5, 'salt'));
		$c->get;
	}
	elsif ($name =~ /scram|key/)
	{
		my ($scram, $challenge) = Scram->challenge($scram{$name}, $c->begin_scram);
		$c->put(AuthRequest(11, $challenge));
		$c->put(AuthRequest(12, $scram->accept($c->get->[1]) // $c->leave));
	}
	return 0;
}
# What it says of users stands where nothing that comes later will.
my %asked = (
	message => sub ($c, $type, $body) {
		($c->{about}) = $body =~ /(\w+)\0*\z/ if $type eq 'B';
		return 0;
	},
	query => sub ($c, $sql) {
		my $answer = $sql =~ /whois/ && $answer{ $c->{about} };
		return $answer && $c->put(join '', NoticeResponse('x' x 9000), DataRow($c->{about}, $answer), CommandComplete('SELECT 1'));
	});
my $server     = FakeServer->new(login => \&ask_as_named, %asked);
my $tls_server = FakeServer->new(login => \&ask_as_named, ssl => sub ($c) { return $c->shake_hands($authority, 'server') });

my %entries = (
	(map { $_ => $server->target . " user=x password=$password{$_}" } qw(clear long md5 scram)),
	tls => $tls_server->target . " sslmode=require user=x password=$password{tls}",
	(map { $_ => $server->target } qw(key asked hashed unproven lookups)),
	forced => $server->target . ' user=somebody');
my $users = qq("me" "me"\n);
my %settings = (auth_type => 'plain', auth_file => 'users.txt', auth_user => 'lookup', auth_dbname => 'lookups',
	auth_query => 'whois $1', log_connections => 1);
my $millpond = Millpond->new('pool', workers => 1, settings => \%settings, databases => { postgres => $server->target, %entries },
	files => { 'users.txt' => $users . qq("key" "$scram{key}"\n"lookup" ""\n) });
my $owner = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

my %salted = map { $_ => Scram::salted($password{$_}, 'saltsaltsaltsalt', 4096) } qw(scram key);
my %found = (
	(map { ("the password of $_" => $password{$_}) } keys %password),
	(map { ("the salted password of $_" => $salted{$_}, "the ClientKey of $_" => hmac_sha256('Client Key', $salted{$_}),
		"the StoredKey of $_" => (split /[\$:]/, $scram{$_})[3] ) } keys %salted),
	'the md5 hash of hashed' => $answer{hashed}, 'the md5 hash of md5' => md5_hex("$password{md5}x"));
$found{"$_, as text"} = encode_base64($found{$_}, '') for grep { /ClientKey/ } keys %found;

sub found ($name) { return times_in_memory($millpond, $found{$name}) }
defined found('the password of clear') or plan skip_all => 'the memory of a process cannot be looked at here';

sub attempt ($database, $user, $password)
{
	my $client = Wire->connect($millpond);
	my $error = $client->authenticate($password, database => $database, user => $user)->{error};
	return $error ? $error->{M} : $client->value('select 1');
}

is(attempt($_, 'me', 'me'), 'select 1', "a server is shown a password: $_") for qw(clear tls long md5 scram);
is(found($_), 0, "... and nothing made of it is left: $_") for 'the salted password of scram', 'the ClientKey of scram';
is(attempt('key', 'key', $password{key}), 'select 1', 'a key');
is(found($_), 0, "... and what it was made of is gone: $_") for 'the salted password of key';
is(attempt($_, $_, $password{$_}), 'select 1', "what auth_query has said of $_") for qw(asked hashed);
is(attempt('forced', 'forced', $password{forced}), 'select 1', '... or not that, but something else');
is(attempt('unproven', 'unproven', 'wrong'), 'password authentication failed', 'or nothing');
cmp_ok(found("the password of $_"), '>', 0, "... all this time the entry has one: $_") for qw(clear tls long md5 scram);

$millpond->write_file('users.txt', $users);
$millpond->write_config(databases => { map { $_ => undef } keys %entries });
is($owner->query('RELOAD')->{error}, undef, 'now they are not needed any more');
my %left = %found;
eval { wait_until(sub { found($_) or delete $left{$_} for keys %left; !%left }, 'them to be gone', 20) };
ok(!$left{$_}, "$_ is gone") for sort keys %found;
done_testing;
