// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "out.h"
#include "policy.h"
#include "remedy.h"

/* All that a remedy is made of. */
struct situation {
	const struct machine *m;
	const struct provider *provider;
	const struct path *path;
	const struct route *route;
	struct policy policy;	/* in force */
	struct boot_policy boot;
	enum direction dir;	/* the one that is looked at */
	bool behind;		/* at what the kernel's reason hides */
};

/*
 * A remedy for the reasons in @reasons. Where the route is refused @apply decides
 * whether it is of use, and fills in parameter, command and effect; where @shortens
 * it is offered as well for a route through the host bridge.
 */
struct rule {
	const char *name;
	unsigned long reasons;
	bool shortens;
	const char *what;
	const char *cost;
	const char *form;	/* of the parameter, for the list of all */
	bool (*apply)(const struct situation *s, struct remedy *remedy);
};

#define R(reason)	BIT(REASON_##reason)

static bool untranslated_guest(const struct situation *s)
{
	return !(s->m->guest && s->path->client->translated);
}

/* Not all host bridges have bus addresses that are the CPU's, but most. */
static bool mask_reaches(const struct situation *s)
{
	unsigned int bits = s->path->client->mask_bits;

	return bits >= 64 || !(machine_last(s->provider) >> bits);
}

/* Neither the policy nor what the client is forbids a direct route. */
static bool direct_is_allowed(const struct situation *s)
{
	return strcmp(s->policy.mode, "host") && !s->path->client->untrusted &&
	       mask_reaches(s) && untranslated_guest(s);
}

/* Nothing that a boot option cannot take away keeps the route from being direct. */
static bool only_acs_in_the_way(const struct situation *s)
{
	return s->path->common && !s->path->conventional && !s->path->behind &&
	       strcmp(s->policy.mode, "host") && !s->path->client->untrusted &&
	       mask_reaches(s);
}

/* Among functions of one device Upstream Forwarding counts as redirection. */
static bool forwarding_in_the_way(const struct path *path)
{
	return path->forwarders && !path->in_switch;
}

/*
 * A parameter of pci= that may be there already: the last one alone counts, so what
 * is there has to be in it too; in it the first that names a port. To be freed.
 */
static char *pci_parameter(const struct machine *m, const char *option,
			   const char *list)
{
	const char *at = m->cmdline, *found = NULL;
	char *name = xasprintf("%s=", option), *whole;
	size_t len;

	while ((at = strstr(at, name))) {
		at += strlen(name);
		found = at;
	}
	len = found ? strcspn(found, ", ") : 0;
	whole = xasprintf("pci=%s%s%s%.*s", name, list, len ? ";" : "", (int)len,
			  found ? found : "");
	free(name);
	return whole;
}

static char *joined(const struct dev * const *devs, size_t n,
		    const char *before)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < n; i++)
		text_addf(&text, "%s%s%s", i ? ";" : "", before, devs[i]->name);
	return text_take(&text);
}

/* The policy in force, with something changed; nothing where it is not known. */
static void set_command(struct remedy *remedy, const struct situation *s,
			const struct policy *policy)
{
	char *text = policy_text(policy);

	if (s->m->policy)
		remedy->command = xasprintf("p2pdma policy set '%s'", text);
	free(text);
}

/* All p2pdma= of the kernel's command line go, and the whole of a policy comes. */
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
 * A mode and devices of trust= for the kernel's command line, each NULL for none.
 * Words there that have a mistake have to go, with which nothing of it counts; what
 * else they say is kept.
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
	if (boot->kept.deny.n) {
		list = words_joined(&boot->kept.deny, ";");
		text_addf(&text, ",deny=%s", list);
		free(list);
	}
	if (boot->kept.trust.n || trust) {
		list = words_joined(&boot->kept.trust, ";");
		text_addf(&text, ",trust=%s%s%s", list,
			  *list && trust ? ";" : "", trust ? trust : "");
		free(list);
	}
	for (i = 0; i < boot->kept.others.n; i++)
		text_addf(&text, ",%s", boot->kept.others.words[i]);
	remedy->parameter = xasprintf("p2pdma=%s", text_str(&text) + 1);
	text_free(&text);
}

static void claim(struct remedy *remedy, const struct situation *s,
		  enum effect effect)
{
	remedy->effect[s->dir] = effect;
}

/*
 * The remedies
 */

/*
 * A mistake in one p2pdma= makes the mode off, and nothing of the others counts: this
 * tells what they would say without it. Not where the policy was set since.
 */
static bool off_by_mistake(const struct situation *s)
{
	return s->boot.mistaken.n && s->m->policy && !strcmp(s->m->policy, "off");
}

