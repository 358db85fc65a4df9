/* SPDX-License-Identifier: GPL-2.0 */
/* What bears on peer-to-peer DMA on the whole machine, in one list. */
#ifndef P2PDMA_CHECKLIST_H
#define P2PDMA_CHECKLIST_H

#include "model.h"

/*
 * Print it; STATUS_MISMATCH if something stands in the way, else STATUS_FAILED if something
 * is not known, else STATUS_OK.
 */
int checklist(const struct machine *m, struct model *model, bool json,
	      unsigned int width);

#endif
