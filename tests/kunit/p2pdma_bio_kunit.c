// SPDX-License-Identifier: GPL-2.0
/*
 * Bios with peer memory: which are refused when they are submitted. The block
 * devices have a driver that counts the bios that reach it.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/mm.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_sg.h"

#define MAX_PAGES	4

static const char picture[] =
	"host\n"
	"  rp\n"
	"    up\n"
	"      dp\n"
	"        ep client\n"
	"      dp\n"
	"        ep one bar0=2M\n"
	"  rp\n"
	"    ep two bar0=2M\n"
	"  rp\n"
	"    ep bare bar0=2M\n";

/* A block device, and what has reached its driver. */
struct disk {
	struct gendisk *gendisk;
	struct gendisk *below;		/* where its driver sends bios on to */
	unsigned int seen;
};

static void disk_submit_bio(struct bio *bio)
{
	struct disk *disk = bio->bi_bdev->bd_disk->private_data;

	disk->seen++;
	if (disk->below) {
		bio_set_dev(bio, disk->below->part0);
		submit_bio_noacct(bio);
	} else {
		bio_endio(bio);
	}
}

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.submit_bio = disk_submit_bio,
};

static void disk_remove(void *data)
{
	struct gendisk *gendisk = data;

	del_gendisk(gendisk);
	put_disk(gendisk);
}

static struct disk *disk_create(struct kunit *test, struct device *parent,
				blk_features_t features)
{
	struct queue_limits limits = {
		.features = features,
		.max_hw_discard_sectors = UINT_MAX,
	};
	static unsigned int number;
	struct disk *disk = kunit_kzalloc(test, sizeof(*disk), GFP_KERNEL);
	struct gendisk *gendisk;

	KUNIT_ASSERT_NOT_NULL(test, disk);
	gendisk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(gendisk));
	gendisk->fops = &disk_ops;
	gendisk->private_data = disk;
	gendisk->flags |= GENHD_FL_NO_PART;
	snprintf(gendisk->disk_name, DISK_NAME_LEN, "p2pdma%u", number++);
	set_capacity(gendisk, 1024);
	if (device_add_disk(parent, gendisk, NULL)) {
		put_disk(gendisk);
		KUNIT_FAIL_AND_ABORT(test, "no disk");
	}
	disk->gendisk = gendisk;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, disk_remove, gendisk));
	return disk;
}

static struct fabric *create(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test, picture, NAMES("client"),
					     NAMES("one", "two"));

	fabric_provider_plain(fabric, "bare", 0);
	fabric_guest(test, false);
	return fabric;
}

static struct page *peer_page(struct fabric *fabric, const char *name, int index)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	return pfn_to_page(PHYS_PFN(pci_resource_start(pdev, 0)) + index);
}

static void free_page_action(void *page)
{
	__free_page(page);
}

static struct page *ram_page(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_page_action, page));
	return page;
}

static void bio_put_action(void *bio)
{
	bio_put(bio);
}

/* A bio of whole pages, filled without the checks of bio_add_page(). */
static struct bio *make_bio(struct kunit *test, struct disk *disk, blk_opf_t opf,
			    struct page **pages, int count)
{
	struct bio *bio = bio_alloc(disk->gendisk->part0, MAX_PAGES, opf,
				    GFP_KERNEL);
	int i;

	for (i = 0; i < count; i++)
		__bio_add_page(bio, pages[i], PAGE_SIZE, 0);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, bio_put_action, bio));
	return bio;
}

/*
 * Submit such a bio, and expect its status; a refused one must not reach the
 * driver.
 */
static void expect_submit(struct kunit *test, struct disk *disk, blk_opf_t opf,
			  struct page **pages, int count, blk_status_t status,
			  int line)
{
	struct bio *bio = make_bio(test, disk, opf, pages, count);
	unsigned int seen = disk->seen;

	submit_bio_wait(bio);
	KUNIT_EXPECT_EQ_MSG(test, (__force int)status,
			    (__force int)bio->bi_status, "line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, status ? 0 : 1, disk->seen - seen, "line %d",
			    line);
}

#define EXPECT_TAKEN(disk, opf, ...) \
	expect_submit(test, disk, opf, (struct page *[]) { __VA_ARGS__ }, \
		      sizeof((struct page *[]) { __VA_ARGS__ }) / \
		      sizeof(struct page *), BLK_STS_OK, __LINE__)
#define EXPECT_REFUSED(disk, opf, ...) \
	expect_submit(test, disk, opf, (struct page *[]) { __VA_ARGS__ }, \
		      sizeof((struct page *[]) { __VA_ARGS__ }) / \
		      sizeof(struct page *), BLK_STS_TARGET, __LINE__)

