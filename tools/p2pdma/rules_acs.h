/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remedies that change ACS. Each function fits the rule of its name to a pair, and works
 * out what the change does to all other pairs.
 */
#ifndef P2PDMA_RULES_ACS_H
#define P2PDMA_RULES_ACS_H

#include "situation.h"

/* What it costs to take redirection away. */
#define NO_ACS_COST \
	"isolation: the devices reach each other without the IOMMU, share one IOMMU group, and can be assigned only together. Use setpci for tests only: IOMMU groups do not follow it, and promise an isolation that is not there"

/*
 * Fill in a remedy that takes redirection away at @devs, some of which have it, and works
 * out the rest: the option that fits the release and takes the way of fewer other pairs.
 * With @one_way only requests of the client, and completions to it, are let cross.
 */
void no_acs_at(const struct situation *s, const struct dev * const *devs, size_t n,
	       bool one_way, struct remedy *remedy);
bool apply_forward(const struct situation *s, struct remedy *remedy);
bool apply_no_acs(const struct situation *s, struct remedy *remedy);
bool apply_no_acs_no_forwarding(const struct situation *s, struct remedy *remedy);

#endif
