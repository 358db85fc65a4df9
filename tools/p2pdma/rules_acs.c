// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "rules_acs.h"

/*
 * A way to change ACS: @now at once, by setpci, and @boot after a boot with @parameter.
 * The two have the same functions in the same order.
 */
struct plan {
	struct acs_setting *now, *boot;
	size_t n;
	char *parameter;	/* NULL: the release has no such option */
	char *command;
	struct changes changes;	/* other pairs, after a boot or, without one, at once */
	enum way after[N_DIRECTIONS];	/* of the pair itself */
};

static void plan_add(struct plan *plan, const struct dev *dev, unsigned int ctrl)
{
	plan->now = xrealloc(plan->now, plan->n + 1, sizeof(*plan->now));
	plan->boot = xrealloc(plan->boot, plan->n + 1, sizeof(*plan->boot));
	plan->now[plan->n] = (struct acs_setting){ dev, ctrl };
	plan->boot[plan->n++] = (struct acs_setting){ dev, ctrl };
}

static void plan_free(struct plan *plan)
{
	free(plan->now);
	free(plan->boot);
	free(plan->parameter);
	free(plan->command);
	changes_free(&plan->changes);
	*plan = (struct plan){};
}

/* The commands of setpci that change the bits that differ; to be freed. */
static char *plan_command(const struct plan *plan, unsigned int least)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < plan->n; i++) {
		const struct acs_setting *set = &plan->now[i];
		unsigned int mask = (set->ctrl ^ set->dev->acs.ctrl) & ACS_ALL;

		/* some devices do not answer truly; then all bits are written */
		mask |= least;
		text_addf(&text, "%ssetpci -s %s ECAP_ACS+6.w=%x:%x", i ? "; " : "",
			  set->dev->bdf, set->ctrl & mask, mask);
	}
	return text_take(&text);
}

/*
 * The value of pci=@option=: one entry for each function of @plan, before those that the
 * command line has, because the kernel uses the last @option only, and in it the first
 * entry that names a function. To be freed.
 */
static char *plan_list(const struct situation *s, const struct plan *plan,
		       const char *option, bool with_flags)
{
	char *old = acs_list(s->m->cmdline, option), flags[9] = "";
	struct text text = {};
	size_t i;

	for (i = 0; i < plan->n; i++) {
		if (with_flags) {
			acs_flags(plan->now[i].dev, plan->now[i].ctrl, flags);
			strcat(flags, "@");
		}
		text_addf(&text, "%s%s%s", i ? ";" : "", flags, plan->now[i].dev->bdf);
	}
	if (old && *old)
		text_addf(&text, ";%s", old);
	free(old);
	return text_take(&text);
}

/* Work out what a boot with pci=@option=, and the other option as it is, makes of it. */
static void plan_boot(const struct situation *s, struct plan *plan, bool redir)
{
	const char *option = redir ? "disable_acs_redir" : "config_acs";
	char *list = plan_list(s, plan, option, !redir);
	char *other = acs_list(s->m->cmdline, redir ? "config_acs" :
						      "disable_acs_redir");
	size_t i;

	for (i = 0; i < plan->n; i++)
		plan->boot[i].ctrl = acs_at_boot(s->m, plan->boot[i].dev,
						 redir ? list : other,
						 redir ? other : list);
	plan->parameter = xasprintf("pci=%s=%s", option, list);
	free(list);
	free(other);
}

/* Is the way back, of the provider as a client of this client's memory, of interest? */
static bool both_ways(const struct situation *s)
{
	const struct dev *client = s->path->client;

	switch (client->class >> 16) {
	case 0x03:	/* display */
	case 0x0b:	/* processor */
	case 0x12:	/* accelerator */
		return true;
	default:
		return machine_provider(s->m, client, -1);
	}
}

/* What a plan does to all pairs, this one included. */
static void plan_look(const struct situation *s, struct plan *plan)
{
	changes_find(s->m, plan->boot, plan->n, s->path, both_ways(s), &plan->changes,
		     plan->after);
}

