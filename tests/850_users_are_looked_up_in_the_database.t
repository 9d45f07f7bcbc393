# auth_query: who is asked about whom, in which database; roles that expired, are locked or do not exist; errors as PgBouncer words them.
use v5.36;
use Certificates;
use EmbeddedPostgres;
use Millpond;
use Test::More;
use Wire;

my $server = Postgres->new('server', conf => "log_statement = 'all'");
my $roles  = q{
	create role lookup superuser login password 'lookup';
	set password_encryption = 'md5';
	create role md5er login password 'pencil';
	create role holder login password 'pencil';
	set password_encryption = 'scram-sha-256';
	create role scrammer login password 'pencil';
	create role "o'dd ""$1\\" login password 'pencil';
	create role expired login password 'pencil' valid until '2001-01-01';
	create role locked nologin password 'pencil';
	create role bare login;
	create role newcomer login password 'pencil';
};
my $hba = "local all postgres trust\nlocal all md5er,holder md5\nlocal all all scram-sha-256\n";
$server->safe_psql('postgres', "$roles create database elsewhere");
$server->set_hba($hba);

my $millpond = Millpond->new('pool', server => $server, files => { 'users.txt' => qq("lookup" "lookup"\n"postgres" "pencil"\n) },
	settings => { auth_type => 'md5', auth_user => 'lookup', auth_file => 'users.txt',
		ignore_startup_parameters => 'search_path,options', stats_users => 'scrammer',
		server_login_retry => 0.2 },
	databases => { postgres => '', elsewhere => '' });
my $owner = Wire->login($millpond, unix => 1, user => 'pgbouncer', database => 'pgbouncer');

sub reconfigure (%changes)
{
	$millpond->write_config(%changes);
	my $answer = $owner->query('RELOAD');
	die $answer->{error}{M} if $answer->{error};
	return;
}

