// SPDX-License-Identifier: GPL-2.0
/*
 * Data moved between a drive and another drive's memory, with every byte
 * compared: by user I/O on memory that is mapped from the provider, or by bios that
 * the kernel's sample driver builds and submits. A completed I/O proves nothing, so
 * the result of each is looked at from the other side: what the drive wrote is read
 * by the CPU from the peer memory, what the drive read is read back from it into
 * ordinary RAM. A failed I/O must have left its target as it was. Peer memory is
 * read and written by plain accesses, or by the sample's; the calls that do the I/O
 * keep them in order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define CHUNK	0x100000UL	/* bytes for one I/O and one comparison */
#define SAMPLE	"/sys/kernel/debug/p2pdma_bio/"

enum direction {
	DIR_WRITE,		/* the client writes the peer memory */
	DIR_READ,		/* the client reads it */
};

enum phase {
	PHASE_BEFORE,		/* what the target holds before the I/O */
	PHASE_DATA,		/* what the I/O moves */
	PHASE_POISON,		/* what must be overwritten to be compared */
};

/* All that the report of one direction says. */
struct outcome {
	size_t moved;		/* bytes of I/O that succeeded */
	size_t bad;		/* of these, bytes that differ */
	size_t changed;		/* bytes changed by an I/O that failed */
	long long first;	/* offset of the first bad or changed byte, or -1 */
	unsigned long requests;	/* that the client's driver has completed */
	int error;		/* errno of the I/O */
};

struct transfer {
	unsigned int step;
	enum direction direction;
	enum move_how how;
	const char *block;	/* the client's block device */
	int drive_fd;
	int data_fd;		/* MOVE_KERNEL: the sample's window to the memory */
	__u64 *ram;		/* CHUNK bytes */
	__u64 *peer;		/* mapped peer memory; MOVE_KERNEL: RAM, a copy of it */
	struct outcome outcome;
};

/* A word of pseudo-random data that tells step, direction, phase and offset. */
static __u64 pattern_word(const struct transfer *t, enum phase which,
			  size_t offset)
{
	__u64 x = (__u64)t->step << 48 | (__u64)t->direction << 44 |
		  (__u64)which << 40 | offset;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void fill(const struct transfer *t, __u64 *to,
		 enum phase which, size_t offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(*to))
		to[i / sizeof(*to)] = pattern_word(t, which, offset + i);
}

/* The number of bytes that are not the pattern's. */
static size_t compare(struct transfer *t, const __u64 *at,
		      enum phase which, size_t offset, size_t len)
{
	size_t i, bad = 0;

	for (i = 0; i < len; i += sizeof(*at)) {
		__u64 diff = at[i / sizeof(*at)] ^
			     pattern_word(t, which, offset + i);
		unsigned int byte;

		for (byte = 0; diff; byte++, diff >>= 8) {
			if (!(diff & 0xff))
				continue;
			if (t->outcome.first < 0)
				t->outcome.first = offset + i + byte;
			bad++;
		}
	}
	return bad;
}

/* I/O between the drive and RAM, which has to work. */
static bool stage(struct transfer *t, bool to_drive, size_t offset, size_t len)
{
	ssize_t n = to_drive ? pwrite(t->drive_fd, t->ram, len, offset)
			     : pread(t->drive_fd, t->ram, len, offset);

	if (n == (ssize_t)len)
		return true;
	report_trouble(t->step, "%s RAM and the drive: %s",
		       to_drive ? "pwrite() between" : "pread() between",
		       n < 0 ? strerror(errno) : "short transfer");
	return false;
}

/* Between the copy and the memory itself, by the sample's sg_pcopy_*(). */
static bool peer_copy(struct transfer *t, bool to_peer, __u64 *peer, size_t len)
{
	ssize_t n = len;

	if (t->how == MOVE_KERNEL)
		n = to_peer ? pwrite(t->data_fd, peer, len, 0)
			    : pread(t->data_fd, peer, len, 0);
	if (n == (ssize_t)len)
		return true;
	report_trouble(t->step, "%s of peer memory by the CPU: %s",
		       to_peer ? "write" : "read",
		       n < 0 ? strerror(errno) : "short");
	return false;
}

/* Reads and writes that the driver of a block device has completed. */
static unsigned long requests_done(const char *block)
{
	unsigned long reads = 0, writes = 0;
	char path[512], *text;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", block);
	if (!file_read(path, &text)) {
		if (sscanf(text, "%lu %*u %*u %*u %lu", &reads, &writes) != 2)
			reads = 0;
		free(text);
	}
	return reads + writes;
}

