// SPDX-License-Identifier: GPL-2.0
/*
 * The load of a storm: I/O between drives and peer memory that may vanish at any time.
 *
 * No two I/Os move the same data, so that what an earlier one has left is not taken for
 * what this one had to move.  A drive or a provider that is not there is no error; an I/O
 * that reports success has moved what it should, or that is counted as a difference.
 *
 * After some I/Os the first page is damaged before it is compared, to see that a
 * difference would be noticed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "storm.h"

#define PEER		0x40000UL	/* bytes of peer memory that are mapped at once */
#define PAGE		0x1000UL
#define TRANSFERS	8		/* at most, with one mapping */
#define DAMAGED		16		/* the data of one I/O in so many */
#define LOCK		"/storm.lock"

/* The kernel takes mappings away; what touches them then gets SIGBUS. */
static sigjmp_buf gone;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(gone, 1);
}

static __u64 word(__u64 what, size_t at)
{
	return storm_mix(what << 20 ^ at);
}

static void fill(__u64 *to, size_t len, __u64 what)
{
	size_t i;

	for (i = 0; i < len / sizeof(*to); i++)
		to[i] = word(what, i);
}

/* Plain accesses: the calls that do the I/O keep them in order. */
static bool peer_fill(__u64 *peer, size_t len, __u64 what)
{
	if (sigsetjmp(gone, 1))
		return false;
	fill(peer, len, what);
	return true;
}

static long different(const __u64 *from, size_t len, __u64 what)
{
	long bad = 0;
	size_t i;

	for (i = 0; i < len / sizeof(*from); i++)
		if (from[i] != word(what, i))
			bad += sizeof(*from);
	return bad;
}

/* Bytes that are not what they should be; -1 if they cannot be looked at. */
static long peer_different(const __u64 *from, size_t len, __u64 what)
{
	if (sigsetjmp(gone, 1))
		return -1;
	return different(from, len, what);
}

/* Is it the turn of this I/O, of those that succeeded in its direction?  Movers differ. */
static bool damages(unsigned int *turns, unsigned int number)
{
	return (*turns)++ % DAMAGED == number % 2;
}

static void judge(struct tally *tally, struct direction *direction, const __u64 *data,
		  size_t len, __u64 what, bool damaged)
{
	long bad = peer_different(data, len, what), made = 0;

	if (bad < 0) {
		tally->unseen++;
		return;
	}
	if (damaged) {
		made = len < PAGE ? len : PAGE;
		direction->damaged++;
		if (bad >= made)
			direction->noticed++;
		else
			made = bad;
	} else {
		direction->seen++;
		tally->compared += len;
	}
	tally->different += bad - made;
}

/* The client reads peer memory: what is on its drive then? */
static void transfer_read(struct tally *tally, unsigned int number, int fd, __u64 *peer,
			  __u64 *ram, size_t len, off_t offset, __u64 what)
{
	static unsigned int turns;
	bool damaged;
	ssize_t n;

	if (!peer_fill(peer, len, what))
		return;
	n = pwrite(fd, peer, len, offset);
	if (n <= 0) {
		storm_count(tally, n ? errno : ENODATA);
		return;
	}
	damaged = damages(&turns, number);
	/* with what an earlier I/O has left in RAM */
	if (damaged && pwrite(fd, ram, PAGE, offset) != (ssize_t)PAGE)
		return;
	if (pread(fd, ram, n, offset) == n)
		judge(tally, &tally->reads, ram, n, what, damaged);
	else
		tally->unseen++;
}

/* The client writes peer memory: what is in it then? */
static void transfer_write(struct tally *tally, unsigned int number, int fd, __u64 *peer,
			   __u64 *ram, size_t len, off_t offset, __u64 what)
{
	static unsigned int turns;
	bool damaged;
	ssize_t n;

	fill(ram, len, what);
	if (pwrite(fd, ram, len, offset) != (ssize_t)len || !peer_fill(peer, len, ~what))
		return;
	n = pread(fd, peer, len, offset);
	if (n <= 0) {
		storm_count(tally, n ? errno : ENODATA);
		return;
	}
	damaged = damages(&turns, number);
	if (damaged && !peer_fill(peer, PAGE, ~what))
		return;
	judge(tally, &tally->writes, peer, n, what, damaged);
}

/* Names are used again: what has been opened may be another drive, even a provider. */
static bool is_drive(int fd, const struct drive *drive)
{
	char path[128], serial[NAME_LEN];
	struct stat st;

	if (fstat(fd, &st))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/device/serial", major(st.st_rdev),
		 minor(st.st_rdev));
	return !file_read_word(path, serial, sizeof(serial)) && !strcmp(serial, drive->serial);
}

static void transfers(const struct storm *storm, struct tally *tally, unsigned int number,
		      __u64 *peer, __u64 *ram)
{
	const struct drive *drive;
	unsigned int n;
	char path[NAME_LEN + 8];
	int fd;

	drive = drive_find(storm->clients[storm_below(storm->n_clients)].serial);
	if (!drive)
		return;
	snprintf(path, sizeof(path), "/dev/%s", drive->block);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!is_drive(fd, drive)) {
		close(fd);
		return;
	}
	for (n = 1 + storm_below(TRANSFERS); n && !storm->over; n--) {
		size_t len = PAGE << storm_below(7);	/* to 256 KiB */
		off_t at = storm_below((PEER - len) / PAGE + 1) * PAGE;
		off_t offset = number * STORM_REGION +
			       storm_below((STORM_REGION - len) / PAGE + 1) * PAGE;
		__u64 what = storm_random();

		if (what & 1)
			transfer_read(tally, number, fd, peer + at / sizeof(*peer), ram,
				      len, offset, what);
		else
			transfer_write(tally, number, fd, peer + at / sizeof(*peer), ram,
				       len, offset, what);
	}
	close(fd);
}

/*
 * In the plain kernel two that map the same attribute at once count it wrongly, and
 * kernfs_drain_open_files() warns of that later: here they do it in turn.
 */
static int peer_close(int lock, int fd)
{
	flock(lock, LOCK_EX);
	close(fd);
	flock(lock, LOCK_UN);
	return -1;
}

static int peer_open(int lock, const struct drive *provider, void **peer)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/p2pmem/allocate", provider->pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fd;
	flock(lock, LOCK_EX);
	*peer = mmap(NULL, PEER, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	flock(lock, LOCK_UN);
	return *peer == MAP_FAILED ? peer_close(lock, fd) : fd;
}

void storm_move(const struct storm *storm, struct tally *tally, unsigned int number)
{
	struct sigaction action = { .sa_handler = on_sigbus };
	int lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600), fd;
	void *peer, *ram = mmap(NULL, PEER, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (lock < 0 || ram == MAP_FAILED || sigaction(SIGBUS, &action, NULL)) {
		storm_count(tally, errno);
		return;
	}
	while (!storm->over) {
		fd = peer_open(lock, &storm->providers[storm_below(storm->n_providers)], &peer);
		if (fd < 0) {
			usleep(10000);
			continue;
		}
		drives_scan();
		transfers(storm, tally, number, peer, ram);
		munmap(peer, PEER);
		peer_close(lock, fd);
		tally->rounds++;
	}
}
