/* SPDX-License-Identifier: GPL-2.0 */
/* Remedies that change the policy; each fits the rule of its name to a pair. */
#ifndef P2PDMA_RULES_POLICY_H
#define P2PDMA_RULES_POLICY_H

#include "situation.h"

bool apply_mode_auto(const struct situation *s, struct remedy *remedy);
bool apply_mode_host(const struct situation *s, struct remedy *remedy);
bool apply_undeny(const struct situation *s, struct remedy *remedy);
bool apply_trust_writes(const struct situation *s, struct remedy *remedy);
bool apply_trust(const struct situation *s, struct remedy *remedy);
bool apply_loopback(const struct situation *s, struct remedy *remedy);

#endif
