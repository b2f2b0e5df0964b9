/* SPDX-License-Identifier: MIT */
/* Linux's rules of mapping and locking, on an array of pages.
 *
 * Each function follows the kernel's of the name that its comment gives, in the same order of
 * checks, so that the two can be read side by side. There is no list of VMAs: neighbours that could
 * be one are one. */
#include "config.h"

#include <string.h>
#include <sys/mman.h>

#include "fakekernel.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MADV_COLD
#define MADV_COLD    20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

struct fake fake;

/* A stretch of pages. */
struct span {
	unsigned start, end;
};

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.version = FAKE_VERSION(6, 18);
	for (size_t i = 0; i < RLIM_NLIMITS; i++)
		fake.limits[i] = (struct sys_rlimit){SYS_RLIM_INFINITY, SYS_RLIM_INFINITY};
	fake.max_map_count = 65530;
	fake.memory = SIZE_MAX;
	fake.stack_gap = 256;
	fake.base = FAKE_BASE;
	fake.seed = 1;
	for (unsigned i = 0; i < FAKE_FILES; i++)
		fake.file_pages[i] = FAKE_PAGES;
}

uintptr_t fake_at(unsigned page)
{
	return fake.base + page * FAKE_PAGE;
}

unsigned fake_number(uintptr_t at)
{
	return (unsigned)((at - fake.base) / FAKE_PAGE);
}

/* Whole pages from an address on, as the kernel rounds a size. */
static uint64_t pages_of(size_t size)
{
	return size / FAKE_PAGE + (size % FAKE_PAGE != 0);
}

/* False where any of it is outside. */
static bool span_of(uintptr_t at, size_t size, struct span *span)
{
	uint64_t pages = pages_of(size);

	if (at < fake.base || at > fake_at(FAKE_PAGES) || pages > FAKE_PAGES - fake_number(at))
		return false;
	*span = (struct span){fake_number(at), fake_number(at) + (unsigned)pages};
	return true;
}

/* VMAs. */

static bool is_file(const struct fake_page *p)
{
	return p->kind == FAKE_FILE || p->kind == FAKE_DEVICE || p->shared;
}

static bool is_one_vma(const struct fake_page *a, const struct fake_page *b)
{
	return a->mapped && b->mapped && a->kind == b->kind && a->shared == b->shared &&
	       a->prot == b->prot && a->noreserve == b->noreserve && a->growsdown == b->growsdown &&
	       a->locked == b->locked && a->on_fault == b->on_fault &&
	       (!is_file(a) || (a->file == b->file && a->offset + 1 == b->offset));
}

struct fake_vma fake_vma(unsigned page)
{
	struct fake_vma vma = {page, page + 1};

	while (vma.start > 0 && is_one_vma(&fake.pages[vma.start - 1], &fake.pages[vma.start]))
		vma.start--;
	while (vma.end < FAKE_PAGES && is_one_vma(&fake.pages[vma.end - 1], &fake.pages[vma.end]))
		vma.end++;
	return vma;
}

size_t fake_map_count(void)
{
	size_t count = 0;

	for (unsigned i = 0; i < FAKE_PAGES; i++)
		count += fake.pages[i].mapped &&
			 (i == 0 || !is_one_vma(&fake.pages[i - 1], &fake.pages[i]));
	return count;
}

/* The part of a span, from its start on, that is one VMA or no VMA. */
static unsigned piece_end(unsigned start, unsigned end)
{
	unsigned i = start + 1;

	if (fake.pages[start].mapped)
		i = fake_vma(start).end;
	else
		while (i < end && !fake.pages[i].mapped)
			i++;
	return i < end ? i : end;
}

static bool is_free(struct span s)
{
	for (unsigned i = s.start; i < s.end; i++)
		if (fake.pages[i].mapped)
			return false;
	return true;
}

/* vma_supports_mlock */
static bool is_lockable(const struct fake_page *p)
{
	return p->kind != FAKE_DEVICE && p->kind != FAKE_HUGETLB;
}

/* Limits. */

static uint64_t limit_pages(void)
{
	uint64_t soft = fake.limits[RLIMIT_MEMLOCK].soft;

	return soft == SYS_RLIM_INFINITY ? UINT64_MAX : soft / FAKE_PAGE;
}

/* can_do_mlock */
static bool may_lock(void)
{
	return fake.limits[RLIMIT_MEMLOCK].soft != 0 || fake.capable;
}

