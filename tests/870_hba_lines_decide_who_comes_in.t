# auth_type=hba: the first line that fits decides, by connection, database, user and address; peer and maps; mistakes have their line.
use v5.36;
use Certificates;
use IO::Socket::IP;
use Millpond;
use POSIX ();
use Test::More;
use Wire;

my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');
$authority->issue(client => '/CN=postgres');
$authority->issue(mapped => '/CN=web@example.org');

my $server = Postgres->new;
$server->safe_psql('postgres', "create role $_ login") for qw(web mallory);
my $dir      = PostgreSQL::Test::Utils::tempdir();
my $osuser   = getpwuid $>;
my ($hba, $ident, $users) = map { "$dir/$_" } qw(hba.conf ident.conf users.txt);

put_file($users, qq{"postgres" "secret"\n"web" "secret"\n"mallory" "secret"\n});
put_file($ident, "os $osuser postgres\nos $osuser web\nmail /^(.*)\@example\\.org\$ \\1\n");
put_file("$dir/names", "mallory\n");
put_file($hba, <<'LINES');
# the console, and whoever runs this test
local   pgbouncer  postgres              trust
local   postgres   postgres,web          peer map=os
local   other      all                   peer
local   all        all                   reject
hostssl secure     all      127.0.0.0/8  trust
host    secure     all      all          reject
hostssl certified  all      127.0.0.1/32 cert map=mail
hostssl both       all      127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostnossl clear    all      127.0.0.1/32 trust
host    postgres   @names   all          reject
host    pgbouncer  all      all          trust
host    postgres   all      127.0.0.1 255.255.255.255 scram-sha-256
host    sameuser   all      ::1/128      trust
LINES

my $millpond = Millpond->new('pool', server => $server,
	databases => { map { $_ => 'dbname=postgres' } qw(postgres other secure certified both clear web) },
	settings => { auth_type => 'hba', auth_hba_file => $hba, auth_ident_file => $ident,
		auth_file => $users, client_tls_sslmode => 'allow', log_connections => 1,
		$authority->client_tls(ca => 1) });

sub shown ($name)
{
	return { SSL_cert_file => $authority->file("$name.crt"), SSL_key_file => $authority->file("$name.key") };
}

# What the first word to somebody is.
sub outcome ($client, $database, $user, %more)
{
	my $answer = $client->startup(database => $database, user => $user, %more)->get;
	my ($type, $body) = $answer ? @$answer : ('', '');
	my $outcome = $type eq 'E' ? Fields($body)->{M}
		: $type ne 'R'                     ? "answered with $type"
		: unpack('N', $body) == 10         ? 'asked for SCRAM'
		: unpack('N', $body) == 0          ? 'in'
		:                                    'asked for something else';
	return ($outcome, $body);
}

my $no_line = qr/^no authentication method is found$/;
my $reject  = qr/^login rejected$/;
my $peer    = qr/^unix socket login rejected$/;
my $cert    = qr/^certificate authentication failed$/;
my $scram   = 'asked for SCRAM';
my @cases   = (
	# how                      database    user      outcome
	[ { unix => 1 },           'postgres', 'postgres', 'in' ],
	[ { unix => 1 },           'postgres', 'web',      'in' ],
	[ { unix => 1 },           'postgres', 'mallory',  $reject ],
	[ { unix => 1 },           'other',    'postgres', $osuser eq 'postgres' ? 'in' : $peer ],
	[ { unix => 1 },           'clear',    'postgres', $reject ],
	[ {},                      'secure',   'postgres', $reject ],
	[ { tls => {} },           'secure',   'postgres', 'in' ],
	[ { tls => {} },           'certified', 'web',     $cert ],
	[ { tls => shown('mapped') }, 'certified', 'web',  'in' ],
	[ { tls => shown('mapped') }, 'certified', 'postgres', $cert ],
	[ { tls => shown('client') }, 'certified', 'postgres', $cert ],
	[ {},                      'certified', 'web',     $no_line ],
	[ { tls => shown('client') }, 'both',  'postgres', $scram ],
	[ { tls => shown('client') }, 'both',  'web',      $cert ],
	[ { tls => {} },           'both',     'postgres', $cert ],
	[ {},                      'clear',    'mallory',  'in' ],
	[ { tls => {} },           'clear',    'mallory',  $no_line ],
	[ {},                      'postgres', 'mallory',  $reject ],
	[ {},                      'postgres', 'postgres', $scram ],
	[ { tls => {} },           'postgres', 'postgres', $scram ],
	[ {},                      'web',      'web',      $no_line ],
	[ {},                      'nowhere',  'web',      qr/^no such database: nowhere|$no_line/ ],
);
for my $case (@cases)
{
	my ($how, $database, $user, $expected) = @$case;
	my $client = Wire->connect($millpond, %$how);
	my ($outcome, $body) = outcome($client, $database, $user);
	my $name = join ' ', $user, 'at', $database,
		$how->{unix} ? 'by the Unix socket' : !$how->{tls} ? 'in the clear'
		: $how->{tls}{SSL_cert_file} ? 'with a certificate' : 'through TLS';
	ref $expected ? like($outcome, $expected, $name) : is($outcome, $expected, $name);
	if ($outcome eq 'no authentication method is found')
	{
		like(Fields($body)->{D}, qr/host "127.0.0.1", user "$user", database "$database", (?:SSL|no) encryption/,
			'... and told what was looked for');
		is(Fields($body)->{C}, '28000', '... with its code');
	}
	$client->close;
}

