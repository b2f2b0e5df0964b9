# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the test scripts share: TAP's lines, and a folder that is removed; $tmp, $top and $build. A
# script that sets $area ends with area_show, a line for the table of tools/test.
top=$(cd "${srcdir:-.}/.." && pwd)
build=$(cd .. && pwd)
tmp=$(mktemp -d)
number=0
failures=0
skips=0
area=
missed=

ok() { number=$((number + 1)) && echo "ok $number - $*"; }
failed() { number=$((number + 1)) && failures=$((failures + 1)) && echo "not ok $number - $*"; }
skip() { ok "$1 # SKIP $2" && skips=$((skips + 1)) && missed="${missed:+$missed; }$1: $2"; }
skip_all() {
	echo "1..0 # SKIP $*"
	[ -z "$area" ] || echo "# table: $area | - | $*"
	exit 0
}

# area_show WHAT: what ran; how much, and what did not, is known.
area_show() {
	echo "# summary: $area: $1, $((number - skips)) checks, $failures failed"
	echo "# table: $area | $1, $((number - skips)) checks | ${missed:--}"
}

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
