# JDBC prepares at the first use and saves points by itself, with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Millpond;
use Test::More;

my $jar = '/usr/share/java/postgresql.jar';
crowd_skip('no JDBC driver here') unless -e $jar;
crowd_skip('no java here') if system('java -version >/dev/null 2>&1') || system('javac -version >/dev/null 2>&1');
my $program = new_file('Crowd.java', <<'PROGRAM');
import java.sql.*;
import java.util.*;
public class Crowd {
	static volatile String failed = null;
	static void check(PreparedStatement s, int a, int b) throws Exception {
		s.setInt(1, b);
		try (ResultSet r = s.executeQuery()) {
			if (!r.next() || r.getInt(1) != a || r.getInt(2) != b)
				throw new Exception("wrong row for " + a + ", " + b);
		}
	}
	static void one(int n) throws Exception {
		String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("PGPORT")
			+ "/postgres?user=postgres&prepareThreshold=1&autosave=always";
		try (Connection c = DriverManager.getConnection(url)) {
			PreparedStatement own = c.prepareStatement("select " + n + ", ?::int");
			PreparedStatement shared = c.prepareStatement("select 7, ?::int");
			for (int i = 0; i < 30; i++) {
				check(own, n, i);
				check(shared, 7, i);
				c.setAutoCommit(false);
				check(own, n, i);
				try (PreparedStatement bad = c.prepareStatement("select 1 / (?::int - 1)")) {
					bad.setInt(1, 1);
					bad.executeQuery();
					throw new Exception("no division by zero");
				} catch (SQLException e) {
					if (!e.getSQLState().equals("22012"))
						throw e;
				}
				check(shared, 7, i);
				c.commit();
				c.setAutoCommit(true);
			}
			try (Statement s = c.createStatement()) {
				s.execute("prepare plan (int) as select " + n + ", $1");
				try (ResultSet r = s.executeQuery("execute plan(5)")) {
					if (!r.next() || r.getInt(1) != n)
						throw new Exception("wrong row of EXECUTE");
				}
				s.execute("deallocate plan");
			}
			own.close();
			shared.close();
		}
	}
	public static void main(String[] arguments) throws Exception {
		List<Thread> threads = new ArrayList<>();
		for (int i = 0; i < Integer.parseInt(System.getenv("CLIENTS")); i++) {
			int n = i;
			threads.add(new Thread(() -> {
				try { one(n); } catch (Throwable e) { failed = e.toString(); }
			}));
		}
		for (Thread t : threads) t.start();
		for (Thread t : threads) t.join();
		System.out.println(failed == null ? "well" : failed);
	}
}
PROGRAM
my ($folder) = $program =~ m{(.*)/};
is(system('javac', '-d', $folder, $program), 0, 'the program is compiled');
crowd('JDBC', [ 'java', '-Xmx256m', '-cp', "$jar:$folder", 'Crowd' ],
	settings => { ignore_startup_parameters => 'extra_float_digits' });

done_testing;
