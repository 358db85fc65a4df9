/* SPDX-License-Identifier: GPL-2.0 */
/* The file p2pdma_counters: what has been mapped for a client, provider by provider. */
#ifndef P2PDMA_COUNTERS_H
#define P2PDMA_COUNTERS_H

#include "machine.h"

struct counters {
	unsigned long long lists[N_DIRECTIONS];
	unsigned long long bytes[N_DIRECTIONS];
	unsigned long long refused;
};

/* The sum of all BARs of @provider in @text. False: a line does not parse. */
bool counters_parse(const char *text, const char *provider,
		    struct counters *counters);
/* The same from sysfs. False: this kernel has no such file. */
bool counters_read(const struct dev *client, const struct dev *provider,
		   struct counters *counters);

#endif
