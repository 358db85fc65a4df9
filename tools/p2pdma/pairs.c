// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drives.h"
#include "near.h"
#include "out.h"
#include "pairs.h"

#define MAX_GIVEN	64	/* options --file and --destructive */

static struct {
	const char *files[MAX_GIVEN];
	size_t n_files;
	const char *devices[MAX_GIVEN];
	size_t n_devices;
	bool dir[N_DIRECTIONS];
	uint64_t size;
	double seconds;
	bool timed;		/* --seconds was given */
} want = {
	.dir = { true, true },
	.size = 8 << 20,
	.seconds = 1,
};

enum { OPT_FILE = 0x100, OPT_DESTRUCTIVE, OPT_DIRECTION, OPT_SIZE, OPT_SECONDS };

static const struct option own_options[] = {
	{ "file", required_argument, NULL, OPT_FILE },
	{ "destructive", required_argument, NULL, OPT_DESTRUCTIVE },
	{ "direction", required_argument, NULL, OPT_DIRECTION },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{}
};

static void take_direction(const char *word)
{
	static const char * const words[] = { "write", "read", "both" };
	char *hint;

	want.dir[DIR_WRITE] = strcmp(word, "read");
	want.dir[DIR_READ] = strcmp(word, "write");
	if (strcmp(word, "write") && strcmp(word, "read") &&
	    strcmp(word, "both")) {
		hint = near_matches(word, words, ARRAY_SIZE(words));
		die("--direction '%s' is none of write, read and both%s", word,
		    hint);
	}
}

static void append(const char **list, size_t *n, const char *arg)
{
	if (*n == MAX_GIVEN)
		die("too many files or devices; at most %d of each",
		    MAX_GIVEN);
	list[(*n)++] = arg;
}

static void take(int val, const char *arg)
{
	switch (val) {
	case OPT_FILE:
		append(want.files, &want.n_files, arg);
		break;
	case OPT_DESTRUCTIVE:
		append(want.devices, &want.n_devices, arg);
		break;
	case OPT_DIRECTION:
		take_direction(arg);
		break;
	case OPT_SIZE:
		want.size = args_size("--size", arg, 4096, 1ULL << 30) & ~4095ULL;
		break;
	case OPT_SECONDS:
		want.seconds = args_number("--seconds", arg, 1, 3600);
		want.timed = true;
		break;
	}
}

static void add(struct pairs *pairs, struct dev *client,
		const struct provider *provider)
{
	enum direction dir;

	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		struct pair pair = {
			.client = client, .provider = provider, .dir = dir,
			.route = machine_route(client, provider),
		};

		if (!want.dir[dir])
			continue;
		pairs->list = xrealloc(pairs->list, pairs->n + 1,
				       sizeof(*pairs->list));
		pairs->list[pairs->n++] = pair;
	}
}

/* Memory is allocated from a function, not from a BAR: its first BAR stands for all. */
static void add_all(struct pairs *pairs)
{
	const struct machine *m = pairs->m;
	size_t i, j;
	char *block;

	for (i = 0; i < m->n_devs; i++) {
		block = m->devs[i]->is_bridge ? NULL :
						drives_block_of(m, m->devs[i]);
		for (j = 0; block && j < m->n_providers; j++)
			if (!j || m->providers[j].dev != m->providers[j - 1].dev)
				add(pairs, m->devs[i], &m->providers[j]);
		free(block);
	}
}

/* Pointers to targets are taken last, because their list moves as it grows. */
static void find_targets(struct pairs *pairs)
{
	size_t i;

	for (i = 0; i < pairs->n; i++) {
		char *why = NULL;

		if (!targets_for(&pairs->targets, pairs->m, pairs->list[i].client,
				 pairs->size, &why))
			pairs->list[i].why = why;
	}
	for (i = 0; i < pairs->n; i++)
		if (!pairs->list[i].why)
			pairs->list[i].target =
				targets_for(&pairs->targets, pairs->m,
					    pairs->list[i].client, pairs->size,
					    NULL);
}

