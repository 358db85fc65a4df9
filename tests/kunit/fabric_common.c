// SPDX-License-Identifier: GPL-2.0
/*
 * What several suites have in common: see fabric_common.h.
 */
#include <linux/delay.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kmsg_dump.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <linux/uaccess.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "mock_ops.h"

/**
 * fabric_references - how many references a function's providers have
 * @pdev: the function, with providers
 *
 * Unlike those of the function they are all ours: one of the driver, and one for each
 * look-up that holds them.
 *
 * Return: how many.
 */
unsigned int fabric_references(struct pci_dev *pdev)
{
	return kref_read(&rcu_dereference_protected(pdev->p2pdma, 1)->kref);
}

/**
 * fabric_expect_held - a function must come to have no more references
 * @test: the test
 * @pdev: the function
 * @most: how many it may have
 *
 * The kernel holds some for a while, or drops them in a work item.
 */
void fabric_expect_held(struct kunit *test, struct pci_dev *pdev,
			unsigned int most)
{
	struct kref *kref = &pdev->dev.kobj.kref;
	int i;

	for (i = 0; i < 200 && kref_read(kref) > most; i++)
		msleep(20);
	KUNIT_EXPECT_LE(test, kref_read(kref), most);
}

/**
 * fabric_user_is_large - has the test mapped 2 MiB with one entry?
 * @addr: user virtual address, which has been accessed
 *
 * Return: true if it has.
 */
bool fabric_user_is_large(unsigned long addr)
{
	bool large;

	mmap_read_lock(current->mm);
	large = pmd_leaf(pmdp_get(pmd_off(current->mm, addr)));
	mmap_read_unlock(current->mm);
	return large;
}

/**
 * fabric_switch_on - a switch with client and provider, and a provider beside it
 * @test: the test, with which it goes
 * @host: attributes of the host bridge, such as "bus=0x80000000"
 *
 * "client" and "provider" are below the ports "c" (number 1) and "p" (number 2) of
 * the switch "u" below the root port "r"; "beside" is below another root port.
 *
 * Return: the fabric, with all of them ready for use.
 */
struct fabric *fabric_switch_on(struct kunit *test, const char *host)
{
	char picture[256];

	snprintf(picture, sizeof(picture),
		 "host %s\n"
		 "  rp r\n"
		 "    up u\n"
		 "      dp c port=1\n"
		 "        ep client bar0=2M\n"
		 "      dp p port=2\n"
		 "        ep provider bar0=2M\n"
		 "  rp\n"
		 "    ep beside bar0=2M bar2=2M\n", host);
	return fabric_setup(test, picture, NAMES("client"),
			    NAMES("provider", "beside"));
}

/**
 * fabric_switch - fabric_switch_on() a host bridge with no attributes
 * @test: the test, with which it goes
 *
 * Return: the fabric.
 */
struct fabric *fabric_switch(struct kunit *test)
{
	return fabric_switch_on(test, "");
}

/**
 * fabric_untrusted - a client that is not trusted
 * @test: the test, with which it goes
 *
 * "client" and "provider" are below a switch at a port that faces the outside;
 * "inside" is not.
 *
 * Return: the fabric, with all of them ready for use; "inside" is both.
 */
struct fabric *fabric_untrusted(struct kunit *test)
{
	return fabric_setup(test,
			    "host\n"
			    "  rp external\n"
			    "    up\n"
			    "      dp\n"
			    "        ep client\n"
			    "      dp\n"
			    "        ep provider bar0=2M\n"
			    "  rp\n"
			    "    ep inside bar0=2M\n",
			    NAMES("client", "inside"),
			    NAMES("provider", "inside"));
}

/*
 * Mixed lists.
 */

static const char * const mixed_names[MIXED_NR_KINDS] = {
	[MIXED_ACROSS]	= "across",
	[MIXED_BESIDE]	= "beside",
	[MIXED_FAR]	= "far",
};