/* mlock_future_ok */
static bool is_room(bool locked, uint64_t pages)
{
	return !locked || fake.capable || fake.locked_vm + pages <= limit_pages();
}

static uint64_t total_vm(void)
{
	uint64_t total = fake.other_total;

	for (unsigned i = 0; i < FAKE_PAGES; i++)
		total += fake.pages[i].mapped;
	return total;
}

/* Faults. */

size_t fake_resident_pages(void)
{
	size_t count = 0;

	for (unsigned i = 0; i < FAKE_PAGES; i++)
		count += fake.pages[i].resident;
	return count;
}

static uint64_t *file_stamp(const struct fake_page *p)
{
	return &fake.files[p->file][p->offset % FAKE_PAGES];
}

uint64_t fake_contents(unsigned page)
{
	const struct fake_page *p = &fake.pages[page];

	if (p->copied)
		return p->stamp;
	return is_file(p) ? *file_stamp(p) : 0;
}

/* handle_mm_fault: 0 or -EFAULT, whatever the rights. */
static int fault(unsigned page, bool write)
{
	struct fake_page *p = &fake.pages[page];

	if (p->guard || (is_file(p) && !p->copied && p->offset >= fake.file_pages[p->file]))
		return -EFAULT;
	if (write && !p->shared && !p->copied) {
		p->stamp = fake_contents(page);
		p->copied = true;
	}
	p->resident = true;
	if (fake_resident_pages() > fake.memory)
		fake.oom = true;
	return 0;
}

/* populate_vma_page_range */
static int populate_vma(unsigned start, unsigned end)
{
	const struct fake_page *p = &fake.pages[start];

	if (p->on_fault)
		return 0;
	if (p->prot == PROT_NONE)
		return -EFAULT;
	for (unsigned i = start; i < end; i++) {
		int error = fault(i, (p->prot & PROT_WRITE) && !p->shared);

		if (error)
			return error;
	}
	return 0;
}

/* __mm_populate */
static int populate(struct span s, bool ignore_errors)
{
	for (unsigned i = s.start, end; i < s.end; i = end) {
		int error = 0;

		end = piece_end(i, s.end);
		if (fake.pages[i].mapped && fake.pages[i].kind != FAKE_DEVICE)
			error = populate_vma(i, end);
		if (error && !ignore_errors)
			return error;
	}
	return 0;
}

/* Mapping. */

/* Gives what a page had back: its lock no longer counts. */
static void forget(struct fake_page *p)
{
	fake.locked_vm -= p->mapped && p->locked;
	*p = (struct fake_page){.mapped = false};
}

static struct fake_page saved[FAKE_PAGES];

/* Whether there are more VMAs than before and than may be. */
static bool is_crowded(size_t before)
{
	size_t count = fake_map_count();

	return count > before && count > fake.max_map_count;
}

int fake_munmap(uintptr_t at, size_t size)
{
	size_t before = fake_map_count();
	uint64_t locked = fake.locked_vm;
	struct span s;

	if (at % FAKE_PAGE || size == 0 || !span_of(at, size, &s))
		return -EINVAL;
	memcpy(saved, fake.pages, sizeof(saved));
	for (unsigned i = s.start; i < s.end; i++)
		forget(&fake.pages[i]);
	if (!is_crowded(before))
		return 0;
	memcpy(fake.pages, saved, sizeof(saved));
	fake.locked_vm = locked;
	return -ENOMEM;
}

static unsigned random_number(void)
{
	fake.seed = fake.seed * 1103515245U + 12345U;
	return fake.seed >> 16;
}

/* get_unmapped_area, without a wish: the first page, or FAKE_PAGES where there is no room. */
static unsigned place_of(unsigned pages)
{
	unsigned found = FAKE_PAGES, fits = 0;

	for (unsigned i = 0; i + pages <= FAKE_PAGES; i++) {
		if (!is_free((struct span){i, i + pages}))
			continue;
		if (fake.place == FAKE_LOWEST)
			return i;
		fits++;
		if (fake.place == FAKE_HIGHEST || random_number() % fits == 0)
			found = i;
	}
	return found;
}

/* A file for a shared anonymous map: one that no page has. */
static unsigned file_new(void)
{
	for (unsigned file = FAKE_NAMED; file < FAKE_FILES; file++) {
		bool used = false;

		for (unsigned i = 0; i < FAKE_PAGES; i++)
			used |= fake.pages[i].mapped && is_file(&fake.pages[i]) &&
				fake.pages[i].file == file;
		if (used)
			continue;
		memset(fake.files[file], 0, sizeof(fake.files[file]));
		return file;
	}
	return FAKE_FILES;
}

