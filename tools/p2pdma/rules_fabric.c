// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "rules_fabric.h"

static const char *power_of(const struct dev *dev)
{
	return dev->physfn && dev_asleep(dev->physfn) ? dev->physfn->bdf :
							dev->bdf;
}

/* Every function that is asleep, first the port that the kernel reports, then upward. */
bool apply_wake(const struct situation *s, struct remedy *remedy)
{
	const char *form[2] = { "echo on > /sys/bus/pci/devices/", "/power/control" };
	const char **names = xcalloc(s->m->n_devs + 1, sizeof(*names));
	const struct dev *named = machine_dev_at(s->m, s->route->port), *dev;
	enum effect effect = EFFECT_REASON_MAY_GO;
	bool deaf = false;
	size_t n = 0;

	if (!*s->route->port)
		named = s->path->provider;
	if (named && dev_asleep(named)) {
		effect = EFFECT_REASON_GONE;
		add_once(names, &n, power_of(named));
	}
	for (dev = s->path->provider; dev; dev = dev->above) {
		if (dev_asleep(dev))
			add_once(names, &n, power_of(dev));
		deaf |= not_decoding(dev) && !is_above(s->path->common, dev);
	}
	/* none is seen asleep: try the port that the kernel reports, or the provider */
	if (!n && !deaf && !s->hidden && *s->route->port)
		names[n++] = s->route->port;
	if (!n && !deaf && !s->hidden)
		names[n++] = s->path->provider->bdf;
	if (n) {
		remedy->command = commands_for(form, names, n);
		claim(remedy, s, s->hidden ? EFFECT_REASON_GONE :
				 deaf ? EFFECT_REASON_MAY_GO : effect);
	}
	free(names);
	return n;
}

/*
 * Every function that does not decode memory, first the port that the kernel reports:
 * below the common port, or for fabric-blocked from the common port up.
 */
