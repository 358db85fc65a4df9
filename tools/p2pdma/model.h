/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the project's kernel would decide of any pair. The decision is made by the kernel's
 * own files: decide.c, gather.c, fabric.c and bridges.c of drivers/pci/p2pdma are built
 * into the command, and model.c gives them the machine as sysfs and configuration space
 * show it.
 */
#ifndef P2PDMA_MODEL_H
#define P2PDMA_MODEL_H

#include "machine.h"

struct model;

/*
 * The model of @m; the active policy is @policy, as text. NULL stands for the policy that
 * can be seen, or the default. One model is in use at a time.
 */
struct model *model_load(const struct machine *m, const char *policy);
void model_free(struct model *model);

/* Read ACS Control of @dev as @ctrl from now on. Without the capability nothing changes. */
void model_set_acs(struct model *model, const struct dev *dev, unsigned int ctrl);

/* As after a boot with pci=noats, and with pci=pcie_bus_peer2peer, from now on. */
void model_set_no_ats(struct model *model);
void model_set_payload(struct model *model);

/*
 * Fill in @route with the verdicts for @client and a BAR of @provider; @bar negative
 * stands for the one that reaches highest. If configuration space of a function or port that
 * counts has not been read, false, and *@unread is that.
 */
bool model_route(struct model *model, const struct dev *client,
		 const struct dev *provider, int bar, struct route *route,
		 const struct dev **unread);

/* What is known of a host bridge without the administrator. */
enum listed {
	LISTED_NOT,
	LISTED_OWN,		/* forwards among its own ports */
	LISTED_LATER,		/* in the list since a release after 6.12 */
	LISTED,
};

enum listed model_listed(struct model *model, const struct dev *dev);
/*
 * Is the host bridge above @dev, by the list alone, known to the project's kernel to forward:
 * between its own ports or, without @same_bridge, to and from others?
 */
bool model_is_listed(struct model *model, const struct dev *dev, bool same_bridge);
/*
 * Does the project's kernel let the host bridge above @dev forward: between its own ports or,
 * without @same_bridge, to and from others? It does if it knows the bridge, or trust= has it.
 */
bool model_forwards(struct model *model, const struct dev *dev, bool same_bridge,
		    enum direction dir);
/* All host bridges of this CPU are known to forward. */
bool model_cpu_listed(const struct model *model);
/* The function that stands for the host bridge above @dev in the list; or NULL. */
const struct dev *model_bridge_function(struct model *model, const struct dev *dev);

#endif
