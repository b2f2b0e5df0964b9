# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# A crowded place: a memory cgroup of $limit MiB with a neighbour that wants $greed MiB, and swap of
# our own. Everything is given back at exit. What can't be had ends the script with status 77.

tmp=$(mktemp -d)
swap=
group=
running=

stop() { # PID...: ends processes of ours, and waits for them
	for pid; do
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
}

leave() {
	# shellcheck disable=SC2086 # pids
	stop $running
	for tries in 1 2 3 4 5 6 7 8 9 10; do
		if [ -z "$group" ] || rmdir "$group" 2>/dev/null; then
			break
		fi
		sleep ".$tries"
	done
	[ -z "$swap" ] || swapoff "$swap"
	rm -rf "$tmp"
}
trap leave EXIT
trap 'exit 130' HUP INT TERM

give_up() {
	echo "$*: skipped" >&2
	exit 77
}

# The memory group that we are in: of version 1, else of version 2.
own_group() {
	sed -n 's,^[0-9]*:memory:,/sys/fs/cgroup/memory,p; s,^0::,/sys/fs/cgroup,p' /proc/self/cgroup |
		while read -r folder; do
			[ ! -w "$folder" ] || ! [ -e "$folder/cgroup.procs" ] || { echo "$folder" && break; }
		done
}

group_make() { # MIB
	own=$(own_group)
	[ -n "$own" ] || give_up "no memory cgroup can be made here"
	[ -e "$own/memory.limit_in_bytes" ] || echo +memory >"$own/cgroup.subtree_control" 2>/dev/null || :
	mkdir "$own/ramlock-bench-$$" || give_up "no memory cgroup can be made here"
	group=$own/ramlock-bench-$$
	for file in memory.limit_in_bytes memory.max; do
		[ ! -e "$group/$file" ] || { echo $(($1 << 20)) >"$group/$file" && return; }
	done
	give_up "the memory of a cgroup can't be limited here"
}

swap_make() { # MIB
	[ "$(id -u)" = 0 ] || give_up "swap needs root"
	dd if=/dev/zero of="$tmp/swap" bs=1M count="$1" status=none
	chmod 600 "$tmp/swap"
	mkswap "$tmp/swap" >/dev/null || give_up "mkswap fails"
	swapon "$tmp/swap" || give_up "swapon fails"
	swap=$tmp/swap
}

# in_group command...: becomes it, in the group.
in_group() {
	# shellcheck disable=SC2016 # for that shell
	exec sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

# The neighbour is there when it has been over its memory once.
neighbour_start() { # MIB
	(in_group "${bench:?common.sh comes first}/greedy" "$1" 1) &
	neighbour=$!
	running="$running $neighbour"
	sleep 2
}

placed() { in_group "$@"; }
