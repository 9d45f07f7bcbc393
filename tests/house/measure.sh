#!/bin/bash
# The ten longest functions, the median, and the files over 500 lines. The figures to aim at are 15
# lines for the median and 40 for nine functions of ten.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v ctags >/dev/null || { echo 'make measure needs: apt-get install universal-ctags' >&2; exit 1; }
shopt -s nullglob
files=(conf/*.c protocol/*.c pool/*.c daemon/*.c daemon/*/*.c)
[ ${#files[@]} -gt 0 ] || exit 0

lengths=$(ctags --kinds-C=f --fields=+ne -o - "${files[@]}" |
	sed -nE 's/^([^\t]*)\t([^\t]*)\t.*\tline:([0-9]+).*\tend:([0-9]+).*/\1 \2 \3 \4/p' |
	awk '{ print $4 - $3 + 1, $2 ":" $3, $1 }' | sort -rn)

echo 'Longest functions (lines):'
head -n 10 <<<"$lengths" | awk '{ printf "  %4d  %s  %s\n", $1, $3, $2 }'
awk '{ n[NR] = $1; short += $1 < 40 }
	END { printf "Functions: %d, median %d lines, %d %% under 40\n", NR, n[int((NR + 1) / 2)], 100 * short / NR }' <<<"$lengths"
wc -l "${files[@]}" | awk '$2 != "total" && $1 > 500 { print "Over 500 lines: " $2 " (" $1 ")" }'
