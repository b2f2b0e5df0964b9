# SPDX-License-Identifier: MIT
# A service with its data in memory: fills a table, says "ready", waits for a line, then looks up
# random rows with a pause before each. Prints "major faults,p50 ms,p99 ms,max ms,look-ups/s", then
# the times that half, 3/4, 7/8… of the look-ups are below.
import random
import resource
import sqlite3
import sys
import time

ROWS, LOOKUPS, PAUSE = 110000, 4096, 0.001

table = sqlite3.connect(":memory:")
table.execute("create table t(k integer primary key, v blob)")
table.executemany("insert into t values(?, zeroblob(1000))", ((n,) for n in range(ROWS)))
print("ready", flush=True)
sys.stdin.readline()

dice = random.Random(1)
times = []
before = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
begin = time.perf_counter()
for _ in range(LOOKUPS):
    time.sleep(PAUSE)
    start = time.perf_counter()
    table.execute("select length(v) from t where k = ?", (dice.randrange(ROWS),)).fetchone()
    times.append((time.perf_counter() - start) * 1000)
rate = LOOKUPS / (time.perf_counter() - begin)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt - before
times.sort()


def below(share):
    return times[min(int(LOOKUPS * share), LOOKUPS - 1)]


print(f"{faults},{below(.5):.3f},{below(.99):.3f},{times[-1]:.3f},{rate:.0f}")
one_in = 2
while one_in < LOOKUPS:
    print(f"{one_in},{below(1 - 1 / one_in):.3f}")
    one_in *= 2
