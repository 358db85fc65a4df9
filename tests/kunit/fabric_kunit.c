// SPDX-License-Identifier: GPL-2.0
/*
 * The software fabric behaves as hardware would, and on it the path between two
 * functions is what a look at the picture says.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/kallsyms.h>
#include <linux/sizes.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric.h"

/*
 * The emulation.
 */

/* Each function of the picture is found, with its type and at its place. */
static void fabric_scan(struct kunit *test)
{
	static const struct {
		const char *name;
		int type;
		const char *up;
		u8 devfn;
	} row[] = {
		{ "r0", PCI_EXP_TYPE_ROOT_PORT, NULL, PCI_DEVFN(0, 0) },
		{ "u0", PCI_EXP_TYPE_UPSTREAM, "r0", PCI_DEVFN(0, 0) },
		{ "d0", PCI_EXP_TYPE_DOWNSTREAM, "u0", PCI_DEVFN(0, 0) },
		{ "u1", PCI_EXP_TYPE_UPSTREAM, "d0", PCI_DEVFN(0, 0) },
		{ "d1", PCI_EXP_TYPE_DOWNSTREAM, "u1", PCI_DEVFN(0, 0) },
		{ "u2", PCI_EXP_TYPE_UPSTREAM, "d1", PCI_DEVFN(0, 0) },
		{ "d2", PCI_EXP_TYPE_DOWNSTREAM, "u2", PCI_DEVFN(0, 0) },
		{ "u3", PCI_EXP_TYPE_UPSTREAM, "d2", PCI_DEVFN(0, 0) },
		{ "d3", PCI_EXP_TYPE_DOWNSTREAM, "u3", PCI_DEVFN(5, 0) },
		{ "deep", PCI_EXP_TYPE_ENDPOINT, "d3", PCI_DEVFN(0, 0) },
		{ "f0", PCI_EXP_TYPE_ENDPOINT, "d4", PCI_DEVFN(0, 0) },
		{ "f3", PCI_EXP_TYPE_ENDPOINT, "d4", PCI_DEVFN(0, 3) },
		{ "d4", PCI_EXP_TYPE_DOWNSTREAM, "u0", PCI_DEVFN(1, 0) },
		{ "b", PCI_EXP_TYPE_PCI_BRIDGE, "r1", PCI_DEVFN(0, 0) },
		{ "old", -1, "b", PCI_DEVFN(0, 0) },
		{ "r1", PCI_EXP_TYPE_ROOT_PORT, NULL, PCI_DEVFN(0, 1) },
		{ "i", PCI_EXP_TYPE_RC_END, NULL, PCI_DEVFN(1, 0) },
		{ "other", PCI_EXP_TYPE_ROOT_PORT, NULL, PCI_DEVFN(0, 0) },
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r0\n"
		"    up u0\n"
		"      dp d0\n"
		"        up u1\n"
		"          dp d1\n"
		"            up u2\n"
		"              dp d2\n"
		"                up u3\n"
		"                  dp d3 dev=5\n"
		"                    ep deep\n"
		"      dp d4\n"
		"        ep f0 # this device has two functions\n"
		"        ep f3 fn=3\n"
		"  rp r1 fn=1\n"
		"    bridge b\n"
		"      pci old\n"
		"  rciep i\n"
		"\n"
		"host\n"
		"  rp other\n");
	int i;

	fabric_print(fabric);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct pci_dev *pdev = fabric_dev(fabric, row[i].name);
		struct pci_dev *up = row[i].up ?
			fabric_dev(fabric, row[i].up) : NULL;

		KUNIT_EXPECT_EQ_MSG(test, row[i].type,
				    pci_is_pcie(pdev) ? pci_pcie_type(pdev) : -1,
				    "%s", row[i].name);
		KUNIT_EXPECT_PTR_EQ_MSG(test, pci_upstream_bridge(pdev), up,
					"%s", row[i].name);
		KUNIT_EXPECT_EQ_MSG(test, pdev->devfn, row[i].devfn, "%s",
				    row[i].name);
		KUNIT_EXPECT_TRUE_MSG(test, pci_is_enabled(pdev), "%s",
				      row[i].name);
	}

	/*
	 * Each host bridge has a domain of its own; all domains fit into 16 bits.
	 */
	KUNIT_EXPECT_NE(test, pci_domain_nr(fabric_dev(fabric, "r0")->bus),
			pci_domain_nr(fabric_dev(fabric, "other")->bus));
	KUNIT_EXPECT_LT(test, pci_domain_nr(fabric_dev(fabric, "other")->bus),
			0x10000);
	/* The bus below the deeper switch has the higher number. */
	KUNIT_EXPECT_GT(test, fabric_dev(fabric, "deep")->bus->number,
			fabric_dev(fabric, "d2")->bus->number);
}

