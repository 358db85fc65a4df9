// SPDX-License-Identifier: GPL-2.0
/*
 * The policy on a fabric: what each mode, deny= and trust= make of the routes of
 * real devices, also when it is changed while they are in use.
 *
 * Its grammar, and which devices an entry stands for, is tested without devices in
 * p2pdma_policy_kunit.c.
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/debug_locks.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mount.h>
#include <linux/panic.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_common.h"
#include "mock_iommu.h"

/* The route of a pair: its verdict and reason. */
struct verdict {
	enum pci_p2pdma_map_type type;
	enum pci_p2pdma_reason reason;
};

#define BUS(r)	{ PCI_P2PDMA_MAP_BUS_ADDR, PCI_P2PDMA_##r }
#define HOST(r)	{ PCI_P2PDMA_MAP_THRU_HOST_BRIDGE, PCI_P2PDMA_##r }
#define NO(r)	{ PCI_P2PDMA_MAP_NOT_SUPPORTED, PCI_P2PDMA_##r }

/* The client's routes across the switch, over the host bridge, and to itself. */
struct mode_row {
	const char *policy;
	bool trusted;
	struct verdict provider, beside, own;
};

static const struct mode_row untranslated[] = {
	{ "auto", false, BUS(DIRECT), NO(HOST_BRIDGE_UNTRUSTED),
	  BUS(SAME_FUNCTION) },
	{ "auto", true, BUS(DIRECT), HOST(NO_COMMON_PORT), BUS(SAME_FUNCTION) },
	{ "off", false, NO(POLICY_OFF), NO(POLICY_OFF), NO(POLICY_OFF) },
	{ "off", true, NO(POLICY_OFF), NO(POLICY_OFF), NO(POLICY_OFF) },
	{ "switch", false, BUS(DIRECT), NO(POLICY_SWITCH), BUS(SAME_FUNCTION) },
	{ "switch", true, BUS(DIRECT), NO(POLICY_SWITCH), BUS(SAME_FUNCTION) },
	{ "host", false, NO(POLICY_HOST), NO(HOST_BRIDGE_UNTRUSTED),
	  BUS(SAME_FUNCTION) },
	{ "host", true, NO(POLICY_HOST), HOST(NO_COMMON_PORT),
	  BUS(SAME_FUNCTION) },
};

static const struct mode_row translated[] = {
	{ "auto", false, BUS(DIRECT), NO(HOST_BRIDGE_UNTRUSTED),
	  BUS(SAME_FUNCTION) },
	{ "auto", true, BUS(DIRECT), HOST(NO_COMMON_PORT), BUS(SAME_FUNCTION) },
	{ "off", true, NO(POLICY_OFF), NO(POLICY_OFF), NO(POLICY_OFF) },
	{ "switch", true, BUS(DIRECT), NO(POLICY_SWITCH), BUS(SAME_FUNCTION) },
	{ "host", false, NO(HOST_BRIDGE_UNTRUSTED), NO(HOST_BRIDGE_UNTRUSTED),
	  BUS(SAME_FUNCTION) },
	{ "host", true, HOST(POLICY_HOST), HOST(NO_COMMON_PORT),
	  BUS(SAME_FUNCTION) },
};

static void expect_pair(struct fabric *fabric, const char *provider,
			enum dma_data_direction dir, struct verdict verdict,
			int line)
{
	fabric_expect_route(fabric, "client", provider, dir, verdict.type,
			    verdict.reason, line);
}

static void check_modes(struct fabric *fabric, const struct mode_row *row,
			int rows)
{
	enum dma_data_direction dir;
	int i;

	fabric_provider(fabric, "client", 0);
	for (i = 0; i < rows; i++) {
		fabric_cpu_listed(fabric->test, row[i].trusted);
		fabric_policy(fabric->test, "%s", row[i].policy);
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
			/* Rows are told apart by their number. */
			expect_pair(fabric, "provider", dir, row[i].provider, i);
			expect_pair(fabric, "beside", dir, row[i].beside, i);
			expect_pair(fabric, "client", dir, row[i].own, i);
		}
	}
}

static void policy_modes(struct kunit *test)
{
	check_modes(fabric_switch(test), untranslated, ARRAY_SIZE(untranslated));
}

