/* SPDX-License-Identifier: GPL-2.0 */
/* p2pdma route --reasons: all reasons, with what remedies there are for each. */
#ifndef P2PDMA_REASONS_H
#define P2PDMA_REASONS_H

void reasons_print(unsigned int width);
void reasons_json(void);

#endif
