// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma plan: one set of options that makes a set of pairs direct, and what it costs. What can
 * be done for a pair the rules say (rules.h); each remedy is chosen for the machine as it is
 * with those that were chosen before, so that none fights another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "commands.h"
#include "decision.h"
#include "notes.h"
#include "out.h"
#include "remedy.h"
#include "require.h"
#include "rules_acs.h"

#define MAX_SHOWN	12	/* pairs that change; --json has all */
#define MAX_ROUNDS	16	/* a remedy of a pair may uncover another obstacle */

/* The verdicts of a pair; that of another kernel is one for both directions. */
struct verdicts {
	enum verdict dir[N_DIRECTIONS];
};

struct wanted {
	const struct dev *client;
	struct dev *provider;
	int bar;
	struct verdicts before, after;
	const struct dev *crosses;	/* requests that are translated, there */
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
	struct words options;	/* others than ACS and the policy, "pci=noats" */
	struct words costs;	/* of what was chosen, each once */
	char *policy;		/* the active one as it is now; the machine has the one to be */
	bool *translated;	/* of each function, as it is now */
	bool sets_policy, no_ats, payload, passthrough;
	char *acs;		/* the value of pci=config_acs= or disable_acs_redir=; or NULL */
	char *parameter, *remove, *command, *warning;
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
	plan->wanted[plan->n_wanted++] = (struct wanted){
		.client = client, .provider = provider, .bar = bar,
	};
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

/* False if these bits are clear already. */
static bool clear(struct plan *plan, const struct dev *dev, unsigned int bits)
{
	struct dev *at = machine_dev(plan->m, &dev->address);
	size_t i;

	if (!(dev->acs.ctrl & bits))
		return false;
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
	return true;
}

/* What stands in the way of one pair: the bits that count, and no others. False if none does. */
static bool clear_for(struct plan *plan, const struct wanted *wanted)
{
	struct path *path = path_find(wanted->client, wanted->provider);
	struct stock stock;
	bool cleared = false;
	size_t i;

	if (!plan->m->project) {
		stock_decide(plan->m, plan->model, path, &stock);
		for (i = 0; i < stock.n_redirectors; i++)
			cleared |= clear(plan, stock.redirectors[i], ACS_REDIR);
		stock_free(&stock);
	} else if (path->in_switch) {
		if (path->request != REQUEST_ACROSS)
			cleared |= clear(plan, path->client_side, ACS_RR | ACS_EC);
		cleared |= clear(plan, path->provider_side, ACS_CR);
	} else {
		for (i = 0; i < path->n_redirectors; i++)
			cleared |= clear(plan, path->redirectors[i], ACS_REDIR | ACS_UF);
	}
	path_free(path);
	return cleared;
}

/* Have everything look at ACS Control as it is with @ctrl, one for each setting. */
static void set_acs(struct plan *plan, const unsigned int *ctrl)
{
	size_t i;

	for (i = 0; i < plan->n_settings; i++) {
		plan->settings[i].dev->acs.ctrl = ctrl[i];
		model_set_acs(plan->model, plan->settings[i].dev, ctrl[i]);
	}
}

static void set_acs_now(struct plan *plan)
{
	unsigned int *ctrl = xcalloc(plan->n_settings, sizeof(*ctrl));
	size_t i;

	for (i = 0; i < plan->n_settings; i++)
		ctrl[i] = plan->settings[i].now;
	set_acs(plan, ctrl);
	free(ctrl);
}

static void set_acs_old(struct plan *plan)
{
	unsigned int *ctrl = xcalloc(plan->n_settings, sizeof(*ctrl));
	size_t i;

	for (i = 0; i < plan->n_settings; i++)
		ctrl[i] = plan->settings[i].old;
	set_acs(plan, ctrl);
	free(ctrl);
}

static void set_acs_at_boot(struct plan *plan)
{
	bool flags = acs_options(plan->m->release) >= ACS_OPTIONS_FAULTY;
	unsigned int *ctrl = xcalloc(plan->n_settings, sizeof(*ctrl));
	size_t i;

	/* a release without the option: by the commands */
	for (i = 0; i < plan->n_settings; i++)
		ctrl[i] = !plan->acs ? plan->settings[i].now :
			acs_at_boot(plan->m, plan->settings[i].dev,
				    flags ? NULL : plan->acs, flags ? plan->acs : NULL);
	set_acs(plan, ctrl);
	free(ctrl);
}

/*
 * Other options. What there is to be done the rules say (rules.h); here is what the options
 * change of the machine, so that all pairs can be decided as with them.
 */

static void set_passthrough(struct plan *plan, bool on)
{
	size_t i;

	for (i = 0; i < plan->m->n_devs; i++)
		plan->m->devs[i]->translated = !on && plan->translated[i];
}

/* The model anew, with the policy that the machine has now and the options so far. */
static void renew_model(struct plan *plan)
{
	model_free(plan->model);
	plan->model = model_load(plan->m, NULL);
	if (plan->no_ats)
		model_set_no_ats(plan->model);
	if (plan->payload)
		model_set_payload(plan->model);
}

static void add_cost(struct plan *plan, const char *option, const char *cost)
{
	char *text = xasprintf("%s%s%s", option, *option ? ": " : "", cost);
	size_t i;

	for (i = 0; i < plan->costs.n; i++)
		if (!strcmp(plan->costs.words[i], text))
			break;
	if (i == plan->costs.n)
		words_add(&plan->costs, text);
	else
		free(text);
}

static bool take_option(struct plan *plan, const struct remedy *remedy)
{
	const struct {
		const char *parameter;
		bool *flag;
	} known[] = {
		{ "pci=noats", &plan->no_ats },
		{ "pci=pcie_bus_peer2peer", &plan->payload },
		{ "iommu.passthrough=1", &plan->passthrough },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(remedy->parameter, known[i].parameter))
			break;
	if (i == ARRAY_SIZE(known) || *known[i].flag || remedy->remove)
		return false;
	*known[i].flag = true;
	words_add(&plan->options, xstrdup(remedy->parameter));
	set_passthrough(plan, plan->passthrough);
	return true;
}

/* Add a remedy to the plan; false if it is none of those here, or changes nothing. */
static bool take(struct plan *plan, const struct wanted *wanted,
		 const struct remedy *remedy)
{
	const char *option = remedy->parameter;

	if (remedy->sets_acs) {
		if (!clear_for(plan, wanted))
			return false;
		set_acs_now(plan);
		add_cost(plan, "", NO_ACS_COST);
		return true;
	}
	if (remedy->policy) {
		if (plan->m->policy && !strcmp(remedy->policy, plan->m->policy))
			return false;
		free(plan->m->policy);
		plan->m->policy = xstrdup(remedy->policy);
		plan->sets_policy = true;
		option = remedy->what;
	} else if (!remedy->parameter || !take_option(plan, remedy)) {
		return false;
	}
	renew_model(plan);
	set_acs_now(plan);
	if (remedy->cost)
		add_cost(plan, option, remedy->cost);
	return true;
}

/* Is it of use in each direction that is not direct? */
static bool helps_all(const struct remedy *remedy, const struct route *route)
{
	enum direction dir;

	for (dir = 0; dir < N_DIRECTIONS; dir++)
		if (route->verdict[dir] != VERDICT_BUS_ADDRESS &&
		    remedy->effect[dir] == EFFECT_NONE)
			return false;
	return true;
}

/* Take the safest remedy of a pair that is not direct as things are now. */
static bool improve(struct plan *plan, const struct wanted *wanted)
{
	struct provider provider = args_memory_of(plan->m, wanted->provider, wanted->bar);
	struct remedies remedies;
	const struct dev *unread;
	bool grown = false;
	struct route route;
	struct path *path;
	unsigned int pass;
	size_t i;

	if (!model_route(plan->model, wanted->client, wanted->provider, wanted->bar, &route,
			 &unread) ||
	    (route.verdict[DIR_WRITE] == VERDICT_BUS_ADDRESS &&
	     route.verdict[DIR_READ] == VERDICT_BUS_ADDRESS))
		return false;
	path = path_find(wanted->client, wanted->provider);
	remedies_find(plan->m, &provider, path, &route, &remedies);
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < remedies.n && !grown; i++)
			if (pass || helps_all(&remedies.list[i], &route))
				grown = take(plan, wanted, &remedies.list[i]);
	remedies_free(&remedies);
	path_free(path);
	return grown;
}