/* All bridges above a BAR have it in their windows, as bus addresses. */
static void check_windows(struct kunit *test, struct fabric *fabric,
			  const char *name, int bar)
{
	struct pci_dev *pdev = fabric_dev(fabric, name), *up;
	u64 start = pci_bus_address(pdev, bar);
	u64 last = start + pci_resource_len(pdev, bar) - 1;

	for (up = pci_upstream_bridge(pdev); up; up = pci_upstream_bridge(up)) {
		u32 pref, base, limit, mem;
		bool inside;

		pci_read_config_dword(up, PCI_PREF_MEMORY_BASE, &pref);
		pci_read_config_dword(up, PCI_PREF_BASE_UPPER32, &base);
		pci_read_config_dword(up, PCI_PREF_LIMIT_UPPER32, &limit);
		pci_read_config_dword(up, PCI_MEMORY_BASE, &mem);
		inside = (start >= ((u64)base << 32 | (pref & 0xfff0) << 16) &&
			  last <= ((u64)limit << 32 | pref | 0xfffff)) ||
			 (start >= (mem & 0xfff0) << 16 &&
			  last <= (mem | 0xfffff));
		KUNIT_EXPECT_TRUE_MSG(test, inside,
				      "%s BAR %d (%#llx) is not in a window of %s",
				      name, bar, start, pci_name(up));
	}
}

/* BARs have the size that was drawn, are aligned, and lie in all windows. */
static void fabric_bars(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host bus=0x80000000 mem=512M\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep a bar0=64K,32 bar1=4K,32 bar2=16M bar4=2M\n"
		"      dp\n"
		"        ep b bar0=128M\n"
		"  rciep c bar0=2M\n"
		"host bus=0x600000000000\n"
		"  rp\n"
		"    ep d bar0=32M\n");
	struct pci_dev *a = fabric_dev(fabric, "a");
	struct fabric_host *low = fabric_host_of(a);
	struct fabric_host *high = fabric_host_of(fabric_dev(fabric, "d"));
	u32 value;

	KUNIT_EXPECT_EQ(test, pci_resource_len(a, 0), SZ_64K);
	KUNIT_EXPECT_EQ(test, pci_resource_len(a, 1), SZ_4K);
	KUNIT_EXPECT_EQ(test, pci_resource_len(a, 2), SZ_16M);
	KUNIT_EXPECT_EQ(test, pci_resource_len(a, 4), SZ_2M);
	KUNIT_EXPECT_EQ(test, pci_resource_len(fabric_dev(fabric, "b"), 0),
			SZ_128M);
	KUNIT_EXPECT_FALSE(test, pci_resource_flags(a, 0) & IORESOURCE_PREFETCH);
	KUNIT_EXPECT_TRUE(test, pci_resource_flags(a, 2) & IORESOURCE_MEM_64);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(pci_bus_address(a, 2), SZ_16M));

	/* Bus addresses below those of the CPU, and above. */
	KUNIT_EXPECT_LT(test, pci_bus_address(a, 0), SZ_4G);
	KUNIT_EXPECT_EQ(test, pci_bus_address(a, 2),
			pci_resource_start(a, 2) - low->window.start +
			0x80000000);
	KUNIT_EXPECT_LT(test, low->bus_start, low->window.start);
	KUNIT_EXPECT_GT(test, high->bus_start, high->window.start);
	KUNIT_EXPECT_GE(test, pci_bus_address(fabric_dev(fabric, "d"), 0),
			0x600000000000);

	/* The BAR holds the bus address that the PCI core has worked out. */
	pci_read_config_dword(a, PCI_BASE_ADDRESS_2, &value);
	KUNIT_EXPECT_EQ(test, value & PCI_BASE_ADDRESS_MEM_MASK,
			(u32)pci_bus_address(a, 2));

	check_windows(test, fabric, "a", 0);
	check_windows(test, fabric, "a", 1);
	check_windows(test, fabric, "a", 2);
	check_windows(test, fabric, "a", 4);
	check_windows(test, fabric, "b", 0);
	check_windows(test, fabric, "d", 0);
}

/* Write all bits, read them back, and restore the value. */
static u32 writable(struct pci_dev *pdev, int where)
{
	u32 old, zeroes, ones;

	pci_read_config_dword(pdev, where, &old);
	pci_write_config_dword(pdev, where, 0);
	pci_read_config_dword(pdev, where, &zeroes);
	pci_write_config_dword(pdev, where, ~0);
	pci_read_config_dword(pdev, where, &ones);
	pci_write_config_dword(pdev, where, old);
	return zeroes ^ ones;
}