/*
 * The mode is off, and no mistake is found: the command line says so, or it does not say
 * anything, and it was set since. Where it says something else there may be a mistake
 * that only the kernel finds.
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
	text_add(&text, "Mend p2pdma= on the command line, where a mistake makes the mode off:");
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

static bool set_mode_auto(const struct situation *s, struct remedy *remedy)
{
	if (s->route->reason[s->dir] == REASON_POLICY_OFF) {
		if (off_by_mistake(s)) {
			mend_boot(s, remedy);
			return true;
		}
		/* then the rule's text says what else it may be */
		if (!origin_known(s))
			return set_mode(s, remedy, "auto");
	}
	remedy->what = xstrdup("Set the mode auto");
	return set_mode(s, remedy, "auto");
}

static bool set_mode_host(const struct situation *s, struct remedy *remedy)
{
	return set_mode(s, remedy, "host");
}

static bool take_off_deny(const struct situation *s, struct remedy *remedy)
{
	struct policy changed = s->policy;
	struct words kept = {};
	size_t i;

	for (i = 0; i < s->policy.deny.n; i++) {
		char *word = s->policy.deny.words[i];

		if (!policy_names(word, s->path->client) &&
		    !policy_names(word, s->path->provider))
			words_add(&kept, word);
	}
	/* one that is not known, or not seen to name them, cannot be written anew */
	if (kept.n < s->policy.deny.n) {
		changed.deny = kept;
		set_whole(remedy, s, &changed);
		set_command(remedy, s, &changed);
	}
	free(kept.words);
	claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}

static bool is_above(const struct dev *common, const struct dev *dev)
{
	for (; common && common != dev; common = common->above)
		;
	return common;
}

static bool not_decoding(const struct dev *dev)
{
	return dev->memory_seen && !dev->decodes_memory;
}

static void add_once(const char **names, size_t *n, const char *name)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (!strcmp(names[i], name))
			return;
	names[(*n)++] = name;
}

static char *commands_for(const char *form[2], const char **names, size_t n)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < n; i++)
		text_addf(&text, "%s%s%s%s", i ? "; " : "", form[0], names[i],
			  form[1]);
	return text_take(&text);
}

static const char *power_of(const struct dev *dev)
{
	return dev->physfn && dev_asleep(dev->physfn) ? dev->physfn->name :
							dev->name;
}

/* All that sleeps on the way to the provider, the port that the kernel names first. */
static bool keep_awake(const struct situation *s, struct remedy *remedy)
{
	const char *form[2] = { "echo on > /sys/bus/pci/devices/", "/power/control" };
	const char **names = xcalloc(s->m->n_devs + 1, sizeof(*names));
	const struct dev *named = machine_dev_named(s->m, s->route->port), *dev;
	enum effect effect = EFFECT_REASON_MAY_GO;
	bool deaf = false;
	size_t n = 0;

	if (!*s->route->port)
		named = s->path->provider;
	if (named && dev_asleep(named)) {
		effect = EFFECT_REASON_GONE;
		add_once(names, &n, power_of(named));
	}
	for (dev = s->path->provider; dev; dev = dev->above) {
		if (dev_asleep(dev))
			add_once(names, &n, power_of(dev));
		deaf |= not_decoding(dev) && !is_above(s->path->common, dev);
	}
	/* it is awake, and something else is the matter: perhaps of what is not seen */
	if (!n && !deaf && !s->behind && *s->route->port)
		names[n++] = s->route->port;
	if (!n && !deaf && !s->behind)
		names[n++] = s->path->provider->name;
	if (n) {
		remedy->command = commands_for(form, names, n);
		claim(remedy, s, s->behind ? EFFECT_REASON_GONE :
				 deaf ? EFFECT_REASON_MAY_GO : effect);
	}
	free(names);
	return n;
}

