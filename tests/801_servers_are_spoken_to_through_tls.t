# Servers are reached through TLS as server_tls_... and the entries say, and everything works there; who they are is verified.
use v5.36;
use Certificates;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(expired => '/CN=localhost', names => 'DNS:localhost', expired => 1);
$authority->issue(revoked => '/CN=localhost', names => 'DNS:localhost');
$authority->issue(certified => '/CN=certified');
$authority->self_signed('own', '/CN=localhost', names => 'DNS:localhost');
$authority->revoke('revoked');
my $stranger = Certificates->new('Another authority');
my ($ca, $crl) = map { $authority->file($_) } qw(ca.crt ca.crl);

my $server = Postgres->new('server', conf => $authority->ssl_conf(ca => 1));
$server->set_hba("local all all trust\nhostssl all certified 127.0.0.1/32 cert\nhost all all 127.0.0.1/32 trust\n");
$server->safe_psql('postgres', 'create role certified login');
my $port = $server->port;
my $mine = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()';

# Modes and names: the entry's own keywords count more than the general settings.
my %entries = (
	default     => [ 'host=127.0.0.1',                                  qr/^t$/ ],
	disable     => [ 'host=127.0.0.1 sslmode=disable',                  qr/^f$/ ],
	allow       => [ 'host=127.0.0.1 sslmode=allow',                    qr/^f$/ ],
	prefer      => [ 'host=127.0.0.1 sslmode=prefer',                   qr/^t$/ ],
	require     => [ 'host=127.0.0.1 sslmode=require',                  qr/^t$/ ],
	ca          => [ 'host=127.0.0.1 sslmode=verify-ca',                qr/^t$/ ],
	full        => [ 'host=localhost sslmode=verify-full',              qr/^t$/ ],
	local       => [ 'host=' . $server->host . ' sslmode=verify-full',  qr/^f$/ ],
	othername   => [ 'host=127.0.0.1 sslmode=verify-full',
		qr/server certificate for "localhost".* does not match host name "127.0.0.1"/ ],
	# Only the host that bears the name is taken.
	list        => [ "host=127.0.0.1,localhost sslmode=verify-full",    qr/^t$/ ],
	stranger    => [ 'host=localhost sslmode=verify-ca sslrootcert=' . $stranger->file('ca.crt'),
		qr/certificate verify failed/ ],
	certified   => [ 'host=localhost sslmode=verify-full user=certified sslcert='
			. $authority->file('certified.crt') . ' sslkey=' . $authority->file('certified.key'),
		qr/^t$/ ],
	hidden      => [ 'host=localhost sslmode=verify-full user=certified sslcertmode=disable sslcert='
			. $authority->file('certified.crt') . ' sslkey=' . $authority->file('certified.key'),
		qr/connection requires a valid client certificate/ ],
	peer        => [ 'host=' . $server->host . ' requirepeer=' . getpwuid($<), qr/^f$/ ],
	otherpeer   => [ 'host=' . $server->host . ' requirepeer=root', qr/requirepeer specifies "root", but actual peer user name is/ ],
	uncertified => [ 'host=localhost user=certified sslmode=require', qr/connection requires a valid client certificate/ ],
);
my $millpond = Millpond->new('pool',
	settings => { server_tls_ca_file => $ca, server_login_retry => 0.2, query_wait_timeout => 20,
		max_client_conn => 100 },
	databases => { map { $_ => "port=$port dbname=postgres $entries{$_}[0]" } keys %entries });

# The first word of the answer, or what the log says about the failure, as soon as that is what is expected.
sub outcome ($database, $expected)
{
	my $from   = $millpond->log_end;
	my $client = Wire->connect($millpond)->startup(database => $database);
	my $why    = 'nothing in the log';
	wait_until(
		sub {
			$why = $1 if $millpond->log_since($from) =~ m{S-\w+: $database/.*(?:closing because|login failed): (.*)};
			return $why =~ $expected || !$client->quiet;
		},
		'the outcome');
	return $why if $client->quiet || !$client->result->{status};
	return $client->value($mine);
}
like(outcome($_, $entries{$_}[1]), $entries{$_}[1], "$_: $entries{$_}[0]") for sort keys %entries;

