#!/bin/bash
# Checks who includes what: each library has one room that knows it, and rooms look only downwards.
# Prints every #include that does not fit and exits 1.
set -euo pipefail

# room | our headers it may include | libraries' headers it may include. What ends in / is a folder, without the
# folders in it.
digests='openssl/evp.h openssl/hmac.h openssl/sha.h openssl/md5.h openssl/rand.h openssl/crypto.h'
below='daemon/ daemon/runtime/ pool/ protocol/ conf/'
lookup=daemon/login/lookup.h # what is known of a user opens servers, too
console='daemon/console/console.h daemon/console/console_stats.h'
vouchers='openssl/ security/ ldap.h'
table="
conf           | conf/                                         | ini.h
protocol       | protocol/                                     | $digests
pool           | pool/ protocol/ conf/settings.h               | libpq-fe.h
daemon/runtime | daemon/runtime/                               | event2/ openssl/
daemon/relay   | daemon/relay/ $below                          |
daemon/server  | daemon/server/ daemon/relay/ $lookup $below    | event2/ openssl/
daemon/login   | daemon/login/ daemon/relay/ $console $below   | $vouchers
daemon/console | daemon/console/ daemon/relay/ daemon/server/dns.h $below |
daemon         | daemon/relay/ daemon/server/ daemon/login/ daemon/console/ $below | event2/ openssl/ systemd/
"
# Any other header in <> is the C library's.
libraries='^(event2/|event|evdns|evutil|evhttp|libpq|libpq-fe|pg_config|postgres|internal/|ini\.h|openssl/|systemd/|security/|ldap|lber)'

cd "$(dirname "$0")/../.."
shopt -s nullglob
bad=0

allowed() {
	local header=$1 pattern
	for pattern in $2; do
		[[ $header == "$pattern" ]] && return 0
		[[ $pattern == */ && $header == "$pattern"* && ${header#"$pattern"} != */* ]] && return 0
	done
	return 1
}

while IFS='|' read -r room ours theirs; do
	room=${room// /}
	[ -n "$room" ] || continue
	for file in "$room"/*.[chS] "$room"/*.def; do
		while IFS=: read -r line text; do
			[[ $text =~ [\<\"]([^\>\"]*) ]]
			header=${BASH_REMATCH[1]}
			if [[ $text == *\<* ]]; then
				[[ $header =~ $libraries ]] || continue
				allowed "$header" "$theirs" && continue
			elif [[ $header == */* ]]; then
				allowed "$header" "$ours" && continue
			fi
			echo "$file:$line: $room/ may not include $header"
			bad=1
		done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$file" || true)
	done
done <<<"$table"
exit $bad
