// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma verify: moves data and compares. What the kernel says and what was measured
 * stand side by side; only bytes that were compared count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "counters.h"
#include "out.h"
#include "pairs.h"

#define WIDE	100	/* columns from which on the reasons are in the table */

enum result {
	RESULT_AS_SAID,
	RESULT_MISMATCH,
	RESULT_NOT_TESTED,
};

struct check {
	const struct pair *pair;
	struct outcome outcome;
	bool counts;		/* the kernel counts what it maps */
	uint64_t counted;	/* bytes of peer memory that it has mapped */
	enum result result;
};

static const char * const result_names[] = {
	"as-kernel-says", "mismatch", "not-tested",
};

static enum result judge(const struct check *check)
{
	const struct route *route = check->pair->route;
	enum measured measured = check->outcome.measured;
	enum verdict verdict;

	switch (measured) {
	case MEASURED_NOT_TESTED:
		return RESULT_NOT_TESTED;
	case MEASURED_EQUAL:
	case MEASURED_REFUSED:
		break;
	default:
		return RESULT_MISMATCH;
	}
	/* a kernel that reports no route says only by the I/O whether it works */
	if (!route || route->verdict[check->pair->dir] == VERDICT_UNKNOWN)
		return RESULT_AS_SAID;
	/* a driver that refuses all peer memory proves nothing about the route */
	if (measured == MEASURED_REFUSED && check->outcome.note)
		return RESULT_NOT_TESTED;
	verdict = route->verdict[check->pair->dir];
	if (measured == (verdict == VERDICT_NOT_SUPPORTED ? MEASURED_REFUSED :
							    MEASURED_EQUAL))
		return RESULT_AS_SAID;
	return RESULT_MISMATCH;
}

/*
 * Do all BARs of the provider have the same verdict? User space allocates memory of a
 * function, and cannot choose the BAR.
 */
static bool same_for_all_bars(const struct machine *m, const struct pair *pair)
{
	size_t i;

	for (i = 0; i < m->n_providers; i++) {
		const struct provider *other = &m->providers[i];
		const struct route *route;

		if (other->dev != pair->provider->dev)
			continue;
		route = machine_route(pair->client, other);
		if (route && pair->route && route->verdict[pair->dir] !=
					    pair->route->verdict[pair->dir])
			return false;
	}
	return true;
}

static void run_check(const struct pairs *pairs, struct check *check)
{
	const struct pair *pair = check->pair;
	const struct dev *provider = pair->provider->dev;
	struct counters before, after;

	if (!pair->target) {
		check->outcome.measured = MEASURED_NOT_TESTED;
		check->outcome.note = xstrdup(pair->why);
		check->result = RESULT_NOT_TESTED;
		return;
	}
	if (!same_for_all_bars(pairs->m, pair)) {
		check->outcome.measured = MEASURED_NOT_TESTED;
		check->outcome.note = xasprintf("the BARs of %s have different routes, and the kernel chooses from which memory is allocated",
						provider->bdf);
		check->result = RESULT_NOT_TESTED;
		return;
	}
	check->counts = counters_read(pair->client, provider, &before);
	move_data(pair->target, provider, pair->dir, pairs->size,
		  &check->outcome);
	check->counts = check->counts &&
			counters_read(pair->client, provider, &after);
	if (check->counts)
		check->counted = after.bytes[pair->dir] - before.bytes[pair->dir];
	check->result = judge(check);
	/* equal data prove nothing if less peer memory was mapped than was moved */
	if (check->counts && check->outcome.measured == MEASURED_EQUAL &&
	    check->counted < check->outcome.moved) {
		free(check->outcome.note);
		check->outcome.note = xasprintf("the data are equal, but the kernel has mapped only %s of peer memory: the rest was copied",
						size_text(check->counted));
		check->result = RESULT_NOT_TESTED;
	}
}

static void fill_table(struct table *table, const struct pairs *pairs,
		       const struct check *checks, bool wide, bool brief)
{
	static const enum style styles[] = { STYLE_GOOD, STYLE_BAD, STYLE_FAIR };
	static const char * const words[] = { "ok", "MISMATCH", "not tested" };
	size_t i;

	table_init(table, wide ? 8 : 7);
	table_add(table, "client", STYLE_HEAD);
	table_add(table, "provider", STYLE_HEAD);
	table_add(table, "dir", STYLE_HEAD);
	table_add(table, "kernel says", STYLE_HEAD);
	if (wide)
		table_add(table, "reason", STYLE_HEAD);
	table_add(table, "measured", STYLE_HEAD);
	table_add(table, "moved", STYLE_HEAD);
	table_add(table, "result", STYLE_HEAD);
	for (i = 0; i < pairs->n; i++) {
		const struct check *check = &checks[i];
		const struct pair *pair = check->pair;
		const struct route *route = pair->route;

		table_add(table, dev_short(pairs->m, pair->client), STYLE_PLAIN);
		table_add(table, dev_short(pairs->m, pair->provider->dev),
			  STYLE_PLAIN);
		table_add(table, direction_name(pair->dir), STYLE_PLAIN);
		table_add(table, !route ? "-" :
			  brief ? verdict_short(route->verdict[pair->dir]) :
				  route->verdict_word[pair->dir], STYLE_PLAIN);
		if (wide)
			table_add(table,
				  route ? route->reason_word[pair->dir] : "-",
				  STYLE_PLAIN);
		table_add(table, measured_text(check->outcome.measured),
			  STYLE_PLAIN);
		table_add(table, check->outcome.moved ?
			  size_text(check->outcome.moved) : "-", STYLE_PLAIN);
		table_add(table, words[check->result], styles[check->result]);
	}
}

