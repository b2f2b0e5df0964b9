# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# What the scripts here share: the allocators, how to run under one, tables. Each script writes its
# CSV and plots to $bench, the tables to stdout, and its verdicts to $bench/NAME.shown.

build=${BUILD:?the build tree}
bench=$build/bench
# shellcheck disable=SC2034 # the scripts read it
rounds=${ROUNDS:-3}
library=$build/src/.libs/libramlock.so
shim=$build/tools/.libs/shim.so
cd "$bench" || exit

# The shared object of an allocator, by the name that ldconfig knows; empty where it is missing.
found() { ldconfig -p 2>/dev/null | awk -v name="$1" 'index($1, name) == 1 { print $NF; exit }'; }
jemalloc=$(found libjemalloc.so.2)
mimalloc=$(found libmimalloc.so)
tcmalloc=$(found libtcmalloc_minimal.so.4)

peers="bare shim mallopt${jemalloc:+ jemalloc}${mimalloc:+ mimalloc}${tcmalloc:+ tcmalloc}"
peers=${PEERS:-$peers ramlock}

# under PEER command...: runs it with that allocator. Large blocks of up to 64 MiB fit the reserve.
under() {
	peer=$1
	shift
	case $peer in
	bare) "$@" ;;
	shim) env LD_PRELOAD="$shim" "$@" ;;
	mallopt) env LD_PRELOAD="$shim" MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 "$@" ;;
	jemalloc) env LD_PRELOAD="$shim:$jemalloc" "$@" ;;
	mimalloc) env LD_PRELOAD="$shim:$mimalloc" "$@" ;;
	tcmalloc) env LD_PRELOAD="$shim:$tcmalloc" "$@" ;;
	ramlock) env LD_PRELOAD="$library" RAMLOCK_LARGE_RESERVE=160M "$@" ;;
	esac
}

show() {
	column --table --separator , --output-separator '  ' --table-right "$(seq -s , 2 16)" "$1"
}

# plot NAME TITLE YLABEL: an SVG; the lines that gnuplot is given after its terminal are stdin.
plot() {
	command -v gnuplot >/dev/null || return 0
	{
		echo "set terminal svg size 760,440 background 'white'; set output '$1.svg'"
		echo "set title '$2'; set ylabel '$3'; set key outside right; set grid"
		echo "set datafile separator ','"
		cat
	} | gnuplot
}
