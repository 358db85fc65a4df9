// SPDX-License-Identifier: GPL-2.0
/*
 * The init of the KUnit kernel: looks for memory leaks when the suites are done.
 *
 * KUnit runs before user space exists, but kmemleak scans only when told to through
 * debugfs, and reports an object only when it is older than five seconds.  So the KUnit
 * kernel does not reboot after its suites but starts this program, which scans, copies
 * the verdict to the console, where scripts/kunit-report reads it, and ends the machine.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

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

	mkdir("/d", 0700);
	if (mount("debugfs", "/d", "debugfs", 0, NULL))
		return -1;

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

int main(void)
{
	if (look_for_leaks())
		printf("kunit-init: leak scan failed: %s\n", strerror(errno));
	else
		printf("kunit-init: leak scan done\n");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
