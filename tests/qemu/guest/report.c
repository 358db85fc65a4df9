// SPDX-License-Identifier: GPL-2.0
/*
 * Results, one JSON object a line, on the virtio-serial port of that name.
 * A report that cannot be delivered ends the run: power off without "done",
 * which the runner takes for a failure.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "guest.h"

#define PORT_NAME	"p2pdma.results"
#define PORTS		"/sys/class/virtio-ports"

static int port = -1;
static char line[16384];
static size_t line_len;

bool report_open(void)
{
	char path[512], name[NAME_LEN];
	struct dirent *entry;
	DIR *dir = opendir(PORTS);

	while (dir && port < 0 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
		if (file_read_word(path, name, sizeof(name)) ||
		    strcmp(name, PORT_NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		port = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return port >= 0;
}

[[gnu::format(printf, 1, 2)]]
static void add(const char *format, ...)
{
	size_t room = sizeof(line) - line_len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line + line_len, room, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room)
		len = room - 1;	/* the runner rejects what is not JSON */
	line_len += len;
}

static void add_string(const char *text)
{
	const unsigned char *c;

	add("\"");
	for (c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			add("\\%c", *c);
		else if (*c < 0x20 || *c > 0x7e)
			add("\\u%04x", *c);
		else
			add("%c", *c);
	}
	add("\"");
}

void report_begin(const char *event, unsigned int step)
{
	line_len = 0;
	add("{\"event\": ");
	add_string(event);
	add(", \"step\": %u", step);
}

void report_text(const char *key, const char *text)
{
	add(", \"%s\": ", key);
	add_string(text);
}

void report_number(const char *key, long long number)
{
	add(", \"%s\": %lld", key, number);
}

void report_flag(const char *key, bool flag)
{
	add(", \"%s\": %s", key, flag ? "true" : "false");
}

void report_errno(int error)
{
	report_number("errno", error);
	report_text("error", error ? strerror(error) : "");
}

void report_end(void)
{
	size_t sent = 0;

	add("}\n");
	while (sent < line_len) {
		ssize_t n = write(port, line + sent, line_len - sent);

		if (n <= 0)
			reboot(RB_POWER_OFF);
		sent += n;
	}
}

void report_trouble(unsigned int step, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_begin("trouble", step);
	report_text("text", text);
	report_end();
}
