#!/bin/bash
# Finds what the build or the tests need and this machine lacks.
#
#   deps.sh install build test   installs it with apt-get when root, otherwise says how
#   deps.sh install build server and what `make run` needs; client: where there is a server already
#   deps.sh install all          and what only a few tests want and is large, or is a service elsewhere
#   deps.sh require build        only says how, and fails
#
# Looks for the thing itself (a pkg-config module, a program, a Perl module) and only then names the
# Debian package, so that a machine with other packages, or none, is not troubled.
set -euo pipefail

missing=()
wanted=()

# need_... WHAT PACKAGE
need_module() { ${PKG_CONFIG:-pkg-config} --exists "$1" 2>/dev/null || missing+=("$2"); }
need_program() { command -v "${1%% *}" >/dev/null || missing+=("$2"); }
need_perl() { perl -M"$1" -e 1 2>/dev/null || missing+=("$2"); }
# Small drivers: root gets them, and where they are not the tests of them are skipped.
want_python() { /usr/bin/python3 -c "import $1" 2>/dev/null || wanted+=("$2"); }
want_program() { $1 >/dev/null 2>&1 || wanted+=("${@:2}"); }
need_file() { compgen -G "$1" >/dev/null || missing+=("$2"); }
# In the folder that the tests and `make run` take.
need_postgres() {
	local bin=${PG_BINDIR:-$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)}
	[ -x "${bin:-$(pg_config --bindir 2>/dev/null)}/$1" ] || missing+=("$2")
}

look_for_build() {
	need_program "${CC:-gcc}" "${CC:-gcc}"
	need_file '/usr/include/*/sys/types.h' libc6-dev
	need_program "${PKG_CONFIG:-pkg-config}" pkg-config
	need_module libevent_core libevent-dev
	need_module libpq libpq-dev
	need_module inih libinih-dev
	need_module libsystemd libsystemd-dev
	need_module openssl libssl-dev
	need_module libidn libidn-dev
	need_module pam libpam0g-dev
	need_module ldap libldap-dev
}

look_for_client() { need_postgres psql postgresql-client; }
look_for_server() { need_postgres postgres postgresql; }

look_for_test() {
	need_program prove perl
	need_perl IPC::Run libipc-run-perl
	need_perl DBD::Pg libdbd-pg-perl
	need_perl IO::Socket::SSL libio-socket-ssl-perl
	need_program openssl openssl
	look_for_server
	need_file '/usr/lib/postgresql/*/lib/pgxs/src/test/perl/PostgreSQL/Test/Cluster.pm' \
		postgresql-client
	need_program systemd-analyze systemd
	need_file '/usr/lib/*/libpam_wrapper.so' libpam-wrapper
	need_file /usr/sbin/slapd slapd
	want_program 'strace -V' strace
	want_python asyncpg python3-asyncpg
	want_python psycopg python3-psycopg
	want_python psycopg2 python3-psycopg2
	want_program "ruby -r pg -e 1" ruby ruby-pg
	want_program "php -r exit(extension_loaded('pdo_pgsql')?0:1);" php-cli php-pgsql
}

look_for_all() {
	want_program '/usr/sbin/pgbouncer --version' pgbouncer
	want_program 'node --version' nodejs npm
	compgen -G '/usr/lib/*/android/libssl.so' >/dev/null || wanted+=(android-libboringssl-dev)
	want_program 'javac -version' default-jdk-headless
	[ -e /usr/share/java/postgresql.jar ] || wanted+=(libpostgresql-jdbc-java)
	want_python pyodbc python3-pyodbc
	compgen -G '/usr/lib/*/odbc/psqlodbcw.so' >/dev/null || wanted+=(odbc-postgresql)
}

action=$1
shift
for purpose in "$@"; do
	"look_for_$purpose"
done
if [ "$action" != install ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	wanted=()
fi
[ ${#missing[@]} -gt 0 ] || [ ${#wanted[@]} -gt 0 ] || exit 0

[ ${#missing[@]} -eq 0 ] || mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
how="apt-get install --no-install-recommends ${missing[*]}"

if [ "$action" = require ]; then
	echo "Millpond cannot be built yet. Missing: ${missing[*]}" >&2
	echo "Run \`make deps\` as root, or: $how" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "Missing (by the names Debian gives them): ${missing[*]}" >&2
	echo "Please install them with this system's package manager." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "Missing: ${missing[*]}" >&2
	echo "As root: $how" >&2
	exit 1
fi

echo "Installing: ${missing[*]} ${wanted[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# The tests run a directory of their own; none is to be set up and started for the machine.
if [[ " ${missing[*]} " == *' slapd '* ]]; then
	echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
fi
if [ ${#missing[@]} -gt 0 ]; then
	apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >/dev/null
fi
if [ ${#wanted[@]} -gt 0 ]; then
	# Nor is a pooler to be started: the tests start their own.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
	fi
	apt-get install -y -qq --no-install-recommends "${wanted[@]}" </dev/null >/dev/null ||
		echo 'The tests of these will be skipped.'
fi
# What only the tests start does not come up with the machine either: slapd would fail, and pgbouncer take the port.
for service in slapd pgbouncer; do
	[[ " ${missing[*]} ${wanted[*]} " != *" $service "* ]] || update-rc.d "$service" disable >/dev/null 2>&1 || true
done
