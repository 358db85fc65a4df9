// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "drives.h"
#include "sysfs.h"
#include "target.h"

/* What exit() has to put back. */
static struct targets *to_put_back;

static void put_back_at_exit(void)
{
	if (to_put_back)
		targets_put_back(to_put_back);
}

static struct target *add(struct targets *targets, struct target target)
{
	size_t i;

	for (i = 0; i < targets->n; i++)
		if (targets->list[i].client == target.client)
			die("%s and %s are both on the drive %s; give one",
			    targets->list[i].name, target.name,
			    target.client->bdf);
	targets->list = xrealloc(targets->list, targets->n + 1,
				 sizeof(*targets->list));
	targets->list[targets->n] = target;
	return &targets->list[targets->n++];
}

/*
 * Make the file and remove its name at once. The file itself goes when it is closed,
 * however the program ends.
 */
static int make_file(const char *path)
{
	struct stat st;
	int fd;

	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		fd = open(path, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
		if (fd < 0)
			die("--file %s: no file can be made there for O_DIRECT: %s",
			    path, strerror(errno));
		return fd;
	}
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		die("--file %s exists, and would be overwritten; name one that does not exist, or a folder",
		    path);
	if (fd < 0) {
		int error = errno;

		/* some file systems make the file and then refuse O_DIRECT */
		if (error == EINVAL)
			unlink(path);
		die("--file %s: %s%s", path, strerror(error),
		    error == EINVAL ? " (the file system has no O_DIRECT)" : "");
	}
	if (unlink(path))
		complain("%s cannot be removed: %s", path, strerror(errno));
	return fd;
}

void targets_add_file(struct targets *targets, const struct machine *m,
		      const char *path, uint64_t size)
{
	struct target target = {
		.name = xstrdup(path), .writable = true, .is_file = true,
		.size = size,
	};
	struct stat st;

	target.fd = make_file(path);
	if (fstat(target.fd, &st))
		die("--file %s: %s", path, strerror(errno));
	target.client = drives_of_number(m, major(st.st_dev), minor(st.st_dev));
	if (!target.client)
		die("--file %s: its file system is not on one PCI drive (device %u:%u)",
		    path, major(st.st_dev), minor(st.st_dev));
	add(targets, target);
}

static uint64_t device_size(unsigned int major, unsigned int minor)
{
	long long sectors = sysfs_number(0, "/sys/dev/block/%u:%u/size", major,
					 minor);

	return sectors > 0 ? sectors * 512ULL : 0;
}

void targets_add_device(struct targets *targets, const struct machine *m,
			const char *path, uint64_t size)
{
	struct target target = { .name = xstrdup(path), .writable = true };
	uint64_t whole, done;
	struct stat st;
	dev_t number;
	ssize_t n;
	void *saved;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		die("--destructive %s: it is not a block device", path);
	number = st.st_rdev;
	target.client = drives_of_number(m, major(st.st_rdev),
					 minor(st.st_rdev));
	if (!target.client)
		die("--destructive %s: it is not on one PCI drive", path);
	/* O_EXCL: fails while it is mounted, or part of a volume */
	target.fd = open(path, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC);
	if (target.fd < 0)
		die("--destructive %s: %s%s", path, strerror(errno),
		    errno == EBUSY ? "; it is in use (mounted, or part of a volume)" :
				     "");
	if (fstat(target.fd, &st) || !S_ISBLK(st.st_mode) || st.st_rdev != number)
		die("--destructive %s: it has become another device", path);
	whole = device_size(major(st.st_rdev), minor(st.st_rdev));
	if (whole < 2 * CHUNK)
		die("--destructive %s: it is too small", path);
	target.size = size > whole / 2 ? whole / 2 & ~(CHUNK - 1) : size;
	/* in the middle, away from partition tables */
	target.start = (whole - target.size) / 2 & ~(CHUNK - 1);

	if (posix_memalign(&saved, 4096, target.size))
		die("out of memory for what is on %s now", path);
	target.saved = saved;
	for (done = 0; done < target.size; done += n) {
		n = pread(target.fd, target.saved + done, target.size - done,
			  target.start + done);
		if (n <= 0)
			die("--destructive %s: what is there cannot be read, and would be lost: %s",
			    path, n ? strerror(errno) : "no data");
	}
	add(targets, target);
	if (!to_put_back)
		atexit(put_back_at_exit);
	to_put_back = targets;
}

struct target *targets_for(struct targets *targets, const struct machine *m,
			   struct dev *client, uint64_t size, char **why)
{
	struct target target = { .client = client };
	uint64_t whole;
	char *block;
	size_t i;

	for (i = 0; i < targets->n; i++)
		if (targets->list[i].client == client)
			return &targets->list[i];
	block = drives_block_of(m, client);
	if (!block) {
		*why = xstrdup("the client is no drive, and only drives are made to move data here: whether this pair works was not tested. It could be with the test client of samples/p2pdma, or a program for the device itself (for RDMA: perftest with a dma-buf)");
		return NULL;
	}
	target.name = sysfs_path("/dev/%s", block);
	whole = sysfs_number(0, "/sys/class/block/%s/size", block) * 512ULL;
	free(block);
	target.fd = open(target.name, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (target.fd < 0) {
		*why = xasprintf("%s: %s%s", target.name, strerror(errno),
				 errno == EACCES ? "; run it as root" : "");
		free(target.name);
		return NULL;
	}
	target.size = whole < size ? whole & ~(CHUNK - 1) : size;
	if (!target.size) {
		*why = xasprintf("%s is too small", target.name);
		close(target.fd);
		free(target.name);
		return NULL;
	}
	return add(targets, target);
}

static bool put_back(const struct target *target)
{
	uint64_t done;
	ssize_t n;

	for (done = 0; done < target->size; done += n) {
		n = pwrite(target->fd, target->saved + done,
			   target->size - done, target->start + done);
		if (n <= 0) {
			complain("%s: what was there could not be put back from byte %llu on: %s",
				 target->name,
				 (unsigned long long)(target->start + done),
				 n ? strerror(errno) : "no room");
			return false;
		}
	}
	return true;
}

bool targets_put_back(struct targets *targets)
{
	bool good = true;
	size_t i;

	to_put_back = NULL;
	for (i = 0; i < targets->n; i++) {
		struct target *target = &targets->list[i];

		if (target->saved)
			good &= put_back(target);
		free(target->saved);
		target->saved = NULL;
	}
	return good;
}

void targets_close(struct targets *targets)
{
	size_t i;

	for (i = 0; i < targets->n; i++) {
		close(targets->list[i].fd);
		free(targets->list[i].name);
	}
	free(targets->list);
	*targets = (struct targets){};
}