/**
 * fabric_mixed - a client, and providers that it reaches in all the ways
 * @test: the test, with which it goes
 *
 * "across" is below another port of the switch ("c" is the client's), "beside"
 * below another root port, and "far" below another host bridge.  Bus addresses
 * are not the CPU's.  All host bridges are trusted.
 *
 * Return: the fabric, with "client" and its providers ready for use.
 */
struct fabric *fabric_mixed(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x90000000\n"
		"  rp\n"
		"    up\n"
		"      dp c\n"
		"        ep client\n"
		"      dp\n"
		"        ep across bar0=4M bar2=2M\n"
		"  rp\n"
		"    ep beside bar0=4M\n"
		"host bus=0x700000000000\n"
		"  rp\n"
		"    ep far bar0=4M\n",
		NAMES("client"), NAMES("across", "beside", "far"));

	fabric_cpu_listed(test, true);
	return fabric;
}

/**
 * mixed_add - add a page to a list
 * @sg: the list, of a fabric from fabric_mixed()
 * @kind: what it is of
 * @index: its number: pieces of one kind that follow each other are adjacent
 */
void mixed_add(struct fabric_sg *sg, enum mixed_kind kind, int index)
{
	if (kind == MIXED_RAM)
		fabric_sg_ram(sg, 64 * (index % 64), SZ_4K);
	else
		fabric_sg_peer(sg, mixed_names[kind], index * SZ_4K, SZ_4K);
}

/*
 * How many kinds of memory a client reaches.  Through other dma_map_ops it reaches
 * those that come before %MIXED_BESIDE: nothing is mapped through the host bridge.
 */
static int mixed_reached(struct pci_dev *client)
{
	return mock_ops_translates(&client->dev) ? MIXED_BESIDE : MIXED_NR_KINDS;
}

/* Map a list, with syncs and unmapping if it goes well. */
static void mixed_map(struct fabric_sg *sg, struct pci_dev *client,
		      enum dma_data_direction dir, struct mixed_list *list)
{
	list->error = fabric_sg_map(sg, client, dir);
	if (list->error)
		return;
	list->nents = sg->table.nents;
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
}

/**
 * mixed_small_lists - all lists of up to four entries, in all orders
 * @fabric: from fabric_mixed()
 * @settled: called after each, or NULL
 * @data: for @settled
 *
 * Each list is mapped over the DMA fields that the one before has left (defects 5 and
 * 21).  There are two rounds: in the second "far" has no route, and every list with a
 * piece of it must be refused, whatever the other pieces are.  For other dma_map_ops
 * the same holds of "beside" and "far" in both rounds.
 */
void mixed_small_lists(struct fabric *fabric, mixed_settled_fn settled,
		       void *data)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	bool refused[MIXED_NR_KINDS] = {};
	int round, count, code, i;

	for (i = mixed_reached(client); i < MIXED_NR_KINDS; i++)
		refused[i] = true;
	for (round = 0; round < 2; round++) {
		refused[MIXED_FAR] |= round;
		fabric_cpu_listed(fabric->test, !round);
		if (round)
			fabric_policy(fabric->test, "trust=%s",
				      pci_name(client));
		for (count = 1; count <= 4; count++)
			for (code = 0; code < 1 << 2 * count; code++) {
				struct mixed_list list = {
					.count = count, .what = code,
				};
				int error = 0;

				fabric_sg_clear(sg);
				for (i = 0; i < count; i++) {
					enum mixed_kind kind = code >> 2 * i & 3;

					mixed_add(sg, kind, i);
					list.of[kind]++;
					if (refused[kind])
						error = -EREMOTEIO;
				}
				mixed_map(sg, client, DMA_BIDIRECTIONAL, &list);
				KUNIT_EXPECT_EQ_MSG(fabric->test, list.error,
						    error,
						    "round %d: %d entries, %#x",
						    round, count, code);
				if (settled)
					settled(fabric->test, &list, data);
			}
	}
}

/**
 * mixed_random_lists - lists of all lengths up to a thousand entries
 * @fabric: from fabric_mixed()
 * @lists: how many; the first has a thousand
 * @seed: from which they are made
 * @settled: called after each, or NULL
 * @data: for @settled
 *
 * The table is chained; each list is mapped over the DMA fields of the one before.
 * The lists are of the kinds of memory that the client reaches.
 */