static void policy_modes_translated(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);

	check_modes(fabric_switch(test), translated, ARRAY_SIZE(translated));
	KUNIT_EXPECT_EQ(test, 0, mock->faults);
}

/*
 * Mode off refuses all peer memory, and no RAM; lists that are mapped stay mapped.
 */
static void policy_off_maps_nothing(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *before = mixed_six(fabric);
	struct fabric_sg *ram = fabric_sg_alloc(fabric, 1);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 3);
	int live, code, i;

	KUNIT_ASSERT_EQ(test, 0,
			fabric_sg_map(before, client, DMA_BIDIRECTIONAL));
	live = atomic_read(&mock->live);

	fabric_policy(test, "off");
	for (code = 1; code < 64; code++) {
		fabric_sg_clear(sg);
		for (i = 0; i < 3; i++)
			mixed_add(sg, code >> 2 * i & 3, i);
		KUNIT_EXPECT_EQ_MSG(test, -EREMOTEIO,
				    fabric_sg_map(sg, client, code % 3),
				    "list %#x", code);
		KUNIT_EXPECT_EQ(test, live, atomic_read(&mock->live));
	}
	fabric_sg_ram(ram, 0, SZ_4K);
	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(ram, client, DMA_BIDIRECTIONAL));
	fabric_sg_unmap(ram);

	fabric_sg_sync(before);
	fabric_sg_unmap(before);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
}

/* Every way to name a device, as client and as provider, and at run time. */
static void policy_deny(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0xfb02\n"
		"  rp r dev=3\n"
		"    up\n"
		"      dp dev=1\n"
		"        ep client id=1fab:0c1d bar0=2M\n"
		"      dp dev=2\n"
		"        ep provider id=1fab:0f0d bar0=2M\n"
		"        ep other fn=1 id=1fab:0bad bar0=2M\n",
		NAMES("client"), NAMES("client", "provider", "other"));
	static const struct {
		const char *device;
		bool client, provider, other;
	} row[] = {
		{ "pci:1fab:0c1d", .client = true },
		{ "pci:1fab:0f0d", .provider = true },
		{ "pci:1fab:0:1fab:0f0d", .provider = true },
		{ "pci:1fab:0f0d:1fab:0bad" },
		{ "fb02:00:03.0/00.0/01.0/00.0", .client = true },
		{ "fb02:00:03.0/00.0/02.0/00.0", .provider = true },
		{ "fb02:00:03.0/00.0/02.0/00.1", .other = true },
		{ "fb02:00:03.0/00.0/02.0/00.1;pci:1fab:0f0d",
		  .provider = true, .other = true },
		/* The path begins with a port that does not exist. */
		{ "fb02:00:01.0/03.0/00.0/01.0/00.0" },
		/*
		 * Another domain, another bus, and only a port above the devices.
		 */
		{ "0001:00:03.0/00.0/01.0/00.0" },
		{ "fb02:ff:03.0/00.0/01.0/00.0" },
		{ "fb02:00:03.0" },
		{ "fb02:00:03.0/00.0/01.0" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		fabric_policy(test, "deny=%s", row[i].device);
		if (row[i].client || row[i].provider)
			expect_refused(fabric, "client", "provider",
				       DMA_BIDIRECTIONAL, DENIED);
		else
			expect_bus(fabric, "client", "provider",
				   DMA_BIDIRECTIONAL, DIRECT);
		if (row[i].client || row[i].other)
			expect_refused(fabric, "client", "other",
				       DMA_BIDIRECTIONAL, DENIED);
		else
			expect_bus(fabric, "client", "other",
				   DMA_BIDIRECTIONAL, DIRECT);
		if (row[i].client)
			expect_refused(fabric, "client", "client",
				       DMA_FROM_DEVICE, DENIED);
	}

	/* By PCI address. The next policy replaces deny= too. */
	fabric_policy(test, "deny=%s", pci_name(fabric_dev(fabric, "provider")));
	expect_refused(fabric, "client", "provider", DMA_FROM_DEVICE, DENIED);
	fabric_policy(test, "auto");
	expect_bus(fabric, "client", "provider", DMA_FROM_DEVICE, DIRECT);
}

