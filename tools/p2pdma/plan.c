// SPDX-License-Identifier: GPL-2.0
/* p2pdma plan: one set of options that makes a set of pairs direct, and what it costs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "commands.h"
#include "decision.h"
#include "out.h"
#include "remedy.h"
#include "require.h"

#define MAX_SHOWN	12	/* pairs that change; --json has all */

/* The verdicts of a pair; that of another kernel is one for both directions. */
struct verdicts {
	enum verdict dir[N_DIRECTIONS];
};

struct wanted {
	const struct dev *client;
	struct dev *provider;
	int bar;
	struct verdicts before, after;
};

struct change_of {
	const struct dev *client, *provider;
	struct verdicts before, after;
};

struct plan {
	struct machine *m;
	struct model *model;
	struct wanted *wanted;
	size_t n_wanted;
	struct setting {
		struct dev *dev;
		unsigned int now;	/* ACS Control with the change at once */
		unsigned int old;
	} *settings;
	size_t n_settings;
	char *parameter, *command, *warning;
	char *paths;		/* @parameter with paths in place of bus numbers; or NULL */
	struct change_of *changes;
	size_t n_changes;
	size_t n_refused;	/* of these, pairs that are refused afterwards */
};

/*
 * Pairs
 */

static void add_wanted(struct plan *plan, const struct dev *client, struct dev *provider,
		       int bar)
{
	size_t i;

	for (i = 0; i < plan->n_wanted; i++)
		if (plan->wanted[i].client == client &&
		    plan->wanted[i].provider == provider && plan->wanted[i].bar == bar)
			return;
	plan->wanted = xrealloc(plan->wanted, plan->n_wanted + 1, sizeof(*plan->wanted));
	plan->wanted[plan->n_wanted++] = (struct wanted){ client, provider, bar, {}, {} };
}

/*
 * The function that a word of a pair names; NULL for a group. Dies if it is none. @bar is
 * NULL for a client.
 */
static struct dev *named(const struct plan *plan, const char *word, int *bar)
{
	struct dev *dev;

	if (bar)
		*bar = -1;
	if (group_parse(word) != N_GROUPS)
		return NULL;
	dev = args_find(plan->m, word, bar);
	return dev ? dev : args_dev(plan->m, word, "device");
}

static void add_pair(struct plan *plan, const char *client, const char *provider)
{
	struct dev *c, *p;
	size_t i, j, n = plan->n_wanted;
	char *wrong;
	int bar;

	c = named(plan, client, NULL);
	p = named(plan, provider, &bar);
	if (c && c->is_bridge)
		die("%s is a bridge, which does no DMA of its own", c->bdf);
	wrong = p ? args_no_memory(plan->m, provider, p, bar) : NULL;
	if (wrong)
		die("%s", wrong);
	for (i = 0; i < plan->m->n_devs; i++) {
		struct dev *client_dev = plan->m->devs[i];

		if (c ? client_dev != c : client_dev->is_bridge ||
		    group_of(client_dev) != group_parse(client))
			continue;
		for (j = 0; j < plan->m->n_devs; j++) {
			struct dev *dev = plan->m->devs[j];

			if (i == j || (p ? dev != p : dev->is_bridge ||
				       group_of(dev) != group_parse(provider)) ||
			    !dev_has_memory(dev))
				continue;
			add_wanted(plan, client_dev, dev, bar);
		}
	}
	if (plan->n_wanted == n && (!c || !p))
		die("'%s,%s' stands for no pair", client, provider);
}

/*
 * Verdicts
 */

/* By prediction, so that before and after are worked out alike. */
static struct verdicts verdicts_of(const struct plan *plan, const struct dev *client,
				   const struct dev *provider, int bar)
{
	struct verdicts verdicts = { { VERDICT_UNKNOWN, VERDICT_UNKNOWN } };
	const struct dev *unread;
	struct stock stock;
	struct route route;
	struct path *path;

	if (plan->m->project) {
		if (model_route(plan->model, client, provider, bar, &route, &unread))
			memcpy(verdicts.dir, route.verdict, sizeof(verdicts.dir));
		return verdicts;
	}
	path = path_find(client, provider);
	stock_decide(plan->m, plan->model, path, &stock);
	if (stock.made)
		verdicts = (struct verdicts){ { stock.verdict, stock.verdict } };
	stock_free(&stock);
	path_free(path);
	return verdicts;
}

static bool same(const struct verdicts *one, const struct verdicts *other)
{
	return one->dir[DIR_WRITE] == other->dir[DIR_WRITE] &&
	       one->dir[DIR_READ] == other->dir[DIR_READ];
}

static bool is_direct(const struct verdicts *verdicts)
{
	return verdicts->dir[DIR_WRITE] == VERDICT_BUS_ADDRESS &&
	       verdicts->dir[DIR_READ] == VERDICT_BUS_ADDRESS;
}

