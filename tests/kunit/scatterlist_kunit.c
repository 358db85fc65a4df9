// SPDX-License-Identifier: GPL-2.0
/*
 * CPU access to lists with peer memory: the helpers of lib/scatterlist.c.  Defect 20
 * of the plain 6.12 kernel: they take it for RAM.
 *
 * Nothing is behind the memory of the software fabric.  So the I/O accessors are
 * replaced by ones that work on a shadow of it in RAM: what goes there has gone
 * through an accessor, and what does not is missing there.
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_sg.h"

#define SHADOW_SIZE	(4 * PAGE_SIZE)
#define GUARD		64	/* bytes around buffers that must stay */
#define MAX_ENTRIES	8
#define FAR_AWAY	0x200000000000ULL	/* in no memory and no window */

/* Two providers with struct pages, and one without. */
static const char picture[] =
	"host\n"
	"  rp\n"
	"    ep one bar0=2M\n"
	"  rp\n"
	"    ep two bar0=2M\n"
	"  rp\n"
	"    ep bare bar0=2M\n";

/* Peer memory of one provider, and what its accessors see. */
struct shadow {
	void *mapped;			/* its kernel mapping */
	u8 *bytes;			/* SHADOW_SIZE of them */
};

struct world {
	struct fabric *fabric;
	struct fabric_sg *sg;
	struct shadow shadow[2];
	u8 *backing[MAX_ENTRIES];	/* bytes of each entry; NULL if out of reach */
	bool peer[MAX_ENTRIES];
	size_t total;			/* bytes of all entries */
	size_t accessed;		/* bytes copied by the accessors */
	unsigned int warned;
	struct p2pdma_provider *warned_of;
};

/* The shadow of a kernel address of peer memory. */
static u8 *shadow_of(struct world *world, const void *mapped, size_t len)
{
	struct kunit *test = world->fabric->test;
	int i;

	world->accessed += len;
	for (i = 0; i < ARRAY_SIZE(world->shadow); i++) {
		struct shadow *shadow = &world->shadow[i];
		size_t offset = mapped - shadow->mapped;

		if (mapped >= shadow->mapped && offset < SHADOW_SIZE &&
		    len <= SHADOW_SIZE - offset)
			return shadow->bytes + offset;
	}
	KUNIT_FAIL(test, "access to %zu bytes that are not peer memory here",
		   len);
	return NULL;
}

static void shadow_read(void *to, const void *from, size_t len)
{
	u8 *at = shadow_of(kunit_get_current_test()->priv, from, len);

	if (at)
		memcpy(to, at, len);
}

static void shadow_write(void *to, const void *from, size_t len)
{
	u8 *at = shadow_of(kunit_get_current_test()->priv, to, len);

	if (at)
		memcpy(at, from, len);
}

static void shadow_zero(void *to, size_t len)
{
	u8 *at = shadow_of(kunit_get_current_test()->priv, to, len);

	if (at)
		memset(at, 0, len);
}

static void count_warning(struct p2pdma_provider *provider, unsigned long caller)
{
	struct world *world = kunit_get_current_test()->priv;

	world->warned++;
	world->warned_of = provider;
}

static struct world *world_create(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	static const char * const names[] = { "one", "two" };
	int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	test->priv = world;
	world->fabric = fabric_setup(test, picture, NULL, NAMES("one", "two"));
	fabric_provider_plain(world->fabric, "bare", 0);
	world->sg = fabric_sg_alloc(world->fabric, MAX_ENTRIES);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct pci_dev *pdev = fabric_dev(world->fabric, names[i]);

		world->shadow[i].mapped =
			page_address(pfn_to_page(PHYS_PFN(pci_resource_start(pdev, 0))));
		world->shadow[i].bytes = kunit_kzalloc(test, SHADOW_SIZE,
						       GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, world->shadow[i].bytes);
	}
	kunit_activate_static_stub(test, p2pdma_io_read, shadow_read);
	kunit_activate_static_stub(test, p2pdma_io_write, shadow_write);
	kunit_activate_static_stub(test, p2pdma_io_zero, shadow_zero);
	kunit_activate_static_stub(test, p2pdma_miter_warn, count_warning);
	kunit_activate_static_stub(test, p2pdma_virt_warn, count_warning);
	return world;
}