/* Bits that can be written can, others cannot. */
static void fabric_masks(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    up u\n"
		"      dp d egress-bits=9\n"
		"        ep e bar0=2M vfs=2 vfbar=64K\n");
	struct pci_dev *d = fabric_dev(fabric, "d");
	struct pci_dev *e = fabric_dev(fabric, "e");
	int sriov = pci_find_ext_capability(e, PCI_EXT_CAP_ID_SRIOV);
	u32 before, after;

	KUNIT_ASSERT_NE(test, sriov, 0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_VENDOR_ID), 0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_CLASS_REVISION), 0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_BASE_ADDRESS_0), ~(SZ_2M - 1));
	KUNIT_EXPECT_EQ(test, writable(e, PCI_BASE_ADDRESS_1), ~0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_BASE_ADDRESS_2), 0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_COMMAND) & PCI_COMMAND_IO, 0);
	KUNIT_EXPECT_EQ(test, writable(e, PCI_COMMAND) &
			(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER),
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	KUNIT_EXPECT_EQ(test, writable(e, e->pcie_cap + PCI_EXP_LNKCAP), 0);
	KUNIT_EXPECT_EQ(test, writable(e, e->pm_cap + PCI_PM_CTRL),
			PCI_PM_CTRL_STATE_MASK);
	KUNIT_EXPECT_EQ(test, writable(e, sriov + PCI_SRIOV_INITIAL_VF), 0);
	KUNIT_EXPECT_EQ(test, writable(e, sriov + PCI_SRIOV_BAR), ~(SZ_64K - 1));
	KUNIT_EXPECT_EQ(test, writable(d, PCI_PRIMARY_BUS), 0xffffff);
	KUNIT_EXPECT_EQ(test, writable(d, PCI_PREF_MEMORY_BASE), 0xfff0fff0);
	KUNIT_EXPECT_EQ(test, writable(d, PCI_IO_BASE) & 0xffff, 0);

	/* ACS: seven control bits, and a vector of nine. */
	KUNIT_EXPECT_EQ(test, writable(d, d->acs_cap + PCI_ACS_CAP), 0x7f0000);
	KUNIT_EXPECT_EQ(test, writable(d, d->acs_cap + PCI_ACS_EGRESS_CTL_V),
			0x1ff);

	/* A part of a register leaves the rest alone. */
	pci_read_config_dword(d, d->acs_cap + PCI_ACS_CAP, &before);
	pci_write_config_byte(d, d->acs_cap + PCI_ACS_CTRL, PCI_ACS_RR);
	pci_read_config_dword(d, d->acs_cap + PCI_ACS_CAP, &after);
	KUNIT_EXPECT_EQ(test, after, (before & 0xffff) | PCI_ACS_RR << 16);

	/* No function answers at an address that the picture does not have. */
	pci_bus_read_config_dword(e->bus, PCI_DEVFN(3, 0), PCI_VENDOR_ID,
				  &after);
	KUNIT_EXPECT_EQ(test, after, ~0);
}

/* ACS as firmware sets it, and as the kernel and users do later. */
static void fabric_acs_writes(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r noacs\n"
		"    up u\n"
		"      dp d acs=RR,UF egress=3 port=9\n"
		"        ep e\n"
		"      dp plain\n");
	struct pci_dev *d = fabric_dev(fabric, "d");
	u32 vector, lnkcap;

	KUNIT_EXPECT_EQ(test, fabric_dev(fabric, "r")->acs_cap, 0);
	KUNIT_EXPECT_EQ(test, fabric_dev(fabric, "e")->acs_cap, 0);
	KUNIT_EXPECT_EQ(test, fabric_acs(fabric, "plain"), 0);
	KUNIT_EXPECT_EQ(test, fabric_acs(fabric, "d"), PCI_ACS_RR | PCI_ACS_UF);
	pci_read_config_dword(d, d->acs_cap + PCI_ACS_EGRESS_CTL_V, &vector);
	KUNIT_EXPECT_EQ(test, vector, BIT(3));
	pcie_capability_read_dword(d, PCI_EXP_LNKCAP, &lnkcap);
	KUNIT_EXPECT_EQ(test, lnkcap >> 24, 9);

	fabric_set_acs(fabric, "d", 0xffff);
	KUNIT_EXPECT_EQ(test, fabric_acs(fabric, "d"), 0x7f);
	fabric_user_set_acs(fabric, "d", PCI_ACS_CR);
	KUNIT_EXPECT_EQ(test, fabric_acs(fabric, "d"), PCI_ACS_CR);
	fabric_set_egress(fabric, "d", 0x55);
	pci_read_config_dword(d, d->acs_cap + PCI_ACS_EGRESS_CTL_V, &vector);
	KUNIT_EXPECT_EQ(test, vector, 0x55);
}

