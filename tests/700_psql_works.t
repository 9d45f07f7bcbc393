# psql works over TCP and the Unix socket: queries, \copy, transactions, errors, describe commands.
use v5.36;
use Millpond;
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2' });
for my $host ('127.0.0.1', $millpond->host)
{
	my $connstr = sprintf "host=%s port=%d dbname=postgres", $host, $millpond->port;
	my ($status, $out, $error) = $millpond->psql('postgres', <<'END', connstr => $connstr);
drop table if exists t;
create table t (a int, b text);
insert into t select i, repeat('x', i) from generate_series(1, 1000) i;
\copy (select * from t order by a) to '/dev/null'
\copy t from stdin
1001	hello
\.
begin;
delete from t where a <= 500;
rollback;
select count(*), sum(length(b)) from t;
\d t
\timing off
select 1 \gdesc
\set FETCH_COUNT 100
select count(*) from (select * from t) x;
END
	is($status, 0, "$host: a script") or diag($error);
	like($out, qr/^1001\|500505$/m, "$host: its result");
	like($out, qr/a\|integer/, "$host: \\d");
	($status, $out, $error) = $millpond->psql('postgres', 'select 1/0', connstr => $connstr);
	is($status, 3, "$host: an error");
	like($error, qr/division by zero/, "$host: ... is shown");
}
my ($status, $out, $error) = $millpond->psql('nowhere', 'select 1');
is($status, 2, 'an unknown database');
like($error, qr/FATAL:  no such database: nowhere/, 'is named');

my $session = $millpond->background_psql('postgres');
is($session->query_safe('select 1'), 1, 'an open session');
$server->restart;
is(scalar $session->query('select 2'), 2, 'outlives a restart of the server');
$session->quit;

done_testing;
