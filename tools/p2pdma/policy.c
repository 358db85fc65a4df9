// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "policy.h"

static const char * const modes[] = { "auto", "off", "switch", "host" };
static const char * const options[] = {
	"auto", "off", "switch", "host", "window", "deny=", "trust=", "loopback=",
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

/*
 * A device of deny=, trust= or loopback=, as the kernel reads it (drivers/pci/p2pdma/policy.c):
 * IDs, of which 0 stands for any, or the path from a root bus down.
 */
#define MAX_STEPS	32

struct device_word {
	bool by_ids;
	unsigned int ids[4];
	unsigned int domain, bus;
	unsigned int n_steps;
	unsigned int steps[MAX_STEPS][2];	/* slot and function */
};

static bool char_parse(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* <slot>.<function> */
static bool step_parse(const char **text, struct device_word *device)
{
	unsigned int *step = device->steps[device->n_steps];

	if (device->n_steps == MAX_STEPS || !address_hex(text, 0x1f, &step[0]) ||
	    !char_parse(text, '.') || !address_hex(text, 7, &step[1]))
		return false;
	device->n_steps++;
	return true;
}

static bool ids_parse(const char *text, struct device_word *device)
{
	unsigned int n;

	device->by_ids = true;
	for (n = 0; n < 4; n++) {
		if (n && !char_parse(&text, ':'))
			break;
		if (!address_hex(&text, 0xffff, &device->ids[n]))
			return false;
	}
	return !*text && (n == 2 || n == 4);
}

static bool device_parse(const char *text, struct device_word *device)
{
	const char *colon;

	*device = (struct device_word){};
	if (!strncmp(text, "pci:", 4))
		return ids_parse(text + 4, device);
	colon = strchr(text, ':');
	if (colon && strchr(colon + 1, ':') &&
	    (!address_hex(&text, INT_MAX, &device->domain) ||
	     !char_parse(&text, ':')))
		return false;
	if (!address_hex(&text, 0xff, &device->bus) || !char_parse(&text, ':'))
		return false;
	do {
		if (!step_parse(&text, device))
			return false;
	} while (char_parse(&text, '/'));
	return !*text;
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

/* In deny= or loopback=, or in trust=, where it may end with @w. */
static bool device_parses(const char *word, bool trust)
{
	char *plain = trust ? bare(word) : xstrdup(word);
	struct device_word device;
	bool good = device_parse(plain, &device);

	free(plain);
	return good;
}

/* Up from @dev, step by step; the first has to be on the root bus of the word. */
static bool path_names(const struct device_word *device, const struct dev *dev)
{
	unsigned int n = device->n_steps;

	for (; dev && n; dev = dev->above) {
		n--;
		if (dev->address.slot != device->steps[n][0] ||
		    dev->address.function != device->steps[n][1])
			return false;
		if (!n)
			return dev->address.domain == device->domain &&
			       dev->address.bus == device->bus;
	}
	return false;
}

static bool id_is(unsigned int wanted, int id)
{
	return !wanted || id < 0 || wanted == (unsigned int)id;
}

bool policy_names(const char *word, const struct dev *dev)
{
	struct device_word device;
	char *copy = bare(word);
	bool names = false;

	if (device_parse(copy, &device))
		names = device.by_ids ? id_is(device.ids[0], dev->vendor) &&
					id_is(device.ids[1], dev->device) &&
					id_is(device.ids[2], dev->subvendor) &&
					id_is(device.ids[3], dev->subdevice) :
					path_names(&device, dev);
	free(copy);
	return names;
}

/* "; did you mean ...?" for a word that is not a device; to be freed. */
static char *near_device(const struct machine *m, const char *word)
{
	const char **words;
	size_t n = 0, i;
	char *hint;

	if (!m)
		return xstrdup("");
	words = xcalloc(2 * m->n_devs, sizeof(*words));
	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i];

		if (dev->kname && !strcmp(dev->kname, word)) {
			free(words);
			return xasprintf("; did you mean '%s'?", dev->bdf);
		}
		words[n++] = dev->bdf;
		if (!dev->address.domain)
			words[n++] = dev->bdf + strlen("0000:");
	}
	hint = near_matches(word, words, n);
	free(words);
	return hint;
}

static void parse_list(const char *name, char *list, const struct machine *m,
		       struct words *words, struct words *wrong)
{
	bool trust = !strcmp(name, "trust");
	char *word, *hint;

	while ((word = strsep(&list, ";"))) {
		if (!device_parses(word, trust)) {
			hint = near_device(m, word);
			words_add(wrong, xasprintf("'%s' in %s= is not a device%s",
						   word, name, hint));
			free(hint);
		}
		words_add(words, xstrdup(word));
	}
}

static bool is_option(const char *word)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(word, modes[i]))
			return true;
	return !strcmp(word, "window");
}