/* The I/O under test. Short transfers count as errors. */
static int peer_io(struct transfer *t, __u64 *peer, size_t offset,
		   size_t len)
{
	unsigned long before = requests_done(t->block);
	char line[128];
	int error;
	ssize_t n;

	if (t->how == MOVE_KERNEL) {
		n = snprintf(line, sizeof(line), "%s /dev/%s %zu %zu",
			     t->direction == DIR_WRITE ? "read" : "write",
			     t->block, offset / 512, len);
		error = file_write(SAMPLE "submit", line, n);
	} else {
		n = t->direction == DIR_WRITE
			? pread(t->drive_fd, peer, len, offset)
			: pwrite(t->drive_fd, peer, len, offset);
		error = n < 0 ? errno : (size_t)n == len ? 0 : ENODATA;
	}
	t->outcome.requests += requests_done(t->block) - before;
	return error;
}

/* One chunk there and compared; false ends the direction. */
static bool move_chunk(struct transfer *t, __u64 *peer, size_t offset,
		       size_t len)
{
	struct outcome *outcome = &t->outcome;
	__u64 *target;
	size_t differs;

	if (t->direction == DIR_WRITE) {
		fill(t, t->ram, PHASE_DATA, offset, len);
		if (!stage(t, true, offset, len))
			return false;
		fill(t, peer, PHASE_BEFORE, offset, len);
		if (!peer_copy(t, true, peer, len))
			return false;
		outcome->error = peer_io(t, peer, offset, len);
		if (!peer_copy(t, false, peer, len))
			return false;
		target = peer;
	} else {
		fill(t, t->ram, PHASE_BEFORE, offset, len);
		if (!stage(t, true, offset, len))
			return false;
		fill(t, peer, PHASE_DATA, offset, len);
		if (!peer_copy(t, true, peer, len))
			return false;
		outcome->error = peer_io(t, peer, offset, len);
		fill(t, t->ram, PHASE_POISON, offset, len);
		if (!stage(t, false, offset, len))
			return false;
		target = t->ram;
	}
	if (t->how == MOVE_SPOIL)
		*target ^= 0xff;

	differs = compare(t, target,
			  outcome->error ? PHASE_BEFORE : PHASE_DATA,
			  offset, len);
	if (outcome->error) {
		outcome->changed += differs;
		return false;
	}
	outcome->moved += len;
	outcome->bad += differs;
	return true;
}

/* Peer memory from the provider's pool, as much of @len as it has. */
__u64 *peer_map(unsigned int step, const struct drive *provider, size_t *len)
{
	char path[512], word[NAME_LEN];
	size_t available;
	void *peer;
	int fd, error;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/p2pmem/available", provider->pci);
	error = file_read_word(path, word, sizeof(word));
	if (error) {
		report_trouble(step, "%s: %s", path, strerror(error));
		return NULL;
	}
	available = strtoul(word, NULL, 0);
	if (*len > available)
		*len = available & ~(CHUNK - 1) ?: available & ~4095UL;
	if (!*len) {
		report_trouble(step, "%s has no peer memory left",
			       provider->serial);
		return NULL;
	}

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/p2pmem/allocate", provider->pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		report_trouble(step, "%s: %s", path, strerror(errno));
		return NULL;
	}
	peer = mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (peer == MAP_FAILED) {
		report_trouble(step, "mmap() of %zu bytes of %s: %s", *len,
			       path, strerror(errno));
		peer = NULL;
	}
	close(fd);
	return peer;
}

/* Peer memory that the kernel's sample driver holds, and RAM for a copy of it. */
static __u64 *sample_alloc(struct transfer *t, const struct drive *provider)
{
	char line[NAME_LEN + 32];
	int error, n;
	void *copy;

	n = snprintf(line, sizeof(line), "%s %lu", provider->pci, CHUNK);
	error = file_write(SAMPLE "memory", line, n);
	if (error) {
		report_trouble(t->step, SAMPLE "memory: %s", strerror(error));
		return NULL;
	}
	t->data_fd = open(SAMPLE "data", O_RDWR | O_CLOEXEC);
	copy = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->data_fd >= 0 && copy != MAP_FAILED)
		return copy;
	report_trouble(t->step, SAMPLE "data: %s", strerror(errno));
	return NULL;
}

static void sample_free(struct transfer *t, __u64 *copy)
{
	munmap(copy, CHUNK);
	close(t->data_fd);
	file_write(SAMPLE "memory", "none", 4);
}