# What counts is counted again: those who were refused are gone.
my ($pools) = $millpond->console('SHOW LISTS', unix => 1) ? 1 : 0;
is(Wire->login($millpond, database => 'clear')->value('select 1'), 1, 'an ordinary query after that');
wait_until(sub { !grep { $_->{user} eq 'mallory' } $millpond->console('SHOW CLIENTS', unix => 1) },
	'refused clients to be gone');

# The console shows it.
my @rules = $millpond->console('SHOW HBA', unix => 1);
is(scalar @rules, 13, 'SHOW HBA shows all lines');
is_deeply([ $rules[1]->@{qw(rule_number line_number type database user_name address auth_method options)} ],
	[ 2, 3, 'local', 'postgres', 'postgres,web', '', 'peer', 'map=os' ], '... as they are');
is($rules[11]{netmask}, '255.255.255.255', '... with masks');
is($rules[9]{user_name}, 'mallory', '... and what is in other files');

# A reload takes the file as a whole, or not at all.
put_file($hba, "local all all trust\nhost all all all nonsense\n");
my $from = $millpond->log_end;
is($millpond->console_error('RELOAD', unix => 1)->{C}, 'F0000', 'a broken file fails the reload');
like($millpond->log_since($from), qr/\Q$hba\E:2: "nonsense" is no method/, '... and the log has its line');
is(Wire->connect($millpond)->startup(database => 'secure')->result->{error}{M}, 'login rejected',
	'... and the old lines are in force');
put_file($hba, "local all all trust\nhost all all all trust\n");
$millpond->console('RELOAD', unix => 1);
is(Wire->login($millpond, database => 'secure')->value('select 1'), 1, 'a good one replaces them');

# Addresses in all their forms, and maps of several lines, with names in quotes.
put_file($ident, qq{several $osuser postgres\nseveral $osuser "web"\nseveral $osuser ghost\n}
	. qq{named "web\@example.org" web\nnamed "web\@example.org" "mallory"\nanybody web\@example.org all\n});
put_file($hba, <<'LINES');
local   pgbouncer all   trust
local   all       all   peer map=several
hostssl named     all   0.0.0.0/0 cert clientcert=verify-full map=named
hostssl anybody   all   0.0.0.0/0 cert map=anybody
host    every4    all   0.0.0.0/0 trust
host    every6    all   ::1/0 trust
host    odd       all   127.0.0.99/8 trust
host    masked    all   127.0.0.0 255.0.0.0 trust
host    masked    all   ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff trust
host    far       all   10.0.0.0/8 trust
host    far       all   ::2/127 trust
host    quoted    "all" all trust
LINES
# The files are those of the working directory, not those beside the ini.
my %files = (auth_hba_file => 'hba.conf', auth_ident_file => 'ident.conf', auth_file => 'users.txt');
$millpond->write_file($_) for values %files;
$millpond->stop;
$millpond->write_config(settings => { listen_addr => '127.0.0.1,::1', %files },
	databases => { map { $_ => 'dbname=postgres' } qw(named anybody every4 every6 odd masked far quoted) });
my $folder = POSIX::getcwd();
chdir $dir or die "$dir: $!";
$millpond->start;
chdir $folder or die "$folder: $!";
is_deeply([ sort map { $_->{name} } $millpond->console('SHOW USERS', unix => 1) ], [qw(mallory pgbouncer postgres web)],
	'relative paths start in the working directory');
