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
	char *meant;		/* the same, one that is misspelt taken for its nearest */
	struct words deny;	/* as written, one word for each device */
	struct words trust;
	struct words others;	/* options such as window */
	struct words wrong;	/* sentences: what does not parse */
};

/* What the kernel's command line says, in all its words p2pdma=. */
struct boot_policy {
	struct words words;	/* all of them, as they stand there */
	struct policy all;	/* of what parses; @wrong has all the mistakes */
	struct words mistaken;	/* words with a mistake, as they stand there */
	struct policy kept;	/* what parses of these words alone */
};

/*
 * As the kernel reads it. Never fails: what does not parse ends in @wrong, with
 * what may have been meant; with @m also of its devices.
 */
void policy_parse(const char *text, const struct machine *m,
		  struct policy *policy);
void policy_at_boot(const char *cmdline, const struct machine *m,
		    struct boot_policy *boot);
void policy_at_boot_free(struct boot_policy *boot);
void policy_free(struct policy *policy);
/* Is @policy, which is in force, the one that the command line gives? */
bool policy_is_of_boot(const struct policy *policy,
		       const struct boot_policy *boot);
/* As one line that can be written back; to be freed. */
char *policy_text(const struct policy *policy);
/* The same without a semicolon, which shells and boot loaders take for their own. */
char *policy_text_unquoted(const struct policy *policy);
/*
 * Does @word (of deny= or trust=) name that function? An address, a path or IDs;
 * subsystem IDs that could not be read count as matching.
 */
bool policy_names(const char *word, const struct dev *dev);

void words_add(struct words *words, char *word);
void words_free(struct words *words);
/* The same words, in any order. */
bool words_same(const struct words *one, const struct words *other);
/* With @between between them; to be freed. */
char *words_joined(const struct words *words, const char *between);

#endif