static void choose(struct plan *plan)
{
	unsigned int round;
	bool grown = true;
	size_t i;

	for (round = 0; grown && round < MAX_ROUNDS; round++) {
		grown = false;
		for (i = 0; i < plan->n_wanted; i++) {
			if (plan->m->project) {
				grown |= improve(plan, &plan->wanted[i]);
			} else if (!is_direct(&plan->wanted[i].before) &&
				   clear_for(plan, &plan->wanted[i])) {
				add_cost(plan, "", NO_ACS_COST);
			}
		}
	}
}

/* As for one pair (rules_acs.c): new entries come before those that are there. */
static void make_acs(struct plan *plan, struct text *pci, struct text *command)
{
	enum acs_options options = acs_options(plan->m->release);
	bool flags = options >= ACS_OPTIONS_FAULTY;
	const char *option = flags ? "config_acs" : "disable_acs_redir";
	char *old = acs_list(plan->m->cmdline, option), word[8];
	struct text list = {};
	size_t i;

	for (i = 0; i < plan->n_settings; i++) {
		const struct setting *set = &plan->settings[i];
		unsigned int mask = (set->now ^ set->old) & ACS_ALL;

		acs_flags(set->dev, set->now, word);
		text_addf(&list, "%s%s%s%s", i ? ";" : "", flags ? word : "",
			  flags ? "@" : "", set->dev->bdf);
		text_addf(command, "%ssetpci -s %s ECAP_ACS+6.w=%x:%x", i ? "; " : "",
			  set->dev->bdf, set->now & mask, mask);
	}
	if (old && *old)
		text_addf(&list, ";%s", old);
	free(old);
	if (options == ACS_OPTIONS_NONE) {
		plan->warning = xstrdup("this kernel has no boot option for ACS");
		text_free(&list);
		return;
	}
	plan->acs = text_take(&list);
	/* what follows a comma is another option */
	text_addf(pci, "%s%s=%s", pci->len ? "," : "", option, plan->acs);
	plan->warning = acs_faults(plan->m->release, !flags);
}

