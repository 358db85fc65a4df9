// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded under p2pdma verify: I/O whose buffer is mapped peer memory behaves like
 * hardware that fails, as P2PDMA_SHIM says:
 *
 *	refuse		a clean error, EREMOTEIO
 *	refuse-change	the same, after the first byte has been changed
 *	wrong		success, and the last byte is wrong
 *	lost		success, and nothing has moved
 *	eio		another error
 *	short		half of it
 *
 * After the first such I/O SIGINT is raised if P2PDMA_SHIM_INTERRUPT is there; and of
 * memory for I/O there is as much as P2PDMA_SHIM_MEMORY calls ask for.
 *
 * A file that ends with what P2PDMA_SHIM_BLOCK says is taken for a block device, the
 * one that it lies on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *peer;
static size_t peer_len;
static ino_t block;	/* the file that is a block device; or 0 */

static void disguise(struct stat *st)
{
	st->st_mode = S_IFBLK | 0600;
	st->st_rdev = st->st_dev;
}

int stat(const char *restrict path, struct stat *restrict st)
{
	const char *name = getenv("P2PDMA_SHIM_BLOCK");
	typeof(stat) *real = dlsym(RTLD_NEXT, "stat");
	int ret = real(path, st);

	if (!ret && name && strlen(path) >= strlen(name) &&
	    !strcmp(path + strlen(path) - strlen(name), name)) {
		block = st->st_ino;
		disguise(st);
	}
	return ret;
}

int fstat(int fd, struct stat *st)
{
	typeof(fstat) *real = dlsym(RTLD_NEXT, "fstat");
	int ret = real(fd, st);

	if (!ret && block && st->st_ino == block)
		disguise(st);
	return ret;
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	typeof(mmap) *real = dlsym(RTLD_NEXT, "mmap");
	void *map = real(at, len, prot, flags, fd, offset);

	if (map != MAP_FAILED && (flags & MAP_SHARED) && (prot & PROT_WRITE)) {
		peer = map;
		peer_len = len;
	}
	return map;
}

static bool is(const char *mode)
{
	const char *want = getenv("P2PDMA_SHIM");

	return want && !strcmp(want, mode);
}

static bool is_peer(const void *buffer)
{
	if (!peer || (const char *)buffer < peer ||
	    (const char *)buffer >= peer + peer_len)
		return false;
	if (getenv("P2PDMA_SHIM_INTERRUPT"))
		raise(SIGINT);
	return true;
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	typeof(posix_memalign) *real = dlsym(RTLD_NEXT, "posix_memalign");
	const char *most = getenv("P2PDMA_SHIM_MEMORY");
	static const int none_left = ENOMEM;
	static int calls;

	if (most && ++calls > atoi(most))
		return none_left;
	return real(memory, alignment, size);
}

ssize_t pread(int fd, void *buffer, size_t len, off_t offset)
{
	typeof(pread) *real = dlsym(RTLD_NEXT, "pread");
	char *bytes = buffer;
	ssize_t n;

	if (!is_peer(buffer))
		return real(fd, buffer, len, offset);
	if (is("refuse-change"))
		bytes[0] ^= 1;
	if (is("refuse") || is("refuse-change") || is("eio")) {
		errno = is("eio") ? EIO : EREMOTEIO;
		return -1;
	}
	if (is("lost"))
		return len;
	n = real(fd, buffer, is("short") ? len / 2 : len, offset);
	if (n > 0 && is("wrong"))
		bytes[n - 1] ^= 1;
	return n;
}

ssize_t pwrite(int fd, const void *buffer, size_t len, off_t offset)
{
	typeof(pwrite) *real = dlsym(RTLD_NEXT, "pwrite");
	char *copy;
	ssize_t n;

	if (!is_peer(buffer))
		return real(fd, buffer, len, offset);
	if (is("refuse") || is("eio")) {
		errno = is("eio") ? EIO : EREMOTEIO;
		return -1;
	}
	if (is("lost"))
		return len;
	if (!is("wrong") && !is("refuse-change"))
		return real(fd, buffer, is("short") ? len / 2 : len, offset);
	copy = aligned_alloc(4096, len);
	if (!copy)
		abort();
	memcpy(copy, buffer, len);
	copy[len - 1] ^= 1;
	n = real(fd, copy, len, offset);
	free(copy);
	if (is("refuse-change")) {
		errno = EREMOTEIO;
		return -1;
	}
	return n;
}
