/* SPDX-License-Identifier: MIT */
/* mremap(2) of a range that is several mappings only because parts of it were locked: the kernel
 * does not join mappings again whose pages came while their locks differed. */
#ifndef RAMLOCK_REMAP_H
#define RAMLOCK_REMAP_H

#include <stddef.h>
#include <stdint.h>

/* Does what mremap(at, old_size, new_size, flags, to) does for one mapping: the new address, or
 * -errno and nothing has changed. -EFAULT where the mappings differ in more than their locks, and
 * for what it is not able to (to shrink, MREMAP_DONTUNMAP). Sizes are whole pages. Another thread
 * that uses the range meanwhile finds part of it gone, as with mremap(2). */
intptr_t remap_pieces(uintptr_t at, size_t old_size, size_t new_size, int flags, uintptr_t to);

#endif