/* Virtual functions come, have their shares of the BAR, and go. */
static void fabric_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    ep pf bar0=2M vfs=4 vfbar=2M acs=none\n");
	struct pci_dev *pf = fabric_dev(fabric, "pf"), *vf;
	u32 value;

	pci_bus_read_config_dword(pf->bus, pf->devfn + 1, PCI_COMMAND, &value);
	KUNIT_EXPECT_EQ(test, value, ~0);

	fabric_enable_vfs(fabric, "pf", 3);
	vf = fabric_dev(fabric, "pf.vf2");
	KUNIT_EXPECT_TRUE(test, vf->is_virtfn);
	KUNIT_EXPECT_PTR_EQ(test, pci_physfn(vf), pf);
	KUNIT_EXPECT_EQ(test, pci_resource_len(vf, 0), SZ_2M);
	KUNIT_EXPECT_EQ(test, pci_resource_start(vf, 0),
			pci_resource_start(fabric_dev(fabric, "pf.vf0"), 0) +
			2 * SZ_2M);
	pci_bus_read_config_dword(pf->bus, pf->devfn + 4, PCI_COMMAND, &value);
	KUNIT_EXPECT_EQ(test, value, ~0);

	fabric_enable_vfs(fabric, "pf", 0);
	pci_bus_read_config_dword(pf->bus, pf->devfn + 1, PCI_COMMAND, &value);
	KUNIT_EXPECT_EQ(test, value, ~0);
	KUNIT_EXPECT_EQ(test, pci_num_vf(pf), 0);
}

/*
 * Unplugged, plugged in again, and replaced: the PCI address stays, the device
 * changes.
 */
static void fabric_hotplug(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp d\n"
		"        ep e bar0=4M id=1fab:0001\n"
		"      dp\n"
		"        ep stays bar0=2M\n");
	struct pci_dev *pdev = fabric_dev(fabric, "e");
	int domain = pci_domain_nr(pdev->bus), bus = pdev->bus->number;
	unsigned int devfn = pdev->devfn;
	u64 start = pci_resource_start(pdev, 0);

	fabric_unplug(fabric, "e");
	KUNIT_EXPECT_NULL(test, pci_get_domain_bus_and_slot(domain, bus, devfn));

	fabric_replug(fabric, "e");
	pdev = fabric_dev(fabric, "e");
	KUNIT_EXPECT_EQ(test, pdev->device, 1);
	KUNIT_EXPECT_EQ(test, pci_resource_start(pdev, 0), start);
	KUNIT_EXPECT_TRUE(test, pci_is_enabled(pdev));

	fabric_unplug(fabric, "e");
	fabric_plug(fabric, "d", "ep f bar0=2M id=1fab:0002\n");
	pdev = fabric_dev(fabric, "f");
	KUNIT_EXPECT_EQ(test, pdev->device, 2);
	KUNIT_EXPECT_EQ(test, pdev->bus->number, bus);
	KUNIT_EXPECT_EQ(test, pdev->devfn, devfn);
	check_windows(test, fabric, "f", 0);
	check_windows(test, fabric, "stays", 0);
}

/* The same devices, under other bus numbers. */
static void fabric_renumber(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r0\n"
		"    ep a bar0=2M\n"
		"  rp r1\n"
		"    up\n"
		"      dp\n"
		"        ep b bar0=2M\n");
	int before = fabric_dev(fabric, "b")->bus->number;

	fabric_unplug(fabric, "r1");
	fabric_unplug(fabric, "r0");
	fabric_plug(fabric, NULL,
		    "rp dev=0\n"
		    "  up\n"
		    "    dp\n"
		    "      ep c bar0=2M\n"
		    "    dp\n"
		    "      ep d bar0=2M\n");
	fabric_replug(fabric, "r1");
	fabric_print(fabric);
	KUNIT_EXPECT_GT(test, fabric_dev(fabric, "b")->bus->number, before);
	check_windows(test, fabric, "b", 0);
	check_windows(test, fabric, "d", 0);
}

/* Devices below an external port are not trusted. */
static void fabric_external(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp external\n"
		"    up\n"
		"      dp\n"
		"        ep outside\n"
		"  rp\n"
		"    ep inside\n");

	KUNIT_EXPECT_TRUE(test, fabric_dev(fabric, "outside")->untrusted);
	KUNIT_EXPECT_FALSE(test, fabric_dev(fabric, "inside")->untrusted);
}

