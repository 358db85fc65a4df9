/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What routes are required: for check, and for plan. A rule names a client and a provider,
 * or groups of them, such as gpus.
 */
#ifndef P2PDMA_REQUIRE_H
#define P2PDMA_REQUIRE_H

#include "groups.h"

enum required {
	REQUIRED_ANY,		/* not refused */
	REQUIRED_BUS,
	REQUIRED_HOST,
};

struct rule_line {
	unsigned int line;	/* in the file; 0: of the command line */
	char *client, *provider;	/* words */
	enum required required;
	bool dir[N_DIRECTIONS];
	bool nearest;		/* it is enough that one of the nearest providers does */
};

struct rule_lines {
	struct rule_line *list;
	size_t n;
	char *error;		/* the first mistake, as a sentence; or NULL */
};

/* "CLIENT PROVIDER [bus|host|any] [read|write] [nearest]" a line; # begins a comment. */
void rule_lines_parse(const char *text, enum required otherwise,
		      struct rule_lines *lines);
/* Add "CLIENT,PROVIDER"; false if it is not that. */
bool rule_lines_add(struct rule_lines *lines, const char *pair, enum required required);
void rule_lines_free(struct rule_lines *lines);

const char *required_name(enum required required);
/* Of --require; false if it is none. */
bool required_parse(const char *word, enum required *required);
/* Is a verdict what is required? */
bool required_holds(enum required required, enum verdict verdict);

#endif
