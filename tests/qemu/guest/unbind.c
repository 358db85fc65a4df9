// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of a provider is unbound, or the provider unplugged, or all devices are
 * suspended, while others write the provider's memory to a drive. Each worker maps peer
 * memory, fills it once, and then has the client read it, again and again, until the
 * kernel says no. What was reported as moved must be on the drive; a transfer that runs
 * into hardware that is being reset would succeed and leave something else there. Peer
 * memory is not touched by the CPU once the load has begun, because the kernel takes the
 * mapping away.
 *
 * Plugging is done by whoever reads the reports: it takes the provider away at "loaded",
 * and brings it back at "unbind".  After a suspend the load goes on, with the same mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define WORKERS		4
#define PIECE		0x8000UL	/* bytes of one I/O */
#define PIECES		8		/* of peer memory that each worker maps */
#define SLOTS		16		/* on the drive, for each worker */
#define DRIVER		"/sys/bus/pci/drivers/nvme/"
#define DEVICES		"/sys/bus/pci/devices/"
#define UNPLUG_SECONDS	60

/* In memory that worker and parent share. */
struct worker {
	atomic_ulong moved;		/* I/Os that succeeded */
	atomic_bool ended, stop;
	atomic_int error;		/* of the I/O that ended it */
	/* What is in each slot: a piece from 1 on; 0 what was there before */
	atomic_uint holds[SLOTS];
};

