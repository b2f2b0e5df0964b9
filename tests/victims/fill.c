/* SPDX-License-Identifier: MIT */
/* Takes memory: fill MIB MICROSECONDS [hold], so much in blocks of 1 MiB, with that pause after each;
 * with a third argument it keeps them until its input ends. */
#include "victim.h"

int main(int argc, char **argv)
{
	const long count = argc > 2 ? atol(argv[1]) : 0;
	long held = 0;
	char byte;

	for (; held < count; held++) {
		char *block = malloc(1 << 20);

		if (block == NULL)
			break;
		memset(block, (int)held, 1 << 20);
		if (argc > 2 && atol(argv[2]))
			usleep((unsigned)atol(argv[2]));
	}
	printf("filled %ld\n", held);
	fflush(stdout);
	return argc > 3 && read(0, &byte, 1) < 0;
}
