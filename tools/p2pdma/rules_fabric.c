// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "rules_fabric.h"

#define LOW_MAX		0x40000000ULL	/* BARs below 4 GiB are hardly larger */

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
	bool silent = false;
	enum effect effect = EFFECT_REASON_MAY_GO;
	bool deaf = false;
	size_t n = 0;

	for (dev = s->path->provider; dev; dev = dev->above)
		silent |= dev->kind == KIND_SILENT;

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
	if (!n && !deaf && !silent && !s->hidden && *s->route->port)
		names[n++] = s->route->port;
	if (!n && !deaf && !silent && !s->hidden)
		names[n++] = s->path->provider->bdf;
	if (n) {
		remedy->command = commands_for(form, names, n);
		claim(remedy, s, silent ? EFFECT_REASON_MAY_GO :
				 s->hidden ? EFFECT_REASON_GONE :
				 deaf ? EFFECT_REASON_MAY_GO : effect);
	}
	free(names);
	return n;
}

/* The functions that do not answer, from the provider up. */
bool apply_revive(const struct situation *s, struct remedy *remedy)
{
	const char *form[2] = { "echo 1 > /sys/bus/pci/devices/", "/remove" };
	const char *top = NULL;
	const struct dev *dev;
	char *remove;

	for (dev = s->path->provider; dev; dev = dev->above)
		if (dev->kind == KIND_SILENT)
			top = dev->bdf;
	if (!top)
		return false;
	/* what is below goes with it */
	remove = commands_for(form, &top, 1);
	remedy->command = xasprintf("%s; echo 1 > /sys/bus/pci/rescan", remove);
	free(remove);
	claim(remedy, s, EFFECT_REASON_MAY_GO);
	return true;
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

/*
 * A BAR that is too large for the space below 4 GiB has to stay above; its window can be
 * lowered. Below 4 GiB there may be no room even for a smaller one.
 */
bool apply_lower_bar(const struct situation *s, struct remedy *remedy)
{
	unsigned int bits = s->path->client->mask_bits;
	unsigned long long size = machine_size(s->provider);

	if (size > LOW_MAX && bits <= 32)
		return false;
	if (size > LOW_MAX)
		remedy->what = xasprintf("Have firmware place the provider's BAR lower, below the %u bits that the client can form: lower the base or the size of the memory window above 4 GiB (\"MMIO High Base\", \"MMIO High Size\"). Turning \"above 4G decoding\" off does not help: %s do not fit below 4 GiB",
					 bits, size_text(size));
	else if (size && bits > 32)
		remedy->what = xasprintf("Have firmware place the provider's BAR lower, below the %u bits that the client can form: lower the base or the size of the memory window above 4 GiB (\"MMIO High Base\", \"MMIO High Size\"), or turn off \"above 4G decoding\" if all BARs then find room",
					 bits);
	claim(remedy, s, bits < 32 ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	return true;
}

bool apply_same_payload(const struct situation *s, struct remedy *remedy)
{
	if (on_command_line(s->m, "pci=pcie_bus_peer2peer"))
		return false;
	remedy->parameter = xstrdup("pci=pcie_bus_peer2peer");
	claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}

/* Virtual functions have the register of their physical function. */
bool apply_narrow_tags(const struct situation *s, struct remedy *remedy)
{
	const struct dev *client = s->path->client;

	remedy->command = xasprintf("setpci -s %s CAP_EXP+28.w=0:1000",
				    client->physfn ? client->physfn->bdf :
						     client->bdf);
	/* with tags of 14 bits it is another register */
	claim(remedy, s, EFFECT_REASON_MAY_GO);
	return true;
}