/* All that does not decode on the way to the provider, or above where the paths meet. */
static bool decode_memory(const struct situation *s, struct remedy *remedy)
{
	bool blocked = s->route->reason[s->dir] == REASON_FABRIC_BLOCKED;
	const char *form[2] = { "setpci -s ", " COMMAND=2:2" };
	const char **names = xcalloc(s->m->n_devs + 1, sizeof(*names));
	const struct dev *named = machine_dev_named(s->m, s->route->port), *dev;
	bool asleep = false;
	size_t n = 0;

	/* below the common port it is ACS that drops, whatever is decoded */
	if (named && not_decoding(named) &&
	    (!blocked || is_above(s->path->common, named)))
		add_once(names, &n, named->name);
	for (dev = s->path->provider; dev && (!blocked || n); dev = dev->above) {
		asleep |= dev_asleep(dev);
		if (not_decoding(dev) && blocked == is_above(s->path->common, dev))
			add_once(names, &n, dev->name);
	}
	if (n) {
		remedy->command = commands_for(form, names, n);
		claim(remedy, s, !s->behind && (asleep || (blocked && s->path->no_forwarding)) ?
					EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	}
	free(names);
	return n;
}

static bool put_below_switch(const struct situation *s, struct remedy *remedy)
{
	if (s->path->common || !direct_is_allowed(s))
		return false;
	/* nobody tells why it cannot be mapped; a direct route need not help */
	claim(remedy, s, s->route->reason[s->dir] == REASON_UNMAPPABLE ?
				EFFECT_REASON_MAY_GO : EFFECT_BUS_ADDRESS);
	return true;
}

static bool put_in_express_slot(const struct situation *s,
				struct remedy *remedy)
{
	bool named = s->route->reason[s->dir] == REASON_CONVENTIONAL_PCI;

	/* where another reason is named the two have to meet, or it is of no use */
	if (!named && !(s->path->conventional && s->path->common &&
			direct_is_allowed(s)))
		return false;
	/* for one switch to be put below, that is said already */
	if (s->behind && !s->path->common)
		return false;
	if (named)
		claim(remedy, s, EFFECT_REASON_GONE);
	else if (s->path->n_redirectors || s->path->behind || !s->path->seen ||
		 s->route->reason[s->dir] == REASON_UNMAPPABLE)
		claim(remedy, s, EFFECT_REASON_MAY_GO);
	else
		claim(remedy, s, EFFECT_BUS_ADDRESS);
	return true;
}

/* Below 4 GiB it can get; whether as low as a narrower mask wants is another thing. */
static bool lower_bar(const struct situation *s, struct remedy *remedy)
{
	claim(remedy, s, s->path->client->mask_bits < 32 ? EFFECT_REASON_MAY_GO :
							   EFFECT_REASON_GONE);
	return true;
}

/* Is a word on the kernel's command line, and not only part of another? */
static bool on_command_line(const struct machine *m, const char *word)
{
	size_t len = strlen(word);
	const char *at = m->cmdline;

	while ((at = strstr(at, word))) {
		if ((at == m->cmdline || at[-1] == ' ') &&
		    (!at[len] || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

/* As kstrtobool(), which looks at the first letters alone. */
static bool is_true(const char *value)
{
	return (*value && strchr("1yYtT", *value)) ||
	       !strncasecmp(value, "on", 2);
}

/* Is one of the options, between commas, such that it begins with @start? */
static bool has_option(const char *list, const char *start)
{
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, start, strlen(start)))
			return true;
	}
	return false;
}

/* Does a word of the command line keep an IOMMU from translating? */
static bool is_passthrough(const char *word)
{
	static const struct {
		const char *start, *option;
	} words[] = {
		{ "iommu=", "pt" }, { "iommu=", "off" },
		{ "intel_iommu=", "off" }, { "amd_iommu=", "off" },
	};
	static const char passthrough[] = "iommu.passthrough=";
	size_t i, len;

	if (!strncmp(word, passthrough, strlen(passthrough)))
		return is_true(word + strlen(passthrough));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		len = strlen(words[i].start);
		if (!strncmp(word, words[i].start, len) &&
		    has_option(word + len, words[i].option))
			return true;
	}
	return false;
}

static bool translate(const struct situation *s, struct remedy *remedy)
{
	char *copy, *rest, *word;
	struct text text = {};

	/* a device reaches its own memory by bus address, translated or not */
	if (s->path->client->translated || s->path->same_function)
		return false;
	copy = xstrdup(s->m->cmdline);
	rest = copy;
	while ((word = strsep(&rest, " ")))
		if (is_passthrough(word))
			text_addf(&text, "%s%s", text.len ? " " : "", word);
	free(copy);
	if (text.len)
		remedy->remove = text_take(&text);
	/* the last word counts, and without one it is for the kernel's configuration */
	remedy->parameter = xasprintf("%siommu.passthrough=0",
				      on_command_line(s->m, "intel_iommu=on") ?
				      "" : "intel_iommu=on ");
	/* it stays the reason why the route is not direct */
	claim(remedy, s, EFFECT_REFUSAL_GONE);
	return true;
}

static bool stop_bouncing(const struct situation *s, struct remedy *remedy)
{
	const char *word = strstr(s->m->cmdline, "swiotlb=");
	char *whole;

	/* it may say how large they are before, as in swiotlb=65536,force */
	if (!word)
		return false;
	whole = xasprintf("%.*s", (int)strcspn(word, " "), word);
	if (!strstr(whole, "force")) {
		free(whole);
		return false;
	}
	remedy->remove = whole;
	/* an encrypted guest goes on bouncing */
	claim(remedy, s, s->m->guest ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	return true;
}

/* Every port that lacks it, so that the next one is not named next. */
static bool forward_up(const struct situation *s, struct remedy *remedy)
{
	const struct dev *dev, **ports = NULL;
	bool more = false;	/* that is in the way, or may be */
	size_t n = 0;

	for (dev = s->path->common; dev; dev = dev->above) {
		more |= not_decoding(dev) || !dev->acs.seen;
		if (!dev_is_downstream(dev) || !dev->acs.seen ||
		    (dev->acs.ctrl & 0x10))
			continue;
		/* one that cannot forward makes all the others useless */
		if (!dev->acs.present || !(dev->acs.cap & 0x10)) {
			free(ports);
			return false;
		}
		ports = xrealloc(ports, n + 1, sizeof(*ports));
		ports[n++] = dev;
	}
	if (s->path->dropper) {
		ports = xrealloc(ports, n + 1, sizeof(*ports));
		ports[n++] = s->path->dropper;
	}
	if (!n && *s->route->port) {
		/* not to be seen without root: the kernel names the first */
		dev = machine_dev_named(s->m, s->route->port);
		if (dev && !dev->acs.seen) {
			ports = xrealloc(ports, 1, sizeof(*ports));
			ports[n++] = dev;
		}
	}
	if (n) {
		char *list = joined(ports, n, "xx111x1@");

		remedy->parameter = pci_parameter(s->m, "config_acs", list);
		free(list);
		claim(remedy, s, more ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	}
	free(ports);
	return n;
}

/* At all functions and ports that redirect; to be freed. */
static char *clear_acs(const struct path *path, const char *bits)
{
	const char **names = xcalloc(path->n_redirectors, sizeof(*names));
	char *end = xasprintf(" ECAP_ACS+6.w=0:%s", bits), *commands;
	const char *form[2] = { "setpci -s ", end };
	size_t i;

	for (i = 0; i < path->n_redirectors; i++)
		names[i] = path->redirectors[i]->name;
	commands = commands_for(form, names, path->n_redirectors);
	free(end);
	free(names);
	return commands;
}

static bool take_away_acs(const struct situation *s, struct remedy *remedy)
{
	const struct path *path = s->path;
	const struct dev *named;
	char *list;

	if (!only_acs_in_the_way(s) || (!s->behind && !untranslated_guest(s)) ||
	    forwarding_in_the_way(path))
		return false;
	named = machine_dev_named(s->m, s->route->port);
	/* not to be seen without root: the kernel names the first, if ACS is the reason */
	if (!path->n_redirectors && named && !named->acs.seen &&
	    (BIT(s->route->reason[s->dir]) &
	     (R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION)))) {
		remedy->parameter = pci_parameter(s->m, "disable_acs_redir",
						  named->name);
		remedy->command = xasprintf("setpci -s %s ECAP_ACS+6.w=0:2c",
					    named->name);
		/* of several functions and ports the first is named */
		claim(remedy, s, s->route->reason[s->dir] == REASON_MULTIFUNCTION ?
					EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
		return true;
	}
	if (!path->n_redirectors)
		return false;
	/* config_acs is applied last, and might set what the other has cleared */
	if (strstr(s->m->cmdline, "config_acs=")) {
		list = joined(path->redirectors, path->n_redirectors, "x0x00xx@");
		remedy->parameter = pci_parameter(s->m, "config_acs", list);
	} else {
		list = joined(path->redirectors, path->n_redirectors, "");
		remedy->parameter = pci_parameter(s->m, "disable_acs_redir",
						  list);
	}
	free(list);
	remedy->command = clear_acs(path, "2c");
	claim(remedy, s, path->seen ? EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO);
	return true;
}

static bool take_away_forwarding(const struct situation *s,
				 struct remedy *remedy)
{
	const struct path *path = s->path;
	char *list;

	if (!only_acs_in_the_way(s) || (!s->behind && !untranslated_guest(s)) ||
	    !forwarding_in_the_way(path))
		return false;
	list = joined(path->redirectors, path->n_redirectors, "x0000xx@");
	remedy->parameter = pci_parameter(s->m, "config_acs", list);
	free(list);
	remedy->command = clear_acs(path, "3c");
	claim(remedy, s, path->seen ? EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO);
	return true;
}

static bool pass_through(const struct situation *s, struct remedy *remedy)
{
	if (untranslated_guest(s) || !only_acs_in_the_way(s))
		return false;
	remedy->parameter = xstrdup("iommu.passthrough=1");
	if (s->path->seen && !s->path->n_redirectors)
		claim(remedy, s, EFFECT_BUS_ADDRESS);
	else
		claim(remedy, s, s->route->reason[s->dir] == REASON_VIRTUALISED ?
					EFFECT_REASON_GONE : EFFECT_REASON_MAY_GO);
	return true;
}

/* One cause of several, which no file tells; it is none where the CPU is not able to. */
static bool no_encryption(const struct situation *s, struct remedy *remedy)
{
	if (s->m->no_sme || on_command_line(s->m, "mem_encrypt=off"))
		return false;
	remedy->parameter = xstrdup("mem_encrypt=off");
	claim(remedy, s, EFFECT_REASON_MAY_GO);
	return true;
}

/* The list may have the device already: as it is wanted, for all, or for writes alone. */
static void trust_add(struct words *trust, const struct dev *dev,
		      const char *suffix)
{
	size_t len = strlen(dev->name), kept = 0, i;

	for (i = 0; i < trust->n; i++) {
		char *word = trust->words[i];

		if (!strncmp(word, dev->name, len) &&
		    (!word[len] || !strcmp(word + len, suffix)))
			return;
	}
	for (i = 0; i < trust->n; i++) {
		char *word = trust->words[i];

		if (!strncmp(word, dev->name, len) && !strcmp(word + len, "@w"))
			free(word);
		else
			trust->words[kept++] = word;
	}
	trust->n = kept;
	words_add(trust, xasprintf("%s%s", dev->name, suffix));
}

/*
 * At boot the list adds to what the command line has; now, to what is in force. Where
 * the two allow different things what is claimed would not come of the former, and it
 * takes what is in force with it.
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

static bool trust_writes(const struct situation *s, struct remedy *remedy)
{
	if (s->dir != DIR_WRITE)
		return false;
	trust_word(s, remedy, "@w");
	claim(remedy, s, EFFECT_HOST_BRIDGE);
	return true;
}

static bool trust_all(const struct situation *s, struct remedy *remedy)
{
	trust_word(s, remedy, "");
	claim(remedy, s, EFFECT_HOST_BRIDGE);
	return true;
}

/* In order of safety. The texts are the guide's, cut to a sentence. */
static const struct rule rules[] = {
	{
		.name = "mode-auto",
		.reasons = R(POLICY_OFF) | R(POLICY_SWITCH),
		.what = "Set the mode auto. After a boot with a mistake in p2pdma= the mode is off: mend it (dmesg | grep p2pdma=)",
		.form = "p2pdma=auto",
		.apply = set_mode_auto,
	}, {
		.name = "undeny",
		.reasons = R(DENIED),
		.what = "Take the device out of deny=; the parameter replaces all other p2pdma= on the command line",
		.form = "p2pdma=MODE,deny=OTHERS",
		.apply = take_off_deny,
	}, {
		.name = "wake",
		.reasons = R(PROVIDER_UNREACHABLE),
		.what = "Keep the function awake; after a hot-unplug there is nothing to do",
		.cost = "power",
		.form = "echo on > /sys/bus/pci/devices/PORT/power/control",
		.apply = keep_awake,
	}, {
		.name = "decode",
		.reasons = R(PROVIDER_UNREACHABLE) | R(FABRIC_BLOCKED),
		.what = "The function does not decode memory addresses: bind its driver again, or set the bit by hand",
		.cost = "by hand, the driver does not know of it",
		.form = "setpci -s PORT COMMAND=2:2",
		.apply = decode_memory,
	}, {
		.name = "same-switch",
		.reasons = R(NO_COMMON_PORT) | R(HOST_BRIDGE_UNTRUSTED) |
			   R(UNMAPPABLE),
		.shortens = true,
		.what = "Put both devices below one switch, in PCI Express slots; its ports must not redirect (ACS)",
		.cost = "a change of slots",
		.apply = put_below_switch,
	}, {
		.name = "express-slot",
		.reasons = R(CONVENTIONAL_PCI) | R(HOST_BRIDGE_UNTRUSTED) |
			   R(UNMAPPABLE),
		.shortens = true,
		.what = "Put the device in a PCI Express slot",
		.cost = "a change of slots",
		.apply = put_in_express_slot,
	}, {
		.name = "lower-bar",
		.reasons = R(DMA_MASK),
		.what = "Have firmware place the provider's BAR lower (turn off \"above 4G decoding\"), if it fits there",
		.cost = "large BARs may find no room",
		.apply = lower_bar,
	}, {
		.name = "translate",
		.reasons = R(UNTRUSTED_CLIENT) | R(DMA_MASK) | R(POLICY_HOST),
		.what = "Have an IOMMU translate for the client (AMD's is on by default); the host bridge has to be trusted as well",
		.cost = "some time for each mapping",
		.form = "intel_iommu=on",
		.apply = translate,
	}, {
		.name = "mode-auto",
		.reasons = R(POLICY_HOST),
		.what = "Set the mode auto",
		.cost = "accesses of one device to another are not checked by the IOMMU where they go direct",
		.form = "p2pdma=auto",
		.apply = set_mode_auto,
	}, {
		.name = "mode-host",
		.reasons = R(WINDOW_UNRESERVED),
		.what = "Send all transfers through the host bridge; else it is for the driver to map a list",
		.cost = "the direct route",
		.form = "p2pdma=host",
		.apply = set_mode_host,
	}, {
		.name = "no-bounce",
		.reasons = R(MUST_BOUNCE),
		.what = "Do without swiotlb=force. In an encrypted guest, and for a restricted pool, there is no remedy",
		.form = "swiotlb=force",
		.apply = stop_bouncing,
	}, {
		.name = "forward",
		.reasons = R(FABRIC_BLOCKED),
		.what = "Let the ports forward what is redirected, as the kernel does by itself with an IOMMU; the host bridge then has to be trusted",
		.cost = "none to isolation",
		.form = "pci=config_acs=xx111x1@PORT",
		.apply = forward_up,
	}, {
		.name = "no-acs",
		.reasons = R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION) |
			   R(FABRIC_BLOCKED) | R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Take ACS redirection away where it is in the way",
		.cost = "isolation: the devices reach each other past the IOMMU, share one IOMMU group, and can be assigned only together; by setpci, only to try things out, the groups do not follow, and promise an isolation that is not there",
		.form = "pci=disable_acs_redir=PORT[;PORT...]",
		.apply = take_away_acs,
	}, {
		.name = "no-acs-no-forwarding",
		.reasons = R(MULTIFUNCTION) | R(FABRIC_BLOCKED) |
			   R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "Take ACS redirection and Upstream Forwarding away from the functions and the ports above",
		.cost = "isolation: the devices reach each other past the IOMMU, share one IOMMU group, and can be assigned only together; by setpci, only to try things out, the groups do not follow, and promise an isolation that is not there",
		.form = "pci=config_acs=x0000xx@PORT[;x0000xx@PORT...]",
		.apply = take_away_forwarding,
	}, {
		.name = "passthrough",
		.reasons = R(VIRTUALISED) | R(HOST_BRIDGE_UNTRUSTED),
		.shortens = true,
		.what = "In this virtual machine, take the client out of translation; compare data before relying on it",
		.cost = "the protection of the guest's memory from its devices",
		.form = "iommu.passthrough=1",
		.apply = pass_through,
	}, {
		.name = "no-encryption",
		.reasons = R(UNMAPPABLE),
		.what = "Boot without memory encryption, where that is the cause",
		.cost = "memory encryption",
		.form = "mem_encrypt=off",
		.apply = no_encryption,
	}, {
		.name = "trust-writes",
		.reasons = R(HOST_BRIDGE_UNTRUSTED),
		.what = "Trust the host bridge for writes, if the maker of the machine says that it forwards peer-to-peer requests",
		.cost = "if it does not forward, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=trust=DEV@w",
		.apply = trust_writes,
	}, {
		.name = "trust",
		.reasons = R(HOST_BRIDGE_UNTRUSTED),
		.what = "Trust it for reads as well, if its maker says so of reads; some bridges forward writes and return zeros for reads",
		.cost = "if it does not forward, data are corrupted silently; the kernel is tainted (U)",
		.form = "p2pdma=trust=DEV",
		.apply = trust_all,
	},
};

static bool refused(const struct situation *s)
{
	return s->route->verdict[s->dir] == VERDICT_NOT_SUPPORTED;
}

static bool denies(const struct policy *policy, const struct dev *dev)
{
	size_t i;

	for (i = 0; i < policy->deny.n; i++)
		if (policy_names(policy->deny.words[i], dev))
			return true;
	return false;
}

static unsigned long acs_reasons(const struct situation *s)
{
	const struct path *path = s->path;
	unsigned long reasons = 0;

	if (path->request == REQUEST_UP || path->request == REQUEST_DROPPED)
		reasons |= path->in_switch ? R(ACS_REQUEST) : R(MULTIFUNCTION);
	if (path->in_switch && path->completion_up && s->dir == DIR_READ)
		reasons |= R(ACS_COMPLETION);
	return reasons;
}

/*
 * The kernel names the first reason. What it has not come to, as far as it can be
 * seen: why the pair would be refused next, and why it would not be direct.
 */
static unsigned long hidden_reasons(const struct situation *s)
{
	const struct path *path = s->path;
	const struct dev *dev;
	unsigned long hidden = 0;

	if (!refused(s))
		return 0;
	switch (s->route->reason[s->dir]) {
	case REASON_POLICY_OFF:
		if (denies(&s->policy, path->client) ||
		    denies(&s->policy, path->provider))
			hidden |= R(DENIED);
		[[fallthrough]];
	case REASON_DENIED:
		for (dev = path->provider; dev; dev = dev->above)
			if (dev_asleep(dev) ||
			    (not_decoding(dev) && !is_above(path->common, dev)))
				hidden |= R(PROVIDER_UNREACHABLE);
		[[fallthrough]];
	case REASON_PROVIDER_UNREACHABLE:
	case REASON_MUST_BOUNCE:
	case REASON_POLICY_SWITCH:
		break;
	case REASON_HOST_BRIDGE_UNTRUSTED:
		/* without translation ACS would be in the way */
		if (!untranslated_guest(s) && only_acs_in_the_way(s))
			return acs_reasons(s);
		return 0;
	default:
		return 0;
	}
	if (!mask_reaches(s))
		hidden |= R(DMA_MASK);
	if (path->same_function)
		return hidden;
	if (!path->common)
		hidden |= R(NO_COMMON_PORT);
	if (path->conventional)
		hidden |= R(CONVENTIONAL_PCI);
	if (!untranslated_guest(s))
		hidden |= R(VIRTUALISED);
	return hidden | acs_reasons(s);
}

/* The first of the reasons of @rule that is among @hidden; REASON_UNKNOWN if none. */
static enum reason first_reason(const struct rule *rule, unsigned long hidden)
{
	enum reason reason;

	for (reason = 0; reason < REASON_UNKNOWN; reason++)
		if (rule->reasons & hidden & BIT(reason))
			break;
	return reason;
}

/* For the reason that the kernel names, or for what that hides. */
static bool apply(const struct rule *rule, struct situation *s,
		  struct remedy *remedy)
{
	const struct route *route = s->route;
	struct route standing_in = *route;
	enum reason reason;
	bool useful;

	if (!s->behind)
		return rule->reasons & BIT(route->reason[s->dir]) &&
		       (refused(s) || (rule->shortens && route->verdict[s->dir] ==
						VERDICT_THROUGH_HOST_BRIDGE)) &&
		       rule->apply(s, remedy);
	reason = first_reason(rule, hidden_reasons(s));
	if (reason == REASON_UNKNOWN)
		return false;
	standing_in.reason[s->dir] = reason;
	standing_in.port[0] = '\0';
	s->route = &standing_in;
	useful = rule->apply(s, remedy);
	s->route = route;
	remedy->reason[s->dir] = reason_name(reason);
	return useful;
}

static void remedy_free(struct remedy *remedy)
{
	free(remedy->what);
	free(remedy->parameter);
	free(remedy->remove);
	free(remedy->command);
}

static void add_remedy(struct situation *s, const struct rule *rule,
		       struct remedies *remedies)
{
	struct remedy whole = {
		.name = rule->name, .cost = rule->cost, .behind = s->behind,
		.optional = true,
	};
	bool any = false;

	for (s->dir = 0; s->dir < N_DIRECTIONS; s->dir++) {
		struct remedy one = {};

		if (!apply(rule, s, &one)) {
			remedy_free(&one);
			continue;
		}
		whole.effect[s->dir] = one.effect[s->dir];
		whole.reason[s->dir] = one.reason[s->dir] ? one.reason[s->dir] :
						s->route->reason_word[s->dir];
		if (refused(s))
			whole.optional = false;
		if (any) {
			remedy_free(&one);
			continue;
		}
		any = true;
		whole.what = one.what ? one.what : xstrdup(rule->what);
		whole.parameter = one.parameter;
		whole.remove = one.remove;
		whole.command = one.command;
	}
	if (!any)
		return;
	remedies->list = xrealloc(remedies->list, remedies->n + 1,
				  sizeof(*remedies->list));
	remedies->list[remedies->n++] = whole;
}

void remedies_find(const struct machine *m, const struct provider *provider,
		   const struct path *path, const struct route *route,
		   struct remedies *remedies)
{
	struct situation s = {
		.m = m, .provider = provider, .path = path, .route = route,
	};
	struct policy in_force;
	size_t i;

	*remedies = (struct remedies){};
	policy_parse(m->policy ? m->policy : "auto", m, &in_force);
	policy_at_boot(m->cmdline, m, &s.boot);
	s.policy = in_force;
	remedies->other_policy = m->policy &&
				 !policy_is_of_boot(&in_force, &s.boot);
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		add_remedy(&s, &rules[i], remedies);
	/* with the policy that the remedies before bring about */
	if (off_by_mistake(&s))
		s.policy = s.boot.all;
	if (!strcmp(s.policy.mode, "off"))
		s.policy.mode = (char *)"auto";
	s.behind = true;
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		add_remedy(&s, &rules[i], remedies);
	policy_free(&in_force);
	policy_at_boot_free(&s.boot);
}

void remedies_free(struct remedies *remedies)
{
	while (remedies->n)
		remedy_free(&remedies->list[--remedies->n]);
	free(remedies->list);
	*remedies = (struct remedies){};
}

const char *effect_name(enum effect effect)
{
	static const char * const names[] = {
		[EFFECT_NONE]		= "none",
		[EFFECT_BUS_ADDRESS]	= "bus-address",
		[EFFECT_HOST_BRIDGE]	= "through-host-bridge",
		[EFFECT_REASON_GONE]	= "reason-gone",
		[EFFECT_REFUSAL_GONE]	= "refusal-gone",
		[EFFECT_REASON_MAY_GO]	= "reason-may-go",
	};

	return names[effect];
}

static char *effect_text(enum effect effect, const char *reason, bool behind)
{
	switch (effect) {
	case EFFECT_BUS_ADDRESS:
		return xasprintf("%s%s", effect_name(effect),
				 behind ? ", with all of these" : "");
	case EFFECT_REASON_GONE:
		return xasprintf("%s no longer", reason);
	case EFFECT_REASON_MAY_GO:
		return xasprintf("perhaps no longer %s", reason);
	case EFFECT_REFUSAL_GONE:
		return xasprintf("no longer refused as %s", reason);
	default:
		return xstrdup(effect_name(effect));
	}
}

char *remedy_effect(const struct remedy *remedy)
{
	struct text text = {};
	char *effects[N_DIRECTIONS] = {};
	enum direction dir;

	for (dir = 0; dir < N_DIRECTIONS; dir++)
		if (remedy->effect[dir] != EFFECT_NONE)
			effects[dir] = effect_text(remedy->effect[dir],
						   remedy->reason[dir],
						   remedy->behind);
	if (effects[DIR_WRITE] && effects[DIR_READ] &&
	    !strcmp(effects[DIR_WRITE], effects[DIR_READ])) {
		text_addf(&text, "writes and reads: %s", effects[DIR_WRITE]);
	} else {
		if (effects[DIR_WRITE])
			text_addf(&text, "writes: %s", effects[DIR_WRITE]);
		if (effects[DIR_READ])
			text_addf(&text, "%sreads: %s", text.len ? "; " : "",
				  effects[DIR_READ]);
	}
	free(effects[DIR_WRITE]);
	free(effects[DIR_READ]);
	return text_take(&text);
}

void remedies_json_all(void)
{
	struct json_object *out = json_begin_plain("reasons"), *reasons, *item;
	struct json_object *remedies, *one;
	enum reason reason;
	size_t i;

	reasons = json_array_in(out, "reasons");
	for (reason = 0; reason < REASON_UNKNOWN; reason++) {
		item = json_item(reasons);
		json_text(item, "name", reason_name(reason));
		json_text(item, "meaning", reason_meaning(reason));
		remedies = json_array_in(item, "remedies");
		for (i = 0; i < ARRAY_SIZE(rules); i++) {
			if (!(rules[i].reasons & BIT(reason)))
				continue;
			one = json_item(remedies);
			json_text(one, "name", rules[i].name);
			json_text(one, "what", rules[i].what);
			json_text(one, "cost", rules[i].cost);
			json_text(one, "form", rules[i].form);
		}
	}
	json_end(out);
}

void remedies_print_all(unsigned int width)
{
	enum reason reason;
	size_t i;

	for (reason = 0; reason < REASON_UNKNOWN; reason++) {
		printf("%s%s%s\n    ", style_on(STYLE_HEAD), reason_name(reason),
		       style_off(STYLE_HEAD));
		out_paragraph(reason_meaning(reason), 4, 4, width);
		for (i = 0; i < ARRAY_SIZE(rules); i++) {
			if (!(rules[i].reasons & BIT(reason)))
				continue;
			fputs("    - ", stdout);
			out_paragraph(rules[i].what, 6, 6, width);
			if (rules[i].form)
				printf("      %s\n", rules[i].form);
			if (rules[i].cost) {
				fputs("      cost: ", stdout);
				out_paragraph(rules[i].cost, 12, 12, width);
			}
		}
	}
}