/* Stock defect 19. */
static void refused_at_submission(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *disk = disk_create(test, NULL, 0);
	struct page *ram = ram_page(test);

	EXPECT_TAKEN(disk, REQ_OP_READ, ram);
	EXPECT_TAKEN(disk, REQ_OP_WRITE, ram, ram_page(test));
	EXPECT_REFUSED(disk, REQ_OP_READ, peer_page(fabric, "one", 0));
	EXPECT_REFUSED(disk, REQ_OP_WRITE, peer_page(fabric, "one", 0));
	EXPECT_REFUSED(disk, REQ_OP_WRITE, peer_page(fabric, "two", 511));
	/* Peer memory without struct pages is recognised too. */
	EXPECT_REFUSED(disk, REQ_OP_READ, peer_page(fabric, "bare", 3));
	/* Peer memory at any place in the bio counts. */
	EXPECT_REFUSED(disk, REQ_OP_READ, ram, peer_page(fabric, "one", 1));
	EXPECT_REFUSED(disk, REQ_OP_READ, peer_page(fabric, "one", 1), ram);
	EXPECT_REFUSED(disk, REQ_OP_WRITE, ram, ram_page(test),
		       peer_page(fabric, "two", 1), ram_page(test));
	EXPECT_REFUSED(disk, REQ_OP_WRITE, ram, ram_page(test), ram_page(test),
		       peer_page(fabric, "bare", 0));
}

static void taken_by_queue(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *disk = disk_create(test, NULL, BLK_FEAT_PCI_P2PDMA);
	struct page *ram = ram_page(test);

	EXPECT_TAKEN(disk, REQ_OP_READ, ram);
	EXPECT_TAKEN(disk, REQ_OP_READ, peer_page(fabric, "one", 0));
	EXPECT_TAKEN(disk, REQ_OP_WRITE, peer_page(fabric, "two", 0));
	/* RAM and several providers in one bio are left to the mapping layer. */
	EXPECT_TAKEN(disk, REQ_OP_WRITE, ram, peer_page(fabric, "two", 0),
		     peer_page(fabric, "one", 0));
}

/* A bio without data is never refused. */
static void without_data(struct kunit *test)
{
	struct disk *disk;
	struct bio *bio;

	create(test);
	disk = disk_create(test, NULL, BLK_FEAT_WRITE_CACHE);
	bio = make_bio(test, disk, REQ_OP_WRITE | REQ_PREFLUSH, NULL, 0);
	KUNIT_EXPECT_EQ(test, 0, submit_bio_wait(bio));
	bio = make_bio(test, disk, REQ_OP_DISCARD, NULL, 0);
	bio->bi_iter.bi_size = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 0, submit_bio_wait(bio));
	KUNIT_EXPECT_EQ(test, 2, disk->seen);
}

/* Only the part of a bio that has not completed yet counts. */
static void the_rest_counts(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *disk = disk_create(test, NULL, 0);
	struct page *pages[] = {
		ram_page(test), peer_page(fabric, "one", 0), ram_page(test),
	};
	struct bio *bio;

	bio = make_bio(test, disk, REQ_OP_WRITE, pages, 3);
	bio_advance(bio, 2 * PAGE_SIZE - 512);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, submit_bio_wait(bio));

	bio = make_bio(test, disk, REQ_OP_WRITE, pages, 3);
	bio_advance(bio, 2 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, submit_bio_wait(bio));

	bio = make_bio(test, disk, REQ_OP_WRITE, pages, 3);
	bio->bi_iter.bi_size = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, 0, submit_bio_wait(bio));
	KUNIT_EXPECT_EQ(test, 2, disk->seen);
}

/*
 * A stacked device has the feature, and its member does not: the member refuses.
 */
static void members_are_asked(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *top = disk_create(test, NULL, BLK_FEAT_PCI_P2PDMA);
	struct disk *below = disk_create(test, NULL, 0);
	struct page *pages[] = { peer_page(fabric, "one", 0) };
	struct bio *bio;

	top->below = below->gendisk;
	bio = make_bio(test, top, REQ_OP_READ, pages, 1);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, submit_bio_wait(bio));
	KUNIT_EXPECT_EQ(test, 1, top->seen);
	KUNIT_EXPECT_EQ(test, 0, below->seen);

	pages[0] = ram_page(test);
	bio = make_bio(test, top, REQ_OP_READ, pages, 1);
	KUNIT_EXPECT_EQ(test, 0, submit_bio_wait(bio));
	KUNIT_EXPECT_EQ(test, 2, top->seen);
	KUNIT_EXPECT_EQ(test, 1, below->seen);
}

/*
 * The kernel's own bio_add_page() does not put peer memory and RAM, or two
 * providers, into one bio.  We rely on it.
 */
static void bio_add_page_does_not_mix(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *disk = disk_create(test, NULL, BLK_FEAT_PCI_P2PDMA);
	struct page *pages[] = {
		ram_page(test), peer_page(fabric, "one", 5),
		peer_page(fabric, "two", 5),
	};
	int first, second;

	for (first = 0; first < 3; first++) {
		for (second = 0; second < 3; second++) {
			struct bio *bio = make_bio(test, disk, REQ_OP_READ,
						   &pages[first], 1);
			bool mixed = first != second;

			KUNIT_EXPECT_EQ_MSG(test, mixed ? 0 : 512,
					    bio_add_page(bio, pages[second], 512,
							 0),
					    "%d after %d", second, first);
			KUNIT_EXPECT_EQ(test, mixed ? 1 : 2, bio->bi_vcnt);
			KUNIT_EXPECT_EQ(test, PAGE_SIZE + (mixed ? 0 : 512),
					bio->bi_iter.bi_size);
		}
	}
}

