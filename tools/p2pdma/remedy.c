// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "remedy.h"
#include "rules.h"

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
 * The kernel reports the first reason only. These are the obstacles that it hides, as far as
 * they can be seen: why the pair would be refused next, and why it would not be direct.
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
		/* without the virtual IOMMU ACS would be in the way */
		if (!no_virtual_iommu(s) && only_acs_in_the_way(s))
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
	if (!no_virtual_iommu(s))
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

/* Try a rule for the kernel's reason or, if s->hidden, for an obstacle that it hides. */
static bool apply(const struct rule *rule, struct situation *s,
		  struct remedy *remedy)
{
	const struct route *route = s->route;
	struct route standing_in = *route;
	enum reason reason;
	bool useful;

	if (!s->hidden)
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
	free(remedy->paths);
	free(remedy->command);
	free(remedy->policy);
	free(remedy->warning);
	changes_free(&remedy->changes);
}

char *with_paths(const struct machine *m, const char *parameter)
{
	struct text text = {};
	const char *at = parameter;
	bool any = false;

	while (*at) {
		size_t len = strspn(at, "0123456789abcdef:.");
		char *word = xasprintf("%.*s", (int)len, at);
		const struct dev *dev = machine_dev_at(m, word);

		/* what follows a slash is a path already */
		if (dev && dev->above && at[len] != '/') {
			char *path = dev_path(dev);

			text_add(&text, path);
			free(path);
			any = true;
		} else {
			text_add(&text, word);
		}
		free(word);
		at += len;
		if (*at)
			text_addf(&text, "%c", *at++);
	}
	if (!any)
		text_free(&text);
	return any ? text_take(&text) : NULL;
}

static void add_remedy(struct situation *s, const struct rule *rule,
		       struct remedies *remedies)
{
	struct remedy whole = {
		.name = rule->name, .cost = rule->cost, .hidden = s->hidden,
		.optional = true,
	};
	bool any = false;

	/* another kernel has no policy */
	if (!s->m->project && rule->form && !strncmp(rule->form, "p2pdma=", 7))
		return;
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
		whole.policy = one.policy;
		whole.warning = one.warning;
		whole.sets_acs = one.sets_acs;
		whole.changes = one.changes;
		whole.paths = one.parameter ? with_paths(s->m, one.parameter) : NULL;
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
	struct policy active;
	size_t i;

	*remedies = (struct remedies){};
	policy_parse(m->policy ? m->policy : "auto", m, &active);
	policy_at_boot(m->cmdline, m, &s.boot);
	s.policy = active;
	remedies->other_policy = m->policy &&
				 !policy_is_of_boot(&active, &s.boot);
	for (i = 0; i < n_rules; i++)
		add_remedy(&s, &rules[i], remedies);
	/* hidden obstacles are looked for with the policy that the remedies so far set */
	if (off_by_mistake(&s))
		s.policy = s.boot.all;
	if (!strcmp(s.policy.mode, "off"))
		s.policy.mode = (char *)"auto";
	s.hidden = true;
	for (i = 0; i < n_rules; i++)
		add_remedy(&s, &rules[i], remedies);
	policy_free(&active);
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

static char *effect_text(enum effect effect, const char *reason, bool hidden)
{
	switch (effect) {
	case EFFECT_BUS_ADDRESS:
		return xasprintf("%s%s", effect_name(effect),
				 hidden ? ", with all of these" : "");
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
						   remedy->hidden);
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