/* A list that was mapped before its device was denied can be unmapped. */
static void policy_deny_while_mapped(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct fabric_sg *sg = mixed_six(fabric);

	KUNIT_ASSERT_EQ(test, 0, fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
	fabric_policy(test, "deny=%s", pci_name(client));
	fabric_sg_sync(sg);
	fabric_sg_unmap(sg);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO,
			fabric_sg_map(sg, client, DMA_BIDIRECTIONAL));
}

/* Two host bridges, with two ports each. */
static struct fabric *create_bridges(struct kunit *test)
{
	return fabric_setup(test,
			    "host bus=0x90000000\n"
			    "  rp dev=1\n"
			    "    ep client id=1fab:0001\n"
			    "  rp dev=2\n"
			    "    ep near id=1fab:0002 bar0=2M\n"
			    "host bus=0x700000000000\n"
			    "  rp dev=1\n"
			    "    ep far id=1fab:0003 bar0=2M\n"
			    "  rp x dev=2\n",
			    NAMES("client"), NAMES("near", "far"));
}

/* What the bridges forward, as far as the policy knows. */
static void expect_trust(struct fabric *fabric, bool near_writes,
			 bool near_reads, bool far_writes, bool far_reads)
{
	const bool trusted[2][2] = {
		{ near_writes, near_reads }, { far_writes, far_reads },
	};
	static const char * const provider[] = { "near", "far" };
	enum dma_data_direction dir;
	int i;

	for (i = 0; i < 2; i++)
		for (dir = DMA_BIDIRECTIONAL; dir <= DMA_FROM_DEVICE; dir++) {
			bool reads = dir != DMA_FROM_DEVICE;

			if (trusted[i][reads])
				expect_host(fabric, "client", provider[i], dir,
					    NO_COMMON_PORT);
			else
				expect_refused(fabric, "client", provider[i],
					       dir, HOST_BRIDGE_UNTRUSTED);
		}
}

/*
 * Trust counts for a host bridge and a direction; between two bridges both need
 * it.
 */
static void policy_trust(struct kunit *test)
{
	struct fabric *fabric = create_bridges(test);
	struct pci_dev *client = fabric_dev(fabric, "client");
	char here[32], there[32];

	strscpy(here, pci_name(client), sizeof(here));
	strscpy(there, pci_name(fabric_dev(fabric, "far")), sizeof(there));

	expect_trust(fabric, false, false, false, false);
	fabric_policy(test, "trust=%s@w", here);
	expect_trust(fabric, true, false, false, false);
	fabric_policy(test, "trust=%s", here);
	expect_trust(fabric, true, true, false, false);
	fabric_policy(test, "trust=%s", there);
	expect_trust(fabric, false, false, false, false);
	fabric_policy(test, "trust=%s;%s@w", here, there);
	expect_trust(fabric, true, true, true, false);
	fabric_policy(test, "trust=%s@w;%s", here, there);
	expect_trust(fabric, true, false, true, false);
	fabric_policy(test, "trust=%s;%s", here, there);
	expect_trust(fabric, true, true, true, true);

	/*
	 * The host bridge is named by any device or port below it, by ID or by
	 * path.
	 */
	fabric_policy(test, "trust=pci:1fab:0002,trust=pci:1fab:0003@w");
	expect_trust(fabric, true, true, true, false);
	fabric_policy(test, "trust=%04x:00:02.0/00.0",
		      pci_domain_nr(client->bus));
	expect_trust(fabric, true, true, false, false);
	fabric_policy(test, "trust=%04x:00:01.0@w;%s",
		      pci_domain_nr(client->bus), there);
	expect_trust(fabric, true, false, true, false);

	/*
	 * The next policy replaces the whole policy; one with a syntax error
	 * changes nothing.
	 */
	KUNIT_EXPECT_EQ(test, -EINVAL, p2pdma_policy_set("auto,trust=oops"));
	expect_trust(fabric, true, false, true, false);
	fabric_policy(test, "auto");
	expect_trust(fabric, false, false, false, false);

	/* Trust does not allow what the mode forbids. */
	fabric_policy(test, "switch,trust=%s", here);
	expect_refused(fabric, "client", "near", DMA_FROM_DEVICE,
		       POLICY_SWITCH);
}

