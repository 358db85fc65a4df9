// SPDX-License-Identifier: GPL-2.0
/*
 * Fabrics for the tests of the command p2pdma.
 *
 * The command works out the path of a pair by itself, from sysfs and configuration
 * space.  So that it can be seen to agree with the kernel, each test here sets up a
 * fabric and writes into the log what the command would read of it, and what the
 * kernel says of each pair.  What stands there is read from the files of sysfs
 * themselves, and from the answer of debugfs p2pdma/path; nothing is made up.
 *
 * tests/kunit/run compares it with tests/tools/exported/, from which
 * tests/tools/run makes its trees: one file for a test, of its name.  So nothing
 * may be in it that another configuration, another point release or the suites
 * that have run before could change: no CPU physical addresses, and a bus= for
 * each host bridge.
 */
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/mount.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_fn.h"
#include "mock_iommu.h"

#define EXPORT_TEXT_MAX	SZ_16K
#define EXPORT_ROW	16	/* bytes of configuration space in a line */

/* scripts/kunit-report knows these lines by the word. */
#define export_say(test, format, ...) \
	kunit_info(test, "export: " format "\n", ##__VA_ARGS__)

/**
 * struct export - what is exported, and where it comes from
 * @test: the test
 * @sysfs: as it is mounted on /sys
 * @buf: what was last read, %EXPORT_TEXT_MAX bytes
 */
struct export {
	struct kunit *test;
	struct vfsmount *sysfs;
	char *buf;
};

/*
 * Files.
 */

/* Read a file into the buffer: its size, or an error. */
static ssize_t export_read(struct export *export, const char *folder,
			   const char *name)
{
	char *path = kasprintf(GFP_KERNEL, "%s/%s", folder, name);
	struct file *file;
	ssize_t n, len = 0;
	loff_t pos = 0;

	KUNIT_ASSERT_NOT_NULL(export->test, path);
	file = file_open_root_mnt(export->sysfs, path, O_RDONLY, 0);
	kfree(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	do {
		n = kernel_read(file, export->buf + len,
				EXPORT_TEXT_MAX - 1 - len, &pos);
		len += max_t(ssize_t, n, 0);
	} while (n > 0);
	fput(file);

	KUNIT_EXPECT_LT_MSG(export->test, len, EXPORT_TEXT_MAX - 1,
			    "%s/%s is not whole", folder, name);
	export->buf[len] = '\0';
	return n < 0 ? n : len;
}

/* A file of sysfs, line by line, if it is there; an empty one shows that it is. */
static void export_file(struct export *export, const char *folder,
			const char *name)
{
	ssize_t len = export_read(export, folder, name);
	char *text = export->buf, *line;

	if (len == -ENOENT)
		return;
	KUNIT_ASSERT_GE_MSG(export->test, len, 0, "%s/%s", folder, name);
	if (!len)
		export_say(export->test, " %s", name);
	while ((line = strsep(&text, "\n")))
		if (*line)
			export_say(export->test, " %s %s", name, line);
}

/* Configuration space, as root reads it: its size, and the rows that are not zero. */
static void export_config(struct export *export, const char *folder)
{
	ssize_t len = export_read(export, folder, "config"), at;

	KUNIT_ASSERT_GE_MSG(export->test, len, PCI_CFG_SPACE_SIZE, "%s", folder);
	export_say(export->test, " config %zd", len);
	for (at = 0; at < len; at += EXPORT_ROW)
		if (memchr_inv(export->buf + at, 0, EXPORT_ROW))
			export_say(export->test, " config %03zx %*phN", at,
				   EXPORT_ROW, export->buf + at);
}

/*
 * Functions and pairs.
 */

static void export_group(struct export *export, struct pci_dev *pdev)
{
	struct iommu_group *group = iommu_group_get(&pdev->dev);
	char path[64];

	if (!group)
		return;
	export_say(export->test, " iommu_group %d", iommu_group_id(group));
	snprintf(path, sizeof(path), "kernel/iommu_groups/%d",
		 iommu_group_id(group));
	iommu_group_put(group);
	export_file(export, path, "type");
}

static void export_function(struct export *export, struct pci_dev *pdev)
{
	static const char * const files[] = {
		"vendor", "device", "class", "numa_node", "power_state",
		"current_link_speed", "current_link_width", "max_link_speed",
		"max_link_width", "p2pmem/size", "p2pmem/available",
		"p2pmem/published", "p2pdma_routes", "p2pdma_counters",
	};
	char *path = kobject_get_path(&pdev->dev.kobj, GFP_KERNEL), *folder;
	int i;

	/* A copy that is freed with the test, which may end early. */
	folder = kunit_kstrdup(export->test, path ? path + 1 : NULL, GFP_KERNEL);
	kfree(path);
	KUNIT_ASSERT_NOT_NULL(export->test, folder);

	export_say(export->test, "function %s", folder);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		export_file(export, folder, files[i]);
	if (pdev->is_virtfn)
		export_say(export->test, " physfn %s",
			   pci_name(pci_physfn(pdev)));
	export_group(export, pdev);
	export_config(export, folder);
}

static void export_free_text(void *text)
{
	kvfree(text);
}

/*
 * The answer of debugfs p2pdma/path for a pair. Of each hop only its BDF is
 * exported; host bridges are left out, which the command does not know.
 */
static void export_pair(struct export *export, struct pci_dev *client,
			struct pci_dev *provider)
{
	char query[64], *text = NULL, *line;
	int ret;

	snprintf(query, sizeof(query), "%s %s", pci_name(client),
		 pci_name(provider));
	ret = p2pdma_path_answer(query, &text);
	KUNIT_ASSERT_NOT_NULL(export->test, text);
	KUNIT_ASSERT_EQ(export->test, 0,
			kunit_add_action_or_reset(export->test,
						  export_free_text, text));
	KUNIT_ASSERT_EQ_MSG(export->test, 0, ret, "%s", text);

	while ((line = strsep(&text, "\n"))) {
		char *details = strstr(line, " acscap=");

		if (details && strstarts(line, "hop "))
			*details = '\0';
		if (*line && !strstarts(line, "host "))
			export_say(export->test, "%s%s",
				   strstarts(line, "path ") ? "" : " ", line);
	}
}

/*
 * All of it.
 */

static void export_unmount(void *mnt)
{
	/* A file that a kernel thread has closed is closed a little later. */
	flush_delayed_fput();
	kern_unmount(mnt);
}

static void export_mount(struct export *export)
{
	struct file_system_type *type = get_fs_type("sysfs");

	KUNIT_ASSERT_NOT_NULL(export->test, type);
	export->sysfs = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(export->test, export->sysfs);
	KUNIT_ASSERT_EQ(export->test, 0,
			kunit_add_action_or_reset(export->test, export_unmount,
						  export->sysfs));
}

/*
 * Everything that can do DMA is a client.  @providers are those that the test has
 * made, @mock is the IOMMU if there is one.
 */
static void export_fabric(struct fabric *fabric,
			  const char * const *providers,
			  struct mock_iommu *mock)
{
	struct export export = { .test = fabric->test };
	const char * const *provider;
	struct fabric_fn *fn;

	export.buf = kunit_kzalloc(fabric->test, EXPORT_TEXT_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fabric->test, export.buf);
	export_mount(&export);

	export_say(fabric->test, "kernel");
	export_file(&export, "kernel/p2pdma", "policy");
	if (mock)
		export_say(fabric->test, " iommu %s",
			   dev_name(mock->iommu.dev));
	if (p2pdma_is_guest())
		export_say(fabric->test, " guest");

	list_for_each_entry(fn, &fabric->functions, node)
		if (fabric_fn_dev(fn))
			export_function(&export, fabric_fn_dev(fn));

	list_for_each_entry(fn, &fabric->functions, node)
		for (provider = providers; *provider; provider++)
			if (!fabric_fn_is_bridge(fn) && fabric_fn_dev(fn))
				export_pair(&export, fabric_fn_dev(fn),
					    fabric_dev(fabric, *provider));
	export_say(fabric->test, "end");
}

/* Let all that can do DMA do it anywhere. */
static void export_clients(struct fabric *fabric)
{
	struct fabric_fn *fn;

	list_for_each_entry(fn, &fabric->functions, node)
		if (!fabric_fn_is_bridge(fn) && fabric_fn_dev(fn))
			dma_set_mask_and_coherent(&fabric_fn_dev(fn)->dev,
						  DMA_BIT_MASK(64));
}

static struct fabric *export_create(struct kunit *test, const char *picture,
				    const char * const *providers)
{
	struct fabric *fabric = fabric_setup(test, picture, NULL, providers);

	export_clients(fabric);
	return fabric;
}

/*
 * The fabrics.
 */

/*
 * Switches in switches: the ports where two paths part have different bits. The
 * ports above and below them have bits that would change the answer if they
 * counted.
 */
static void export_switches(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host bus=0x8000000000\n"
		"  rp acs=SV,RR,CR,UF\n"
		"    up\n"
		"      dp acs=RR,UF\n"
		"        ep a bar0=2M\n"
		"      dp acs=SV,UF\n"
		"        up\n"
		"          dp acs=CR,UF\n"
		"            ep b bar0=2M\n"
		"          dp noacs\n"
		"            up\n"
		"              dp acs=none\n"
		"                ep c bar0=4M\n"
		"              dp acs=RR\n"
		"                ep d\n"
		"  rp acs=SV\n"
		"    ep e\n",
		NAMES("a", "b", "c"));

	fabric_policy(test, "auto,trust=%s", pci_name(fabric_dev(fabric, "a")));
	export_fabric(fabric, NAMES("a", "b", "c"), NULL);
}

/*
 * Egress control, without and with redirection, towards ports whose bit is set, is
 * not set, or is beyond the end of the vector. All ports above forward upstream,
 * so that a redirected request comes down again.
 */
static void export_egress(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host bus=0x9000000000\n"
		"  rp acs=UF\n"
		"    up\n"
		"      dp port=1 acs=EC,UF egress=2\n"
		"        ep one bar0=2M\n"
		"      dp port=2 acs=EC,RR,UF egress=1\n"
		"        ep two bar0=2M\n"
		"      dp port=9 acs=EC,CR,UF egress-bits=4\n"
		"        ep nine bar0=2M\n"
		"      dp port=40 acs=EC,UF egress-bits=0 egress=9\n"
		"        ep forty bar0=2M\n",
		NAMES("one", "two", "nine", "forty"));

	fabric_policy(test, "auto,trust=%s",
		      pci_name(fabric_dev(fabric, "one")));
	export_fabric(fabric, NAMES("one", "two", "nine", "forty"), NULL);
}

