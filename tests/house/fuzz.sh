#!/bin/bash
# Runs each fuzz target for FUZZ_SECONDS: with libFuzzer where clang has it, otherwise with the
# project's own driver, which only mutates and does not look at coverage.
set -euo pipefail
cd "$(dirname "$0")/../.."
shopt -s nullglob
# What make calls here is none of the outer one's jobs.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

seconds=${FUZZ_SECONDS:-60}
targets=(tests/fuzz/fuzz_*.c)
[ ${#targets[@]} -gt 0 ] || { echo 'no fuzz targets yet'; exit 0; }

probe=$(mktemp)
if command -v clang >/dev/null &&
	echo 'int LLVMFuzzerTestOneInput(const char *d, long n); int LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }' |
	clang -fsanitize=fuzzer,address -x c - -o "$probe" 2>/dev/null; then
	libfuzzer=yes
else
	libfuzzer=no
fi
rm -f "$probe"

for target in "${targets[@]}"; do
	name=$(basename "$target" .c)
	found=${BUILD:-build}/corpus/$name
	seeds=(tests/fuzz/corpus/"${name#fuzz_}")
	[ -d "${seeds[0]}" ] || seeds=()
	mkdir -p "$found"
	echo "== $name, $seconds s"
	if [ $libfuzzer = yes ]; then
		# fuzzer-no-link instruments the objects; the driver comes from the linker flag.
		make --no-print-directory -s CC=clang SANITIZE=address,undefined BUILD="${BUILD:-build}/libfuzzer" \
			CFLAGS=-fsanitize=fuzzer-no-link LDFLAGS=-fsanitize=fuzzer fuzz_driver= \
			"${BUILD:-build}/libfuzzer/address-undefined/tests/fuzz/$name"
		"${BUILD:-build}/libfuzzer/address-undefined/tests/fuzz/$name" \
			-max_total_time="$seconds" -print_final_stats=1 "$found" "${seeds[@]}"
	else
		make --no-print-directory -s SANITIZE=address,undefined BUILD="${BUILD:-build}" \
			"${BUILD:-build}/address-undefined/tests/fuzz/$name"
		"${BUILD:-build}/address-undefined/tests/fuzz/$name" --seconds "$seconds"
	fi
done