/* A host bridge is trusted while a device that names it is plugged in. */
static void policy_trust_follows_devices(struct kunit *test)
{
	struct fabric *fabric = create_bridges(test);

	fabric_policy(test, "trust=pci:1fab:0001;pci:1fab:0009@w");
	expect_trust(fabric, true, true, false, false);

	/*
	 * A device that the policy names is plugged in, unplugged, and plugged in
	 * again.
	 */
	fabric_plug(fabric, "x", "ep nine id=1fab:0009\n");
	expect_trust(fabric, true, true, true, false);
	fabric_unplug(fabric, "nine");
	expect_trust(fabric, true, true, false, false);
	fabric_replug(fabric, "nine");
	expect_trust(fabric, true, true, true, false);

	/* Another policy names another device while the first is plugged in. */
	fabric_policy(test, "trust=pci:1fab:0001;pci:1fab:0003");
	expect_trust(fabric, true, true, true, true);
	fabric_unplug(fabric, "nine");
	expect_trust(fabric, true, true, true, true);
}

/* trust= is logged once for a host bridge, and again if reads follow writes. */
static void policy_trust_warns_once(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0xfb00\n"
		"  rp\n"
		"    ep client bar0=2M\n"
		"  rp\n"
		"    ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	const char *bridge = "fb00:00: p2pdma=trust: peer-to-peer";
	const char *client = pci_name(fabric_dev(fabric, "client"));
	u64 since = fabric_log_now();
	int i;

	for (i = 0; i < 3; i++) {
		fabric_policy(test, "trust=%s@w", client);
		fabric_policy(test, "auto");
	}
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, bridge, "writes are forced"));
	KUNIT_EXPECT_EQ(test, 1, fabric_log_count(since, bridge, NULL));
	for (i = 0; i < 3; i++) {
		fabric_policy(test, "trust=%s", client);
		fabric_policy(test, "trust=%s@w", client);
	}
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, bridge,
					 "reads and writes are forced"));
	KUNIT_EXPECT_EQ(test, 2, fabric_log_count(since, bridge, NULL));
	KUNIT_EXPECT_EQ(test, 2,
			fabric_log_count(since, bridge, "corrupted silently"));

	/* trust= taints the kernel, and does not switch lockdep off. */
	KUNIT_EXPECT_TRUE(test, test_taint(TAINT_USER));
	KUNIT_EXPECT_TRUE(test, debug_locks);
}

/* trust= for a bridge of the built-in list changes nothing, and is not logged. */
static void policy_trust_of_the_listed(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host domain=0xfb01\n"
		"  rp\n"
		"    ep client bar0=2M\n"
		"  rp\n"
		"    ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));
	u64 since = fabric_log_now();

	fabric_cpu_listed(test, true);
	fabric_policy(test, "trust=%s@w",
		      pci_name(fabric_dev(fabric, "client")));
	expect_host(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		    NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, 0,
			fabric_log_count(since, "p2pdma=trust: peer-to-peer",
					 NULL));
}

/* An entry that matches no device is logged, once devices have been scanned. */
static void policy_reports_unmatched(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	u64 since = fabric_log_now();

	fabric_policy(test, "deny=%s;pci:1fab:dead,trust=pci:1fab:beef@w",
		      pci_name(fabric_dev(fabric, "client")));
	KUNIT_EXPECT_EQ(test, 2,
			fabric_log_count(since, "matches no device", NULL));
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "matches no device", "1fab:dead"));
	KUNIT_EXPECT_EQ(test, 1,
			fabric_log_count(since, "matches no device", "1fab:beef"));
}

KUNIT_DEFINE_ACTION_WRAPPER(unmount_action, kern_unmount, struct vfsmount *);
KUNIT_DEFINE_ACTION_WRAPPER(fput_action, fput, struct file *);

static struct file *open_policy(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("sysfs");
	struct vfsmount *mnt;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, unmount_action, mnt));
	file = file_open_root_mnt(mnt, "kernel/p2pdma/policy", O_WRONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fput_action, file));
	return file;
}

static ssize_t write_policy(struct file *file, const char *text, size_t len)
{
	loff_t pos = 0;

	return kernel_write(file, text, len, &pos);
}

