// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lspci.h"
#include "util.h"

#define MAX_FUNCTIONS	4096

/* "0000:01:00.0 Class: text", at the beginning of a line. */
static bool is_function(const char *line, struct address *address)
{
	size_t len = strcspn(line, " \t");
	char word[ADDRESS_LEN];

	if (!len || len >= sizeof(word))
		return false;
	memcpy(word, line, len);
	word[len] = '\0';
	return address_parse(word, address);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "10: 0c 00 ..": 16 bytes at an offset. */
static bool take_bytes(struct lspci_function *function, const char *line)
{
	unsigned int where, i;

	if (!address_hex(&line, 0xff0, &where) || *line != ':' || where & 0xf)
		return false;
	line++;
	for (i = 0; i < 16; i++) {
		int high, low;

		if (*line++ != ' ')
			return false;
		high = hex_digit(*line);
		low = high < 0 ? -1 : hex_digit(line[1]);
		if (low < 0)
			return false;
		function->config[where + i] = high << 4 | low;
		line += 2;
	}
	if (*line)
		return false;
	/* without a gap from the beginning */
	if (where == function->len)
		function->len = where + 16;
	return true;
}

static const char *after(const char *line, const char *start)
{
	size_t len = strlen(start);

	return strncmp(line, start, len) ? NULL : line + len;
}

static int small(const char *text)
{
	unsigned int number = 0, digits = 0;

	for (; *text >= '0' && *text <= '9' && digits < 6; digits++)
		number = 10 * number + (*text++ - '0');
	return digits && (!*text || isspace((unsigned char)*text)) ? (int)number : -1;
}

/* "Region 0: Memory at e0000000 (64-bit, prefetchable) [size=16M]" */
static void take_region(struct lspci_function *function, const char *text)
{
	unsigned long long first, size;
	char word[24], *end;
	const char *at;
	unsigned int nr;
	size_t len;

	if (*text < '0' || *text >= '0' + LSPCI_BARS)
		return;
	nr = *text - '0';
	at = after(text + 1, ": Memory at ");
	if (!at || hex_digit(*at) < 0)
		return;
	first = strtoull(at, &end, 16);
	at = strstr(end, "[size=");
	if (!at)
		return;
	at += strlen("[size=");
	len = strcspn(at, "]");
	if (!len || len >= sizeof(word))
		return;
	memcpy(word, at, len);
	word[len] = '\0';
	if (!parse_size(word, &size) || !size || first > ~0ULL - size)
		return;
	function->first[nr] = first;
	function->size[nr] = size;
}

/* Lines of lspci -v and -k, which are indented. */
static void take_detail(struct lspci_function *function, const char *line)
{
	const char *value;

	line += strspn(line, " \t");
	value = after(line, "Kernel driver in use: ");
	if (value) {
		size_t len = strcspn(value, " \t/");

		if (len && len < sizeof(function->driver) && *value != '.' &&
		    !value[len]) {
			memcpy(function->driver, value, len);
			function->driver[len] = '\0';
		}
		return;
	}
	value = after(line, "NUMA node: ");
	if (value)
		function->numa = small(value);
	value = after(line, "IOMMU group: ");
	if (value)
		function->group = small(value);
	value = after(line, "Region ");
	if (value)
		take_region(function, value);
}

static struct lspci_function *add(struct lspci *lspci, const struct address *address)
{
	struct lspci_function *function;
	unsigned int i;

	for (i = 0; i < lspci->n; i++)
		if (!address_compare(&lspci->list[i].address, address))
			return NULL;
	if (lspci->n == MAX_FUNCTIONS) {
		lspci->truncated = true;
		return NULL;
	}
	lspci->list = xrealloc(lspci->list, lspci->n + 1, sizeof(*lspci->list));
	function = &lspci->list[lspci->n++];
	*function = (struct lspci_function){
		.address = *address, .numa = -1, .group = -1,
	};
	return function;
}

void lspci_parse(const char *text, struct lspci *lspci)
{
	char *copy = xstrdup(text), *line, *rest = copy;
	struct lspci_function *function = NULL;
	struct address address;

	*lspci = (struct lspci){};
	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (is_function(line, &address))
			function = add(lspci, &address);
		else if (function && !take_bytes(function, line) && isspace((unsigned char)*line))
			take_detail(function, line);
	}
	free(copy);
}

void lspci_free(struct lspci *lspci)
{
	free(lspci->list);
	*lspci = (struct lspci){};
}

unsigned int lspci_register(const struct lspci_function *function, unsigned int where,
			    unsigned int size)
{
	unsigned int value = 0, i;

	for (i = 0; i < size && where + i < function->len; i++)
		value |= (unsigned int)function->config[where + i] << (8 * i);
	return value;
}
