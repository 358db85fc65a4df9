/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remedies at functions and ports: power, memory decoding, slots, BARs. Each function fits
 * the rule of its name to a pair.
 */
#ifndef P2PDMA_RULES_FABRIC_H
#define P2PDMA_RULES_FABRIC_H

#include "situation.h"

bool apply_wake(const struct situation *s, struct remedy *remedy);
bool apply_revive(const struct situation *s, struct remedy *remedy);
bool apply_decode(const struct situation *s, struct remedy *remedy);
bool apply_same_switch(const struct situation *s, struct remedy *remedy);
bool apply_express_slot(const struct situation *s, struct remedy *remedy);
bool apply_lower_bar(const struct situation *s, struct remedy *remedy);
bool apply_same_payload(const struct situation *s, struct remedy *remedy);
bool apply_narrow_tags(const struct situation *s, struct remedy *remedy);

#endif
