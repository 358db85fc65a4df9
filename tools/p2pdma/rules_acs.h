/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remedies that change ACS. Each function fits the rule of its name to a pair, and works
 * out what the change does to all other pairs.
 */
#ifndef P2PDMA_RULES_ACS_H
#define P2PDMA_RULES_ACS_H

#include "situation.h"

bool apply_forward(const struct situation *s, struct remedy *remedy);
bool apply_no_acs(const struct situation *s, struct remedy *remedy);
bool apply_no_acs_no_forwarding(const struct situation *s, struct remedy *remedy);

#endif
