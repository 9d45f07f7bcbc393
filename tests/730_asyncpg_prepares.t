# asyncpg's cached and named statements work with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no asyncpg here') if system("python3 -c 'import asyncpg' 2>/dev/null");
my (undef, $stats) = crowd('asyncpg', [ 'python3', '-c', <<'PROGRAM' ]);
import asyncio, os, asyncpg
async def one(n):
    c = await asyncpg.connect()
    own = await c.prepare('select %d, $1::int' % n)
    for i in range(30):
        assert (await own.fetchrow(i))[:] == (n, i)
        assert await c.fetchval('select $1::int + $2::int', n, i) == n + i
        assert await c.fetchval('select n from numbers where n = $1', i + 1) == i + 1
        async with c.transaction():
            assert await c.fetchval("select $1::text || 'x'", str(i)) == str(i) + 'x'
        try:
            await c.fetchval('select 1 / ($1::int - $1::int)', i)
            assert False
        except asyncpg.DivisionByZeroError:
            pass
    await c.executemany('select $1::int', [(i,) for i in range(20)])
    await c.execute('deallocate all')
    await c.close()
async def altered():
    c, d = await asyncpg.connect(), await asyncpg.connect()
    await d.execute('create table altered(a int); insert into altered values (1)')
    for i in range(4):
        assert len((await c.fetch('select * from altered'))[0]) == 1 + i
        await d.execute('alter table altered add column c%d int' % i)
        assert len((await c.fetch('select * from altered'))[0]) == 2 + i
        await d.execute('alter table altered alter a type ' + ('text', 'int using a::int')[i % 2])
        assert (await c.fetch('select * from altered'))[0]['a'] == ('1', 1)[i % 2]
    await c.close()
    await d.close()
async def main():
    await altered()
    await asyncio.gather(*(one(n) for n in range(int(os.environ['CLIENTS']))))
    print('well')
asyncio.run(main())
PROGRAM
cmp_ok($stats->{total_server_parse_count}, '>', 0, 'statements were prepared');
cmp_ok($stats->{total_bind_count}, '>=', 20 * 150, '... and bound');

done_testing;
