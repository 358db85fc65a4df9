/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of PCI functions, as people and the kernel write them. */
#ifndef P2PDMA_ADDRESS_H
#define P2PDMA_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_LEN	24	/* "ffffffff:ff:1f.7" and its zero byte, rounded up */

struct address {
	unsigned int domain;	/* of 32 bits: VMD's begin at 0x10000 */
	unsigned int bus;
	unsigned int slot;
	unsigned int function;
};

/* [<domain>:]<bus>:<slot>.<function>, all hexadecimal, and nothing after it. */
bool address_parse(const char *text, struct address *address);
void address_text(const struct address *address, char text[ADDRESS_LEN]);
/* Parse hexadecimal digits as a number up to @limit, and move *@text past them. */
bool address_hex(const char **text, unsigned int limit, unsigned int *value);
/* As strcmp(): by domain, bus, slot, function. */
int address_compare(const struct address *one, const struct address *other);

#endif