void mixed_random_lists(struct fabric *fabric, int lists, u64 seed,
			mixed_settled_fn settled, void *data)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1000);
	struct rnd_state rnd;
	int what, i;

	prandom_seed_state(&rnd, seed);
	for (what = 0; what < lists; what++) {
		struct mixed_list list = { .what = what };
		enum dma_data_direction dir = what % 3;

		/* Each list is at most half as long as the one before. */
		list.count = 1000 >> what;
		list.count -= what ? prandom_u32_state(&rnd) % list.count : 0;
		fabric_sg_clear(sg);
		for (i = 0; i < list.count; i++) {
			enum mixed_kind kind = prandom_u32_state(&rnd) %
					       mixed_reached(client);
			u32 start = prandom_u32_state(&rnd) % SZ_2K;
			u32 size = 1 + prandom_u32_state(&rnd) % SZ_2K;

			/*
			 * One piece in four is a whole page, which can be adjacent
			 * to another.
			 */
			if (prandom_u32_state(&rnd) % 4 == 0) {
				start = 0;
				size = SZ_4K;
			}
			if (kind == MIXED_RAM)
				fabric_sg_ram(sg, start, size);
			else
				fabric_sg_peer(sg, mixed_names[kind],
					       i * SZ_4K + start, size);
			list.of[kind]++;
		}
		mixed_map(sg, client, dir, &list);
		KUNIT_EXPECT_EQ_MSG(fabric->test, 0, list.error,
				    "list %d, %d entries", what, list.count);
		if (settled)
			settled(fabric->test, &list, data);
	}
}

/**
 * mixed_six - a list with all kinds of memory that the client reaches
 * @fabric: from fabric_mixed()
 *
 * Return: a list of six entries: RAM, beside, across, far, RAM, beside.  For other
 * dma_map_ops: RAM, RAM, across, across, RAM, RAM.
 */
struct fabric_sg *mixed_six(struct fabric *fabric)
{
	static const enum mixed_kind kinds[] = {
		MIXED_RAM, MIXED_BESIDE, MIXED_ACROSS, MIXED_FAR, MIXED_RAM,
		MIXED_BESIDE,
	};
	struct fabric_sg *sg = fabric_sg_alloc(fabric, ARRAY_SIZE(kinds));
	int i, reached = mixed_reached(fabric_dev(fabric, "client"));

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		mixed_add(sg, kinds[i] % reached, i);
	return sg;
}

/**
 * mixed_again - one table mapped again and again
 * @fabric: from fabric_mixed()
 * @settled: called after each time, or NULL
 * @data: for @settled
 *
 * It is mapped in all directions, and refused in between, over the DMA fields that
 * fabric_sg_map() fills with rubbish (defects 5 and 21).
 */
void mixed_again(struct fabric *fabric, mixed_settled_fn settled, void *data)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = mixed_six(fabric);
	unsigned int round;

	for (round = 0; round < 12; round++) {
		struct mixed_list list = { .count = 6, .what = round };
		bool off = round % 4 == 3;

		fabric_policy(fabric->test, off ? "off" : "auto");
		mixed_map(sg, client, round % 3, &list);
		KUNIT_EXPECT_EQ_MSG(fabric->test, list.error,
				    off ? -EREMOTEIO : 0, "round %u", round);
		if (settled)
			settled(fabric->test, &list, data);
	}
}

/**
 * mixed_edges - pieces at the edges of BARs and pages
 * @fabric: from fabric_mixed()
 * @settled: called after each, or NULL
 * @data: for @settled
 *
 * The pieces have from one byte up to the whole BAR, each with RAM before and after.
 */