static struct p2pdma_provider *provider_of(struct world *world, const char *name)
{
	struct pci_dev *pdev = fabric_dev(world->fabric, name);

	return pci_p2pdma_provider_of_phys(pci_resource_start(pdev, 0), 1);
}

/* Note where the bytes of the last entry are. */
static void added(struct world *world, u8 *backing, bool peer)
{
	unsigned int index = world->sg->table.orig_nents - 1;

	world->backing[index] = backing;
	world->peer[index] = peer;
	world->total += fabric_sg_entry(world->sg, index)->length;
}

static void add_ram(struct world *world, size_t offset, size_t size)
{
	struct fabric_sg *sg = world->sg;
	struct scatterlist *entry;

	fabric_sg_ram(sg, offset, size);
	entry = fabric_sg_entry(sg, sg->table.orig_nents - 1);
	added(world, page_address(sg_page(entry)) + entry->offset, false);
}

static void add_peer(struct world *world, int which, size_t offset, size_t size)
{
	KUNIT_ASSERT_LE(world->fabric->test, offset + size, SHADOW_SIZE);
	fabric_sg_peer(world->sg, which ? "two" : "one", offset, size);
	added(world, world->shadow[which].bytes + offset, true);
}

/* Peer memory that the CPU cannot reach. */
static void add_bare(struct world *world, size_t size)
{
	fabric_sg_peer(world->sg, "bare", 0, size);
	added(world, NULL, true);
}

/* All bytes of the list in order; 0 for those out of reach. */
static void gather(struct world *world, u8 *bytes)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_sg(&world->sg->table, entry, i) {
		if (world->backing[i])
			memcpy(bytes, world->backing[i], entry->length);
		else
			memset(bytes, 0, entry->length);
		bytes += entry->length;
	}
}

static void scatter(struct world *world, const u8 *bytes)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_sg(&world->sg->table, entry, i) {
		if (world->backing[i])
			memcpy(world->backing[i], bytes, entry->length);
		bytes += entry->length;
	}
}

/*
 * Fill the list with bytes that depend on their position, and copy them to @bytes.
 */
static void fill(struct world *world, u8 *bytes, u8 salt)
{
	size_t i;

	for (i = 0; i < world->total; i++)
		bytes[i] = salt ^ (i * 131 + (i >> 8) * 29 + 17);
	scatter(world, bytes);
	gather(world, bytes);
}

/*
 * How many of @len bytes from @skip on come before the first that is out of reach,
 * and how many of them are peer memory.
 */
static size_t reachable(struct world *world, size_t skip, size_t len,
			size_t *peer)
{
	struct scatterlist *entry;
	size_t at = 0, count = 0;
	int i;

	*peer = 0;
	for_each_sgtable_sg(&world->sg->table, entry, i) {
		size_t from = max(at, skip);
		size_t to = min(at + entry->length, skip + len);

		at += entry->length;
		if (from >= to)
			continue;
		if (!world->backing[i])
			break;
		count += to - from;
		if (world->peer[i])
			*peer += to - from;
	}
	return count;
}

/* Buffers for check_range(), each with room for the list and some more. */
struct buffers {
	size_t size;
	u8 *model;		/* expected content of the list */
	u8 *found;		/* content of the list */
	u8 *data;		/* content of the copy */
};

static u8 *buffer_alloc(struct kunit *test, size_t size)
{
	u8 *buffer = kunit_kmalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buffer);
	return buffer;
}

static void check_list(struct world *world, struct buffers *buffers,
		       const char *what, size_t skip, size_t len)
{
	gather(world, buffers->found);
	if (memcmp(buffers->found, buffers->model, world->total))
		KUNIT_FAIL(world->fabric->test,
			   "%s, skip %zu, length %zu: the list is not as it should be",
			   what, skip, len);
}