/*
 * No port forwards upstream: a redirected request is lost at the first port
 * without UF above the ports where the paths part.
 */
static void export_lost(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host bus=0xa000000000\n"
		"  rp acs=SV\n"
		"    up\n"
		"      dp acs=SV\n"
		"        up\n"
		"          dp acs=RR\n"
		"            ep a bar0=2M\n"
		"          dp acs=CR\n"
		"            ep b bar0=2M\n"
		"      dp acs=RR,CR\n"
		"        ep c bar0=2M\n",
		NAMES("a", "b", "c"));

	fabric_policy(test, "auto,trust=%s", pci_name(fabric_dev(fabric, "a")));
	export_fabric(fabric, NAMES("a", "b", "c"), NULL);
}

/*
 * Host bridges: two in one domain, one in a domain with five digits, each with
 * another bus offset. One is trusted for reads and writes, one for writes, one not
 * at all. Below one of them is a bridge to conventional PCI.
 */
static void export_hosts(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host domain=0xfa10 buses=0-0x3f bus=0x8000000000\n"
		"  rp\n"
		"    ep a bar0=2M\n"
		"  rp\n"
		"    bridge\n"
		"      pci old bar0=2M\n"
		"      pci older\n"
		"  rciep inside bar0=2M\n"
		"host domain=0xfa10 buses=0x40-0x7f bus=0x8100000000\n"
		"  rp\n"
		"    ep b bar0=2M\n"
		"host domain=0x10000 bus=0x8200000000\n"
		"  rp\n"
		"    ep c bar0=2M\n",
		NAMES("a", "old", "inside", "b", "c"));

	fabric_policy(test, "auto,trust=%s;%s@w",
		      pci_name(fabric_dev(fabric, "a")),
		      pci_name(fabric_dev(fabric, "b")));
	export_fabric(fabric, NAMES("a", "old", "inside", "b", "c"), NULL);
}

