// SPDX-License-Identifier: GPL-2.0
/* p2pdma check: do routes have what is required? For provisioning and monitoring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checklist.h"
#include "commands.h"
#include "decision.h"
#include "near.h"
#include "out.h"
#include "require.h"

#define RULES_MAX	(1024UL * 1024)

static struct {
	enum required required;
	bool given;		/* --require */
	const char *file;
} want;

enum { OPT_REQUIRE = 0x100, OPT_FILE };

static const struct option own_options[] = {
	{ "require", required_argument, NULL, OPT_REQUIRE },
	{ "file", required_argument, NULL, OPT_FILE },
	{}
};

static void take(int val, const char *arg)
{
	static const char * const words[] = { "bus", "host", "any" };
	char *hint;

	if (val == OPT_FILE) {
		want.file = arg;
		return;
	}
	want.given = true;
	if (!required_parse(arg, &want.required)) {
		hint = near_matches(arg, words, ARRAY_SIZE(words));
		die("--require '%s' is none of bus, host and any%s", arg, hint);
	}
}

/* One thing that is not as it is required. */
struct violation {
	const struct rule_line *rule;
	const struct dev *client, *provider;	/* NULL: @what says all */
	enum direction dir;
	const char *verdict, *reason;	/* words; NULL: not known */
	bool predicted;		/* it rests on a prediction */
	char *what;
};

struct checking {
	const struct machine *m;
	struct model *model;
	struct violation *list;
	size_t n;
	size_t n_unknown;	/* of these, those that could not be checked */
	size_t n_pairs;		/* that were looked at */
	size_t n_predicted;	/* of these, those whose verdict is a prediction */
};

static struct violation *add(struct checking *c, const struct rule_line *rule)
{
	c->list = xrealloc(c->list, c->n + 1, sizeof(*c->list));
	c->list[c->n] = (struct violation){ .rule = rule };
	return &c->list[c->n++];
}

/* Does @word mean this function: its group, or itself? */
static bool means(const struct dev *dev, const struct dev *named, enum group group)
{
	return named ? dev == named : !dev->is_bridge && group_of(dev) == group;
}

/*
 * What a word of a rule stands for: @named, or else a group. False if nothing is there. @bar
 * is NULL for a client, of which there are no BARs.
 */
static bool resolve(struct checking *c, const struct rule_line *rule, const char *word,
		    const struct dev **named, enum group *group, int *bar)
{
	size_t i;

	*named = NULL;
	if (bar)
		*bar = -1;
	*group = group_parse(word);
	if (*group != N_GROUPS) {
		for (i = 0; i < c->m->n_devs; i++)
			if (means(c->m->devs[i], NULL, *group))
				return true;
		add(c, rule)->what = xasprintf("there are no %s", word);
		return false;
	}
	*named = args_find(c->m, word, bar);
	if (*named)
		return true;
	/* a name of the command line is a mistake; a device of a file may have gone */
	if (!rule->line)
		args_dev(c->m, word, "device");
	make_plain((char *)word);
	add(c, rule)->what = xasprintf("there is no device '%s'", word);
	return false;
}

enum outcome {
	OUTCOME_VIOLATED,
	OUTCOME_UNKNOWN,
	OUTCOME_HOLDS,
};

static enum outcome check_pair(struct checking *c, const struct rule_line *rule,
			       const struct dev *client, struct provider *provider,
			       bool only_count)
{
	struct path *path = path_find(client, provider->dev);
	struct decision *decision = xcalloc(1, sizeof(*decision));
	enum outcome outcome = OUTCOME_HOLDS;
	struct violation *violation;
	enum direction dir;

	decision_make(c->m, c->model, path, provider, decision);
	c->n_pairs++;
	c->n_predicted += decision_is_predicted(c->m, decision);
	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		enum verdict verdict = decision_verdict(c->m, decision, dir);

		if (!rule->dir[dir] || required_holds(rule->required, verdict))
			continue;
		if (verdict != VERDICT_UNKNOWN)
			outcome = OUTCOME_VIOLATED;
		else if (outcome == OUTCOME_HOLDS)
			outcome = OUTCOME_UNKNOWN;
		if (only_count)
			continue;
		violation = add(c, rule);
		violation->client = client;
		violation->provider = provider->dev;
		violation->dir = dir;
		if (verdict == VERDICT_UNKNOWN)
			c->n_unknown++;
		else
			violation->verdict = verdict_name(verdict);
		violation->predicted = decision_is_predicted(c->m, decision);
		if (c->m->project && decision->known)
			violation->reason = reason_name(decision->route.reason[dir]);
	}
	decision_free(decision);
	free(decision);
	path_free(path);
	return outcome;
}