/* Peer memory with struct pages and without, in parts, and released early. */
static void fabric_providers(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host bus=0x100000000\n"
		"  rp\n"
		"    ep a bar0=4M bar2=2M\n"
		"  rp\n"
		"    ep b bar0=64K\n");
	struct pci_dev *a = fabric_dev(fabric, "a");
	u64 start = pci_resource_start(a, 0);
	struct p2pdma_provider *provider;
	char name[KSYM_SYMBOL_LEN];
	void *addr;

	provider = fabric_provider_part(fabric, "a", 0, SZ_2M, SZ_2M);
	KUNIT_EXPECT_PTR_EQ(test, provider->owner, &a->dev);
	KUNIT_EXPECT_EQ(test, start + provider->bus_offset,
			pci_bus_address(a, 0));
	KUNIT_EXPECT_NULL(test, pci_p2pdma_provider_of_phys(start, SZ_4K));
	addr = fabric_alloc(fabric, "a", SZ_8K);
	KUNIT_EXPECT_TRUE(test, is_pci_p2pdma_page(virt_to_page(addr)));
	KUNIT_EXPECT_GE(test, page_to_phys(virt_to_page(addr)), start + SZ_2M);
	/* By this symbol programs see in kallsyms that P2PDMA is there. */
	sprint_symbol_no_offset(name,
				(unsigned long)virt_to_page(addr)->pgmap->ops);
	KUNIT_EXPECT_STREQ(test, name, "p2pdma_pgmap_ops");

	provider = fabric_provider_plain(fabric, "b", 0);
	KUNIT_EXPECT_PTR_EQ(test, provider->owner,
			    &fabric_dev(fabric, "b")->dev);

	fabric_provider_release(fabric, "a");
	KUNIT_EXPECT_NULL(test,
			  pci_p2pdma_provider_of_phys(start + SZ_2M, SZ_4K));
	fabric_provider(fabric, "a", 2);
}

/*
 * The path between two functions, by the picture.
 */

struct path_row {
	const char *client;
	const char *provider;
	int distance;
	const char *common;
	const char *client_side;	/* if the paths part in a switch */
	const char *provider_side;
	const char *conventional;
};

static struct pci_dev *maybe_dev(struct fabric *fabric, const char *name)
{
	return name ? fabric_dev(fabric, name) : NULL;
}

static void check_paths(struct kunit *test, struct fabric *fabric,
			const struct path_row *row, int rows)
{
	struct p2pdma_path path;
	int i;

	for (i = 0; i < rows; i++, row++) {
		struct pci_dev *client = fabric_dev(fabric, row->client);
		struct pci_dev *provider = fabric_dev(fabric, row->provider);

		p2pdma_path_init(&path, client, provider);
		KUNIT_EXPECT_PTR_EQ(test, path.client, client);
		KUNIT_EXPECT_PTR_EQ(test, path.provider, provider);
		KUNIT_EXPECT_EQ_MSG(test, path.same_function, client == provider,
				    "%s -> %s", row->client, row->provider);
		KUNIT_EXPECT_EQ_MSG(test, path.distance, row->distance,
				    "%s -> %s", row->client, row->provider);
		KUNIT_EXPECT_PTR_EQ_MSG(test, path.common,
					maybe_dev(fabric, row->common),
					"%s -> %s: common", row->client,
					row->provider);
		KUNIT_EXPECT_EQ_MSG(test, path.in_switch, !!row->client_side,
				    "%s -> %s: in a switch", row->client,
				    row->provider);
		KUNIT_EXPECT_PTR_EQ_MSG(test, path.client_side.port,
					maybe_dev(fabric, row->client_side),
					"%s -> %s: client's side", row->client,
					row->provider);
		KUNIT_EXPECT_PTR_EQ_MSG(test, path.provider_side.port,
					maybe_dev(fabric, row->provider_side),
					"%s -> %s: provider's side",
					row->client, row->provider);
		KUNIT_EXPECT_PTR_EQ_MSG(test, path.conventional,
					maybe_dev(fabric, row->conventional),
					"%s -> %s: conventional", row->client,
					row->provider);
		KUNIT_EXPECT_NULL_MSG(test, path.not_decoding, "%s -> %s",
				      row->client, row->provider);
	}
}