/* The mode of the file is not enough: root of a container has no capability here. */
static void policy_needs_capability(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	struct file *file = open_policy(test);
	const struct cred *before;
	struct cred *cred;
	ssize_t ret[2];
	char *text;

	fabric_policy(test, "auto");
	cred = prepare_creds();
	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_lower(cred->cap_effective, CAP_SYS_ADMIN);
	before = override_creds(cred);
	ret[0] = write_policy(file, "off", 3);
	revert_creds(before);
	put_cred(cred);
	KUNIT_EXPECT_EQ(test, ret[0], -EPERM);
	expect_bus(fabric, "client", "provider", DMA_BIDIRECTIONAL, DIRECT);

	ret[0] = write_policy(file, "off\n", 4);
	ret[1] = write_policy(file, "auto\0off", 8);
	KUNIT_EXPECT_EQ(test, ret[0], 4);
	KUNIT_EXPECT_EQ(test, ret[1], -EINVAL);
	/* A longer text would arrive in several writes. */
	text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, ' ', PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, write_policy(file, text, PAGE_SIZE - 1), -EINVAL);
	expect_refused(fabric, "client", "provider", DMA_BIDIRECTIONAL,
		       POLICY_OFF);
}

/* What the log suggests is the active policy with one change. */
static void policy_suggested(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	const char *client = pci_name(fabric_dev(fabric, "client"));
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct pci_dev *beside = fabric_dev(fabric, "beside");
	struct device *dev = &fabric_dev(fabric, "client")->dev;
	char text[512] = "off";
	u64 since;
	int i;

	fabric_policy(test,
		      "off,deny=pci:1fab:dead,trust=pci:1fab:beef@w,window");
	since = fabric_log_now();
	pci_p2pdma_distance(provider, dev, true);
	expect_logged(test, since, 1, client,
		      ": p2pdma=auto,deny=pci:1fab:dead,trust=pci:1fab:beef@w,window\n");

	fabric_policy(test, "switch,deny=pci:1fab:dead");
	since = fabric_log_now();
	pci_p2pdma_distance(beside, dev, true);
	expect_logged(test, since, 1, client,
		      ": p2pdma=auto,deny=pci:1fab:dead\n");

	fabric_policy(test, "host,deny=pci:1fab:dead,trust=pci:1fab:beef@w");
	since = fabric_log_now();
	pci_p2pdma_distance(beside, dev, true);
	expect_logged(test, since, 1,
		      ": p2pdma=host,deny=pci:1fab:dead,trust=pci:1fab:beef@w;",
		      client);
	/* Below one host bridge the client stands for it. */
	expect_logged(test, since, 0, "p2pdma=host", pci_name(beside));

	/* One that is too long for a line is not cut off. */
	for (i = 0; i < 30; i++)
		strlcat(text, ",deny=pci:1fab:a", sizeof(text));
	KUNIT_ASSERT_EQ(test, 0, p2pdma_policy_set(text));
	since = fabric_log_now();
	pci_p2pdma_distance(provider, dev, true);
	KUNIT_ASSERT_EQ(test, 0, p2pdma_policy_set(strchr(text, ',') + 1));
	pci_p2pdma_distance(beside, dev, true);
	expect_logged(test, since, 0, "add the kernel parameter", NULL);
	expect_logged(test, since, 1, client, "set the mode to auto in /sys");
	expect_logged(test, since, 1, client, "requests, add trust=");
}

/* A thread that changes the policy all the time. */
static int keep_changing(void *data)
{
	static const char * const texts[] = {
		"off", "auto", "host", "switch", "auto,deny=pci:1fab:1400",
	};
	int *changes = data;

	while (!kthread_should_stop()) {
		p2pdma_policy_set(texts[*changes % ARRAY_SIZE(texts)]);
		++*changes;
		usleep_range(100, 200);
	}
	return 0;
}

/*
 * A list that is mapped while the policy changes is mapped as a whole or not at
 * all. Once it is mapped the policy does not matter.
 */
