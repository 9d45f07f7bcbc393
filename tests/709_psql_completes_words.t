# A psql at a terminal completes words on the console and through the pool, without an error for either of them to see.
use v5.36;
use IPC::Run;
use Millpond;
use Test::More;
use Wire;

plan skip_all => 'IO::Pty is needed for a terminal' unless eval { require IO::Pty; 1 };
my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2' });
$server->safe_psql('postgres', 'create table completed_by_psql (a_column int)');
# No question before a long list.
my $inputrc = new_file('inputrc', "set completion-query-items 0\nset page-completions off\nset bell-style none\n");
@ENV{qw(TERM INPUTRC PSQL_HISTORY PAGER)} = ('dumb', $inputrc, '/dev/null', 'cat');

# A psql in a terminal; what it has shown so far is in $shown.
my ($keys, $shown, $psql);
sub begin ($database)
{
	($keys, $shown) = ('', '');
	$psql = IPC::Run::start([ 'psql', '-X', '-h', '127.0.0.1', '-p', $millpond->port, '-U', 'postgres', '-d', $database ],
		'<pty<', \$keys, '>pty>', \$shown, IPC::Run::timer(60));
	wait_until(sub { $psql->pump_nb; $shown =~ /$database=[>#] $/ }, 'the prompt');
	return;
}

# Types something, and waits until it is shown.
sub types ($text, $expected, $name)
{
	$shown = '';
	$keys .= $text;
	my $seen = eval { wait_until(sub { $psql->pump_nb; $shown =~ $expected }, 'what is expected', 20) };
	ok($seen, $name) or diag("shown: $shown");
	return;
}

sub clear ($database) { types("\cU\n", qr/$database=[>#] $/, 'a new line'); return }
sub end ()
{
	$keys .= "\cU\\q\n";
	$psql->finish;
	return;
}

my $from = $millpond->log_end;
begin('pgbouncer');
types("SHOW VERS\t", qr/SHOW VERSION/, 'a table of the console is completed');
types("\n;\n", qr/Millpond, compatible with PgBouncer \d/, '... and shown');
types("show po\t\t", qr/POOLS\s+pool_idle_timeout\s+pool_mode/, 'tables and settings are offered');
types("\cUSET default_pool\t", qr/SET default_pool_size/, 'a setting is completed');
# Whatever it offers here; what counts is what it asks the console.
types("\cU$_", qr/\Q@{[ s{\s+$}{}r ]}\E/, $_ =~ s/\t/<tab>/gr)
	for "SHOW \t\t", "SHOW stats\t\t", "SET \t\t", "SET default_pool_size TO \t\t", "RELOAD \t\t", "PAUSE \t\t", "KILL \t\t", "SELECT * FROM \t\t",
	"\\d \t\t", "\\c \t\t", "\\sv \t\t", "ALTER \t\t", "ALTER TABLE \t\t", "COMMENT ON TABLE \t\t", "GRANT \t\t", "DROP ROLE \t\t",
	"UPDATE x\t\t", "VACUUM \t\t";
# psql does one thing after another: when this is shown, all that it asked before has been answered.
types("\cU\nSHOW STATE;\n", qr/suspended/, 'afterwards it goes on');
end();
is(join("\n", grep { /pooler error|ERROR|FATAL|WARNING/ } split /\n/, $millpond->log_since($from)), '', 'nothing that it asked was an error');
Wire->login($millpond, database => 'pgbouncer')->query('nonsense');
wait_until(sub { $millpond->log_since($from) =~ /pooler error: invalid command 'nonsense'/ }, 'what an error looks like');
pass('an error would have been logged');

begin('postgres');
types("select a_col\t", qr/a_col/, 'through the pool');
types("\cUtable completed_by\t", qr/completed_by(?:\a)?_psql/, 'a name from the catalog is completed');
types("\n;\n", qr/a_column/, '... and there');
end();

done_testing;