void mixed_edges(struct fabric *fabric, mixed_settled_fn settled, void *data)
{
	static const struct {
		u64 offset;
		size_t size;
	} piece[] = {
		{ 0, 1 }, { SZ_4M - 1, 1 }, { 0, SZ_4M }, { 1, SZ_4M - 2 },
		{ SZ_4K - 1, 1 }, { SZ_4K, 1 }, { SZ_4K - 1, 2 },
		{ SZ_2M - 1, 2 }, { 0, SZ_4K }, { SZ_4M - SZ_4K, SZ_4K },
		{ SZ_4M - SZ_4K - 1, SZ_4K + 1 },
	};
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	enum mixed_kind kind;
	int i;

	for (i = 0; i < ARRAY_SIZE(piece); i++)
		for (kind = MIXED_ACROSS; kind < mixed_reached(client); kind++) {
			struct mixed_list list = { .count = 3, .what = i };

			fabric_sg_clear(sg);
			fabric_sg_ram(sg, SZ_4K - 1, 2);
			fabric_sg_peer(sg, mixed_names[kind], piece[i].offset,
				       piece[i].size);
			fabric_sg_ram(sg, 17, 1);
			mixed_map(sg, client, i % 3, &list);
			KUNIT_EXPECT_EQ_MSG(fabric->test, 0, list.error,
					    "piece %d of %s", i,
					    mixed_names[kind]);
			if (settled)
				settled(fabric->test, &list, data);
		}
}

/**
 * mixed_kinds - functions with memory that has struct pages, and with some that has none
 * @fabric: from fabric_mixed()
 * @settled: called after each list, or NULL
 * @data: for @settled
 *
 * Both kinds are in one BAR, and the mapping layer makes no difference between them.
 */
void mixed_kinds(struct fabric *fabric, mixed_settled_fn settled, void *data)
{
	static const struct {
		u64 offset;
		u32 size;
	} piece[] = {
		{ 0, SZ_4K },			/* with struct pages */
		{ SZ_2M + SZ_64K, SZ_4K },	/* without */
		{ SZ_2M - SZ_4K, SZ_8K },	/* in part with, in part without */
		{ SZ_4M - SZ_64K, SZ_64K },
		{ SZ_2M - SZ_64K, 64 },
		{ SZ_2M + SZ_32K, 64 },
	};
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 8);
	enum mixed_kind kind;
	int i, k;

	for (kind = MIXED_ACROSS; kind <= MIXED_FAR; kind++) {
		fabric_provider_release(fabric, mixed_names[kind]);
		fabric_provider_part(fabric, mixed_names[kind], 0, SZ_2M, 0);
		fabric_provider_plain(fabric, mixed_names[kind], 0);
	}
	for (kind = MIXED_ACROSS; kind < mixed_reached(client); kind++)
		for (i = 0; i < ARRAY_SIZE(piece); i++) {
			struct mixed_list list = { .count = 7, .what = i };

			/* All pieces, beginning with another one each time. */
			fabric_sg_clear(sg);
			for (k = 0; k < ARRAY_SIZE(piece); k++) {
				int n = (i + k) % ARRAY_SIZE(piece);

				fabric_sg_peer(sg, mixed_names[kind],
					       piece[n].offset, piece[n].size);
				if (k == 2)
					fabric_sg_ram(sg, 64, SZ_4K);
			}
			mixed_map(sg, client, i % 3, &list);
			KUNIT_EXPECT_EQ_MSG(fabric->test, 0, list.error,
					    "list %d of %s", i,
					    mixed_names[kind]);
			if (settled)
				settled(fabric->test, &list, data);
		}
}

/**
 * mixed_crossing - entries that are of two providers, or of one only in part, or
 *	empty
 * @fabric: from fabric_mixed()
 * @settled: called after each, or NULL
 * @data: for @settled
 *
 * These are refused as invalid.  The two parts as separate entries are mapped.
 */
