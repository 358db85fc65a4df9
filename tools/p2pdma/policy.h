/* SPDX-License-Identifier: GPL-2.0 */
/* The text of p2pdma= and /sys/kernel/p2pdma/policy. The kernel has the last word. */
#ifndef P2PDMA_POLICY_H
#define P2PDMA_POLICY_H

#include "machine.h"

struct words {
	char **words;
	size_t n;
};

struct policy {
	char *mode;		/* "auto" if none is named */
	struct words deny;	/* as written, one word for each device */
	struct words trust;
	struct words others;	/* options such as window */
	struct words wrong;	/* sentences: what does not look right, and why */
};

/* Never fails: what does not parse ends in @wrong. */
void policy_parse(const char *text, struct policy *policy);
void policy_free(struct policy *policy);
/* As one line that can be written back; to be freed. */
char *policy_text(const struct policy *policy);
/*
 * Does @word (of deny= or trust=) name that function? An address, a path or IDs;
 * subsystem IDs are not known here, and count as matching.
 */
bool policy_names(const char *word, const struct dev *dev);

void words_add(struct words *words, char *word);
void words_free(struct words *words);
/* With ";" between them; to be freed. */
char *words_joined(const struct words *words);

#endif