my ($row) = grep { $_->{database} eq 'full' } $millpond->console('SHOW SERVERS');
like($row->{tls}, qr/^TLSv1\.3\/TLS_AES_\S+\/ECDH=/, 'SHOW SERVERS tells of it');

# Versions and modes, by the settings: a change closes each server at rest once, and no change none.
for my $case ([ { server_tls_protocols => 'tlsv1.2' }, 'TLSv1.2' ], [ {}, 'TLSv1.2' ],
	[ { server_tls_sslmode => 'disable' }, undef ], [ {}, undef ])
{
	my ($settings, $version) = @$case;
	my $from = $millpond->log_end;
	$millpond->reconfigure(settings => $settings);
	my $name = join ' = ', %$settings;
	is(Wire->login($millpond, database => 'default')->query($mine)->{rows}[0][1], $version, $name || 'a reload without a change');
	is(scalar(() = $millpond->log_since($from) =~ m{S-\w+: default/.* closing because: database configuration changed}g),
		$name ? 1 : 0, $name ? '... and closes the server that rests, once' : '... closes nothing');
}

# The certificate of the settings is shown where the entry has none; the pool may not try again at once.
$millpond->reconfigure(settings => { map { ("server_tls_${_}_file" => $authority->file('certified.' . s/cert/crt/r)) } qw(key cert) });
ok(wait_until(sub { outcome('uncertified', qr/^t$/) eq 't' }, 'the login'), 'server_tls_key_file and server_tls_cert_file count');
$millpond->stop;

# Versions are bounds on both sides, with libpq and without it: a server that has only another is told nothing.
my @versions = qw(1.2 1.3);
my %only = map {
	my @its = (SSL_version => 'TLSv1_' . substr $_, 2);
	$_ => FakeServer->new(ssl => sub ($c) { return $c->shake_hands($authority, 'server', @its) });
} @versions;
my %ways = (own => 'user=postgres password=x', libpq => 'krbsrvname=it');
for my $wanted (@versions)
{
	my $pool = Millpond->new("version$wanted" =~ s/\.//r, settings => { server_tls_sslmode => 'require',
			server_tls_protocols => "tlsv$wanted", query_wait_timeout => 30, server_login_retry => 60 },
		databases => { map { my $had = $_; map { ("$_$had" => $only{$had}->target . " $ways{$_}") } keys %ways } @versions });
	for my $way (sort keys %ways)
	{
		my ($other) = grep { $_ ne $wanted } @versions;
		is(Wire->connect($pool)->startup(database => "$way$wanted")->result->{status}, 'I', "tlsv$wanted: taken where it is had, $way");
		my $client = Wire->connect($pool)->startup(database => "$way$other");
		$pool->wait_for_log(qr{S-\w+: \Q$way$other\E/.*(?:closing because|new connection)});
		like($pool->log_since, qr{S-\w+: \Q$way$other\E/.*closing because: .*SSL error}, "tlsv$wanted: not taken where it is not, $way");
	}
	$pool->stop;
}
is(scalar $only{$_}->received(qr/startup/), 2, "... so that the server with TLS $_ hears of two") for @versions;

# Ciphers: libpq cannot be told, so that Millpond logs in by itself where they are chosen.
my %cipher = (
	'server_tls_protocols = tlsv1.2, server_tls_ciphers = ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256' => qr/^ECDHE-\w+-AES128-SHA256$/,
	'server_tls13_ciphers = TLS_CHACHA20_POLY1305_SHA256' => qr/^TLS_CHACHA20_POLY1305_SHA256$/,
	'server_tls_ciphers = all' => qr/^TLS_AES_256_GCM_SHA384$/,
);
for my $settings (sort keys %cipher)
{
	my $pool = Millpond->new('cipher' . length $settings,
		settings  => { server_tls_sslmode => 'require', query_wait_timeout => 20, map { split / = / } split /, /, $settings },
		databases => { plain => "host=127.0.0.1 port=$port dbname=postgres",
			attributes => "host=127.0.0.1 port=$port dbname=postgres target_session_attrs=read-write",
			libpq => "host=127.0.0.1 port=$port dbname=postgres krbsrvname=it" });
	my $query = 'select cipher from pg_stat_ssl where pid = pg_backend_pid()';
	like(Wire->login($pool, database => $_)->value($query), $cipher{$settings}, "$_: $settings")
		for qw(plain attributes);
	unlike(Wire->login($pool, database => 'libpq')->value($query), qr/CHACHA20|AES128/, '... which libpq is not told');
	my ($name) = $settings =~ /(\w*ciphers)/;
	like($pool->log_since, qr/WARNING \S+:\d+: $name does not hold for database "libpq", since krbsrvname needs libpq/,
		'... and the log says so');
	my ($status, $out) = run_binary('--check', $pool->ini);
	like($out, qr/:\d+: $name does not hold for database "libpq"/, '... as --check does');
	unlike($out, qr/database "(?:plain|attributes)"/, '... and of no other');
	$pool->stop;
}

