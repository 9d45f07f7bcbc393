# The same HBA and ident files, given to PostgreSQL and to Millpond: who is let in, asked for what, or left outside, and which files are refused.
use v5.36;
use Certificates;
use FakeServer;
use IO::Socket::IP;
use Millpond;
use Test::More;
use Wire;

my $dir = PostgreSQL::Test::Utils::tempdir();
my ($hba, $ident) = ("$dir/hba.conf", "$dir/ident.conf");
my $osuser    = getpwuid $>;
my @users     = (qw(postgres alice bob Alice all sameuser replication), 'a b', 'a,b', 'we#ird', 'q"t', 'b\\s', "alice\fbob", $osuser, "x$osuser");
my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost');
$authority->issue(alice  => '/CN=alice');
$authority->issue(mail   => '/CN=bob@example.org');

# --- the files, and who comes --------------------------------------------------------------------

# A file of HBA lines; ways to come (alice and mail: through TLS with that certificate); user@database, where a + stands
# for a client that wants replication.
my @usual = ('unix tcp', 'alice@shop', 'bob@bob');
my @files = (
	# kinds of connections
	[ 'local all all trust',     'unix tcp tls six' ],
	[ 'host all all all trust',  'unix tcp tls six' ],
	[ 'hostssl all all all md5', 'unix tcp tls' ],
	[ 'hostnossl all all all md5', 'unix tcp tls' ],
	[ "hostssl all all all reject\nhost all all all trust", 'tcp tls six' ],
	[ 'hostnogssenc all all all trust', 'unix tcp tls' ],
	[ '"local" "all" bob "trust"' ],
	[ '' ],
	# methods
	[ "local all alice trust\nlocal all bob reject\nhost all alice all password\nhost all bob all md5" ],
	[ "local all all scram-sha-256\nhost all all all reject" ],
	# the first that fits
	[ "host all all all reject\nhost all alice all trust" ],
	[ "host all alice all trust\nhost all all all reject\nlocal shop all trust\nlocal all all md5" ],
	# keywords, and names in quotes that are none
	[ 'host "all" all all trust',           'tcp', 'alice@shop', 'alice@all' ],
	[ 'host all "all" all trust',           'tcp', 'alice@shop', 'all@shop' ],
	[ 'host all a"ll" all trust',           'tcp', 'alice@shop', 'all@shop' ],
	[ 'host sameuser all all trust',        'tcp', 'bob@bob', 'alice@bob', 'sameuser@sameuser', 'alice@sameuser' ],
	[ 'host "sameuser" all all trust',      'tcp', 'bob@bob', 'alice@sameuser' ],
	[ 'host all sameuser all trust',        'tcp', 'bob@bob', 'sameuser@bob' ],
	[ 'host all replication all trust',     'tcp', 'bob@bob', 'replication@bob', '+bob@bob' ],
	[ 'host ALL all all trust',             'tcp', 'alice@shop', 'alice@ALL' ],
	[ 'host all alice all trust',           'tcp', 'alice@shop', 'Alice@shop' ],
	[ 'host all Alice all trust',           'tcp', 'alice@shop', 'Alice@shop' ],
	# replication
	[ 'host all all all trust',             'tcp', '+alice@shop', 'alice@replication' ],
	[ 'host replication all all trust',     'tcp', '+alice@shop', 'alice@replication' ],
	[ 'host "replication" all all trust',   'tcp', '+alice@shop', 'alice@replication' ],
	[ "host shop,replication bob all md5\nhost replication all all reject", 'tcp', '+alice@shop', '+bob@bob', 'bob@shop' ],
	# names with letters that have a meaning
	[ 'host "a b" "a,b" all trust',         'tcp', 'a,b@a b', 'a b@a b' ],
	[ 'host all a" "b,q""""t all trust',     'tcp', 'a b@shop', 'q"t@shop', 'q@shop' ],
	[ 'host all "q""t",b\s all trust',      'tcp', 'q"t@shop', 'b\\s@shop' ],
	[ 'host all we"#"ird all trust',        'tcp', 'we#ird@shop', 'alice@shop' ],
	[ 'host we"#ird" "we#ird" all trust # all', 'tcp', 'we#ird@we#ird', 'alice@we#ird' ],
	# lists
	[ 'host shop,bob alice,bob all trust',  'tcp', 'alice@shop', 'bob@shop', 'bob@bob', 'Alice@shop', 'bob@alice' ],
	[ 'host shop, bob alice,  bob all trust', 'tcp', 'alice@shop', 'bob@bob', 'Alice@shop' ],
	[ 'host shop,,bob ,alice all trust',    'tcp', 'alice@shop', 'alice@bob', 'bob@bob' ],
	[ "host\tshop,\"bob\"\talice,all\t127.0.0.1/32\ttrust", 'tcp', 'alice@shop', 'bob@bob', 'bob@alice' ],
	[ 'host "shop,bob" all all trust',      'tcp', 'alice@shop', 'bob@bob', 'alice@shop,bob' ],
	# files of names
	[ 'host all @names all trust',          'tcp', 'alice@shop', 'bob@shop', 'a b@shop', 'we#ird@shop' ],
	[ 'host all Alice,@names all trust',    'tcp', 'Alice@shop', 'bob@shop' ],
	[ 'host @"names" all all trust',        'tcp', 'alice@shop', 'bob@bob' ],
	[ 'host all @more all trust',           'tcp', 'alice@shop', 'bob@shop', 'Alice@shop' ],
	[ 'host all "@names" all trust',        'tcp', 'bob@bob' ],
	[ 'host all @paged all trust',          'tcp', 'alice@shop', 'bob@shop', "alice\fbob\@shop" ],
	# addresses
	[ 'host all all 127.0.0.1/32 trust',    'tcp six' ],
	[ 'host all all 127.0.0.2/32 trust' ],
	[ 'host all all 127.0.0.99/8 trust',    'tcp six' ],
	[ 'host all all 127.0.0.1/032 trust' ],
	[ 'host all all 127.0.0.0/31 trust' ],
	[ 'host all all 127.0.0.2/31 trust' ],
	[ 'host all all 0.0.0.0/0 trust',       'unix tcp six' ],
	[ 'host all all ::/0 trust',            'unix tcp six' ],
	[ 'host all all ::1/128 trust',         'tcp six' ],
	[ 'host all all ::2/127 trust',         'tcp six' ],
	[ 'host all all ::8/124 trust',         'tcp six' ],
	[ 'host all all 127.0.0.1 255.255.255.255 trust', 'tcp six' ],
	[ 'host all all 127.0.0.7   255.0.0.0 trust' ],
	[ 'host all all 127.0.0.1 255.0.0.255 trust' ],
	[ 'host all all 127.0.0.2 255.0.0.255 trust' ],
	[ 'host all all ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff trust', 'tcp six' ],
	[ 'host all all "127.0.0.1/32" trust' ],
	[ 'host all all ::ffff:127.0.0.1/128 trust', 'tcp six' ],
	# comments, blanks, lines that go on
	[ "# host all all all reject\n\n \t \n   host all all all trust   # in" ],
	[ "host all all all trust#in\nlocal all all md5 #in" ],
	[ "host all all all \\\ntrust\nlocal all al\\\nice trust" ],
	[ "# goes on \\\nhost all all all trust\nlocal all all trust" ],
	[ "host all \"b\\\\\ns\" all trust\nhost all bob all md5",  'tcp', 'b\\s@shop', 'bob@bob' ],
	[ "host all all all trust\r\nlocal all all md5\r\n" ],
	[ "host all all all trust\\" ],
	[ "host all all all trust \\\n\nlocal all all md5" ],
	# certificates
	[ 'hostssl all all all cert',                     'tcp tls alice mail' ],
	[ 'hostssl all all all cert map=mail',            'tls alice mail' ],
	[ 'hostssl all all all cert map=named',           'alice mail' ],
	[ 'hostssl all all all trust clientcert=verify-ca',   'tls alice mail' ],
	[ 'hostssl all all all md5 "clientcert=verify-full"', 'alice', 'alice@shop' ],
	[ 'hostssl all all all trust clientcert="verify-full"', 'tls alice mail' ],
	# the system's user, and maps
	[ 'local all all peer',             'unix tcp' ],
	[ "local all $osuser peer\nlocal all all md5",        'unix', "$osuser\@shop", 'bob@bob' ],
	[ 'local all all peer map=os',      'unix', 'alice@shop', 'bob@bob', 'a b@shop', 'Alice@shop' ],
	[ 'local all all "peer" map="o s"', 'unix', 'alice@shop', 'bob@bob' ],
	[ 'local all all peer map=nothing', 'unix', "$osuser\@shop", 'bob@bob' ],
	[ 'local all all peer map=',        'unix', "$osuser\@shop", 'bob@bob' ],
	[ 'local all all peer map=Pattern', 'unix', "$osuser\@shop", "x$osuser\@shop", 'bob@bob', '\\1@shop' ],
	[ 'local all all peer map=pattern', 'unix', "$osuser\@shop", "x$osuser\@shop", 'bob@bob' ],
	[ 'local all all peer map=onward',  'unix', 'alice@shop', 'bob@bob' ],
	[ 'local all all peer map=file',    'unix', 'alice@shop', 'bob@bob' ],
	[ 'local all all peer map=paged',   'unix', 'alice@shop', 'bob@bob' ],
	[ 'local all all peer map=os map=nothing', 'unix', 'alice@shop', "$osuser\@shop" ],
);