/* The remark on a result; NULL if there is none. To be freed. */
static char *remark_of(const struct check *check)
{
	const struct outcome *outcome = &check->outcome;
	const struct pair *pair = check->pair;
	struct text text = {};

	if (outcome->wrong)
		text_addf(&text, "%llu bytes differ",
			  (unsigned long long)outcome->wrong);
	if (outcome->changed)
		text_addf(&text, "%llu bytes were changed by I/O that failed",
			  (unsigned long long)outcome->changed);
	if (outcome->error && outcome->measured != MEASURED_REFUSED)
		text_addf(&text, "%s%s", text.len ? "; " : "",
			  strerror(outcome->error));
	if (check->result == RESULT_MISMATCH && pair->route)
		text_addf(&text, "%sthe kernel's reason is %s",
			  text.len ? "; " : "",
			  pair->route->reason_word[pair->dir]);
	if (outcome->note)
		text_addf(&text, "%s%s", text.len ? "; " : "", outcome->note);
	return text.len ? text_take(&text) : NULL;
}

static void print_checks(const struct pairs *pairs, const struct check *checks,
			 unsigned int width)
{
	char **remarks = xcalloc(pairs->n, sizeof(*remarks));
	bool wide = width >= WIDE;
	struct table table;
	size_t i;

	fill_table(&table, pairs, checks, wide, false);
	if (table_width(&table) > width) {
		table_free(&table);
		fill_table(&table, pairs, checks, false, true);
	}
	table_print(&table, 0, 0, 0);

	for (i = 0; i < pairs->n; i++)
		remarks[i] = remark_of(&checks[i]);
	pairs_print_remarks(pairs, remarks, width);
	for (i = 0; i < pairs->n; i++)
		free(remarks[i]);
	free(remarks);
}

static void print_sum(const struct check *checks, size_t n)
{
	size_t count[3] = {}, i;
	uint64_t moved = 0;

	for (i = 0; i < n; i++) {
		count[checks[i].result]++;
		moved += checks[i].outcome.moved;
	}
	printf("%zu as the kernel says, %zu not, %zu not tested; %s moved and compared\n",
	       count[RESULT_AS_SAID], count[RESULT_MISMATCH],
	       count[RESULT_NOT_TESTED], size_text(moved));
}

static void verify_json(const struct pairs *pairs, const struct check *checks,
			int status)
{
	struct json_object *out = json_begin("verify", pairs->m), *array, *item;
	size_t i;

	json_number(out, "size", pairs->size);
	json_number(out, "status", status);
	array = json_array_in(out, "results");
	for (i = 0; i < pairs->n; i++) {
		const struct outcome *outcome = &checks[i].outcome;

		item = json_item(array);
		json_pair(item, checks[i].pair);
		json_text(item, "measured", measured_name(outcome->measured));
		json_number(item, "moved", outcome->moved);
		json_number(item, "wrong", outcome->wrong);
		json_number(item, "changed", outcome->changed);
		json_text(item, "error",
			  outcome->error ? strerror(outcome->error) : NULL);
		if (checks[i].counts)
			json_number(item, "counted", checks[i].counted);
		else
			json_text(item, "counted", NULL);
		json_text(item, "note", outcome->note);
		json_text(item, "result", result_names[checks[i].result]);
	}
	json_end(out);
}

static int run(int argc, char **argv, struct options *options)
{
	int status = STATUS_OK;
	struct check *checks;
	struct pairs pairs;
	size_t i;

	pairs_find(argc, argv, &verify_command, options, &pairs);
	checks = xcalloc(pairs.n, sizeof(*checks));
	for (i = 0; i < pairs.n; i++) {
		progress("%zu of %zu: %s -> %s, %s", i + 1, pairs.n,
			 pairs.list[i].client->bdf,
			 pairs.list[i].provider->dev->bdf,
			 direction_name(pairs.list[i].dir));
		checks[i].pair = &pairs.list[i];
		run_check(&pairs, &checks[i]);
		if (checks[i].result == RESULT_NOT_TESTED && status == STATUS_OK)
			status = STATUS_FAILED;
		if (checks[i].result == RESULT_MISMATCH)
			status = STATUS_MISMATCH;
	}
	progress(NULL);
	if (!targets_put_back(&pairs.targets) && status == STATUS_OK)
		status = STATUS_FAILED;
	if (options->json) {
		verify_json(&pairs, checks, status);
	} else {
		print_checks(&pairs, checks, options->width);
		print_sum(checks, pairs.n);
	}
	for (i = 0; i < pairs.n; i++)
		free(checks[i].outcome.note);
	free(checks);
	pairs_close(&pairs);
	return status;
}

const struct command verify_command = {
	.name = "verify",
	.summary = "move data and compare: is it as the kernel says?",
	.help =
		"usage: p2pdma verify [CLIENT PROVIDER] [OPTION...]\n\n"
		"Without CLIENT and PROVIDER: all pairs whose client is a drive.\n\n"
		"  --file FILE         a file to make on a file system of the client's drive,\n"
		"                      for both directions; it must not exist, and is removed\n"
		"  --destructive DEV   the client's drive itself, which must not be in use; what\n"
		"                      is overwritten is put back, but may be lost\n"
		"  --direction D       write, read or both (default): of the peer memory\n"
		"  --size N            bytes each way, with K, M, G (default 8M)\n\n"
		"Writes of the peer memory only read the drive, and need neither --file nor\n"
		"--destructive.\n"
		"Exit status: 0 if all is as the kernel says, 1 if something is not, 2 if\n"
		"something could not be tested.\n",
	.run = run,
};
