#!/bin/bash
# Lets one try Millpond: a throwaway PostgreSQL in a temporary folder, Millpond in front of it, psql
# on a terminal. All of it is gone afterwards. Started by `make run`, with
#
#   MILLPOND   the binary
#   PORT       where Millpond listens on 127.0.0.1 (6432)
#   SERVER     the connection string of an existing PostgreSQL, to be used instead of a throwaway one
set -euo pipefail

port=${PORT:-6432}
server=${SERVER:-}
user=demo
database=demo
as=()
pids=()

fail() {
	echo "$*" >&2
	exit 1
}

# Whatever was started last ends first, and only then its folder goes.
cleanup() {
	trap '' INT TERM
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill -INT "${pids[i]}" 2>/dev/null || continue
		for _ in {1..50}; do
			kill -0 "${pids[i]}" 2>/dev/null || break
			sleep 0.1
		done
		kill -QUIT "${pids[i]}" 2>/dev/null || true
		wait "${pids[i]}" 2>/dev/null || true
	done
	rm -rf "$work"
}

# A session of its own keeps Ctrl-C in psql away from it.
start() {
	local log=$1
	shift
	"${as[@]}" setsid "$@" >"$work/$log" 2>&1 </dev/null &
	pids+=($!)
}

# wait_until LOG WHAT COMMAND...: until COMMAND succeeds; LOG is shown when it does not.
wait_until() {
	local log=$1 what=$2
	shift 2
	for _ in {1..200}; do
		"$@" >/dev/null 2>&1 && return
		kill -0 "${pids[-1]}" 2>/dev/null || break
		sleep 0.05
	done
	cat "$work/$log" >&2
	fail "$what did not start."
}

port_is_open() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

start_postgres() {
	"${as[@]}" "$bin/initdb" -D "$work/data" -U demo -A trust -E UTF8 --locale=C.UTF-8 \
		--no-sync >"$work/initdb.log" 2>&1 || { cat "$work/initdb.log" >&2; fail 'initdb failed.'; }
	mkdir "$work/server"
	[ ${#as[@]} -eq 0 ] || chown nobody "$work/server"
	start postgres.log "$bin/postgres" -D "$work/data" -k "$work/server" -c listen_addresses= \
		-c fsync=off
	wait_until postgres.log PostgreSQL "$bin/pg_isready" -q -h "$work/server"
	"$bin/createdb" -h "$work/server" -U demo demo
	"$bin/pgbench" -h "$work/server" -U demo -i -s 5 -q demo >/dev/null 2>&1
	server="host=$work/server"
}

percent_decode() {
	printf '%b' "${1//%/\\x}"
}

# Turns postgresql://user:password@host:port/dbname?key=value into key='value' ...
uri_to_keywords() {
	local uri=${1#*://} words='' query='' part value
	add() {
		value=$(percent_decode "$2")
		[ -z "$value" ] || words+="$1='${value//\'/\'\'}' "
	}
	if [[ $uri == *\?* ]]; then
		query=${uri#*\?}
		uri=${uri%%\?*}
	fi
	if [[ $uri == *@* ]]; then
		part=${uri%@*}
		uri=${uri##*@}
		add user "${part%%:*}"
		[[ $part != *:* ]] || add password "${part#*:}"
	fi
	if [[ $uri == */* ]]; then
		add dbname "${uri#*/}"
		uri=${uri%%/*}
	fi
	if [[ $uri =~ ^(.*):([0-9]+)$ ]]; then
		add port "${BASH_REMATCH[2]}"
		uri=${BASH_REMATCH[1]}
	fi
	uri=${uri#[}
	add host "${uri%]}"
	for part in ${query//&/ }; do
		add "${part%%=*}" "${part#*=}"
	done
	echo "$words"
}

# Asks the server itself who and where one is, which also shows at once whether it can be reached.
look_at_server() {
	local answer
	[[ $server != postgres*://* ]] || server=$(uri_to_keywords "$server")
	answer=$("${as[@]}" "$bin/psql" -X -At -F ' ' -d "$server" \
		-c 'select current_user, current_database()') ||
		fail 'The PostgreSQL given by SERVER cannot be reached.'
	read -r user database <<<"$answer"
}

start_millpond() {
	# The entry of the one database comes first; any other of the server is reached by its name.
	cat >"$work/millpond.ini" <<-INI
		[databases]
		$database = $server
		[millpond]
		listen_addr = 127.0.0.1
		listen_port = $port
		unix_socket_dir = $work
		auth_type = trust
		admin_users = $user
		pool_mode = transaction
		max_client_conn = 1000
	INI
	# A checkout may lie where only its owner can read.
	cp "$MILLPOND" "$work/millpond"
	[ ${#as[@]} -eq 0 ] || chown nobody "$work/millpond.ini" "$work/millpond"
	start millpond.log "$work/millpond" "$work/millpond.ini"
	wait_until millpond.log Millpond port_is_open
}

say_what_to_type() {
	local to="-h 127.0.0.1 -p $port -U $user"
	cat <<-TEXT

		Millpond serves on 127.0.0.1:$port, with a transaction pool. Things to try:

		  psql $to $database
		  psql $to millpond -c 'SHOW POOLS'           # the console; SHOW HELP lists it
		  pgbench $to -c 50 -j 2 -T 10 $database      # 50 clients share 20 server connections
	TEXT
	if [ -n "${SERVER:-}" ]; then
		echo "  (pgbench wants its tables first: pgbench $to -i $database)"
	fi
	echo
	echo "Its log: $work/millpond.log"
}

[[ $port =~ ^[0-9]+$ ]] && ((port > 0 && port < 65536)) || fail "PORT=$port is not a port number."
if port_is_open; then
	fail "Port $port on 127.0.0.1 is in use. Choose another one: make run PORT=$((port + 1))"
fi

bin=${PG_BINDIR:-$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)}
bin=${bin:-$(pg_config --bindir 2>/dev/null || true)}
[ -x "$bin/psql" ] || fail 'No PostgreSQL found. `make deps` installs one.'

umask 077
work=$(mktemp -d /tmp/millpond-run.XXXXXX)
trap cleanup EXIT
trap 'exit 0' INT TERM
# PostgreSQL refuses to run as root, and so does Millpond.
if [ "$(id -u)" = 0 ]; then
	chown nobody "$work"
	as=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups env "HOME=$work")
fi
cd "$work"

if [ -n "$server" ]; then
	look_at_server
else
	start_postgres
fi
start_millpond
say_what_to_type

if [ -t 0 ] && [ -t 1 ]; then
	echo "Leaving psql ends it all."
	echo
	trap : INT
	"$bin/psql" -X -h 127.0.0.1 -p "$port" -U "$user" "$database" || true
else
	echo "Ctrl-C, or SIGTERM, ends it all."
	wait "${pids[-1]}" || true
	cat "$work/millpond.log" >&2
	fail 'Millpond has ended by itself.'
fi