static void key_enable(void *unused)
{
	static_branch_enable(&pci_p2pdma_key);
}

static void key_off(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct disk *disk = disk_create(test, NULL, 0);

	static_branch_disable(&pci_p2pdma_key);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, key_enable, NULL));
	EXPECT_TAKEN(disk, REQ_OP_READ, peer_page(fabric, "one", 0));
	kunit_release_action(test, key_enable, NULL);
	EXPECT_REFUSED(disk, REQ_OP_READ, peer_page(fabric, "one", 0));
}

/*
 * A stacked device has the feature if its driver sets it and every member has it.
 */
static void limits_stack(struct kunit *test)
{
	int top, one, two;

	for (top = 0; top <= 1; top++)
		for (one = 0; one <= 1; one++)
			for (two = 0; two <= 1; two++) {
				struct queue_limits t, a, b;

				blk_set_stacking_limits(&t);
				blk_set_stacking_limits(&a);
				blk_set_stacking_limits(&b);
				if (top)
					t.features |= BLK_FEAT_PCI_P2PDMA;
				if (one)
					a.features |= BLK_FEAT_PCI_P2PDMA;
				if (two)
					b.features |= BLK_FEAT_PCI_P2PDMA;
				blk_stack_limits(&t, &a, 0);
				blk_stack_limits(&t, &b, 0);
				KUNIT_EXPECT_EQ(test, top && one && two,
						!!(t.features &
						   BLK_FEAT_PCI_P2PDMA));
			}
}

/* The question of a mirror before it sends a bio to all members. */
static void bio_reached(struct kunit *test)
{
	struct fabric *fabric = create(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct disk *disk = disk_create(test, &client->dev, BLK_FEAT_PCI_P2PDMA);
	struct disk *nowhere = disk_create(test, NULL, BLK_FEAT_PCI_P2PDMA);
	struct disk *plain = disk_create(test, &client->dev, 0);
	struct block_device *bdev = disk->gendisk->part0;
	struct page *one = peer_page(fabric, "one", 0);
	struct page *pages[] = { one, peer_page(fabric, "one", 7) };
	struct page *both[] = { ram_page(test), one, peer_page(fabric, "two", 0) };
	struct bio *ram, *near, *far, *far_read;

	fabric_cpu_listed(test, false);
	ram = make_bio(test, disk, REQ_OP_WRITE, both, 1);
	near = make_bio(test, disk, REQ_OP_WRITE, pages, 2);
	far = make_bio(test, disk, REQ_OP_WRITE, both, 3);
	far_read = make_bio(test, disk, REQ_OP_READ, both, 3);

	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bio_reached(ram, bdev));
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bio_reached(near, bdev));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_bio_reached(far, bdev));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_bio_reached(far_read, bdev));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_bio_has_peer(ram));
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bio_has_peer(near));
	/* A disk without the feature gets no peer memory, whatever the route. */
	KUNIT_EXPECT_TRUE(test,
			  pci_p2pdma_bio_reached(ram, plain->gendisk->part0));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_bio_reached(near, plain->gendisk->part0));
	/* A disk that is not of a PCI function has no route. */
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bdev_is_pci(bdev));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_bdev_is_pci(nowhere->gendisk->part0));
	KUNIT_EXPECT_TRUE(test,
			  pci_p2pdma_bio_reached(ram, nowhere->gendisk->part0));
	KUNIT_EXPECT_FALSE(test,
			   pci_p2pdma_bio_reached(near,
						  nowhere->gendisk->part0));

	/* To read from a disk into peer memory the controller writes. */
	fabric_policy(test, "auto,trust=%s@w", pci_name(client));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_bio_reached(far, bdev));
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bio_reached(far_read, bdev));

	fabric_policy(test, "off");
	KUNIT_EXPECT_TRUE(test, pci_p2pdma_bio_reached(ram, bdev));
	KUNIT_EXPECT_FALSE(test, pci_p2pdma_bio_reached(near, bdev));
}

static struct kunit_case p2pdma_bio_cases[] = {
	KUNIT_CASE(refused_at_submission),
	KUNIT_CASE(taken_by_queue),
	KUNIT_CASE(without_data),
	KUNIT_CASE(the_rest_counts),
	KUNIT_CASE(members_are_asked),
	KUNIT_CASE(bio_add_page_does_not_mix),
	KUNIT_CASE(key_off),
	KUNIT_CASE(limits_stack),
	KUNIT_CASE(bio_reached),
	{}
};

static struct kunit_suite p2pdma_bio_suite = {
	.name = "p2pdma_bio",
	.test_cases = p2pdma_bio_cases,
};

kunit_test_suite(p2pdma_bio_suite);

MODULE_DESCRIPTION("KUnit tests of bios with peer memory");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