static void check_given(const struct pairs *pairs)
{
	size_t i, j;

	for (i = 0; i < pairs->targets.n; i++) {
		for (j = 0; j < pairs->n; j++)
			if (pairs->list[j].client == pairs->targets.list[i].client)
				break;
		if (j == pairs->n)
			die("%s is on the drive %s, which is not the client",
			    pairs->targets.list[i].name,
			    pairs->targets.list[i].client->bdf);
	}
}

void pairs_find(int argc, char **argv, const struct command *command,
		struct options *options, struct pairs *pairs)
{
	struct machine *m;
	char *usage;
	size_t i;

	usage = xasprintf("p2pdma %s [CLIENT PROVIDER] [OPTION...]", command->name);
	args_parse(argc, argv, command, own_options, take, options);
	if (want.timed && strcmp(command->name, "bench"))
		die("--seconds is for bench; how long %s takes depends on --size",
		    command->name);
	args_only_here(command->name);
	args_count(argc, 0, 2, usage);
	if (argc - optind == 1)
		die("an argument is missing; usage: %s", usage);
	free(usage);
	m = machine_load(options->pci_ids);
	*pairs = (struct pairs){
		.m = m, .size = want.size, .seconds = want.seconds,
	};
	move_catch_signals();
	if (!m->n_providers)
		die("there is no provider: no driver has registered peer memory");
	if (optind < argc)
		add(pairs, args_dev(m, argv[optind], "client"),
		    args_provider(m, argv[optind + 1], NULL));
	else
		add_all(pairs);
	if (!pairs->n)
		die("there is no drive that could be the client");
	for (i = 0; i < want.n_files; i++)
		targets_add_file(&pairs->targets, m, want.files[i], want.size);
	for (i = 0; i < want.n_devices; i++)
		targets_add_device(&pairs->targets, m, want.devices[i],
				   want.size);
	check_given(pairs);
	find_targets(pairs);
}

void pairs_close(struct pairs *pairs)
{
	size_t i;

	targets_close(&pairs->targets);
	for (i = 0; i < pairs->n; i++)
		free(pairs->list[i].why);
	free(pairs->list);
	machine_free(pairs->m);
}

void pairs_print_remarks(const struct pairs *pairs, char * const *remarks,
			 unsigned int width)
{
	size_t i, next;
	int at;

	for (i = 0; i < pairs->n; i = next) {
		const struct pair *pair = &pairs->list[i];

		next = i + 1;
		if (!remarks[i])
			continue;
		while (next < pairs->n && remarks[next] &&
		       pairs->list[next].client == pair->client &&
		       !strcmp(remarks[next], remarks[i]))
			next++;
		if (next > i + 1)
			at = printf("  %s: ", dev_short(pairs->m, pair->client));
		else
			at = printf("  %s -> %s, %s: ",
				    dev_short(pairs->m, pair->client),
				    dev_short(pairs->m, pair->provider->dev),
				    direction_name(pair->dir));
		out_paragraph(remarks[i], at, 4, width);
	}
}

void json_pair(struct json_object *object, const struct pair *pair)
{
	struct json_object *says;

	json_text(object, "client", pair->client->bdf);
	json_text(object, "provider", pair->provider->dev->bdf);
	if (pair->provider->bar < 0)
		json_text(object, "bar", NULL);
	else
		json_number(object, "bar", pair->provider->bar);
	json_text(object, "direction", direction_name(pair->dir));
	json_text(object, "drive", pair->target ? pair->target->name : NULL);
	if (!pair->route) {
		json_text(object, "kernel_says", NULL);
		return;
	}
	says = json_object_in(object, "kernel_says");
	json_text(says, "verdict", pair->route->verdict_word[pair->dir]);
	json_text(says, "reason", pair->route->reason_word[pair->dir]);
}
