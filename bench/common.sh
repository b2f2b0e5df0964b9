# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the scripts here share: whom ramlock is compared with, how to run under one, tables. Each script
# writes its figures to $bench/NAME.csv, a table to stdout, and its verdicts to $bench/NAME.shown.
# The last word of a column's name is its unit, if it has one.

build=${BUILD:?the build tree}
bench=$build/bench
part=${0##*/}
# shellcheck disable=SC2034 # the scripts read them
here=$(cd "$(dirname "$0")" && pwd) rounds=${ROUNDS:-3}
library=$build/src/.libs/libramlock.so
shim=$build/tools/.libs/shim.so
onfault=$build/tools/.libs/onfault.so
cd "$bench" || exit

# The shared object of an allocator, by the name that ldconfig knows; empty where it is missing.
found() {
	PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | awk -v name="$1" 'index($1, name) == 1 { print $NF; exit }'
}
jemalloc=$(found libjemalloc.so.2)
mimalloc=$(found libmimalloc.so)
tcmalloc=$(found libtcmalloc_minimal.so.4)

allocators="${jemalloc:+ jemalloc}${mimalloc:+ mimalloc}${tcmalloc:+ tcmalloc}"
peers="bare shim shim-onfault mallopt$allocators"
peers=${PEERS:-$peers ramlock}

# preload PEER: what it has in LD_PRELOAD.
preload() {
	case $1 in
	shim | mallopt) echo "$shim" ;;
	shim-onfault) echo "$onfault" ;;
	jemalloc) echo "$shim:$jemalloc" ;;
	mimalloc) echo "$shim:$mimalloc" ;;
	tcmalloc) echo "$shim:$tcmalloc" ;;
	ramlock*) echo "$library" ;;
	esac
}

# under PEER command...: runs it with that.
under() {
	peer=$1
	shift
	[ "$peer" = bare ] || set -- LD_PRELOAD="$(preload "$peer")" "$@"
	case $peer in
	mallopt) set -- MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 "$@" ;;
	ramlock-eager) set -- RAMLOCK_LOCK=eager "$@" ;;
	ramlock-copy) set -- RAMLOCK_FORK=copy "$@" ;;
	ramlock-leave) set -- RAMLOCK_FORK=leave "$@" ;;
	ramlock-reserve) set -- RAMLOCK_LARGE_RESERVE=160M "$@" ;;
	esac
	placed env "$@"
}

# How a command is run in the place that the script made; crowd.sh has another.
placed() { "$@"; }

# rounds_join KEYS FIGURE...: the rows of all rounds on stdin, which begin with KEYS columns that say
# what they are of, to a row of each. A FIGURE is median:COLUMN, least:COLUMN, most:COLUMN, or
# spread:COLUMN, which is how far apart least and most are, in percent of the median.
rounds_join() {
	joined_keys=$1
	shift
	awk -F , -v keys="$joined_keys" -v wanted="$*" '
		function sort(key, column,   n, i, j, t) {
			n = rows[key]
			for (i = 1; i <= n; i++) {
				t = value[key, column, i] + 0
				for (j = i; j > 1 && sorted[j - 1] > t; j--) sorted[j] = sorted[j - 1]
				sorted[j] = t
			}
			return n
		}
		function figure(key, how, column,   n, median) {
			n = sort(key, column)
			median = sorted[int((n + 1) / 2)]
			if (how == "least") return sorted[1]
			if (how == "most") return sorted[n]
			if (how == "spread") return median ? sprintf("%.0f", (sorted[n] - sorted[1]) / median * 100) : 0
			return median
		}
		{
			key = $1
			for (i = 2; i <= keys; i++) key = key "," $i
			if (!rows[key]++) order[++count] = key
			for (i = keys + 1; i <= NF; i++) value[key, i, rows[key]] = $i
		}
		END {
			total = split(wanted, figures, " ")
			for (k = 1; k <= count; k++) {
				line = order[k]
				for (f = 1; f <= total; f++) {
					split(figures[f], parts, ":")
					line = line "," figure(order[k], parts[1], parts[2])
				}
				print line
			}
		}'
}

# cell FILE KEY[,KEY] COLUMN: one figure of FILE.csv, whose row begins with these keys.
cell() {
	awk -F , -v keys="$2," -v column="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i }
		index($0, keys) == 1 { print $at; exit }' "$1.csv"
}

# ratio A B: how often B goes into A.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", b ? a / b : 0 }'; }

# shown WHAT FIGURE OP LIMIT: one promise, kept or not; OP as that of expr.
shown() {
	awk -v what="$1" -v figure="$2" -v op="$3" -v limit="$4" 'BEGIN {
		met = op == "=" ? figure == limit : op == "<=" ? figure <= limit + 0 : figure >= limit + 0
		printf "%s: %s: %s\n", what, figure, met ? "met" : "MISSED"
	}' >>"$bench/$part.shown"
}

table_show() {
	column --table --separator , --output-separator '  ' --table-right "$(seq -s , 2 20)" "$1"
}