/*
 * Sentences on what the parameter does on this release, and at once; NULL: nothing.
 * @better is a parameter for releases without the faults, or NULL.
 */
static char *plan_warning(const struct situation *s, const struct plan *plan, bool redir,
			  const char *better)
{
	char *faults = plan->parameter ? acs_faults(s->m->release, redir) : NULL;
	struct text text = {}, ports = {};
	size_t i;

	if (faults) {
		text_add(&text, faults);
		if (better)
			text_addf(&text, "; with a later one take %s", better);
		free(faults);
	}
	for (i = 0; plan->parameter && i < plan->n; i++) {
		unsigned int lost = plan->now[i].ctrl & ~plan->boot[i].ctrl & ACS_DEFAULT;

		if (redir && lost && acs_options(s->m->release) == ACS_OPTIONS_MENDED)
			text_addf(&ports, "%s%s at %s", ports.len ? ", " : "",
				  acs_bits(lost), plan->boot[i].dev->bdf);
	}
	if (ports.len)
		text_addf(&text, "%sthe boot option also clears %s, unless firmware has set them; setpci leaves them set",
			  text.len ? "; " : "", text_str(&ports));
	text_free(&ports);
	if (plan->changes.n_lost)
		text_addf(&text, "%s%zu other pair%s lost", text.len ? "; " : "",
			  plan->changes.n_lost,
			  plan->changes.n_lost == 1 ? " is" : "s are");
	return text.len ? text_take(&text) : NULL;
}

/* Hand a plan over to the remedy; it claims @effect if the boot brings that about. */
static void plan_use(const struct situation *s, struct plan *plan, struct remedy *remedy,
		     enum effect effect, bool redir, const char *better)
{
	bool faulty = acs_options(s->m->release) == ACS_OPTIONS_FAULTY;

	if (plan->parameter || plan->changes.n_lost)
		remedy->warning = plan_warning(s, plan, redir, better);
	/* what firmware has set decides; it is not seen where the kernel sets bits too */
	if (faulty && (effect != EFFECT_BUS_ADDRESS || plan->after[s->dir] != WAY_DIRECT ||
		       acs_set_by_kernel(s->m)))
		effect = EFFECT_REASON_MAY_GO;
	remedy->sets_acs = true;
	remedy->parameter = plan->parameter;
	remedy->command = plan->command;
	remedy->changes = plan->changes;
	plan->parameter = NULL;
	plan->command = NULL;
	plan->changes = (struct changes){};
	claim(remedy, s, effect);
	plan_free(plan);
}

/*
 * The boot option for a port whose ACS is not seen, in front of what the command line has of
 * it. Without @flags it is disable_acs_redir; @more is what there is to add to the warning.
 */
static void unseen_option(const struct situation *s, const struct dev *dev, const char *flags,
			  const char *more, struct remedy *remedy)
{
	const char *option = flags ? "config_acs" : "disable_acs_redir";
	char *old = acs_list(s->m->cmdline, option);
	char *faults = acs_faults(s->m->release, !flags);

	remedy->parameter = xasprintf("pci=%s=%s%s%s%s%s", option, flags ? flags : "",
				      flags ? "@" : "", dev->bdf, old && *old ? ";" : "",
				      old ? old : "");
	if (faults || more)
		remedy->warning = xasprintf("%s%s%s", faults ? faults : "",
					    faults && more ? "; " : "", more ? more : "");
	free(faults);
	free(old);
}

/*
 * All ports that need UF, not only the one that the kernel reports. RR and CR stay as they
 * are: other pairs part at these ports.
 */