/* "; did you mean ...?" for the part up to "="; to be freed. */
static char *near_option(const char *word)
{
	size_t len = strcspn(word, "=");
	char *stem = xasprintf("%.*s%s", (int)len, word, word[len] ? "=" : "");
	char *hint = near_matches(stem, options, ARRAY_SIZE(options));

	free(stem);
	return hint;
}

/* The nearest mode to a word that is none; NULL if none is near. */
static const char *mode_meant(const char *word)
{
	unsigned int limit = strlen(word) / 3 + 1, i, distance;
	const char *mode = NULL;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		distance = near_distance(word, modes[i]);
		if (distance > limit)
			continue;
		limit = distance;
		mode = modes[i];
	}
	return mode;
}

static void set_word(char **word, const char *to)
{
	free(*word);
	*word = xstrdup(to);
}

static void parse_option(char *word, const struct machine *m,
			 struct policy *policy)
{
	char *hint;

	if (!strncmp(word, "deny=", 5)) {
		parse_list("deny", word + 5, m, &policy->deny, &policy->wrong);
		return;
	}
	if (!strncmp(word, "trust=", 6)) {
		parse_list("trust", word + 6, m, &policy->trust, &policy->wrong);
		return;
	}
	if (!strncmp(word, "loopback=", 9)) {
		parse_list("loopback", word + 9, m, &policy->loopback,
			   &policy->wrong);
		return;
	}
	if (!strcmp(word, "window")) {
		words_add(&policy->others, xstrdup(word));
		return;
	}
	if (is_option(word)) {
		set_word(&policy->mode, word);
		set_word(&policy->meant, word);
		return;
	}
	if (!*word) {
		words_add(&policy->wrong, xstrdup("an option is empty"));
		return;
	}
	words_add(&policy->others, xstrdup(word));
	if (mode_meant(word))
		set_word(&policy->meant, mode_meant(word));
	hint = near_option(word);
	words_add(&policy->wrong, xasprintf("'%s' is not an option%s", word, hint));
	free(hint);
}

static void parse_options(char *text, const struct machine *m,
			  struct policy *policy)
{
	char *word;

	while ((word = strsep(&text, ",")))
		parse_option(word, m, policy);
}

#define BLANKS	" \t\n\v\f\r"

static char *without_blanks_before(char *text)
{
	return text + strspn(text, BLANKS);
}

static void cut_blanks_after(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(BLANKS, text[len - 1]))
		text[--len] = '\0';
}

static void policy_init(struct policy *policy)
{
	*policy = (struct policy){
		.mode = xstrdup("auto"), .meant = xstrdup("auto"),
	};
}

void policy_parse(const char *text, const struct machine *m,
		  struct policy *policy)
{
	char *copy = xstrdup(text);

	policy_init(policy);
	cut_blanks_after(copy);
	parse_options(without_blanks_before(copy), m, policy);
	free(copy);
}

static void keep_devices(struct words *words, bool trust)
{
	size_t n = 0, i;

	for (i = 0; i < words->n; i++)
		if (device_parses(words->words[i], trust))
			words->words[n++] = words->words[i];
		else
			free(words->words[i]);
	words->n = n;
}

/* Take out what does not parse; a misspelt mode becomes the one that was meant. */
static void mend(struct policy *policy)
{
	size_t n = 0, i;

	keep_devices(&policy->deny, false);
	keep_devices(&policy->trust, true);
	keep_devices(&policy->loopback, false);
	for (i = 0; i < policy->others.n; i++) {
		char *word = policy->others.words[i];

		if (is_option(word))
			policy->others.words[n++] = word;
		else
			free(word);
	}
	policy->others.n = n;
	set_word(&policy->mode, policy->meant);
}

char *cmdline_word(const char **at)
{
	const char *first = *at + strspn(*at, BLANKS), *end = first;
	bool quoted = false;

	for (; *end && (quoted || !strchr(BLANKS, *end)); end++)
		if (*end == '"')
			quoted = !quoted;
	*at = end;
	if (end == first || (end - first == 2 && !strncmp(first, "--", 2)))
		return NULL;
	return xasprintf("%.*s", (int)(end - first), first);
}

