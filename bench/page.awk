# SPDX-License-Identifier: MIT
# A page with figures of CSV files in folder, which has a name.csv each, and name.shown. In the text,
#   {{FILE|KEYS|COLUMN}}                    is one figure, of the row that begins with KEYS
#   {{FILE|KEYS|COLUMN / FILE|KEYS|COLUMN}} how often the second goes into the first
#   @columns FILE KEYS: COLUMN; COLUMN…     a table of these columns of the rows that begin with KEYS ("-": all)
#   @pivot FILE: ROWS; COLUMNS; CELL        a table whose rows and columns are the values of two columns
#   @shown FILE…                            what must be shown, and whether it is
# as lines of their own for the last three. A figure has the unit that its column's name ends in.

BEGIN {
	called["shim"] = "mlockall shim"
	called["shim-onfault"] = "shim, `MCL_ONFAULT`"
	called["mallopt"] = "shim, `mallopt`"
	called["jemalloc"] = "shim, jemalloc"
	called["mimalloc"] = "shim, mimalloc"
	called["tcmalloc"] = "shim, tcmalloc"
	called["floor"] = "shim with ramlock's reserves"
	called["ramlock"] = "**ramlock**"
	called["threaded"] = "ramlock, two threads"
	called["no-reserve"] = "ramlock, no reserve"
	called["ramlock-eager"] = "ramlock, `LOCK=eager`"
	called["ramlock-leave"] = "ramlock, `FORK=leave`"
	called["ramlock-copy"] = "ramlock, `FORK=copy`"
}

function name_of(key) { return key in called ? called[key] : key }

function file_read(file,   line, parts, i) {
	if (file in rows) return
	rows[file] = 0
	while ((getline line <(folder "/" file ".csv")) > 0) {
		width[file] = split(line, parts, ",")
		for (i = 1; i <= width[file]; i++) value[file, rows[file], i] = parts[i]
		text[file, rows[file]++] = line
	}
	close(folder "/" file ".csv")
}

function column_find(file, column,   i) {
	file_read(file)
	for (i = 1; i <= width[file]; i++) if (value[file, 0, i] == column) return i
	return 0
}

function keyed(file, row, keys) { return keys == "-" || index(text[file, row], keys ",") == 1 }

function unit_of(column,   parts, n) {
	n = split(column, parts, " ")
	return n > 1 && parts[n] ~ /^(ns|us|ms|KiB|MiB|%)$/ ? parts[n] : column == "bytes" ? column : ""
}

# Three digits, but none that isn't there.
function digits(x) { return x >= 99.95 ? sprintf("%.0f", x) : x >= 9.995 ? sprintf("%.1f", x) : sprintf("%.2f", x) }

function duration(ns) {
	if (ns < 99.95) return ns == int(ns) ? ns " ns" : sprintf("%.1f ns", ns)
	if (ns < 999.5) return sprintf("%.0f ns", ns)
	if (ns < 999.5e3) return digits(ns / 1e3) " µs"
	if (ns < 999.5e6) return digits(ns / 1e6) " ms"
	return digits(ns / 1e9) " s"
}

function memory(kib) {
	if (kib < 1024) return sprintf("%.0f KiB", kib)
	return kib < 100 * 1024 ? sprintf("%.1f MiB", kib / 1024) : sprintf("%.0f MiB", kib / 1024)
}

function figure(x, unit) {
	if (unit != "" && x == 0) return 0
	if (unit == "ns") return duration(x)
	if (unit == "us") return duration(x * 1e3)
	if (unit == "ms") return duration(x * 1e6)
	if (unit == "KiB") return memory(x)
	if (unit == "MiB" || unit == "%") return x " " unit
	if (unit == "bytes") return x < 1048576 ? x / 1024 " KiB" : x / 1048576 " MiB"
	return x ~ /^[0-9]+[.][0-9]+$/ ? digits(x) : x
}

function row_find(file, keys,   row) {
	file_read(file)
	for (row = 1; row < rows[file]; row++) if (keyed(file, row, keys)) return row
	return 0
}