static void move_direction(struct transfer *t, const struct drive *provider,
			   size_t bytes)
{
	size_t offset = 0;
	bool going = true;

	while (going && offset < bytes) {
		size_t len = bytes - offset, at;

		if (t->how == MOVE_KERNEL) {
			len = len < CHUNK ? len : CHUNK;
			t->peer = sample_alloc(t, provider);
		} else {
			t->peer = peer_map(t->step, provider, &len);
		}
		if (!t->peer)
			return;
		for (at = 0; going && at < len; at += CHUNK) {
			size_t n = len - at < CHUNK ? len - at : CHUNK;

			going = move_chunk(t, t->peer + at / sizeof(*t->peer),
					   offset + at, n);
		}
		if (t->how == MOVE_KERNEL)
			sample_free(t, t->peer);
		else
			munmap(t->peer, len);
		offset += len;
	}
}

/*
 * Move @bytes each way between the block device of @client and peer memory of
 * @provider, and report both directions. A direction ends at its first error.
 * With MOVE_SPOIL the guest itself damages a byte, and the comparison must see it.
 */
void move(unsigned int step, const struct drive *client,
	  const struct drive *provider, size_t bytes, enum move_how how)
{
	static const char * const names[] = { "write", "read" };
	struct transfer t = {
		.step = step, .how = how, .block = client->block,
	};
	char path[NAME_LEN + 8];

	snprintf(path, sizeof(path), "/dev/%s", client->block);
	t.drive_fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (t.drive_fd < 0) {
		report_trouble(step, "%s: %s", path, strerror(errno));
		return;
	}
	t.ram = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t.ram == MAP_FAILED) {
		report_trouble(step, "no RAM for a buffer");
		close(t.drive_fd);
		return;
	}

	for (t.direction = DIR_WRITE; t.direction <= DIR_READ; t.direction++) {
		t.outcome = (struct outcome){ .first = -1 };
		move_direction(&t, provider, bytes);
		report_begin("move", step);
		report_text("client", client->serial);
		report_text("provider", provider->serial);
		report_text("direction", names[t.direction]);
		report_number("asked", bytes);
		report_number("moved", t.outcome.moved);
		report_number("bad", t.outcome.bad);
		report_number("changed", t.outcome.changed);
		report_number("first", t.outcome.first);
		report_number("requests", t.outcome.requests);
		report_errno(t.outcome.error);
		report_end();
	}
	munmap(t.ram, CHUNK);
	close(t.drive_fd);
}

/* Whether two drives hold the same in their first @bytes. */
void compare_drives(unsigned int step, const struct drive *one,
		    const struct drive *other, size_t bytes)
{
	const struct drive *drives[] = { one, other };
	unsigned char *data[2] = {};
	long long first = -1;
	char path[NAME_LEN + 8];
	int fd, i;
	size_t at;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/dev/%s", drives[i]->block);
		fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (fd < 0 || posix_memalign((void **)&data[i], 4096, bytes) ||
		    pread(fd, data[i], bytes, 0) != (ssize_t)bytes)
			report_trouble(step, "same: %s cannot be read", path);
		if (fd >= 0)
			close(fd);
	}
	for (at = 0; data[0] && data[1] && first < 0 && at < bytes; at++)
		if (data[0][at] != data[1][at])
			first = at;
	report_begin("same", step);
	report_text("one", one->serial);
	report_text("other", other->serial);
	report_number("first", first);
	report_end();
	free(data[0]);
	free(data[1]);
}

/* FNV-1a of its words, which tells whether anything on it has changed. */
void sum_drive(unsigned int step, const struct drive *drive)
{
	__u64 sum = 0xcbf29ce484222325ULL, *data = NULL;
	size_t bytes = 0, i;
	char path[NAME_LEN + 8];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", drive->block);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd >= 0 && !posix_memalign((void **)&data, 4096, CHUNK)) {
		while ((n = read(fd, data, CHUNK)) > 0) {
			for (i = 0; i < n / sizeof(*data); i++)
				sum = (sum ^ data[i]) * 0x100000001b3ULL;
			bytes += n;
		}
	}
	if (n < 0)
		report_trouble(step, "sum: %s cannot be read", path);
	if (fd >= 0)
		close(fd);
	free(data);
	report_begin("sum", step);
	report_text("drive", drive->serial);
	report_number("bytes", bytes);
	report_number("sum", sum);
	report_end();
}
