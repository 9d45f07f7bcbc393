# Empty, negative, huge, broken and mistyped values, keys, sections and files are named with their line and what was probably meant.
use v5.36;
use Certificates;
use Millpond;
use Test::More;
use Wire;

sub check ($text, $name = 'test.ini')
{
	my ($status, $out, $error) = run_binary('--check', new_file($name, $text));
	return ($status, $out . $error);
}

my $head = "[databases]\nx = host=127.0.0.1\n[millpond]\nauth_type = trust\n";

# What stands behind the four lines of the head, and what is said about its first line.
my @refused = (
	[ 'default_pool_size ='        => qr/default_pool_size: "" is not a whole number/ ],
	[ 'default_pool_size = -1'     => qr/"-1" is not a whole number from 0 to/ ],
	[ 'default_pool_size = 1e3'    => qr/"1e3" is not a whole number/ ],
	[ 'default_pool_size = 2.5'    => qr/"2\.5" is not a whole number/ ],
	[ 'default_pool_size = 5 apples' => qr/"5 apples" is not a whole number/ ],
	[ 'default_pool_size = ' . '9' x 400 => qr/is not a whole number/ ],
	[ 'listen_port = 0'            => qr/from 1 to 65535/ ],
	[ 'listen_port = 65536'        => qr/from 1 to 65535/ ],
	[ 'unix_socket_mode = 0999'    => qr/is not an octal number/ ],
	[ 'query_timeout ='            => qr/query_timeout: "" is not a time/ ],
	[ 'query_timeout = -1'         => qr/"-1" is not a time/ ],
	[ 'query_timeout = 1e400'      => qr/is not a time/ ],
	[ 'query_timeout = nan'        => qr/is not a time/ ],
	[ 'query_timeout = inf'        => qr/is not a time/ ],
	[ 'query_timeout = 0x10'       => qr/is not a time/ ],
	[ 'query_timeout = 10 sec'     => qr/did you mean "10s"\?/ ],
	[ 'query_timeout = 500msec'    => qr/did you mean "500ms"\?/ ],
	[ 'query_timeout = 5 minutes'  => qr/did you mean "5min"\?/ ],
	[ 'query_timeout = 2hours'     => qr/did you mean "2h"\?/ ],
	[ 'query_timeout = 3 fortnights' => qr/is not a time in seconds/ ],
	[ 'log_stats = maybe'          => qr/neither 1 \(on, true, yes\) nor 0/ ],
	[ 'pool_mode ='                => qr/pool_mode: "" is not one of/ ],
	[ 'pool_mode = sesion'         => qr/did you mean "session"\?/ ],
	[ 'syslog_facility = local8'   => qr/is not one of .*; did you mean "local\d"\?/ ],
	[ 'defualt_pool_size = 1'      => qr/did you mean "default_pool_size"\?/ ],
	[ 'DEFAULT_POOL_SIZE = 1'      => qr/did you mean "default_pool_size"\?/ ],
	[ '= 1'                        => qr/no key before the "="/ ],
	[ "'pool_mode = session"       => qr/quote of the key does not end/ ],
	[ '"pool_mode = session'       => qr/quote of the key does not end/ ],
	[ '[pgbuncer]'                 => qr/did you mean "pgbouncer"\?/ ],
	[ '[databases'                 => qr/must end with "\]"/ ],
	[ '[]'                         => qr/section without a name/ ],
	[ "pool_mode = ses\0sion"      => qr/NUL byte/ ],
	[ '%include'                   => qr/must be followed by the name of a file/ ],
	[ '%include /nowhere/a.ini'    => qr{"/nowhere/a\.ini": No such file} ],
	[ '%include /tmp'              => qr/is a directory/ ],
	[ '%includes x'                => qr/only %include is/ ],
);
for my $case (@refused)
{
	my ($line, $words) = @$case;
	my ($status, $said) = check("$head$line\n");
	my ($fault) = $said =~ /^\S+test\.ini:5: (.*)/m;
	ok($status == 1 && ($fault // '') =~ $words, 'refused: ' . substr($line, 0, 40) =~ s/\0/\\0/r)
		or diag($said);
}

my @entries = (
	[ 'pool_size=-1'              => qr/pool_size: "-1" is not a whole number/ ],
	[ 'pool_size='                => qr/pool_size: "" is not/ ],
	[ 'pool_sise=1'               => qr/did you mean "pool_size"\?/ ],
	[ 'port=0'                    => qr/invalid port "0"/ ],
	[ 'port=5432x'                => qr/invalid port/ ],
	[ 'pool_mode=none'            => qr/is not one of "session"/ ],
	[ 'load_balance_hosts=robin'  => qr/is not one of .*"round-robin"/ ],
	[ 'max_db_client_connections=-1' => qr/is not a whole number/ ],
	[ 'server_lifetime=1 fortnight'  => qr/expected key=value/ ],
	[ "password='secret"          => qr/quote that starts here does not end/ ],
	[ 'host=a,,b'                 => qr/item of the list of hosts is empty/ ],
	[ 'host=a, port=5432'         => qr/item of the list of hosts is empty; blanks stand between keys, not commas$/m ],
	[ 'database=shop'             => qr/unknown key "database"; did you mean "dbname"\?/ ],
	[ 'username=me'               => qr/did you mean "user"\?/ ],
	[ 'default_pool_size=5'       => qr/did you mean "pool_size"\?/ ],
	[ 'max_client_conn=5'         => qr/unknown key "max_client_conn": it is a setting of \[millpond\]$/m ],
);
for my $case (@entries)
{
	my ($value, $words) = @$case;
	my ($status, $said) = check("[databases]\nx = host=127.0.0.1 $value\n[millpond]\nauth_type = trust\n");
	ok($status == 1 && $said =~ /test\.ini:2: database "x": .*$words/, "refused in a database: $value")
		or diag($said);
}
my ($status, $said) = check("$head\[users]\njoe = pool_sise=1\n");
like($said, qr/test\.ini:6: user "joe": unknown key "pool_sise"; did you mean "pool_size"\?/, 'and of a user');

($status, $said) = check($head . "$_->[0] = 5\n"),
	like($said, qr/unknown setting "$_->[0]"; did you mean "$_->[1]"\?/, "$_->[0] is a word for $_->[1]")
	for [ pool_size => 'default_pool_size' ], [ max_connections => 'max_client_conn' ], [ port => 'listen_port' ];

# What is odd, but usable.
($status, $said) = check($head . "pool_mode = session\npool_mode = statement\n");
is($status, 0, 'a setting that is given twice is accepted');
like($said, qr/test\.ini:6: pool_mode is set again; the value of \S+test\.ini:5 does not count/, '... and noted');
my $users = new_file('users', qq("ann" "1"\n"bob" "2"\n"ann" "3"\n));
($status, $said) = check("[databases]\nx = host=127.0.0.1\n[users]\njoe = pool_size=1\n[databases]\nx = host=127.0.0.2\ny = host=127.0.0.1\n"
	. "[users]\njoe = pool_size=2\n[millpond]\nauth_file = $users\n");
is($status, 0, 'so is an entry');
like($said, qr/test\.ini:6: database "x" has an entry again; the one of \S+test\.ini:2 does not count$/m, '... of a database');
like($said, qr/test\.ini:9: user "joe" has an entry again; the one of \S+test\.ini:4 does not count$/m, '... of a user');
like($said, qr/^\Q$users\E:3: user "ann" is listed again; line 1 does not count$/m, '... and a user of auth_file');
is(scalar(() = $said =~ /does not count/g), 3, '... and nothing else is');
put_file($users, map { qq("$_" "x"\n) } qw(ann ann bob ann));
($status, $said) = check(join "\n", '[databases]', ('x = host=127.0.0.1') x 3, '[millpond]', "auth_file = $users", '');
is(join(' ', $said =~ /database "x" has an entry again; the one of \S+test\.ini:(\d+) does/g), '2 3', 'each earlier entry is named');
is(join(' ', $said =~ /^\Q$users\E:4: user "ann" is listed again; line (\d+) does/mg), '1 2', '... and each earlier line of auth_file');
for my $case (
	[ '', 'max_client_conn = 0', qr/^\S+:5: max_client_conn is 0: nobody will be let in but to the console$/m ],
	[ '', 'auth_query = select 1', qr/^\S+:5: auth_query has no \$1, where the name of the user would stand$/m ],
	[ '', 'auth_dbname = nowhere', qr/^\S+:5: auth_dbname: \[databases\] has no "nowhere"$/m ],
	[ 'auth_query=x', '', qr/^\S+:2: database "x": auth_query has no \$1/m ],
	[ 'auth_dbname=nowhere', '', qr/^\S+:2: database "x": auth_dbname: \[databases\] has no "nowhere"$/m ],
	[ 'host=::1,b:5432', '', qr/^\S+:2: database "x": host: "b:5432" is no address: a port is given as port=$/m ])
{
	my ($entry, $line, $words) = @$case;
	($status, $said) = check(($head =~ s/^x = .*$/x = $entry/mr) . "$line\n");
	is($status, 0, "taken: $entry$line");
	like($said, $words, '... and noted');
	is(scalar(() = $said =~ /^\S+:\d+: /mg), 1, '... alone');
}
($status, $said) = check("[databases]\nx = host=::1 auth_dbname=x\n* = host=/a:b\n[millpond]\nauth_type = trust\nauth_dbname = y\nauth_query = select \$1\n");
unlike($said, qr/^\S+:\d+: /m, 'what is right is not noted');
my $maps  = new_file('maps', "known me me\n");
my $rules = new_file('rules', map { "$_\n" } 'hostssl all all all md5', 'hostssl all all all cert', 'hostssl all all all reject',
	'host all all all md5', 'local all all peer map=known', 'local all all peer map=unknown');
my $by_rules = "[databases]\nx = host=127.0.0.1\n[millpond]\nauth_type = hba\nauth_ident_file = $maps\nauth_hba_file = ";
($status, $said) = check("$by_rules$rules\n");
is($status, 0, 'lines of HBA that let nobody in are taken');
is_deeply([ $said =~ /^\Q$rules\E:(\d+: .*)/mg ],
	[ (map { "$_: this line lets nobody in, since client_tls_sslmode is disable" } 1, 2),
		'6: this line lets nobody in: auth_ident_file has no map "unknown"' ], '... and noted');
put_file($rules, "# nothing\n");
($status, $said) = check("$by_rules$rules\n");
like($said, qr/^\S+:6: auth_hba_file has no line, so nobody can log in$/m, '... as is a file without one');
($status, $said) = check($head . "pkt_buf = 8192\n");
is($status, 0, 'a setting without a meaning here is accepted');
like($said, qr/test\.ini:5: "pkt_buf" has no effect: buffers/, '... with what is done instead');

# A comment behind a value is a part of it, as with PgBouncer.
for my $case (
	[ 'listen_port = 6432 # the usual', qr/"6432 # the usual" is not a whole number from 1 to 65535; a comment must stand on a line of its own$/m ],
	[ 'pool_mode = session ; for now',  qr/; a comment must stand on a line of its own$/m ],
	[ 'logfile = log ;the log',         qr/logfile: all of "log ;the log" is the value; a comment must stand on a line of its own$/m ])
{
	my ($line, $words) = @$case;
	like((check("$head$line\n"))[1], $words, "a comment behind a value: $line");
}
unlike((check($head . "server_reset_query = RESET ALL; DISCARD ALL ;\nlogfile = a;b#c\n"))[1], qr/comment/, 'and what is none');
like((check($head . "auth_type = scram\n"))[1], qr/did you mean "scram-sha-256"\?/, 'the beginning of a word that could stand there');

# What PgBouncer takes without a word is taken, and a number that means nothing here becomes the nearest that does.
my @taken = (
	[ 'max_packet_size = 4294967295' => 2147483647, qr/4294967295 is more than there can be, which is 2147483647/ ],
	[ 'max_packet_size = 100'        => 100 ],
	[ 'listen_backlog = 0'           => 0 ],
	[ 'max_client_conn = 0'          => 0, qr/nobody will be let in/ ],
	[ 'max_client_conn = 2000000000' => 100_000_000, qr/more than there can be/ ],
	[ 'default_pool_size = 2000000'  => 1_000_000,   qr/more than there can be/ ],
	[ 'tcp_keepidle = 40000'         => 32767,       qr/40000 is more than there can be, which is 32767/ ],
	[ 'tcp_keepintvl = 0x10000'      => 32767,       qr/0x10000 is more than there can be/ ],
	[ 'tcp_keepcnt = 200'            => 127,         qr/more than there can be/ ],
	[ 'verbose = 9'                  => 3,           qr/more than there can be/ ],
	[ 'pkt_buf = 1'                  => 1 ],
);
for my $case (@taken)
{
	my ($line, $value, $words) = @$case;
	($status, $said) = check("$head$line\n");
	my ($note) = $said =~ /^\S+test\.ini:5: (?!"pkt_buf" has)(.*)/m;
	ok($status == 0 && ($words ? ($note // '') =~ $words : !$note), "taken: $line") or diag($said);
}
my $millpond = Millpond->new('pool', settings => { map { split / = /, $_->[0] } @taken[ 0, 2 .. 3, 5 .. $#taken ] },
	databases => { one => 'pool_size=2000000', two => '' }, users => { joe => 'pool_size=3000000' });
my $console = Wire->login($millpond, database => 'pgbouncer');
my %config = map { $_->{key} => $_->{value} } $console->hashes('SHOW CONFIG');
for my $case (@taken)
{
	my ($name, $value) = split / = /, $case->[0];
	is($config{$name}, $case->[1], "in force: $case->[0]") if $millpond->{options}{settings}{$name} eq $value;
}
like($millpond->log_since, qr/WARNING \S+millpond\.ini:\d+: tcp_keepidle: 40000 is more/, 'the log says so');
like($millpond->log_since, qr/database "one": pool_size: 2000000 is more/, '... of a database');
like($millpond->log_since, qr/user "joe": pool_size: 3000000 is more/, '... and of a user');
my $from = $millpond->log_end;
is($console->query('SET tcp_keepcnt = 300')->{error}, undef, 'as by SET');
like($millpond->log_since($from), qr/WARNING SET: tcp_keepcnt: 300 is more/, '... of which the log tells as well');
is(Wire->connect($millpond)->startup(database => 'two')->result->{error}{M},
	'no more connections allowed (max_client_conn)', 'with max_client_conn = 0 there is only the console');
$millpond->stop;

# Words of TLS.
my $authority = Certificates->new;
$authority->issue(pooler => '/CN=localhost');
my @words = (
	[ 'client_tls_protocols = tlsv1.4'      => qr/"tlsv1\.4" is no version.*; did you mean "tlsv1\.\d"\?/ ],
	[ 'server_tls_protocols = secrue'       => qr/"secrue" is no version.*; did you mean "secure"\?/ ],
	[ 'client_tls_dheparams = legcy'        => qr/client_tls_dheparams: cannot use "legcy".*; did you mean "legacy"\?/ ],
	[ 'client_tls_ecdhcurve = prime256v2'   => qr/client_tls_ecdhcurve: cannot use "prime256v2".*; did you mean "prime256v1"\?/ ],
);
for my $case (@words)
{
	my ($line, $expected) = @$case;
	($status, $said) = check("$head$line\nclient_tls_sslmode = allow\n"
			. join '', map { "client_tls_${_}_file = " . $authority->file("pooler.$_") . "\n" } 'key');
	($said) = $said =~ /^\S+test\.ini:5: (.*)/m;
	ok($status == 1 && ($said // '') =~ $expected, "refused: $line") or diag($said);
}

# Keys in either kind of quotes.
($status, $said) = check("[databases]\n'my db' = host=127.0.0.1\n\"my \"\"other\"\" db\" = host=127.0.0.1\n"
		. "[millpond]\nauth_type = trust\n\"pool_mode\" = session\n");
is($status, 0, 'keys may be quoted in both ways') or diag($said);

# Files.
my $folder = PostgreSQL::Test::Utils::tempdir();
mkdir "$folder/conf.d" or die;
put_file("$folder/conf.d/$_->[0]", $_->[1])
	for [ 'b.ini' => "pool_mode = statement\n" ], [ 'a.ini' => "pool_mode = transaction\n" ],
	[ 'c.conf' => "nonsense\n" ], [ 'sub.ini' => "%include ../more.ini\n" ];
put_file("$folder/more.ini", "default_pool_size = 7\n");
put_file("$folder/main.ini", "$head%include conf.d/*.ini\n%include conf.d/none*.ini\n");
my ($ok, $out, $error) = run_binary('--check', "$folder/main.ini");
is($ok, 0, 'a pattern includes every file of such a name, or none, beside the including file')
	or diag($out . $error);
like($out, qr{conf\.d/b\.ini:1: pool_mode is set again; the value of \S*conf\.d/a\.ini:1}, '... in their order');
put_file("$folder/conf.d/d.ini", "pool_mode = x\n");
($ok, $out, $error) = run_binary('--check', "$folder/main.ini");
like($error, qr{conf\.d/d\.ini:1: pool_mode: "x"}, '... and a fault is named by its own file');

put_file("$folder/loop1.ini", "%include loop2.ini\n");
put_file("$folder/loop2.ini", "%include loop1.ini\n");
($ok, $out, $error) = run_binary('--check', "$folder/loop1.ini");
like($error, qr{loop2\.ini:1: cannot include "loop1\.ini": includes itself}, 'a loop of two files');
put_file("$folder/deep$_.ini", '%include deep' . ($_ + 1) . ".ini\n") for 0 .. 12;
($ok, $out, $error) = run_binary('--check', "$folder/deep0.ini");
like($error, qr/deep10\.ini:1: %include is nested more than 10 levels deep/, 'files within files have an end');
($ok, $out, $error) = run_binary('--check', $folder);
like($error, qr/is a directory/, 'a directory is no file of settings');
if ($> != 0)
{
	put_file("$folder/secret.ini", $head);
	chmod 0, "$folder/secret.ini";
	($ok, $out, $error) = run_binary('--check', "$folder/secret.ini");
	like($error, qr/secret\.ini: cannot be read: Permission denied/, 'one that cannot be read');
}

done_testing;