@cases = (
	# how                         database   user        outcome
	[ { unix => 1 },              'odd',     'postgres', 'in' ],
	[ { unix => 1 },              'odd',     'web',      'in' ],
	[ { unix => 1 },              'odd',     'mallory',  $peer ],
	[ { unix => 1 },              'odd',     'ghost',    $peer ],
	[ { tls => shown('mapped') }, 'named',   'web',      'in' ],
	[ { tls => shown('mapped') }, 'named',   'mallory',  'in' ],
	[ { tls => shown('mapped') }, 'named',   'postgres', $cert ],
	[ { tls => shown('client') }, 'named',   'web',      $cert ],
	[ { tls => shown('mapped') }, 'anybody', 'postgres', 'in' ],
	[ { tls => shown('client') }, 'anybody', 'postgres', $cert ],
	[ {},                         'every4',  'web',      'in' ],
	[ { six => 1 },               'every4',  'web',      $no_line ],
	[ {},                         'every6',  'web',      $no_line ],
	[ { six => 1 },               'every6',  'web',      'in' ],
	[ {},                         'odd',     'web',      'in' ],
	[ { six => 1 },               'odd',     'web',      $no_line ],
	[ {},                         'masked',  'web',      'in' ],
	[ { six => 1 },               'masked',  'web',      'in' ],
	[ {},                         'far',     'web',      $no_line ],
	[ { six => 1 },               'far',     'web',      $no_line ],
	[ {},                         'quoted',  'web',      $no_line ],
);
my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
note('no IPv6 here') if !$has_ipv6;
for my $case (grep { $has_ipv6 || !$_->[0]{six} } @cases)
{
	my ($how, $database, $user, $expected) = @$case;
	my $client = $how->{six} ? Wire->new(IO::Socket::IP->new(PeerHost => '::1', PeerPort => $millpond->port) // die $@)
		: Wire->connect($millpond, %$how);
	like((outcome($client, $database, $user))[0], ref $expected ? $expected : qr/^$expected$/, "$user at $database"
		. ($how->{six} ? ' by IPv6' : $how->{tls} ? ' with a certificate' : $how->{unix} ? ' by the Unix socket' : ''));
	$client->close;
}

# The console is one database with two names, and a line means it by either.
put_file($hba, <<'LINES');
host    pgbouncer    web      all  reject
host    millpond     mallory  all  reject
host    replication  all      all  trust
host    pgbouncer    postgres all  scram-sha-256
host    all          all      all  trust
LINES
$millpond->reload_by_signal;
for my $name (qw(pgbouncer millpond))
{
	for my $case ([ web => $reject ], [ mallory => $reject ], [ postgres => qr/^$scram$/ ])
	{
		my ($user, $expected) = @$case;
		my $client = Wire->connect($millpond);
		like((outcome($client, $name, $user))[0], $expected, "$user at the console as $name");
		$client->close;
	}
	my $client = Wire->connect($millpond);
	is((outcome($client, $name, 'postgres', replication => 'true'))[0], $scram,
		"... where a line for replication lets nobody in");
	$client->close;
}

# A line for replication is one for those whom the server takes for such clients, too.
put_file($hba, <<'LINES');
host    replication  web      all  trust
local   all          postgres      trust
host    all          all      all  reject
LINES
$millpond->reload_by_signal;
my $invalid = qr/^invalid value for parameter "replication"/;
my $passed  = qr/^login failed$/;    # by the server, which has no place for one
my %outcome = (
	''       => $invalid, o     => $invalid, DATABASE => $invalid, nonsense => $invalid,
	database => $reject,  false => $reject,  fals     => $reject,  FA       => $reject, of => $reject, 0 => $reject,
	true     => $passed,  T     => $passed,  on       => $passed,
);
for my $word (sort keys %outcome)
{
	my $client = Wire->connect($millpond);
	like((outcome($client, 'postgres', 'web', replication => $word))[0], $outcome{$word}, "replication=$word");
	$client->close;
}

# A list as PgBouncer may have it; what it would take otherwise is noted.
put_file($hba, "local all all trust\nhost postgres , other web 127.0.0.77/8 trust\n");
$from = $millpond->log_end;
$millpond->reload_by_signal;
my $note = qr/hba\.conf:2: "127\.0\.0\.77\/8" is a whole network/;
$millpond->wait_for_log($note, $from);
is((outcome(Wire->connect($millpond), 'other', 'web'))[0], 'in', 'an address with a mask is its network');

# --check tells all of it.
$millpond->write_config(settings => { map { $_ => "$dir/$files{$_}" } keys %files });
like(join('', (run_binary('--check', $millpond->ini))[ 1, 2 ]), $note, '--check notes what the log did');
put_file($hba, "host all +staff all md5\nlocal all all peer map=x colour=1\n\nhost all all 300.0.0.1/8 md5\n"
	. "host all /^guest all reject\n");
put_file($ident, "x /(( y\n" . 'x /^(u\d)@corp$ \1' . "\n" . 'x /^(.+?) \1' . "\n" . 'x /^([][:alpha:]]\w+)\.x$ \1' . "\n");
my ($status, $output, $error) = run_binary('--check', $millpond->ini);
is($status, 1, '--check refuses the files');
for my $line (qr/hba.conf:1: "\+staff" is not supported/, qr/hba.conf:2: unknown option "colour"/,
	qr/hba.conf:4: "300.0.0.1\/8" is not an address/, qr/hba.conf:5: "\/\^guest" is not supported/, qr/ident.conf:1: "\/\(\(" is not a regular expression/,
	qr/ident.conf:3: "\/\^\(\.\+\?\)" is not a regular expression that is supported: a quantifier stands/)
{
	like($output . $error, $line, '... with each line');
}
unlike($output . $error, qr/ident.conf:4/, '... but not an escape that PostgreSQL reads alike');

done_testing;
