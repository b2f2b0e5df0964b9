/* SPDX-License-Identifier: MIT */
/* `loaded LIBRARY [SYMBOL]`: whether a library that the program loads is locked once it allocates again. */
#include <dlfcn.h>

#include "victim.h"

int main(int argc, char **argv)
{
	void *library = argc > 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	void *symbol = library ? dlsym(library, argv[2]) : NULL;
	char *volatile block = malloc(100);

	free(block);
	printf("found %d locked %d\n", symbol != NULL, symbol && is_locked(symbol));
	return 0;
}
