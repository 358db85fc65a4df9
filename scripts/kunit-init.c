// SPDX-License-Identifier: GPL-2.0
/*
 * The init of the KUnit kernel: looks for memory leaks when the suites are done, and
 * hands over what gcov has counted.
 *
 * KUnit runs before user space exists, but kmemleak scans only when told to through
 * debugfs, and reports an object only when it is older than five seconds.  So the KUnit
 * kernel does not reboot after its suites but starts this program, which scans, copies
 * the verdict to the console, where scripts/kunit-report reads it, and ends the machine.
 *
 * In a kernel that was built with gcov the counts go over the second serial line, where
 * scripts/coverage expects for each file a line "NAME SIZE", then its bytes, and after
 * the last a line "end".
 */

#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define GCOV "/d/gcov"

static FILE *channel;

static int scan(void)
{
	int fd = open("/d/kmemleak", O_WRONLY);
	int ret = -1;

	if (fd >= 0) {
		ret = write(fd, "scan", 4) == 4 ? 0 : -1;
		close(fd);
	}
	return ret;
}

static int look_for_leaks(void)
{
	static char buf[65536];
	ssize_t n;
	int fd;

	/*
	 * The first scan after the suites sees every object that they left for the first
	 * time; kmemleak wants to see an orphan unchanged in a second one.
	 */
	sleep(6);
	if (scan() || scan())
		return -1;

	fd = open("/d/kmemleak", O_RDONLY);
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stdout);
	close(fd);
	return n < 0 ? -1 : 0;
}

/* For nftw(): one file of counts.  Others are links to where the kernel was built. */
static int send_file(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	size_t size = 0, room = 1 << 20;
	const char *dot = strrchr(name, '.');
	ssize_t n;
	char *buf;
	int fd;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !dot || strcmp(dot, ".gcda"))
		return 0;

	/* debugfs does not know the size before. */
	buf = malloc(room);
	fd = open(name, O_RDONLY);
	if (!buf || fd < 0)
		return -1;
	while ((n = read(fd, buf + size, room - size)) > 0)
		size += n;
	close(fd);
	if (n < 0 || size == room)
		return -1;
	fprintf(channel, "%s %zu\n", name, size);
	fwrite(buf, 1, size, channel);
	free(buf);
	return 0;
}

static int send_counts(void)
{
	struct termios raw;
	int fd, ret;

	if (mknod("/channel", S_IFCHR | 0600, makedev(4, 65)))
		return -1;
	fd = open("/channel", O_WRONLY | O_NOCTTY);
	if (fd < 0 || tcgetattr(fd, &raw))
		return -1;
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	channel = fdopen(fd, "w");
	if (tcsetattr(fd, TCSANOW, &raw) || !channel)
		return -1;

	ret = nftw(GCOV, send_file, 16, FTW_PHYS);
	if (!ret)
		fprintf(channel, "end\n");
	if (fflush(channel) || tcdrain(fd))
		ret = -1;
	fclose(channel);
	return ret;
}

int main(void)
{
	mkdir("/d", 0700);
	if (mount("debugfs", "/d", "debugfs", 0, NULL))
		printf("kunit-init: no debugfs: %s\n", strerror(errno));
	if (!access(GCOV, F_OK) && send_counts())
		printf("kunit-init: counts not sent: %s\n", strerror(errno));
	if (access("/d/kmemleak", F_OK))
		printf("kunit-init: no leak scan: the kernel has no kmemleak\n");
	else if (look_for_leaks())
		printf("kunit-init: leak scan failed: %s\n", strerror(errno));
	else
		printf("kunit-init: leak scan done\n");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
