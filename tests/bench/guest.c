// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's program in the guest.
 *
 *   bench load MODULE [PARAMETERS]
 *	loads a kernel module
 *   bench io DISK MEMORY SIZE PASSES
 *	reads SIZE bytes from /dev/DISK with O_DIRECT, into RAM or into the peer memory
 *	of a drive, and prints what it took as NAME=NUMBER
 *
 * A read is submitted and reaped by io_uring, and the drive's queue is polled: so both
 * are calls that run from end to end without an interrupt, and what the CPU does while
 * it waits is not counted.  MEMORY is ram or the PCI address of a drive.  Figures are
 * the least of all passes, in ticks of the time-stamp counter, which counts guest
 * instructions under "-icount shift=0".
 *
 * One more read, for which the tracepoint of dma_map_sg() is switched on, shows how many
 * DMA segments the drive gets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#define TRACING		"/sys/kernel/tracing/"
#define TRACEPOINT	TRACING "events/dma/dma_map_sg/enable"
#define PATTERN		0x5a		/* the drive is full of zeros */
#define ENTRIES		4
#define TRIES		10000

struct ring {
	int fd;
	unsigned int *sq_tail;
	unsigned int *cq_head;
	unsigned int *cq_tail;
	unsigned int cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static int load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !syscall(SYS_finit_module, fd, parameters, 0))
		return 0;
	return fail(path);
}

static bool ring_open(struct ring *ring)
{
	struct io_uring_params params = { .flags = IORING_SETUP_IOPOLL };
	unsigned int *array;
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0)
		return false;
	sq = mmap(NULL, params.sq_off.array + ENTRIES * sizeof(*array), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(*ring->cqes),
		  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, ENTRIES * sizeof(*ring->sqes), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, ring->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || ring->sqes == MAP_FAILED)
		return false;
	array = (unsigned int *)(sq + params.sq_off.array);
	memset(array, 0, ENTRIES * sizeof(*array));
	ring->sq_tail = (unsigned int *)(sq + params.sq_off.tail);
	ring->cq_head = (unsigned int *)(cq + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(cq + params.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(cq + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
	return true;
}

/* One read from end to end; ticks of both calls. */
static bool ring_read(struct ring *ring, int disk, void *memory, size_t size, __u64 *submit,
		      __u64 *reap)
{
	unsigned int tries, head = *ring->cq_head;
	__u64 begin;
	long ret;
	int res;

	ring->sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ, .fd = disk, .addr = (uintptr_t)memory, .len = size,
	};
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	begin = __rdtsc();
	ret = syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0);
	*submit = __rdtsc() - begin;
	if (ret != 1)
		return false;

	for (tries = 0; tries < TRIES; tries++) {
		usleep(1000);
		begin = __rdtsc();
		ret = syscall(SYS_io_uring_enter, ring->fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0);
		*reap = __rdtsc() - begin;
		if (ret < 0)
			return false;
		if (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == head)
			continue;
		res = ring->cqes[head & ring->cq_mask].res;
		__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
		errno = res < 0 ? -res : EIO;
		return res == (long)size;
	}
	errno = ETIMEDOUT;
	return false;
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* How many commands the traced read became, and how many DMA segments these had. */
static bool count_segments(unsigned int *commands, unsigned int *segments)
{
	FILE *trace = fopen(TRACING "trace", "re");
	unsigned int shown, n;
	char *line = NULL, *at;
	size_t size = 0;

	*commands = 0;
	*segments = 0;
	while (trace && getline(&line, &size, trace) >= 0) {
		at = strstr(line, " dma_map_sg: ");
		if (!at)
			continue;
		++*commands;
		at = strstr(at, " ents=");
		if (at && sscanf(at, " ents=%u/%u", &shown, &n) == 2) {
			*segments += n;
			continue;
		}
		/* Earlier 6.12 have no number, but all the addresses. */
		at = strstr(line, " dma_addrs={");
		n = !!at;
		for (; at && *at && *at != '}'; at++)
			n += *at == ',';
		*segments += n;
	}
	free(line);
	if (trace)
		fclose(trace);
	return trace;
}

static bool arrived(const unsigned char *memory, size_t size, unsigned char value)
{
	while (size--)
		if (*memory++ != value)
			return false;
	return true;
}

static void *memory_map(const char *name, size_t size)
{
	char path[128];
	void *memory;
	int fd;

	if (!strcmp(name, "ram"))
		return mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/p2pmem/allocate", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return memory;
}

static int io(const char *name, const char *memory_name, size_t size, unsigned int passes)
{
	__u64 least_submit = UINT64_MAX, least_reap = UINT64_MAX, submit, reap;
	unsigned int commands, segments;
	struct ring ring;
	char path[64];
	void *memory;
	int disk;

	snprintf(path, sizeof(path), "/dev/%s", name);
	disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		return fail(path);
	memory = memory_map(memory_name, size);
	if (memory == MAP_FAILED)
		return fail(memory_name);
	if (!ring_open(&ring))
		return fail("io_uring");
	memset(memory, PATTERN, size);
	while (passes--) {
		if (!ring_read(&ring, disk, memory, size, &submit, &reap))
			return fail("read");
		least_submit = submit < least_submit ? submit : least_submit;
		least_reap = reap < least_reap ? reap : least_reap;
	}
	if (!arrived(memory, size, 0)) {
		fprintf(stderr, "the data have not arrived\n");
		return 1;
	}
	if (!write_file(TRACING "trace", "") || !write_file(TRACEPOINT, "1") ||
	    !ring_read(&ring, disk, memory, size, &submit, &reap) ||
	    !write_file(TRACEPOINT, "0") || !count_segments(&commands, &segments))
		return fail("tracing a read");
	printf("error=0 submit=%llu reap=%llu commands=%u segments=%u\n",
	       (unsigned long long)least_submit, (unsigned long long)least_reap, commands,
	       segments);
	return 0;
}

int main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "load"))
		return load(argv[2], argc == 4 ? argv[3] : "");
	if (argc == 6 && !strcmp(argv[1], "io"))
		return io(argv[2], argv[3], strtoul(argv[4], NULL, 0), strtoul(argv[5], NULL, 0));
	fprintf(stderr, "usage: bench load MODULE [PARAMETERS]\n"
			"       bench io DISK MEMORY SIZE PASSES\n");
	return 2;
}
