# psycopg 3 prepares on the server, also in pipelines, and deallocates, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no psycopg here') if system("python3 -c 'import psycopg' 2>/dev/null");
crowd('psycopg', python_threads('psycopg', <<'PROGRAM'));
def one(n):
    c = psycopg.connect(autocommit=True, prepare_threshold=1)
    c.prepared_max = 3
    for i in range(30):
        assert c.execute('select %s::int, %s::int', (n, i)).fetchone() == (n, i)
        assert c.execute('select %s::int + ' + str(n), (i,)).fetchone() == (n + i,)
        # More than may be prepared, so that the driver deallocates.
        assert c.execute('select %s::int, ' + str(i % 7), (n,)).fetchone() == (n, i % 7)
        with c.transaction():
            assert c.execute('select n from numbers where n = %s', (i + 1,)).fetchone() == (i + 1,)
    with c.pipeline():
        cursors = [c.execute('select %s::int', (i,), prepare=True) for i in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(50))
    c.close()
PROGRAM

done_testing;