/* Every kind of pair that there is. */
static void path_shapes(struct kunit *test)
{
	static const struct path_row row[] = {
		{ "a", "a", 0 },
		/* across one switch; the same the other way */
		{ "a", "b", 4, "u0", "d0", "d1" },
		{ "b", "a", 4, "u0", "d1", "d0" },
		/* functions of one device, ports and switches apart */
		{ "b", "b1", 2, "d1" },
		{ "a", "b1", 4, "u0", "d0", "d1" },
		/* down into nested switches: 2 up, and 2 more for each */
		{ "a", "c", 6, "u0", "d0", "d2" },
		{ "a", "d", 8, "u0", "d0", "d2" },
		{ "a", "e", 10, "u0", "d0", "d2" },
		{ "e", "a", 10, "u0", "d2", "d0" },
		{ "c", "e", 8, "u1", "d3", "d4" },
		{ "d", "e", 6, "u2", "d5", "d6" },
		/* two root ports, and what is integrated in the root complex */
		{ "a", "f", 6 },
		{ "f", "i", 3 },
		{ "i", "e", 11 },
		{ "i", "i1", 2 },
		/* another host bridge */
		{ "a", "z", 6 },
		{ "z", "i", 3 },
		/* conventional bridges between, wherever */
		{ "p", "q", 2, "br", NULL, NULL, "br" },
		{ "p", "a", 7, NULL, NULL, NULL, "br" },
		{ "f", "p", 5, NULL, NULL, NULL, "br" },
		{ "s", "a", 5, "u0", "d7", "d0", "br2" },
		{ "e", "s", 11, "u0", "d2", "d7", "br2" },
		/* one above the other: nothing parts */
		{ "d", "u1", 4 },
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r0\n"
		"    up u0\n"
		"      dp d0\n"
		"        ep a bar0=2M\n"
		"      dp d1\n"
		"        ep b bar0=2M\n"
		"        ep b1 fn=1 bar0=2M\n"
		"      dp d2\n"
		"        up u1\n"
		"          dp d3\n"
		"            ep c bar0=2M\n"
		"          dp d4\n"
		"            up u2\n"
		"              dp d5\n"
		"                ep d bar0=2M\n"
		"              dp d6\n"
		"                up\n"
		"                  dp\n"
		"                    ep e bar0=2M\n"
		"      dp d7\n"
		"        bridge br2\n"
		"          pci s bar0=2M\n"
		"  rp r1\n"
		"    ep f bar0=2M\n"
		"  rp\n"
		"    bridge br\n"
		"      pci p bar0=2M\n"
		"      pci q bar0=2M\n"
		"  rciep i bar0=2M\n"
		"  rciep i1 fn=1 bar0=2M\n"
		"host\n"
		"  rp\n"
		"    ep z bar0=2M\n");

	check_paths(test, fabric, row, ARRAY_SIZE(row));
}

/* ACS is taken down at the two ports where the paths part, and not elsewhere. */
static void path_acs(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r acs=RR,CR\n"
		"    up\n"
		"      dp top acs=RR,CR,EC egress=0,1,2\n"
		"        up u\n"
		"          dp c port=4 acs=EC egress=5\n"
		"            up\n"
		"              dp below acs=RR,CR\n"
		"                ep client\n"
		"          dp p port=5 acs=CR\n"
		"            ep provider bar0=2M\n");
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct p2pdma_path path;

	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_EQ(test, path.client_side.ctrl, PCI_ACS_EC);
	KUNIT_EXPECT_TRUE(test, path.client_side.egress);
	KUNIT_EXPECT_EQ(test, path.provider_side.ctrl, PCI_ACS_CR);
	KUNIT_EXPECT_FALSE(test, path.provider_side.egress);
	KUNIT_EXPECT_NULL(test, path.redirecting);
	KUNIT_EXPECT_PTR_EQ(test, path.no_forwarding, fabric_dev(fabric, "top"));

	/* The other way round the sides change places. */
	p2pdma_path_init(&path, provider, client);
	KUNIT_EXPECT_EQ(test, path.client_side.ctrl, PCI_ACS_CR);
	KUNIT_EXPECT_EQ(test, path.provider_side.ctrl, PCI_ACS_EC);

	/* Another bit of the vector, and more than the vector has. */
	fabric_set_egress(fabric, "c", ~(u32)BIT(5));
	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_FALSE(test, path.client_side.egress);

	/* Upstream forwarding counts on all ports above, the root port included. */
	fabric_set_acs(fabric, "top", PCI_ACS_UF);
	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_PTR_EQ(test, path.no_forwarding, fabric_dev(fabric, "r"));
	fabric_set_acs(fabric, "r", PCI_ACS_UF | PCI_ACS_RR);
	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_NULL(test, path.no_forwarding);
}

