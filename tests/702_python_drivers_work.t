# psycopg2, psycopg and asyncpg connect, query, stream, copy and end transactions through a transaction pool.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(run_command);
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server, databases => { postgres => 'pool_size=2' });
$ENV{DSN} = sprintf 'host=127.0.0.1 port=%d user=postgres dbname=postgres', $millpond->port;

my %drivers = (psycopg2 => <<'PSYCOPG2', psycopg => <<'PSYCOPG', asyncpg => <<'ASYNCPG');
import os, io, psycopg2
connections = [psycopg2.connect(os.environ['DSN']) for _ in range(5)]
for n, c in enumerate(connections):
    with c, c.cursor() as cursor:
        cursor.execute('select %s::int, %s', (n, 'text'))
        assert cursor.fetchone() == (n, 'text')
        cursor.execute('create temp table t (a int) on commit drop')
        cursor.copy_expert('copy t from stdin', io.StringIO('1\n2\n3\n'))
        cursor.execute('select sum(a) from t')
        assert cursor.fetchone() == (6,)
try:
    connections[0].cursor().execute('select 1/0')
except psycopg2.errors.DivisionByZero:
    connections[0].rollback()
with connections[0], connections[0].cursor('named') as cursor:
    cursor.execute('select generate_series(1, 5000)')
    assert len(list(cursor)) == 5000
print('well')
PSYCOPG2
import os, psycopg
connections = [psycopg.connect(os.environ['DSN'], prepare_threshold=None) for _ in range(5)]
for n, c in enumerate(connections):
    with c.transaction():
        assert c.execute('select %s::int, %s::text', (n, 'text')).fetchone() == (n, 'text')
        c.execute('create temp table t (a int) on commit drop')
        with c.cursor().copy('copy t from stdin') as copy:
            for i in range(3):
                copy.write_row((i,))
        assert c.execute('select sum(a) from t').fetchone() == (3,)
c = connections[0]
with c.pipeline():
    cursors = [c.execute('select %s::int', (i,)) for i in range(100)]
    assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
c.commit()
with c.cursor() as cursor:
    assert sum(row[0] for row in cursor.stream('select generate_series(1, 1000)')) == 500500
c.commit()
print('well')
PSYCOPG
import asyncio, os, asyncpg
async def main():
    keywords = dict(word.split('=') for word in os.environ['DSN'].split())
    keywords['database'] = keywords.pop('dbname')
    # The extended protocol with unnamed statements only, as for any transaction pool.
    async def one(n):
        c = await asyncpg.connect(**keywords, statement_cache_size=0)
        async with c.transaction():
            assert await c.fetchval('select $1::int', n) == n
            async for row in c.cursor('select generate_series(1, 200)'):
                pass
        assert await c.execute('select 1; select 2') == 'SELECT 1'
        try:
            async with c.transaction():
                await c.fetchval('select pg_sleep(10)', timeout=0.2)
            assert False
        except asyncio.TimeoutError:
            pass
        await c.close()
    await asyncio.gather(*(one(n) for n in range(8)))
    print('well')
asyncio.run(main())
ASYNCPG

for my $driver (sort keys %drivers)
{
	SKIP:
	{
		skip "no $driver here", 1 if system("python3 -c 'import $driver' 2>/dev/null");
		my ($out, $error) = run_command([ 'python3', '-c', $drivers{$driver} ]);
		is($out, 'well', $driver) or diag($error);
	}
}
wait_until(sub { my $pool = $millpond->pool; !$pool->{cl_active} && !$pool->{sv_active} },
	'an empty pool');
is(scalar $server->backends(q(state like 'idle in%')), 0, 'nothing is left open');

done_testing;