/* All helpers over one range of the list, @len bytes from @skip on. */
static void check_range(struct world *world, struct buffers *buffers,
			size_t skip, size_t len)
{
	struct kunit *test = world->fabric->test;
	struct scatterlist *sgl = world->sg->table.sgl;
	int nents = world->sg->table.orig_nents;
	size_t want, peer;

	want = reachable(world, skip, len, &peer);

	fill(world, buffers->model, 1);
	memset(buffers->data, 0xa5, buffers->size);
	world->accessed = 0;
	KUNIT_EXPECT_EQ(test, want,
			sg_pcopy_to_buffer(sgl, nents, buffers->data + GUARD,
					   len, skip));
	KUNIT_EXPECT_EQ(test, peer, world->accessed);
	if (memcmp(buffers->data + GUARD, buffers->model + skip, want))
		KUNIT_FAIL(test, "skip %zu, length %zu: wrong bytes read", skip,
			   len);
	if (memchr_inv(buffers->data, 0xa5, GUARD) ||
	    memchr_inv(buffers->data + GUARD + want, 0xa5,
		       buffers->size - GUARD - want))
		KUNIT_FAIL(test, "skip %zu, length %zu: more read than told",
			   skip, len);
	check_list(world, buffers, "read", skip, len);

	get_random_bytes(buffers->data, len);
	world->accessed = 0;
	KUNIT_EXPECT_EQ(test, want,
			sg_pcopy_from_buffer(sgl, nents, buffers->data, len,
					     skip));
	KUNIT_EXPECT_EQ(test, peer, world->accessed);
	memcpy(buffers->model + skip, buffers->data, want);
	check_list(world, buffers, "write", skip, len);

	fill(world, buffers->model, 2);
	world->accessed = 0;
	KUNIT_EXPECT_EQ(test, want, sg_zero_buffer(sgl, nents, len, skip));
	KUNIT_EXPECT_EQ(test, peer, world->accessed);
	memset(buffers->model + skip, 0, want);
	check_list(world, buffers, "zero", skip, len);
	KUNIT_EXPECT_EQ(test, 0, world->warned);
}

/* The same over ranges that begin and end around every border in the list. */
static void check_ranges(struct world *world)
{
	struct kunit *test = world->fabric->test;
	size_t border[MAX_ENTRIES + 2], at = 0;
	struct buffers buffers = { .size = world->total + 3 * GUARD };
	struct scatterlist *entry;
	int count = 0, i, j, d, e;

	buffers.model = buffer_alloc(test, buffers.size);
	buffers.found = buffer_alloc(test, buffers.size);
	buffers.data = buffer_alloc(test, buffers.size);
	for_each_sgtable_sg(&world->sg->table, entry, i) {
		border[count++] = at;
		at += entry->length;
	}
	border[count++] = at;

	for (i = 0; i < count; i++)
		for (d = -1; d <= 1; d++)
			for (j = i; j < count; j++)
				for (e = -1; e <= 1; e++) {
					long skip = border[i] + d;
					long end = border[j] + e;

					if (skip >= 0 && skip < world->total &&
					    end > skip)
						check_range(world, &buffers,
							    skip, end - skip);
				}
	/* More than there is. */
	check_range(world, &buffers, 0, world->total + GUARD);
}

static void copy_ram(struct kunit *test)
{
	struct world *world = world_create(test);

	add_ram(world, 0, PAGE_SIZE);
	add_ram(world, 100, 2 * PAGE_SIZE + 3);
	add_ram(world, 5, 1);
	check_ranges(world);
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sgtable_has_peer(&world->sg->table));
}

static void copy_peer(struct kunit *test)
{
	struct world *world = world_create(test);

	add_peer(world, 0, 0, 2 * PAGE_SIZE);
	add_peer(world, 0, 3 * PAGE_SIZE + 9, 77);
	check_ranges(world);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_sgtable_has_peer(&world->sg->table));
}

static void copy_mixed(struct kunit *test)
{
	struct world *world = world_create(test);

	add_ram(world, 11, 300);
	add_peer(world, 0, PAGE_SIZE - 50, 150);
	add_peer(world, 1, 1, PAGE_SIZE + 1);
	add_ram(world, 0, PAGE_SIZE);
	add_ram(world, PAGE_SIZE - 1, 2);
	add_peer(world, 1, 3 * PAGE_SIZE, 1);
	add_ram(world, 64, 64);
	check_ranges(world);
}

