// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "move.h"
#include "sysfs.h"

static sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	__atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

bool move_stopped(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_RELAXED);
}

void move_catch_signals(void)
{
	/* all that end a program and can be caught, but those of its own faults */
	static const int signals[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2,
		SIGVTALRM, SIGPROF, SIGPOLL, SIGXCPU, SIGXFSZ,
	};
	struct sigaction action = { .sa_handler = stop };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

void progress(const char *format, ...)
{
	char line[160] = "";
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	if (format) {
		va_start(args, format);
		vsnprintf(line, sizeof(line), format, args);
		va_end(args);
	}
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
}

const char *measured_text(enum measured measured)
{
	static const char * const texts[] = {
		[MEASURED_EQUAL]		= "every byte equal",
		[MEASURED_WRONG_DATA]		= "WRONG DATA",
		[MEASURED_REFUSED]		= "refused",
		[MEASURED_REFUSED_AND_CHANGED]	= "REFUSED, YET CHANGED",
		[MEASURED_IO_ERROR]		= "I/O error",
		[MEASURED_NOT_TESTED]		= "not tested",
	};

	return texts[measured];
}

const char *measured_name(enum measured measured)
{
	static const char * const names[] = {
		[MEASURED_EQUAL]		= "equal",
		[MEASURED_WRONG_DATA]		= "wrong-data",
		[MEASURED_REFUSED]		= "refused",
		[MEASURED_REFUSED_AND_CHANGED]	= "refused-and-changed",
		[MEASURED_IO_ERROR]		= "io-error",
		[MEASURED_NOT_TESTED]		= "not-tested",
	};

	return names[measured];
}

/*
 * Peer memory
 */

static const char *hint(int error)
{
	if (error == EACCES || error == EPERM)
		return "; run it as root";
	if (error == ENOENT)
		return "; this kernel lets no program allocate peer memory";
	return "";
}

bool peer_map(const struct dev *provider, size_t size, struct peer *peer,
	      char **why)
{
	unsigned long long available;
	void *memory;
	char *path;
	int fd;

	*peer = (struct peer){};
	if (!provider->has_p2pmem) {
		*why = xasprintf("user space cannot allocate memory of %s: it has no p2pmem/allocate",
				 provider->bdf);
		return false;
	}
	available = sysfs_number(0, "/sys/bus/pci/devices/%s/p2pmem/available",
				 provider->bdf);
	if (size > available)
		size = available & ~4095ULL;
	if (!size) {
		*why = xasprintf("%s has no peer memory left", provider->bdf);
		return false;
	}
	path = sysfs_path("/sys/bus/pci/devices/%s/p2pmem/allocate",
			  provider->bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		*why = xasprintf("%s: %s%s", path, strerror(errno), hint(errno));
		free(path);
		return false;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		*why = xasprintf("%s of %s cannot be mapped: %s",
				 size_text(size), path, strerror(errno));
	close(fd);
	free(path);
	if (memory == MAP_FAILED)
		return false;
	peer->memory = memory;
	peer->size = size;
	return true;
}

void peer_unmap(struct peer *peer)
{
	if (peer->memory)
		munmap(peer->memory, peer->size);
	*peer = (struct peer){};
}

/*
 * Patterns: words that depend on their offset, so that misplaced data are found
 */

enum phase {
	PHASE_BEFORE,		/* what the target holds before the I/O */
	PHASE_DATA,		/* what the I/O moves */
};

struct transfer {
	const struct target *target;
	enum direction dir;
	uint64_t seed;		/* another one for each transfer */
	uint64_t *ram;	/* CHUNK bytes */
	uint64_t *reference;	/* what is on the drive, where it is only read */
	struct peer peer;
	bool plain;		/* the drive's data are the same in every sector */
	struct outcome *outcome;
};

static uint64_t pattern(const struct transfer *t, enum phase which,
			uint64_t offset)
{
	uint64_t x = t->seed ^ (uint64_t)which << 63 ^ offset;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void fill(const struct transfer *t, uint64_t *to,
		 enum phase which, uint64_t offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(*to))
		to[i / sizeof(*to)] = pattern(t, which, offset + i);
}

/* What should be there: the drive's own data, or the pattern. */
static uint64_t expected(const struct transfer *t, enum phase which,
			 uint64_t offset, size_t i)
{
	if (which == PHASE_DATA && !t->target->writable)
		return t->reference[i / sizeof(uint64_t)];
	return pattern(t, which, offset + i);
}

/* The number of bytes that are not as they should be. */
static uint64_t compare(const struct transfer *t, const uint64_t *at,
			enum phase which, uint64_t offset, size_t len)
{
	uint64_t bad = 0, diff;
	size_t i;

	for (i = 0; i < len; i += sizeof(*at)) {
		diff = at[i / sizeof(*at)] ^ expected(t, which, offset, i);
		for (; diff; diff >>= 8)
			bad += !!(diff & 0xff);
	}
	return bad;
}

/*
 * I/O
 */

/* I/O between the drive and RAM. Where it fails the test proves nothing. */
static bool stage(struct transfer *t, bool to_drive, void *ram,
		  uint64_t offset, size_t len)
{
	off_t at = t->target->start + offset;
	ssize_t n = to_drive ? pwrite(t->target->fd, ram, len, at) :
			       pread(t->target->fd, ram, len, at);

	if (n == (ssize_t)len)
		return true;
	t->outcome->measured = MEASURED_NOT_TESTED;
	t->outcome->note = xasprintf("%s %s with ordinary memory: %s",
				     to_drive ? "writing" : "reading",
				     t->target->name,
				     n < 0 ? strerror(errno) : "short transfer");
	return false;
}

/* The I/O under test; an errno. A short transfer counts as an error. */
static int peer_io(struct transfer *t, uint64_t offset, size_t len)
{
	off_t at = t->target->start + offset;
	void *peer = t->peer.memory;
	ssize_t n = t->dir == DIR_WRITE ? pread(t->target->fd, peer, len, at) :
					  pwrite(t->target->fd, peer, len, at);

	if (n < 0)
		return errno;
	return (size_t)n == len ? 0 : ENODATA;
}

/*
 * Has the file system gone through its page cache? Then the CPU has copied, and no
 * DMA to or from the peer has taken place.
 */
static bool was_buffered(const struct target *target, uint64_t offset,
			 size_t len)
{
	unsigned char pages[CHUNK / 4096] = {};
	bool cached = false;
	void *map;
	size_t i;

	if (!target->is_file)
		return false;
	map = mmap(NULL, len, PROT_READ, MAP_SHARED, target->fd,
		   target->start + offset);
	if (map == MAP_FAILED)
		return false;
	if (!mincore(map, len, pages))
		for (i = 0; i < len / 4096; i++)
			cached |= pages[i] & 1;
	munmap(map, len);
	return cached;
}

static bool sectors_alike(const uint64_t *data, size_t len)
{
	size_t i, words = 512 / sizeof(*data);

	for (i = words; i < len / sizeof(*data); i++)
		if (data[i] != data[i - words])
			return false;
	return true;
}

/* Write the data to the source, and another pattern to the destination. */
static bool prepare(struct transfer *t, uint64_t offset, size_t len)
{
	void *ram = t->ram;

	if (t->dir == DIR_READ) {
		fill(t, t->ram, PHASE_BEFORE, offset, len);
		if (!stage(t, true, ram, offset, len))
			return false;
		fill(t, t->peer.memory, PHASE_DATA, offset, len);
		return true;
	}
	if (t->target->writable) {
		fill(t, t->ram, PHASE_DATA, offset, len);
		if (!stage(t, true, ram, offset, len))
			return false;
	} else {
		if (!stage(t, false, t->reference, offset, len))
			return false;
		t->plain &= sectors_alike(t->reference, len);
	}
	fill(t, t->peer.memory, PHASE_BEFORE, offset, len);
	return true;
}

/* Where the data should be now: peer memory itself, or RAM read from the drive. */
static const uint64_t *look(struct transfer *t, uint64_t offset, size_t len)
{
	if (t->dir == DIR_WRITE)
		return t->peer.memory;
	memset(t->ram, 0x5a, len);
	return stage(t, false, t->ram, offset, len) ? t->ram : NULL;
}

/* One chunk; false ends the transfer. */
static bool move_chunk(struct transfer *t, uint64_t offset, size_t len)
{
	struct outcome *outcome = t->outcome;
	const uint64_t *at;
	uint64_t bad;

	if (!prepare(t, offset, len))
		return false;
	outcome->error = peer_io(t, offset, len);
	at = look(t, offset, len);
	if (!at)
		return false;
	bad = compare(t, at, outcome->error ? PHASE_BEFORE : PHASE_DATA, offset,
		      len);
	if (outcome->error) {
		outcome->changed = bad;
		return false;
	}
	if (was_buffered(t->target, offset, len)) {
		outcome->measured = MEASURED_NOT_TESTED;
		outcome->note = xasprintf("%s: the file system copies through its page cache in spite of O_DIRECT, so no DMA to the peer takes place",
					  t->target->name);
		return false;
	}
	if (bad && !t->target->writable) {
		/* another program may have written the drive meanwhile */
		memcpy(t->ram, t->reference, len);
		if (!stage(t, false, t->reference, offset, len))
			return false;
		if (memcmp(t->ram, t->reference, len)) {
			outcome->measured = MEASURED_NOT_TESTED;
			outcome->note = xasprintf("%s is being written by others; --file makes a file of our own",
						  t->target->name);
			return false;
		}
	}
	outcome->moved += len;
	outcome->wrong += bad;
	return true;
}

/* The result of the whole transfer. */
static void judge(struct transfer *t)
{
	struct outcome *outcome = t->outcome;
	const char *driver = t->target->client->driver;

	if (outcome->wrong) {
		outcome->measured = MEASURED_WRONG_DATA;
	} else if (outcome->changed) {
		outcome->measured = MEASURED_REFUSED_AND_CHANGED;
	} else if (outcome->error == EREMOTEIO && !outcome->moved) {
		outcome->measured = MEASURED_REFUSED;
	} else if (outcome->error) {
		outcome->measured = MEASURED_IO_ERROR;
	} else {
		outcome->measured = MEASURED_EQUAL;
		if (t->plain)
			outcome->note = xasprintf("%s has the same data in every sector there, so misplaced data would not be seen; --file or --destructive make it a real test",
						  t->target->name);
	}
	if (outcome->measured == MEASURED_REFUSED &&
	    (!driver || strcmp(driver, "nvme")))
		outcome->note = xasprintf("the driver of the drive (%s) may not take peer memory at all",
					  driver ? driver : "none");
}

void move_data(const struct target *target, const struct dev *provider,
	       enum direction dir, uint64_t size, struct outcome *outcome)
{
	static uint64_t seed = 0x9e3779b97f4a7c15ULL;
	struct transfer t = {
		.target = target, .dir = dir, .outcome = outcome,
		.plain = !target->writable,
	};
	void *ram = NULL, *reference = NULL;
	uint64_t offset;
	size_t len;

	*outcome = (struct outcome){ .measured = MEASURED_NOT_TESTED };
	if (dir == DIR_READ && !target->writable) {
		outcome->note = xstrdup("reads of peer memory write the drive: give --file or --destructive");
		return;
	}
	if (size > target->size)
		size = target->size;
	if (!peer_map(provider, size < CHUNK ? size : CHUNK, &t.peer,
		      &outcome->note))
		return;
	if (posix_memalign(&ram, 4096, CHUNK) ||
	    posix_memalign(&reference, 4096, CHUNK))
		die("out of memory");
	t.ram = ram;
	t.reference = reference;
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	t.seed = seed;

	for (offset = 0; offset < size && !move_stopped(); offset += len) {
		len = size - offset < t.peer.size ? size - offset : t.peer.size;
		if (!move_chunk(&t, offset, len))
			break;
	}
	/* wrong data that were found count, also if the transfer was interrupted */
	if (outcome->wrong || outcome->changed)
		judge(&t);
	else if (!outcome->note && move_stopped())
		outcome->note = xstrdup("interrupted");
	else if (!outcome->note)
		judge(&t);
	free(ram);
	free(reference);
	peer_unmap(&t.peer);
}
