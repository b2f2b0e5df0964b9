/* SPDX-License-Identifier: MIT */
/* `sparse COUNT MIB` makes so many maps of that size and uses a page of each; with `untouched` it uses
 * none, and prints whether any of the last page is resident. */
#include "victim.h"

int main(int argc, char **argv)
{
	const int count = argc > 2 ? atoi(argv[1]) : 1;
	const size_t size = (size_t)(argc > 2 ? atoi(argv[2]) : 1) << 20;
	const int untouched = argc > 3;
	int resident = 0;

	for (int i = 0; i < count; i++) {
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			return 1;
		if (untouched)
			resident |= is_resident(at) || is_resident(at + size - PAGE);
		else
			*at = 1;
	}
	if (untouched)
		printf("resident %d\n", resident);
	else
		printf("ok\n");
	return 0;
}
