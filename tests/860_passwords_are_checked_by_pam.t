# PAM as auth_type and in HBA lines: who comes in, what the log and the server are told, and that a slow module holds up nobody else.
use v5.36;
use FakeServer;
use Millpond;
use Pam;
use Test::More;
use Time::HiRes qw(time);
use Wire;

my $missing = Pam->missing;
plan skip_all => $missing if $missing;

my $dir  = PostgreSQL::Test::Utils::tempdir();
my $hang = "$dir/hang";
my $long = 'x' x 500;
my $pam  = Pam->new(
	passwords => [ 'ann:red fish:pgbouncer', 'bea:blue fish:shop', 'bob:pencil:pgbouncer', 'cat:pencil:closed',
		"dot:$long:pgbouncer", map { "n$_:pencil:pgbouncer" } 1 .. 30 ],
	services => {
		shop    => "auth required MATRIX\naccount required MATRIX\n",
		closed  => "auth required MATRIX\naccount required pam_deny.so\n",
		patient => "auth optional pam_faildelay.so delay=400000\nauth required MATRIX\n",
		hangs   => "auth required pam_exec.so quiet $dir/wait\naccount required pam_permit.so\n",
		from    => "auth required pam_exec.so quiet $dir/note\naccount required pam_permit.so\n",
	});
put_file("$dir/wait", "#!/bin/sh\nwhile [ -e $hang ]; do sleep 0.05; done\n");
put_file("$dir/note", "#!/bin/sh\necho \"\$PAM_USER \$PAM_RHOST \$PAM_SERVICE\" >> $dir/noted\n");
chmod 0755, "$dir/wait", "$dir/note";
put_file($hang);
put_file("$dir/hba", <<'LINES');
host  pgbouncer all all trust
local all       all     pam pamservice=from
host  shop      all all pam pamservice=shop
host  closed    all all pam pamservice=closed
host  patient   all all pam pamservice=patient
host  hangs     all all pam pamservice=hangs
host  nowhere   all all pam pamservice=no-such-service
host  scram     all all scram-sha-256
host  all       all all pam
LINES
put_file("$dir/users", qq("postgres" ""\n"bob" ""\n"scr" "secret"\n"own" "its own"\n));

my $fake = FakeServer->new(login => sub ($c, $startup) { $c->note_password($startup) });
my $millpond = Millpond->new('pool',
	databases => { map { $_ => $fake->target } qw(postgres shop closed patient hangs nowhere scram), 'other' },
	settings => { auth_type => 'hba', auth_hba_file => "$dir/hba", auth_file => "$dir/users", workers => 2,
		client_login_timeout => 20, max_client_conn => 300 },
	env => { $pam->env });

# Who comes in ----------------------------------------------------------------------------------

