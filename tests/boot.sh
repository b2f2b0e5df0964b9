# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Boots a systemd of its own: as process 1 of its own PID, mount, UTS, IPC, network and cgroup
# namespaces, over an overlay of / with its own /run and /tmp. Without all of these a systemd would clean
# up the machine's. /proc/sys is the machine's, and read-only.
#
# Who reads this defines system_make, which puts units and programs into $root; boot SECONDS starts
# them by ramlock-test.target, and returns when $work/out/done is there, which services see as /out.

# shellcheck source=tests/groups.sh disable=SC2154 # who reads this sets it
. "$top/tests/groups.sh"
systemd=/lib/systemd/systemd
namespaces="pid mnt uts ipc net cgroup"

# /proc/cgroups names no other controller of v1 than those that are ours, so that systemd leaves the
# others alone.
cgroups_mount() {
	groups_mount "$root/sys/fs/cgroup"
	case $groups in *" "*) ;; *) return ;; esac
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

# boot SECONDS: where the memory controller is one of v1, that and systemd's own hierarchy are made, as
# on such a machine. False where it can't have groups.
boot() {
	groups_make name=systemd memory || return
	case $groups in *systemd*memory*) ;; *)
		groups_remove
		groups_make || return
		;;
	esac
	for name in $namespaces; do
		eval "outer_$name=\$(readlink /proc/self/ns/$name); export outer_$name"
	done
	export work root build
	groups_exec unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child "$0" inside \
		>"$work/log" 2>&1 </dev/null &
	child=$!
	tenths=0
	while [ ! -e "$work/out/done" ] && kill -0 "$child" 2>/dev/null && [ $tenths -lt $(($1 * 10)) ]; do
		sleep 0.1
		tenths=$((tenths + 1))
	done
}
