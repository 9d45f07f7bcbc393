# LDAP as auth_type and in HBA lines: simple binds and searches, through TLS as well; names that try to be more than a name stay outside.
use v5.36;
use Certificates;
use Directory;
use FakeServer;
use Millpond;
use Test::More;
use Wire;

my $missing = Directory->missing;
plan skip_all => $missing if $missing;

my $dir       = PostgreSQL::Test::Utils::tempdir();
my $authority = Certificates->new;
$authority->issue(server => '/CN=localhost', names => 'DNS:localhost,IP:127.0.0.1');
my %people = (ann => 'red fish', bob => 'pencil', 'a,b' => 'pencil', 'o(x)*' => 'pencil', 'x\\y' => 'pencil',
	map { ("n$_" => 'pencil') } 1 .. 24);
my $open   = Directory->new(people => \%people, authority => $authority);
my $closed = Directory->new(people => \%people, closed    => 1);

my $people = 'ou=people,dc=example,dc=net';
my $at     = 'ldapserver=127.0.0.1 ldapport=' . $open->port;
my $manage = 'ldapbinddn="cn=manager,dc=example,dc=net" ldapbindpasswd';
my $unused = PostgreSQL::Test::Cluster::get_free_port();
my %line   = (
	simple   => qq($at ldapprefix="uid=" ldapsuffix=",$people"),
	search   => qq($at ldapbasedn="dc=example,dc=net"),
	shallow  => qq(ldapurl="ldap://127.0.0.1:@{[$open->port]}/dc=example,dc=net?uid?one"),
	url      => qq(ldapurl="ldap://127.0.0.1:@{[$open->port]}/$people?uid?one"),
	mail     => qq("ldapserver"="127.0.0.1", ldapport=@{[$open->port]}, ldapbasedn="dc=example,dc=net" ldapsearchattribute=mail,),
	filter   => qq($at ldapbasedn="$people" ldapsearchfilter="(|(uid=\$username)(mail=\$username))"),
	everyone => qq($at ldapbasedn="$people" ldapsearchfilter="(|(uid=\$username)(objectClass=*))"),
	manager  => qq(ldapserver=127.0.0.1 ldapport=@{[$closed->port]} ldapbasedn="dc=example,dc=net" $manage=secret),
	badbind  => qq(ldapserver=127.0.0.1 ldapport=@{[$closed->port]} ldapbasedn="dc=example,dc=net" $manage=secrets),
	nobind   => qq(ldapserver=127.0.0.1 ldapport=@{[$closed->port]} ldapbasedn="dc=example,dc=net"),
	starttls => qq($at ldaptls=1 ldapprefix="uid=" ldapsuffix=",$people"),
	ldaps    => qq(ldapserver=127.0.0.1 ldapscheme=ldaps ldapport=@{[$open->tls_port]} ldapbasedn="$people"),
	ldapsurl => qq(ldapurl="ldaps://127.0.0.1:@{[$open->tls_port]}/$people?uid?sub"),
	notls    => qq(ldapserver=127.0.0.1 ldapport=@{[$closed->port]} ldaptls=1 ldapbasedn="$people"),
	second   => qq(ldapserver="127.0.0.1 localhost" ldapport=@{[$open->port]} ldapbasedn="$people"),
	down     => qq(ldapserver=127.0.0.1 ldapport=$unused ldapbasedn="$people"),
	root     => qq($at ldapbasedn="$people" ldapsearchfilter="(uid=\$username)" ldapsearchattribute=),
);
put_file("$dir/hba", join '', "host pgbouncer all all trust\n",
	map { "host $_ all all ldap $line{$_}\n" } sort keys %line);
put_file("$dir/users", qq("postgres" ""\n));

my $fake = FakeServer->new(login => sub ($c, $startup) { $c->note_password($startup) });
my %databases = map { $_ => $fake->target } keys %line, 'postgres';
my $millpond  = Millpond->new('pool', databases => \%databases,
	settings => { auth_type => 'hba', auth_hba_file => "$dir/hba", auth_file => "$dir/users", workers => 2 },
	env => { LDAPTLS_CACERT => $authority->file('ca.crt') });

# Who comes in ----------------------------------------------------------------------------------

