# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# An image of a few files, and containers of it: by podman, and by crun and runc from a configuration
# as Kubernetes makes it.
#
# Who reads this has expects, $ran, $limit, $heap, $all, $said_limit, $limited, $settings and $show.

# shellcheck disable=SC2154 # of rows.sh
image=$tmp/image
said_group="warning: RAMLOCK_LARGE_RESERVE: asked 1 GiB, reserved *: ceiling * left in the cgroup's limit of 64 MiB)*"

file_copy() { # FILE FOLDER: with the libraries that it needs
	cp -L "$1" "$image$2"
	ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r needed; do
		mkdir -p "$image$(dirname "$needed")"
		cp -L "$needed" "$image$needed"
	done
}

image_make() {
	for folder in proc sys dev tmp etc bin usr/bin usr/lib ramlock; do mkdir -p "$image/$folder"; done
	chmod 755 "$tmp"
	echo 'root:x:0:0::/:/bin/sh' >"$image/etc/passwd"
	for name in sh env grep sleep setpriv; do file_copy "$(command -v $name)" /bin; done
	file_copy "$build/src/ramlock" /usr/bin
	file_copy "$build/src/.libs/libramlock.so" /usr/lib
}

# ROWS FUNCTION: with a row's fields as $name, $options, $least, $most and $said.
each_row() {
	while IFS='|' read -r name options least most said; do
		for field in name options least most said; do
			eval "$field=\$(echo \"\$$field\" | sed 's/^ *//; s/ *\$//')"
		done
		"$2" </dev/null
	done <<-END
		$("$1")
	END
}

# name | user, capabilities, ambient ones, memory limit, command's head | …: Kubernetes has no field for a
# limit, so that a pod gets that of the runtime's service, here $limit; capabilities are added to all
# sets but the ambient one, and no user but root keeps any of them over exec.
oci_rows() { cat <<-END
	root without the capability | user=0 | 1 | $limit | $said_limit
	root with IPC_LOCK | user=0 capabilities="CAP_IPC_LOCK" | $heap | $all |
	a user with IPC_LOCK | user=1000 capabilities="CAP_IPC_LOCK" | 1 | $limit | $said_limit
	a user with it in the ambient set | user=1000 capabilities="CAP_IPC_LOCK" ambient="CAP_IPC_LOCK" | $heap | $all |
	root that becomes a user by setpriv | user=0 capabilities="CAP_IPC_LOCK","CAP_SETUID","CAP_SETGID" head="setpriv","--reuid=1000","--regid=1000","--clear-groups","--inh-caps=+ipc_lock","--ambient-caps=+ipc_lock","ramlock","run","--" preload= | $heap | $all |
	memory of 64 MiB | user=0 capabilities="CAP_IPC_LOCK" memory=67108864 variable="RAMLOCK_LARGE_RESERVE=1G" | $heap | $all | $said_group
	the library from a volume | user=0 capabilities="CAP_IPC_LOCK" preload=/ramlock/libramlock.so | $heap | $all |
	END
}