/* Functions of one device: any that redirects, and any port above. */
static void path_functions(struct kunit *test)
{
	static const char * const names[] = { "f0", "f1", "d", "top", "r" };
	static const u16 bits[] = {
		PCI_ACS_RR, PCI_ACS_CR, PCI_ACS_EC, PCI_ACS_UF,
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    up\n"
		"      dp top\n"
		"        up\n"
		"          dp d\n"
		"            ep f0 acs=none bar0=2M\n"
		"            ep f1 fn=1 acs=none bar0=2M\n"
		"            ep f2 fn=2 acs=RR,CR,EC bar0=2M\n"
		"          dp other acs=RR,CR,UF\n");
	struct pci_dev *client = fabric_dev(fabric, "f0");
	struct pci_dev *provider = fabric_dev(fabric, "f1");
	struct p2pdma_path path;
	int i, bit;

	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_NULL(test, path.redirecting);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (bit = 0; bit < ARRAY_SIZE(bits); bit++) {
			fabric_set_acs(fabric, names[i], bits[bit]);
			p2pdma_path_init(&path, client, provider);
			KUNIT_EXPECT_PTR_EQ_MSG(test, path.redirecting,
						fabric_dev(fabric, names[i]),
						"%s, ACS %#x", names[i],
						bits[bit]);
		}
		fabric_set_acs(fabric, names[i],
			       PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_DT);
		p2pdma_path_init(&path, client, provider);
		KUNIT_EXPECT_NULL_MSG(test, path.redirecting, "%s", names[i]);
	}
}

/* Egress control among functions goes by their numbers, with ARI of eight bits. */
static void path_functions_ari(struct kunit *test)
{
	static const struct {
		const char *provider;
		u32 egress;
		bool drops;
	} row[] = {
		{ "nine", BIT(1), false },
		{ "nine", BIT(9), true },
		{ "nine", ~(u32)BIT(9), false },
		{ "far", BIT(0) | BIT(7), true },	/* beyond 32 bits */
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp ari\n"
		"    ep zero acs=EC bar0=2M\n"
		"    ep nine fn=9 bar0=2M\n"
		"    ep far fn=200 bar0=2M\n"
		"  rp\n"
		"    ep plain acs=EC\n"
		"    ep one fn=1 bar0=2M\n"
		"  rp ari\n"
		"    ep pf acs=EC egress-bits=0 vfs=1 vfbar=2M vf-offset=256\n");
	struct p2pdma_path path;
	int i;

	KUNIT_ASSERT_EQ(test, 200, fabric_dev(fabric, "far")->devfn);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		fabric_set_egress(fabric, "zero", row[i].egress);
		p2pdma_path_init(&path, fabric_dev(fabric, "zero"),
				 fabric_dev(fabric, row[i].provider));
		KUNIT_EXPECT_EQ_MSG(test, path.client_drops, row[i].drops,
				    "row %d", i);
	}

	/* On another bus there is no number: not even that of function 0. */
	fabric_enable_vfs(fabric, "pf", 1);
	p2pdma_path_init(&path, fabric_dev(fabric, "pf"),
			 fabric_dev(fabric, "pf.vf0"));
	KUNIT_EXPECT_TRUE(test, path.client_drops);

	/* And without, of three. */
	fabric_set_egress(fabric, "plain", BIT(1));
	p2pdma_path_init(&path, fabric_dev(fabric, "plain"),
			 fabric_dev(fabric, "one"));
	KUNIT_EXPECT_TRUE(test, path.client_drops);
}

/*
 * Function groups: function 0 switches them on, and the bits of the vector are those of
 * groups.  Client and provider may be below functions: those are compared.
 */
static void path_function_groups(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp ari\n"
		"    ep zero acs=EC group=1 bar0=2M\n"
		"    ep nine fn=9 group=3 bar0=2M\n"
		"    ep far fn=200 group=5 acs=EC bar0=2M\n"
		"  rp\n"
		"    up acs=EC egress=1\n"
		"      dp\n"
		"        ep below bar0=2M\n"
		"    ep beside fn=1 bar0=2M\n");
	static const struct {
		const char *client;
		const char *provider;
		u32 egress;
		bool drops;
	} row[] = {
		{ "zero", "nine", BIT(3), true },
		{ "zero", "nine", ~(u32)BIT(3), false },
		{ "zero", "far", BIT(5), true },
		{ "zero", "far", BIT(0) | BIT(7), false },
		{ "far", "zero", BIT(1), true },
		{ "far", "zero", BIT(0), false },
	};
	struct p2pdma_path path;
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		fabric_set_egress(fabric, row[i].client, row[i].egress);
		p2pdma_path_init(&path, fabric_dev(fabric, row[i].client),
				 fabric_dev(fabric, row[i].provider));
		KUNIT_EXPECT_EQ_MSG(test, path.client_drops, row[i].drops,
				    "row %d", i);
	}

	/* The upstream port's vector names the function beside it. */
	p2pdma_path_init(&path, fabric_dev(fabric, "below"),
			 fabric_dev(fabric, "beside"));
	KUNIT_EXPECT_TRUE(test, path.client_drops);
	p2pdma_path_init(&path, fabric_dev(fabric, "beside"),
			 fabric_dev(fabric, "below"));
	KUNIT_EXPECT_FALSE(test, path.client_drops);
}