/* Where mmap and mremap may put it: -errno, or 0 with the span. */
static int choose(uintptr_t at, size_t size, int flags, struct span *s)
{
	bool inside = span_of(at, size, s);

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (at % FAKE_PAGE)
			return -EINVAL;
		if (!inside)
			return -ENOMEM;
		return !(flags & MAP_FIXED_NOREPLACE) || is_free(*s) ? 0 : -EEXIST;
	}
	if (inside && is_free(*s))
		return 0;
	if (pages_of(size) > FAKE_PAGES)
		return -ENOMEM;
	s->start = place_of((unsigned)pages_of(size));
	s->end = s->start + (unsigned)pages_of(size);
	return s->start < FAKE_PAGES ? 0 : -ENOMEM;
}

/* do_mmap and mmap_region */
intptr_t fake_mmap_file(uintptr_t at, size_t size, int prot, int flags, enum fake_kind kind,
			unsigned file, unsigned offset)
{
	struct fake_page page = {.mapped = true,
				 .kind = (uint8_t)kind,
				 .prot = (uint8_t)prot,
				 .shared = (flags & MAP_TYPE) != MAP_PRIVATE,
				 .noreserve = flags & MAP_NORESERVE,
				 .growsdown = flags & MAP_GROWSDOWN,
				 .locked = fake.future || flags & MAP_LOCKED,
				 .on_fault = fake.future_on_fault};
	bool fills = page.locked || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	struct span s;
	int error;

	if (size == 0)
		return -EINVAL;
	if (fake_map_count() > fake.max_map_count)
		return -ENOMEM;
	error = choose(at, size, flags, &s);
	if (error)
		return error;
	if (flags & MAP_LOCKED && !may_lock())
		return -EPERM;
	if (!is_room(page.locked, pages_of(size)))
		return -EAGAIN;
	error = fake_munmap(fake_at(s.start), size);
	if (error)
		return error;
	if (page.shared && kind == FAKE_ANONYMOUS)
		file = file_new();
	if (file >= FAKE_FILES)
		return -ENFILE;
	if (page.shared && kind == FAKE_ANONYMOUS)
		fake.file_pages[file] = s.end - s.start;
	if (!is_lockable(&page))
		page.locked = page.on_fault = false;
	for (unsigned i = s.start; i < s.end; i++) {
		fake.pages[i] = page;
		fake.pages[i].resident = kind == FAKE_DEVICE;
		fake.pages[i].file = is_file(&page) ? file : 0;
		fake.pages[i].offset = is_file(&page) ? offset + (i - s.start) : 0;
	}
	fake.locked_vm += page.locked ? s.end - s.start : 0;
	if (fills)
		populate(s, true);
	return (intptr_t)fake_at(s.start);
}

intptr_t fake_mmap(uintptr_t at, size_t size, int prot, int flags, enum fake_kind kind)
{
	return fake_mmap_file(at, size, prot, flags, kind, 0, 0);
}

/* mprotect_fixup, of a part of a VMA */
static int protect_part(unsigned start, unsigned end, int prot)
{
	struct fake_page old = fake.pages[start];
	size_t before = fake_map_count();

	if (old.prot == prot)
		return 0;
	for (unsigned i = start; i < end; i++)
		fake.pages[i].prot = (uint8_t)prot;
	if (is_crowded(before)) {
		for (unsigned i = start; i < end; i++)
			fake.pages[i].prot = old.prot;
		return -ENOMEM;
	}
	if (old.locked && !old.shared && !(old.prot & PROT_WRITE) && prot & PROT_WRITE)
		populate_vma(start, end); /* its errors are lost */
	return 0;
}

int fake_mprotect(uintptr_t at, size_t size, int prot)
{
	struct span s;

	if (at % FAKE_PAGE)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (!span_of(at, size, &s))
		return -ENOMEM;
	for (unsigned i = s.start, end; i < s.end; i = end) {
		int error;

		if (!fake.pages[i].mapped)
			return -ENOMEM;
		end = piece_end(i, s.end);
		error = protect_part(i, end, prot);
		if (error)
			return error;
	}
	return 0;
}

/* Locking. */