void mixed_crossing(struct fabric *fabric, mixed_settled_fn settled, void *data)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *across = fabric_dev(fabric, "across");
	u64 edge = pci_resource_start(across, 2);
	u64 end = edge + pci_resource_len(across, 2);
	const struct {
		u64 phys;
		u32 size;
		int error;
	} entry[] = {
		{ edge - SZ_4K, SZ_8K, -EINVAL },
		{ edge - 1, 2, -EINVAL },
		{ edge - SZ_4K, SZ_4K, 0 },
		{ edge - 1, 1, 0 },
		{ edge, 1, 0 },
		{ end - 1, 1, 0 },
		{ end - 1, 2, -EINVAL },
		{ end - SZ_4K, SZ_8K, -EINVAL },
		{ edge, 0, -EINVAL },
	};
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int i;

	/* The larger BAR comes first, and the other directly after it. */
	KUNIT_ASSERT_EQ(fabric->test, edge, pci_resource_end(across, 0) + 1);
	fabric_provider(fabric, "across", 2);

	for (i = 0; i < ARRAY_SIZE(entry); i++) {
		struct mixed_list list = { .count = 3, .what = i };

		fabric_sg_clear(sg);
		fabric_sg_ram(sg, 0, SZ_4K);
		fabric_sg_phys(sg, entry[i].phys, entry[i].size);
		mixed_add(sg, MIXED_BESIDE % mixed_reached(client), 0);
		mixed_map(sg, client, DMA_FROM_DEVICE, &list);
		KUNIT_EXPECT_EQ_MSG(fabric->test, entry[i].error, list.error,
				    "entry %d", i);
		if (settled)
			settled(fabric->test, &list, data);
	}

	/* Both sides of the edge, one after the other. */
	fabric_sg_clear(sg);
	fabric_sg_phys(sg, edge - SZ_4K, SZ_4K);
	fabric_sg_phys(sg, edge, SZ_4K);
	KUNIT_EXPECT_EQ(fabric->test, 0,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	KUNIT_EXPECT_EQ(fabric->test, 2, sg->table.nents);
	fabric_sg_unmap(sg);
}

/**
 * mixed_providers_gone - a list that is unmapped after its providers have gone
 * @fabric: from fabric_mixed()
 * @settled: called after that, or NULL
 * @data: for @settled
 *
 * Sync and unmap need nothing but the list.
 */
void mixed_providers_gone(struct fabric *fabric, mixed_settled_fn settled,
			  void *data)
{
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = mixed_six(fabric);
	struct mixed_list list = { .count = 6 };
	enum mixed_kind kind;

	KUNIT_ASSERT_EQ(fabric->test, 0,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	list.nents = sg->table.nents;
	for (kind = MIXED_ACROSS; kind <= MIXED_FAR; kind++)
		fabric_provider_release(fabric, mixed_names[kind]);
	KUNIT_EXPECT_NULL(fabric->test,
			  pci_p2pdma_provider_of_phys(sg_phys(fabric_sg_entry(sg, 2)),
						      1));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	if (settled)
		settled(fabric->test, &list, data);
}

/**
 * fabric_giants - a client, and providers of 8 GiB each
 * @test: the test, with which it goes
 *
 * "across" is below another port of the switch, "beside" below another root port;
 * their memory has no struct pages.  All host bridges are trusted.
 *
 * Return: the fabric, with "client" and its providers ready for use.
 */
struct fabric *fabric_giants(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host mem=32G\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep across bar0=8G\n"
		"  rp\n"
		"    ep beside bar0=8G\n",
		NAMES("client"), NULL);

	fabric_provider_plain(fabric, "across", 0);
	fabric_provider_plain(fabric, "beside", 0);
	fabric_cpu_listed(test, true);
	return fabric;
}

/**
 * giant_lists - entries near 4 GiB, which is beyond the largest length
 * @fabric: from fabric_giants()
 * @merged: adjacent entries that go through the host bridge are merged
 * @settled: called after each, or NULL
 * @data: for @settled
 *
 * For other dma_map_ops of "across" alone.
 */
