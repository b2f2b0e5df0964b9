# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What tools/try, tools/test and .ci/run share; $top is the top of the tree.

build=${BUILD:-$top/build}
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# help "$@": where --help is asked for, what stands at the script's head.
help() {
	[ "${1-}" = --help ] || return 0
	sed -n '3,/^[^#]/s/^# //p' "$0"
	exit
}

# no_arguments "$@": for scripts that take none.
no_arguments() {
	help "$@"
	[ $# = 0 ] || { say "$1: takes no arguments but --help" && exit 2; }
}

# logged FILE command...: runs it quietly; where it fails, shows the end of the log.
logged() {
	logged_to=$1
	shift
	"$@" >"$logged_to" 2>&1 </dev/null || {
		logged_status=$?
		tail -n 25 "$logged_to" >&2
		say "failed (status $logged_status): $*"
		say "the whole log: $logged_to"
		return $logged_status
	}
}

# What configure would find anew after something was installed.
toolchain() {
	${CC:-cc} --version | head -n 1
	for module in check libelf libdw smartcols libcap-ng; do
		echo "$module $(pkg-config --modversion "$module" 2>/dev/null)"
	done
}

# configure itself, where it is missing or older than what it is made from.
configure_make() (
	cd "$top" || exit
	if [ ! -e configure ] ||
		[ -n "$(find configure.ac Makefile.am ./*/Makefile.am -newer configure)" ]; then
		logged "$build/autoreconf.log" autoreconf -fi
	fi
)

# Builds out of the tree, in $build, doing only what is still to do. Somebody else's build serves
# as it is.
tree_build() {
	[ ! -x "$build/tools/watch" ] || [ -w "$build" ] || return 0
	[ -e "$build/config.status" ] || say "building in $build, for a minute or so"
	mkdir -p "$build"
	found=$(toolchain)
	if [ ! -e "$build/config.status" ] || [ "$found" != "$(cat "$build/toolchain" 2>/dev/null)" ]; then
		configure_make
		(cd "$build" && logged "$build/configure.log" "$top/configure")
		echo "$found" >"$build/toolchain"
	fi
	logged "$build/make.log" make -C "$build" -j "$jobs"
}