/* mlock_fixup, of a part of a VMA */
static int lock_part(unsigned start, unsigned end, bool locked, bool on_fault)
{
	struct fake_page old = fake.pages[start];
	size_t before = fake_map_count();

	if (!is_lockable(&old) || (old.locked == locked && old.on_fault == on_fault))
		return 0;
	for (unsigned i = start; i < end; i++) {
		fake.pages[i].locked = locked;
		fake.pages[i].on_fault = on_fault;
	}
	if (is_crowded(before)) {
		for (unsigned i = start; i < end; i++) {
			fake.pages[i].locked = old.locked;
			fake.pages[i].on_fault = old.on_fault;
		}
		return -ENOMEM;
	}
	fake.locked_vm -= old.locked ? end - start : 0;
	fake.locked_vm += locked ? end - start : 0;
	return 0;
}

/* apply_vma_lock_flags: what lies before a hole is done. */
static int lock_span(struct span s, bool locked, bool on_fault)
{
	for (unsigned i = s.start, end; i < s.end; i = end) {
		int error;

		if (!fake.pages[i].mapped)
			return -ENOMEM;
		end = piece_end(i, s.end);
		error = lock_part(i, end, locked, on_fault);
		if (error)
			return error;
	}
	return 0;
}

/* The kernel's PAGE_ALIGN(len + offset_in_page(start)). False where it is outside. */
static bool lock_span_of(uintptr_t at, size_t size, struct span *s)
{
	return span_of(at - at % FAKE_PAGE, size + at % FAKE_PAGE, s);
}

/* do_mlock */
static int lock(uintptr_t at, size_t size, bool on_fault)
{
	uint64_t locked, already = 0;
	struct span s;
	int error;

	if (!may_lock())
		return -EPERM;
	if (size == 0 && at % FAKE_PAGE == 0)
		return 0;
	locked = fake.locked_vm + pages_of(size + at % FAKE_PAGE);
	if (!lock_span_of(at, size, &s))
		return -ENOMEM;
	for (unsigned i = s.start; i < s.end; i++)
		already += fake.pages[i].locked;
	if (locked - already > limit_pages() && !fake.capable)
		return -ENOMEM;
	error = lock_span(s, true, on_fault);
	if (error)
		return error;
	return populate(s, false) ? -ENOMEM : 0; /* __mlock_posix_error_return */
}

int fake_mlock(uintptr_t at, size_t size)
{
	return lock(at, size, false);
}

int fake_mlock2(uintptr_t at, size_t size, int flags)
{
	if (fake.version < FAKE_VERSION(4, 4))
		return -ENOSYS;
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock(at, size, flags & MLOCK_ONFAULT);
}

int fake_munlock(uintptr_t at, size_t size)
{
	struct span s;

	if (size == 0 && at % FAKE_PAGE == 0)
		return 0;
	return lock_span_of(at, size, &s) ? lock_span(s, false, false) : -ENOMEM;
}

/* apply_mlockall_flags */
static void lock_all(int flags)
{
	bool locked = flags & MCL_CURRENT, on_fault = locked && flags & MCL_ONFAULT;

	fake.future = flags & MCL_FUTURE;
	fake.future_on_fault = fake.future && flags & MCL_ONFAULT;
	if (flags & MCL_FUTURE && !locked)
		return;
	for (unsigned i = 0, end; i < FAKE_PAGES; i = end) {
		end = piece_end(i, FAKE_PAGES);
		if (fake.pages[i].mapped)
			lock_part(i, end, locked, on_fault); /* its errors are lost */
	}
	fake.locked_vm -= fake.other_locked;
	fake.other_locked = locked ? fake.other_lockable : 0;
	fake.locked_vm += fake.other_locked;
}

int fake_mlockall(int flags)
{
	int known = MCL_CURRENT | MCL_FUTURE;

	if (fake.version >= FAKE_VERSION(4, 4))
		known |= MCL_ONFAULT;
	if (flags == 0 || flags & ~known || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock())
		return -EPERM;
	if (flags & MCL_CURRENT && total_vm() > limit_pages() && !fake.capable)
		return -ENOMEM;
	lock_all(flags);
	if (flags & MCL_CURRENT)
		populate((struct span){0, FAKE_PAGES}, true);
	return 0;
}

int fake_munlockall(void)
{
	lock_all(0);
	return 0;
}

/* Moving and growing. */

