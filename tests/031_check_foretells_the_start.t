# --check notes what the start needs and this machine does not have, without calling the file faulty; a reload does not look.
use v5.36;
use Certificates;
use Millpond;
use PostgreSQL::Test::Utils;
use Test::More;

my $millpond = Millpond->new('pool', stopped => 1, databases => { '*' => 'host=127.0.0.1' });
my %usual    = (auth_type => 'trust', listen_port => $millpond->port, unix_socket_dir => $millpond->host);

# A setting, what --check says of it, and the start
my @table = (
	[ user              => 'no_such_user',  'fail, since there is no user "no_such_user"', qr/FATAL user "no_such_user" does not exist/ ],
	[ unix_socket_group => 'no_such_group', 'fail, since there is no group "no_such_group"', qr/FATAL unix_socket_group: no group/ ],
	[ listen_addr       => '*, no..name',   'fail, since "no..name" has no address: ', qr/FATAL cannot listen on no\.\.name: / ],
	[ logfile           => '/nowhere/log',  'fail, since there is no folder "/nowhere"', qr{FATAL cannot open log file /nowhere/log} ],
	[ pidfile           => '/nowhere/pid',  'fail, since there is no folder "/nowhere"', qr{FATAL cannot write pid file /nowhere/pid} ],
	[ unix_socket_dir   => '/nowhere',      'do without the Unix socket, since there is no folder "/nowhere"',
		qr{WARNING cannot listen on unix:/nowhere/.*\n.*FATAL nowhere to listen on} ],
);
for (@table)
{
	my ($name, $value, $note, $at_start) = @$_;
	my %settings = (%usual, $name => $value);
	my @lines    = ('[databases]', '* = host=127.0.0.1', '[millpond]', "$name = $value",
		map { "$_ = $settings{$_}" } grep { $_ ne $name } sort keys %settings);
	my $ini = ini_file(join "\n", @lines, '');
	my ($status, $out, $error) = run_binary('--check', $ini);
	is("$status$error", '0', "$name = $value is no fault");
	like($out, qr/\A\Q$ini:4: $name: here the start would $note\E.*\n\Q$ini\E: ok\n\z/, '... but noted');
	($status, $out, $error) = run_binary($ini);
	is($status, 1, 'the start fails');
	like($error, $at_start, '... and says why');
}

{
	my ($status, $out, $error) = run_binary('--check', ini_file("[databases]\n* = host=127.0.0.1\n[millpond]\nauth_type = trust\nresolv_conf = /nowhere\n"));
	like($out, qr{:5: resolv_conf: here the start would ask 127\.0\.0\.1 for names, since "/nowhere" cannot be read: No such file}, 'without a resolv_conf there is a default');
}

for my $value ('@abstract', '')
{
	my ($status, $out, $error) = run_binary('--check',
		ini_file("[databases]\n* = host=127.0.0.1\n[millpond]\nauth_type = trust\nlisten_addr = *\nlogfile = log\nunix_socket_dir = $value\nunix_socket_group = no_such_group\n"));
	like($out, qr/\A\S+: ok\n\z/, "nothing is wrong with unix_socket_dir = $value");
}

# --- what only root can read ---------------------------------------------------------------------

SKIP:
{
	skip 'a sanitizer has to come first', 1 if $ENV{SANITIZE};
	my $calls       = PostgreSQL::Test::Utils::tempdir() . '/calls';
	my $users       = new_file('users', qq("me" "x"\n));
	my $rules       = new_file('rules', "local all all trust\n");
	my $maps        = new_file('maps', '');
	my $included    = new_file('included.ini', "pool_mode = session\n");
	my $authority   = Certificates->new;
	$authority->issue(server => '/CN=localhost');
	my ($cert, $key) = map { $authority->file("server.$_") } qw(crt key);
	my $text = "[databases]\nx = host=127.0.0.1\n[millpond]\n%include $included\nuser = daemon\nauth_type = hba\n"
		. "auth_file = $users\nauth_hba_file = $rules\nauth_ident_file = $maps\n"
		. "client_tls_sslmode = prefer\nclient_tls_key_file = $key\nclient_tls_cert_file = $cert\n";
	my $ini = ini_file($text);
	my %note_of = (
		$users => "$ini:7: auth_file", $rules => "$ini:8: auth_hba_file", $maps => "$ini:9: auth_ident_file",
		$key => "$ini:11: client_tls_key_file", $cert => "$ini:12: client_tls_cert_file", $ini => "$ini: conffile");
	local @ENV{qw(LD_PRELOAD CALLS PRETEND_ROOT)} =
		(File::Spec->rel2abs("$ENV{OUT}/preload/note_calls.so"), $calls, $ini);

	for my $file (sort keys %note_of)
	{
		local $ENV{CLOSED} = $file;
		my ($status, $out, $error) = run_binary('--check', $ini);
		like($out, qr/\A\Q$note_of{$file}: a reload as user "daemon" could not read "$file": Permission denied\E\n.*: ok\n\z/,
			"only root can read $file");
	}
	local $ENV{CLOSED} = $included;
	like((run_binary('--check', $ini))[1], qr/\A\Q$included: a reload as user "daemon" could not read this file: Perm\E/, 'or what is included');
	like((run_binary('--check', '-u', 'bin', $ini))[1], qr/as user "bin"/, '-u counts more than the settings');
	delete $ENV{PRETEND_ROOT};
	unlike((run_binary('--check', $ini))[1], qr/a reload as/, 'who is not root becomes nobody');
}

$millpond->write_config(settings => { unix_socket_dir => '/nowhere' });
$millpond->start;
$millpond->reload_by_signal;
unlike($millpond->log_since, qr/here the start/, 'the daemon itself does not look');

done_testing;
