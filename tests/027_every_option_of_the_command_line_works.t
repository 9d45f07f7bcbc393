# Each option of PgBouncer's command line is understood, short, long, joined and behind the file; -u changes to another user once the sockets are open.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my $library  = File::Spec->rel2abs("$ENV{OUT}/preload/note_calls.so");
my @options  = map { [ split /\t/, $_, -1 ] } grep { !/^#/ } split /\n/, slurp_file('tests/data/options.tsv');
my $millpond = Millpond->new('pool', databases => { '*' => 'host=127.0.0.1' }, stopped => 1);
my $self     = getpwuid $>;

# Runs with these arguments until it serves, and returns what it said on standard error; it is gone then.
sub served (@arguments)
{
	my ($out, $error) = ('', '');
	my $run = IPC::Run::start([ $Millpond::binary, @arguments ], '<', \undef, '>', \$out, '2>', \$error);
	wait_until(sub { $run->pump_nb if $run->pumpable; !$run->pumpable || eval { Wire->login($millpond, database => 'pgbouncer') } }, 'the start');
	$run->signal('QUIT');
	$run->finish;
	return $out . $error;
}

my $ini   = $millpond->ini;
my $usage = (run_binary('--help'))[1];
my %case  = (
	'-d' => sub ($option) {
		my ($status, $out, $error) = run_binary($option, $ini);
		is($status, 1, "$option needs a pidfile");
		like($error, qr/-d needs pidfile/, '... and says so (what it does: see test 005)');
		unlike($error, qr/LeakSanitizer/, '... and gives back what it has read');
	},
	'-q' => sub ($option) {
		my $log = $millpond->basedir . '/log';
		unlink $log;
		$millpond->write_config(settings => { logfile => $log });
		is(served($option, $ini), '', "$option: nothing on standard error");
		like(slurp_file($log), qr/process up/, '... but in the log file');
		$millpond->write_config(settings => { logfile => undef });
		like(served($ini), qr/process up/, '... which has it without that');
	},
	'-R' => sub ($option) {
		my ($status, $out, $error) = run_binary($option, $ini);
		is($status, 1, "$option is refused");
		like($error, qr/not supported. Instead:/, '... with what to do instead');
		like($error, qr/so_reuseport.*unix_socket_dir.*pidfile/s, '... and what two processes cannot share');
	},
	'-u' => sub ($option) {
		my @forms = $option eq '-u' ? ([ '-u', $self ], ["-u$self"]) : ([ '--user', $self ], ["--user=$self"]);
		like(served(@$_, $ini), qr/process up/, "@$_: who it is already") for @forms;
		my ($status, $out, $error) = run_binary($option, 'no_such_user', $ini);
		isnt($status, 0, "$option: a user that is not there");
		like($error, qr/user "no_such_user" does not exist/, '... is named');
		($status, $out, $error) = run_binary($option, 'daemon', $ini);
		isnt($status, 0, "$option: another one, not being root");
		like($error, qr/cannot become user "daemon": Operation not permitted/, '... is refused');
		isnt((run_binary($option))[0], 0, "$option without a name is refused");
	},
	'-v' => sub ($option) {
		# What it brings to light: see test 028.
		like(served($option, $option, $option, $ini), qr/process up/, "$option, repeated");
	},
	'-V' => sub ($option) {
		my ($status, $out, $error) = run_binary($option);
		is("$status$error", '0', "$option");
		like($out, qr/^Millpond, .*\nmillpond \d\S*\nlibevent \d/, '... tells the versions and the libraries');
		is((run_binary('-q', $option, 'whatever'))[1], $out, '... whatever else is there');
	},
	'-h' => sub ($option) {
		my ($status, $out, $error) = run_binary($option);
		is("$status$error", '0', "$option");
		like($out, qr/^Usage: /, '... tells how it is used');
	},
);
for (@options)
{
	my ($short, $long, $argument) = @$_;
	ok(exists $case{$short}, "there is a case for $short") or next;
	like($usage, qr/^  \Q$short\E, \Q$long\E/m, "$long is in the usage") if $short ne '-R';
	$case{$short}->($_) for $short, $long;
}

# Together, shortened, and behind the file, as getopt_long() has it.
like(served('-vv', $ini), qr/process up/, 'several letters together');
is((run_binary('--vers'))[1], (run_binary('-V'))[1], 'a long option may be shortened');
like(served($ini, '-v'), qr/process up/, 'options may stand behind the file');
like(served('-v', '--', $ini), qr/process up/, 'and end with --');
for my $wrong ('-x', '--regservice', '--unregservice', '--daemon=1', '--ver')
{
	my ($status, $out, $error) = run_binary($wrong, $ini);
	is($status, 1, "$wrong is not understood");
	like($error, qr/\Q@{[ $wrong =~ s{^-(?=\w)|=.*}{}gr ]}\E.*\nTry 'millpond --help'\./, '... and named, with what helps');
}

# --- another user --------------------------------------------------------------------------------

SKIP:
{
	skip 'a sanitizer has to come first', 1 if $ENV{SANITIZE};
	my ($uid, $gid) = (getpwnam 'daemon')[ 2, 3 ];
	my $calls  = PostgreSQL::Test::Utils::tempdir() . '/calls';
	my $socket = $millpond->host . '/.s.PGSQL.' . $millpond->port;
	local @ENV{qw(LD_PRELOAD CALLS PRETEND_ROOT)} = ($library, $calls, $socket);
	my $becomes = "initgroups daemon $gid\nsetgid $gid\nsetuid $uid +\n";

	# Its groups first, then the user, when the sockets are open.
	like(served('-u', 'daemon', $ini), qr/process up/, 'as root it becomes the user of -u');
	is(slurp_file($calls), $becomes, '... with its groups, once it listens');
	unlink $calls;
	$millpond->write_config(settings => { user => 'daemon' });
	like(served($ini), qr/process up/, 'or the user of the settings');
	is(slurp_file($calls), $becomes, '... in the same way');
	unlink $calls;
	$millpond->write_config(settings => { user => 'bin' });
	served('-u', 'daemon', $ini);
	is(slurp_file($calls), $becomes, '-u counts more than the settings');
	unlink $calls;

	# A new log file is given to that user, who has to open it again at each reload; an old one is not.
	my $log = $millpond->basedir . '/given.log';
	$millpond->write_config(settings => { logfile => $log });
	served('-u', 'daemon', $ini);
	is(slurp_file($calls), "fchown $uid $gid\n$becomes", 'a new log file is the user\'s');
	unlink $calls;
	served('-u', 'daemon', $ini);
	is(slurp_file($calls), $becomes, '... one that is there stays whose it is');
	unlink $log, $calls;
	$millpond->write_config(settings => { listen_port => 'nonsense' });
	isnt((run_binary('-u', 'daemon', $ini))[0], 0, 'broken settings');
	is(slurp_file($calls), "fchown $uid $gid\n", '... are told in a log file of the user\'s');
	$millpond->write_config(settings => { listen_port => $millpond->port, logfile => undef });

	$millpond->write_config(settings => { user => undef });
	my ($status, $out, $error) = run_binary($ini);
	like($error, qr/will not run as root/, 'without either it does not run as root');
}

done_testing;
