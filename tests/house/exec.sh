#!/bin/sh
# Starts one test for prove: Perl for a .t file, anything else as it is, or in Valgrind if asked to. One that hangs is
# ended after MOST_SECONDS (600; not at all with STRESS), so that it is named, and prove tells how far it came.
# In the foreground, so that Ctrl-C still reaches it; on TERM a Perl test stops what it has started.
most=${MOST_SECONDS:-600}
[ -z "${STRESS:-}" ] || most=0
within="timeout --foreground --kill-after=30 $most"
case $1 in
*.t) exec $within perl "$@" ;;
esac
[ -z "${VALGRIND:-}" ] || exec valgrind -q --error-exitcode=99 --leak-check=full "$@"
exec $within "$@"
