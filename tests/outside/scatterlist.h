/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For tools/testing/scatterlist, which compiles lib/scatterlist.c for user space: what that
 * file and its header have come to need since that test was last changed.
 */
#include <linux/types.h>

struct page {
	int unused;
};

struct folio {
	struct page page;
};

#include <linux/mm.h>

#define page_to_phys(page)	((unsigned long)(page))
/* What the graft asks about peer memory, of which the test has none. */
#define _RET_IP_		0ul

static inline int zone_device_pages_have_same_pgmap(const struct page *a, const struct page *b)
{
	return 1;
}
