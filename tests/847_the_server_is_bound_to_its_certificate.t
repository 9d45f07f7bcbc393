# Where Millpond logs in through TLS, by itself or with libpq, SCRAM is bound to the server's certificate if it can be, and says so if the server cannot.
use v5.36;
use Certificates;
use Digest::SHA qw(sha256 sha384 sha512);
use FakeServer;
use MIME::Base64 qw(decode_base64);
use Millpond;
use Scram;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
# No digest belongs to a signature of this kind (RFC 5929 section 4.1).
$authority->self_signed(unbound => '/CN=localhost', key => 'ed25519');
# The digest of any other is what the hash is made with, but for those that are broken.
my %digest = (sha1 => \&sha256, sha384 => \&sha384, sha512 => \&sha512);
$authority->self_signed($_ => '/CN=localhost', key => 'rsa:2048', digest => $_) for keys %digest;
my $secret = Scram::secret('pencil');
my $plus   = 'SCRAM-SHA-256-PLUS';

# Name of the database -> keywords of its entry, the offer, what is chosen or why nothing is.
my $clear_offer = qr/server offered SCRAM-SHA-256-PLUS over a non-SSL connection/;
my $no_digest   = qr/no hash binds to the server's certificate\|It is signed with Ed25519.*channel_binding=disable/;
my $no_plus     = qr/channel binding is required, but server did not offer an authentication method/;
my $no_tls      = qr/channel binding required, but SSL not in use/;
my $no_scram    = qr/channel binding required but not supported by server's authentication request/;
my $no_question = qr/channel binding required, but server authenticated client without channel binding/;
my $libpq = 'sslsni=0'; # which takes libpq
my $libpq_clear_offer = qr/server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection/;
my %cases = (
	both     => [ '', "$plus\0SCRAM-SHA-256\0", "$plus p=tls-server-end-point,, bound" ],
	only     => [ '', "$plus\0", "$plus p=tls-server-end-point,, bound" ],
	simple   => [ '', "SCRAM-SHA-256\0", 'SCRAM-SHA-256 y,, unbound' ],
	(map { $_ => [ '', "$plus\0SCRAM-SHA-256\0", "$plus p=tls-server-end-point,, bound" ] } keys %digest),
	disabled => [ 'channel_binding=disable', "$plus\0SCRAM-SHA-256\0", 'SCRAM-SHA-256 n,, unbound' ],
	plain    => [ 'sslmode=disable', "SCRAM-SHA-256\0", 'SCRAM-SHA-256 n,, unbound' ],
	stripped => [ 'sslmode=prefer', "$plus\0SCRAM-SHA-256\0", $clear_offer ],
	ed25519  => [ '', "$plus\0SCRAM-SHA-256\0", $no_digest ],
	chosen   => [ 'channel_binding=disable', "$plus\0SCRAM-SHA-256\0", 'SCRAM-SHA-256 n,, unbound' ],
	required => [ 'channel_binding=require', "$plus\0SCRAM-SHA-256\0", "$plus p=tls-server-end-point,, bound" ],
	weaker   => [ 'channel_binding=require', "SCRAM-SHA-256\0", $no_plus ],
	in_clear => [ 'channel_binding=require sslmode=prefer', "SCRAM-SHA-256\0", $no_tls ],
	password => [ 'channel_binding=require', undef, $no_scram ],
	trusting => [ 'channel_binding=require', '', $no_question ],
	libpq_both     => [ $libpq, "$plus\0SCRAM-SHA-256\0", "$plus p=tls-server-end-point,, bound" ],
	libpq_stripped => [ "$libpq sslmode=prefer", "$plus\0SCRAM-SHA-256\0", $libpq_clear_offer ],
	libpq_ed25519  => [ $libpq, "$plus\0SCRAM-SHA-256\0", qr/could not find digest for NID UNDEF/ ],
	libpq_weaker   => [ "$libpq channel_binding=require", "SCRAM-SHA-256\0", $no_plus ],
	libpq_password => [ "$libpq channel_binding=require", undef, $no_scram ],
);

sub log_in ($c, $startup)
{
	my $case  = $startup->{database};
	my $offer = $cases{$case}[1];
	$c->put(!defined $offer ? AuthRequest(3) : $offer eq '' ? AuthenticationOk() : AuthRequest(10, "$offer\0"));
	my $message = $c->get or $c->leave;
	$c->leave if $message->[0] ne 'p';
	my ($mechanism, $first) = unpack 'Z* N/a*', $message->[1];
	my ($header) = $first =~ /^(.*?,,)/;
	my ($scram, $challenge) = Scram->challenge($secret, $first);
	$c->put(AuthRequest(11, $challenge));
	my $final = $c->get->[1];
	my ($sent) = $final =~ /^c=([^,]*)/;
	my $seen = decode_base64($sent);
	$c->log('chosen', "$case $mechanism $header "
		. ($seen eq $header ? 'unbound' : $seen eq $header . ($c->{hash} // '?') ? 'bound' : 'wrong'));
	$c->put(AuthRequest(12, $scram->accept($final)));
	return 0; # the rest is as usual
}

sub with_certificate ($name)
{
	my $hash = ($digest{$name} // \&sha256)->(qx(openssl x509 -in ${\ $authority->file("$name.crt") } -outform DER));
	return FakeServer->new(login => \&log_in,
		ssl => sub ($c) { $c->{hash} = $hash; return $c->shake_hands($authority, $name) });
}

my $encrypted = with_certificate('server');
my $unbound   = with_certificate('unbound');
my $clear     = FakeServer->new(login => \&log_in);
my %server_of = (map({ $_ => $clear } qw(stripped in_clear libpq_stripped)),
	map({ $_ => $unbound } qw(ed25519 chosen libpq_ed25519)), map { $_ => with_certificate($_) } keys %digest);
my $server = Postgres->new('server', conf => $authority->ssl_conf);
$server->set_hba("local all all trust\nhostssl all me 127.0.0.1/32 scram-sha-256\n");
$server->safe_psql('postgres', "create role me login password 'pencil'");

my $millpond = Millpond->new('pool', files => { 'users.txt' => qq("me" "pencil"\n) }, settings => { auth_type => 'trust',
		auth_file => 'users.txt', server_tls13_ciphers => 'TLS_CHACHA20_POLY1305_SHA256',
		server_login_retry => 60, query_wait_timeout => 30 },
	databases => { real => 'host=127.0.0.1 dbname=postgres port=' . $server->port,
		map { $_ => ($server_of{$_} // $encrypted)->target . " $cases{$_}[0]" } keys %cases });

for my $case (sort keys %cases)
{
	my $expected = $cases{$case}[2];
	my $answer = Wire->connect($millpond)->startup(user => 'me', database => $case)->result;
	my ($chosen) = map { /chosen $case (.*)/ } map { $_->received } $encrypted, values %server_of;
	if (ref $expected)
	{
		is($chosen, undef, "$case: the server is told nothing");
		like($answer->{error}{M} . '|' . ($answer->{error}{D} // ''), qr/^server login failed: .*$expected/, '... and the client why');
		next;
	}
	is($chosen, $expected, "$case: what the server was told");
	is($answer->{status}, 'I', '... and it let us in');
}
is(Wire->login($millpond, user => 'me', database => 'real')->value(
		'select cipher from pg_stat_ssl where pid = pg_backend_pid()'),
	'TLS_CHACHA20_POLY1305_SHA256', 'a real server takes it');

done_testing;
