# asyncpg logs in over TLS with SCRAM, and refuses a certificate that it does not know.
use v5.36;
use Guarded;
use Test::More;

plan skip_all => 'no asyncpg here' if system("python3 -c 'import asyncpg' 2>/dev/null");
Guarded->new->run('asyncpg', 'python3', '-c', <<'PROGRAM');
import asyncio, os, ssl, asyncpg
async def refused(what, *errors, **how):
    try:
        await asyncpg.connect(**how)
        assert False, what
    except errors:
        pass
async def main():
    known = ssl.create_default_context(cafile=os.environ['CA'])
    unknown = ssl.create_default_context(cafile=os.environ['WRONG_CA'])
    for i in range(3):
        c = await asyncpg.connect(ssl=known)
        assert await c.fetchval('select current_user') == 'me'
        assert len(await c.fetchval("select repeat('x', $1::int)", 100000)) == 100000
        await c.close()
    await asyncio.gather(*(refused(*case, **how) for case, how in [
        (('a stranger', ssl.SSLError), {'ssl': unknown}),
        (('no TLS', asyncpg.PostgresError), {'ssl': False}),
        (('a wrong password', asyncpg.PostgresError), {'ssl': known, 'password': 'pen'}),
    ]))
    print('well')
asyncio.run(main())
PROGRAM

done_testing;
