// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log, from /dev/kmsg: "<priority>,<number>,<time>,<flags>;<text>".
 * Every line of level warning or worse is handed on with the step in which it
 * came; which of them is a failure, the runner decides.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define LEVEL_WARNING	4

static int kmsg_fd = -1;

/* The next record, split into level and text; false at the end of the log. */
static bool next_record(int fd, unsigned int *level, const char **text)
{
	static char record[8192];
	char *start, *end;
	ssize_t n;

	do {
		n = read(fd, record, sizeof(record) - 1);
	} while (n < 0 && (errno == EPIPE || errno == EINTR));
	if (n <= 0)
		return false;
	record[n] = '\0';
	start = strchr(record, ';');
	start = start ? start + 1 : record;
	end = strchr(start, '\n');	/* a dictionary follows */
	if (end)
		*end = '\0';
	*level = strtoul(record, NULL, 10) & 7;
	*text = start;
	return true;
}

static void report_record(const char *event, unsigned int step,
			  unsigned int level, const char *text)
{
	report_begin(event, step);
	report_number("level", level);
	report_text("text", text);
	report_end();
}

static int kmsg_open(void)
{
	return open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* What has been logged since the last call, from the start of the kernel on. */
void kmsg_report_new(unsigned int step)
{
	unsigned int level;
	const char *text;

	if (kmsg_fd < 0)
		kmsg_fd = kmsg_open();
	if (kmsg_fd < 0) {
		report_trouble(step, "/dev/kmsg: %s", strerror(errno));
		return;
	}
	while (next_record(kmsg_fd, &level, &text))
		if (level <= LEVEL_WARNING)
			report_record("kmsg", step, level, text);
}

/* Every line of the whole log that has @wanted in it, of any level. */
void kmsg_search(unsigned int step, const char *wanted)
{
	unsigned int level;
	const char *text;
	int fd = kmsg_open();

	if (fd < 0) {
		report_trouble(step, "/dev/kmsg: %s", strerror(errno));
		return;
	}
	while (next_record(fd, &level, &text))
		if (strstr(text, wanted))
			report_record("log", step, level, text);
	close(fd);
}
