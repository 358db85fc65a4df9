// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "situation.h"

bool no_virtual_iommu(const struct situation *s)
{
	return !(s->m->guest && s->path->client->translated);
}

bool mask_reaches(const struct situation *s)
{
	unsigned int bits = s->path->client->mask_bits;

	return bits >= 64 || !(machine_last(s->provider) >> bits);
}

static bool looped(const struct situation *s, const struct dev *dev)
{
	size_t i;

	for (i = 0; i < s->policy.loopback.n; i++)
		if (policy_names(s->policy.loopback.words[i], dev) ||
		    (dev->physfn && policy_names(s->policy.loopback.words[i],
						 dev->physfn)))
			return true;
	return false;
}

bool unproven(const struct situation *s)
{
	return s->path->unproven && (!looped(s, s->path->client) ||
				     !looped(s, s->path->provider));
}

bool direct_is_allowed(const struct situation *s)
{
	return strcmp(s->policy.mode, "host") && !s->path->client->untrusted &&
	       mask_reaches(s) && no_virtual_iommu(s);
}

bool only_acs_in_the_way(const struct situation *s)
{
	return s->path->common && !s->path->conventional && !s->path->bridge_function &&
	       strcmp(s->policy.mode, "host") && !s->path->client->untrusted &&
	       mask_reaches(s);
}

bool off_by_mistake(const struct situation *s)
{
	return s->boot.mistaken.n && s->m->policy && !strcmp(s->m->policy, "off");
}

bool is_above(const struct dev *common, const struct dev *dev)
{
	for (; common && common != dev; common = common->above)
		;
	return common;
}

bool not_decoding(const struct dev *dev)
{
	return dev->memory_seen && !dev->decodes_memory;
}

bool on_command_line(const struct machine *m, const char *word)
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

void claim(struct remedy *remedy, const struct situation *s, enum effect effect)
{
	remedy->effect[s->dir] = effect;
}

void add_once(const char **names, size_t *n, const char *name)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (!strcmp(names[i], name))
			return;
	names[(*n)++] = name;
}

char *commands_for(const char *form[2], const char **names, size_t n)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < n; i++)
		text_addf(&text, "%s%s%s%s", i ? "; " : "", form[0], names[i],
			  form[1]);
	return text_take(&text);
}
