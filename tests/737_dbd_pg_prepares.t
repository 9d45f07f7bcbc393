# DBD::Pg prepares on the server, and deallocates, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no DBD::Pg here') if system(q(perl -MDBD::Pg -e 1 2>/dev/null));
crowd('DBD::Pg', [ 'perl', '-e', <<'PROGRAM' ], processes => $Crowd::clients);
use v5.36;
use DBI;
my $n = shift;
my $db = DBI->connect("dbi:Pg:host=127.0.0.1;port=$ENV{PGPORT}", 'postgres', '',
	{ RaiseError => 1, PrintError => 0, AutoCommit => $n % 2, pg_server_prepare => 1, pg_switch_prepared => 1 });
for my $round (1 .. 3)
{
	my $own = $db->prepare("select $n, ?::int");
	my $shared = $db->prepare('select n from numbers where n = ?');
	for my $i (1 .. 10)
	{
		$own->execute($i);
		die 'own' if join(' ', $own->fetchrow_array) ne "$n $i";
		$own->finish;
		$shared->execute($i);
		die 'shared' if join(' ', $shared->fetchrow_array) ne $i;
		$shared->finish;
		$db->commit unless $n % 2;
	}
}
$db->commit unless $n % 2;
$db->disconnect;
say 'well';
PROGRAM

done_testing;
