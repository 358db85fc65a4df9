/* SPDX-License-Identifier: GPL-2.0 */
/* The output of lspci -xxxx -D, and of the same with -v. It may come from anywhere. */
#ifndef P2PDMA_LSPCI_H
#define P2PDMA_LSPCI_H

#include <stdbool.h>

#include "address.h"

#define LSPCI_CONFIG	4096
#define LSPCI_BARS	6

struct lspci_function {
	struct address address;
	unsigned char config[LSPCI_CONFIG];
	unsigned int len;	/* bytes of @config that were printed without a gap */
	char driver[64];	/* with -k or -v; "" if none was printed */
	int numa, group;	/* with -v; -1 if none was printed */
	unsigned long long first[LSPCI_BARS];	/* of memory */
	unsigned long long size[LSPCI_BARS];	/* with -v; 0 if none was printed */
};

struct lspci {
	struct lspci_function *list;
	unsigned int n;
	bool truncated;		/* there were more functions than are taken */
};

/* Lines that are not understood are left out. */
void lspci_parse(const char *text, struct lspci *lspci);
void lspci_free(struct lspci *lspci);
/* A register of @function, of up to four bytes; 0 where it was not printed. */
unsigned int lspci_register(const struct lspci_function *function, unsigned int where,
			    unsigned int size);

#endif