/* move_vma: takes the pages with all that they are to another place, and adds what is new. */
static void move_pages(struct span from, struct span to, bool keep)
{
	unsigned size = from.end - from.start;
	struct fake_page model = fake.pages[from.start];
	struct fake_vma vma = fake_vma(from.start);

	memcpy(saved, &fake.pages[from.start], size * sizeof(*saved));
	for (unsigned i = 0; i < to.end - to.start; i++) {
		struct fake_page *p = &fake.pages[to.start + i];

		*p = model;
		p->resident = p->copied = p->guard = false;
		p->offset = is_file(p) ? model.offset + i : 0;
		if (i < size)
			*p = saved[i];
		fake.locked_vm += p->locked;
	}
	if (!keep) {
		for (unsigned i = from.start; i < from.end; i++)
			forget(&fake.pages[i]);
		return;
	}
	for (unsigned i = from.start; i < from.end; i++) {
		fake.pages[i].resident = fake.pages[i].copied = fake.pages[i].guard = false;
		if (fake.version < FAKE_VERSION(6, 15))
			fake.locked_vm -= fake.pages[i].locked;
	}
	/* MREMAP_DONTUNMAP takes the lock of all of the VMA, and counts back less of it: the range
	 * alone, and on newer kernels nothing */
	for (unsigned i = vma.start; i < vma.end; i++)
		fake.pages[i].locked = fake.pages[i].on_fault = false;
}

/* The flags, sizes and addresses that no mremap takes. */
static int remap_check(uintptr_t from, uint64_t old, uint64_t new, int flags, uintptr_t to)
{
	int known = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (fake.version >= FAKE_VERSION(5, 7))
		known |= MREMAP_DONTUNMAP;
	if (flags & ~known || from % FAKE_PAGE || new == 0)
		return -EINVAL;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;
	if (to % FAKE_PAGE || !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && old != new)
		return -EINVAL;
	if (to + new *FAKE_PAGE > from && from + old *FAKE_PAGE > to)
		return -EINVAL;
	return fake_map_count() + 2 >= fake.max_map_count - 3 ? -ENOMEM : 0;
}

/* vma_to_resize, of what grows or moves. */
static int remap_check_vma(struct span from, uint64_t new, int flags)
{
	const struct fake_page *p = &fake.pages[from.start];
	uint64_t old = from.end - from.start;

	if (old == 0 && !p->shared)
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && p->kind == FAKE_DEVICE)
		return -EINVAL;
	if (from.end > fake_vma(from.start).end)
		return -EFAULT;
	if (new == old)
		return 0;
	if (p->kind == FAKE_DEVICE)
		return -EFAULT;
	return new > old && !is_room(p->locked, new - old) ? -EAGAIN : 0;
}

/* mremap_to and move_vma */
static intptr_t remap_move(struct span from, uint64_t new, int flags, uintptr_t to)
{
	unsigned old = from.end - from.start;
	struct span target;
	int error = choose(to, new *FAKE_PAGE, flags & MREMAP_FIXED ? MAP_FIXED : 0, &target);

	if (error)
		return error;
	if (flags & MREMAP_FIXED)
		fake_munmap(to, new *FAKE_PAGE);
	if (old > new) {
		fake_munmap(fake_at(from.start + (unsigned)new), (old - new) * FAKE_PAGE);
		from.end = from.start + (unsigned)new;
	}
	move_pages(from, target, flags & MREMAP_DONTUNMAP);
	if (new > old && fake.pages[target.start].locked)
		populate((struct span){target.start + old, target.end}, true);
	return (intptr_t)fake_at(target.start);
}

/* remap_move: what is moved in one size to one place may be of any number of VMAs, with holes
 * between but not at the start (since 6.17). */
static intptr_t remap_move_all(struct span from, int flags, uintptr_t to)
{
	for (unsigned i = from.start, end; i < from.end; i = end) {
		intptr_t moved;

		end = piece_end(i, from.end);
		if (!fake.pages[i].mapped)
			continue;
		moved = remap_check_vma((struct span){i, end}, end - i, flags);
		if (moved == 0)
			moved = remap_move((struct span){i, end}, end - i, flags,
					   to + (i - from.start) * FAKE_PAGE);
		if (moved < 0)
			return moved;
	}
	return (intptr_t)to;
}

/* Grows in place: false where that can't be. */
static bool remap_grow(struct span from, uint64_t new)
{
	unsigned end = from.start + (unsigned)new;

	if (from.end == from.start || from.end != fake_vma(from.start).end)
		return false;
	if (new > FAKE_PAGES - from.start || !is_free((struct span){from.end, end}))
		return false;
	for (unsigned i = from.end; i < end; i++) {
		fake.pages[i] = fake.pages[i - 1];
		fake.pages[i].offset += is_file(&fake.pages[i]);
		fake.pages[i].resident = fake.pages[i].copied = fake.pages[i].guard = false;
		fake.locked_vm += fake.pages[i].locked;
	}
	if (fake.pages[from.start].locked)
		populate((struct span){from.end, end}, true);
	return true;
}

