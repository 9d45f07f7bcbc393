# SHOW ... WHERE ... ORDER BY ... LIMIT on the console, and what clients say by themselves is answered.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server,
	databases => { map { ("db$_" => 'dbname=postgres pool_size=' . (8 + $_ % 4)) } 1 .. 9 });
my $console = Wire->login($millpond, database => 'pgbouncer');

sub names ($clauses)
{
	return join ' ', map { $_->{name} } $console->hashes("SHOW DATABASES $clauses");
}

is(names("WHERE name = 'db3'"), 'db3', 'a string');
is(names('WHERE name = db3;'), 'db3', 'a word');
is(names('where NAME="db3"'), 'db3', 'in any case, with or without blanks');
is(names('WHERE pool_size = 11'), 'db3 db7', 'a number');
is(names('WHERE pool_size>=10 AND name <> db2'), 'db3 db6 db7', 'several conditions');
is(names("WHERE pool_size < '9' and name != 'pgbouncer'"), 'db4 db8', 'numbers are compared as numbers');
is(names('WHERE pool_size > 9'), 'db2 db3 db6 db7', '... so that 10 is more than 9');
is(names('WHERE load_balance_hosts = x'), '', 'what is NULL is equal to nothing');
is(names('ORDER BY name DESC LIMIT 2'), 'pgbouncer db9', 'sorted, and the first of them');
is(names('ORDER BY pool_size, name DESC LIMIT 3'), 'pgbouncer db8 db4', 'by several columns');
is(names('ORDER BY pool_size DESC LIMIT 3'), 'db3 db7 db2', 'equal rows keep their order');
is(names('WHERE name <> pgbouncer ORDER BY pool_size ASC LIMIT 0'), '', 'nothing of it');
is($console->query('SHOW DATABASES LIMIT 1')->{types}, 'TDCZ', 'the columns are described as always');
like($console->query("SHOW $_ WHERE no_column = 1")->{error}{M}, qr/column "no_column" does not exist/,
	"an unknown column of $_") for qw(POOLS CONFIG);
is($console->query("SHOW CONFIG WHERE key = 'listen_port'")->{rows}[0][1], $millpond->port, 'any table will do');
like($console->query("SHOW DATABASES $_")->{error}{M}, qr/invalid command/, "refused: $_")
	for 'WHERE', 'WHERE name', 'WHERE name =', 'WHERE name = a b', "WHERE name = 'a", 'ORDER name', 'ORDER BY',
	'LIMIT', 'LIMIT x', 'LIMIT -1', 'LIMIT 1 WHERE name = x', 'WHERE a=1 AND a=1 AND a=1 AND a=1 AND a=1';

# As they come: by names, byte by byte, and the console is one of them.
$server->safe_psql('postgres', 'create role app login; create role zed login');
my $plain = Millpond->new('plain', server => $server,
	databases => { (map { $_ => 'dbname=postgres' } qw(zoo alpha Beta qbert)), '*' => '' });
my @there = map { Wire->login($plain, database => $_->[0], user => $_->[1]) }
	[qw(zoo app)], [qw(alpha zed)], [qw(postgres app)], [qw(alpha app)], [qw(template1 zed)], [qw(Beta postgres)];
my $asking = Wire->login($plain, database => 'pgbouncer');
is_deeply([ map { $_->{name} } $asking->hashes('SHOW DATABASES') ],
	[qw(Beta alpha pgbouncer postgres qbert template1 zoo)], 'databases come by their names');
is_deeply([ map { "$_->{database}/$_->{user}" } $asking->hashes('SHOW POOLS') ],
	[qw(Beta/postgres alpha/app alpha/zed pgbouncer/pgbouncer postgres/app template1/zed zoo/app)],
	'pools by those of database and user');

# What is said by drivers, psql and pools of clients.
for my $case (
	[ 'BEGIN' => 'BEGIN', 'T' ], [ 'SHOW STATE' => 'SHOW', 'T' ], [ 'COMMIT' => 'COMMIT', 'I' ],
	[ 'begin transaction read only;' => 'BEGIN', 'T' ], [ 'ROLLBACK' => 'ROLLBACK', 'I' ],
	[ 'DISCARD ALL' => 'DISCARD ALL', 'I' ], [ 'SELECT 1' => 'SELECT 1', 'I' ],
	[ 'SET extra_float_digits = 3' => 'SET extra_float_digits=3', 'I' ],
	[ "SET application_name = 'PostgreSQL JDBC Driver'" => 'SET application_name=PostgreSQL JDBC Driver', 'I' ],
	)
{
	my ($text, $tag, $status) = @$case;
	my $result = $console->query($text);
	is("@{ $result->{tags} } $result->{status}", "$tag $status", $text);
}
is($console->value('select 1'), 1, 'the answer to select 1');

# psql asks the catalogs when one presses the tabulator.
my $completion = "SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings "
	. "WHERE pg_catalog.lower(name) LIKE pg_catalog.lower('%s%%')";
is_deeply([ map { $_->[0] } $console->query(sprintf $completion, 'pool')->{rows}->@* ],
	[qw(POOLS pool_mode pool_idle_timeout)], 'what can be shown is completed');
is_deeply($console->query(sprintf $completion, 'peer\\_p')->{rows}, [ ['PEER_POOLS'] ], '... with its underscore');
is($console->query("SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relkind IN ('r')")->{types}, 'TCZ',
	'catalogs are empty, but that is no error');
unlike($millpond->log_since, qr/pooler error: invalid command 'SELECT/, 'nothing of it is in the log');

# Long and broken commands.
for my $text ('SHOW ' . 'x' x 100_000, 'x' x 100_000, "SET pool_mode = '" . 'y' x 100_000, '"' x 99_999,
	"SHOW DATABASES WHERE name = '" . 'z' x 300 . "'", "SET pool_mode = 'session", 'SHOW "POOLS')
{
	my $result = $console->query($text);
	is($result->{error}{C}, '08P01', 'refused: ' . substr($text, 0, 20) . ' ... of ' . length($text) . ' bytes');
}
is($console->value('SHOW VERSION') =~ /^Millpond/, 1, 'and the console goes on');

done_testing;
