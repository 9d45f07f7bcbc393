# PHP's PDO, which deallocates every statement by SQL, works with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no pdo_pgsql here') if system(q(php -m 2>/dev/null | grep -q pdo_pgsql));
crowd('PDO', [ 'php', '-r', <<'PROGRAM', '--' ], processes => $Crowd::clients);
$n = (int) $argv[1];
$db = new PDO("pgsql:host=127.0.0.1;port=" . getenv('PGPORT') . ";dbname=postgres", 'postgres');
$db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$own = $db->prepare("select $n as n, ?::int as i");
for ($i = 1; $i <= 20; $i++) {
	$own->execute([$i]);
	if ($own->fetchAll(PDO::FETCH_NUM) != [[$n, $i]]) die("own\n");
	$one = $db->prepare('select n from numbers where n = :n');
	$one->execute(['n' => $i]);
	if ($one->fetchAll(PDO::FETCH_NUM) != [[$i]]) die("one\n");
	$one = null;
	$db->beginTransaction();
	$own->execute([$i]);
	if ($own->fetchAll(PDO::FETCH_NUM) != [[$n, $i]]) die("in a transaction\n");
	$db->commit();
}
echo "well\n";
PROGRAM

done_testing;
