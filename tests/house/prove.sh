#!/bin/bash
# Runs tests under prove, with one summary at the end.
#
#   prove.sh TEST...    with MILLPOND (the binary), OUT (where the build is), SANITIZE, PROVE_FLAGS
#
# PostgreSQL refuses to run as root. When root runs this, the tests run as `nobody`, on a copy of the
# tree in a folder that `nobody` can read and write, since the tree itself may lie under a private one.
#
# The tests find in their environment: MILLPOND, TESTDATADIR and TESTLOGDIR (writable), PG_BINDIR
# (also in PATH), PG_REGRESS, PERL5LIB with tests/lib and PostgreSQL::Test, SANITIZE.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ $# -gt 0 ] || { echo 'no tests, or none that match' >&2; exit 1; }
# A jobserver inherited from make would be closed by the time a test calls make again.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

user=()
work=$(mktemp -d "${TMPDIR:-/tmp}/millpond-check.XXXXXX")
chmod 0755 "$work"
mkdir "$work/data" "$work/log"

failed=1
cleanup() {
	if [ "$failed" = 0 ]; then
		rm -rf "$work"
	else
		rm -rf "$work/data" "$work/tree"
		echo "The logs are in $work/log"
	fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ "$(id -u)" = 0 ]; then
	mkdir "$work/tree"
	find . -path ./.git -prune -o -path ./build -prune -o -type f -print0 |
		tar -c --null -T - | tar -x -C "$work/tree" --no-same-owner
	# Absolute when BUILD is, and then it is used where it lies.
	if [[ $OUT != /* && -d $OUT ]]; then
		tar -c "$OUT" | tar -x -C "$work/tree" --no-same-owner
	fi
	chmod -R a+rX "$work/tree"
	chown -R nobody "$work"
	user=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --bounding-set=-all)
	cd "$work/tree"
fi

# The newest PostgreSQL on the machine, unless PG_BINDIR says otherwise.
if [ -z "${PG_BINDIR:-}" ]; then
	PG_BINDIR=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
	[ -n "$PG_BINDIR" ] || PG_BINDIR=$(pg_config --bindir 2>/dev/null || true)
fi
pgxs=$("$PG_BINDIR/pg_config" --pgxs 2>/dev/null || true)
pgxs=${pgxs%/src/makefiles/pgxs.mk}
[ -d "$pgxs/src/test/perl" ] || pgxs=$PG_BINDIR/../lib/pgxs

[ -z "${MILLPOND:-}" ] || MILLPOND=$(realpath -m "$MILLPOND")
export MILLPOND PG_BINDIR SANITIZE STRESS
export PATH="$PG_BINDIR:$PATH:/usr/sbin:/sbin"
export PERL5LIB="$PWD/tests/lib:$pgxs/src/test/perl${PERL5LIB:+:$PERL5LIB}"
export PG_REGRESS="${PG_REGRESS:-$pgxs/src/test/regress/pg_regress}"
export TESTDATADIR="$work/data" TESTLOGDIR="$work/log" HOME="$work" LC_ALL=C.UTF-8 TMPDIR=/tmp
# Runs beside each other on one machine reserve their ports in one place.
export PG_TEST_PORT_DIR="${PG_TEST_PORT_DIR:-/tmp/millpond-ports.${user[0]:+nobody.}$(id -u)}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=0:abort_on_error=0}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-second_deadlock_stack=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
# Settings of the caller that would send the tests to a server of his own.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGSSLMODE NOTIFY_SOCKET

# The tests wait far more than they compute, so several run at once on any machine.
"${user[@]}" prove --jobs 4 --exec 'tests/house/exec.sh' --timer ${PROVE_FLAGS:-} "$@" </dev/null
failed=0