void giant_lists(struct fabric *fabric, bool merged, mixed_settled_fn settled,
		 void *data)
{
	static const struct {
		int count;
		u32 size[3];
		int merged;
	} row[] = {
		{ 1, { U32_MAX }, 1 },
		{ 1, { SZ_4G - SZ_4K }, 1 },
		{ 2, { SZ_2G, SZ_2G - SZ_4K }, 1 },
		{ 2, { SZ_2G, SZ_2G }, 2 },
		{ 3, { SZ_2G, SZ_2G, SZ_2G }, 3 },
		{ 3, { SZ_1G, SZ_1G, SZ_2G - SZ_4K }, 1 },
		{ 3, { SZ_1G, SZ_1G, SZ_2G }, 2 },
	};
	static const char * const provider[2] = { "across", "beside" };
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int i, p, n;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		for (p = 0; p < min(2, mixed_reached(client) - 1); p++) {
			struct mixed_list list = {
				.count = row[i].count, .what = i,
			};
			u64 offset = 0;

			fabric_sg_clear(sg);
			for (n = 0; n < row[i].count; n++) {
				fabric_sg_peer(sg, provider[p], offset,
					       row[i].size[n]);
				offset += row[i].size[n];
			}
			mixed_map(sg, client, i % 3, &list);
			KUNIT_EXPECT_EQ_MSG(fabric->test, 0, list.error,
					    "list %d of %s", i, provider[p]);
			KUNIT_EXPECT_EQ_MSG(fabric->test, list.nents,
					    merged && p ? row[i].merged :
							  row[i].count,
					    "list %d of %s", i, provider[p]);
			if (settled)
				settled(fabric->test, &list, data);
		}
}

/*
 * Failures.
 */

/* Is an error one of a list, or 0, which ends it? */
static bool fabric_error_in(const int *errors, int error)
{
	while (*errors && *errors != error)
		errors++;
	return *errors == error;
}

/**
 * fabric_fail_steps - map a list with one step after the other failing
 * @sg: the list, not mapped
 * @client: for whom
 * @dir: in which direction
 * @failing: how steps are made to fail
 * @error: what mapping must return; NULL for one of &fabric_failing.errors
 * @data: for @failing
 *
 * Ends with the first mapping in which no step has failed.  fabric_sg_map() and
 * fabric_sg_unmap() check the list each time.
 *
 * Return: how many steps there are.
 */
int fabric_fail_steps(struct fabric_sg *sg, struct pci_dev *client,
		      enum dma_data_direction dir,
		      const struct fabric_failing *failing,
		      fabric_error_fn error, void *data)
{
	struct kunit *test = sg->fabric->test;
	bool failed = true;
	int step, ret;

	for (step = 0; failed && step < 100; step++) {
		failing->arm(data, step);
		ret = fabric_sg_map(sg, client, dir);
		failed = failing->disarm(data);
		if (!failed)
			KUNIT_EXPECT_EQ(test, ret, 0);
		else if (error)
			KUNIT_EXPECT_EQ_MSG(test, ret, error(step),
					    "step %d fails", step);
		else
			KUNIT_EXPECT_TRUE_MSG(test,
					      fabric_error_in(failing->errors,
							      ret),
					      "step %d fails: error %d", step,
					      ret);
		if (!ret)
			fabric_sg_unmap(sg);
		failing->settled(test, data);
	}
	KUNIT_EXPECT_FALSE_MSG(test, failed, "there is no end of failures");
	return step - 1;
}

#ifdef CONFIG_FAIL_PAGE_ALLOC
/* Set a knob of fault injection, as root would. */
static void fabric_fail_set(struct kunit *test, const char *path,
			    const char *value)
{
	unsigned long user = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);
	struct file_system_type *type = get_fs_type("debugfs");
	size_t len = strlen(value);
	struct vfsmount *mnt;
	struct file *file;
	ssize_t ret;
	loff_t pos = 0;

	KUNIT_ASSERT_NOT_NULL(test, type);
	KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)user, value, len));
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	file = file_open_root_mnt(mnt, path, O_WRONLY, 0);
	ret = PTR_ERR_OR_ZERO(file);
	if (!ret) {
		ret = vfs_write(file, (void __user *)user, len, &pos);
		fput(file);
	}
	kern_unmount(mnt);
	KUNIT_ASSERT_EQ_MSG(test, ret, len, "%s", path);
}