intptr_t fake_mremap(uintptr_t from, size_t old_size, size_t new_size, int flags, uintptr_t to)
{
	uint64_t old = pages_of(old_size), new = pages_of(new_size);
	int error = remap_check(from, old, new, flags, to);
	bool moves = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	struct span s;

	if (error)
		return error;
	if (!span_of(from, old_size, &s) || s.start == FAKE_PAGES || !fake.pages[s.start].mapped)
		return -EFAULT;
	if (!moves && old == new)
		return (intptr_t)from;
	if (!moves && old > new) {
		error = fake_munmap(from + new *FAKE_PAGE, (old - new) * FAKE_PAGE);
		return error ? error : (intptr_t)from;
	}
	if (flags & MREMAP_FIXED && old == new &&fake.version >= FAKE_VERSION(6, 17))
		return remap_move_all(s, flags, to);
	error = remap_check_vma(old > new ? (struct span){s.start, s.start + (unsigned)new} : s,
				new, flags);
	if (error)
		return error;
	if (moves)
		return remap_move(s, new, flags, to);
	if (remap_grow(s, new))
		return (intptr_t)from;
	return flags & MREMAP_MAYMOVE ? remap_move(s, new, flags, 0) : -ENOMEM;
}

/* do_brk_flags: the heap is private, anonymous and writable. */
int fake_brk(uintptr_t to)
{
	uint64_t old = pages_of(fake.brk - fake.heap), new = pages_of(to - fake.heap);
	uintptr_t end = fake.heap + old * FAKE_PAGE;
	struct span s;

	if (to < fake.heap || !span_of(fake.heap, to - fake.heap, &s))
		return -ENOMEM;
	if (new < old && fake_munmap(fake.heap + new *FAKE_PAGE, (old - new) * FAKE_PAGE) != 0)
		return -ENOMEM;
	if (new > old && fake_mmap(end, (new - old) * FAKE_PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_FIXED_NOREPLACE, FAKE_ANONYMOUS) < 0)
		return -ENOMEM;
	fake.brk = to;
	return 0;
}

/* Advice. */

/* faultin_page_range, page by page: what comes before the failure stays. */
static int advise_populate(struct span s, bool write)
{
	for (unsigned i = s.start; i < s.end; i++) {
		const struct fake_page *p = &fake.pages[i];

		if (!p->mapped)
			return -ENOMEM;
		if (p->kind == FAKE_DEVICE || !(p->prot & (write ? PROT_WRITE : PROT_READ)))
			return -EINVAL;
		if (fault(i, write) != 0)
			return -EFAULT;
	}
	return 0;
}

/* zap_page_range: a private page loses its copy; a guard stays. */
static void drop_pages(unsigned start, unsigned end)
{
	for (unsigned i = start; i < end; i++)
		fake.pages[i].resident = fake.pages[i].copied = false;
}

/* madvise_remove: a hole in the file, whoever maps it. */
static int advise_remove(unsigned start, unsigned end)
{
	const struct fake_page *p = &fake.pages[start];

	if (p->locked || !is_file(p) || p->kind == FAKE_DEVICE)
		return -EINVAL;
	if (!p->shared)
		return -EACCES;
	for (unsigned i = start; i < end; i++) {
		uint64_t *stamp = file_stamp(&fake.pages[i]);

		*stamp = 0;
		for (unsigned k = 0; k < FAKE_PAGES; k++)
			if (fake.pages[k].mapped && is_file(&fake.pages[k]) &&
			    file_stamp(&fake.pages[k]) == stamp && !fake.pages[k].copied)
				fake.pages[k].resident = false;
	}
	return 0;
}