my $refused = 'PAM authentication failed';
my @cases   = (
	['postgres', 'ann',     'red fish',  'welcome'],
	['postgres', 'ann',     'blue fish', $refused],
	['shop',     'bea',     'blue fish', 'welcome'],
	['shop',     'ann',     'red fish',  $refused],
	['postgres', 'bea',     'blue fish', $refused],
	['postgres', 'ann',     '',          'empty password returned by client'],
	['postgres', 'nobody',  'pencil',    $refused],
	['postgres', 'Bob',     'pencil',    $refused],
	['postgres', 'bob:', 'pencil',       $refused],
	['postgres', '../bob',  'pencil',    $refused],
	['closed',   'cat',     'pencil',    $refused],
	['nowhere',  'bob',     'pencil',    $refused],
	['postgres', 'dot',     $long,       'welcome'],
	['postgres', 'dot',     "${long}x",  $refused],
	['postgres', 'bob',     'y' x 65530, $refused],
	['postgres', 'u' x 4000, 'pencil',   $refused],
	['missing',  'bob',     'wrong',     $refused],
	['missing',  'bob',     'pencil',    'no such database: missing'],
);
for (@cases)
{
	my ($database, $user, $password, $outcome) = @$_;
	my $client = Wire->connect($millpond);
	my $answer = $client->authenticate($password, user => $user, database => $database);
	my $name   = substr("$user at $database with $password", 0, 60);
	is($client->{asked}, 3, "$name: asked for the password itself");
	is($answer->{error}{M} // 'welcome', $outcome, "$name: the outcome");
	is($answer->{error}{C}, '28000', '... its SQLSTATE') if $outcome eq $refused;
	is($client->value('select 1'), 'select 1', '... and is served') if $outcome eq 'welcome';
}
my $log = $millpond->log_since;
like($log, qr{postgres/nobody\@\S+ PAM service "pgbouncer": authentication: \w}, 'the log has the reason');
like($log, qr{closed/cat\@\S+ PAM service "closed": account: \w},                 '... whatever it is');
like($log, qr{nowhere/bob\@\S+ PAM service "no-such-service": \w},                '... and the service');
unlike($log, qr/pencil|red fish|blue fish|xxxxx|yyyyy/, '... but no password');

# To the server -----------------------------------------------------------------------------------

is_deeply([ sort map { s/^\d+ password //r } $fake->received(qr/password (?:ann|bea)/) ],
	[ 'ann red fish|', 'bea blue fish|' ], 'the server is logged in to with what the client gave');
for (['scr', 'secret', 'secret'], ['own', 'its own', 'its own'])
{
	my ($user, $password, $known) = @$_;
	is(Wire->connect($millpond)->authenticate($password, user => $user, database => 'scram')->{status}, 'I',
		"$user, not by PAM");
	is(($fake->received(qr/password $user/))[0] =~ s/^\d+ password //r, "$user $known|", '... with what is known');
}

# From where ----------------------------------------------------------------------------------------

is(Wire->connect($millpond, unix => 1)->authenticate('any', user => 'eve')->{status}, 'I',
	'a module that lets everybody in');
is(PostgreSQL::Test::Utils::slurp_file("$dir/noted"), "eve [local] from\n", '... is told who comes from where');

# Many at once, while settings are read anew ----------------------------------------------------------

my @crowd = map { Wire->connect($millpond)->startup(user => "n$_", database => 'other') } 1 .. 30;
$_->get for @crowd;
$crowd[$_]->put(Message('p', $_ % 3 ? "pencil\0" : "wrong\0")) for 0 .. 14;
$millpond->console('RELOAD');
$crowd[$_]->put(Message('p', $_ % 3 ? "pencil\0" : "wrong\0")) for 15 .. 29;
my @outcomes = map { $_->result->{error}{M} // 'welcome' } @crowd;
is_deeply(\@outcomes, [ map { $_ % 3 ? 'welcome' : $refused } 0 .. 29 ], 'each of a crowd gets its own answer');

# Patience ----------------------------------------------------------------------------------------------

# The delay after a wrong password is the client's, and not that of those behind it: four helpers with
# twelve delays of at least 0.3 s each would take 0.9 s.
my @late = map { Wire->connect($millpond)->startup(user => 'ann', database => 'patient') } 1 .. 12;
$_->get for @late;
my $from = time;
$_->put(Message('p', "wrong\0")) for @late;
my $quick = Wire->connect($millpond)->authenticate('pencil', user => 'bob');
is($quick->{status}, 'I', 'one who is right does not wait behind those who are wrong');
is($_->result->{error}{M}, $refused, 'a wrong password') for @late;
cmp_ok(time - $from, '>=', 0.2, 'is refused after the delay that the module asks for');

# A module that hangs: the helpers are full, and still everybody else is served.
my @stuck = map { Wire->connect($millpond)->startup(user => "s$_", database => 'hangs') } 1 .. 8;
$_->get for @stuck;
$_->put(Message('p', "pencil\0")) for @stuck;
my $other = Wire->connect($millpond);
is($other->authenticate('secret', user => 'scr', database => 'scram')->{status}, 'I',
	'a login with other means');
is($other->value('select 1'), 'select 1', '... and its query');
is(scalar(grep { $_->{user} =~ /^s\d/ } $millpond->console('SHOW CLIENTS')) || 8, 8, 'they wait meanwhile');

# Whoever hangs up is forgotten, in the line and in a helper.
$_->close for @stuck[ 0, 7 ];
$millpond->wait_for_log(qr{hangs/s1\@.*closing because: client unexpected eof});
$millpond->wait_for_log(qr{hangs/s8\@.*closing because: client unexpected eof});

# Only so long.
$millpond->write_config(settings => { client_login_timeout => 1 });
$millpond->console('RELOAD');
my $impatient = Wire->connect($millpond);
is($impatient->authenticate('pencil', user => 'imp', database => 'hangs')->{error}{M}, 'client_login_timeout',
	'client_login_timeout ends a login that waits for a helper');
unlink $hang;
is($_->result->{status}, 'I', 'those who have waited come in after all') for @stuck[ 1 .. 6 ];

# A process whose helper hangs ends nevertheless.
put_file($hang);
$millpond->write_config(settings => { client_login_timeout => 20 });
$millpond->console('RELOAD');
my $last = Wire->connect($millpond)->startup(user => 'last', database => 'hangs');
$last->get;
$last->put(Message('p', "pencil\0"));
my $runs = sub ($pid) { return eval { PostgreSQL::Test::Utils::slurp_file("/proc/$pid/cmdline") } // '' };
wait_until(sub { grep { $runs->($_) =~ m{\Q$dir/wait\E} } children($millpond->pid) }, 'the module to be at work');
$from = time;
$millpond->stop;
cmp_ok(time - $from, '<', 8, 'the process does not wait for it');
unlink $hang;

sub children ($pid)
{
	return split ' ', join ' ', map { PostgreSQL::Test::Utils::slurp_file($_) } glob "/proc/$pid/task/*/children";
}

# As auth_type, without anything else.
my $alone = Millpond->new('alone', databases => { postgres => $fake->target }, settings => { auth_type => 'pam' },
	env => { $pam->env });
is(Wire->connect($alone)->authenticate('red fish', user => 'ann')->{status}, 'I', 'auth_type = pam');
is(Wire->connect($alone)->authenticate('wrong', user => 'ann')->{error}{M}, $refused, '... refuses as well');

done_testing;