/**
 * fabric_fail_begin - prepare to make allocations fail
 * @test: the test; skipped where the kernel cannot inject failures
 * @sleeping: allocations that may sleep fail too
 * @pages: allocations of single pages fail too, as for page tables
 *
 * The kernel's message for each failure is switched off.
 */
void fabric_fail_begin(struct kunit *test, bool sleeping, bool pages)
{
	const char *ignore = sleeping ? "N" : "Y";

	fabric_fail_set(test, "failslab/verbose", "0");
	fabric_fail_set(test, "failslab/ignore-gfp-wait", ignore);
	fabric_fail_set(test, "fail_page_alloc/verbose", "0");
	fabric_fail_set(test, "fail_page_alloc/ignore-gfp-wait", ignore);
	fabric_fail_set(test, "fail_page_alloc/min-order", pages ? "0" : "1");
}

/**
 * fabric_fail_nth - make an allocation of this task fail
 * @step: its number, from 0 on
 *
 * This is what /proc/<pid>/fail-nth does.  KUnit may allocate for an expectation, so
 * that there must be none before fabric_failed_nth().
 */
void fabric_fail_nth(int step)
{
	current->fail_nth = step + 1;
}

/**
 * fabric_failed_nth - end what fabric_fail_nth() has begun
 *
 * Return: whether one has failed.
 */
bool fabric_failed_nth(void)
{
	bool failed = !current->fail_nth;

	current->fail_nth = 0;
	return failed;
}
#else
void fabric_fail_begin(struct kunit *test, bool sleeping, bool pages)
{
	kunit_skip(test, "needs CONFIG_FAIL_PAGE_ALLOC");
}

void fabric_fail_nth(int step)
{
}

bool fabric_failed_nth(void)
{
	return false;
}
#endif

struct fabric_failing_allocation {
	void (*settled)(struct kunit *test, void *data);
	void *data;
};

static void fabric_arm_allocation(void *data, int step)
{
	fabric_fail_nth(step);
}

static bool fabric_disarm_allocation(void *data)
{
	return fabric_failed_nth();
}

static void fabric_settled_allocation(struct kunit *test, void *data)
{
	struct fabric_failing_allocation *allocation = data;

	allocation->settled(test, allocation->data);
}

/**
 * fabric_fail_allocations - map a list with one allocation after the other failing
 * @sg: the list, not mapped
 * @client: for whom; the direction is DMA_TO_DEVICE, as DMA-API debug allocates for
 *	memory that a device writes, and switches itself off if that fails
 * @errors: errors that mapping may return, ended by 0, which it may return too
 * @settled: checks the state after each attempt
 * @data: for @settled
 *
 * Only allocations that may not sleep can fail, as all of a mapping.  Some may fail
 * without an error.  The test is skipped where the kernel cannot inject failures.
 *
 * Return: how many allocations there are.
 */
int fabric_fail_allocations(struct fabric_sg *sg, struct pci_dev *client,
			    const int *errors,
			    void (*settled)(struct kunit *test, void *data),
			    void *data)
{
	const struct fabric_failing failing = {
		.arm = fabric_arm_allocation,
		.disarm = fabric_disarm_allocation,
		.settled = fabric_settled_allocation,
		.errors = errors,
	};
	struct fabric_failing_allocation allocation = {
		.settled = settled, .data = data,
	};

	fabric_fail_begin(sg->fabric->test, false, false);
	return fabric_fail_steps(sg, client, DMA_TO_DEVICE, &failing, NULL,
				 &allocation);
}

/*
 * Bounce buffers.
 */

/*
 * Bounce buffers of a client that must bounce, and of one whose buffers are full.
 */
static struct io_tlb_mem fabric_forced_buffers;
static struct io_tlb_mem fabric_full_buffers;

/**
 * fabric_bounce_buffers - allocate bounce buffers if the machine has none
 * @test: the test
 *
 * They stay for as long as the machine runs.
 */