/*
 * Functions of one device, with and without ACS that redirects: at the function,
 * at the port above, and at an upstream port that is one of the functions. Egress
 * control of one function blocks another function, and that of one blocks function
 * 9, which needs ARI. For requests to other devices none of this counts.
 */
static void export_multifunction(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host bus=0xb000000000\n"
		"  rp acs=none\n"
		"    up\n"
		"      dp acs=none\n"
		"        ep plain bar0=2M\n"
		"        ep plain1 fn=1\n"
		"      dp acs=SV,UF\n"
		"        ep above bar0=2M\n"
		"        ep above1 fn=1\n"
		"      dp acs=none\n"
		"        ep own bar0=2M acs=CR\n"
		"        ep own1 fn=1 acs=RR\n"
		"        ep drops fn=2 acs=EC egress=0\n"
		"      dp acs=none\n"
		"        up acs=RR\n"
		"          dp acs=none\n"
		"            ep below\n"
		"        ep beside fn=1 bar0=2M\n"
		"      dp acs=none ari\n"
		"        ep many acs=EC egress=1,9 egress-bits=0\n"
		"        ep nine fn=9 bar0=2M\n"
		"        ep far fn=129 bar0=2M\n",
		NAMES("plain", "above", "own", "beside", "nine", "far"));

	fabric_policy(test, "auto,trust=%s",
		      pci_name(fabric_dev(fabric, "plain")));
	export_fabric(fabric, NAMES("plain", "above", "own", "beside", "nine",
				    "far"), NULL);
}

