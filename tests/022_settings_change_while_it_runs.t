# SET and RELOAD log what changes as a difference, take it at once, and tell of what has to wait for a restart.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, settings => { default_pool_size => 20 });
my $console  = Wire->login($millpond, database => 'pgbouncer');

sub config ($name)
{
	my ($row) = grep { $_->{key} eq $name } $console->hashes('SHOW CONFIG');
	return $row->{value};
}

# What one command says, and what the log says of it.
sub command ($text)
{
	my $from   = $millpond->log_end;
	my $result = $console->query($text);
	return ($result, $millpond->log_since($from));
}

my ($result, $log) = command('SET default_pool_size = 40');
is_deeply($result->{tags}, ['SET default_pool_size=40'], 'SET answers as there');
like($log, qr/ LOG default_pool_size: 20 -> 40$/m, 'and logs the difference');
is(config('default_pool_size'), 40, 'it is in force');
is_deeply($console->query("set query_timeout to '1.5'")->{tags}, ['SET query_timeout=1.5'], 'TO and quotes');
is_deeply($console->query('SET server_reset_query = \'select \'\'x\'\'\';')->{tags},
	["SET server_reset_query=select 'x'"], 'a quote in quotes');
is(config('server_reset_query'), "select 'x'", '... is one');
is(config('query_timeout'), '1.5', '... and what was set before stays');
is_deeply($console->query('SET query_timeout = 2.5')->{tags}, ['SET query_timeout=2.5'], 'a fraction');
is(config('default_pool_size'), 40, 'all of it holds together');

my @refused = (
	[ 'SET default_pool_size = many'  => qr/default_pool_size: "many" is not a whole number/ ],
	[ 'SET no_such_setting = 1'       => qr/there is no setting "no_such_setting"/ ],
	[ 'SET listen_port = 1'           => qr/listen_port takes a restart/ ],
	[ "SET pool_mode = 'sesion'"      => qr/did you mean "session"/ ],
	[ "SET default_pool_size = ''"    => qr/"" is not a whole number/ ],
	[ "SET max_prepared_statements = '3147483648'" => qr/"3147483648" is not a whole number/ ],
);
for my $case (@refused)
{
	my $error = $console->query($case->[0])->{error};
	is("$error->{S} $error->{C} $error->{M}", 'ERROR 08P01 SET failed', $case->[0]);
	like($error->{D}, $case->[1], '... with the reason');
}
is(config('default_pool_size'), 40, 'a refused SET changes nothing');
my $statistician = Wire->login($millpond, database => 'pgbouncer', user => 'statistician');
is($statistician->query('SET default_pool_size = 1')->{error}{M}, 'admin access needed',
	'only admins may SET');

# What was SET lasts until the next RELOAD.
$millpond->write_config(settings => { server_idle_timeout => 60, listen_backlog => 77 });
($result, $log) = command('RELOAD');
is_deeply($result->{tags}, ['RELOAD'], 'RELOAD answers as there');
like($log, qr/ LOG default_pool_size: 40 -> 20$/m, 'what was SET goes back');
like($log, qr/ LOG server_idle_timeout: 600 -> 60$/m, 'what the file changes is logged');
like($log, qr/ LOG listen_backlog: 4096 -> 77 \(takes a restart\)$/m, '... and what it cannot');
is($result->{notices}[0]{M}, 'some settings in the file take a restart', 'a notice tells so');
is($result->{notices}[0]{D}, 'listen_backlog: 4096 -> 77', '... and which');
is($console->query('SHOW CONFIG')->{notices}[0]{D}, 'listen_backlog: 4096 -> 77', 'as does SHOW CONFIG');
is(config('listen_backlog'), 4096, 'which shows what is in force');
$console->query('SET default_pool_size = 9');
is($console->query('SHOW CONFIG')->{notices}[0]{D}, 'listen_backlog: 4096 -> 77', 'SET does not forget it');
$millpond->write_config(settings => { listen_backlog => undef });
($result, $log) = command('RELOAD');
is_deeply($result->{notices}, [], 'without such changes there is no notice');
unlike($log, qr/listen_backlog/, '... and no line');

# Another file.
my $other = $millpond->ini . '.other';
put_file($other, PostgreSQL::Test::Utils::slurp_file($millpond->ini) =~ s/^\[millpond.*\n\K/max_packet_size = 12345\n/mr);
is(config('conffile'), $millpond->ini, 'conffile is the file it was started with');
$console->query("SET conffile = '$other'");
$console->query('RELOAD');
is(config('max_packet_size'), 12345, 'a RELOAD reads the file that conffile names');

# Limits that are SET hold at once.
$console->query("SET max_client_conn = 1");
my $first  = Wire->login($millpond);
my $second = Wire->connect($millpond);
$second->startup;
is($second->result->{error}{M}, 'no more connections allowed (max_client_conn)', 'a limit holds at once');

done_testing;
