// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "policy.h"

static const char * const modes[] = { "auto", "off", "switch", "host" };
static const char * const options[] = {
	"auto", "off", "switch", "host", "window", "deny=", "trust=",
};

void words_add(struct words *words, char *word)
{
	words->words = xrealloc(words->words, words->n + 1,
				sizeof(*words->words));
	words->words[words->n++] = word;
}

void words_free(struct words *words)
{
	while (words->n)
		free(words->words[--words->n]);
	free(words->words);
	words->words = NULL;
}

/* <slot>.<function> of a path's further steps. */
static bool step_parse(const char *text, unsigned int *slot,
		       unsigned int *function)
{
	char whole[16];
	struct address address;

	if (snprintf(whole, sizeof(whole), "0:%s", text) >= (int)sizeof(whole) ||
	    !address_parse(whole, &address))
		return false;
	*slot = address.slot;
	*function = address.function;
	return true;
}

#define MAX_STEPS	32

/* A path: an address on a root bus, then steps. Returns their number, 0 if bad. */
static unsigned int path_parse(const char *word, struct address *first,
			       unsigned int steps[MAX_STEPS][2])
{
	char *copy = xstrdup(word), *rest = copy, *part;
	unsigned int n = 0;
	bool good;

	part = strsep(&rest, "/");
	good = address_parse(part, first);
	if (good) {
		steps[0][0] = first->slot;
		steps[0][1] = first->function;
	}
	for (n = 1; good && rest; n++) {
		part = strsep(&rest, "/");
		good = n < MAX_STEPS &&
		       step_parse(part, &steps[n < MAX_STEPS ? n : 0][0],
				  &steps[n < MAX_STEPS ? n : 0][1]);
	}
	free(copy);
	return good ? n : 0;
}

/* pci:<vendor>:<device>[:<subvendor>:<subdevice>]; the number of IDs, 0 if bad. */
static unsigned int ids_parse(const char *word, unsigned int ids[4])
{
	unsigned int n = 0;
	char *end;

	if (strncmp(word, "pci:", 4))
		return 0;
	for (word += 4; n < 4; word = end + 1) {
		if (!strspn(word, "0123456789abcdefABCDEF"))
			return 0;
		ids[n++] = strtoul(word, &end, 16);
		if (*end != ':')
			break;
	}
	return !*end && (n == 2 || n == 4) ? n : 0;
}

/* Without the @w of trust=; to be freed. */
static char *bare(const char *word)
{
	char *copy = xstrdup(word);
	size_t len = strlen(copy);

	if (len > 2 && !strcmp(copy + len - 2, "@w"))
		copy[len - 2] = '\0';
	return copy;
}

static bool device_parses(const char *word)
{
	unsigned int steps[MAX_STEPS][2], ids[4];
	struct address first;

	return path_parse(word, &first, steps) || ids_parse(word, ids);
}

/* Up from @dev, step by step; the first has to be on the root bus of the address. */
static bool path_names(const struct address *first,
		       unsigned int steps[MAX_STEPS][2], unsigned int n,
		       const struct dev *dev)
{
	for (; dev && n; dev = dev->above) {
		n--;
		if (dev->address.slot != steps[n][0] ||
		    dev->address.function != steps[n][1])
			return false;
		if (!n)
			return dev->address.domain == first->domain &&
			       dev->address.bus == first->bus;
	}
	return false;
}

bool policy_names(const char *word, const struct dev *dev)
{
	unsigned int steps[MAX_STEPS][2], ids[4] = {}, n;
	char *copy = bare(word);
	struct address first;
	bool names = false;

	n = path_parse(copy, &first, steps);
	if (n)
		names = path_names(&first, steps, n, dev);
	else if (ids_parse(copy, ids))
		names = (!ids[0] || ids[0] == dev->vendor) &&
			(!ids[1] || ids[1] == dev->device);
	free(copy);
	return names;
}

static void parse_list(const char *name, char *list, struct words *words,
		       struct words *wrong)
{
	char *word, *plain;

	while ((word = strsep(&list, ";"))) {
		plain = !strcmp(name, "trust") ? bare(word) : xstrdup(word);
		if (!device_parses(plain))
			words_add(wrong, xasprintf("'%s' in %s= is no device: write an address (0000:05:00.0), a path (0000:00:04.0/00.0) or IDs (pci:8086:0a54)",
						   word, name));
		free(plain);
		words_add(words, xstrdup(word));
	}
}

static void parse_option(char *word, struct policy *policy)
{
	unsigned int i;
	char *hint;

	if (!strncmp(word, "deny=", 5)) {
		parse_list("deny", word + 5, &policy->deny, &policy->wrong);
		return;
	}
	if (!strncmp(word, "trust=", 6)) {
		parse_list("trust", word + 6, &policy->trust, &policy->wrong);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(word, modes[i]))
			continue;
		free(policy->mode);
		policy->mode = xstrdup(word);
		return;
	}
	words_add(&policy->others, xstrdup(word));
	if (!strncmp(word, "window", 6))
		return;
	hint = near_matches(word, options, ARRAY_SIZE(options));
	words_add(&policy->wrong, xasprintf("'%s' is no option; there are auto, off, switch, host, deny=DEV[;DEV...], trust=DEV[@w][;...] and window%s",
					    word, hint));
	free(hint);
}

void policy_parse(const char *text, struct policy *policy)
{
	char *copy = xstrdup(text), *at = copy, *word;
	size_t len = strlen(copy);

	*policy = (struct policy){ .mode = xstrdup("auto") };
	while (len && strchr(" \t\n", at[len - 1]))
		at[--len] = '\0';
	at += strspn(at, " \t\n");
	while (*at && (word = strsep(&at, ","))) {
		parse_option(word, policy);
		if (!at)
			break;
	}
	free(copy);
}

void policy_free(struct policy *policy)
{
	free(policy->mode);
	words_free(&policy->deny);
	words_free(&policy->trust);
	words_free(&policy->others);
	words_free(&policy->wrong);
}

char *words_joined(const struct words *words)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < words->n; i++)
		text_addf(&text, "%s%s", i ? ";" : "", words->words[i]);
	return text_take(&text);
}

static void add_list(struct text *text, const char *name,
		     const struct words *words)
{
	char *list;

	if (!words->n)
		return;
	list = words_joined(words);
	text_addf(text, ",%s=%s", name, list);
	free(list);
}

char *policy_text(const struct policy *policy)
{
	struct text text = {};
	size_t i;

	text_add(&text, policy->mode);
	add_list(&text, "deny", &policy->deny);
	add_list(&text, "trust", &policy->trust);
	for (i = 0; i < policy->others.n; i++)
		text_addf(&text, ",%s", policy->others.words[i]);
	return text_take(&text);
}