/*
 * Virtual functions below a translating IOMMU, with ACS as the kernel enables it
 * for an IOMMU; one port has fewer bits.
 */
static void export_virtual(struct kunit *test)
{
	static const struct mock_iommu_config config = {};
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = fabric_create(test,
		"host bus=0xc000000000\n"
		"  rp acs=SV,RR,CR,UF\n"
		"    up\n"
		"      dp acs=SV,RR,CR,UF\n"
		"        ep pf bar0=2M vfs=2 vfbar=2M acs=RR,CR\n"
		"      dp acs=SV,UF\n"
		"        ep other bar0=2M vfs=1 vfbar=2M\n");

	fabric_enable_vfs(fabric, "pf", 2);
	fabric_enable_vfs(fabric, "other", 1);
	fabric_provider(fabric, "pf", 0);
	fabric_provider_plain(fabric, "pf.vf1", 0);
	fabric_provider_plain(fabric, "other.vf0", 0);
	export_clients(fabric);
	fabric_policy(test, "auto,trust=%s", pci_name(fabric_dev(fabric, "pf")));
	export_fabric(fabric, NAMES("pf", "pf.vf1", "other.vf0"), mock);
}

/*
 * A guest whose virtual IOMMU translates for one of two host bridges. Neither is
 * trusted.
 */
static void export_guest(struct kunit *test)
{
	static const struct mock_iommu_config config = { .lazy = true };
	struct mock_iommu *mock = mock_iommu_create(test, &config);
	struct fabric *fabric = export_create(test,
		"host bus=0xd000000000\n"
		"  rp acs=SV,UF\n"
		"    up\n"
		"      dp acs=none\n"
		"        ep a bar0=2M\n"
		"      dp acs=none\n"
		"        ep b\n"
		"      dp acs=RR,UF\n"
		"        ep up\n"
		"host bus=0xd100000000 noiommu\n"
		"  rp acs=SV,UF\n"
		"    up\n"
		"      dp acs=none\n"
		"        ep c bar0=2M\n"
		"      dp acs=CR\n"
		"        ep d bar0=2M\n",
		NAMES("a", "c", "d"));

	fabric_guest(test, true);
	export_fabric(fabric, NAMES("a", "c", "d"), mock);
}

/*
 * Mode host, in which a pair that would be direct has no route; a device that is
 * denied; one that is asleep, and one that does not decode memory.
 */
static void export_refused(struct kunit *test)
{
	struct fabric *fabric = export_create(test,
		"host bus=0xe000000000\n"
		"  rp acs=SV,RR,CR,UF\n"
		"    up\n"
		"      dp acs=none\n"
		"        ep a bar0=2M\n"
		"      dp acs=none\n"
		"        ep denied bar0=2M\n"
		"      dp acs=none\n"
		"        ep across\n"
		"      dp acs=RR,UF\n"
		"        ep up\n"
		"  rp\n"
		"    ep asleep bar0=2M\n"
		"  rp\n"
		"    ep deaf bar0=2M\n",
		NAMES("a", "denied", "asleep", "deaf"));

	fabric_policy(test, "host,deny=%s,trust=%s",
		      pci_name(fabric_dev(fabric, "denied")),
		      pci_name(fabric_dev(fabric, "a")));
	fabric_set_decode(fabric, "deaf", false);
	KUNIT_ASSERT_EQ(test, 0,
			pci_set_power_state(fabric_dev(fabric, "asleep"),
					    PCI_D3hot));
	export_fabric(fabric, NAMES("a", "denied", "asleep", "deaf"), NULL);
	KUNIT_EXPECT_EQ(test, 0,
			pci_set_power_state(fabric_dev(fabric, "asleep"),
					    PCI_D0));
}

static struct kunit_case fabric_export_cases[] = {
	KUNIT_CASE(export_switches),
	KUNIT_CASE(export_egress),
	KUNIT_CASE(export_lost),
	KUNIT_CASE(export_hosts),
	KUNIT_CASE(export_multifunction),
	KUNIT_CASE(export_virtual),
	KUNIT_CASE(export_guest),
	KUNIT_CASE(export_refused),
	{}
};

static struct kunit_suite fabric_export_suite = {
	.name = "fabric_export",
	.test_cases = fabric_export_cases,
};

kunit_test_suite(fabric_export_suite);