/* madvise_vma_behavior, of a part of a VMA */
static int advise_part(unsigned start, unsigned end, int advice)
{
	const struct fake_page *p = &fake.pages[start];

	switch (advice) {
	case MADV_REMOVE:
		return advise_remove(start, end);
	case MADV_FREE: /* keeps what it holds, as long as memory lasts */
		if (p->kind != FAKE_ANONYMOUS || p->shared)
			return -EINVAL;
		return p->locked ? -EINVAL : 0;
	case MADV_DONTNEED:
		if (p->locked)
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED_LOCKED:
		if (p->kind == FAKE_DEVICE)
			return -EINVAL;
		drop_pages(start, end);
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT: /* there is no swap */
		return p->locked || !is_lockable(p) ? -EINVAL : 0;
	case MADV_GUARD_INSTALL:
		if (is_file(p) && fake.version < FAKE_VERSION(6, 15))
			return -EINVAL;
		if (p->locked || !is_lockable(p))
			return -EINVAL;
		drop_pages(start, end);
		break;
	case MADV_GUARD_REMOVE:
		if (!is_lockable(p))
			return -EINVAL;
		break;
	default:
		return 0;
	}
	for (unsigned i = start; i < end; i++)
		fake.pages[i].guard = advice == MADV_GUARD_INSTALL;
	return 0;
}

/* Whether this kernel knows it. */
static bool is_advice(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_REMOVE:
		return true;
	case MADV_FREE:
		return fake.version >= FAKE_VERSION(4, 5);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return fake.version >= FAKE_VERSION(5, 4);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return fake.version >= FAKE_VERSION(5, 14);
	case MADV_DONTNEED_LOCKED:
		return fake.version >= FAKE_VERSION(5, 18);
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		return fake.version >= FAKE_VERSION(6, 13);
	default:
		return false;
	}
}

int fake_madvise(uintptr_t at, size_t size, int advice)
{
	int hole = 0;
	struct span s;

	if (!is_advice(advice) || at % FAKE_PAGE)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (!span_of(at, size, &s))
		return -ENOMEM;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return advise_populate(s, advice == MADV_POPULATE_WRITE);
	for (unsigned i = s.start, end; i < s.end; i = end) {
		int error = 0;

		end = piece_end(i, s.end);
		if (!fake.pages[i].mapped)
			hole = -ENOMEM; /* and goes on */
		else
			error = advise_part(i, end, advice);
		if (error)
			return error;
	}
	return hole;
}

