// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "notes.h"
#include "out.h"
#include "path.h"
#include "tree.h"

/* What follows the address of a function on its line; to be freed. */
static char *describe(const struct dev *dev)
{
	struct text text = {};

	if (dev->is_bridge) {
		text_addf(&text, "%s, %s", kind_name(dev), acs_text(&dev->acs));
	} else {
		if (dev->kname)
			text_addf(&text, "%s: ", dev->kname);
		text_add(&text, dev->label);
		if (dev->physfn)
			text_add(&text, ", virtual function");
		if (dev->kind == KIND_SILENT)
			text_add(&text, ", does not answer");
		if (dev->untrusted)
			text_add(&text, ", external");
		if (dev->behind)
			text_addf(&text, ", behind %s", dev->behind->bdf);
		if (dev->acs.present)
			text_addf(&text, ", %s", acs_text(&dev->acs));
	}
	return text_take(&text);
}

/* "provider BAR 2, 16 MiB"; "" for other functions. To be freed. */
static char *provider_text(const struct machine *m, const struct dev *dev)
{
	const struct provider *provider = machine_provider(m, dev, -1);
	struct text text = {};
	size_t i;

	if (!provider)
		return xstrdup("");
	text_add(&text, "provider");
	for (i = provider - m->providers; i < m->n_providers; i++) {
		if (m->providers[i].dev != dev)
			break;
		if (m->providers[i].bar >= 0)
			text_addf(&text, "%s BAR %d",
				  m->providers[i].dev == provider->dev &&
				  &m->providers[i] != provider ? "," : "",
				  m->providers[i].bar);
	}
	if (dev->has_p2pmem)
		text_addf(&text, ", %s", size_text(dev->p2pmem_size));
	return text_take(&text);
}

static void print_dev(const struct machine *m, const struct dev *dev,
		      const char *branch, const char *deeper, unsigned int width)
{
	char *provides = provider_text(m, dev), *speed = link_text(dev);
	char *text = describe(dev);
	bool below = false;
	int room, used;

	printf("%s%s%s%s ", branch, style_on(STYLE_HEAD), dev_short(m, dev),
	       style_off(STYLE_HEAD));
	/* the text is cut if what follows it needs the room */
	used = strlen(branch) + strlen(dev_short(m, dev)) + 1 +
	       (*speed ? strlen(speed) + 2 : 0) +
	       (*provides ? strlen(provides) + 4 : 0);
	room = width ? (int)width - used : (int)strlen(text);
	/* if next to nothing were left of it, the provider goes on a line below */
	if (room < 16 && room < (int)strlen(text) && *provides) {
		below = true;
		room += strlen(provides) + 4;
	}
	if (room < 16)
		room = 16;
	if ((int)strlen(text) <= room)
		printf("%s", text);
	else
		printf("%.*s..", room - 2, text);
	if (*speed)
		printf("  %s%s%s", style_on(STYLE_FAINT), speed,
		       style_off(STYLE_FAINT));
	if (below)
		printf("\n%s        ", deeper);
	if (*provides)
		printf("%s%s[%s]%s", below ? "" : "  ", style_on(STYLE_GOOD),
		       provides, style_off(STYLE_GOOD));
	putchar('\n');
	free(provides);
	free(speed);
	free(text);
}

static bool is_below(const struct dev *dev, const struct dev *above,
		     const char *host)
{
	return dev->above == above &&
	       (above || (dev->host && !strcmp(dev->host, host)));
}

static void print_below(const struct machine *m, const struct dev *above,
			const char *host, const char *indent,
			unsigned int width)
{
	size_t i, last = m->n_devs;

	for (i = 0; i < m->n_devs; i++)
		if (is_below(m->devs[i], above, host))
			last = i;
	for (i = 0; i < m->n_devs; i++) {
		char *branch, *deeper;

		if (!is_below(m->devs[i], above, host))
			continue;
		branch = xasprintf("%s%s", indent, i == last ? "`-- " : "|-- ");
		deeper = xasprintf("%s%s", indent, i == last ? "    " : "|   ");
		print_dev(m, m->devs[i], branch, deeper, width);
		print_below(m, m->devs[i], NULL, deeper, width);
		free(branch);
		free(deeper);
	}
}

static void json_below(struct json_object *object, const struct machine *m,
		       const struct dev *above, const char *host)
{
	struct json_object *array = json_array_in(object, "below"), *item, *providers;
	size_t i, j;

	for (i = 0; i < m->n_devs; i++) {
		if (!is_below(m->devs[i], above, host))
			continue;
		item = json_item(array);
		json_dev(item, m->devs[i]);
		providers = json_array_in(item, "providers");
		for (j = 0; j < m->n_providers; j++)
			if (m->providers[j].dev == m->devs[i])
				json_provider(json_item(providers), &m->providers[j]);
		json_below(item, m, m->devs[i], NULL);
	}
}

/* The host bridge of a function, if no function before has it; or NULL. */
static const char *next_host(const struct machine *m, size_t i)
{
	const char *host = m->devs[i]->host;
	size_t j;

	for (j = 0; host && j < i; j++)
		if (m->devs[j]->host && !strcmp(m->devs[j]->host, host))
			return NULL;
	return host;
}

void topo_tree_json(const struct machine *m)
{
	struct json_object *out = json_begin("tree", m), *item;
	struct json_object *array = json_array_in(out, "host_bridges");
	size_t i;

	for (i = 0; i < m->n_devs; i++) {
		if (!next_host(m, i))
			continue;
		item = json_item(array);
		json_text(item, "host_bridge", m->devs[i]->host);
		json_below(item, m, NULL, m->devs[i]->host);
	}
	json_end(out);
}

void topo_tree(const struct machine *m, unsigned int width)
{
	const char *host;
	size_t i;

	for (i = 0; i < m->n_devs; i++) {
		host = next_host(m, i);
		if (!host)
			continue;
		printf("%s%s%s host bridge\n", style_on(STYLE_HEAD), host,
		       style_off(STYLE_HEAD));
		print_below(m, NULL, host, "", width);
	}
}