/* A physical function and its virtual ones are functions of one device. */
static void path_vfs(struct kunit *test)
{
	static const struct path_row row[] = {
		{ "pf", "pf.vf0", 2, "d" },
		{ "pf.vf1", "pf.vf0", 2, "d" },
		{ "pf.vf1", "pf", 2, "d" },
		{ "pf.vf1", "other", 4, "u", "d", "e" },
		{ "other", "pf.vf0", 4, "u", "e", "d" },
	};
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up u\n"
		"      dp d\n"
		"        ep pf acs=none bar0=2M vfs=2 vfbar=2M\n"
		"      dp e\n"
		"        ep other bar0=2M\n");
	struct p2pdma_path path;

	fabric_enable_vfs(fabric, "pf", 2);
	check_paths(test, fabric, row, ARRAY_SIZE(row));

	/* ACS of the physical function counts for its virtual ones. */
	fabric_set_acs(fabric, "pf", PCI_ACS_RR);
	p2pdma_path_init(&path, fabric_dev(fabric, "pf.vf0"),
			 fabric_dev(fabric, "pf.vf1"));
	KUNIT_EXPECT_PTR_EQ(test, path.redirecting, fabric_dev(fabric, "pf"));
}

/* Also where only one of the two is a virtual function of it. */
static void path_vf_beside(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp noacs\n"
		"    ep pf acs=RR bar0=2M vfs=1 vfbar=2M\n"
		"    ep beside fn=5 bar0=2M\n");
	struct p2pdma_path path;

	fabric_enable_vfs(fabric, "pf", 1);
	p2pdma_path_init(&path, fabric_dev(fabric, "pf.vf0"),
			 fabric_dev(fabric, "beside"));
	KUNIT_EXPECT_PTR_EQ(test, path.redirecting, fabric_dev(fabric, "pf"));
	p2pdma_path_init(&path, fabric_dev(fabric, "beside"),
			 fabric_dev(fabric, "pf.vf0"));
	KUNIT_EXPECT_PTR_EQ(test, path.redirecting, fabric_dev(fabric, "pf"));
}

/* Whatever does not decode on the way down is named. */
static void path_not_decoding(struct kunit *test)
{
	static const char * const names[] = { "d2", "u2", "p", "provider" };
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    up u\n"
		"      dp c\n"
		"        ep client bar0=2M\n"
		"      dp p\n"
		"        up u2\n"
		"          dp d2\n"
		"            ep provider bar0=2M\n");
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct p2pdma_path path;
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fabric_set_decode(fabric, names[i], false);
		p2pdma_path_init(&path, client, provider);
		KUNIT_EXPECT_PTR_EQ_MSG(test, path.not_decoding,
					fabric_dev(fabric, names[i]), "%s",
					names[i]);
		fabric_set_decode(fabric, names[i], true);
	}

	/* On the client's side and above it does not matter. */
	fabric_set_decode(fabric, "client", false);
	fabric_set_decode(fabric, "c", false);
	p2pdma_path_init(&path, client, provider);
	KUNIT_EXPECT_NULL(test, path.not_decoding);

	/* Asleep is another thing, and is not read from the device. */
	KUNIT_EXPECT_NULL(test, p2pdma_path_asleep(provider));
	KUNIT_EXPECT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	KUNIT_EXPECT_PTR_EQ(test, p2pdma_path_asleep(provider), provider);
	KUNIT_EXPECT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	KUNIT_EXPECT_NULL(test, p2pdma_path_asleep(provider));
}

static struct kunit_case fabric_cases[] = {
	KUNIT_CASE(fabric_scan),
	KUNIT_CASE(fabric_bars),
	KUNIT_CASE(fabric_masks),
	KUNIT_CASE(fabric_acs_writes),
	KUNIT_CASE_SLOW(fabric_vfs),
	KUNIT_CASE(fabric_hotplug),
	KUNIT_CASE(fabric_renumber),
	KUNIT_CASE(fabric_external),
	KUNIT_CASE(fabric_providers),
	KUNIT_CASE(path_shapes),
	KUNIT_CASE(path_acs),
	KUNIT_CASE(path_functions),
	KUNIT_CASE(path_functions_ari),
	KUNIT_CASE(path_function_groups),
	KUNIT_CASE_SLOW(path_vfs),
	KUNIT_CASE_SLOW(path_vf_beside),
	KUNIT_CASE(path_not_decoding),
	{}
};

static struct kunit_suite fabric_suite = {
	.name = "fabric",
	.test_cases = fabric_cases,
};

kunit_test_suite(fabric_suite);
