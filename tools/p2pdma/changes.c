// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "changes.h"

#define MAX_SHOWN	6	/* pairs of a kind that are named */

enum way way_of(const struct machine *m, const struct path *path, enum direction dir)
{
	bool translated = path->client->translated;
	bool may_cross = !path->client->untrusted && !(m->guest && translated);
	bool lost = path->no_forwarding;

	if (path->same_function)
		return WAY_DIRECT;
	if (!path->common || path->conventional)
		return WAY_UP;
	if (!path->seen)
		return WAY_UNSEEN;
	/* a completion is sent by requester ID, and needs forwarding in any case */
	if (dir == DIR_READ && path->completion_up && lost)
		return WAY_LOST;
	switch (path->request) {
	case REQUEST_DROPPED:
		return translated ? WAY_UP : WAY_LOST;
	case REQUEST_UP:
		return translated || !lost ? WAY_UP : WAY_LOST;
	default:
		break;
	}
	if (dir == DIR_READ && path->completion_up)
		return WAY_UP;
	return may_cross ? WAY_DIRECT : translated ? WAY_UP : WAY_LOST;
}

const char *way_text(enum way way)
{
	static const char * const texts[] = {
		[WAY_DIRECT]	= "direct",
		[WAY_UP]	= "through the root complex",
		[WAY_LOST]	= "lost",
		[WAY_UNSEEN]	= "unknown",
	};

	return texts[way];
}

const char *way_name(enum way way)
{
	static const char * const names[] = {
		[WAY_DIRECT]	= "direct",
		[WAY_UP]	= "up",
		[WAY_LOST]	= "lost",
		[WAY_UNSEEN]	= "unknown",
	};

	return names[way];
}

/* Exchange what is set now and @settings. */
static void exchange(const struct machine *m, struct acs_setting *settings, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct dev *dev = machine_dev(m, &settings[i].dev->address);
		unsigned int ctrl = dev->acs.ctrl;

		dev->acs.ctrl = settings[i].ctrl;
		settings[i].ctrl = ctrl;
	}
}

static void find_ways(const struct machine *m, const struct dev *client,
		      const struct dev *provider, enum way ways[N_DIRECTIONS])
{
	struct path *path = path_find(client, provider);
	enum direction dir;

	for (dir = 0; dir < N_DIRECTIONS; dir++)
		ways[dir] = way_of(m, path, dir);
	path_free(path);
}

/* Is @dev one of the functions whose ACS changes, or below one? */
static bool is_touched(const struct dev *dev, const struct acs_setting *settings,
		       size_t n)
{
	size_t i;

	for (; dev; dev = dev->above)
		for (i = 0; i < n; i++)
			if (settings[i].dev == dev)
				return true;
	return false;
}

/* May it be a client, or own memory that others reach? */
static bool takes_part(const struct machine *m, const struct dev *dev)
{
	return dev_is_client(dev) || machine_provider(m, dev, -1);
}

/* Add each pair that ACS may take another way, with its ways as they are now. */
static void add_pairs(const struct machine *m, const struct acs_setting *settings,
		      size_t n, const struct path *path, bool both,
		      struct changes *changes)
{
	size_t i, j;

	for (i = 0; i < m->n_devs; i++) {
		const struct dev *client = m->devs[i];
		bool touched = is_touched(client, settings, n);

		for (j = 0; takes_part(m, client) && j < m->n_devs; j++) {
			const struct dev *provider = m->devs[j];
			struct change *change;

			if (i == j || !takes_part(m, provider) ||
			    (!touched && !is_touched(provider, settings, n)) ||
			    (client == path->client && provider == path->provider) ||
			    (both && client == path->provider &&
			     provider == path->client))
				continue;
			changes->list = xrealloc(changes->list, changes->n + 1,
						 sizeof(*changes->list));
			change = &changes->list[changes->n++];
			change->client = client;
			change->provider = provider;
			find_ways(m, client, provider, change->before);
		}
	}
}

void changes_find(const struct machine *m, const struct acs_setting *settings, size_t n,
		  const struct path *path, bool both, struct changes *changes,
		  enum way after[N_DIRECTIONS])
{
	struct acs_setting *swap = xcalloc(n, sizeof(*swap));
	size_t i, left = 0;

	*changes = (struct changes){ .known = true };
	add_pairs(m, settings, n, path, both, changes);
	if (n)
		memcpy(swap, settings, n * sizeof(*swap));
	exchange(m, swap, n);
	find_ways(m, path->client, path->provider, after);
	for (i = 0; i < changes->n; i++) {
		struct change change = changes->list[i];

		find_ways(m, change.client, change.provider, change.after);
		if (!memcmp(change.before, change.after, sizeof(change.before)))
			continue;
		changes->n_lost += (change.after[DIR_WRITE] == WAY_LOST &&
				    change.before[DIR_WRITE] != WAY_LOST) ||
				   (change.after[DIR_READ] == WAY_LOST &&
				    change.before[DIR_READ] != WAY_LOST);
		changes->list[left++] = change;
	}
	changes->n = left;
	exchange(m, swap, n);
	free(swap);
}

void changes_free(struct changes *changes)
{
	free(changes->list);
	*changes = (struct changes){};
}

/* What becomes of a pair: "direct", "direct (was lost)", by direction if they differ. */
static char *becomes(const struct change *change)
{
	const enum way *before = change->before, *after = change->after;

	if (before[DIR_WRITE] == before[DIR_READ] && after[DIR_WRITE] == after[DIR_READ])
		return xasprintf("%s (was %s)", way_text(after[0]), way_text(before[0]));
	if (before[DIR_WRITE] == after[DIR_WRITE])
		return xasprintf("reads %s (were %s)", way_text(after[DIR_READ]),
				 way_text(before[DIR_READ]));
	if (before[DIR_READ] == after[DIR_READ])
		return xasprintf("writes %s (were %s)", way_text(after[DIR_WRITE]),
				 way_text(before[DIR_WRITE]));
	return xasprintf("writes %s (were %s), reads %s (were %s)",
			 way_text(after[DIR_WRITE]), way_text(before[DIR_WRITE]),
			 way_text(after[DIR_READ]), way_text(before[DIR_READ]));
}

char *changes_text(const struct machine *m, const struct changes *changes)
{
	bool *done = xcalloc(changes->n + 1, sizeof(*done));
	struct text text = {};
	size_t i, j, count;

	for (i = 0; i < changes->n; i++) {
		char *first = becomes(&changes->list[i]);

		count = 0;
		for (j = i; j < changes->n; j++) {
			const struct change *change = &changes->list[j];
			char *other = becomes(change);

			if (!done[j] && !strcmp(first, other)) {
				done[j] = true;
				if (count++ < MAX_SHOWN)
					text_addf(&text, "%s%s -> %s",
						  count > 1 ? ", " : text.len ? "; " : "",
						  dev_short(m, change->client),
						  dev_short(m, change->provider));
			}
			free(other);
		}
		if (count > MAX_SHOWN)
			text_addf(&text, " and %zu more", count - MAX_SHOWN);
		if (count)
			text_addf(&text, ": %s", first);
		free(first);
	}
	free(done);
	return text_take(&text);
}