static void policy_changes_while_mapping(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_mixed(test);
	struct device *client = &fabric_dev(fabric, "client")->dev;
	int changes = 0, mapped = 0, refused = 0, ret, i;
	struct fabric_sg *sg = mixed_six(fabric);
	struct scatterlist *entry;
	unsigned long end = jiffies + HZ / 2;
	struct task_struct *task;

	/* fabric_policy() restores the earlier policy at the end of the test. */
	fabric_policy(test, "auto");
	task = kthread_run(keep_changing, &changes, "p2pdma-policy");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	while (time_before(jiffies, end) || !mapped || !refused) {
		if (time_after(jiffies, end + 20 * HZ))
			break;
		ret = dma_map_sgtable(client, &sg->table, DMA_BIDIRECTIONAL, 0);
		if (!ret) {
			dma_unmap_sgtable(client, &sg->table, DMA_BIDIRECTIONAL,
					  0);
			mapped++;
		} else {
			KUNIT_EXPECT_EQ(test, ret, -EREMOTEIO);
			refused++;
		}
		for_each_sgtable_sg(&sg->table, entry, i) {
			KUNIT_EXPECT_EQ(test, 0, entry->dma_flags &
					(SG_DMA_P2PDMA | SG_DMA_BUS_ADDRESS |
					 SG_DMA_MMIO));
			if (ret)
				KUNIT_EXPECT_EQ(test, sg_dma_address(entry),
						DMA_MAPPING_ERROR);
		}
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->live));
		cond_resched();
	}
	kthread_stop(task);
	KUNIT_EXPECT_GT(test, changes, 5);
	KUNIT_EXPECT_GT(test, mapped, 0);
	KUNIT_EXPECT_GT(test, refused, 0);
}

/* Without memory a new policy is refused, and the active policy stays. */
static void policy_without_memory(struct kunit *test)
{
	struct fabric *fabric = fabric_switch(test);
	bool failed = true;
	int step, ret, refused = 0;
	char policy[80], *text;

	snprintf(policy, sizeof(policy), "switch,deny=%s;pci:1fab:beef,trust=%s",
		 pci_name(fabric_dev(fabric, "provider")),
		 pci_name(fabric_dev(fabric, "client")));
	fabric_policy(test, "auto");
	fabric_fail_begin(test, true, false);
	for (step = 0; failed && step < 100; step++) {
		fabric_fail_nth(step);
		ret = p2pdma_policy_set(policy);
		failed = fabric_failed_nth();
		/* Allocations of debugging aids may fail without an error. */
		KUNIT_EXPECT_TRUE_MSG(test, !ret || (failed && ret == -ENOMEM),
				      "step %d: error %d", step, ret);
		if (ret) {
			refused++;
			expect_bus(fabric, "client", "provider",
				   DMA_FROM_DEVICE, DIRECT);
		} else {
			expect_refused(fabric, "client", "provider",
				       DMA_FROM_DEVICE, DENIED);
			fabric_policy(test, "auto");
		}
	}
	KUNIT_EXPECT_FALSE(test, failed);
	KUNIT_EXPECT_GE(test, refused, 3);

	fabric_fail_nth(0);
	text = p2pdma_policy_get();
	failed = fabric_failed_nth();
	KUNIT_EXPECT_TRUE(test, failed && !text);
	fabric_policy(test, "auto");
}

static struct kunit_case policy_fabric_cases[] = {
	KUNIT_CASE(policy_modes),
	KUNIT_CASE(policy_without_memory),
	KUNIT_CASE(policy_modes_translated),
	KUNIT_CASE(policy_off_maps_nothing),
	KUNIT_CASE(policy_deny),
	KUNIT_CASE(policy_deny_while_mapped),
	KUNIT_CASE(policy_changes_while_mapping),
	KUNIT_CASE(policy_trust),
	KUNIT_CASE(policy_trust_follows_devices),
	KUNIT_CASE(policy_trust_warns_once),
	KUNIT_CASE(policy_trust_of_the_listed),
	KUNIT_CASE(policy_reports_unmatched),
	KUNIT_CASE(policy_needs_capability),
	KUNIT_CASE(policy_suggested),
	{}
};

static struct kunit_suite policy_fabric_suite = {
	.name = "policy_fabric",
	.test_cases = policy_fabric_cases,
};

kunit_test_suite(policy_fabric_suite);
