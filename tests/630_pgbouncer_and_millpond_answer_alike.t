# The same ini, commands, queries, limits, errors and signals for PgBouncer and Millpond: the answers are the same, apart from a list of differences.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;
use Wire;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};
plan skip_all => 'there is no pgbouncer here' unless $pgbouncer;

my $server = Postgres->new;
$server->safe_psql('postgres', 'create role app login; create database other');

# Either of them, as something to connect to.
package Pooler
{
	use Files;
	use Time::HiRes qw(sleep);

	sub new ($class, $name, $program)
	{
		my $folder = PostgreSQL::Test::Utils::tempdir_short();
		my $self   = bless { name => $name, folder => $folder,
			port => PostgreSQL::Test::Cluster::get_free_port(), program => $program }, $class;
		put_file("$folder/users", qq("postgres" ""\n"app" ""\n"statistician" ""\n));
		$self->write_ini;
		$self->start;
		return $self;
	}
	sub port ($self) { return $self->{port} }
	sub host ($self) { return $self->{folder} }

	sub write_ini ($self, $more = '')
	{
		my $target = $server->target;
		put_file("$self->{folder}/pooler.ini", <<~"END");
			[databases]
			postgres = $target
			another = $target dbname=postgres
			small = $target dbname=postgres pool_size=1
			statement = $target dbname=postgres pool_mode=statement
			session = $target dbname=postgres pool_mode=session
			missing = $target dbname=does_not_exist
			[users]
			app = pool_mode=session
			[pgbouncer]
			listen_addr = 127.0.0.1
			listen_port = $self->{port}
			unix_socket_dir = $self->{folder}
			logfile = $self->{folder}/log
			pidfile = $self->{folder}/pid
			auth_type = trust
			auth_file = $self->{folder}/users
			admin_users = postgres
			stats_users = statistician
			pool_mode = transaction
			max_client_conn = 40
			default_pool_size = 5
			server_login_retry = 1
			query_wait_timeout = 5
			ignore_startup_parameters = extra_float_digits
			$more
			END
		return;
	}

	sub start ($self)
	{
		$self->{pid} = fork // die;
		if (!$self->{pid})
		{
			exec $self->{program}, '-q', "$self->{folder}/pooler.ini" or POSIX::_exit(127);
		}
		Millpond::wait_until(sub { eval { Wire->login($self, database => 'pgbouncer') } }, "$self->{name}");
		return;
	}
	sub signal ($self, $name) { return kill $name, $self->{pid} }
	sub wait_exit ($self) { Millpond::wait_until(sub { waitpid($self->{pid}, POSIX::WNOHANG()) }, 'the end'); $self->{pid} = undef; return }
	sub DESTROY ($self) { local $?; kill 'KILL', $self->{pid} and waitpid $self->{pid}, 0 if $self->{pid}; return }
}