function lookup(what, bare,   parts, row, at) {
	split(what, parts, "|")
	at = column_find(parts[1], parts[3])
	row = row_find(parts[1], parts[2])
	if (!at || !row) {
		print "page: no figure for " what >"/dev/stderr"
		missing = 1
		return "?"
	}
	return bare ? value[parts[1], row, at] : figure(value[parts[1], row, at], unit_of(parts[3]))
}

function inline(what,   parts) {
	if (split(what, parts, " / ") < 2) return lookup(what, 0)
	parts[2] = lookup(parts[2], 1) + 0
	return parts[2] ? digits(lookup(parts[1], 1) / parts[2]) : "?"
}

function rule(n,   i, line) {
	line = "|---|"
	for (i = 2; i <= n; i++) line = line "--:|"
	return line
}

function without_unit(column,   unit) {
	unit = unit_of(column)
	return unit == "" || unit == "bytes" ? column : substr(column, 1, length(column) - length(unit) - 1)
}

function columns_show(file, keys, list,   names, n, i, row, at, line) {
	n = split(list, names, "; ")
	line = "|"
	for (i = 1; i <= n; i++) line = line " " (i > 1 ? without_unit(names[i]) : "") " |"
	print line "\n" rule(n)
	for (row = 1; row < rows[file]; row++) {
		if (!keyed(file, row, keys)) continue
		line = "|"
		for (i = 1; i <= n; i++) {
			at = column_find(file, names[i])
			line = line " " (i > 1 ? figure(value[file, row, at], unit_of(names[i])) : name_of(value[file, row, at])) " |"
		}
		print line
	}
}

# What failed has no figure.
function cell_show(file, row, at,   status) {
	status = column_find(file, "status")
	if (status && value[file, row, status] != 0) return "**fails**"
	return figure(value[file, row, at], unit_of(value[file, 0, at]))
}

function pivot_show(file, list,   names, r, c, at, row, i, j, nr, nc, rowkeys, colkeys, seen, cells, line) {
	split(list, names, "; ")
	r = column_find(file, names[1])
	c = column_find(file, names[2])
	at = column_find(file, names[3])
	for (row = 1; row < rows[file]; row++) {
		if (!seen["r", value[file, row, r]]++) rowkeys[++nr] = value[file, row, r]
		if (!seen["c", value[file, row, c]]++) colkeys[++nc] = value[file, row, c]
		cells[value[file, row, r], value[file, row, c]] = cell_show(file, row, at)
	}
	line = "| |"
	for (j = 1; j <= nc; j++) line = line " " name_of(figure(colkeys[j], unit_of(names[2]))) " |"
	print line "\n" rule(nc + 1)
	for (i = 1; i <= nr; i++) {
		line = "| " name_of(rowkeys[i]) " |"
		for (j = 1; j <= nc; j++) line = line " " cells[rowkeys[i], colkeys[j]] " |"
		print line
	}
}

function shown_show(list,   names, n, i, line) {
	n = split(list, names, " ")
	for (i = 1; i <= n; i++) {
		while ((getline line <(folder "/" names[i] ".shown")) > 0)
			print (line ~ /^ / ? "  - " substr(line, 3) : "- " line)
		close(folder "/" names[i] ".shown")
	}
}

/^@columns / {
	file_read($2)
	keys = $0
	sub(/^@columns [^ ]* /, "", keys)
	list = keys
	sub(/:.*/, "", keys)
	sub(/^[^:]*: */, "", list)
	columns_show($2, keys, list)
	next
}
/^@pivot / {
	file = $2
	sub(/:$/, "", file)
	file_read(file)
	list = $0
	sub(/^[^:]*: */, "", list)
	pivot_show(file, list)
	next
}
/^@shown / {
	sub(/^@shown /, "")
	shown_show($0)
	next
}
{
	line = $0
	out = ""
	while (match(line, /[{][{][^}]*[}][}]/)) {
		out = out substr(line, 1, RSTART - 1) inline(substr(line, RSTART + 2, RLENGTH - 4))
		line = substr(line, RSTART + RLENGTH)
	}
	print out line
}
END { exit missing }