my $maps = <<"MAPS" . 'mail /^(.*)@example\.org$ \1' . "\n" . 'pattern "/^(.)(.*)$" x\1' . "\n";
# map   system's user   user
os $osuser alice
  "os" "$osuser"	"a b" # and so on
os somebody bob
OS $osuser bob
"o s" $osuser bob
all $osuser all
\@file $osuser alice
Pattern /^(.*)\$ x\\1
onward $osuser \\
	bob
paged $osuser\falice bob
named alice bob
named bob\@example.org alice
MAPS

# Neither takes them.
my @broken = map { s/\\n/\n/gr } split /\n/, <<'BROKEN';
remote all all trust
local all all
local all all nonsense
local all all Trust
LOCAL all all trust
host all all trust
host all all 127.0.0.1 trust
host all all 127.0.0.1/33 trust
host all all ::1/129 trust
host all all 127.0.0.1/-1 trust
host all all 127.0.0.1/ trust
host all all 127.0.0.1/x trust
host all all 127.0.0.1 ::1 trust
host all all 127.0.0.1/32,::1/128 trust
host all all 127.0.0.1/32 trust,md5
local,host all all trust
host all all all peer
local all all cert
host all all all cert
host all all all trust clientcert=verify-ca
hostssl all all all trust clientcert=no-verify
hostssl all all all cert clientcert=verify-ca
local all all md5 map=os
local all all trust colour=red
local all all trust colour
host all all all ldap ldapserver=x
local all all trust\nlocal all all
BROKEN

