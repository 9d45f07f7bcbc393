# sslnegotiation=direct begins TLS without asking for it, and sslcertmode=require insists on a certificate of ours, as libpq 17 has
# both, whatever libpq is here.
use v5.36;
use Certificates;
use EmbeddedPostgres;
use FakeServer;
use IO::Select;
use IO::Socket::INET;
use Millpond;
use Scram;
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'IP:127.0.0.1');
$authority->issue(other  => '/CN=elsewhere', names => 'DNS:elsewhere');
$authority->issue(me     => '/CN=me');
my $full   = 'sslmode=verify-full sslrootcert=' . $authority->file('ca.crt');
my $shown  = "sslcert=${\ $authority->file('me.crt') } sslkey=${\ $authority->file('me.key') }";
my @ours   = (SSL_alpn_protocols => ['postgresql']);
my @asks   = (SSL_verify_mode => 1, SSL_ca_file => $authority->file('ca.crt'));
my $retry  = { server_login_retry => 60, query_wait_timeout => 3, server_reset_query => '' };

# --- a server that notes how it is spoken to --------------------------------------------------------

# Options: the certificate of connections after the first, and what IO::Socket::SSL takes.
sub server ($later, %tls)
{
	return FakeServer->new(
		connected => sub ($c) {
			my $byte = $c->first_byte // return;
			$c->log('first', $byte == 22 ? 'handshake' : 'request');
			$c->shake_hands($authority, $c->{number} > 1 && $later ? $later : 'server', answer => '', %tls) if $byte == 22;
		},
		ssl   => sub ($c) { $c->shake_hands($authority, 'server', %tls) },
		login => sub ($c, $startup) { $c->note_password($startup) },
		query => sub ($c, $query) {
			return 0 if $query !~ /rest/;
			$c->log('asked', '');
			$c->rest(600);
			return 1;
		});
}

my $gone    = qr/server login has been failing, cached error: /;
my $no_alpn = qr/direct SSL connection was established without ALPN protocol negotiation extension/;
my $unasked = qr/server did not request an SSL certificate/;
my $nothing = qr/server accepted connection without a valid SSL certificate/;

# The server's TLS, the entry, how it begins, and what the client gets; nothing: its rows.
my %cases = (
	asked         => [ {},                  $full,                                            'request' ],
	direct        => [ {@ours},             "sslnegotiation=direct $full",                    'handshake' ],
	direct_weaker => [ {@ours},             'sslnegotiation=direct sslmode=require',          'handshake' ],
	no_alpn       => [ {},                  "sslnegotiation=direct $full",                    'handshake', $no_alpn ],
	other_alpn    => [ { SSL_alpn_protocols => ['http/1.1'] }, "sslnegotiation=direct $full", 'handshake', $no_alpn ],
	shown         => [ {@asks},             "sslcertmode=require $shown $full",               'request' ],
	direct_shown  => [ { @asks, @ours },    "sslnegotiation=direct sslcertmode=require $shown $full", 'handshake' ],
	unasked       => [ {},                  "sslcertmode=require $shown $full",               'request', $unasked ],
	nothing       => [ {@asks},             "sslcertmode=require $full",                      'request', $nothing ],
	in_the_clear  => [ {},                  "sslcertmode=require $shown sslmode=disable",     'request', $unasked ],
	not_shown     => [ {@asks},             "sslcertmode=disable $shown $full",               'request' ],
);
my %fake     = map { $_ => server(undef, $cases{$_}[0]->%*) } keys %cases;
my $millpond = Millpond->new('pool', settings => $retry,
	databases => { map { $_ => $fake{$_}->target . " user=me password=pencil pool_size=1 $cases{$_}[1]" } keys %cases });