/* A copy ends at memory without a kernel mapping, and can be resumed after it. */
static void copy_short(struct kunit *test)
{
	struct world *world = world_create(test);
	u8 buffer[16];

	add_ram(world, 8, 100);
	add_peer(world, 0, 40, 60);
	add_bare(world, 200);
	add_peer(world, 1, 0, 30);
	add_ram(world, 0, 50);
	check_ranges(world);

	/* One of the results of check_ranges(), worked out by hand. */
	KUNIT_EXPECT_EQ(test, 160,
			sg_zero_buffer(world->sg->table.sgl, 5, world->total, 0));
	KUNIT_EXPECT_EQ(test, 0,
			sg_pcopy_to_buffer(world->sg->table.sgl, 5, buffer, 16,
					   160));
	KUNIT_EXPECT_EQ(test, 5,
			sg_pcopy_to_buffer(world->sg->table.sgl, 5, buffer, 16,
					   155));
	KUNIT_EXPECT_EQ(test, 16,
			sg_pcopy_to_buffer(world->sg->table.sgl, 5, buffer, 16,
					   380));
}

/* Lists that are shorter than the caller says, as without peer memory. */
static void copy_beyond_end(struct kunit *test)
{
	struct world *world = world_create(test);
	struct scatterlist *sgl = world->sg->table.sgl;
	u8 bytes[64], buffer[256];

	add_ram(world, 0, 32);
	add_peer(world, 0, 0, 32);
	fill(world, bytes, 7);
	KUNIT_EXPECT_EQ(test, 64,
			sg_copy_to_buffer(sgl, 5, buffer, sizeof(buffer)));
	KUNIT_EXPECT_MEMEQ(test, bytes, buffer, 64);
	KUNIT_EXPECT_EQ(test, 32,
			sg_copy_to_buffer(sgl, 1, buffer, sizeof(buffer)));
	get_random_bytes(buffer, sizeof(buffer));
	KUNIT_EXPECT_EQ(test, 64,
			sg_copy_from_buffer(sgl, 5, buffer, sizeof(buffer)));
	gather(world, bytes);
	KUNIT_EXPECT_MEMEQ(test, bytes, buffer, 64);
	KUNIT_EXPECT_EQ(test, 64, sg_zero_buffer(sgl, 5, 100, 0));
	gather(world, bytes);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0, 64));
}

/*
 * With the real accessors: nothing is behind the memory in the emulator, and they
 * do not fail.
 */
static void copy_real_accessors(struct kunit *test)
{
	struct world *world = world_create(test);
	struct scatterlist *sgl = world->sg->table.sgl;
	u8 bytes[500], buffer[500] = {};

	kunit_deactivate_static_stub(test, p2pdma_io_read);
	kunit_deactivate_static_stub(test, p2pdma_io_write);
	kunit_deactivate_static_stub(test, p2pdma_io_zero);
	add_ram(world, 0, 100);
	add_peer(world, 0, PAGE_SIZE - 99, 300);
	add_ram(world, 0, 100);
	fill(world, bytes, 4);
	KUNIT_EXPECT_EQ(test, 500, sg_copy_to_buffer(sgl, 3, buffer, 500));
	KUNIT_EXPECT_MEMEQ(test, bytes, buffer, 100);
	KUNIT_EXPECT_MEMEQ(test, bytes + 400, buffer + 400, 100);
	KUNIT_EXPECT_EQ(test, 500, sg_copy_from_buffer(sgl, 3, buffer, 500));
	KUNIT_EXPECT_EQ(test, 500, sg_zero_buffer(sgl, 3, 500, 0));
	KUNIT_EXPECT_EQ(test, 0, world->accessed);
}

/*
 * A range in the middle of a page, as of a small BAR. An entry that begins before
 * it or ends after it is not copied at all.
 */
