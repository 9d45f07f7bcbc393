# psycopg2's users PREPARE and EXECUTE by SQL, under one name each its own, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no psycopg2 here') if system("python3 -c 'import psycopg2' 2>/dev/null");
crowd('psycopg2', [ 'python3', '-c', <<'PROGRAM' ]);
import os, threading, psycopg2
failed = []
def one(n):
    try:
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
    except BaseException as e:
        failed.append(repr(e))
threads = [threading.Thread(target=one, args=(n,)) for n in range(int(os.environ['CLIENTS']))]
for t in threads: t.start()
for t in threads: t.join()
print('\n'.join(failed) if failed else 'well')
PROGRAM

done_testing;
