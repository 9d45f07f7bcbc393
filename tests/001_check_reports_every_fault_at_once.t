# --check names each fault with file and line, and what was probably meant; the start refuses the same.
use v5.36;
use Millpond;
use Test::More;

my $faulty = ini_file(<<'END');
[databases]
shop = host=127.0.0.1 port=0
stock = host=127.0.0.1 pool_sise=5
bad = host=127.0.0.1 connect_query='unfinished
[millpond]
listen_port = 99999
pool_mod = transaction
pool_mode = transactional
server_lifetime = soon
default_pool_size = many
auth_type = kerberos
no equals sign
[usres]
app = pool_mode=session
END

my ($status, $out, $error) = run_binary('--check', $faulty);
my $said = $out . $error;
is($status, 1, 'a faulty file leaves with 1');
my %expected = (
	2  => qr/port/,
	3  => qr/pool_sise.*pool_size/,
	4  => qr/quot|unfinished/i,
	6  => qr/listen_port.*65535/,
	7  => qr/pool_mod.*pool_mode/,
	8  => qr/pool_mode.*transaction/,
	9  => qr/server_lifetime/,
	10 => qr/default_pool_size/,
	11 => qr/auth_type/,
	12 => qr/./,
	13 => qr/usres.*users/,
);
for my $line (sort { $a <=> $b } keys %expected)
{
	my ($fault) = $said =~ /^\Q$faulty\E:$line: (.*)/m;
	like($fault // 'nothing', $expected{$line}, "line $line");
}

($status, $out, $error) = run_binary($faulty);
isnt($status, 0, 'the daemon does not start on it');
like($error, qr/\Q$faulty\E:7: .*pool_mode/, 'and says why');
unlike($error, qr/listening on/, 'without having listened');

my $good = ini_file("[databases]\n* = host=127.0.0.1\n[millpond]\nauth_type = trust\n");
($status, $out, $error) = run_binary('--check', $good);
is($status, 0, 'a good file leaves with 0');
like($out, qr/^\Q$good\E: ok$/m, 'and is called ok');

($status, $out, $error) = run_binary('--check', '/nowhere/at-all.ini');
is($status, 1, 'a file that is not there leaves with 1');
like($out . $error, qr{/nowhere/at-all\.ini.*No such file}i, 'and is named');
($status, $out, $error) = run_binary('/nowhere/at-all.ini');
isnt($status, 0, 'also without --check');
like($out . $error, qr{/nowhere/at-all\.ini.*No such file}i, 'and is named');

for my $type (qw(hba cert ldap))
{
	my $file = ini_file("[databases]\n* = host=127.0.0.1\n[millpond]\nauth_type = $type\n");
	($status, $out, $error) = run_binary('--check', $file);
	like($out . $error, qr/^\Q$file\E:4: .*\Q$type\E/m,
		"auth_type $type is refused with a message");
}

# What is found out in files, and by OpenSSL, does not hide behind the text, nor one behind another; and the
# notes do not behind them.
my @lines = ('[databases]', 'x = host=127.0.0.1', '[millpond]', 'auth_type = hba', 'listen_prt = 1',
	'client_tls_sslmode = verify-ca', 'client_tls_cert_file = /nowhere/c', 'client_tls_key_file = /nowhere/k',
	'client_tls_ciphers = NONSENSE', 'server_tls_ciphers = NONSENSE', 'auth_file = /nowhere/u',
	'auth_hba_file = /nowhere/h', 'auth_ident_file = /nowhere/i', 'user = no_such_user');
my $staged = ini_file(join "\n", @lines, '');
($status, $out, $error) = run_binary('--check', $staged);
is($status, 1, 'a file with faults of all kinds leaves with 1');
%expected = (
	5  => qr/unknown setting "listen_prt"/,
	6  => qr/client_tls_ca_file is not set/,
	7  => qr/client_tls_cert_file: .*No such file/,
	8  => qr/client_tls_key_file: .*No such file/,
	9  => qr/client_tls_ciphers: cannot use "NONSENSE"/,
	10 => qr/server_tls_ciphers: cannot use "NONSENSE"/,
	11 => qr{auth_file: cannot read "/nowhere/u": No such file},
	12 => qr{auth_hba_file: cannot read "/nowhere/h": No such file},
	13 => qr{auth_ident_file: cannot read "/nowhere/i": No such file},
);
like($error, qr/^\Q$staged\E:$_: $expected{$_}.*$/m, "line $_") for sort { $a <=> $b } keys %expected;
is(scalar(() = $error =~ /\n/g), keys %expected, '... and nothing else');
like($out, qr/\A\Q$staged\E:14: user: here the start would fail, .*\n\z/, 'notes are printed as well');

my $unset = ini_file("[databases]\n[millpond]\nclient_tls_sslmode = require\nauth_type = trust\n");
($status, $out, $error) = run_binary('--check', $unset);
is($error, join('', map { "$unset:3: client_tls_${_}_file is not set: a server cannot speak TLS without it\n" } qw(cert key)),
	'of what is missing the line that asks for it is named');

done_testing;
