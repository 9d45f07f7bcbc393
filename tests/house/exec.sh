#!/bin/sh
# Starts one test for prove: Perl for a .t file, anything else as it is, or in Valgrind if asked to.
case $1 in
*.t) exec perl "$@" ;;
esac
[ -z "${VALGRIND:-}" ] || exec valgrind -q --error-exitcode=99 --leak-check=full "$@"
exec "$@"
