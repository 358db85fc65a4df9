/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Remedies for how the client's DMA is mapped: IOMMU, bounce buffers, encryption. Each
 * function fits the rule of its name to a pair.
 */
#ifndef P2PDMA_RULES_DMA_H
#define P2PDMA_RULES_DMA_H

#include "situation.h"

bool apply_translate(const struct situation *s, struct remedy *remedy);
bool apply_no_bounce(const struct situation *s, struct remedy *remedy);
bool apply_passthrough(const struct situation *s, struct remedy *remedy);
bool apply_no_encryption(const struct situation *s, struct remedy *remedy);
bool apply_no_ats(const struct situation *s, struct remedy *remedy);

#endif
