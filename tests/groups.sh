# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Cgroups of our own, below those that we are in, for what makes groups itself: a systemd, a container
# runtime. In a cgroup namespace that is made within them it sees, mounts and changes nothing above.
# $groups are their folders.

hierarchies=/sys/fs/cgroup

# own_path LIST: the path of our own group in a hierarchy as /proc/self/cgroup names it; "" is v2.
own_path() { sed -n "s,^[0-9]*:$1:,,p" /proc/self/cgroup; }

# group_make LIST: a hierarchy of v1. A group of cpuset is of no use before it has processors.
group_make() {
	parent=$hierarchies/${1#name=}$(own_path "$1")
	parent=${parent%/}
	mkdir "$parent/ramlock-test-$$" 2>/dev/null || return
	groups="$groups $parent/ramlock-test-$$"
	for file in "$parent"/cpuset.cpus "$parent"/cpuset.mems; do
		[ ! -e "$file" ] || cat "$file" >"$parent/ramlock-test-$$/${file##*/}"
	done
}

# groups_make LIST...: of v2, where it is mounted, and then of these of v1 until one can't be made.
groups_make() {
	groups=
	for parent in "$hierarchies/unified" "$hierarchies"; do
		[ "$(stat -fc %T "$parent")" = cgroup2fs ] || continue
		parent=$parent$(own_path "")
		echo +memory 2>/dev/null >"$parent/cgroup.subtree_control" || :
		mkdir "${parent%/}/ramlock-test-$$" 2>/dev/null || return
		groups=${parent%/}/ramlock-test-$$
		break
	done
	[ -n "$groups" ] || return
	for list; do
		group_make "$list" || break
	done
}

# All hierarchies of v1 that we are in, but those that share a mount.
groups_all() { sed -n 's/^[0-9]*:\([^,:]\{1,\}\):.*/\1/p' /proc/self/cgroup; }

# groups_exec command...: becomes it, in these groups; it may not run where one of them was not entered.
# shellcheck disable=SC2016 # the inner shell's
groups_exec() {
	export groups
	exec sh -c 'for group in $groups; do echo $$ >"$group/cgroup.procs" || exit; done
		[ "$(grep -c ramlock-test- /proc/self/cgroup)" = "$(echo $groups | wc -w)" ] && exec "$@"' sh "$@"
}

# groups_mount FOLDER: in a cgroup namespace within them, as the machine has them.
groups_mount() {
	case $groups in
	*" "*) ;;
	*) mount -t cgroup2 cgroup2 "$1" && return ;;
	esac
	mount -t tmpfs tmpfs "$1"
	mkdir "$1/unified" && mount -t cgroup2 cgroup2 "$1/unified"
	for group in ${groups#* }; do
		list=${group#"$hierarchies/"}
		list=${list%%/*}
		mkdir "$1/$list"
		case $list in
		systemd) mount -t cgroup -o none,name=systemd,xattr cgroup "$1/$list" ;;
		*) mount -t cgroup -o "$list" cgroup "$1/$list" ;;
		esac
	done
}

# What was killed may still be on its way out.
groups_remove() {
	for group in ${groups:-}; do
		tries=50
		while [ -d "$group" ] && [ $((tries -= 1)) -gt 0 ]; do
			find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
		done
	done
}
