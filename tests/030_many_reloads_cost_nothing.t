# A hundred reloads with 139 databases take no memory, close no server that need not be closed, and lose no query.
use v5.36;
use Millpond;
use Test::More;
use Wire;

my $server    = Postgres->new;
my $count     = 139;
my $rounds    = $ENV{SANITIZE} ? 20 : 100;
my @names     = map { "db$_" } 1 .. $count;
my %databases = map { ("db$_" => "dbname=postgres user=user$_ password='secret $_' connect_query='select $_'") } 1 .. $count;
my @used      = @names[ 0, 70, 138 ];
$server->safe_psql('postgres', join '; ', map { "create role user$_ login" } 1, 71, 139);
my $millpond = Millpond->new('pool', server => $server, databases => { %databases, postgres => '' },
	users => { map { ("user$_" => 'pool_mode=transaction pool_size=' . (1 + $_ % 7)) } 1 .. $count });
my $console = Wire->login($millpond, database => 'pgbouncer');
my @clients = map { Wire->login($millpond, database => $_) } @used, 'postgres';
my @pids    = map { $_->value('select pg_backend_pid()') } @clients;

# One reload with another file than before; who is in a transaction or has a query under way is not disturbed.
my $number = 0;
sub reload ()
{
	$number++;
	$millpond->write_config(
		settings  => { login_notify_message => "round $number", query_wait_timeout => 100 + $number % 2 },
		databases => { map { ($_ => "$databases{$_} min_pool_size=0 max_db_connections=" . (5 + $number % 3)) } @names[ $number % 7 .. $number % 7 + 60 ] });
	$_->put(Query("select $number")) for @clients;
	my $answer = $console->query('RELOAD');
	my @answers = map { $_->result->{rows}[0][0] // 'lost' } @clients;
	return "@answers $answer->{tags}[0]" eq join ' ', ($number) x @clients, 'RELOAD';
}

my $lost = grep { !reload() } 1 .. 10;
my $before = $millpond->memory_kb;
$lost += grep { !reload() } 1 .. $rounds;
my $grown = $millpond->memory_kb - $before;
is($lost, 0, "no query is lost in $number reloads");
cmp_ok($grown, '<', $millpond->growth_limit_kb / 8, 'and little memory is taken') or diag("$grown kB");
is(join(' ', map { $_->value('select pg_backend_pid()') } @clients), "@pids", 'every client has the server that it had');
is(scalar $console->hashes('SHOW DATABASES'), $count + 2, 'all databases are there');
is($console->value(q(SHOW CONFIG WHERE key = 'login_notify_message')), 'login_notify_message', 'and the settings');
is(($console->hashes(q(SHOW CONFIG WHERE key = 'login_notify_message')))[0]{value}, "round $number", '... as the last file has them');
unlike($millpond->log_since, qr/database configuration changed/, 'no server was closed for it');

# The other way round: all of them go, and come again.
$millpond->reconfigure(databases => { map { ($_ => undef) } @names });
is(scalar $console->hashes('SHOW DATABASES WHERE disabled = 0'), 2, 'all but one are taken away');
is($clients[-1]->value('select 1'), 1, '... which goes on');
is(Wire->connect($millpond)->startup(database => 'db5')->result->{error}{M}, 'no such database: db5', 'the others are gone');
$millpond->reconfigure(databases => \%databases);
is(Wire->login($millpond, database => 'db71')->value('select current_user'), 'user71', 'and come again');

done_testing;