sub attempt ($user, $password = 'pencil', %more)
{
	my $client = Wire->connect($millpond);
	my $answer = $client->authenticate($password, user => $user, %more);
	return ($answer->{error}{M} // 'welcome', $client, $answer);
}

# Who may come in -----------------------------------------------------------------------------

for my $user ('md5er', 'scrammer', q(o'dd "$1\\))
{
	my ($words, $client) = attempt($user);
	is($words, 'welcome', "$user, whose secret is in the database");
	is($client->value('select current_user'), $user, '... and opens the server, too');
	($words) = attempt($user, 'pencils');
	like($words, qr/^(SASL|password) authentication failed$/, '... but no other password does');
}
my %shown = map { $_->{name} => $_ } $owner->hashes('SHOW USERS');
ok($shown{$_}, "SHOW USERS has $_, who was found") for 'md5er', 'scrammer', q(o'dd "$1\\);
is($shown{md5er}{current_connections}, 1, '... with the servers');
for my $user (qw(expired bare))
{
	is((attempt($user))[0], 'password authentication failed', "$user may not");
}
for my $user ('locked', 'nobody', q(x' or '1'='1), '%', '$1', "\xff")
{
	my ($words, $client, $answer) = attempt($user);
	is($words, 'SASL authentication failed', "$user is not found, and not told so");
	is($answer->{error}{C}, '28P01', '... with the usual SQLSTATE');
	is($client->{asked}, 10, '... after the usual question');
	ok(!(grep { $_->{name} eq $user } $owner->hashes('SHOW USERS')), '... nor shown as a user');
}
is((attempt('lookup', 'lookup'))[0], 'welcome', 'who is in auth_file needs no query');
is((attempt('scrammer', 'pencil', database => 'nowhere'))[0], 'SASL authentication failed',
	'a database that does not exist is not asked');

# PostgreSQL 18, where it is, has them in the same places.
if (embedded_postgres(18))
{
	my $new = EmbeddedPostgres->new(18, hba => $hba =~ s/^local all (\S+)/host all $1 all/mgr);
	$new->psql($roles);
	reconfigure(databases => { new => $new->target . ' dbname=postgres' });
	for my $user ('md5er', 'scrammer', q(o'dd "$1\\))
	{
		my ($words, $client) = attempt($user, 'pencil', database => 'new');
		is($words, 'welcome', "PostgreSQL 18: $user");
		is($client->value('select current_user'), $user, '... who opens the server, too');
	}
	like((attempt($_, 'pencil', database => 'new'))[0], qr/^(SASL|password) authentication failed$/, "... but not $_")
		for qw(expired bare locked nobody);
	reconfigure(databases => { new => undef });
}

# The secret may change at any time.
$server->safe_psql('postgres', q(alter role md5er password 'brush'));
is((attempt('md5er', 'brush'))[0], 'welcome', 'a new password counts at once');
$server->safe_psql('postgres', q(drop role bare; alter role md5er valid until '2001-01-01'));
is((attempt('md5er', 'brush'))[0], 'password authentication failed', 'and so does its end');
$server->safe_psql('postgres', q(alter role md5er valid until 'infinity'));

# What may not reach it ------------------------------------------------------------------------

my $picky = q(select rolname, case when current_setting('search_path') = '"$user", public'
	and current_setting('application_name') !~ 'evil' then rolpassword end
	from pg_authid where rolname = $1) =~ s/\s+/ /gr;
reconfigure(settings => { auth_query => $picky });
is((attempt('scrammer'))[0], 'welcome', 'a query that looks at its own surroundings');
for my $more ([ search_path => 'evil' ], [ options => '-c search_path=evil' ],
	[ application_name => 'evil' ])
{
	is((attempt('scrammer', 'pencil', @$more))[0], 'welcome', "@$more does not reach it");
}
my (undef, $insider) = attempt('lookup', 'lookup');
$insider->value(q(set search_path = evil));
$insider->value(q(create temp table pg_authid as select 'scrammer'::name rolname, 'x' rolpassword));
undef $insider;
is((attempt('scrammer'))[0], 'welcome', 'nor does what a client does as auth_user');

# Nor does the database's own search_path mislead the default query.
$server->safe_psql('postgres', q(create schema evil; alter database postgres set search_path = evil, pg_catalog;
	create table evil.pg_authid as select 'scrammer'::name rolname, 'x' rolpassword, now() + '1 day' rolvaliduntil, true rolcanlogin));
reconfigure(settings => { auth_query => undef });
$owner->query('RECONNECT');
is((attempt('scrammer'))[0], 'welcome', 'the default query reads pg_authid of the system, whatever stands in front');
$server->safe_psql('postgres', 'alter database postgres reset search_path; drop schema evil cascade');
$owner->query('RECONNECT');

# Nor do parameters that clients may set, the one who is asked among them.
my $listing = Millpond->new('listing', server => $server,
	databases => { postgres => 'pool_size=1', session => 'dbname=postgres pool_mode=session pool_size=1' },
	settings => { auth_type => 'md5', auth_user => 'lookup', auth_file => $millpond->basedir . '/users.txt',
		auth_query => $picky, track_extra_parameters => 'search_path', server_reset_query => '' });
my %password = (lookup => 'lookup', scrammer => 'pencil', md5er => 'brush');
for my $more ([ search_path => 'evil' ], [ options => '-c search_path=evil' ])
{
	for my $case ([ lookup => 'postgres' ], [ lookup => 'session' ], [ scrammer => 'postgres' ], [ scrammer => 'session' ])
	{
		my ($who, $database) = @$case;
		my $client = Wire->connect($listing);
		$client->authenticate($password{$who}, user => $who, database => $database, @$more);
		is($client->value('show search_path'), 'evil', "$database: @$more is that of $who");
		for my $when ('not that of the query', 'nor when it has left')
		{
			for my $other ([ 'scrammer', @$more ], ['md5er'])
			{
				my ($name, @wishes) = @$other;
				is(Wire->connect($listing)->authenticate($password{$name}, user => $name, database => $database, @wishes)->{error},
					undef, "... and $when, which finds $name @wishes");
			}
			$client->close;
		}
	}
}
$listing->stop;

# Errors ---------------------------------------------------------------------------------------

for ([ q(select rolpassword from pg_authid where rolname = $1), qr/exactly 2 columns/ ],
	[ q(select rolname, rolpassword, 1 from pg_authid where rolname = $1), qr/exactly 2 columns/ ],
	[ q(select nonsense), qr/column "nonsense" does not exist/ ],
	[ q(select 1/length($1), ''), undef ],
	[ q(selekt), qr/syntax error/ ])
{
	my ($query, $logged) = @$_;
	my $from = $millpond->log_end;
	reconfigure(settings => { auth_query => $query });
	my ($words, undef, $answer) = attempt('scrammer');
	if (!defined $logged)
	{
		like($words, qr/authentication failed/, "$query: no error");
		next;
	}
	is($words, 'bouncer config error', "$query: what the client is told");
	is($answer->{error}{C}, 'F0000', '... with its SQLSTATE');
	like($millpond->log_since($from), qr/auth_query failed: .*$logged/, '... and what the log is');
}
reconfigure(settings => { auth_query => q(select rolname, substr(rolpassword, 1, 3) from pg_authid
	where rolname = $1) =~ s/\s+/ /gr });
is((attempt('scrammer'))[0], 'password authentication failed', 'a useless secret');
for my $name ('null', q(''))
{
	my $row = "select $name, 'crayon' where \$1::text is not null";
	for my $type (qw(plain md5 scram-sha-256 trust))
	{
		reconfigure(settings => { auth_type => $type, auth_query => $row });
		my $from = $millpond->log_end;
		like((attempt('scrammer', 'crayon'))[0], qr/^(password authentication failed|SASL authentication failed|no such user)$/,
			"a secret of $name opens nothing with $type");
		like($millpond->log_since($from), qr/scrammer@\S+ no such user$/m, '... since it is nobody\'s');
	}
	reconfigure(settings => { auth_type => 'md5',
		auth_query => "$row union all select usename, passwd from pg_shadow where usename = \$1" });
	is((attempt('scrammer'))[0], 'welcome', '... and does not hide a row that names somebody');
}
reconfigure(settings => { auth_type => 'plain', auth_query =>
	q(select * from (values ($1::text, 'chalk'), ($1, 'crayon'), (null, 'slate')) as row) });
like((attempt('scrammer', $_))[0], $_ eq 'crayon' ? qr/^welcome$|for user "scrammer"/ : qr/^password authentication failed$/,
	"of several rows the last one counts that names somebody: $_") for qw(chalk crayon slate);
reconfigure(settings => { auth_type => 'md5', auth_query => q(select rolname, rolpassword from pg_authid
	where rolname = $1 and set_config('TimeZone', 'Asia/Tokyo', false) <> '') =~ s/\s+/ /gr });
isnt((attempt('scrammer'))[1]->value('show timezone'), 'Asia/Tokyo', 'what the query sets is not for the client');
reconfigure(settings => { auth_query => undef, auth_type => 'trust' });
is((attempt('nobody'))[0], 'no such user', 'trust hides nothing');
is((attempt('scrammer'))[0], 'welcome', 'and asks for nothing') or diag $millpond->log_since;
reconfigure(settings => { auth_query => q(select rolname, null::text from pg_authid where rolname = $1) });
is((attempt('newcomer'))[0], 'server login failed: wrong password type', '... nor knows a password for the server');
reconfigure(settings => { auth_query => undef });

# A certificate proves a name; whether there is a user of that name is still asked.
my $authority = Certificates->new;
$authority->issue($_ => "/CN=$_") for qw(server holder locked);
reconfigure(settings => { auth_type => 'cert', client_tls_sslmode => 'allow', $authority->client_tls(ca => 1) });
sub shown_by ($user, %startup)
{
	my $client = Wire->connect($millpond,
		tls => { SSL_cert_file => $authority->file("$user.crt"), SSL_key_file => $authority->file("$user.key") });
	return ($client, $client->startup(user => $user, %startup)->result);
}
my ($holder, $answer) = shown_by('holder', database => 'postgres');
is($answer->{error}, undef, 'who has a certificate, and is found, comes in');
is($holder->value('select current_user'), 'holder', '... and opens the server with the md5 secret that was found');
(undef, $answer) = shown_by('locked', database => 'postgres');
is($answer->{error}{M}, 'certificate authentication failed', 'who has one, and is not found, does not');
reconfigure(settings => { auth_type => 'scram-sha-256', client_tls_sslmode => undef,
	map { ("client_tls_${_}_file" => undef) } qw(key cert ca) });

# Where ----------------------------------------------------------------------------------------

sub asked_in ($user, %more)
{
	my $from = -s $server->logfile;
	my ($words) = attempt($user, 'pencil', %more);
	my @asked = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /rolpassword/g;
	return "$words, " . scalar @asked;
}

$server->append_conf('postgresql.conf', "log_line_prefix = '[%d] '");
$server->reload;
reconfigure(settings => { auth_dbname => 'elsewhere' });
like(asked_in('scrammer'), qr/^welcome, [12]/, 'in auth_dbname');
like(PostgreSQL::Test::Utils::slurp_file($server->logfile), qr/\[elsewhere\] .*rolpassword/,
	'which is where the query ran');
$owner->query('DISABLE elsewhere');
is((attempt('scrammer'))[0], 'authentication database "elsewhere" is disabled', 'if it is enabled');
$owner->query('ENABLE elsewhere');
reconfigure(databases => { postgres => 'auth_dbname=nowhere' });
my $from = $millpond->log_end;
is((attempt('scrammer'))[0], 'bouncer config error', 'the entry may name another');
like($millpond->log_since($from), qr/authentication database "nowhere" is not configured/,
	'which is looked for');
reconfigure(databases => { '*' => 'dbname=postgres' });
is((attempt('scrammer'))[0], 'welcome', 'the fallback is as good');
reconfigure(databases => { map { $_ => 'auth_dbname=pgbouncer' } 'postgres', '*' }, settings => { auth_dbname => undef });
for my $database (qw(postgres anything pgbouncer))
{
	$from = $millpond->log_end;
	is((attempt('scrammer', 'pencil', database => $database))[0], 'bouncer config error', "the console is not, for $database");
	is(scalar(() = $millpond->log_since($from) =~ /cannot use the reserved "pgbouncer" database as an auth_dbname/g), 1,
		'... and is named, once');
}
$millpond->write_config(settings => { auth_dbname => 'pgbouncer' });
is($owner->query('RELOAD')->{error}{C}, 'F0000', 'nor for all');
reconfigure(settings => { auth_dbname => undef }, databases => { postgres => '', '*' => undef });
is((attempt('scrammer', 'pencil', database => 'pgbouncer'))[0], 'bouncer config error',
	'for the console itself somewhere has to be named');
reconfigure(settings => { auth_dbname => 'postgres' });
is((attempt('scrammer', 'pencil', database => 'pgbouncer'))[0], 'welcome', 'then it admits them');

# What README has a superuser do, so that auth_user need not be one.
my ($sql) = PostgreSQL::Test::Utils::slurp_file('README.md') =~ /^```sql\n(CREATE.*?)^```/ms;
$server->safe_psql('elsewhere', "alter role lookup nosuperuser; $sql");
reconfigure(settings => { auth_query => 'SELECT * FROM pooler.lookup($1)', auth_dbname => 'elsewhere' });
is((attempt('scrammer'))[0], 'welcome', 'a function of its own finds a user');
is((attempt('locked'))[0], 'SASL authentication failed', '... but not one who cannot log in');
is((attempt('scrammer', 'pencil', database => 'pgbouncer'))[0], 'welcome', '... for the console as well');
reconfigure(settings => { auth_query => undef, auth_dbname => 'postgres' });

reconfigure(databases => { postgres => q(auth_query='select ''x''::text, ''crayon''::text where $1::text is not null') });
is((attempt('nobody', 'crayon'))[0], 'password authentication failed for user "nobody"',
	'an entry has a query of its own: now it is the server that refuses');
reconfigure(databases => { postgres => '' });
is((attempt('scrammer'))[0], 'bouncer config error', 'who may not read pg_authid finds nobody');
reconfigure(databases => { postgres => 'auth_user=postgres' });
is((attempt('scrammer'))[0], 'welcome', 'but an entry has a user of its own, who may');
$server->safe_psql('postgres', 'alter role lookup superuser');

# The console as a database of the pooler's own: what was found logs in there, too, where it is looked for again.
reconfigure(settings => { auth_type => 'md5', stats_users => 'scrammer,md5er' }, databases => { postgres => '',
	itself => 'host=127.0.0.1 dbname=pgbouncer auth_dbname=elsewhere port=' . $millpond->port });
for ([ scrammer => 'pencil' ], [ md5er => 'brush' ])
{
	my ($words, $client) = attempt(@$_, database => 'itself');
	is($words, 'welcome', "$_->[0] gets through the pooler to its console");
	like($client->value('SHOW VERSION'), qr/^Millpond/, '... which answers');
	is($client->query('RELOAD')->{error}{M}, 'admin access needed', '... to who it is');
}

# What [users] says holds for who was found.
reconfigure(users => { scrammer => 'pool_mode=statement' });
(undef, my $strict) = attempt('scrammer');
is($strict->put(Query('begin'))->result('E')->{error}{M}, 'transaction blocks not allowed in statement pooling mode',
	'a pool_mode of [users] counts for who was found');
reconfigure(users => { scrammer => undef }, settings => { auth_type => 'scram-sha-256' }, databases => { itself => undef });

# Many at once ----------------------------------------------------------------------------------

reconfigure(databases => { postgres => '' }, settings => { auth_query =>
	q(select rolname, rolpassword from pg_authid, pg_advisory_xact_lock_shared(1) where rolname = $1) });
attempt('scrammer');
$from = -s $server->logfile;
my $lock = Wire->login($server, unix => 1);
sub come ($count)
{
	$lock->query('select pg_advisory_lock(1)');
	my @crowd = map { Wire->connect($millpond)->startup(user => 'scrammer') } 1 .. $count;
	wait_until(sub { $count == $owner->hashes('SHOW SOCKETS WHERE state = cl_login AND user = scrammer') }, 'all to wait');
	return @crowd;
}
my @crowd = come(30);
$lock->query('select pg_advisory_unlock(1)');
is(scalar(grep { $_->get->[0] eq 'R' } @crowd), 30, 'thirty come at once');
my @asked = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /execute.*advisory/g;
is(scalar @asked, 1, 'and one question is asked');
$_->close for @crowd;
reconfigure(settings => { auth_query_cache => 60 });
attempt('scrammer');
$from = -s $server->logfile;
attempt('scrammer') for 1 .. 3;
@asked = PostgreSQL::Test::Utils::slurp_file($server->logfile, $from) =~ /execute.*advisory/g;
is(scalar @asked, 0, 'with auth_query_cache none is for a while');

# The first of those who wait may leave; the others are served.
reconfigure(settings => { auth_query_cache => undef });
@crowd = come(3);
wait_until(sub { $server->backends("wait_event = 'advisory'") }, 'the query');
$crowd[0]->close;
$lock->query('select pg_advisory_unlock(1)');
is(scalar(grep { $_->get->[0] eq 'R' } @crowd[ 1, 2 ]), 2, 'who asked may leave');

# auth_user cannot log in.
reconfigure(settings => { auth_query => undef });
$server->safe_psql('postgres', q(alter role lookup password 'changed';
	select pg_terminate_backend(pid) from pg_stat_activity where usename = 'lookup'));
my $words;
wait_until(sub { ($words) = attempt('scrammer'); $words ne 'welcome' }, 'the refusal');
like($words, qr/password authentication failed for user "lookup"|server/, 'its error is passed on');

unlike($millpond->log_since, qr/pencil|brush|SCRAM-SHA-256\$/, 'the log tells no secret');
done_testing;