my $refused = 'LDAP authentication failed';
my @cases   = (
	(map { [ $_, 'ann', 'red fish', 'welcome' ], [ $_, 'ann', 'blue fish', $refused ] }
		qw(simple search url filter manager starttls ldaps ldapsurl second root)),
	[ 'mail',     'ann@example.net', 'red fish', 'welcome' ],
	[ 'filter',   'ann@example.net', 'red fish', 'welcome' ],
	[ 'shallow',  'ann',     'red fish', $refused, 'no entry fits' ],
	[ 'search',   'nobody',  'pencil',   $refused, 'no entry fits' ],
	[ 'simple',   'nobody',  'pencil',   $refused, 'bind as the user .*Invalid credentials' ],
	[ 'everyone', 'ann',     'red fish', $refused, 'more than one entry fits' ],
	[ 'badbind',  'ann',     'red fish', $refused, 'bind for the search .*Invalid credentials' ],
	[ 'nobind',   'ann',     'red fish', $refused, 'search .*(?:Insufficient access|No such object)|no entry fits' ],
	[ 'notls',    'ann',     'red fish', $refused, 'StartTLS' ],
	[ 'down',     'ann',     'red fish', $refused, q(Can't contact LDAP server) ],
	[ 'simple',   'ann',     'p' x 65530, $refused, 'Invalid credentials' ],
	[ 'search',   'u' x 4000, 'pencil',   $refused, 'no entry fits' ],
	[ 'simple',   "\xc3\xbc" x 2000, 'pencil', $refused, 'bind as the user' ],

	# Everywhere but in a directory these are names like others.
	[ 'search',   'a,b',     'pencil',   'welcome' ],
	[ 'simple',   'a,b',     'pencil',   'welcome' ],
	[ 'search',   'o(x)*',   'pencil',   'welcome' ],
	[ 'filter',   'o(x)*',   'pencil',   'welcome' ],
	[ 'simple',   'x\\y',    'pencil',   'welcome' ],
	[ 'search',   'x\\y',    'pencil',   'welcome' ],

	# Attacks.
	[ 'search',   'b*',                   'pencil', $refused, 'no entry fits' ],
	[ 'search',   'bob)(uid=*',           'pencil', $refused, 'no entry fits' ],
	[ 'search',   '*)(|(uid=bob',         'pencil', $refused, 'no entry fits' ],
	[ 'filter',   'x)(uid=bob',           'pencil', $refused, 'no entry fits' ],
	[ 'search',   'bob\\2a',              'pencil', $refused, 'no entry fits' ],
	[ 'simple',   "bob,$people",          'pencil', $refused, 'Invalid credentials' ],
	[ 'simple',   'bob+uid=bob',          'pencil', $refused, 'Invalid credentials' ],
	[ 'simple',   'b\\6fb',               'pencil', $refused, 'Invalid credentials' ],
	[ 'simple',   'x,uid=bob',            'pencil', $refused, 'Invalid credentials' ],
	(map { my $database = $_; map { [ $database, $_, '', 'empty password returned by client' ] } 'ann', 'nobody', '*' }
		qw(simple search)),
);
for (@cases)
{
	my ($database, $user, $password, $outcome, $reason) = @$_;
	my $client = Wire->connect($millpond);
	my $from   = $millpond->log_end;
	my $answer = $client->authenticate($password, user => $user, database => $database);
	my $name   = substr("$database: $user with $password", 0, 60);
	is($answer->{error}{M} // 'welcome', $outcome, $name);
	is($answer->{error}{C}, '28000', '... its SQLSTATE') if $outcome eq $refused;
	is($client->{asked}, 3, '... asked for the password itself');
	like($millpond->log_since($from), qr/LDAP: .*(?:$reason)/, '... and the log says why') if $reason;
	is($client->value('select 1'), 'select 1', '... and is served') if $outcome eq 'welcome';
}
unlike($millpond->log_since, qr/red fish|blue fish|pencil|ppppp|secret/, 'no password is in the log');
is(scalar(grep { /dn="uid=ann/ } $open->asked(qr/BIND.*anonymous/)), 0, 'nobody was bound without a password');
is(($fake->received(qr/password ann /))[0] =~ s/^\d+ password //r, 'ann red fish|',
	'the server is logged in to with what the client gave');

# What cannot be verified is not spoken to: another authority.
my $doubting = Millpond->new('doubting', databases => \%databases,
	settings => { auth_type => 'hba', auth_hba_file => "$dir/hba" },
	env => { LDAPTLS_CACERT => Certificates->new('Other')->file('ca.crt') });
for my $database (qw(starttls ldaps))
{
	is(Wire->connect($doubting)->authenticate('red fish', user => 'ann', database => $database)->{error}{M}, $refused,
		"$database with a certificate of somebody else");
}
$doubting->stop;

# The console -------------------------------------------------------------------------------------

my ($shown) = grep { $_->{database} eq 'manager' } $millpond->console('SHOW HBA');
is($shown->{auth_method}, 'ldap', 'SHOW HBA has the method');
like($shown->{options}, qr/^ldapserver=127.0.0.1 .* ldapbindpasswd=\*{8}$/, '... and its options without the password');

# Many at once, while settings are read anew --------------------------------------------------------

my @crowd = map { Wire->connect($millpond)->startup(user => "n$_", database => $_ % 2 ? 'search' : 'simple') } 1 .. 24;
$_->get for @crowd;
$crowd[$_]->put(Message('p', $_ % 3 ? "pencil\0" : "wrong\0")) for 0 .. 11;
$millpond->console('RELOAD');
$crowd[$_]->put(Message('p', $_ % 3 ? "pencil\0" : "wrong\0")) for 12 .. 23;
is_deeply([ map { $_->result->{error}{M} // 'welcome' } @crowd ], [ map { $_ % 3 ? 'welcome' : $refused } 0 .. 23 ],
	'each of a crowd gets its own answer');

# As auth_type --------------------------------------------------------------------------------------

my $alone = Millpond->new('alone', databases => \%databases,
	settings => { auth_type => 'ldap', auth_ldap_options => "$line{manager}", admin_users => 'bob' });
is(Wire->connect($alone)->authenticate('red fish', user => 'ann')->{status}, 'I', 'auth_type = ldap');
is(Wire->connect($alone)->authenticate('wrong', user => 'ann')->{error}{M}, $refused, '... refuses as well');
my $console = Wire->connect($alone);
is($console->authenticate('pencil', user => 'bob', database => 'pgbouncer')->{status}, 'I', '... on the console, too');
my ($row) = grep { $_->{key} eq 'auth_ldap_options' } $console->hashes('SHOW CONFIG');
is($row->{value}, '********', 'SHOW CONFIG does not show what has a password in it');
$console->query(qq(SET auth_ldap_options = 'ldapserver=127.0.0.1 ldapport=$unused ldapsuffix=\@x'));
is(Wire->connect($alone)->authenticate('red fish', user => 'ann')->{error}{M}, $refused, 'SET changes where is asked');
my $error = $console->query(q(SET auth_ldap_options = 'ldapserver=127.0.0.1'))->{error};
like($error->{M} . ($error->{D} // ''), qr/one of ldapbasedn, ldapprefix and ldapsuffix is needed/, '... and is checked');
unlike($alone->log_since, qr/secret|pencil|red fish/, 'no password is in the log');

# Mistakes have their line ---------------------------------------------------------------------------

put_file("$dir/hba", "host a all all ldap ldapserver=x\nhost a all all ldap ldapservr=x ldapbasedn=y\n"
	. "host a all all pam pamservise=x\n");
my ($status, $output, $complaint) = run_binary('--check', $millpond->ini);
is($status, 1, '--check refuses the file');
like($complaint, $_, '... each with its line')
	for qr/hba:1: one of ldapbasedn/, qr/hba:2: .*did you mean "ldapserver"\?/, qr/hba:3: .*did you mean "pamservice"\?/;
for (['', qr/:4: .*"ldap" needs auth_ldap_options/], ["auth_ldap_options = ldapserver=x\n", qr/:5: auth_ldap_options: one of/])
{
	(undef, undef, $complaint) = run_binary('--check',
		ini_file("[databases]\n* = host=127.0.0.1\n[millpond]\nauth_type = ldap\n$_->[0]"));
	like($complaint, $_->[1], 'auth_type = ldap is checked');
}

done_testing;
