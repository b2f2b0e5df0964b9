# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Boots a systemd of its own: as process 1 of its own PID, mount, UTS, IPC, network and cgroup
# namespaces, over an overlay of / with its own /run and /tmp. Without all of these a systemd would clean
# up the machine's. /proc/sys is the machine's, and read-only.
#
# Who reads this defines system_make, which puts units and programs into $root; boot SECONDS starts
# them by ramlock-test.target, and returns when $work/out/done is there, which services see as /out.

systemd=/lib/systemd/systemd
hierarchies=/sys/fs/cgroup
namespaces="pid mnt uts ipc net cgroup"

# Where the memory controller is one of v1: that and systemd's own hierarchy, as on such a machine.
# /proc/cgroups names no other, so that systemd leaves the others alone.
cgroups_mount() {
	cgroups=$root/sys/fs/cgroup
	mount -t tmpfs tmpfs "$cgroups"
	case $groups in
	*/memory/*) ;;
	*) mount -t cgroup2 cgroup2 "$cgroups" && return ;;
	esac
	mkdir "$cgroups/unified" "$cgroups/systemd" "$cgroups/memory"
	mount -t cgroup2 cgroup2 "$cgroups/unified"
	mount -t cgroup -o none,name=systemd,xattr cgroup "$cgroups/systemd"
	mount -t cgroup -o memory cgroup "$cgroups/memory"
	grep -E '^#|^memory' /proc/cgroups >"$work/memory/cgroups"
	mount --bind "$work/memory/cgroups" "$root/proc/cgroups"
}

# No /dev/kmsg: the machine's own journal is not for us.
devices_make() {
	mkdir -p "$root/dev/pts" "$root/dev/shm"
	mount -t tmpfs tmpfs "$root/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
	for device in null zero full random urandom tty; do
		: >"$root/dev/$device"
		mount --bind "/dev/$device" "$root/dev/$device"
	done
	ln -s pts/ptmx "$root/dev/ptmx"
}

# The root of the new system, in a mount namespace of its own: what is written goes to memory.
root_make() {
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$work/memory"
	mkdir "$work/memory/upper" "$work/memory/work" "$root"
	mount -t overlay -o "lowerdir=/,upperdir=$work/memory/upper,workdir=$work/memory/work" \
		overlay "$root"
	for folder in run tmp dev; do
		mount -t tmpfs -o mode=755 tmpfs "$root/$folder"
	done
	chmod 1777 "$root/tmp"
	mount -t proc proc "$root/proc"
	mount --bind "$root/proc/sys" "$root/proc/sys"
	mount -o remount,ro,bind "$root/proc/sys"
	mount -t sysfs -o ro sysfs "$root/sys"
	cgroups_mount
	devices_make
	mkdir -p "$root/out"
	mount --bind "$work/out" "$root/out"
}

# Process 1 of the new namespaces.
inside() {
	for name in $namespaces; do
		[ "$(readlink "/proc/self/ns/$name")" != "$(eval "echo \$outer_$name")" ] || exit 1
	done
	[ $$ = 1 ] || exit 1
	root_make
	system_make
	[ "$(stat -fc %T "$root/tmp")" = tmpfs ] && [ "$(stat -fc %T "$root/run")" = tmpfs ] || exit 1
	[ ! -w "$root/proc/sys/vm/overcommit_memory" ] || exit 1
	cd "$root" || exit
	mkdir -p old
	pivot_root . old
	umount -l /old
	exec env -i container=ramlock PATH="$PATH" "$systemd" --system --unit=ramlock-test.target \
		--log-target=console --show-status=no --crash-reboot=no
}

# group_make FOLDER: a group below it, for the new system.
group_make() {
	mkdir "${1%/}/ramlock-test-$$" 2>/dev/null && groups="$groups ${1%/}/ramlock-test-$$"
}

# groups_make: that of v2, and where v1 has the memory controller, those of memory and systemd's own.
groups_make() {
	groups=
	for folder in "$hierarchies/unified" "$hierarchies"; do
		[ "$(stat -fc %T "$folder")" = cgroup2fs ] || continue
		folder=$folder$(sed -n 's/^0::\(.*\)/\1/p' /proc/self/cgroup)
		echo +memory 2>/dev/null >"$folder/cgroup.subtree_control" || :
		group_make "$folder" && break
	done
	[ -n "$groups" ] || return 1
	group_make "$hierarchies/systemd$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)" || return 0
	group_make "$hierarchies/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)" || :
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

cleanup() {
	[ -z "${child:-}" ] || kill -KILL "$child" 2>/dev/null || :
	[ -z "${child:-}" ] || wait "$child" 2>/dev/null || :
	groups_remove
	rm -rf "$work"
}

# why_not: prints why no system can be booted here; nothing where it can.
why_not() {
	[ "$(id -u)" = 0 ] || { echo "needs root" && return; }
	for tool in "$systemd" systemd-analyze journalctl unshare pivot_root; do
		command -v "$tool" >/dev/null || { echo "$tool is missing" && return; }
	done
	unshare --pid --mount --uts --ipc --net --cgroup --fork true 2>/dev/null ||
		echo "namespaces can't be made here"
}

# boot SECONDS: in groups of its own, so that the cgroup namespace shows nothing above them.
boot() {
	for name in $namespaces; do
		eval "outer_$name=\$(readlink /proc/self/ns/$name); export outer_$name"
	done
	export work root build groups
	# shellcheck disable=SC2016 # the inner shell's
	sh -c 'for group in $groups; do echo $$ >"$group/cgroup.procs" || exit; done
		[ "$(grep -c ramlock-test /proc/self/cgroup)" = "$(echo $groups | wc -w)" ] || exit
		exec unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child "$0" inside' \
		"$0" >"$work/log" 2>&1 </dev/null &
	child=$!
	tenths=0
	while [ ! -e "$work/out/done" ] && kill -0 "$child" 2>/dev/null && [ $tenths -lt $(($1 * 10)) ]; do
		sleep 0.1
		tenths=$((tenths + 1))
	done
}