# What is not the same, and why: the file, what PostgreSQL makes of it, what Millpond does with bob@bob, by which way.
my $newer = `postgres --version` =~ /\) (\d+)/ && $1 >= 16;
my @different = (
	# Groups, names of hosts and networks of the host are known to the server or to DNS.
	[ 'host all +staff all trust',            'none',  'broken' ],
	[ 'host samerole all all trust',          'in',    'broken' ],
	[ 'host samegroup all all trust',         'in',    'broken' ],
	[ 'host all all samehost trust',          'in',    'broken' ],
	[ 'host all all samenet trust',           'in',    'broken' ],
	[ 'host all all .invalid trust',          'none',  'broken' ],
	# There is no GSS.
	[ 'hostgssenc all all all trust',         'none',  'broken' ],
	# What is a regular expression since PostgreSQL 16, and a keyword in maps.
	[ 'host all /bob all trust',              $newer ? 'in' : 'none', 'broken' ],
	[ 'local all all peer map=all',           $newer ? 'in' : 'peer', 'in', 'unix' ],
	# What inet_aton() reads beyond dotted numbers, with octal ones among them.
	[ 'host all all 127.1/8 trust',           'in',    'broken' ],
	[ 'host all all 127.0.0.001/32 trust',    'in',    'broken' ],
	[ 'host all all 127.0.0.1 255.255.255 trust', 'in', 'broken' ],
	[ 'host all all 127.0.0.1/+8 trust',      'in',    'broken' ],
	# A quote that is not closed is most likely a mistake.
	[ 'local all all "trust',                 'in',    'broken', 'unix' ],
	# Who will be refused for his certificate is not asked for a password.
	[ 'hostssl all all all md5 clientcert=verify-full', 'md5', 'certificate', 'alice' ],
	# What stands there as PgBouncer allows it.
	[ 'host shop , bob bob 127.0.0.1/32 trust', 'broken', 'in' ],
	[ "host all all\fall\ftrust",             'broken', 'in' ],
	[ "\f\nhost all all all trust\f",         'broken', 'in' ],
);

# --- both of them --------------------------------------------------------------------------------

put_file("$dir/names", "bob \"a b\"\n# alice\n\nwe\"#\"ird,q\"\"\"\"t\n");
put_file("$dir/file", "file\n");
put_file("$dir/paged", "alice\fbob\n");
put_file("$dir/more", "alice, \@names\n\"\@names\"\n");
put_file($ident, $maps);
put_file($hba, "local all postgres trust\n");
my $server = Postgres->new('server', conf => join "\n", "listen_addresses = '127.0.0.1,::1'", 'wal_level = replica',
	'max_wal_senders = 5', "hba_file = '$hba'", "ident_file = '$ident'", $authority->ssl_conf(ca => 1));