# What has been said, in one line: message types, tags, error, notices, rows.
sub said ($result, @what)
{
	my @parts = ($result->{types} =~ s/S+/S/gr =~ s/D+/D/gr =~ s/^Z//r);
	push @parts, "[$_]" for $result->{tags}->@*;
	push @parts, "$_->{S}: $_->{M}" for ($result->{errors} // [])->@*;
	push @parts, 'rows ' . join ';', map { join ',', map { $_ // 'NULL' } @$_ } $result->{rows}->@* if grep { $_ eq 'rows' } @what;
	push @parts, "status $result->{status}" if $result->{status};
	push @parts, 'end' if $result->{eof};
	return join ' ', @parts;
}

# The sequence. Each step is a name and its answer.
sub play ($pooler)
{
	my @steps;
	my $step = sub ($name, $answer) { push @steps, [ $name, $answer ]; return };
	my $console = Wire->login($pooler, database => 'pgbouncer');
	my $stats   = Wire->login($pooler, database => 'pgbouncer', user => 'statistician');
	my $client  = Wire->login($pooler);

	# The console.
	$step->("parameters of the console", join ' ', sort map { $_->[0] } $console->{greeting}{parameters}->@*);
	$step->($_, said($console->query($_))) for
		'', ';', 'SHOW', 'SHOW NONSENSE', 'NONSENSE', 'show version;', ' SHOW  VERSION ; ', 'SELECT version', 'SHOW HELP',
		'SHOW POOLS; SHOW POOLS', '"SHOW" "VERSION"', "SHOW 'VERSION'", 'SHOW VERSION extra',
		'PAUSE postgres', 'PAUSE postgres', 'RESUME postgres', 'RESUME postgres', 'RESUME', 'PAUSE', 'PAUSE', 'RESUME postgres', 'KILL', 'RESUME',
		'PAUSE postgres', 'PAUSE', 'RESUME', 'RESUME postgres', 'RESUME postgres',
		'PAUSE nowhere', 'RESUME nowhere', 'KILL nowhere', 'RECONNECT nowhere', 'WAIT_CLOSE nowhere', 'DISABLE nowhere', 'ENABLE nowhere',
		'PAUSE pgbouncer', 'KILL pgbouncer', 'DISABLE pgbouncer', 'ENABLE pgbouncer', 'DISABLE', 'ENABLE',
		'DISABLE small', 'DISABLE small', 'ENABLE small', 'ENABLE small', 'RECONNECT', 'RECONNECT postgres', 'WAIT_CLOSE', 'WAIT_CLOSE postgres',
		'SET default_pool_size = 6', "SET server_reset_query = 'select 1'", 'SET default_pool_size TO 5', 'SET nonsense = 1', 'SET listen_port = 1',
		'SET pool_mode = nonsense', 'SET default_pool_size', "SET client_encoding TO 'UTF8'", 'SHOW client_encoding', 'SHOW datestyle', 'SHOW timezone',
		'SHOW standard_conforming_strings', 'SHOW default_transaction_isolation', 'RELOAD', 'SHUTDOWN nonsense', 'x' x 20, 'SHOW ' . 'x' x 70;
	$step->("statistician: $_", said($stats->query($_))) for 'SHOW POOLS', 'RELOAD', 'PAUSE', 'SET default_pool_size = 1', 'SHUTDOWN', 'KILL';
	$step->("stranger on the console", said(Wire->connect($pooler)->startup(database => 'pgbouncer', user => 'app')->result));
	for my $name (qw(DATABASES POOLS CLIENTS SERVERS SOCKETS LISTS STATS STATS_TOTALS STATS_AVERAGES TOTALS USERS MEM CONFIG DNS_HOSTS DNS_ZONES))
	{
		my $result = $console->query("SHOW $name");
		my %oid; @oid{ $result->{columns}->@* } = $result->{oids}->@*;
		$step->("columns of $name", \%oid);
	}
	$step->('settings', { map { $_->{key} => ($_->{default} // 'NULL') . " $_->{changeable}" } $console->hashes('SHOW CONFIG') });
	$step->('values', { map { $_->{key} => $_->{value} // 'NULL' } $console->hashes('SHOW CONFIG') });

	$step->('order of databases', join ' ', map { $_->{name} } $console->hashes('SHOW DATABASES'));
	my $second = Wire->login($pooler, user => 'app');
	my $third  = Wire->login($pooler, database => 'another');
	$step->('order of pools', join ' ', map { "$_->{database}/$_->{user}" } $console->hashes('SHOW POOLS'));
	$_->close for $second, $third;
	Millpond::wait_until(sub { 1 == grep { $_->{database} ne 'pgbouncer' } $console->hashes('SHOW CLIENTS') }, 'the two to leave');

	$step->('users', join ' ', map { $_->{name} . ':' . ($_->{pool_mode} // '') } $console->hashes('SHOW USERS'));
	my %lists = map { $_->{list} => $_->{items} } $console->hashes('SHOW LISTS');
	$step->('lists', join ' ', map { "$_=$lists{$_}" } qw(databases users dns_names dns_zones dns_pending login_clients));

	# A faulty file.
	$pooler->write_ini("server_lifetime = invalid\n");
	$step->('RELOAD of a faulty file', said($console->query('RELOAD')));
	$pooler->write_ini("no_such_setting = 1\n");
	$step->('RELOAD of an unknown setting', said($console->query('RELOAD')));
	$pooler->write_ini;
	$step->('RELOAD of a good file', said($console->query('RELOAD')));

	# Logging in.
	my $login = sub (%names) { return said(Wire->connect($pooler)->startup(%names)->result) };
	$step->('no such database', $login->(database => 'nowhere'));
	$step->('a database that only the server does not know', $login->(database => 'missing'));
	$step->('an unknown user', $login->(user => 'unknown'));
	$step->('an unknown parameter', $login->(nonsense => 1));
	$step->("options $_", $login->(options => $_)) for '-c nonsense=1', '-d 5', '-c timezone', '-c TimeZone=UTC', '-cTimeZone=UTC', '--TimeZone=UTC', '';
	$step->('an ignored parameter', $login->(extra_float_digits => 3));
	$step->('a closed database', do { $console->query('DISABLE small'); my $said = $login->(database => 'small'); $console->query('ENABLE small'); $said });

	# Queries.
	$step->("query $_", said(Wire->login($pooler)->query($_), 'rows')) for 'select 1', 'select 1/0', 'nonsense', '', 'begin', 'select 1; select 2',
		'begin; select 1; commit', "set application_name to 'x'; show application_name", 'discard all', 'values (1),(2)';
	my @messages = (Parse('', 'select $1::int'), Bind('', '', 7), Describe('P'), Execute(), Sync());
	$step->('an extended query', said($client->put(@messages)->result, 'rows'));
	$step->('one that fails', said($client->put(Parse('', 'nonsense'), Bind(), Execute(), Sync())->result));
	$step->('a block in statement mode', said(Wire->login($pooler, database => 'statement')->put(Query('begin'))->result));
	my $holder = Wire->login($pooler, database => 'small');
	$holder->query('begin');
	my $waiter = Wire->login($pooler, database => 'small');
	$console->query("SET query_wait_timeout = '1'");
	$step->('query_wait_timeout', said($waiter->put(Query('select 1'))->result('E')));
	# What follows has to wait for new servers.
	$console->query("SET query_wait_timeout = '5'");
	$console->query("SET query_timeout = '1'");
	$step->('query_timeout', said(Wire->login($pooler)->put(Query('select pg_sleep(10)'))->result('E')) =~ s/^D*E/E/r);
	$console->query("SET query_timeout = '0'");
	$console->query("SET idle_transaction_timeout = '1'");
	my $idler = Wire->login($pooler);
	$step->('the begin of a transaction', said($idler->query('begin')));
	$step->('idle_transaction_timeout', said($idler->result('E')));
	$console->query("SET client_idle_timeout = '1'");
	$step->('client_idle_timeout', said(Wire->login($pooler)->result('E')));
	$console->query('RELOAD');
	$holder->close;

	# Limits. PgBouncer 1.18 counts those on the console, too. There are places for all who come before: whoever has left
	# keeps his until either of them notices.
	$_->close for $client, $idler, $waiter;
	Millpond::wait_until(sub { !grep { $_->{database} ne 'pgbouncer' } $console->hashes('SHOW CLIENTS') }, 'everybody to leave');
	my @crowd;
	while (my $one = eval { Wire->login($pooler) }) { push @crowd, $one }
	$step->('one client too many', $login->());
	my ($row) = grep { $_->{database} eq 'postgres' } $console->hashes('SHOW CLIENTS');
	$console->query('KILL postgres');
	$step->('killed', said($crowd[0]->result('E')));
	$console->query('RESUME postgres');
	$_->close for @crowd;

	# Signals, and the end.
	my $last = Wire->login($pooler);
	my $logged = sub ($words) {
		Millpond::wait_until(sub { slurp_file("$pooler->{folder}/log") =~ $words }, $words);
	};
	$pooler->signal('USR1');
	$logged->(qr/SIGUSR1/);
	$step->('PAUSE after SIGUSR1', said($console->query('PAUSE')));
	$pooler->signal('USR2');
	$logged->(qr/SIGUSR2/);
	$step->('RESUME after SIGUSR2', said($console->query('RESUME')));
	$step->('a query after SIGUSR2', said($last->query('select 1'), 'rows'));
	$pooler->signal('INT');
	$last->close;
	$pooler->wait_exit;
	$step->('the pid file after SIGINT', -e "$pooler->{folder}/pid" ? 'is there' : 'is gone');
	return \@steps;
}

# What is different, and why: by the step's name.
my %different = (
	''                                => 'an empty query is how drivers ask whether a session lives',
	';'                               => 'the same',
	'ENABLE pgbouncer'                => 'the other word in the error was a mistake',
	'SET listen_port = 1'             => 'what takes a restart cannot be SET in later versions either',
	"SET client_encoding TO 'UTF8'"   => 'the tag of later versions',
	'RELOAD of a faulty file'         => 'refused in later versions, too',
	'RELOAD of an unknown setting'    => 'refused in later versions, too',
	'query discard all'               => 'the server had nothing to report, as the name was never set',
	'a block in statement mode'       => 'the answer arrives before the end of the session',
	'killed'                          => 'the words of later versions',
	map { ("options $_" => 'later versions know options') } '-c nonsense=1', '-d 5', '-c timezone',
		'-c TimeZone=UTC', '-cTimeZone=UTC', '--TimeZone=UTC', '');
# Settings that have another default, value or meaning, and why.
my %other_setting = (
	listen_backlog => 'more may wait', syslog_ident => 'the name of the program',
	client_tls_protocols => 'the default of later versions', server_tls_protocols => 'the default of later versions',
	client_tls_ciphers => 'the default of later versions', server_tls_ciphers => 'the default of later versions',
	server_tls_sslmode => 'the default of later versions',
	track_extra_parameters => 'changeable in later versions only at a restart', auth_query => 'that of later versions',
	job_name => 'not there', server_check_query => 'the default of later versions',
	unix_socket_mode => 'shown in octal, as in later versions', max_prepared_statements => 'later versions',
);

my $theirs = play(Pooler->new('pgbouncer', $pgbouncer));
my $ours   = play(Pooler->new('millpond', $Millpond::binary));
is(scalar @$ours, scalar @$theirs, 'both have played to the end');
for my $i (0 .. $#$theirs)
{
	my ($name, $their_answer) = $theirs->[$i]->@*;
	my $our_answer = $ours->[$i][1];
	if ($name =~ /^columns of/)
	{
		# reserve_pool is reserve_pool_size in later versions.
		my %common = map { $_ => $their_answer->{$_} } grep { exists $our_answer->{$_} } keys %$their_answer;
		is_deeply([ grep { !exists $our_answer->{$_} && $_ ne 'reserve_pool' } sort keys %$their_answer ], [], "$name: none is missing");
		is_deeply({ map { $_ => $our_answer->{$_} } keys %common }, \%common, "$name: types");
	}
	elsif (ref $their_answer)
	{
		for my $key (sort keys %$their_answer)
		{
			next if $other_setting{$key} || !defined $our_answer->{$key};
			next if $name eq 'values' && $key =~ /^(conffile|listen_port|unix_socket_dir|logfile|pidfile|auth_file|default_pool_size)$/;
			is($our_answer->{$key}, $their_answer->{$key}, "$name: $key");
		}
	}
	elsif (!$different{$name})
	{
		is($our_answer, $their_answer, substr $name, 0, 60);
	}
}

done_testing;