bool apply_decode(const struct situation *s, struct remedy *remedy)
{
	bool blocked = s->route->reason[s->dir] == REASON_FABRIC_BLOCKED;
	const char *form[2] = { "setpci -s ", " COMMAND=2:2" };
	const char **names = xcalloc(s->m->n_devs + 1, sizeof(*names));
	const struct dev *named = machine_dev_at(s->m, s->route->port), *dev;
	bool asleep = false;
	size_t n = 0;

	/* if fabric-blocked is reported for a port further down, ACS is the cause */
	if (named && not_decoding(named) &&
	    (!blocked || is_above(s->path->common, named)))
		add_once(names, &n, named->bdf);
	for (dev = s->path->provider; dev && (!blocked || n); dev = dev->above) {
		asleep |= dev_asleep(dev);
		if (not_decoding(dev) && blocked == is_above(s->path->common, dev))
			add_once(names, &n, dev->bdf);
	}
	if (n) {
		remedy->command = commands_for(form, names, n);
		claim(remedy, s, !s->hidden && (asleep || (blocked && s->path->no_forwarding)) ?
					EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	}
	free(names);
	return n;
}

bool apply_same_switch(const struct situation *s, struct remedy *remedy)
{
	if (s->path->common || !direct_is_allowed(s))
		return false;
	/* why it cannot be mapped is unknown, and a direct route may not help */
	claim(remedy, s, s->route->reason[s->dir] == REASON_UNMAPPABLE ?
				EFFECT_REASON_MAY_GO : EFFECT_BUS_ADDRESS);
	return true;
}

bool apply_express_slot(const struct situation *s, struct remedy *remedy)
{
	bool named = s->route->reason[s->dir] == REASON_CONVENTIONAL_PCI;

	/* for another reason it helps only if both are below a common port */
	if (!named && !(s->path->conventional && s->path->common &&
			direct_is_allowed(s)))
		return false;
	/* same-switch says it already */
	if (s->hidden && !s->path->common)
		return false;
	if (named)
		claim(remedy, s, EFFECT_REASON_GONE);
	else if (s->path->n_redirectors || s->path->bridge_function || !s->path->seen ||
		 s->route->reason[s->dir] == REASON_UNMAPPABLE)
		claim(remedy, s, EFFECT_REASON_MAY_GO);
	else
		claim(remedy, s, EFFECT_BUS_ADDRESS);
	return true;
}

/* Firmware can place a BAR below 4 GiB, but perhaps not low enough for a narrower mask. */
bool apply_lower_bar(const struct situation *s, struct remedy *remedy)
{
	claim(remedy, s, s->path->client->mask_bits < 32 ? EFFECT_REASON_MAY_GO :
							   EFFECT_REASON_GONE);
	return true;
}

static char *joined(const struct dev * const *devs, size_t n,
		    const char *before)
{
	struct text text = {};
	size_t i;

	for (i = 0; i < n; i++)
		text_addf(&text, "%s%s%s", i ? ";" : "", before, devs[i]->bdf);
	return text_take(&text);
}

/*
 * The parameter pci=@option=@list; to be freed. The kernel uses only the last @option of
 * its command line, so that the new list has to include the old one. For a port that is
 * in both the first entry counts.
 */
static char *pci_parameter(const struct machine *m, const char *option,
			   const char *list)
{
	const char *at = m->cmdline, *found = NULL;
	char *name = xasprintf("%s=", option), *whole;
	size_t len;

	while ((at = strstr(at, name))) {
		at += strlen(name);
		found = at;
	}
	len = found ? strcspn(found, ", ") : 0;
	whole = xasprintf("pci=%s%s%s%.*s", name, list, len ? ";" : "", (int)len,
			  found ? found : "");
	free(name);
	return whole;
}

/* All ports that need UF, not only the one that the kernel reports. */
bool apply_forward(const struct situation *s, struct remedy *remedy)
{
	const struct dev *dev, **ports = NULL;
	bool more = false;	/* something else is in the way, or may be */
	size_t n = 0;

	for (dev = s->path->common; dev; dev = dev->above) {
		more |= not_decoding(dev) || !dev->acs.seen;
		if (!dev_is_downstream(dev) || !dev->acs.seen ||
		    (dev->acs.ctrl & 0x10))
			continue;
		/* if one port cannot forward, the others do not help */
		if (!dev->acs.present || !(dev->acs.cap & 0x10)) {
			free(ports);
			return false;
		}
		ports = xrealloc(ports, n + 1, sizeof(*ports));
		ports[n++] = dev;
	}
	if (s->path->dropper) {
		ports = xrealloc(ports, n + 1, sizeof(*ports));
		ports[n++] = s->path->dropper;
	}
	if (!n && *s->route->port) {
		/* without root ACS cannot be read, but the kernel reports the first port */
		dev = machine_dev_at(s->m, s->route->port);
		if (dev && !dev->acs.seen) {
			ports = xrealloc(ports, 1, sizeof(*ports));
			ports[n++] = dev;
		}
	}
	if (n) {
		char *list = joined(ports, n, "xx111x1@");

		remedy->parameter = pci_parameter(s->m, "config_acs", list);
		free(list);
		claim(remedy, s, more ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	}
	free(ports);
	return n;
}

/* Between functions of one device Upstream Forwarding counts as redirection. */
static bool forwarding_in_the_way(const struct path *path)
{
	return path->forwarders && !path->in_switch;
}

/* Commands that clear @bits at all functions and ports that redirect; to be freed. */
static char *clear_acs(const struct path *path, const char *bits)
{
	const char **names = xcalloc(path->n_redirectors, sizeof(*names));
	char *end = xasprintf(" ECAP_ACS+6.w=0:%s", bits), *commands;
	const char *form[2] = { "setpci -s ", end };
	size_t i;

	for (i = 0; i < path->n_redirectors; i++)
		names[i] = path->redirectors[i]->bdf;
	commands = commands_for(form, names, path->n_redirectors);
	free(end);
	free(names);
	return commands;
}

bool apply_no_acs(const struct situation *s, struct remedy *remedy)
{
	const struct path *path = s->path;
	const struct dev *named;
	char *list;

	if (!only_acs_in_the_way(s) || (!s->hidden && !no_virtual_iommu(s)) ||
	    forwarding_in_the_way(path))
		return false;
	named = machine_dev_at(s->m, s->route->port);
	/* without root ACS cannot be read, but if it is the reason a port is reported */
	if (!path->n_redirectors && named && !named->acs.seen &&
	    (BIT(s->route->reason[s->dir]) &
	     (R(ACS_REQUEST) | R(ACS_COMPLETION) | R(MULTIFUNCTION)))) {
		remedy->parameter = pci_parameter(s->m, "disable_acs_redir",
						  named->bdf);
		remedy->command = xasprintf("setpci -s %s ECAP_ACS+6.w=0:2c",
					    named->bdf);
		/* there may be more functions and ports than the one reported */
		claim(remedy, s, s->route->reason[s->dir] == REASON_MULTIFUNCTION ?
					EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
		return true;
	}
	if (!path->n_redirectors)
		return false;
	/* the kernel applies config_acs last: it might set what the other clears */
	if (strstr(s->m->cmdline, "config_acs=")) {
		list = joined(path->redirectors, path->n_redirectors, "x0x00xx@");
		remedy->parameter = pci_parameter(s->m, "config_acs", list);
	} else {
		list = joined(path->redirectors, path->n_redirectors, "");
		remedy->parameter = pci_parameter(s->m, "disable_acs_redir",
						  list);
	}
	free(list);
	remedy->command = clear_acs(path, "2c");
	claim(remedy, s, path->seen ? EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO);
	return true;
}

bool apply_no_acs_no_forwarding(const struct situation *s, struct remedy *remedy)
{
	const struct path *path = s->path;
	char *list;

	if (!only_acs_in_the_way(s) || (!s->hidden && !no_virtual_iommu(s)) ||
	    !forwarding_in_the_way(path))
		return false;
	list = joined(path->redirectors, path->n_redirectors, "x0000xx@");
	remedy->parameter = pci_parameter(s->m, "config_acs", list);
	free(list);
	remedy->command = clear_acs(path, "3c");
	claim(remedy, s, path->seen ? EFFECT_BUS_ADDRESS : EFFECT_REASON_MAY_GO);
	return true;
}
