# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the test scripts share: TAP's lines, and a folder that is removed; $tmp, $top and $build.
top=$(cd "${srcdir:-.}/.." && pwd)
build=$(cd .. && pwd)
tmp=$(mktemp -d)
number=0

ok() { number=$((number + 1)) && echo "ok $number - $*"; }
failed() { number=$((number + 1)) && echo "not ok $number - $*"; }
skip() { ok "$1 # SKIP $2"; }
skip_all() { echo "1..0 # SKIP $*" && exit 0; }

# Tests of minutes run where they are asked for; in `make distcheck` they would run once more.
skip_unless_asked() {
	case $build in "$top"/_build/*) skip_all "it is a distcheck" ;; esac
	[ -n "${CI:-}" ] || skip_all "takes minutes: CI=true make check runs it"
	export CI='' # a build within one of these runs none of them
	# Its variables are those of the test that runs: TEST_LOGS would be the inner build's too.
	unset MAKEFLAGS MFLAGS MAKELEVEL
}

# DESCRIPTION command...: shows the end of what the command prints, where it fails.
check() {
	what=$1
	shift
	if "$@" >"$tmp/log" 2>&1 </dev/null; then
		ok "$what"
	else
		failed "$what"
		tail -n 25 "$tmp/log" | sed 's/^/# /'
		return 1
	fi
}