# All kinds of conversation, and the pooler's own queries.
$millpond = Millpond->new('talk', settings => {
		server_tls_sslmode => 'verify-full', server_tls_ca_file => $ca, server_check_delay => 0,
		server_check_query => 'select 42', server_reset_query_always => 1, pool_mode => 'transaction' },
	databases => { postgres => "host=localhost port=$port pool_size=1 connect_query='set search_path=x'",
		session => "host=localhost port=$port dbname=postgres pool_size=1 pool_mode=session" });
my ($one, $two) = map { Wire->login($millpond) } 1 .. 2;
is($one->value('show search_path'), 'x', 'the connect_query ran');
for my $round (1 .. 3)
{
	is($one->value('select repeat(\'x\', 3000000)'), 'x' x 3000000, 'a large value arrives');
	$two->put(Parse('', 'select $1::text'), Bind('', '', 'y' x 3000000), Execute(), Sync());
	is($two->result->{rows}[0][0], 'y' x 3000000, 'and travels in the other direction');
}
$one->query('set datestyle = german');
is($two->value('show datestyle'), 'ISO, MDY', 'parameters stay with their client');
is($one->value('show datestyle'), 'German, DMY', 'and are sent again');
$one->put(Query('copy (select generate_series(1, 200000)) to stdout'));
is(scalar $one->result->{copy}->@*, 200000, 'many rows');
$one->put(Query('select pg_sleep(60)'));
wait_until(sub { $server->backends("query like '%pg_sleep(60)'") }, 'the query');
$one->cancel;
is($one->result->{error}{C}, '57014', 'a query is cancelled');
is($two->value('select 1'), 1, 'and the connection goes on');
my $session = Wire->login($millpond, database => 'session');
$session->query('listen news');
$server->safe_psql('postgres', 'notify news');
is($session->result('A')->{notifications}[0][0] ? 1 : 0, 1, 'what the server says by itself passes');
$session->put(Terminate());
is(Wire->login($millpond, database => 'session')->value(
		'select count(*) from pg_listening_channels()'), 0, 'the next client finds it reset');
my $from = $millpond->log_end;
$server->safe_psql('postgres',
	"select pg_terminate_backend(pid) from pg_stat_ssl join pg_stat_activity using (pid) where ssl");
$millpond->wait_for_log(qr/closing because: (?:idle server got dirty|server conn crashed)/, $from);
is(Wire->login($millpond)->value('select 1'), 1, 'a server that ended is replaced');
$millpond->stop;

# Certificates that are no good, each shown by a server of its own.
my %bad = (expired => qr/certificate verify failed/, own => qr/certificate verify failed/,
	revoked => qr/certificate verify failed/, server => undef);
for my $name (sort keys %bad)
{
	my $fake = FakeServer->new(ssl => sub ($c) { return $c->shake_hands($authority, $name) });
	my $pool = Millpond->new("bad$name", settings => {
			server_tls_sslmode => 'verify-full', server_tls_ca_file => $ca,
			server_tls_crl_file => $crl, query_wait_timeout => 30, server_login_retry => 0.2 },
		databases => { postgres => $fake->target =~ s/127.0.0.1/localhost/r });
	my $client = Wire->connect($pool)->startup;
	if (!$bad{$name})
	{
		is($client->result->{status}, 'I', "$name: taken");
		next;
	}
	$pool->wait_for_log(qr/closing because: .*$bad{$name}/);
	is_deeply([ $fake->received(qr/startup/) ], [], "$name: refused, and was told nothing");
	$pool->stop;
}