static void copy_partly_peer(struct kunit *test)
{
	struct world *world = world_create(test);
	struct p2pdma_provider provider = {};
	struct p2pdma_range range = {
		.start = FAR_AWAY + 0x100,
		.last = FAR_AWAY + 0x1ff,
		.provider = &provider,
	};
	struct scatterlist sg;
	u8 buffer[64];
	int i;

	KUNIT_ASSERT_EQ(test, 0, p2pdma_range_add(&range));
	for (i = 0; i < 4; i++) {
		static const unsigned int offsets[] = { 0xe0, 0x100, 0x140, 0x1e0 };
		struct sg_mapping_iter miter;
		struct sg_table table = { .sgl = &sg, .orig_nents = 1 };

		sg_init_table(&sg, 1);
		sg_set_page(&sg, pfn_to_page(PHYS_PFN(FAR_AWAY)), 64, offsets[i]);
		KUNIT_EXPECT_EQ(test, 0, sg_copy_to_buffer(&sg, 1, buffer, 64));
		KUNIT_EXPECT_EQ(test, 0, sg_zero_buffer(&sg, 1, 64, 0));
		KUNIT_EXPECT_TRUE(test, pci_p2pdma_sgtable_has_peer(&table));

		world->warned_of = NULL;
		sg_miter_start(&miter, &sg, 1, SG_MITER_FROM_SG);
		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
		sg_miter_stop(&miter);
		KUNIT_EXPECT_PTR_EQ(test, &provider, world->warned_of);
	}
	p2pdma_range_del(&range);
	KUNIT_EXPECT_EQ(test, 4, world->warned);
}

static const unsigned int miter_flags[] = {
	SG_MITER_FROM_SG,
	SG_MITER_TO_SG,
	SG_MITER_FROM_SG | SG_MITER_ATOMIC,
	SG_MITER_TO_SG | SG_MITER_ATOMIC,
};

/* RAM is iterated over page by page, as without peer memory. */
static void miter_ram(struct kunit *test)
{
	struct world *world = world_create(test);
	struct sg_mapping_iter miter;
	int i;

	add_ram(world, 100, 2 * PAGE_SIZE);
	add_ram(world, 0, 10);
	for (i = 0; i < ARRAY_SIZE(miter_flags); i++) {
		static const size_t length[] = {
			PAGE_SIZE - 100, PAGE_SIZE, 100, 10,
		};
		size_t offset = 0;
		int j;

		sg_miter_start(&miter, world->sg->table.sgl, 2, miter_flags[i]);
		for (j = 0; j < ARRAY_SIZE(length); j++) {
			KUNIT_ASSERT_TRUE(test, sg_miter_next(&miter));
			KUNIT_EXPECT_EQ(test, length[j], miter.length);
			KUNIT_EXPECT_PTR_EQ(test, (void *)world->backing[j / 3] + offset,
					    miter.addr);
			offset = j < 2 ? offset + miter.length : 0;
		}
		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
		sg_miter_stop(&miter);
		KUNIT_EXPECT_FALSE(test, pagefault_disabled());
	}
	KUNIT_EXPECT_EQ(test, 0, world->warned);
}

/* The iterator stops at peer memory, stays there, and leaves nothing mapped. */
static void miter_stops(struct kunit *test)
{
	struct world *world = world_create(test);
	struct p2pdma_provider *two = provider_of(world, "two");
	struct sg_mapping_iter miter;
	int i;

	add_ram(world, 0, 20);
	add_peer(world, 1, 0, 30);
	add_ram(world, 0, 40);
	for (i = 0; i < ARRAY_SIZE(miter_flags); i++) {
		world->warned = 0;
		world->warned_of = NULL;
		sg_miter_start(&miter, world->sg->table.sgl, 3, miter_flags[i]);
		KUNIT_EXPECT_TRUE(test, sg_miter_next(&miter));
		KUNIT_EXPECT_EQ(test, 20, miter.length);
		KUNIT_EXPECT_EQ(test, 0, world->warned);

		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
		KUNIT_EXPECT_EQ(test, 1, world->warned);
		KUNIT_EXPECT_PTR_EQ(test, two, world->warned_of);
		KUNIT_EXPECT_NULL(test, miter.addr);
		KUNIT_EXPECT_EQ(test, 0, miter.length);
		KUNIT_EXPECT_FALSE(test, pagefault_disabled());
		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));

		/* A caller that skips the peer memory can go on after it. */
		KUNIT_EXPECT_TRUE(test, sg_miter_skip(&miter, 30));
		KUNIT_EXPECT_TRUE(test, sg_miter_next(&miter));
		KUNIT_EXPECT_PTR_EQ(test, (void *)world->backing[2], miter.addr);
		KUNIT_EXPECT_EQ(test, 40, miter.length);
		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
		sg_miter_stop(&miter);
		KUNIT_EXPECT_FALSE(test, pagefault_disabled());
	}
	KUNIT_EXPECT_EQ(test, 0, world->accessed);
}