for my $case (sort keys %cases)
{
	my (undef, undef, $begins, $error) = $cases{$case}->@*;
	my $client = Wire->connect($millpond);
	my $answer = $client->startup(database => $case)->result->{error} // $client->query('select 1')->{error};
	$error ? like(join(' ', ($answer // {})->@{qw(M D)}), $error, "$case: the reason is told") : is($answer, undef, "$case: served");
	my ($first) = map { /first (\w+)/ } $fake{$case}->received(qr/first/);
	is($first, $begins, "$case: begins with a $begins");
	$client->close;
}
is((grep { $fake{$_}->received(qr/password/) } 'no_alpn', 'other_alpn'), 0, 'who names no protocol gets no password');

# --- cancel requests ----------------------------------------------------------------------------------

for my $later (undef, 'other')
{
	my $fake = server($later, @ours);
	my $pool = Millpond->new('cancel_' . ($later // 'same'), settings => $retry,
		databases => { it => $fake->target . " user=me password=pencil sslnegotiation=direct $full" });
	my $client = Wire->login($pool, database => 'it');
	$client->put(Query('rest'));
	wait_until(sub { $fake->received(qr/ asked/) }, 'the query to be there');
	$client->cancel;
	wait_until(sub { $fake->received(qr/ cancel/) || $pool->log_contains(qr/cancel request failed.*does not match host name/) },
		'what becomes of the cancel request');
	is((map { /first (\w+)/ } $fake->received(qr/^2 first/))[0], 'handshake', 'a cancel request begins in the same way');
	is(!!$fake->received(qr/^2 cancel/), !$later, $later ? '... and not to another server' : '... and arrives');
	$client->close;
	$pool->stop;
}

# --- PostgreSQL 15, which knows nothing of it ---------------------------------------------------------

my $old  = Postgres->new('old', conf => join "\n", $authority->ssl_conf);
my $pool = Millpond->new('to_old', settings => $retry,
	databases => { old => "host=127.0.0.1 port=${\ $old->port } dbname=postgres user=postgres password=pencil sslnegotiation=direct sslmode=require" });
my $client = Wire->connect($pool);
my $error  = $client->startup(database => 'old')->result->{error} // $client->query('select 1')->{error};
like(join(' ', ($error // {})->@{qw(M D)}), qr/server conn crashed|closed/, 'a server without direct TLS hangs up');

# --- PostgreSQL 18 -------------------------------------------------------------------------------------

SKIP:
{
	skip 'there is no PostgreSQL 18 here', 8 unless embedded_postgres(18);
	my $secret = Scram::secret('pencil');
	my $new    = EmbeddedPostgres->new(18,
		hba  => "local all all trust\nhost all postgres all trust\nhostssl all me all scram-sha-256\nhostssl all him all cert\n",
		conf => [ map { tr/ '//dr } split /\n/, $authority->ssl_conf(ca => 1) ]);
	$new->psql("create role me login password '$secret'; create role him login");

	# What is said goes through it both ways.
	my $between = FakeServer->new(connected => sub ($c) {
		my $server = IO::Socket::INET->new($new->target =~ s/.*?=(.*) port=(.*)/$1:$2/r) or die "connect: $@";
		$c->log('first', $c->first_byte == 22 ? 'handshake' : 'request');
		my %other = ($c->{socket} => $server, $server => $c->{socket});
		my $both  = IO::Select->new($c->{socket}, $server);
		while (my @ready = $both->can_read)
		{
			for my $from (@ready)
			{
				my $got = sysread $from, my $bytes, 65536;
				$c->leave if !$got;
				syswrite $other{$from}, $bytes;
			}
		}
	});
	my $target = $between->target . " dbname=postgres sslnegotiation=direct $full";
	my $pool   = Millpond->new('to_18', files => { 'users.txt' => qq("me" "$secret"\n) },
		settings  => { %$retry, auth_type => 'scram-sha-256', auth_file => 'users.txt' },
		databases => {
			password => "$target user=me password=pencil channel_binding=require",
			secret   => "$target channel_binding=require",
			cert     => "$target user=him sslcertmode=require " . $shown =~ s/\bme\./him./gr,
		});
	$authority->issue(him => '/CN=him');
	for my $database (qw(password secret cert))
	{
		my $client = Wire->connect($pool);
		my $error  = $client->authenticate('pencil', user => 'me', database => $database)->{error};
		is($error && $error->{M}, undef, "PostgreSQL 18, $database: logged in");
		is($client->value('select ssl from pg_stat_ssl where pid = pg_backend_pid()'), 't', '... through TLS');
		$client->put(Query('select pg_sleep(600)'));
		wait_until(sub { $new->psql(q(select count(*) from pg_stat_activity where wait_event = 'PgSleep')) == 1 }, 'the query to run');
		$client->cancel;
		is($client->result->{error}{C}, '57014', '... and cancelled');
		$client->close;
	}
	is((scalar grep { !/handshake/ } $between->received(qr/first/)), 0, 'each connection began with a handshake');
	cmp_ok(scalar(() = $between->received(qr/first/)), '>=', 6, '... those of cancel requests as well');
}

done_testing;
