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
declare -A given=() # the parameters of SERVER, by their names

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
	local text=${1//\\/\\\\}
	printf '%b' "${text//%/\\x}"
}

# What SERVER says of user:password@host:port/dbname?key=value, but where, which the server is asked for.
read_uri() {
	local uri=${1#*://} query='' part
	if [[ $uri == *\?* ]]; then
		query=${uri#*\?}
		uri=${uri%%\?*}
	fi
	part=${uri%@*}
	[[ $uri != *@* || $part != *:* ]] || given[password]=$(percent_decode "${part#*:}")
	for part in ${query//&/ }; do
		given[${part%%=*}]=$(percent_decode "${part#*=}")
	done
}

# The same of key=value key='another value'; in a value a backslash stands before what is meant literally.
read_keywords() {
	local rest=$1 pattern="^[[:space:]]*([a-z_]+)[[:space:]]*=[[:space:]]*"
	pattern+="('(([^'\\\\]|\\\\.)*)'|(([^[:space:]'\\\\]|\\\\.)*))"
	while [[ $rest =~ $pattern ]]; do
		rest=${rest:${#BASH_REMATCH[0]}}
		given[${BASH_REMATCH[1]}]=$(sed 's/\\\(.\)/\1/g' <<<"${BASH_REMATCH[3]}${BASH_REMATCH[5]}")
	done
}

# What libpq takes from the environment, Millpond is told.
read_environment() {
	local word variable
	for word in hostaddr password service sslmode sslrootcert sslcert sslkey options; do
		variable=PG${word^^}
		given[$word]=${!variable:-}
	done
	export PGPASSFILE=${PGPASSFILE:-${HOME:-}/.pgpass}
}

# Asks psql who and where one is, which also shows at once whether the server can be reached, and makes an entry
# of it: for that one of several hosts, without what does not matter any more or is not for Millpond.
look_at_server() {
	local answer host port_there word
	read_environment
	answer=$("${as[@]}" "$bin/psql" -X -w -d "$server" <<<$'\\echo :HOST\n\\echo :PORT\n\\echo :USER\n\\echo :DBNAME') ||
		fail 'The PostgreSQL given by SERVER cannot be reached.'
	{ read -r host && read -r port_there && read -r user && read -r database; } <<<"$answer"
	if [[ $server == postgres*://* ]]; then
		read_uri "$server"
	else
		read_keywords "$server"
	fi
	[[ ${given[hostaddr]:-} != *,* ]] || given[hostaddr]=''
	unset 'given[dbname]' 'given[connect_timeout]' 'given[load_balance_hosts]' 'given[target_session_attrs]'
	given[host]=$host
	given[port]=$port_there
	given[user]=$user
	server=''
	for word in "${!given[@]}"; do
		[ -z "${given[$word]}" ] || server+="$word='${given[$word]//\'/\'\'}' "
	done
}

# The rest is about other connections than those that are made here.
forget_environment() {
	local variable
	for variable in "${!PG@}"; do
		[[ $variable =~ ^PG(PASSFILE|SERVICEFILE|SYSCONFDIR)$ ]] || unset "$variable"
	done
}

start_millpond() {
	# Each database of the server is reached by its name.
	cat >"$work/millpond.ini" <<-INI
		[databases]
		* = $server
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
	# Somebody else may have taken the port meanwhile.
	wait_until millpond.log Millpond grep -q ' process up: ' "$work/millpond.log"
}

# psql may have known more than the entry says.
ask_through_millpond() {
	local answer
	answer=$(PGCONNECT_TIMEOUT=20 "${as[@]}" "$bin/psql" -X -w -h 127.0.0.1 -p "$port" -U "$user" -c 'select 1' \
		"$database" 2>&1) && return
	cat "$work/millpond.log" >&2
	fail "Millpond does not reach that PostgreSQL: $answer"
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
[ -x "$bin/psql" ] || fail "There is no psql${PG_BINDIR:+ in PG_BINDIR=$PG_BINDIR}. \`make deps\` installs one."

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

[ -z "$server" ] || look_at_server
forget_environment
[ -n "$server" ] || start_postgres
start_millpond
ask_through_millpond
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