# What Millpond verifies where ciphers are chosen: a certificate must be shown, though the list of
# ciphers would do without one, and it must bear the name as libpq reads it.
my $anonymous = 'ADH-AES256-GCM-SHA384:@SECLEVEL=0';
$authority->issue(partial => '/CN=x', names => 'DNS:l*.mill.test');
$authority->issue(wildcard => '/CN=x', names => 'DNS:*.mill.test');
my %own = (
	anonymous => [ qr/SSL error: /, 'server', SSL_version => 'TLSv1_2', SSL_cipher_list => $anonymous ],
	partial   => [ qr/does not match host name/, 'partial' ],
	wildcard  => [ undef, 'wildcard' ],
);
for my $name (sort keys %own)
{
	my ($said, $certificate, @more) = $own{$name}->@*;
	my $fake = FakeServer->new(ssl => sub ($c) { return $c->shake_hands($authority, $certificate, @more) });
	my $pool = Millpond->new("own$name", settings => { server_tls_sslmode => 'verify-full',
			server_tls_ca_file => $ca, server_tls_ciphers => 'HIGH:@SECLEVEL=0',
			query_wait_timeout => 30, server_login_retry => 0.2 },
		databases => { postgres => 'host=left.mill.test hostaddr=127.0.0.1 port=' . $fake->port });
	my $client = Wire->connect($pool)->startup;
	is($client->result->{status}, 'I', "$name: taken") if !$said;
	$pool->wait_for_log(qr/closing because: .*$said/) if $said;
	is(scalar $fake->received(qr/startup/), $said ? 0 : 1, "$name: is told " . ($said ? 'nothing' : 'who asks'));
	$pool->stop;
}

# Somebody in between: words in the clear in front of the handshake, or none of TLS at all. With a password Millpond logs
# in by itself, and says in its own way what it finds in the place of a handshake.
my %attacks = (
	'words in the clear' => [ sub ($c) {
			return $c->shake_hands($authority, 'server', answer => 'S' . AuthenticationOk());
		}, qr/received unencrypted data after SSL response|SSL error: / ],
	'no TLS' => [ sub ($c) { 0 }, qr/server does not support SSL, but SSL was required/ ],
	'nonsense' => [ sub ($c) { $c->put('X'); 1 }, qr/received invalid response to SSL negotiation/ ],
);
for my $attack (map { ($_, "$_, by itself") } sort keys %attacks)
{
	my ($name, $itself) = split /, /, $attack;
	my ($hook, $said) = $attacks{$name}->@*;
	my $fake = FakeServer->new(ssl => $hook);
	my $pool = Millpond->new('attack' . length $attack, settings => { server_tls_sslmode => 'require',
			query_wait_timeout => 30, server_login_retry => 0.2 },
		databases => { postgres => $fake->target . ($itself ? ' user=somebody password=secret' : '') });
	my $client = Wire->connect($pool)->startup;
	$pool->wait_for_log(qr/closing because: .*$said/);
	ok($client->quiet, "$attack: nobody is served");
	is_deeply([ $fake->received(qr/startup/) ], [], "$attack: and it learned nothing");
	$pool->stop;
}

# What cannot be is said before anything runs.
sub faults ($settings)
{
	my ($status, $output, $error) = run_binary('--check',
		ini_file("[databases]\nx = host=127.0.0.1\n[millpond]\nlisten_port = 1\nauth_type=trust\n$settings"));
	return $status == 0 ? 'ok' : $output . $error;
}
like(faults("server_tls_ca_file = /nowhere\n"), qr/:6: server_tls_ca_file: cannot read "\/nowhere"/, 'a missing file');
like(faults("server_tls_protocols = tlsv1.1,tlsv1.3\n"), qr/:6: server_tls_protocols: .*between/, 'a gap');
like(faults("server_tls_protocols = sslv3\n"), qr/:6: server_tls_protocols: "sslv3"/, 'no version');
like(faults("$_ = NO-SUCH-CIPHER\n"), qr/:6: $_: cannot use "NO-SUCH-CIPHER": no cipher match/, "no cipher of $_")
	for qw(server_tls_ciphers server_tls13_ciphers);
is(faults("server_tls_ciphers = fast\nserver_tls_protocols = all\n"), 'ok', 'short forms are known');

done_testing;