/* The same for peer memory without struct pages, which must not be read. */
static void miter_stops_at_bare(struct kunit *test)
{
	struct world *world = world_create(test);
	struct sg_mapping_iter miter;

	add_bare(world, PAGE_SIZE);
	sg_miter_start(&miter, world->sg->table.sgl, 1, SG_MITER_FROM_SG);
	KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
	sg_miter_stop(&miter);
	KUNIT_EXPECT_EQ(test, 1, world->warned);

	/*
	 * With SG_MITER_P2PDMA the iterator stops here too, but without a warning.
	 */
	sg_miter_start(&miter, world->sg->table.sgl, 1,
		       SG_MITER_FROM_SG | SG_MITER_P2PDMA);
	KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
	sg_miter_stop(&miter);
	KUNIT_EXPECT_EQ(test, 1, world->warned);
}

/* SG_MITER_P2PDMA: the caller uses I/O accessors, and gets peer memory. */
static void miter_takes_peer(struct kunit *test)
{
	struct world *world = world_create(test);
	struct sg_mapping_iter miter;

	add_peer(world, 0, 10, PAGE_SIZE);
	sg_miter_start(&miter, world->sg->table.sgl, 1,
		       SG_MITER_FROM_SG | SG_MITER_P2PDMA);
	KUNIT_EXPECT_TRUE(test, sg_miter_next(&miter));
	KUNIT_EXPECT_PTR_EQ(test, world->shadow[0].mapped + 10, miter.addr);
	KUNIT_EXPECT_EQ(test, PAGE_SIZE - 10, miter.length);
	KUNIT_EXPECT_TRUE(test, sg_miter_next(&miter));
	KUNIT_EXPECT_EQ(test, 10, miter.length);
	KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
	sg_miter_stop(&miter);
	KUNIT_EXPECT_EQ(test, 0, world->warned);
}

/* The warning itself; a second one would fail the run. */
static void miter_warns_once(struct kunit *test)
{
	struct world *world = world_create(test);
	struct sg_mapping_iter miter;
	int i;

	kunit_deactivate_static_stub(test, p2pdma_miter_warn);
	add_peer(world, 0, 0, 64);
	kunit_info(test, "expect: of this device with sg_miter; stopped");
	for (i = 0; i < 3; i++) {
		sg_miter_start(&miter, world->sg->table.sgl, 1,
			       SG_MITER_FROM_SG | SG_MITER_ATOMIC);
		KUNIT_EXPECT_FALSE(test, sg_miter_next(&miter));
		sg_miter_stop(&miter);
	}
}

static void virt_warns(struct kunit *test)
{
	struct world *world = world_create(test);
	struct p2pdma_provider *one = provider_of(world, "one");

	if (!IS_ENABLED(CONFIG_DEBUG_SG))
		kunit_skip(test, "needs CONFIG_DEBUG_SG");

	add_ram(world, 3, 20);
	add_peer(world, 0, 4, 30);
	KUNIT_EXPECT_PTR_EQ(test, (void *)world->backing[0],
			    sg_virt(fabric_sg_entry(world->sg, 0)));
	KUNIT_EXPECT_EQ(test, 0, world->warned);
	/* sg_virt() warns, and returns the same address as before. */
	KUNIT_EXPECT_PTR_EQ(test, world->shadow[0].mapped + 4,
			    sg_virt(fabric_sg_entry(world->sg, 1)));
	KUNIT_EXPECT_EQ(test, 1, world->warned);
	KUNIT_EXPECT_PTR_EQ(test, one, world->warned_of);

	kunit_deactivate_static_stub(test, p2pdma_virt_warn);
	kunit_info(test, "expect: of this device with sg_virt()");
	sg_virt(fabric_sg_entry(world->sg, 1));
	sg_virt(fabric_sg_entry(world->sg, 1));
}