static __u64 piece_word(unsigned int worker, unsigned int piece, size_t at)
{
	__u64 x = (__u64)(worker + 1) << 48 | (__u64)piece << 32 | at;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void piece_fill(__u64 *to, unsigned int worker, unsigned int piece)
{
	size_t i;

	for (i = 0; i < PIECE / sizeof(*to); i++)
		to[i] = piece_word(worker, piece, i);
}

static off_t slot_offset(unsigned int worker, unsigned int slot)
{
	return (off_t)(worker * SLOTS + slot) * PIECE;
}

/* In a process of its own. */
static void work(struct worker *me, unsigned int number, unsigned int step,
		 const struct drive *provider, int fd)
{
	size_t len = PIECES * PIECE;
	__u64 *peer = peer_map(step, provider, &len);
	unsigned int i, slot;
	ssize_t n;

	if (!peer || len < PIECES * PIECE) {
		me->error = ENOMEM;
		me->ended = true;
		return;
	}
	for (i = 0; i < PIECES; i++)
		piece_fill(peer + i * PIECE / sizeof(*peer), number, i + 1);
	for (i = 0, n = PIECE; !me->stop; i++) {
		slot = i % SLOTS;
		/* another piece each time that the slot's turn comes */
		n = pwrite(fd, (char *)peer + (i + i / SLOTS) % PIECES * PIECE,
			   PIECE, slot_offset(number, slot));
		if (n != (ssize_t)PIECE)
			break;
		me->holds[slot] = (i + i / SLOTS) % PIECES + 1;
		me->moved++;
	}
	me->error = me->stop ? 0 : n < 0 ? errno : ENODATA;
	me->ended = true;
}

/* Bytes in the slots of a worker that are not what they should be. */
static size_t count_bad(const struct worker *worker, unsigned int number, int fd,
			__u64 *ram, unsigned int step)
{
	unsigned int slot;
	size_t i, bad = 0;

	for (slot = 0; slot < SLOTS; slot++) {
		if (pread(fd, ram, PIECE, slot_offset(number, slot)) !=
		    (ssize_t)PIECE) {
			report_trouble(step, "unbind: the drive cannot be read");
			return PIECE;
		}
		for (i = 0; i < PIECE / sizeof(*ram); i++)
			if (ram[i] != piece_word(number, worker->holds[slot], i))
				bad += sizeof(*ram);
	}
	return bad;
}

/* Put into the slots what no worker writes. */
static bool prepare(int fd, __u64 *ram)
{
	unsigned int number, slot;

	for (number = 0; number < WORKERS; number++) {
		piece_fill(ram, number, 0);
		for (slot = 0; slot < SLOTS; slot++)
			if (pwrite(fd, ram, PIECE, slot_offset(number, slot)) !=
			    (ssize_t)PIECE)
				return false;
	}
	return true;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Wait until a worker is at it, and has come further; false if it has ended before. */
static bool is_working(const struct worker *worker)
{
	unsigned long before = worker->moved;
	unsigned int waited;

	for (waited = 0; waited < 1000 && !worker->ended; waited++) {
		if (worker->moved > before + 2 * SLOTS)
			return true;
		usleep(10000);
	}
	return false;
}

static void start_workers(struct worker *workers, unsigned int step,
			  const struct drive *provider, int fd)
{
	unsigned int i;

	/* one after the other: see "kernfs_drain_open_files" */
	for (i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (!pid) {
			work(&workers[i], i, step, provider, fd);
			_exit(0);
		}
		if (pid < 0 || !is_working(&workers[i]))
			report_trouble(step, "worker %u does not work: %s",
				       i, strerror(workers[i].error));
	}
}

/* Ask for it, and wait until it has gone. */
static int wait_unplugged(unsigned int step, const char *serial, const char *pci)
{
	char path[NAME_LEN + 32];
	unsigned int waited;
	int error = ETIMEDOUT;

	report_begin("loaded", step);
	report_text("provider", serial);
	report_end();
	snprintf(path, sizeof(path), DEVICES "%s", pci);
	for (waited = 0; error && waited < UNPLUG_SECONDS * 100; waited++) {
		if (access(path, F_OK))
			error = 0;
		usleep(10000);
	}
	return error;
}

/* All devices are suspended and, five seconds later, resumed; the load has to go on. */
static int sleep_once(unsigned int step, struct worker *workers)
{
	int error = file_write("/sys/power/pm_test", "devices", 7), i;

	if (!error)
		error = file_write("/sys/power/state", "freeze", 6);
	for (i = 0; i < WORKERS; i++) {
		if (!is_working(&workers[i]))
			report_trouble(step, "sleep: worker %u does not go on: %s", i,
				       strerror(workers[i].error));
		workers[i].stop = true;
	}
	return error;
}

static int do_once(unsigned int step, enum under_load what, struct worker *workers,
		   const char *serial, const char *pci)
{
	if (what == LOAD_UNBIND)
		return file_write(DRIVER "unbind", pci, strlen(pci));
	return what == LOAD_UNPLUG ? wait_unplugged(step, serial, pci) :
				     sleep_once(step, workers);
}

static void under_load_once(unsigned int step, const struct drive *client,
			    const struct drive *provider, enum under_load what)
{
	char path[NAME_LEN + 8], serial[NAME_LEN], pci[NAME_LEN];
	struct worker *workers;
	unsigned long moved = 0;
	long long began, ms;
	size_t bad = 0;
	int fd, error, i;
	__u64 *ram;

	snprintf(path, sizeof(path), "/dev/%s", client->block);
	snprintf(serial, sizeof(serial), "%s", provider->serial);
	snprintf(pci, sizeof(pci), "%s", provider->pci);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ram = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	workers = mmap(NULL, WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ram == MAP_FAILED || workers == MAP_FAILED ||
	    !prepare(fd, ram)) {
		report_trouble(step, "unbind: %s: %s", path, strerror(errno));
		return;
	}

	start_workers(workers, step, provider, fd);
	began = now_ms();
	error = do_once(step, what, workers, serial, pci);
	ms = now_ms() - began;
	/* nothing else would end the load then */
	for (i = 0; error && i < WORKERS; i++)
		workers[i].stop = true;
	for (i = 0; i < WORKERS; i++)
		wait(NULL);
	for (i = 0; i < WORKERS; i++) {
		moved += workers[i].moved * PIECE;
		bad += count_bad(&workers[i], i, fd, ram, step);
	}
	report_begin("unbind", step);
	report_text("client", client->serial);
	report_text("provider", serial);
	report_number("moved", moved);
	report_number("bad", bad);
	report_number("ms", ms);
	report_text("ended", strerror(workers[0].error));
	report_errno(error);
	report_end();

	munmap(workers, WORKERS * sizeof(*workers));
	munmap(ram, PIECE);
	close(fd);
	if (what == LOAD_UNBIND && file_write(DRIVER "bind", pci, strlen(pci)))
		report_trouble(step, "unbind: %s cannot be bound again", pci);
	drives_wait(step, serial);
}

/* "CLIENT PROVIDER N": do that N times under load, and undo it each time. */
void under_load(unsigned int step, char *args, enum under_load what)
{
	char *rest, *client, *provider, *n;
	unsigned long rounds;

	client = strtok_r(args, " ", &rest);
	provider = strtok_r(NULL, " ", &rest);
	n = strtok_r(NULL, " ", &rest);
	for (rounds = n ? strtoul(n, NULL, 0) : 1; rounds; rounds--) {
		/* a drive that comes again is another entry of the table */
		const struct drive *c = n ? drive_find(client) : NULL;
		const struct drive *p = n ? drive_find(provider) : NULL;

		if (!c || !p || !p->p2pmem) {
			report_trouble(step, "CLIENT, PROVIDER and N are needed, both drives");
			return;
		}
		under_load_once(step, c, p, what);
	}
}
