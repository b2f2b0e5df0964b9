# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the test scripts share: a folder that nobody can reach too, with what is tested in $stage.

top=$(cd "${top_builddir:-..}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' HUP INT TERM
stage=$tmp/stage
# shellcheck disable=SC2034 # for who reads this
ramlock=$stage/ramlock
mkdir "$stage" && chmod 755 "$tmp"
cp "$top/src/ramlock" "$top/src/.libs/libramlock.so" "$top/tools/watch" \
	"$top/tests/victims/.libs/little.so" "$stage" || exit

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

# $stage/as USER command...: becomes it, as nobody with a limit of 8 MiB, or as self, whoever we are.
cat >"$stage/as" <<'END'
#!/usr/bin/env bash
user=$1
shift
[ $user != nobody ] || {
	ulimit -l 8192
	set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}
exec "$@"
END
chmod 755 "$stage/as"
