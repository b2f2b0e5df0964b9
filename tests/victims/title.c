/* SPDX-License-Identifier: MIT */
/* Writes over its environment, as a program does that sets its title. */
#include "victim.h"

extern char **environ;

int main(void)
{
	char **copy = environ;

	for (char **variable = copy; *variable; variable++)
		memset(*variable, 'x', strlen(*variable));
	puts("title");
	return 0;
}