int fake_msync(uintptr_t at, size_t size, int flags)
{
	int hole = 0;
	struct span s;

	if (at % FAKE_PAGE || flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (!span_of(at, size, &s))
		return -ENOMEM;
	for (unsigned i = s.start; i < s.end; i++) {
		if (!fake.pages[i].mapped) {
			hole = -ENOMEM; /* and goes on */
		} else if (flags & MS_INVALIDATE && fake.pages[i].locked) {
			return -EBUSY;
		}
	}
	return hole;
}

/* Processes and their touches. */

/* dup_mmap: only what was written is in the child's page table. */
void fake_fork_child(void)
{
	fake.future = fake.future_on_fault = false;
	fake.locked_vm = fake.other_locked = 0;
	for (unsigned i = 0; i < FAKE_PAGES; i++) {
		struct fake_page *p = &fake.pages[i];

		p->locked = p->on_fault = false;
		p->resident &= p->copied || p->kind == FAKE_DEVICE;
	}
}

/* expand_downwards: whether the page is now one of a stack's. */
static bool grow_stack(unsigned page)
{
	unsigned above = page, below = page;
	const struct fake_page *under;
	struct fake_page stack;

	while (above < FAKE_PAGES && !fake.pages[above].mapped)
		above++;
	if (above == FAKE_PAGES || !fake.pages[above].growsdown)
		return false;
	while (below > 0 && !fake.pages[below - 1].mapped)
		below--;
	under = below > 0 ? &fake.pages[below - 1] : NULL;
	if (under && !under->growsdown && under->prot != PROT_NONE && page - below < fake.stack_gap)
		return false;
	stack = fake.pages[above];
	if ((fake_vma(above).end - page) * FAKE_PAGE > fake.limits[RLIMIT_STACK].soft)
		return false;
	if (!is_room(stack.locked, above - page))
		return false;
	stack.resident = stack.copied = stack.guard = false;
	for (unsigned i = page; i < above; i++) {
		fake.pages[i] = stack;
		fake.locked_vm += stack.locked;
	}
	return true;
}

uint64_t fake_touch(unsigned page, bool write)
{
	struct fake_page *p = &fake.pages[page];

	if ((!p->mapped && !grow_stack(page)) || !(p->prot & (write ? PROT_WRITE : PROT_READ)) ||
	    fault(page, write) != 0) {
		fake.segv = true;
		return 0;
	}
	if (write)
		*(p->copied ? &p->stamp : file_stamp(p)) = ++fake.stamp;
	return fake_contents(page);
}

bool fake_is_mapped(unsigned page)
{
	return fake.pages[page].mapped;
}

bool fake_is_locked(unsigned page)
{
	return fake.pages[page].locked;
}

bool fake_is_on_fault(unsigned page)
{
	return fake.pages[page].on_fault;
}

bool fake_is_resident(unsigned page)
{
	return fake.pages[page].resident;
}

uint64_t fake_locked_bytes(void)
{
	return fake.locked_vm * FAKE_PAGE;
}

/* do_prlimit */
int fake_setrlimit(int what, const struct sys_rlimit *to)
{
	if (to->soft > to->hard)
		return -EINVAL;
	if (to->hard > fake.limits[what].hard && !fake.may_raise)
		return -EPERM;
	fake.limits[what] = *to;
	return 0;
}

/* The seam. */

/* What a test has between: 0, or the error that it wants. */
static int enter(enum fake_call call, uintptr_t at, size_t size)
{
	const struct fake_failure *f = &fake.fail[call];
	unsigned number = ++fake.calls[call];

	if (fake.before_call)
		fake.before_call(call, at, size);
	if (f->first && number >= f->first && number - f->first < f->times)
		return -f->error;
	return 0;
}

static intptr_t seam_map(uintptr_t at, size_t size, int prot, int flags)
{
	enum fake_kind kind = flags & MAP_HUGETLB ? FAKE_HUGETLB : FAKE_ANONYMOUS;
	int error = enter(FAKE_MAP, at, size);

	return error ? error : fake_mmap(at, size, prot, flags, kind);
}

static int seam_unmap(uintptr_t at, size_t size)
{
	int error = enter(FAKE_UNMAP, at, size);

	return error ? error : fake_munmap(at, size);
}

static intptr_t seam_remap(uintptr_t from, size_t old_size, size_t new_size, int flags,
			   uintptr_t to)
{
	int error = enter(FAKE_REMAP, from, old_size);

	return error ? error : fake_mremap(from, old_size, new_size, flags, to);
}

static int seam_protect(uintptr_t at, size_t size, int prot)
{
	int error = enter(FAKE_PROTECT, at, size);

	return error ? error : fake_mprotect(at, size, prot);
}

static int seam_lock(uintptr_t at, size_t size, int flags)
{
	int error = enter(FAKE_LOCK, at, size);

	if (error)
		return error;
	return flags ? fake_mlock2(at, size, flags) : fake_mlock(at, size);
}

static int seam_unlock(uintptr_t at, size_t size)
{
	int error = enter(FAKE_UNLOCK, at, size);

	return error ? error : fake_munlock(at, size);
}

static int seam_lock_all(int flags)
{
	int error = enter(FAKE_LOCK_ALL, 0, 0);

	return error ? error : fake_mlockall(flags);
}

static int seam_unlock_all(void)
{
	int error = enter(FAKE_UNLOCK_ALL, 0, 0);

	return error ? error : fake_munlockall();
}

static int seam_advise(uintptr_t at, size_t size, int advice)
{
	int error = enter(FAKE_ADVISE, at, size);

	return error ? error : fake_madvise(at, size, advice);
}

static int seam_look(uintptr_t at, size_t size)
{
	int error = enter(FAKE_LOOK, at, size);

	return error ? error : fake_msync(at, size, MS_ASYNC);
}

static int seam_limit(int what, struct sys_rlimit *now)
{
	int error = enter(FAKE_LIMIT, 0, 0);

	if (error)
		return error;
	*now = fake.limits[what];
	return 0;
}

static int seam_set_limit(int what, const struct sys_rlimit *to)
{
	int error = enter(FAKE_SET_LIMIT, 0, 0);

	return error ? error : fake_setrlimit(what, to);
}

static int seam_is_capable(uint64_t soft)
{
	int error = enter(FAKE_IS_CAPABLE, 0, 0);

	(void)soft;
	return error ? error : fake.capable;
}

const struct vm_ops fake_ops = {
	.map = seam_map,
	.unmap = seam_unmap,
	.remap = seam_remap,
	.protect = seam_protect,
	.lock = seam_lock,
	.unlock = seam_unlock,
	.lock_all = seam_lock_all,
	.unlock_all = seam_unlock_all,
	.advise = seam_advise,
	.look = seam_look,
	.limit = seam_limit,
	.set_limit = seam_set_limit,
	.is_capable = seam_is_capable,
};