/* All in one; the policy is written out, and replaces what the command line has of it. */
static void make_options(struct plan *plan)
{
	struct text pci = {}, whole = {}, command = {};
	struct boot_policy boot;
	bool booted = false;
	size_t i;

	for (i = 0; i < plan->options.n; i++) {
		const char *option = plan->options.words[i];

		booted = true;
		if (strncmp(option, "pci=", 4))
			text_addf(&whole, " %s", option);
		else
			text_addf(&pci, "%s%s", pci.len ? "," : "", option + 4);
	}
	if (plan->n_settings)
		make_acs(plan, &pci, &command);
	if (plan->sets_policy) {
		policy_at_boot(plan->m->cmdline, plan->m, &boot);
		if (boot.words.n)
			plan->remove = words_joined(&boot.words, " ");
		policy_at_boot_free(&boot);
		text_addf(&whole, " p2pdma=%s", plan->m->policy);
		text_addf(&command, "%sp2pdma policy set '%s'", command.len ? "; " : "",
			  plan->m->policy);
	}
	if (pci.len || whole.len) {
		plan->parameter = xasprintf("%s%s%s", pci.len ? "pci=" : "", text_str(&pci),
					    text_str(&whole) + (pci.len || !whole.len ? 0 : 1));
		plan->paths = with_paths(plan->m, plan->parameter);
	}
	if (command.len)
		plan->command = text_take(&command);
	if (booted && plan->command) {
		char *left = words_joined(&plan->options, " ");
		char *more = xasprintf("%s%sthe commands do not stand for all of it: a boot is needed for %s",
				       plan->warning ? plan->warning : "",
				       plan->warning ? "; " : "", left);

		free(left);
		free(plan->warning);
		plan->warning = more;
	}
	text_free(&pci);
	text_free(&whole);
	text_free(&command);
}

