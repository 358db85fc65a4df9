// SPDX-License-Identifier: GPL-2.0
/*
 * What recognition of peer memory costs on a machine with caches, which the emulator
 * does not have: two models of a mapping loop, for a cache simulator (cachegrind).
 *
 * walk_pages() recognises peer memory as the plain kernel does, by the struct page of
 * each entry of the list. walk_cursor() does as the grafted kernel: it compares the
 * entry's physical address with one or two intervals that it carries along. The rest of
 * both loops is the same, that of dma-direct. The structures have the sizes and the
 * offsets that they have in the kernel.
 *
 * A list is filled by the same code before each walk, so that it is in the cache, as a
 * list is that a driver has just built; its pages are others each time, all over a memory
 * that is larger than the caches.
 *
 *   cursor KIND BY	KIND: ram, bus, ram+bus; BY: page, cursor
 */
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTS		1024
#define SEGMENTS	256
#define PAGES		0x100000UL	/* of 4 KiB each, of RAM and of peer memory */
#define PAGE_SHIFT	12
#define PAGE_SIZE	4096
#define PEER_START	0x10000000000ULL
#define BUS_OFFSET	0x1000000000ULL
#define DEVICE_ZONE	4ULL		/* in the upper bits of the flags */
#define ZONE_SHIFT	61
#define PEER_TYPE	5
#define BUS_FLAG	1

#define unlikely(x)	__builtin_expect(!!(x), 0)

struct pagemap {
	__u64 before[4];
	__u32 type;
	__u64 bus_offset;
};

struct page {
	__u64 flags;
	struct pagemap *pgmap;
	__u64 rest[6];
};

struct entry {
	__u64 page_link;
	__u32 offset;
	__u32 length;
	__u64 dma_address;
	__u32 dma_length;
	__u32 dma_flags;
};

enum kind { KIND_RAM, KIND_BUS };

struct cursor {
	__u64 start;
	__u64 size;
	__u64 bus_offset;
	enum kind kind;
};

static struct page *pages;		/* of all RAM, then of all peer memory */
static struct pagemap pagemap = { .type = PEER_TYPE, .bus_offset = BUS_OFFSET };
static struct entry list[SEGMENTS];
static struct cursor intervals[2] = {
	{ .start = 0, .size = PEER_START, .kind = KIND_RAM },
	{ .start = PEER_START, .size = PAGES << PAGE_SHIFT, .bus_offset = BUS_OFFSET,
	  .kind = KIND_BUS },
};

static inline struct page *entry_page(const struct entry *entry)
{
	return (struct page *)(entry->page_link & ~3ULL);
}

static inline __u64 entry_phys(const struct entry *entry)
{
	__u64 number = entry_page(entry) - pages;

	/* Peer memory has a gap before it. */
	if (number >= PAGES)
		number += (PEER_START >> PAGE_SHIFT) - PAGES;
	return (number << PAGE_SHIFT) + entry->offset;
}

[[gnu::noinline]]
void walk_pages(struct entry *entry, unsigned int n)
{
	const struct pagemap *known = NULL;
	__u64 bus_offset = 0;

	for (; n--; entry++) {
		const struct page *page = entry_page(entry);
		__u64 phys = entry_phys(entry);

		entry->dma_length = entry->length;
		if (unlikely(page->flags >> ZONE_SHIFT == DEVICE_ZONE) &&
		    page->pgmap->type == PEER_TYPE) {
			if (known != page->pgmap) {
				known = page->pgmap;
				bus_offset = known->bus_offset;
			}
			entry->dma_address = phys + bus_offset;
			entry->dma_flags |= BUS_FLAG;
			continue;
		}
		entry->dma_address = phys;
		entry->dma_flags &= ~BUS_FLAG;
	}
}

/* Out of line, as the look-up in the kernel is. */
[[gnu::noinline]]
void cursor_move(struct cursor *cursor, __u64 phys)
{
	*cursor = intervals[phys >= PEER_START];
}

[[gnu::noinline]]
void walk_cursor(struct entry *entry, unsigned int n)
{
	struct cursor cursor = {}, other = {};

	for (; n--; entry++) {
		__u64 phys = entry_phys(entry);

		entry->dma_length = entry->length;
		if (unlikely(phys - cursor.start >= cursor.size)) {
			struct cursor swap = cursor;

			cursor = other;
			other = swap;
			if (unlikely(phys - cursor.start >= cursor.size))
				cursor_move(&cursor, phys);
		}
		if (unlikely(cursor.kind == KIND_BUS)) {
			entry->dma_address = phys + cursor.bus_offset;
			entry->dma_flags |= BUS_FLAG;
			continue;
		}
		entry->dma_address = phys;
		entry->dma_flags &= ~BUS_FLAG;
	}
}

[[gnu::noinline]]
static void fill(const char *kind, __u64 *random)
{
	unsigned int i;

	for (i = 0; i < SEGMENTS; i++) {
		int peer = !strcmp(kind, "bus") || (!strcmp(kind, "ram+bus") && i % 2);

		*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
		list[i] = (struct entry){
			.page_link = (uintptr_t)&pages[(*random >> 44) + peer * PAGES],
			.length = PAGE_SIZE,
		};
	}
}

static int wrong(int argc, char **argv)
{
	return argc != 3 ||
	       (strcmp(argv[1], "ram") && strcmp(argv[1], "bus") && strcmp(argv[1], "ram+bus")) ||
	       (strcmp(argv[2], "page") && strcmp(argv[2], "cursor"));
}

int main(int argc, char **argv)
{
	unsigned int n, i, mistakes = 0;
	__u64 random = 1;

	if (wrong(argc, argv)) {
		fprintf(stderr, "usage: cursor ram|bus|ram+bus page|cursor\n");
		return 2;
	}
	pages = aligned_alloc(64, 2 * PAGES * sizeof(*pages));
	if (!pages)
		return 1;
	memset(pages, 0, 2 * PAGES * sizeof(*pages));
	for (n = PAGES; n < 2 * PAGES; n++) {
		pages[n].flags = DEVICE_ZONE << ZONE_SHIFT;
		pages[n].pgmap = &pagemap;
	}
	for (n = 0; n < LISTS; n++) {
		fill(argv[1], &random);
		if (!strcmp(argv[2], "page"))
			walk_pages(list, SEGMENTS);
		else
			walk_cursor(list, SEGMENTS);
		for (i = 0; i < SEGMENTS; i++) {
			__u64 phys = entry_phys(&list[i]);

			mistakes += list[i].dma_address !=
				    phys + (phys < PEER_START ? 0 : BUS_OFFSET);
		}
	}
	printf("segments=%u\n", LISTS * SEGMENTS);
	return !!mistakes;
}
