# auth_type=cert, bad certificates of all kinds, resumed sessions, direct TLS, and words in front of or instead of a handshake.
use v5.36;
use Certificates;
use IO::Socket::SSL;
use IO::Socket::SSL::Utils;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
my $stranger  = Certificates->new('Another authority');
$authority->issue(server   => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(second   => '/CN=second.example', names => 'DNS:localhost');
$authority->issue(postgres => '/CN=postgres');
$authority->issue(other    => '/CN=somebody');
$authority->issue(expired  => '/CN=postgres', expired => 1);
$authority->issue(revoked  => '/CN=postgres');
$authority->issue(double   => '/CN=postgres/CN=somebody');
$authority->issue(nameless => '/O=postgres');
$authority->issue(prefix   => '/CN=postgres2');
$authority->issue(upper    => '/CN=Postgres');
$authority->issue(besides  => '/CN=somebody', names => 'DNS:postgres');
$authority->self_signed(own => '/CN=postgres');
$stranger->issue(strange   => '/CN=postgres');
$authority->revoke('revoked');
# The openssl program takes no such name.
my ($certificate, $key) = CERT_create(subject => { commonName => "postgres\0somebody" },
	issuer => [ PEM_file2cert($authority->file('ca.crt')), PEM_file2key($authority->file('ca.key')) ]);
PEM_cert2file($certificate, $authority->file('zero.crt'));
PEM_key2file($key, $authority->file('zero.key'));

my $server   = Postgres->new;
my %settings = (
	auth_type           => 'cert',
	client_tls_sslmode  => 'verify-full',
	client_tls_crl_file => $authority->file('ca.crl'),
	$authority->client_tls(ca => 1),
);
my $millpond = Millpond->new('pool', server => $server, settings => \%settings,
	databases => { postgres => '', forced => 'dbname=postgres user=postgres' });

sub shown ($name, $from = $authority)
{
	return (SSL_cert_file => $from->file("$name.crt"), SSL_key_file => $from->file("$name.key"));
}

# 'in', the server's words, or that the connection did not come about.
sub outcome ($options, %startup)
{
	my $client = eval { Wire->connect($millpond, tls => $options) } or return "no TLS: $@";
	my $answer = eval { $client->startup(%startup)->result } or return 'cut';
	return $answer->{error} ? $answer->{error}{M} : $answer->{status} ? 'in' : 'cut';
}
my $cut    = qr/^(?:cut|no TLS)/;
my $failed = qr/^certificate authentication failed$/;
my @cases  = (
	[ 'the right certificate' => { shown('postgres') }, qr/^in$/ ],
	[ "somebody else's"       => { shown('other') }, $failed ],
	[ 'one whose name only begins so' => { shown('prefix') }, $failed ],
	[ 'one in another case'   => { shown('upper') }, $failed ],
	[ 'one that has the name besides' => { shown('besides') }, $failed ],
	[ 'one with a zero in its name' => { shown('zero') }, $failed ],
	[ 'one with two names'    => { shown('double') }, $failed ],
	[ 'one without a name'    => { shown('nameless') }, $failed ],
	[ 'one that has expired'  => { shown('expired') }, $cut ],
	[ 'one that was revoked'  => { shown('revoked') }, $cut ],
	[ 'a self-signed one'     => { shown('own') }, $cut ],
	[ 'one of a stranger'     => { shown('strange', $stranger) }, $cut ],
	[ 'none'                  => {}, $cut ],
);
for my $case (@cases)
{
	my ($name, $options, $expected) = @$case;
	like(outcome($options), $expected, "verify-full: $name");
	like(outcome({ %$options, SSL_version => 'TLSv1_2' }), $expected, "TLS 1.2: $name");
}
like($millpond->log_since, qr/TLS handshake failed: certificate verify failed/, 'the log has the reason');

# Where none is demanded, a bad one is as good as none, and still names nobody.
sub reload (%changes)
{
	$millpond->write_config(settings => \%changes);
	# Nobody comes in as an admin without a certificate here.
	return $millpond->reload_by_signal;
}
reload(client_tls_sslmode => 'allow');
wait_until(sub { outcome({}) =~ $failed }, 'the reload');
for my $case (@cases[ 1 .. $#cases ])
{
	like(outcome($case->[1]), $failed, "allow: $case->[0]");
}
is(outcome({ shown('postgres') }), 'in', 'allow: the right certificate');
is(Wire->connect($millpond)->startup->result->{error}{M}, 'certificate authentication failed',
	'and in the clear nobody has one');

# Whose name is proved must be one that is known, where there is something that names users.
my @somebody = ({ shown('other') }, user => 'somebody', database => 'forced');
is(outcome(@somebody), 'in', 'without auth_file a certificate will do');
my $users = new_file('users.txt', qq{"postgres" ""\n});
reload(auth_file => $users);
like(outcome(@somebody), $failed, 'with one, who is not in it stays outside');
like($millpond->log_since, qr{forced/somebody\@\S+ no such user}, '... and the log says why');
is(outcome({ shown('postgres') }, database => 'forced'), 'in', '... and who is comes in');
reload(auth_file => undef);

# Resumption: a session of before is taken up again, with what was known about its certificate.
sub resume ($version, $name, $from, @options)
{
	my ($in, $out, $error) = (Startup(user => 'postgres', database => 'postgres'), '', '');
	my $run = IPC::Run::start([ qw(openssl s_client -starttls postgres), $version, @options,
			-connect => '127.0.0.1:' . $millpond->port, -cert => $from->file("$name.crt"),
			-key => $from->file("$name.key") ],
		'<', \$in, '>', \$out, '2>', \$error, IPC::Run::timeout($Wire::patience));
	$run->pump until $out =~ /Z\0\0\0\x05I|authentication failed/;
	$run->kill_kill;
	return [ $out =~ /^(New|Reused), TLS/m, $out =~ /authentication failed/ ? 'out' : 'in' ];
}
for my $version (qw(-tls1_2 -tls1_3))
{
	for my $name (qw(postgres strange))
	{
		my $from    = $name eq 'strange' ? $stranger : $authority;
		my $outcome = $name eq 'postgres' ? 'in' : 'out';
		my $file    = $authority->file("session$version$name");
		is_deeply(resume($version, $name, $from, -sess_out => $file), [ 'New', $outcome ],
			"$version, $name: a first session");
		is_deeply(resume($version, $name, $from, -sess_in => $file), [ 'Reused', $outcome ],
			"$version, $name: is resumed, to the same end");
	}
}
# After a reload, which may have changed whom to trust, nothing of before is taken up.
reload();
wait_until(sub { resume('-tls1_3', 'postgres', $authority, -sess_in => $authority->file('session-tls1_3postgres'))->[0]
	eq 'New' }, 'the old session to be forgotten');

# Direct TLS needs ALPN, and ours.
reload(client_tls_sslmode => 'require', auth_type => 'trust');
wait_until(sub { outcome({}) eq 'in' }, 'the reload');
sub direct ($name, %options)
{
	my $client = Wire->connect($millpond);
	eval { $client->start_tls({%options}, direct => 1); 1 } or return 'no TLS';
	my $answer = eval { $client->startup->result } or return 'cut';
	return $answer->{error} ? $answer->{error}{M} : $answer->{status} ? 'in' : 'cut';
}
is(direct('postgresql', SSL_alpn_protocols => ['postgresql']), 'in', 'direct TLS');
is(direct('two', SSL_alpn_protocols => [ 'h2', 'postgresql' ]), 'in', 'with several protocols');
like(direct('none'), qr/without ALPN|cut/, 'without a protocol');
is(direct('h2', SSL_alpn_protocols => ['h2']), 'no TLS', 'with another protocol');
like(outcome({ SSL_alpn_protocols => ['h2'] }), qr/^no TLS/, 'nor behind a request');
is(outcome({ SSL_alpn_protocols => ['postgresql'] }), 'in', '... and ours is not');
my $local = Wire->connect($millpond, unix => 1);
$local->put("\x16\x03\x01\x00\x05hello");
like($local->rest, qr/invalid length of startup packet/, 'no direct TLS on a Unix socket');

# Words in the clear, and other nonsense where a handshake should be.
my $early = Wire->connect($millpond);
$early->put($Wire::ssl_request . Startup(user => 'postgres'));
like($early->rest, qr/received unencrypted data after SSL request/, 'words in front of the handshake');
$early = Wire->connect($millpond);
$early->put($Wire::ssl_request . "\x16\x03\x01\x00\x01x");
like($early->rest, qr/received unencrypted data after SSL request/, 'a handshake that does not wait');
for my $nonsense ("\x16\x03\x01\xff\xff" . 'x' x 70000, "\x16\x03\x01\x00\x00" x 100, "\x15\x03\x01\x00\x02\x02\x28",
	"\x80\x2e\x01\x03\x01", "\x16", 'GET / HTTP/1.0' . "\r\n\r\n", "\0" x 1000)
{
	my $client = Wire->connect($millpond);
	$client->put($Wire::ssl_request);
	is($client->get_bytes(1), 'S', 'TLS is offered');
	$client->put($nonsense);
	$client->{socket}->shutdown(1);
	ok($client->closed, '... and nonsense ends it: ' . unpack 'H10', $nonsense);
}
my $twice = Wire->connect($millpond, tls => {});
$twice->put($Wire::ssl_request);
like($twice->rest, qr/SSL req inside SSL/, 'TLS within TLS is refused');
my $gss = Wire->connect($millpond, tls => {});
$gss->put(pack 'NN', 8, 80877104);
is($gss->get_bytes(1), 'N', 'and GSS within TLS declined');
is($gss->startup->result->{status}, 'I', '... after which the login goes on');

# Renegotiation and old versions.
like(outcome({ SSL_version => 'TLSv1_1', SSL_cipher_list => 'ALL:@SECLEVEL=0' }), qr/^no TLS/, 'an old version');
reload(client_tls_protocols => 'tlsv1.3');
wait_until(sub { outcome({ SSL_version => 'TLSv1_2' }) =~ /^no TLS/ }, 'the reload');
is(outcome({ SSL_version => 'TLSv1_3' }), 'in', 'client_tls_protocols counts');
reload(client_tls_protocols => 'secure', client_tls_ciphers => 'ECDHE-ECDSA-AES128-GCM-SHA256',
	client_tls13_ciphers => 'TLS_CHACHA20_POLY1305_SHA256', client_tls_ecdhcurve => 'P-384');
my $tls = qr/tls=TLSv1.3\/TLS_CHACHA20_POLY1305_SHA256$/m;
wait_until(sub { outcome({}) eq 'in' && $millpond->log_contains($tls) }, 'ciphers and curves');
outcome({ SSL_version => 'TLSv1_2' });
my $older = qr/tls=TLSv1.2\/ECDHE-ECDSA-AES128-GCM-SHA256\/ECDH=secp384r1/;
wait_until(sub { $millpond->log_contains($older) }, 'those of TLS 1.2 in the log');
pass('those of TLS 1.2 as well');

# New certificates for new clients; bad ones for nobody.
sub subject ($client) { return $client->{socket}->peer_certificate('cn') }
my $old = Wire->login($millpond, tls => {});
is(subject($old), 'localhost', 'the first certificate');
reload(map { ("client_tls_${_}_file" => $authority->file('second.' . ($_ eq 'key' ? 'key' : 'crt'))) } qw(key cert));
wait_until(sub { subject(Wire->login($millpond, tls => {})) eq 'second.example' }, 'the second certificate');
is($old->value('select 1'), 1, 'who came by the first goes on');
my %broken = (
	'a missing file'   => [ client_tls_cert_file => '/nowhere' , qr/client_tls_cert_file: .*No such file/],
	'a key for another' => [ client_tls_key_file => $authority->file('server.key'), qr/client_tls_key_file: .*mismatch/ ],
	'no certificate'   => [ client_tls_cert_file => $millpond->ini, qr/client_tls_cert_file: .*no start line/ ],
	'no authority'     => [ client_tls_ca_file => $millpond->ini, qr/client_tls_ca_file: / ],
	'no list'          => [ client_tls_crl_file => $authority->file('ca.crt'), qr/client_tls_crl_file: / ],
	'no cipher'        => [ client_tls_ciphers => 'nonsense', qr/client_tls_ciphers: .*no cipher match/ ],
	'no suite'         => [ client_tls13_ciphers => 'nonsense', qr/client_tls13_ciphers: .*no cipher match/ ],
	'no curve'         => [ client_tls_ecdhcurve => 'nonsense', qr/client_tls_ecdhcurve: / ],
	'no parameters'    => [ client_tls_dheparams => 'nonsense', qr/client_tls_dheparams: / ],
	'no version'       => [ client_tls_protocols => 'sslv3', qr/client_tls_protocols: "sslv3"/ ],
	'an empty key'     => [ client_tls_key_file => '', qr/client_tls_key_file is not set/ ],
);
for my $what (sort keys %broken)
{
	my ($setting, $value, $said) = $broken{$what}->@*;
	my $before = $millpond->{options}{settings}{$setting};
	my $from   = $millpond->log_end;
	reload($setting => $value);
	$millpond->wait_for_log(qr/RELOAD failed/, $from);
	$millpond->wait_for_log($said, $from);
	ok(1, "$what: refused with the reason");
	my ($status, $output, $error) = run_binary('--check', $millpond->ini);
	ok($status == 1 && "$output$error" =~ $said, '... as by --check');
	is(subject(Wire->login($millpond, tls => {})), 'second.example', '... and the old one serves on');
	$millpond->write_config(settings => { $setting => $before });
}
unlike($millpond->log_since, qr/unexpected eof while reading/, 'clients that just leave are no errors');

done_testing;
