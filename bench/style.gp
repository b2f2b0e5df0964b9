# SPDX-License-Identifier: MIT
# How all plots look: white of their own, quiet axes, one colour a peer in every plot.
set terminal svg size 760,400 dynamic noenhanced font 'Helvetica,Arial,sans-serif,12' background '#ffffff'
set datafile separator ','
set border 3 linecolor '#888888'
set tics nomirror textcolor '#333333'
set xlabel textcolor '#333333'
set ylabel textcolor '#333333'
set title font ',14' textcolor '#111111'
set grid ytics linecolor '#dddddd' linewidth 1 linetype 1
set key textcolor '#333333'
set style fill solid 1 noborder
bare = '#9a9a9a'
shim = '#d1495b'
onfault = '#edae49'
mallopt = '#8d6a9f'
jemalloc = '#66a182'
mimalloc = '#b5838d'
tcmalloc = '#7d8597'
ramlock = '#00798c'
eager = '#2e4057'
