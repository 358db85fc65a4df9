// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "rules_policy.h"

/* @policy itself, and the command that makes it active; none if the active one is unknown. */
static void set_command(struct remedy *remedy, const struct situation *s,
			const struct policy *policy)
{
	char *text = policy_text(policy);

	if (s->m->policy)
		remedy->command = xasprintf("p2pdma policy set '%s'", text);
	remedy->policy = text;
}

/* Have @policy replace all p2pdma= of the kernel's command line. */
static void set_whole(struct remedy *remedy, const struct situation *s,
		      const struct policy *policy)
{
	char *text = policy_text(policy);

	if (s->boot.words.n)
		remedy->remove = words_joined(&s->boot.words, " ");
	remedy->parameter = xasprintf("p2pdma=%s", text);
	free(text);
}

/*
 * Have p2pdma= with @mode and @trust (devices of trust=), each of which may be NULL,
 * added to the kernel's command line. Words p2pdma= with a mistake are removed, because
 * the kernel ignores all of them if one has a mistake; what parses in these words is
 * repeated in the parameter.
 */
static void set_parameter(struct remedy *remedy, const struct situation *s,
			  const char *mode, const char *trust)
{
	const struct boot_policy *boot = &s->boot;
	struct text text = {};
	char *list;
	size_t i;

	if (boot->mistaken.n)
		remedy->remove = words_joined(&boot->mistaken, " ");
	if (mode)
		text_addf(&text, ",%s", mode);
	if (boot->rest.deny.n) {
		list = words_joined(&boot->rest.deny, ";");
		text_addf(&text, ",deny=%s", list);
		free(list);
	}
	if (boot->rest.trust.n || trust) {
		list = words_joined(&boot->rest.trust, ";");
		text_addf(&text, ",trust=%s%s%s", list,
			  *list && trust ? ";" : "", trust ? trust : "");
		free(list);
	}
	if (boot->rest.loopback.n) {
		list = words_joined(&boot->rest.loopback, ";");
		text_addf(&text, ",loopback=%s", list);
		free(list);
	}
	for (i = 0; i < boot->rest.others.n; i++)
		text_addf(&text, ",%s", boot->rest.others.words[i]);
	remedy->parameter = xasprintf("p2pdma=%s", text_str(&text) + 1);
	text_free(&text);
}

/*
 * Is it known why the mode is off? It is if the command line has the mode off, or has no
 * p2pdma= and off was set since. Another p2pdma= may have a mistake that only the kernel
 * finds.
 */
static bool origin_known(const struct situation *s)
{
	if (!s->m->policy || !*s->m->cmdline)
		return false;
	return !s->boot.words.n || !strcmp(s->boot.all.mode, "off");
}

static void mend_boot(const struct situation *s, struct remedy *remedy)
{
	struct policy mended = s->boot.all;
	struct text text = {};
	size_t i;

	if (!strcmp(mended.mode, "off"))
		mended.mode = (char *)"auto";
	text_add(&text, "Correct p2pdma= on the command line; because of a mistake in it the mode is off:");
	for (i = 0; i < mended.wrong.n; i++) {
		const char *wrong = mended.wrong.words[i];

		text_addf(&text, " %s%s", wrong,
			  wrong[strlen(wrong) - 1] == '?' ? "" :
			  i + 1 < mended.wrong.n ? "." : "");
	}
	remedy->what = text_take(&text);
	set_parameter(remedy, s, mended.mode, NULL);
	set_command(remedy, s, &mended);
	claim(remedy, s, EFFECT_REASON_GONE);
}

static bool set_mode(const struct situation *s, struct remedy *remedy,
		     const char *mode)
{
	struct policy changed = s->policy;

	changed.mode = (char *)mode;
	set_parameter(remedy, s, mode, NULL);
	set_command(remedy, s, &changed);
	claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}

bool apply_mode_auto(const struct situation *s, struct remedy *remedy)
{
	if (s->route->reason[s->dir] == REASON_POLICY_OFF) {
		if (off_by_mistake(s)) {
			mend_boot(s, remedy);
			return true;
		}
		/* the text of the rule mentions a mistake in p2pdma= */
		if (!origin_known(s))
			return set_mode(s, remedy, "auto");
	}
	remedy->what = xstrdup("Set the mode auto");
	return set_mode(s, remedy, "auto");
}

bool apply_mode_host(const struct situation *s, struct remedy *remedy)
{
	return set_mode(s, remedy, "host");
}

