/* SPDX-License-Identifier: GPL-2.0 */
/* Memory, text and errors. If memory runs out the program ends. */
#ifndef P2PDMA_UTIL_H
#define P2PDMA_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1UL << (n))

/* Exit statuses, the same for every command; see the manual page. */
enum status {
	STATUS_OK = 0,
	STATUS_MISMATCH = 1,	/* verify: not as the kernel says */
	STATUS_FAILED = 2,	/* could not do it, or was called wrongly */
};

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t n, size_t size);
char *xstrdup(const char *text);
[[gnu::format(printf, 1, 2)]] char *xasprintf(const char *format, ...);

/* A text that grows. One that is all zero is empty. */
struct text {
	char *buf;
	size_t len;
	size_t size;
};

[[gnu::format(printf, 2, 3)]]
void text_addf(struct text *text, const char *format, ...);
void text_add(struct text *text, const char *more);
void text_free(struct text *text);
/* The text itself, never NULL; to be freed by the caller. Empties @text. */
char *text_take(struct text *text);
const char *text_str(const struct text *text);

/* "p2pdma: ..." on stderr, a line; what is not printable ASCII is escaped. */
[[gnu::format(printf, 1, 2)]] void complain(const char *format, ...);
[[gnu::format(printf, 1, 2), gnu::noreturn]] void die(const char *format, ...);

/* Cut @text at its first newline. */
void chomp(char *text);
/* Replace what is not printable ASCII by '?': texts of devices end on terminals. */
void make_plain(char *text);
/* A decimal or 0x number that fills the whole of @text. */
bool parse_number(const char *text, unsigned long long *number);
/* The same for a size in bytes, which may end with K, M or G. */
bool parse_size(const char *text, unsigned long long *bytes);
/* "16 MiB"; in a static buffer of which four are used in turn. */
const char *size_text(unsigned long long bytes);

#endif