static void key_enable(void *unused)
{
	static_branch_enable(&pci_p2pdma_key);
}

/* The static key is off, as before the first provider: no look-up is made. */
static void key_off(struct kunit *test)
{
	struct world *world = world_create(test);
	struct pci_p2pdma_cursor cursor = {};
	struct sg_mapping_iter miter;
	u8 buffer[128];

	add_peer(world, 0, 0, 64);
	add_ram(world, 0, 64);
	KUNIT_ASSERT_TRUE(test, pci_p2pdma_in_use());
	static_branch_disable(&pci_p2pdma_key);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, key_enable, NULL));

	KUNIT_EXPECT_EQ(test, 128,
			sg_copy_to_buffer(world->sg->table.sgl, 2, buffer, 128));
	KUNIT_EXPECT_EQ(test, 128,
			sg_copy_from_buffer(world->sg->table.sgl, 2, buffer,
					    128));
	KUNIT_EXPECT_EQ(test, 128,
			sg_zero_buffer(world->sg->table.sgl, 2, 128, 0));
	sg_miter_start(&miter, world->sg->table.sgl, 2, SG_MITER_FROM_SG);
	KUNIT_EXPECT_TRUE(test, sg_miter_next(&miter));
	sg_miter_stop(&miter);
	sg_virt(world->sg->table.sgl);
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sgtable_has_peer(&world->sg->table));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sg_has_peer(world->sg->table.sgl, 2));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sg_is_peer(&cursor, world->sg->table.sgl));
	KUNIT_EXPECT_NULL(test,
			  pci_p2pdma_provider_of_phys(sg_phys(world->sg->table.sgl),
						      1));
	KUNIT_EXPECT_EQ(test, 0, world->accessed);
	KUNIT_EXPECT_EQ(test, 0, world->warned);

	/* The key is on again. */
	kunit_release_action(test, key_enable, NULL);
	sg_copy_to_buffer(world->sg->table.sgl, 2, buffer, 128);
	KUNIT_EXPECT_EQ(test, 64, world->accessed);
}

/* Peer memory is found at any place in the table. */
static void table_has_peer(struct kunit *test)
{
	struct world *world = world_create(test);
	int at, i;

	for (at = 0; at < MAX_ENTRIES; at++) {
		fabric_sg_clear(world->sg);
		for (i = 0; i < MAX_ENTRIES; i++) {
			if (i == at)
				add_peer(world, 1, 16, 16);
			else
				add_ram(world, 0, 16);
			KUNIT_EXPECT_EQ(test, i >= at,
					pci_p2pdma_sgtable_has_peer(&world->sg->table));
		}
	}
	fabric_sg_clear(world->sg);
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_sgtable_has_peer(&world->sg->table));
	add_bare(world, 1);
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_sgtable_has_peer(&world->sg->table));
}

static struct kunit_case scatterlist_cases[] = {
	KUNIT_CASE(copy_ram),
	KUNIT_CASE(copy_peer),
	KUNIT_CASE(copy_mixed),
	KUNIT_CASE(copy_short),
	KUNIT_CASE(copy_beyond_end),
	KUNIT_CASE(copy_real_accessors),
	KUNIT_CASE(copy_partly_peer),
	KUNIT_CASE(miter_ram),
	KUNIT_CASE(miter_stops),
	KUNIT_CASE(miter_stops_at_bare),
	KUNIT_CASE(miter_takes_peer),
	KUNIT_CASE(miter_warns_once),
	KUNIT_CASE(virt_warns),
	KUNIT_CASE(key_off),
	KUNIT_CASE(table_has_peer),
	{}
};

static struct kunit_suite scatterlist_suite = {
	.name = "scatterlist",
	.test_cases = scatterlist_cases,
};

kunit_test_suite(scatterlist_suite);

MODULE_DESCRIPTION("KUnit tests of CPU access to lists with peer memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
