#!/bin/sh
# Starts one test for prove: Perl for a .t file, anything else as it is.
case $1 in
*.t) exec perl "$@" ;;
/*) exec "$@" ;;
*) exec "./$@" ;;
esac
