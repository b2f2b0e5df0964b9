/* SPDX-License-Identifier: MIT */
/* A library with writable data, read-only data that relocation writes, and bss: for eager.c. */
#include <stddef.h>

#define PAGE 4096

void plugin_use(void);

volatile char plugin_sum;
char plugin_data[64 * PAGE] = {1};
char plugin_bss[4 << 20];
static const char constants[64 * PAGE] = {1};
const void *const plugin_relocated[4 * PAGE / sizeof(void *)] = {plugin_data, constants, plugin_bss};

/* Touches each page of all. */
void plugin_use(void)
{
	for (size_t i = 0; i < sizeof(plugin_data); i += PAGE)
		plugin_data[i]++;
	for (size_t i = 0; i < sizeof(plugin_bss); i += PAGE)
		plugin_bss[i]++;
	for (size_t i = 0; i < sizeof(constants); i += PAGE)
		plugin_sum += constants[i];
	for (size_t i = 0; i < 4 * PAGE / sizeof(void *); i += PAGE / sizeof(void *))
		plugin_sum += plugin_relocated[i] != NULL;
}