bool apply_forward(const struct situation *s, struct remedy *remedy)
{
	enum acs_options options = acs_options(s->m->release);
	const struct dev *dev;
	struct plan plan = {};
	bool more = false;	/* something else is in the way, or may be */

	for (dev = s->path->common; dev; dev = dev->above) {
		more |= not_decoding(dev) || !dev->acs.seen;
		if (!dev_is_downstream(dev) || !dev->acs.seen ||
		    (dev->acs.ctrl & ACS_UF))
			continue;
		/* if one port cannot forward, the others do not help */
		if (!dev->acs.present || !(dev->acs.cap & ACS_UF)) {
			plan_free(&plan);
			return false;
		}
		plan_add(&plan, dev, (dev->acs.ctrl | ACS_UF | ACS_SV) & dev->acs.cap &
				     ACS_ALL);
	}
	/* what egress control drops is redirected in place of that */
	if (s->path->dropper) {
		dev = s->path->dropper;
		plan_add(&plan, dev, (dev->acs.ctrl | ACS_RR | ACS_CR | ACS_UF | ACS_SV) &
				     dev->acs.cap & ACS_ALL);
	}
	if (!plan.n && *s->route->port) {
		/* without root ACS cannot be read, but the kernel reports the first port */
		dev = machine_dev_at(s->m, s->route->port);
		if (!dev || dev->acs.seen)
			return false;
		remedy->command = xasprintf("setpci -s %s ECAP_ACS+6.w=11:11", dev->bdf);
		if (options >= ACS_OPTIONS_FAULTY)
			unseen_option(s, dev, "xx111x1",
				      "the boot option also sets RR and CR, which the command leaves as they are",
				      remedy);
		remedy->sets_acs = true;
		claim(remedy, s, EFFECT_REASON_MAY_GO);
		return true;
	}
	if (!plan.n)
		return false;
	if (options >= ACS_OPTIONS_FAULTY)
		plan_boot(s, &plan, false);
	plan.command = plan_command(&plan, 0);
	plan_look(s, &plan);
	plan_use(s, &plan, remedy, more ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE, false,
		 NULL);
	return true;
}

/* Between functions of one device Upstream Forwarding counts as redirection. */
static bool forwarding_in_the_way(const struct path *path)
{
	return path->forwarders && !path->in_switch;
}

/* Without root ACS cannot be read; if it is the reason the kernel reports a port. */
static bool unseen_no_acs(const struct situation *s, struct remedy *remedy)
{
	const struct dev *named = machine_dev_at(s->m, s->route->port);
	enum acs_options options = acs_options(s->m->release);
	char *config = acs_list(s->m->cmdline, "config_acs");
	bool has_config = config && options >= ACS_OPTIONS_FAULTY;

	free(config);
	if (s->path->n_redirectors || !named || named->acs.seen ||
	    !(BIT(s->route->reason[s->dir]) &
	      (R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION))))
		return false;
	/* config_acs is applied last, and would set again what the other option clears */
	if (options >= ACS_OPTIONS_REDIR)
		unseen_option(s, named, has_config ? "x0100x1" : NULL, NULL, remedy);
	remedy->command = xasprintf("setpci -s %s ECAP_ACS+6.w=0:2c", named->bdf);
	remedy->sets_acs = true;
	/*
	 * There may be more functions and ports than the one reported, and with the faults
	 * what firmware has set decides.
	 */
	if (s->route->reason[s->dir] == REASON_MULTIFUNCTION || options == ACS_OPTIONS_FAULTY)
		claim(remedy, s, EFFECT_REASON_MAY_GO);
	else
		claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}

/*
 * With pci=disable_acs_redir: every kernel since 4.19 has it. The kernel applies
 * config_acs last, which would set again what this clears.
 */
static bool plan_redir(const struct situation *s, struct plan *plan,
		       const struct dev * const *devs, size_t n)
{
	char *config = acs_list(s->m->cmdline, "config_acs");
	size_t i;

	free(config);
	if (config || acs_options(s->m->release) < ACS_OPTIONS_REDIR)
		return false;
	for (i = 0; i < n; i++)
		plan_add(plan, devs[i], devs[i]->acs.ctrl & ~ACS_REDIR & ACS_ALL);
	plan_boot(s, plan, true);
	plan->command = plan_command(plan, ACS_REDIR);
	plan_look(s, plan);
	return true;
}