bool apply_undeny(const struct situation *s, struct remedy *remedy)
{
	struct policy changed = s->policy;
	struct words rest = {};
	size_t i;

	for (i = 0; i < s->policy.deny.n; i++) {
		char *word = s->policy.deny.words[i];

		if (!policy_names(word, s->path->client) &&
		    !policy_names(word, s->path->provider))
			words_add(&rest, word);
	}
	/* if no word is seen to match one of the two, a new list cannot be written */
	if (rest.n < s->policy.deny.n) {
		changed.deny = rest;
		set_whole(remedy, s, &changed);
		set_command(remedy, s, &changed);
	}
	free(rest.words);
	claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}

/*
 * Add @dev to a list of trust=, with @suffix "" or "@w". An entry for reads and writes
 * serves both; one with @w is replaced where reads are wanted too.
 */
static void trust_add(struct words *trust, const struct dev *dev,
		      const char *suffix)
{
	size_t len = strlen(dev->bdf), n = 0, i;

	for (i = 0; i < trust->n; i++) {
		char *word = trust->words[i];

		if (!strncmp(word, dev->bdf, len) &&
		    (!word[len] || !strcmp(word + len, suffix)))
			return;
	}
	for (i = 0; i < trust->n; i++) {
		char *word = trust->words[i];

		if (!strncmp(word, dev->bdf, len) && !strcmp(word + len, "@w"))
			free(word);
		else
			trust->words[n++] = word;
	}
	trust->n = n;
	words_add(trust, xasprintf("%s%s", dev->bdf, suffix));
}

/*
 * Add client and provider to trust=: for the next boot to the list of the command line,
 * and now to that of the active policy. If mode or deny= of the two differ, the parameter
 * also sets those of the active policy, because the effect is worked out for them.
 */
static void trust_word(const struct situation *s, struct remedy *remedy,
		       const char *suffix)
{
	struct policy changed = s->policy;
	struct words boot = {}, now = {};
	const char *mode = NULL;
	char *list;
	size_t i;

	for (i = 0; i < s->policy.trust.n; i++)
		words_add(&now, xstrdup(s->policy.trust.words[i]));
	trust_add(&boot, s->path->client, suffix);
	trust_add(&now, s->path->client, suffix);
	if (s->path->two_hosts) {
		trust_add(&boot, s->path->provider, suffix);
		trust_add(&now, s->path->provider, suffix);
	}
	changed.trust = now;
	if (s->m->policy && strcmp(s->policy.mode, s->boot.all.mode))
		mode = s->policy.mode;
	if (s->m->policy && !words_same(&s->policy.deny, &s->boot.all.deny)) {
		set_whole(remedy, s, &changed);
	} else {
		list = words_joined(&boot, ";");
		set_parameter(remedy, s, mode, list);
		free(list);
	}
	set_command(remedy, s, &changed);
	words_free(&boot);
	words_free(&now);
}

bool apply_trust_writes(const struct situation *s, struct remedy *remedy)
{
	if (s->dir != DIR_WRITE)
		return false;
	trust_word(s, remedy, "@w");
	claim(remedy, s, EFFECT_HOST_BRIDGE);
	return true;
}

bool apply_trust(const struct situation *s, struct remedy *remedy)
{
	trust_word(s, remedy, "");
	claim(remedy, s, EFFECT_HOST_BRIDGE);
	return true;
}

/* A physical function stands for its virtual ones. */
static void loopback_add(struct words *words, const struct dev *dev)
{
	const char *bdf = dev->physfn ? dev->physfn->bdf : dev->bdf;
	size_t i;

	for (i = 0; i < words->n; i++)
		if (!strcmp(words->words[i], bdf))
			return;
	words_add(words, xstrdup(bdf));
}

bool apply_loopback(const struct situation *s, struct remedy *remedy)
{
	const struct path *path = s->path;
	struct policy changed = s->policy;
	struct words now = {};
	size_t i;

	if (!unproven(s) || path->bridge_function || path->conventional ||
	    !direct_is_allowed(s))
		return false;
	for (i = 0; i < s->policy.loopback.n; i++)
		words_add(&now, xstrdup(s->policy.loopback.words[i]));
	loopback_add(&now, path->client);
	loopback_add(&now, path->provider);
	changed.loopback = now;
	set_whole(remedy, s, &changed);
	set_command(remedy, s, &changed);
	words_free(&now);
	claim(remedy, s, path->seen && !path->n_redirectors ?
				EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO);
	return true;
}
