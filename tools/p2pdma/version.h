/* SPDX-License-Identifier: GPL-2.0 */
#ifndef P2PDMA_VERSION_H
#define P2PDMA_VERSION_H

#define P2PDMA_VERSION	"1.0"
/* Of the JSON; it grows when a member or one of its words goes, or changes its meaning. */
#define P2PDMA_SCHEMA	2

#endif