/*
 * With pci=config_acs: it can leave SV and UF as they are and, where only one direction
 * is of interest, redirection of the other.
 */
static bool plan_config(const struct situation *s, struct plan *plan,
			const struct dev * const *devs, size_t n, unsigned int clear,
			bool one_way)
{
	bool has = acs_options(s->m->release) >= ACS_OPTIONS_FAULTY;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct dev *dev = devs[i];
		unsigned int bits = clear;

		if (one_way)
			bits = dev == s->path->client_side ? ACS_RR | ACS_EC : ACS_CR;
		plan_add(plan, dev, dev->acs.ctrl & ~bits & ACS_ALL);
	}
	if (has)
		plan_boot(s, plan, false);
	plan->command = plan_command(plan, one_way ? 0 : clear);
	plan_look(s, plan);
	return has;
}

/* In how many directions does a plan make the pair direct? */
static unsigned int n_direct(const struct plan *plan)
{
	return (plan->after[DIR_WRITE] == WAY_DIRECT) +
	       (plan->after[DIR_READ] == WAY_DIRECT);
}

/*
 * Is @one better than @other? It is if it makes the pair direct in more directions; then
 * if fewer other pairs lose their way; then if fewer go another way.
 */
static bool is_better(const struct plan *one, const struct plan *other)
{
	if (n_direct(one) != n_direct(other))
		return n_direct(one) > n_direct(other);
	if (one->changes.n_lost != other->changes.n_lost)
		return one->changes.n_lost < other->changes.n_lost;
	return one->changes.n < other->changes.n;
}

/* Does a boot with it clear, at any port, bits that the command leaves set? */
static bool loses_bits(const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (plan->now[i].ctrl & ~plan->boot[i].ctrl & (ACS_SV | ACS_UF))
			return true;
	return false;
}

/*
 * Is disable_acs_redir the one to offer? Of two that are as good for all pairs, it is
 * unless it also clears SV or UF.
 */
static bool prefers_redir(const struct plan *redir, const struct plan *config)
{
	if (is_better(redir, config))
		return true;
	return !is_better(config, redir) && !loses_bits(redir);
}

void no_acs_at(const struct situation *s, const struct dev * const *devs, size_t n,
	       bool one_way, struct remedy *remedy)
{
	enum effect effect = s->path->seen && !unproven(s) ? EFFECT_BUS_ADDRESS :
								  EFFECT_REASON_MAY_GO;
	struct plan redir = {}, config = {};
	bool has_redir, has_config, use_redir;

	has_redir = plan_redir(s, &redir, devs, n);
	has_config = plan_config(s, &config, devs, n, ACS_REDIR, one_way);
	use_redir = has_redir && (!has_config || prefers_redir(&redir, &config));
	plan_use(s, use_redir ? &redir : &config, remedy, effect, use_redir,
		 use_redir && has_config ? config.parameter : NULL);
	plan_free(&redir);
	plan_free(&config);
}

bool apply_no_acs(const struct situation *s, struct remedy *remedy)
{
	const struct path *path = s->path;

	if (!only_acs_in_the_way(s) || (!s->hidden && !no_virtual_iommu(s)) ||
	    forwarding_in_the_way(path))
		return false;
	if (unseen_no_acs(s, remedy))
		return true;
	if (!path->n_redirectors)
		return false;
	no_acs_at(s, path->redirectors, path->n_redirectors,
		  path->in_switch && !both_ways(s), remedy);
	return true;
}

bool apply_no_acs_no_forwarding(const struct situation *s, struct remedy *remedy)
{
	struct plan plan = {};

	if (!only_acs_in_the_way(s) || (!s->hidden && !no_virtual_iommu(s)) ||
	    !forwarding_in_the_way(s->path))
		return false;
	plan_config(s, &plan, s->path->redirectors, s->path->n_redirectors,
		    ACS_REDIR | ACS_UF, false);
	plan_use(s, &plan, remedy,
		 s->path->seen && !unproven(s) ? EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO,
		 false, NULL);
	return true;
}
