# A directory that takes connections and never answers: its clients wait for client_login_timeout at most, all others for nothing.
use v5.36;
use FakeServer;
use IO::Socket::INET;
use Millpond;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $dir    = PostgreSQL::Test::Utils::tempdir();
my $fake   = FakeServer->new;
# The kernel takes the connections; nobody ever reads from them.
my $silent = IO::Socket::INET->new(Listen => 200, LocalAddr => '127.0.0.1') or die $!;

my $at = 'ldapserver=127.0.0.1 ldapport=' . $silent->sockport;
put_file("$dir/users", qq("postgres" ""\n"other" "pencil"\n));
put_file("$dir/hba", <<"LINES");
host pgbouncer all all trust
host plain  all all password
host scram  all all scram-sha-256
host simple all all ldap $at ldapsuffix=\@x
host search all all ldap $at ldapbasedn=dc=x
host tls    all all ldap $at ldapbasedn=dc=x ldaptls=1
host ldaps  all all ldap $at ldapbasedn=dc=x ldapscheme=ldaps
LINES
my $millpond = Millpond->new('pool',
	databases => { map { $_ => $fake->target } qw(plain scram simple search tls ldaps) },
	settings  => { auth_type => 'hba', auth_hba_file => "$dir/hba", auth_file => "$dir/users", workers => 2,
		client_login_timeout => 600, max_client_conn => 300 },
	# At the end helpers are left behind on purpose.
	env => { TSAN_OPTIONS => join ':', grep { $_ } $ENV{TSAN_OPTIONS}, 'report_thread_leaks=0' });

# Asks to be let in, and does not wait for it.
sub knock ($user, $database)
{
	my $client = Wire->connect($millpond)->startup(user => $user, database => $database);
	$client->get;
	return $client->put(Message('p', "pencil\0"));
}

# The loop turns, and what needs helpers of its own gets them.
my $before = Wire->connect($millpond);
is($before->authenticate('pencil', user => 'other', database => 'plain')->{status}, 'I', 'a client');
# So many that the last ones are still in the line when this test is over, however slow the machine.
my @waiting = map { knock("u$_", (qw(simple search tls ldaps))[ $_ % 4 ]) } 1 .. 150;
wait_until(sub { $millpond->console('SHOW MEM') && sockets() >= 4 }, 'the directory to be asked');
is($before->value('select 1'), 'select 1', 'its query, while all these logins wait');
is(Wire->connect($millpond)->authenticate('pencil', user => 'other', database => $_)->{status}, 'I',
	"a login by $_ meanwhile")
	for qw(plain scram);
$millpond->console('RELOAD');
cmp_ok(sockets(), '<=', 4, 'no more than four ask at a time');

# Who does not want to wait any more is let go, and so is who has waited too long.
$_->close for @waiting[ 140 .. 149 ];
$millpond->wait_for_log(qr{/u$_\@.*closing because: client unexpected eof}) for 141 .. 150;
$millpond->write_config(settings => { client_login_timeout => 2 });
$millpond->console('RELOAD');
my $from = time;
my $late = knock('late', 'search');
is_deeply([ $late->result->{error}->@{qw(C M)} ], [ '57014', 'client_login_timeout' ], 'client_login_timeout ends it');
cmp_ok(time - $from, '>=', 1.5, '... not before');
cmp_ok(time - $from, '<',  20,  '... and not long after');

# The end does not wait for the directory.
$from = time;
$millpond->stop;
cmp_ok(time - $from, '<', 8, 'the process ends at once');
is($waiting[130]->result->{error}{C}, '57P01', 'and its clients are told');
unlike($millpond->log_since, qr/pencil/, 'no password is in the log');

# How many connections the process has to the directory, by the kernel's table.
sub sockets ()
{
	my $port = sprintf '%04X', $silent->sockport;
	return scalar grep { /^\s*\d+: \S+ \S+:$port 01/ } split /\n/, PostgreSQL::Test::Utils::slurp_file('/proc/net/tcp');
}

done_testing;
