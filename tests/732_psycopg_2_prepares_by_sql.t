# psycopg2's users PREPARE and EXECUTE by SQL, under one name each its own, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no psycopg2 here') if system("python3 -c 'import psycopg2' 2>/dev/null");
crowd('psycopg2', python_threads('psycopg2', <<'PROGRAM'));
def one(n):
    c = psycopg2.connect('')
    c.autocommit = n % 2 == 0
    cursor = c.cursor()
    cursor.execute('prepare plan (int) as select %s, $1', (n,))
    for i in range(30):
        cursor.execute('execute plan(%s)', (i,))
        assert cursor.fetchone() == (n, i)
        c.autocommit or c.commit()
        cursor.execute('select n from numbers where n = %s', (i + 1,))
        assert cursor.fetchone() == (i + 1,)
        c.autocommit or c.commit()
        if i % 10 == 9:
            cursor.execute('deallocate plan')
            cursor.execute('prepare plan (int) as select %s, $1', (n,))
    c.commit()
    c.close()
PROGRAM

done_testing;