void fabric_bounce_buffers(struct kunit *test)
{
	if (is_swiotlb_allocated())
		return;
	KUNIT_ASSERT_EQ_MSG(test, 0, swiotlb_init_late(SZ_8M, GFP_KERNEL, NULL),
			    "no memory for bounce buffers");
	KUNIT_ASSERT_TRUE(test, is_swiotlb_allocated());
}

/**
 * fabric_bounce_full - make a device's bounce buffers full
 * @fabric: the fabric
 * @client: the device, which has bounced nothing yet
 *
 * Mappings that need bouncing fail from now on, without a warning.
 */
void fabric_bounce_full(struct fabric *fabric, struct pci_dev *client)
{
	fabric_bounce_buffers(fabric->test);
	swiotlb_dev_init(&client->dev);
	fabric_full_buffers = *client->dev.dma_io_tlb_mem;
	fabric_full_buffers.defpool.area_nslabs = 0;
	client->dev.dma_io_tlb_mem = &fabric_full_buffers;
}

/**
 * fabric_must_bounce - say whether a device must use bounce buffers
 * @fabric: the fabric
 * @client: the device, for which nothing is mapped
 * @must: whether it must
 */
void fabric_must_bounce(struct fabric *fabric, struct pci_dev *client, bool must)
{
	fabric_bounce_buffers(fabric->test);
	swiotlb_dev_init(&client->dev);
	if (!must)
		return;
	fabric_forced_buffers = *client->dev.dma_io_tlb_mem;
	fabric_forced_buffers.force_bounce = true;
	client->dev.dma_io_tlb_mem = &fabric_forced_buffers;
}

/**
 * fabric_hide_ram - put memory out of a device's reach
 * @fabric: the fabric
 * @client: the device, that no IOMMU translates
 * @phys: CPU physical address
 * @size: bytes; 0 for the device to reach all memory again
 *
 * The device's dma_range_map leaves the memory out, as if its bus did not reach it.
 */
void fabric_hide_ram(struct fabric *fabric, struct pci_dev *client,
		     phys_addr_t phys, size_t size)
{
	struct bus_dma_region *map = NULL;

	if (size) {
		map = kcalloc(3, sizeof(*map), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(fabric->test, map);
		map[0].size = phys;
		map[1].cpu_start = phys + size;
		map[1].dma_start = phys + size;
		map[1].size = BIT_ULL(52) - (phys + size);
	}
	/* The device frees it when it goes. */
	kfree(client->dev.dma_range_map);
	client->dev.dma_range_map = map;
}

/*
 * The kernel log.
 */

/**
 * fabric_log_now - where the kernel log ends
 *
 * Return: for fabric_log_count().
 */
u64 fabric_log_now(void)
{
	struct kmsg_dump_iter iter;

	kmsg_dump_rewind(&iter);
	return iter.next_seq;
}

/**
 * fabric_log_count - how many messages of the kernel log contain a text
 * @since: from where on, from fabric_log_now()
 * @text: the text
 * @more: another text that they contain; or NULL
 *
 * Return: the number of messages.
 */
int fabric_log_count(u64 since, const char *text, const char *more)
{
	struct kmsg_dump_iter iter = { .cur_seq = since };
	size_t len;
	char line[512];
	int count = 0;

	while (kmsg_dump_get_line(&iter, false, line, sizeof(line) - 1, &len)) {
		line[len] = '\0';
		if (strstr(line, text) && (!more || strstr(line, more)))
			count++;
	}
	return count;
}

/**
 * fabric_expect_logged - expect messages in the kernel log; see expect_logged()
 * @test: the test
 * @since: from where on, from fabric_log_now()
 * @times: how many messages
 * @text: a text that each of them contains
 * @more: another text that each of them contains; or NULL
 * @line: of the caller
 */
void fabric_expect_logged(struct kunit *test, u64 since, int times,
			  const char *text, const char *more, int line)
{
	KUNIT_EXPECT_EQ_MSG(test, times, fabric_log_count(since, text, more),
			    "line %d: \"%s\", \"%s\"", line, text,
			    more ?: "");
}
