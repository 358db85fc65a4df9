/* SPDX-License-Identifier: GPL-2.0 */
/* The text of p2pdma= and /sys/kernel/p2pdma/policy. Only the kernel decides if it is valid. */
#ifndef P2PDMA_POLICY_H
#define P2PDMA_POLICY_H

#include "machine.h"

struct words {
	char **words;
	size_t n;
};

struct policy {
	char *mode;		/* "auto" if none is named */
	char *meant;		/* the mode; of a misspelt one, the nearest */
	struct words deny;	/* as written, one word for each device */
	struct words trust;
	struct words loopback;
	struct words others;	/* options such as window */
	struct words wrong;	/* sentences: what does not parse */
};

/* What the kernel's command line says, in all its words p2pdma=. */
struct boot_policy {
	struct words words;	/* all of them, as they stand there */
	struct policy all;	/* of what parses; @wrong has all the mistakes */
	struct words mistaken;	/* words with a mistake, as they stand there */
	struct policy rest;	/* what parses in words with a mistake */
};

/*
 * The next word of a kernel's command line from *@at on, as it stands there; what is in
 * quotes stays together. NULL at the end, and at the word "--": those after it are for
 * init. To be freed.
 */
char *cmdline_word(const char **at);

/*
 * Parse as the kernel does. Never fails: what does not parse is added to @wrong, with
 * near matches; if @m is given, with those among its devices as well.
 */
void policy_parse(const char *text, const struct machine *m,
		  struct policy *policy);
void policy_at_boot(const char *cmdline, const struct machine *m,
		    struct boot_policy *boot);
void policy_at_boot_free(struct boot_policy *boot);
void policy_free(struct policy *policy);
/* Is @policy, the active one, that of the command line? */
bool policy_is_of_boot(const struct policy *policy,
		       const struct boot_policy *boot);
/* As one line that can be written back; to be freed. */
char *policy_text(const struct policy *policy);
/* The same without semicolons, which shells and boot loaders would interpret. */
char *policy_text_unquoted(const struct policy *policy);
/*
 * Does @word (of deny=, trust= or loopback=) name that function? An address, a path or IDs;
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