/*
 * ACS
 */

static void clear(struct plan *plan, const struct dev *dev, unsigned int bits)
{
	struct dev *at = machine_dev(plan->m, &dev->address);
	size_t i;

	if (!(dev->acs.ctrl & bits))
		return;
	for (i = 0; i < plan->n_settings; i++)
		if (plan->settings[i].dev == at)
			break;
	if (i == plan->n_settings) {
		plan->settings = xrealloc(plan->settings, i + 1, sizeof(*plan->settings));
		plan->settings[plan->n_settings++] = (struct setting){
			at, at->acs.ctrl & ACS_ALL, at->acs.ctrl,
		};
	}
	plan->settings[i].now &= ~bits;
}

/* What stands in the way of one pair: the bits that count, and no others. */
static void clear_for(struct plan *plan, const struct wanted *wanted)
{
	struct path *path = path_find(wanted->client, wanted->provider);
	struct stock stock;
	size_t i;

	if (!plan->m->project) {
		stock_decide(plan->m, plan->model, path, &stock);
		for (i = 0; i < stock.n_redirectors; i++)
			clear(plan, stock.redirectors[i], ACS_REDIR);
		stock_free(&stock);
	} else if (path->in_switch) {
		if (path->request != REQUEST_ACROSS)
			clear(plan, path->client_side, ACS_RR | ACS_EC);
		clear(plan, path->provider_side, ACS_CR);
	} else {
		for (i = 0; i < path->n_redirectors; i++)
			clear(plan, path->redirectors[i], ACS_REDIR | ACS_UF);
	}
	path_free(path);
}

/* As for one pair (rules_acs.c): new entries come before those that are there. */
static void make_options(struct plan *plan)
{
	enum acs_options options = acs_options(plan->m->release);
	bool flags = options >= ACS_OPTIONS_FAULTY;
	const char *option = flags ? "config_acs" : "disable_acs_redir";
	char *old = acs_list(plan->m->cmdline, option), word[8];
	struct text list = {}, command = {};
	size_t i;

	for (i = 0; i < plan->n_settings; i++) {
		const struct setting *set = &plan->settings[i];
		unsigned int mask = (set->now ^ set->old) & ACS_ALL;

		acs_flags(set->dev, set->now, word);
		text_addf(&list, "%s%s%s%s", i ? ";" : "", flags ? word : "",
			  flags ? "@" : "", set->dev->bdf);
		text_addf(&command, "%ssetpci -s %s ECAP_ACS+6.w=%x:%x", i ? "; " : "",
			  set->dev->bdf, set->now & mask, mask);
	}
	if (old && *old)
		text_addf(&list, ";%s", old);
	free(old);
	plan->command = text_take(&command);
	if (options == ACS_OPTIONS_NONE) {
		plan->warning = xstrdup("this kernel has no boot option for ACS");
		text_free(&list);
		return;
	}
	plan->parameter = xasprintf("pci=%s=%s", option, text_str(&list));
	plan->paths = with_paths(plan->m, plan->parameter);
	text_free(&list);
	plan->warning = acs_faults(plan->m->release, !flags);
}

/* ACS as it is after the change, where everything looks at it; or as it was. */
static void apply(struct plan *plan, bool after)
{
	char *value = plan->parameter ? strchr(plan->parameter + 4, '=') + 1 : NULL;
	bool flags = acs_options(plan->m->release) >= ACS_OPTIONS_FAULTY;
	unsigned int *ctrl = xcalloc(plan->n_settings, sizeof(*ctrl));
	size_t i;

	for (i = 0; i < plan->n_settings; i++) {
		const struct setting *set = &plan->settings[i];

		ctrl[i] = set->old;
		if (after)
			ctrl[i] = !value ? set->now :
				acs_at_boot(plan->m, set->dev, flags ? NULL : value,
					    flags ? value : NULL);
	}
	for (i = 0; i < plan->n_settings; i++) {
		plan->settings[i].dev->acs.ctrl = ctrl[i];
		model_set_acs(plan->model, plan->settings[i].dev, ctrl[i]);
	}
	free(ctrl);
}

static bool is_wanted(const struct plan *plan, const struct dev *client,
		      const struct dev *provider)
{
	size_t i;

	for (i = 0; i < plan->n_wanted; i++)
		if (plan->wanted[i].client == client && plan->wanted[i].provider == provider)
			return true;
	return false;
}

static bool matters(const struct dev *dev)
{
	return dev_is_client(dev) || group_of(dev) < GROUP_MANAGEMENT;
}