/* The value of a word p2pdma=VALUE, without quotes; NULL for other words. To be freed. */
static char *value_of(const char *word)
{
	bool all = *word == '"', some;
	size_t len;
	char *value;

	word += all;
	len = strlen(word);
	/* p2pdma without "=" counts as p2pdma= without a value */
	if (!strncmp(word, "p2pdma", 6) && (!word[6] || (all && !strcmp(word + 6, "\""))))
		return xstrdup("");
	if (strncmp(word, "p2pdma=", 7))
		return NULL;
	some = word[7] == '"';
	value = xstrdup(word + 7 + some);
	if ((all || some) && word[len - 1] == '"' && *value)
		value[strlen(value) - 1] = '\0';
	return value;
}

void policy_at_boot(const char *cmdline, const struct machine *m,
		    struct boot_policy *boot)
{
	struct words values = {};
	char *word, *value;
	size_t i, wrong;

	*boot = (struct boot_policy){};
	policy_init(&boot->all);
	policy_init(&boot->rest);
	while ((word = cmdline_word(&cmdline))) {
		value = value_of(word);
		if (value) {
			words_add(&boot->words, word);
			words_add(&values, value);
		} else {
			free(word);
		}
	}
	/* the kernel joins all values, and ignores blanks around the whole */
	if (values.n)
		cut_blanks_after(values.words[values.n - 1]);
	for (i = 0; i < values.n; i++) {
		word = i ? values.words[i] :
			   without_blanks_before(values.words[i]);
		value = xstrdup(word);
		wrong = boot->all.wrong.n;
		parse_options(word, m, &boot->all);
		if (boot->all.wrong.n > wrong) {
			words_add(&boot->mistaken, xstrdup(boot->words.words[i]));
			parse_options(value, m, &boot->rest);
		}
		free(value);
	}
	mend(&boot->all);
	mend(&boot->rest);
	words_free(&values);
}

void policy_at_boot_free(struct boot_policy *boot)
{
	policy_free(&boot->all);
	policy_free(&boot->rest);
	words_free(&boot->mistaken);
	words_free(&boot->words);
}

void policy_free(struct policy *policy)
{
	free(policy->mode);
	free(policy->meant);
	words_free(&policy->deny);
	words_free(&policy->trust);
	words_free(&policy->loopback);
	words_free(&policy->others);
	words_free(&policy->wrong);
}

char *words_joined(const struct words *words, const char *between)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < words->n; i++)
		text_addf(&text, "%s%s", i ? between : "", words->words[i]);
	return text_take(&text);
}

/* The first word has @name before it, the others @between. */
static void add_list(struct text *text, const char *name, const char *between,
		     const struct words *words)
{
	char *list;

	if (!words->n)
		return;
	list = words_joined(words, between);
	text_addf(text, "%s%s", name, list);
	free(list);
}

static char *text_of(const struct policy *policy, const char *deny_between,
		     const char *trust_between, const char *loopback_between)
{
	struct text text = {};
	size_t i;

	text_add(&text, policy->mode);
	add_list(&text, ",deny=", deny_between, &policy->deny);
	add_list(&text, ",trust=", trust_between, &policy->trust);
	add_list(&text, ",loopback=", loopback_between, &policy->loopback);
	for (i = 0; i < policy->others.n; i++)
		text_addf(&text, ",%s", policy->others.words[i]);
	return text_take(&text);
}

char *policy_text(const struct policy *policy)
{
	return text_of(policy, ";", ";", ";");
}

char *policy_text_unquoted(const struct policy *policy)
{
	return text_of(policy, ",deny=", ",trust=", ",loopback=");
}

static bool words_within(const struct words *some, const struct words *all)
{
	size_t i, j;

	for (i = 0; i < some->n; i++) {
		for (j = 0; j < all->n; j++)
			if (!strcmp(some->words[i], all->words[j]))
				break;
		if (j == all->n)
			return false;
	}
	return true;
}

bool words_same(const struct words *one, const struct words *other)
{
	return words_within(one, other) && words_within(other, one);
}

bool policy_is_of_boot(const struct policy *policy,
		       const struct boot_policy *boot)
{
	/* with a mistake the kernel ignores all of them */
	if (boot->mistaken.n)
		return !strcmp(policy->mode, "off") && !policy->deny.n &&
		       !policy->trust.n && !policy->loopback.n;
	return !strcmp(policy->mode, boot->all.mode) &&
	       words_same(&policy->deny, &boot->all.deny) &&
	       words_same(&policy->trust, &boot->all.trust) &&
	       words_same(&policy->loopback, &boot->all.loopback);
}
