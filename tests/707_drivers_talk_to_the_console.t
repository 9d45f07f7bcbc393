# asyncpg, psycopg, psycopg2, JDBC and node-postgres log in to the console and read its tables with their types.
use v5.36;
use Millpond;
use PostgreSQL::Test::Utils qw(run_command);
use Test::More;

my $server   = Postgres->new;
my $millpond = Millpond->new('pool', server => $server);
$ENV{PORT} = $millpond->port;
Wire->login($millpond)->value('select 1');

sub python ($module, $program)
{
	SKIP:
	{
		skip "no $module here", 1 if system("python3 -c 'import $module' 2>/dev/null");
		my ($out, $error) = run_command([ 'python3', '-c', $program ]);
		is($out, 'well', $module) or diag($error);
	}
	return;
}

python(asyncpg => <<'END');
import asyncio, os, asyncpg
from decimal import Decimal
async def main():
    pool = await asyncpg.create_pool(host='127.0.0.1', port=os.environ['PORT'], user='postgres',
        database='pgbouncer', min_size=1, max_size=2)
    async with pool.acquire() as c:
        rows = await c.fetch('SHOW DATABASES')
        assert type(rows[0]['pool_size']) is int, rows
        rows = await c.fetch("SHOW STATS WHERE database = $1", 'postgres')
        assert len(rows) == 1 and rows[0]['total_query_count'] == Decimal(1), rows
        assert await c.execute('RELOAD') == 'RELOAD'
        assert await c.fetchval('SELECT 1') == 1
        try:
            await c.fetch('SHOW NONSENSE')
            assert False
        except asyncpg.exceptions.PostgresError as e:
            assert 'SHOW HELP' in str(e), e
    async with pool.acquire() as c:
        assert len(await c.fetch('SHOW STATE')) == 3
    await pool.close()
    print('well')
asyncio.run(main())
END

python(psycopg => <<'END');
import os, psycopg
c = psycopg.connect(host='127.0.0.1', port=os.environ['PORT'], user='postgres', dbname='pgbouncer')
with c.cursor(binary=True) as cursor:
    rows = cursor.execute('SHOW POOLS WHERE database = %s', ('postgres',)).fetchall()
    assert len(rows) == 1 and type(rows[0][2]) is int, rows
c.commit()
assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
print('well')
END

python(psycopg2 => <<'END');
import os, psycopg2
c = psycopg2.connect(host='127.0.0.1', port=os.environ['PORT'], user='postgres', dbname='pgbouncer')
with c, c.cursor() as cursor:
    cursor.execute('SHOW POOLS WHERE database = %s', ('postgres',))
    assert cursor.fetchall()[0][0] == 'postgres'
c.set_session(autocommit=True)
c.cursor().execute('RELOAD')
print('well')
END

SKIP:
{
	my $jar = '/usr/share/java/postgresql.jar';
	skip 'no JDBC here', 1 unless -e $jar && !system('java -version 2>/dev/null');
	my $folder = PostgreSQL::Test::Utils::tempdir();
	put_file("$folder/Talk.java", <<'END');
import java.sql.*;
public class Talk {
    public static void main(String[] a) throws Exception {
        String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PORT") + "/pgbouncer?user=postgres&prepareThreshold=1";
        try (Connection c = DriverManager.getConnection(url)) {
            PreparedStatement s = c.prepareStatement("SHOW POOLS WHERE database = ?");
            for (int i = 0; i < 7; i++) {
                s.setString(1, "postgres");
                ResultSet r = s.executeQuery();
                if (!r.next() || r.getInt("cl_waiting") != 0) throw new Exception("no pool");
            }
            ResultSet r = c.createStatement().executeQuery("SHOW STATS");
            while (r.next()) r.getBigDecimal("total_query_count");
            if (!c.isValid(5)) throw new Exception("not valid");
            c.createStatement().execute("RELOAD");
            c.setAutoCommit(false);
            Statement pieces = c.createStatement();
            pieces.setFetchSize(10);
            r = pieces.executeQuery("SHOW CONFIG");
            int rows = 0;
            while (r.next()) rows++;
            if (rows < 60) throw new Exception("rows " + rows);
            c.commit();
        }
        System.out.println("well");
    }
}
END
	my ($out, $error) = run_command([ 'java', '-cp', $jar, "$folder/Talk.java" ]);
	is($out, 'well', 'JDBC') or diag($error);
}

SKIP:
{
	my $program = <<'END';
const { Client } = require('pg');
(async () => {
    const c = new Client({ host: '127.0.0.1', port: process.env.PORT, user: 'postgres', database: 'pgbouncer' });
    await c.connect();
    const r = await c.query('SHOW POOLS WHERE database = $1', ['postgres']);
    if (r.rows.length != 1 || r.rows[0].cl_waiting !== 0) throw new Error(JSON.stringify(r.rows));
    const s = await c.query({ name: 's', text: 'SHOW STATE' });
    if (s.rows.length != 3) throw new Error(JSON.stringify(s.rows));
    await c.end();
    console.log('well');
})();
END
	skip 'no node-postgres here', 1 if system(qq{node -e 'require("pg")' 2>/dev/null});
	my ($out, $error) = run_command([ 'node', '-e', $program ]);
	is($out, 'well', 'node-postgres') or diag($error);
}

done_testing;