/* The machine as it is, after all has been worked out. */
static void restore(struct plan *plan)
{
	set_acs_old(plan);
	set_passthrough(plan, false);
	free(plan->m->policy);
	plan->m->policy = plan->policy;
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

/* Does a pair that is not direct have a direct way for translated requests already? */
static void find_crossing(struct wanted *wanted)
{
	struct path *path = path_find(wanted->client, wanted->provider);

	wanted->crosses = translated_crosses(path);
	path_free(path);
}

static void work_out(struct plan *plan)
{
	struct wanted *wanted;
	size_t i;

	plan->policy = plan->m->policy ? xstrdup(plan->m->policy) : NULL;
	plan->translated = xcalloc(plan->m->n_devs, sizeof(*plan->translated));
	for (i = 0; i < plan->m->n_devs; i++)
		plan->translated[i] = plan->m->devs[i]->translated;
	for (i = 0; i < plan->n_wanted; i++) {
		wanted = &plan->wanted[i];
		wanted->before = verdicts_of(plan, wanted->client, wanted->provider,
					     wanted->bar);
		find_crossing(wanted);
	}
	look_at_others(plan, false);
	choose(plan);
	/* the options are written for ACS as it is now */
	set_acs_old(plan);
	make_options(plan);
	set_acs_at_boot(plan);
	for (i = 0; i < plan->n_wanted; i++) {
		wanted = &plan->wanted[i];
		wanted->after = verdicts_of(plan, wanted->client, wanted->provider,
					    wanted->bar);
	}
	look_at_others(plan, true);
	restore(plan);
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

static void print_crossing(const struct wanted *wanted, const struct machine *m,
			   unsigned int width)
{
	char *text = xasprintf("requests that %s has translated itself cross at %s as it is: the pair may be fast, and need no change",
			       dev_short(m, wanted->client),
			       dev_short(m, wanted->crosses));

	printf("    ");
	out_paragraph(text, 4, 4, width);
	free(text);
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
		if (wanted->crosses)
			print_crossing(wanted, m, width);
		missing += !is_direct(&wanted->after);
		unknown += wanted->after.dir[DIR_WRITE] == VERDICT_UNKNOWN;
	}
	if (!plan->parameter && !plan->command) {
		printf("\nNo option is known that makes more of them direct.\n");
	} else {
		if (plan->parameter)
			printf("\nboot:   %s%s%s\n", style_on(STYLE_HEAD), plan->parameter,
			       style_off(STYLE_HEAD));
		if (plan->paths)
			printf("or:     %s\n", plan->paths);
		if (plan->remove)
			printf("        without %s\n", plan->remove);
		if (plan->command)
			printf("%snow:    %s\n", plan->parameter ? "" : "\n", plan->command);
		for (i = 0; i < plan->costs.n; i++) {
			printf("costs:  ");
			out_paragraph(plan->costs.words[i], 8, 8, width);
		}
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
			 const struct dev *provider, const struct dev *crosses,
			 const struct verdicts *before, const struct verdicts *after)
{
	struct json_object *item = json_item(array);

	json_text(item, "client", client->bdf);
	json_text(item, "provider", provider->bdf);
	json_text(item, "translated_cross_at", crosses ? crosses->bdf : NULL);
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
			     plan->wanted[i].crosses, &plan->wanted[i].before,
			     &plan->wanted[i].after);
	json_flag(out, "predicted", true);
	json_text(out, "parameter", plan->parameter);
	json_text(out, "parameter_paths", plan->paths);
	json_text(out, "remove", plan->remove);
	json_text(out, "command_now", plan->command);
	array = json_array_in(out, "costs");
	for (i = 0; i < plan->costs.n; i++)
		json_text_item(array, plan->costs.words[i]);
	json_text(out, "warning", plan->warning);
	array = json_array_in(out, "changes");
	for (i = 0; i < plan->n_changes; i++)
		json_pair_of(array, plan->changes[i].client, plan->changes[i].provider, NULL,
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
	free(plan.remove);
	free(plan.acs);
	free(plan.translated);
	words_free(&plan.options);
	words_free(&plan.costs);
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
		"One set of boot options (ACS and others of pci=, iommu.passthrough=, p2pdma=)\n"
		"that makes these pairs direct or, where the fabric does not, not refused; with\n"
		"its costs, the verdicts before and after, which are predicted, and the other\n"
		"pairs that change. Nothing is changed. A device may be gpus, accelerators, nics,\n"
		"drives or dma: all of these. The exit status is 0 if all pairs are direct then,\n"
		"else 1.\n",
	.run = run,
};
