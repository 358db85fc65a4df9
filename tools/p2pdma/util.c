// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static void *checked(void *memory)
{
	if (!memory) {
		fputs("p2pdma: out of memory\n", stderr);
		exit(STATUS_FAILED);
	}
	return memory;
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t n, size_t size)
{
	return checked(reallocarray(old, n ? n : 1, size));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return checked(text);
}

static void text_vaddf(struct text *text, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return;
	if (text->size - text->len < (size_t)len + 1) {
		text->size = 2 * text->size + len + 64;
		text->buf = xrealloc(text->buf, text->size, 1);
	}
	vsnprintf(text->buf + text->len, text->size - text->len, format, args);
	text->len += len;
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vaddf(text, format, args);
	va_end(args);
}

void text_add(struct text *text, const char *more)
{
	text_addf(text, "%s", more);
}

void text_free(struct text *text)
{
	free(text->buf);
	*text = (struct text){};
}

char *text_take(struct text *text)
{
	char *taken = text->buf ? text->buf : xstrdup("");

	*text = (struct text){};
	return taken;
}

const char *text_str(const struct text *text)
{
	return text->buf ? text->buf : "";
}

/* What is not printable ASCII as \xNN: a name on the command line may have an escape. */
static void vcomplain(const char *format, va_list args)
{
	struct text text = {};
	const char *at;

	text_vaddf(&text, format, args);
	fflush(stdout);
	fputs("p2pdma: ", stderr);
	for (at = text_str(&text); *at; at++)
		if (*at < ' ' || *at > '~')
			fprintf(stderr, "\\x%02x", (unsigned char)*at);
		else
			fputc(*at, stderr);
	fputc('\n', stderr);
	text_free(&text);
}

void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
}

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vcomplain(format, args);
	va_end(args);
	exit(STATUS_FAILED);
}

void chomp(char *text)
{
	text[strcspn(text, "\n")] = '\0';
}

void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

bool parse_number(const char *text, unsigned long long *number)
{
	char *end;

	/* strtoull() would take a sign and white space */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && !*end;
}

bool parse_size(const char *text, unsigned long long *bytes)
{
	static const char units[] = "KMG";
	char *copy = xstrdup(text);
	size_t len = strlen(copy);
	const char *unit = len ? strchr(units, copy[len - 1]) : NULL;
	unsigned int shift = 0;
	unsigned long long number;
	bool good;

	if (unit) {
		shift = 10 * (unit - units + 1);
		copy[len - 1] = '\0';
	}
	good = parse_number(copy, &number) && number <= ~0ULL >> shift;
	if (good)
		*bytes = number << shift;
	free(copy);
	return good;
}

const char *size_text(unsigned long long bytes)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	static char bufs[4][32];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];
	unsigned int unit = 0;

	while (unit + 1 < ARRAY_SIZE(units) && bytes && !(bytes % 1024)) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, sizeof(bufs[0]), "%llu %s", bytes, units[unit]);
	return buf;
}
