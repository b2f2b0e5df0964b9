/* SPDX-License-Identifier: MIT */
/* Opens an event a processor for minor and for major faults, and reads their rings. */
#include "config.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/samples.h"
#include "common/size.h"

#define MOST_MEMORY (128ul << 20) /* of all rings */
#define RING_MOST   (8ul << 20)   /* 116 000 samples */
#define RING_LEAST  (64ul << 10)
#define RECORD_MOST 65536 /* the size of a record is a 16-bit number */

struct ring {
	struct perf_event_mmap_page *page;
	char *data;
	uint64_t size;
	int descriptor;
	uint64_t major; /* id of the event for major faults */
};

static int open_event(struct perf_event_attr *attr, pid_t pid, int processor)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, processor, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* What both events share. */
static struct perf_event_attr describe_event(uint64_t config, bool user_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = config,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			       PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR,
		.sample_id_all = 1,
		.inherit = 1,
		.disabled = 1,
		.enable_on_exec = 1,
		.exclude_kernel = user_only,
		.exclude_hv = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
	};

#ifdef SAMPLES_CODE
	attr.sample_type |= PERF_SAMPLE_REGS_USER;
	attr.sample_regs_user = 1ull << SAMPLES_CODE | 1ull << SAMPLES_STACK;
#endif
	return attr;
}

/* As large as the limits on locked memory for perf allow. */
static int map_ring(struct ring *ring, size_t wanted)
{
	const size_t page = size_page();
	void *at = MAP_FAILED;

	for (; wanted >= RING_LEAST && at == MAP_FAILED; wanted /= 2) {
		at = mmap(NULL, page + wanted, PROT_READ | PROT_WRITE, MAP_SHARED, ring->descriptor,
			  0);
		ring->size = wanted;
	}
	if (at == MAP_FAILED)
		return -errno;
	ring->page = at;
	ring->data = (char *)at + page;
	return 0;
}

static void keep_descriptor(struct samples *s, int fd)
{
	s->descriptors =
		cli_alloc(s->descriptors, (s->descriptor_count + 1) * sizeof(*s->descriptors));
	s->descriptors[s->descriptor_count++] = fd;
}

static int open_ring(struct samples *s, pid_t pid, int processor, size_t size)
{
	struct perf_event_attr attr = describe_event(PERF_COUNT_SW_PAGE_FAULTS_MIN, s->user_only);
	struct ring *ring = &s->rings[s->count];
	int fd, error;

	attr.mmap = attr.mmap2 = attr.mmap_data = attr.comm = attr.comm_exec = attr.task = 1;
	attr.wakeup_watermark = (uint32_t)(size / 4);
	fd = open_event(&attr, pid, processor);
	if (fd < 0)
		return fd;
	keep_descriptor(s, fd);
	ring->descriptor = fd;
	error = map_ring(ring, size);
	if (error)
		return error;
	s->count++;
	attr = describe_event(PERF_COUNT_SW_PAGE_FAULTS_MAJ, s->user_only);
	fd = open_event(&attr, pid, processor);
	if (fd < 0)
		return fd;
	keep_descriptor(s, fd);
	if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->descriptor) != 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ID, &ring->major) != 0)
		return -errno;
	return 0;
}

static int open_rings(struct samples *s, pid_t pid)
{
	const long processors = sysconf(_SC_NPROCESSORS_CONF);
	size_t size = RING_MOST;
	int error;

	while (size > RING_LEAST && size * (size_t)processors > MOST_MEMORY)
		size /= 2;
	s->rings = cli_alloc(NULL, (size_t)processors * sizeof(*s->rings));
	for (int i = 0; i < processors; i++) {
		error = open_ring(s, pid, i, size);
		if (error && error != -ENODEV) /* a processor that is not there now */
			return error;
	}
	return s->count ? 0 : -ENODEV;
}

int samples_open(struct samples *s, pid_t pid)
{
	int error;

	for (int user_only = 0; user_only <= 1; user_only++) {
		*s = (struct samples){.user_only = user_only};
		error = open_rings(s, pid);
		if (error == 0)
			return 0;
		samples_close(s);
		if (error != -EACCES && error != -EPERM)
			break;
	}
	return error;
}

void samples_close(struct samples *s)
{
	for (size_t i = 0; i < s->count; i++)
		munmap(s->rings[i].page, size_page() + s->rings[i].size);
	for (size_t i = 0; i < s->descriptor_count; i++)
		close(s->descriptors[i]);
	free(s->rings);
	free(s->descriptors);
	free(s->events);
	*s = (struct samples){0};
}

void samples_wait(const struct samples *s, int extra, int milliseconds)
{
	struct pollfd *list = cli_alloc(NULL, (s->count + 1) * sizeof(*list));

	for (size_t i = 0; i < s->count; i++)
		list[i] = (struct pollfd){.fd = s->rings[i].descriptor, .events = POLLIN};
	list[s->count] = (struct pollfd){.fd = extra, .events = POLLIN};
	poll(list, s->count + 1, milliseconds);
	free(list);
}

/* A record may go over the end of the ring. */
static void copy_out(const struct ring *ring, uint64_t at, void *to, size_t size)
{
	const size_t start = (size_t)(at & (ring->size - 1));
	const size_t first = size < ring->size - start ? size : (size_t)(ring->size - start);

	memcpy(to, ring->data + start, first);
	memcpy((char *)to + first, ring->data, size - first);
}

static void read_ring(struct samples *s, struct ring *ring)
{
	static _Alignas(8) char record[RECORD_MOST];
	const uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t at = ring->page->data_tail;
	struct perf_event_header header;

	while (head - at >= sizeof(header)) {
		copy_out(ring, at, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - at)
			break;
		copy_out(ring, at, record, header.size);
		samples_decode(s, ring->major, record);
		at += header.size;
		/* the kernel may write on at once */
		__atomic_store_n(&ring->page->data_tail, at, __ATOMIC_RELEASE);
	}
}

static int compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

void samples_read(struct samples *s, uint64_t until, samples_use *use, void *context)
{
	size_t done = 0;

	for (size_t i = 0; i < s->count; i++)
		read_ring(s, &s->rings[i]);
	if (s->used == 0)
		return;
	qsort(s->events, s->used, sizeof(*s->events), compare);
	while (done < s->used && s->events[done].time <= until)
		use(context, &s->events[done++]);
	memmove(s->events, s->events + done, (s->used - done) * sizeof(*s->events));
	s->used -= done;
}
