/* SPDX-License-Identifier: MIT */
/* shmat and shmdt: shared memory is a file map to the policy. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "common/maps.h"
#include "common/sys.h"
#include "preload/level.h"
#include "preload/mapping.h"
#include "preload/preload.h"
#include "preload/process.h"
#include "preload/real.h"

#define BUFFER_SIZE 32768

static void attached(void *at, int id, int flags)
{
	struct mapping_request request = {.policy = {
		.event = POLICY_MAPPED, .class = MAPS_FILE, .flags = MAP_SHARED,
		.prot = PROT_READ | (flags & SHM_EXEC ? PROT_EXEC : 0),
	}};
	struct shmid_ds segment;

	level_plan(&request);
	if (request.skipped || shmctl(id, IPC_STAT, &segment) != 0)
		return;
	request.policy.size = segment.shm_segsz;
	level_mapped((uintptr_t)at, segment.shm_segsz, &request);
}

EXPORT void *shmat(int id, const void *at, int flags)
{
	const int saved = preload_errno();
	void *result = real_get()->shmat(id, at, flags);

	process_check();
	if (!preload_active)
		return result;
	while (result == (void *)-1 && mapping_make_room(preload_errno(), 0))
		result = real_get()->shmat(id, at, flags);
	if (result == (void *)-1)
		return result;
	attached(result, id, flags);
	preload_set_errno(saved);
	return result;
}

/* Nothing else knows how long a segment is once it is only an address. */
static size_t attached_size(uintptr_t at)
{
	struct mapping mapping;
	size_t size = 0;
	struct maps maps;
	intptr_t buffer;

	buffer = sys_mmap(0, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (sys_is_error(buffer))
		return 0;
	if (maps_open(&maps, "/proc/self/maps", NULL, (char *)buffer, BUFFER_SIZE) == 0) {
		while (maps_next(&maps, &mapping) && mapping.start <= at + size)
			if (mapping.start == at + size && mapping.offset == size)
				size = mapping.end - at;
		maps_close(&maps);
	}
	sys_munmap((uintptr_t)buffer, BUFFER_SIZE);
	return size;
}

EXPORT int shmdt(const void *at)
{
	struct ledger_cut cut = {0};
	size_t size = 0;
	int result;

	process_check();
	if (preload_active && level_keeps_records())
		size = attached_size((uintptr_t)at);
	if (size)
		cut = level_leaving((uintptr_t)at, size);
	result = real_get()->shmdt(at);
	if (result == 0)
		level_left(&cut);
	else
		level_stayed(&cut);
	return result;
}