static void look_at_others(struct plan *plan, bool after)
{
	size_t i, j, at = 0;

	for (i = 0; i < plan->m->n_devs; i++)
		for (j = 0; matters(plan->m->devs[i]) && j < plan->m->n_devs; j++) {
			struct dev *c = plan->m->devs[i], *p = plan->m->devs[j];
			struct change_of *change;

			if (i == j || !matters(p) || !dev_has_memory(p) ||
			    is_wanted(plan, c, p))
				continue;
			if (after) {
				change = &plan->changes[at++];
				change->after = verdicts_of(plan, c, p, -1);
				continue;
			}
			plan->changes = xrealloc(plan->changes, plan->n_changes + 1,
						 sizeof(*plan->changes));
			plan->changes[plan->n_changes++] = (struct change_of){
				.client = c, .provider = p,
				.before = verdicts_of(plan, c, p, -1),
			};
		}
}

static void keep_changes(struct plan *plan)
{
	size_t i, n = 0;
	enum direction dir;

	for (i = 0; i < plan->n_changes; i++) {
		const struct change_of *change = &plan->changes[i];
		bool refused = false;

		if (same(&change->before, &change->after))
			continue;
		for (dir = 0; dir < N_DIRECTIONS; dir++)
			refused |= change->before.dir[dir] != VERDICT_NOT_SUPPORTED &&
				   change->after.dir[dir] == VERDICT_NOT_SUPPORTED;
		plan->n_refused += refused;
		plan->changes[n++] = *change;
	}
	plan->n_changes = n;
}

static void work_out(struct plan *plan)
{
	struct wanted *wanted;
	size_t i;

	for (i = 0; i < plan->n_wanted; i++) {
		wanted = &plan->wanted[i];
		wanted->before = verdicts_of(plan, wanted->client, wanted->provider,
					     wanted->bar);
		if (!is_direct(&wanted->before))
			clear_for(plan, wanted);
	}
	if (plan->n_settings)
		make_options(plan);
	look_at_others(plan, false);
	apply(plan, true);
	for (i = 0; i < plan->n_wanted; i++) {
		wanted = &plan->wanted[i];
		wanted->after = verdicts_of(plan, wanted->client, wanted->provider,
					    wanted->bar);
	}
	look_at_others(plan, true);
	apply(plan, false);
	keep_changes(plan);
}

/*
 * Output
 */

/* "bus", "bus/no"; static, of two buffers in turn. */
static const char *verdicts_text(const struct verdicts *verdicts)
{
	static char bufs[2][16];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];
	enum verdict w = verdicts->dir[DIR_WRITE], r = verdicts->dir[DIR_READ];

	snprintf(buf, sizeof(bufs[0]), w == r ? "%s" : "%s/%s", verdict_short(w),
		 verdict_short(r));
	return buf;
}

static void print_pair(const struct machine *m, const struct dev *client,
		       const struct dev *provider, const struct verdicts *before,
		       const struct verdicts *after)
{
	printf("  %s -> %s  %s", dev_short(m, client), dev_short(m, provider),
	       verdicts_text(before));
	if (before->dir[DIR_WRITE] == VERDICT_UNKNOWN)
		printf("\n");
	else if (same(before, after))
		printf(", as now%s\n", PREDICTED);
	else
		printf(" becomes %s%s\n", verdicts_text(after), PREDICTED);
}

static void print_plan(const struct plan *plan, unsigned int width)
{
	const struct machine *m = plan->m;
	size_t i, missing = 0, unknown = 0;

	printf("%s%s\n", count_text(plan->n_wanted, "pair"), m->project ? "" :
	       ", by the rules of Linux 6.12");
	for (i = 0; i < plan->n_wanted; i++) {
		const struct wanted *wanted = &plan->wanted[i];

		print_pair(m, wanted->client, wanted->provider, &wanted->before,
			   &wanted->after);
		missing += !is_direct(&wanted->after);
		unknown += wanted->after.dir[DIR_WRITE] == VERDICT_UNKNOWN;
	}
	if (!plan->n_settings) {
		printf("\nNo change of ACS makes more of them direct.\n");
	} else {
		if (plan->parameter)
			printf("\nboot:   %s%s%s\n", style_on(STYLE_HEAD), plan->parameter,
			       style_off(STYLE_HEAD));
		if (plan->paths)
			printf("or:     %s\n", plan->paths);
		printf("%snow:    %s\n", plan->parameter ? "" : "\n", plan->command);
		printf("costs:  ");
		out_paragraph("isolation: these devices reach each other without the IOMMU, and share IOMMU groups after a boot with the option. Use setpci for tests only: IOMMU groups do not follow it, and promise an isolation that is not there",
			      8, 8, width);
		if (plan->warning) {
			printf("beware: ");
			out_paragraph(plan->warning, 8, 8, width);
		}
		if (plan->parameter && strchr(plan->parameter, ';'))
			printf("In a boot loader's file, quote the semicolon.\n");
		if (plan->paths)
			out_paragraph(PATHS_TEXT, 0, 0, width);
		if (plan->n_changes)
			printf("\n%s not asked for change%s, %zu of them to a refusal\n",
			       count_text(plan->n_changes, "pair"),
			       plan->n_changes == 1 ? "s" : "", plan->n_refused);
		else
			printf("\nNo other pair changes.\n");
		for (i = 0; i < plan->n_changes && i < MAX_SHOWN; i++)
			print_pair(m, plan->changes[i].client, plan->changes[i].provider,
				   &plan->changes[i].before, &plan->changes[i].after);
		if (plan->n_changes > MAX_SHOWN)
			printf("  and %zu more: --json has all\n",
			       plan->n_changes - MAX_SHOWN);
	}
	if (missing) {
		char *text = xasprintf("%s not direct with it%s; p2pdma route CLIENT PROVIDER says why, and what else can be done",
				       missing == 1 ? "1 pair is" :
				       count_text(missing, "pair"),
				       unknown ? " as far as can be seen" : "");

		putchar('\n');
		out_paragraph(text, 0, 0, width);
		free(text);
	}
	out_unseen(m, width);
}