/* One client with all that the rule names as providers. */
static void check_client(struct checking *c, const struct rule_line *rule,
			 const struct dev *client, const struct dev *named,
			 enum group group, int bar)
{
	int nearest = -1, distance;
	enum outcome outcome, best = OUTCOME_VIOLATED;
	size_t i, pass, n_predicted = c->n_predicted;
	struct violation *violation;
	bool looked = false;
	struct path *path;

	/* first how near the nearest are */
	for (pass = !rule->nearest; pass < 2; pass++) {
		for (i = 0; i < c->m->n_devs; i++) {
			struct dev *dev = c->m->devs[i];
			struct provider provider;

			if (dev == client || !means(dev, named, group) ||
			    !dev_has_memory(dev))
				continue;
			if (rule->nearest) {
				path = path_find(client, dev);
				distance = path->distance + 1000 * path->two_hosts;
				path_free(path);
				if (!pass && (nearest < 0 || distance < nearest))
					nearest = distance;
				if (!pass || distance > nearest)
					continue;
			}
			provider = args_memory_of(c->m, dev, bar);
			looked = true;
			outcome = check_pair(c, rule, client, &provider, rule->nearest);
			if (outcome > best)
				best = outcome;
		}
	}
	if (!rule->nearest || !looked || best == OUTCOME_HOLDS)
		return;
	c->n_unknown += best == OUTCOME_UNKNOWN;
	violation = add(c, rule);
	violation->predicted = c->n_predicted > n_predicted;
	violation->what = xasprintf(best == OUTCOME_UNKNOWN ?
				    "whether %s reaches one of the nearest %s so is not known" :
				    "%s reaches none of the nearest %s so", client->bdf,
				    named ? named->bdf : group_word(group));
}

static void check_rule(struct checking *c, const struct rule_line *rule)
{
	const struct dev *client, *provider;
	enum group clients, providers;
	size_t i, n_before = c->n_pairs;
	char *wrong;
	int bar;

	if (!resolve(c, rule, rule->client, &client, &clients, NULL) ||
	    !resolve(c, rule, rule->provider, &provider, &providers, &bar))
		return;
	if (client && client->is_bridge) {
		add(c, rule)->what = xasprintf("%s is a bridge, which does no DMA of its own",
					       client->bdf);
		return;
	}
	wrong = provider ? args_no_memory(c->m, rule->provider, provider, bar) :
			   NULL;
	if (wrong) {
		make_plain(wrong);
		add(c, rule)->what = wrong;
		return;
	}
	if (client && client == provider) {
		add(c, rule)->what = xasprintf("%s is both client and provider",
					       client->bdf);
		return;
	}
	for (i = 0; i < c->m->n_devs; i++)
		if (means(c->m->devs[i], client, clients))
			check_client(c, rule, c->m->devs[i], provider, providers, bar);
	if (c->n_pairs == n_before)
		add(c, rule)->what = xasprintf("no pair of %s and %s is there", rule->client,
					       rule->provider);
}

static char *violation_text(const struct violation *v)
{
	struct text text = {};

	if (v->rule->line)
		text_addf(&text, "line %u: ", v->rule->line);
	if (v->what) {
		text_addf(&text, "%s%s; required: %s", v->what,
			  v->predicted ? PREDICTED : "", required_name(v->rule->required));
		return text_take(&text);
	}
	text_addf(&text, "%s -> %s, %s: %s", v->client->bdf, v->provider->bdf,
		  direction_name(v->dir), v->verdict ? v->verdict : "not known");
	if (v->reason)
		text_addf(&text, " (%s)", v->reason);
	text_addf(&text, "%s; required: %s", v->predicted ? PREDICTED : "",
		  required_name(v->rule->required));
	return text_take(&text);
}