oci_config() { cat <<-END
	{"ociVersion": "1.0.0",
	 "process": {"user": {"uid": $user, "gid": $user}, "cwd": "/", "noNewPrivileges": true,
	  "args": [${head:+$head,} "grep", "-E", "VmLck|CapEff", "/proc/self/status"],
	  "env": ["PATH=/usr/bin:/bin", "LD_PRELOAD=$preload", "$settings"${variable:+, $variable}],
	  "capabilities": {"bounding": [$capabilities], "effective": [$capabilities],
	   "permitted": [$capabilities], "inheritable": [${head:+$capabilities}$ambient], "ambient": [$ambient]}},
	 "root": {"path": "$image", "readonly": true},
	 "mounts": [
	  {"destination": "/proc", "type": "proc", "source": "proc"},
	  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
	  {"destination": "/ramlock", "type": "bind", "source": "$image/usr/lib", "options": ["bind", "ro"]},
	  {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}],
	 "linux": {"cgroupsPath": "/ramlock-oci",
	  "resources": {${memory:+"\"memory\": {\"limit\": $memory}"}},
	  "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]}}
	END
}

oci_run() {
	# shellcheck disable=SC2086 # words
	$limited $runtime run --bundle "$tmp/bundle" "ramlock-$$"
}

oci_prepare() { # VARIABLE=VALUE...
	user=0 capabilities='' ambient='' memory='' head='' variable='' preload=libramlock.so
	for option; do
		eval "${option%%=*}=\${option#*=}"
	done
	mkdir -p "$tmp/bundle"
	oci_config >"$tmp/bundle/config.json"
}

oci_check() {
	# shellcheck disable=SC2086 # words
	oci_prepare $options
	# shellcheck disable=SC2154 # of each_row
	check "$runtime, as a pod: $name" expects "$least" "$most" "$said" oci_run
}

# name | options of podman run | …
podman_rows() { cat <<-END
	a limit | --ulimit memlock=$((limit << 10)) | 1 | $limit | $said_limit
	the capability and a limit | --cap-add IPC_LOCK --ulimit memlock=$((limit << 10)) | $heap | $all |
	no limit | --ulimit memlock=-1 | $heap | $all |
	a user, and the capability | --user 65534 --cap-add IPC_LOCK --ulimit memlock=$((limit << 10)) | $heap | $all |
	nothing but the capability | --read-only --cap-drop ALL --cap-add IPC_LOCK --security-opt no-new-privileges | $heap | $all |
	memory of 64 MiB | --memory 64m --cap-add IPC_LOCK -e RAMLOCK_LARGE_RESERVE=1G | $heap | $all | $said_group
	the library from outside | -v $image/usr/lib:/ramlock:ro -e LD_PRELOAD=/ramlock/libramlock.so --cap-add IPC_LOCK | $heap | $all |
	END
}

in_podman() { podman --storage-driver=vfs --cgroup-manager=cgroupfs --events-backend=none --log-level=error "$@"; }

# With limits that need no right to raise them.
podman_run() {
	in_podman --runtime "$runtime" run --rm --network=none --ulimit nofile=1024 --ulimit nproc=1024 \
		-e LD_PRELOAD=libramlock.so -e "$settings" "$@"
}

podman_check() {
	case $options in *memlock=-1*)
		if ! grep -q '^Max locked memory.*unlimited  *bytes' /proc/self/limits; then
			skip "podman, $runtime: $name" "nobody may raise the limit here"
			return
		fi
		;;
	esac
	# shellcheck disable=SC2086,SC2154 # words
	check "podman, $runtime: $name" expects "$least" "$most" "$said" \
		podman_run $options localhost/ramlock-test $show
}

# The options that the page shows are podman's.
page_is_podman() {
	podman run --help >"$tmp/help"
	sed -n 's/^podman run //p' "$top/doc/containers.md" | grep -oe '--[a-z-]*[a-z]' | sort -u >"$tmp/options"
	[ -s "$tmp/options" ] && ! while read -r option; do
		grep -qe " $option\( \|$\)" "$tmp/help" || echo "$option"
	done <"$tmp/options" | grep .
}

podman_prepare() {
	in_podman image exists ramlock-test || tar -C "$image" -c . | in_podman import - ramlock-test
}

# Whether anything runs, without the library.
runtime_works() {
	command -v "$runtime" >/dev/null || { echo "it is missing" && return 1; }
	oci_prepare preload=
	oci_run
}

runtimes() {
	for runtime in crun runc; do
		if ! runtime_works >"$tmp/err" 2>&1; then
			skip "$runtime" "$(tail -n 1 "$tmp/err")"
			continue
		fi
		ran="$ran, $runtime"
		each_row oci_rows oci_check
		if ! command -v podman >/dev/null; then
			skip "podman, $runtime" "podman is missing"
		elif ! podman_prepare >"$tmp/err" 2>&1; then
			skip "podman, $runtime" "$(tail -n 1 "$tmp/err")"
		else
			ran="$ran, podman with $runtime"
			each_row podman_rows podman_check
		fi
	done
	if command -v podman >/dev/null; then check "the options of doc/containers.md" page_is_podman; fi
}
