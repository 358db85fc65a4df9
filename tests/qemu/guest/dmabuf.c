// SPDX-License-Identifier: GPL-2.0
/*
 * Memory is taken back from an importer in the middle of its transfers.
 *
 * The drivers are those of samples/p2pdma/dmabuf.c. A process has the importer's device
 * write patterns into a dma-buf all the time. Meanwhile its owner takes the memory back:
 * from the moment at which that has returned nothing may change in the old place, which
 * is filled for this purpose, and looked at later than any transfer that was under way
 * could still arrive. All that was reported as written before is in the old place. Then
 * the dma-buf is given another place, and so on.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../samples/p2pdma/dmabuf.h"
#include "guest.h"

#define DEVICES		"/sys/bus/pci/devices/"
#define FILES		"/sys/kernel/debug/p2pdma_dmabuf/"

#define PIECE		4096
#define MOVED		4000	/* of each piece; the device moves up to 4095 */
#define PIECES		8
#define FILL		0x5a
/* The device takes 100 ms of the guest's time for each of the two parts of a transfer. */
#define LATER		300000	/* us */

/* In memory that the importer's process and its parent share. */
struct load {
	atomic_ulong moved;
	atomic_ulong refused;	/* because the memory has been taken back */
	atomic_int error;	/* of another kind */
	/* What the last transfer that succeeded has written, and where */
	atomic_uint pattern[PIECES];
};

/* What came of it. */
struct outcome {
	unsigned long rounds, changed, lost;
	int error;
	const char *what;
};

/* Give a function to a driver that binds by driver_override alone. */
static int bind(const char *pci, const char *driver)
{
	char path[160];
	int error;

	snprintf(path, sizeof(path), DEVICES "%s/driver_override", pci);
	error = file_write(path, driver, strlen(driver));
	if (error)
		return error;
	snprintf(path, sizeof(path), DEVICES "%s/driver/unbind", pci);
	if (!access(path, F_OK))
		error = file_write(path, pci, strlen(pci));
	return error ?: file_write("/sys/bus/pci/drivers_probe", pci, strlen(pci));
}