static void json_check(const struct checking *c, size_t n_rules)
{
	struct json_object *out = json_begin("check", c->m), *array, *item;
	size_t i;

	json_number(out, "rules", n_rules);
	json_number(out, "pairs", c->n_pairs);
	json_flag(out, "predicted", c->n_predicted);
	json_text(out, "result", c->n > c->n_unknown ? "violated" :
		  c->n ? "unknown" : "ok");
	array = json_array_in(out, "violations");
	for (i = 0; i < c->n; i++) {
		const struct violation *v = &c->list[i];
		char *text = violation_text(v);

		item = json_item(array);
		if (v->rule->line)
			json_number(item, "line", v->rule->line);
		else
			json_text(item, "line", NULL);
		json_text(item, "client", v->client ? v->client->bdf : NULL);
		json_text(item, "provider", v->provider ? v->provider->bdf : NULL);
		json_text(item, "direction", v->client ? direction_name(v->dir) : NULL);
		json_text(item, "required", required_name(v->rule->required));
		json_text(item, "verdict", v->verdict);
		json_text(item, "reason", v->reason);
		json_flag(item, "predicted", v->predicted);
		json_text(item, "text", text);
		free(text);
	}
	json_end(out);
}

static char *read_rules(const char *path)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = xcalloc(1, RULES_MAX + 1);
	size_t len;

	if (!file)
		die("--file %s: %s", path, strerror(errno));
	len = fread(text, 1, RULES_MAX + 1, file);
	if (ferror(file) || len > RULES_MAX)
		die("--file %s: %s", path, len > RULES_MAX ? "it is too long" :
		    strerror(errno));
	if (strlen(text) != len)
		die("--file %s: it is not text", path);
	if (file != stdin)
		fclose(file);
	return text;
}

static int run(int argc, char **argv, struct options *options)
{
	struct rule_lines rules = {};
	struct checking c = {};
	struct machine *m;
	char *text;
	int status;
	size_t i;

	args_parse(argc, argv, &check_command, own_options, take, options);
	if (want.file && optind < argc)
		die("--file has the pairs; none can be given beside it");
	if (want.file) {
		text = read_rules(want.file);
		rule_lines_parse(text, want.required, &rules);
		free(text);
		if (rules.error)
			die("--file %s: %s", want.file, rules.error);
		if (!rules.n)
			die("--file %s: it has no rules", want.file);
	}
	for (; optind < argc; optind++)
		if (!rule_lines_add(&rules, argv[optind], want.required))
			die("'%s' is not a pair: CLIENT,PROVIDER", argv[optind]);
	if (!rules.n && want.given)
		die("--require is for pairs: CLIENT,PROVIDER, or --file RULES");
	m = machine_load(options->pci_ids);
	c.m = m;
	c.model = model_load(m, NULL);
	if (!rules.n) {
		status = checklist(m, c.model, options->json, options->width);
		model_free(c.model);
		machine_free(m);
		return status;
	}
	for (i = 0; i < rules.n; i++)
		check_rule(&c, &rules.list[i]);
	if (options->json) {
		json_check(&c, rules.n);
	} else {
		for (i = 0; i < c.n; i++) {
			text = violation_text(&c.list[i]);
			printf("%s\n", text);
			free(text);
		}
		if (!c.n)
			printf("%s, %s: all as required%s\n", count_text(rules.n, "rule"),
			       count_text(c.n_pairs, "pair"),
			       c.n_predicted ? PREDICTED : "");
	}
	status = c.n > c.n_unknown ? STATUS_MISMATCH : c.n ? STATUS_FAILED : STATUS_OK;
	for (i = 0; i < c.n; i++)
		free(c.list[i].what);
	free(c.list);
	rule_lines_free(&rules);
	model_free(c.model);
	machine_free(m);
	return status;
}

const struct command check_command = {
	.name = "check",
	.summary = "do routes have what is required? Without pairs: a checklist",
	.help =
		"usage: p2pdma check [--require bus|host|any] [CLIENT,PROVIDER...]\n"
		"       p2pdma check [--require bus|host|any] --file RULES\n\n"
		"One line for each thing that is not as required. The exit status is 0 if all is,\n"
		"1 if not, and 2 if something could not be checked. Without pairs: a checklist of\n"
		"the machine, with 1 if something on it stands in the way, and else 2 if\n"
		"something is not known.\n\n"
		"  --require R   bus (directly), host (through the host bridge) or any (default)\n"
		"  --file RULES  a rule a line (- is standard input; # begins a comment):\n"
		"                CLIENT PROVIDER [bus|host|any] [read|write] [nearest]\n\n"
		"A device may be gpus, accelerators, nics, drives or dma: all of these. With\n"
		"nearest it is enough that one of the nearest providers does.\n",
	.run = run,
};