static void json_verdicts(struct json_object *object, const char *name,
			  const struct verdicts *verdicts)
{
	struct json_object *member = json_object_in(object, name);
	enum direction dir;

	for (dir = 0; dir < N_DIRECTIONS; dir++)
		json_text(member, direction_name(dir), verdict_name(verdicts->dir[dir]));
}

static void json_pair_of(struct json_object *array, const struct dev *client,
			 const struct dev *provider, const struct verdicts *before,
			 const struct verdicts *after)
{
	struct json_object *item = json_item(array);

	json_text(item, "client", client->bdf);
	json_text(item, "provider", provider->bdf);
	json_verdicts(item, "before", before);
	json_verdicts(item, "after", after);
}

static void json_plan(const struct plan *plan)
{
	struct json_object *out = json_begin("plan", plan->m), *array;
	size_t i;

	array = json_array_in(out, "pairs");
	for (i = 0; i < plan->n_wanted; i++)
		json_pair_of(array, plan->wanted[i].client, plan->wanted[i].provider,
			     &plan->wanted[i].before, &plan->wanted[i].after);
	json_flag(out, "predicted", true);
	json_text(out, "parameter", plan->parameter);
	json_text(out, "parameter_paths", plan->paths);
	json_text(out, "command_now", plan->command);
	json_text(out, "warning", plan->warning);
	array = json_array_in(out, "changes");
	for (i = 0; i < plan->n_changes; i++)
		json_pair_of(array, plan->changes[i].client, plan->changes[i].provider,
			     &plan->changes[i].before, &plan->changes[i].after);
	json_end(out);
}

static int run(int argc, char **argv, struct options *options)
{
	struct rule_lines lines = {};
	struct plan plan = {};
	int status = STATUS_OK;
	size_t i;

	args_parse(argc, argv, &plan_command, NULL, NULL, options);
	args_count(argc, 1, 10000, "p2pdma plan CLIENT,PROVIDER...");
	for (; optind < argc; optind++)
		if (!rule_lines_add(&lines, argv[optind], REQUIRED_BUS))
			die("'%s' is not a pair: CLIENT,PROVIDER", argv[optind]);
	plan.m = machine_load(options->pci_ids);
	plan.model = model_load(plan.m, NULL);
	for (i = 0; i < lines.n; i++)
		add_pair(&plan, lines.list[i].client, lines.list[i].provider);
	rule_lines_free(&lines);
	if (!plan.n_wanted)
		die("a device reaches its own memory; name two");
	work_out(&plan);
	if (options->json)
		json_plan(&plan);
	else
		print_plan(&plan, options->width);
	for (i = 0; i < plan.n_wanted; i++)
		if (!is_direct(&plan.wanted[i].after))
			status = STATUS_MISMATCH;
	free(plan.wanted);
	free(plan.settings);
	free(plan.parameter);
	free(plan.paths);
	free(plan.command);
	free(plan.warning);
	free(plan.changes);
	model_free(plan.model);
	machine_free(plan.m);
	return status;
}

const struct command plan_command = {
	.name = "plan",
	.summary = "one set of boot options for many pairs, and what it costs",
	.help =
		"usage: p2pdma plan CLIENT,PROVIDER...\n\n"
		"The options that make all these pairs direct as far as ACS keeps them from it,\n"
		"with the verdicts before and after, which are predicted, and the other pairs that\n"
		"change. Nothing is changed. A device may be gpus, accelerators, nics, drives or dma: all of these.\n"
		"The exit status is 0 if all pairs are direct then, else 1.\n",
	.run = run,
};