static int open_file(const char *pci)
{
	char path[160];

	snprintf(path, sizeof(path), FILES "%s", pci);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* All of BAR 2 of the exporter, by the kernel's own file. */
static unsigned char *map_bar(const char *pci, size_t *size)
{
	unsigned char *bar = MAP_FAILED;
	char path[160];
	int fd;

	snprintf(path, sizeof(path), DEVICES "%s/resource2", pci);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return bar;
	*size = lseek(fd, 0, SEEK_END);
	bar = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return bar;
}

static unsigned char pattern_byte(unsigned int pattern, unsigned int i)
{
	return pattern + 7 * i + (i >> 8);
}

static void transfer_on(struct load *load, int importer)
{
	unsigned int i;

	for (i = 0;; i++) {
		struct p2pdma_sample_transfer t = {
			.offset = (i % PIECES) * PIECE,
			.size = MOVED,
			.write = 1,
			.pattern = i % 251 + 1,
		};

		if (!ioctl(importer, P2PDMA_SAMPLE_TRANSFER, &t)) {
			load->pattern[i % PIECES] = t.pattern;
			load->moved++;
		} else if (errno == ENODEV) {
			load->refused++;
			usleep(1000);
		} else {
			load->error = errno;
			return;
		}
	}
}

/* Wait until a number grows; false if it does not, or the load has ended. */
static bool grows(const struct load *load, const atomic_ulong *number)
{
	unsigned long before = *number;
	unsigned int waited;

	for (waited = 0; waited < 5000 && !load->error; waited++) {
		if (*number != before)
			return true;
		usleep(1000);
	}
	return false;
}

/* How many bytes in a place are not what was reported as written there. */
static size_t count_lost(const struct load *load, const unsigned char *place)
{
	unsigned int piece, i;
	size_t lost = 0;

	for (piece = 0; piece < PIECES; piece++)
		for (i = 0; load->pattern[piece] && i < MOVED; i++)
			lost += place[piece * PIECE + i] !=
				pattern_byte(load->pattern[piece], i);
	return lost;
}

static size_t count_changed(const unsigned char *place)
{
	size_t i, changed = 0;

	for (i = 0; i < PIECES * PIECE; i++)
		changed += place[i] != FILL;
	return changed;
}

/* Take the memory back and give it another place. Returns false at the first failure. */
static bool take_back(struct load *load, struct outcome *out, int exporter,
		      unsigned char *bar, size_t half)
{
	unsigned char *old = bar + (out->rounds % 2 ? half : 0);
	__u64 next = out->rounds % 2 ? 0 : half;
	unsigned int piece;

	out->what = "the load moves nothing";
	if (!grows(load, &load->moved))
		return false;
	/* Somewhere in the middle of the next transfer. */
	usleep(out->rounds * 7919 % 100000);
	out->what = "revoke";
	if (ioctl(exporter, P2PDMA_SAMPLE_REVOKE))
		return false;
	memset(bar + next, 0, PIECES * PIECE);
	/* When the load has been refused it has also said what it moved last. */
	out->what = "the load is not refused";
	if (!grows(load, &load->refused))
		return false;
	out->lost += count_lost(load, old);
	for (piece = 0; piece < PIECES; piece++)
		load->pattern[piece] = 0;
	memset(old, FILL, PIECES * PIECE);
	usleep(LATER);
	out->changed += count_changed(old);
	out->rounds++;
	out->what = "restore";
	return !ioctl(exporter, P2PDMA_SAMPLE_RESTORE, &next);
}

/* The driver of the exporter is unbound while the importer is attached. */
static bool unbind_exporter(struct load *load, struct outcome *out,
			    const char *pci, int exporter)
{
	char path[160];
	int error;

	out->what = "the load moves nothing before unbind";
	if (!grows(load, &load->moved))
		return false;
	close(exporter);
	out->what = "unbind";
	snprintf(path, sizeof(path), DEVICES "%s/driver/unbind", pci);
	error = file_write(path, pci, strlen(pci));
	errno = error;
	if (error)
		return false;
	out->what = "the load is not refused after unbind";
	return grows(load, &load->refused);
}

/* With the importer attached. */
static void run_load(struct outcome *out, struct load *load, const char *exporter,
		     int exporter_fd, int importer_fd, unsigned int rounds)
{
	size_t size = 0;
	unsigned char *bar = map_bar(exporter, &size);
	bool good;
	pid_t pid;

	out->what = "resource2";
	out->error = errno;
	if (bar == MAP_FAILED)
		return;
	/* Not what any pattern is. */
	memset(bar, 0, size);
	pid = fork();
	if (!pid) {
		transfer_on(load, importer_fd);
		_exit(0);
	}
	do {
		errno = 0;
		good = take_back(load, out, exporter_fd, bar, size / 2);
	} while (good && out->rounds < rounds);
	munmap(bar, size);
	if (good) {
		errno = 0;
		good = unbind_exporter(load, out, exporter, exporter_fd);
	} else {
		close(exporter_fd);
	}
	out->error = errno ?: load->error;
	if (good)
		out->what = "";
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/*
 * Have @importer, an edu device, write into memory of @exporter, an ivshmem device, and
 * take the memory back so many times.
 */
void dmabuf_revoke(unsigned int step, const char *exporter, const char *importer,
		   unsigned int rounds)
{
	struct outcome out = { .what = "bind" };
	struct load *load;
	int from, to, fd;

	load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	out.error = load == MAP_FAILED ? errno :
		    bind(exporter, "p2pdma_exporter") ?:
		    bind(importer, "p2pdma_importer");
	if (out.error)
		goto report;
	from = open_file(exporter);
	to = open_file(importer);
	out.what = "export";
	fd = from < 0 || to < 0 ? -1 : ioctl(from, P2PDMA_SAMPLE_EXPORT);
	out.error = errno;
	if (fd >= 0) {
		out.what = "import";
		if (!ioctl(to, P2PDMA_SAMPLE_IMPORT, &fd)) {
			run_load(&out, load, exporter, from, to, rounds);
		} else {
			out.error = errno;
			close(from);
		}
		close(fd);
	}
	/* The importer detaches, and the dma-buf goes. */
	fd = -1;
	ioctl(to, P2PDMA_SAMPLE_IMPORT, &fd);
	close(to);
report:
	report_begin("dmabuf", step);
	report_number("rounds", out.rounds);
	report_number("moved", load == MAP_FAILED ? 0 : load->moved);
	report_number("changed", out.changed);
	report_number("lost", out.lost);
	report_text("what", out.what);
	report_errno(out.error);
	report_end();
	if (load != MAP_FAILED)
		munmap(load, sizeof(*load));
}
