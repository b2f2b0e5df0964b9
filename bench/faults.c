/* SPDX-License-Identifier: MIT */
/* Takes so many first-touch faults with so much work after each, and prints the milliseconds:
 * faults COUNT WORK. The work is an amount, not a time, so that what each fault costs shows. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "figures.h"

#define PAGE 4096ul
#define SPAN (4096 * PAGE) /* mapped and given back in one */

static double now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1e6;
}

static void work(unsigned long amount)
{
	volatile uint64_t dice = 1;

	while (amount--)
		dice = dice * 6364136223846793005u + 1442695040888963407u;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	const unsigned long amount = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	const double start = now_ms();

	while (count) {
		char *at = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return 1;
		madvise(at, SPAN, MADV_NOHUGEPAGE);
		for (unsigned long i = 0; i < SPAN / PAGE && count; i++, count--) {
			at[i * PAGE] = 1;
			work(amount);
		}
		munmap(at, SPAN);
	}
	printf("%.1f\n", now_ms() - start);
	return 0;
}
