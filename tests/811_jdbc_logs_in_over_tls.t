# JDBC logs in over TLS with SCRAM, and refuses a certificate that it does not know.
use v5.36;
use Guarded;
use Millpond;
use Test::More;

my $jar = '/usr/share/java/postgresql.jar';
plan skip_all => 'no JDBC driver here' unless -e $jar;
plan skip_all => 'no java here' if system('java -version >/dev/null 2>&1') || system('javac -version >/dev/null 2>&1');
my $program = new_file('Tls.java', <<'PROGRAM');
import java.sql.*;
public class Tls {
	static String get(String name) { return System.getenv(name); }
	static Connection connect(String password, String more) throws SQLException {
		return DriverManager.getConnection("jdbc:postgresql://localhost:" + get("PGPORT") + "/postgres?user=me"
			+ "&password=" + password + more);
	}
	static void refused(String password, String more) throws Exception {
		try (Connection c = connect(password, more)) {
			throw new Exception("not refused: " + password + more);
		} catch (SQLException e) {
		}
	}
	public static void main(String[] arguments) throws Exception {
		String known = "&sslmode=verify-full&sslrootcert=" + get("CA");
		for (int i = 0; i < 3; i++) {
			try (Connection c = connect("pencil", known); Statement s = c.createStatement();
					ResultSet r = s.executeQuery("select current_user, repeat('x', 100000)")) {
				if (!r.next() || !r.getString(1).equals("me") || r.getString(2).length() != 100000)
					throw new Exception("wrong row");
			}
		}
		refused("pencil", "&sslmode=verify-full&sslrootcert=" + get("WRONG_CA"));
		refused("pencil", "&sslmode=disable");
		refused("pen", known);
		System.out.println("well");
	}
}
PROGRAM
my ($folder) = $program =~ m{(.*)/};
is(system('javac', '-d', $folder, $program), 0, 'the program is compiled');
Guarded->new->run('JDBC', 'java', '-Xmx256m', '-cp', "$jar:$folder", 'Tls');

done_testing;
