# psqlODBC, which puts a savepoint before each statement, and its DEALLOCATEs between others, works with 20 clients
# over 2 servers.
use v5.36;
use Crowd;
use Millpond;
use Test::More;

crowd_skip('no psqlODBC for Python here')
	if system(q(python3 -c 'import pyodbc; assert "PostgreSQL Unicode" in pyodbc.drivers()' 2>/dev/null));
my ($millpond) = crowd('psqlODBC', python_threads('pyodbc', <<'PROGRAM'));
def one(n):
    c = pyodbc.connect('Driver={PostgreSQL Unicode};Server=127.0.0.1;Database=postgres;Uid=postgres;SSLmode=disable;'
        'Protocol=7.4-2;Port=' + os.environ['PGPORT'], autocommit=n % 2 == 0)
    own, shared = c.cursor(), c.cursor()
    for i in range(10):
        # The same text is kept prepared, another deallocates it.
        assert tuple(own.execute('select %d, ?::int' % n, i).fetchone()) == (n, i)
        assert tuple(shared.execute('select n from numbers where n = ?', i + 1).fetchone()) == (i + 1,)
        if i % 3 == 0:
            for wrong in ('select 1 / ?', 'select n from nothing where n = ?'):
                try:
                    own.execute(wrong, 0)
                    assert False
                except pyodbc.Error as e:
                    assert e.args[0] in ('22012', '42P01', '42S02'), e
        c.autocommit or i % 2 or c.commit()
    c.commit()
    c.close()
PROGRAM
unlike($millpond->log_since, qr/pinned/, 'nobody is kept on a server');

done_testing;
