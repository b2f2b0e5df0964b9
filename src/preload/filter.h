/* SPDX-License-Identifier: MIT */
/* What a seccomp filter answers to a system call: pure, the filter is run here.
 *
 * Everything is safe for a filter that the kernel would refuse: that allows nothing. */
#ifndef RAMLOCK_FILTER_H
#define RAMLOCK_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A system call with its first arguments. */
struct filter_call {
	long number;
	uint64_t arguments[4];
};

/* SECCOMP_RET_… of a filter of so many instructions, with the data in its lower bits. */
uint32_t filter_run(const struct sock_filter *code, size_t length, const struct filter_call *call);

/* Whether a filter lets a call through. */
bool filter_allows(const struct sock_filter *code, size_t length, const struct filter_call *call);

/* Whether a filter lets a call through or refuses it with an error: then nothing worse can come of it. */
bool filter_bears(const struct sock_filter *code, size_t length, const struct filter_call *call);

#endif