my $console = Wire->login($server, unix => 1);
$console->value(join '', "set password_encryption = 'md5';",
	map { "create role \"$_\" login password 'pencil';" } map { s/"/""/gr } grep { $_ ne 'postgres' } @users);

my $fake     = FakeServer->new;
my $millpond = Millpond->new('pool', databases => { '*' => $fake->target . ' pool_size=1' },
	files    => { 'users.txt' => join '', map { qq("$_" "pencil"\n) } map { s/"/""/gr } @users },
	settings => { listen_addr => '127.0.0.1,::1', auth_type => 'hba', auth_hba_file => $hba, auth_ident_file => $ident,
		auth_file => 'users.txt', client_tls_sslmode => 'allow', max_client_conn => 1000, $authority->client_tls(ca => 1) });
my $admin = Wire->login($millpond, database => 'pgbouncer', unix => 1);

sub connect_by ($node, $way)
{
	return Wire->new(IO::Socket::IP->new(PeerHost => '::1', PeerPort => $node->port) // die $@) if $way eq 'six';
	my %certificate = $way =~ /^(?:alice|mail)$/
		? (SSL_cert_file => $authority->file("$way.crt"), SSL_key_file => $authority->file("$way.key")) : ();
	return Wire->connect($node, $way eq 'unix' ? (unix => 1) : $way eq 'tcp' ? () : (tls => \%certificate));
}

# What the words of either mean; others stand for themselves.
my %meaning = (
	none        => qr/^no pg_hba\.conf entry for |^no authentication method is found$/,
	reject      => qr/^pg_hba\.conf rejects |^login rejected$/,
	peer        => qr/^Peer authentication failed |^unix socket login rejected$/,
	certificate => qr/^(?:certificate|"trust") authentication failed|^connection requires a valid client certificate$/,
);

sub outcome ($node, $way, $whom)
{
	my ($plus, $user, $database) = $whom =~ /^(\+?)(.*)@(.*)$/;
	my $client = connect_by($node, $way);
	$client->startup(user => $user, database => $database, $plus ? (replication => 'true') : ());
	my ($type, $body) = ($client->get // [ 'nothing', '' ])->@*;
	$client->close;
	return { 0 => 'in', 3 => 'password', 5 => 'md5', 10 => 'scram' }->{ unpack 'N', $body } if $type eq 'R';
	my $message = $type eq 'E' ? Fields($body)->{M} : $type;
	my ($found) = grep { $message =~ $meaning{$_} } keys %meaning;
	return $found // $message;
}

# Makes both read the lines, and says which of them refuse the file. The first line is one by which a server shows that
# it has read them.
sub refused_by ($lines)
{
	state $number = 0;
	$number++;
	put_file($hba, "local mark$number all reject\nlocal pgbouncer postgres trust\n$lines");
	my $from = -s $server->logfile;
	my $refused;
	$console->value('select pg_reload_conf()');
	wait_until(sub {
		$refused = $server->log_contains(qr/pg_hba\.conf was not reloaded/, $from);
		return $refused || outcome($server, 'unix', "postgres\@mark$number") eq 'reject';
	}, 'the server to have read its lines');
	return map { $_ ? 1 : 0 } $refused, $admin->query('RELOAD')->{error};
}

sub shown ($lines) { return $lines =~ s/\n/ ; /gr =~ s/\f/(form feed)/gr }

my $has_ipv6 = IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
note('no IPv6 here') if !$has_ipv6;
for my $case (@files)
{
	my ($lines, $ways, @whom) = @$case;
	my ($by_server, $by_millpond) = refused_by("$lines\n");
	ok(!$by_server && !$by_millpond, 'both take: ' . shown($lines))
		or diag($by_server ? 'PostgreSQL does not' : 'Millpond does not'), next;
	my (%theirs, %ours);
	for my $way (grep { $has_ipv6 || $_ ne 'six' } split / /, $ways // $usual[0])
	{
		for my $whom (@whom ? @whom : @usual[ 1 .. $#usual ])
		{
			$theirs{"$way $whom"} = outcome($server,   $way, $whom);
			$ours{"$way $whom"}   = outcome($millpond, $way, $whom);
		}
	}
	is_deeply(\%ours, \%theirs, '... with ' . join ', ', map { "$_: $theirs{$_}" } sort keys %theirs);
}

is_deeply([ refused_by($_) ], [ 1, 1 ], 'neither takes: ' . shown($_)) for @broken;

for my $case (@different)
{
	my ($lines, $theirs, $ours, $way) = @$case;
	my ($by_server, $by_millpond) = refused_by($lines);
	is($by_server ? 'broken' : outcome($server, $way // 'tcp', 'bob@bob'), $theirs, 'PostgreSQL: ' . shown($lines));
	is($by_millpond ? 'broken' : outcome($millpond, $way // 'tcp', 'bob@bob'), $ours, '... and Millpond');
}

done_testing;
