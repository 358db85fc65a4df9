// SPDX-License-Identifier: GPL-2.0
/*
 * Host bridges: which of them are known to forward requests between their ports, and
 * whether the machine is a virtual one.
 *
 * Nothing in configuration space says that a root complex forwards peer-to-peer
 * requests.  The list here names the bridges that are known to forward, and the known
 * restrictions.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cc_platform.h>
#include <linux/pci.h>
#include <linux/xarray.h>

#include <xen/xen.h>

#if defined(CONFIG_X86)
#include <linux/cpufeature.h>
#elif defined(CONFIG_ARM64)
#include <asm/virt.h>
#elif defined(CONFIG_PPC64)
#include <asm/cpu_has_feature.h>
#endif

#include "../pci.h"
#include "p2pdma.h"

#define P2PDMA_VENDOR_GOOGLE	0x1ae0
#define P2PDMA_ANY		0xffff

struct p2pdma_listed {
	u16 vendor;
	u16 device;		/* P2PDMA_ANY: all of the vendor */
	bool same_bridge;	/* forwards only between its own ports */
};

/*
 * Where each line is from: the list of the plain 6.12 kernel; what mainline added since;
 * or, where the comment says so, what it added to keep up with Xeons on whose root buses
 * an accelerator is the first function.
 */

static const struct p2pdma_listed p2pdma_listed[] = {
	/* 6.12: Intel Xeon E5, Core i7 (Sandy Bridge-E) */
	{ PCI_VENDOR_ID_INTEL, 0x3c00, true },
	{ PCI_VENDOR_ID_INTEL, 0x3c01, true },
	/* 6.12: Intel Xeon E5 v3, E7 v3, Core i7 (Haswell-E) */
	{ PCI_VENDOR_ID_INTEL, 0x2f00, true },
	{ PCI_VENDOR_ID_INTEL, 0x2f01, true },
	/* 6.12: Intel Skylake-E */
	{ PCI_VENDOR_ID_INTEL, 0x2020 },
	{ PCI_VENDOR_ID_INTEL, 0x2030 },
	{ PCI_VENDOR_ID_INTEL, 0x2031 },
	{ PCI_VENDOR_ID_INTEL, 0x2032 },
	{ PCI_VENDOR_ID_INTEL, 0x2033 },
	/* 6.12: mesh function of every Intel Xeon since Ice Lake */
	{ PCI_VENDOR_ID_INTEL, 0x09a2 },
	/* mainline: Intel DSA, first function of a root bus */
	{ PCI_VENDOR_ID_INTEL, 0x0b25 },
	{ PCI_VENDOR_ID_INTEL, 0x11fb },
	{ PCI_VENDOR_ID_INTEL, 0x1212 },
	/* mainline: Intel IAA, likewise */
	{ PCI_VENDOR_ID_INTEL, 0x0cfe },
	{ PCI_VENDOR_ID_INTEL, 0x1216 },
	/* mainline: Intel QAT, likewise */
	{ PCI_VENDOR_ID_INTEL, 0x4940 },
	{ PCI_VENDOR_ID_INTEL, 0x4942 },
	{ PCI_VENDOR_ID_INTEL, 0x4944 },
	{ PCI_VENDOR_ID_INTEL, 0x4946 },
	{ PCI_VENDOR_ID_INTEL, 0x4948 },
	/* mainline: Google's machines */
	{ P2PDMA_VENDOR_GOOGLE, P2PDMA_ANY },
	/* mainline: NVIDIA root ports */
	{ PCI_VENDOR_ID_NVIDIA, 0x2f95 },
	{ PCI_VENDOR_ID_NVIDIA, 0x2f96 },
	{ PCI_VENDOR_ID_NVIDIA, 0x2f97 },
	{ PCI_VENDOR_ID_NVIDIA, 0x2f98 },
	/* mainline: Zhaoxin */
	{ PCI_VENDOR_ID_ZHAOXIN, 0x1003, true },
	{ PCI_VENDOR_ID_ZHAOXIN, 0x1005, true },
	{ PCI_VENDOR_ID_ZHAOXIN, 0x1006, true },
	{ PCI_VENDOR_ID_ZHAOXIN, 0x1007, true },
	{ PCI_VENDOR_ID_ZHAOXIN, 0x1008 },
};

/**
 * p2pdma_cpu_listed - do all host bridges of this CPU forward?
 *
 * Those of AMD from Zen on do.  Tests may stub it.
 *
 * Return: true if they do.
 */
bool p2pdma_cpu_listed(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_cpu_listed);
#ifdef CONFIG_X86
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD &&
	       boot_cpu_data.x86 >= 0x17;
#else
	return false;
#endif
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_cpu_listed);

/**
 * p2pdma_is_guest - does the kernel run on a hypervisor?
 *
 * The fabric that a guest sees is made up by the hypervisor.  The initial Xen domain
 * sees the real one.  Tests may stub it.
 *
 * Return: true in a guest.
 */
bool p2pdma_is_guest(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_is_guest);
#if defined(CONFIG_X86)
	return boot_cpu_has(X86_FEATURE_HYPERVISOR) && !xen_initial_domain();
#elif defined(CONFIG_ARM64)
	return !is_hyp_mode_available() && !xen_initial_domain();
#elif defined(CONFIG_PPC64)
	return !cpu_has_feature(CPU_FTR_HVMODE);
#else
	return false;
#endif
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_is_guest);

/*
 * By host bridge, the function that stands for it in the list, as
 * p2pdma_bridge_pack().  What is known of the function is kept with the bridge, because
 * the function may be removed at any time.
 */
static DEFINE_XARRAY(p2pdma_bridges);

static_assert(BITS_PER_XA_VALUE >= 40);

static void *p2pdma_bridge_pack(struct pci_dev *function)
{
	return xa_mk_value((u64)function->devfn << 32 |
			   (u32)function->vendor << 16 | function->device);
}

/* The first function on a root bus if it is 00.0, a root port or integrated. */
static bool p2pdma_stands_for_bridge(struct pci_dev *first)
{
	if (first->devfn == PCI_DEVFN(0, 0))
		return true;
	return pci_is_pcie(first) &&
	       (pci_pcie_type(first) == PCI_EXP_TYPE_ROOT_PORT ||
		pci_pcie_type(first) == PCI_EXP_TYPE_RC_END);
}

/* Is it the first function on its bus, and, with @alone, the only one? */
static bool p2pdma_first_on_bus(struct pci_dev *pdev, bool alone)
{
	struct list_head *devices = &pdev->bus->devices;
	bool first;

	down_read(&pci_bus_sem);
	first = list_first_entry_or_null(devices, struct pci_dev, bus_list) ==
		pdev && (!alone || list_is_singular(devices));
	up_read(&pci_bus_sem);
	return first;
}

/**
 * p2pdma_bridge_function_added - a function has come to the bus
 * @pdev: the function
 *
 * If it is the first on a root bus its IDs are kept for the host bridge, until another
 * one is the first that comes, or the last function of the bus has gone.
 *
 * Context: may sleep.
 */
void p2pdma_bridge_function_added(struct pci_dev *pdev)
{
	unsigned long key;

	if (!pci_is_root_bus(pdev->bus) || !p2pdma_first_on_bus(pdev, false))
		return;
	key = (unsigned long)pci_find_host_bridge(pdev->bus);
	/* Without memory the bridge is not in the list. */
	if (p2pdma_stands_for_bridge(pdev))
		xa_store(&p2pdma_bridges, key, p2pdma_bridge_pack(pdev),
			 GFP_KERNEL);
	else
		xa_erase(&p2pdma_bridges, key);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_bridge_function_added);

/**
 * p2pdma_bridge_function_removed - a function has left the bus
 * @pdev: the function, still in the list of its bus
 *
 * Context: may sleep.
 */
void p2pdma_bridge_function_removed(struct pci_dev *pdev)
{
	if (pci_is_root_bus(pdev->bus) && p2pdma_first_on_bus(pdev, true))
		xa_erase(&p2pdma_bridges,
			 (unsigned long)pci_find_host_bridge(pdev->bus));
}

/**
 * p2pdma_encrypted_guest - is the kernel a guest whose memory is encrypted?
 *
 * Devices then reach only what the guest shares with the hypervisor.  Tests may stub it.
 *
 * Return: true in such a guest.
 */
bool p2pdma_encrypted_guest(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_encrypted_guest);
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_encrypted_guest);

/**
 * p2pdma_bridge_function - the function that stands for a host bridge in the list
 * @host: the bridge
 * @function: filled in
 *
 * The function need not exist any more.
 *
 * Context: any; the caller holds a function below @host.
 *
 * Return: false if there is none: the first function on the root bus is not 00.0, a root
 * port or integrated in the root complex.
 */
bool p2pdma_bridge_function(struct pci_host_bridge *host,
			    struct p2pdma_bridge_function *function)
{
	void *entry = xa_load(&p2pdma_bridges, (unsigned long)host);
	struct pci_bus *bus = READ_ONCE(host->bus);
	u64 value;

	/* A bridge that is being removed loses its bus before its last function goes. */
	if (!entry || !bus)
		return false;
	value = xa_to_value(entry);
	*function = (struct p2pdma_bridge_function) {
		.bdf = {
			.valid = true,
			.domain = pci_domain_nr(bus),
			.id = PCI_DEVID(bus->number, value >> 32),
		},
		.vendor = value >> 16,
		.device = value,
	};
	return true;
}

/**
 * p2pdma_bridge_listed - is a host bridge known to forward?
 * @host: the bridge
 * @same_bridge: between its own ports, rather than to and from another bridge
 * @warn: put it in the log if the bridge is not in the list
 *
 * Context: any; the caller holds a function below @host.
 *
 * Return: true if it is.
 */
bool p2pdma_bridge_listed(struct pci_host_bridge *host, bool same_bridge,
			  bool warn)
{
	struct p2pdma_bridge_function function;
	char text[P2PDMA_BDF_LEN];
	int i;

	if (p2pdma_cpu_listed())
		return true;
	if (!p2pdma_bridge_function(host, &function))
		return false;

	for (i = 0; i < ARRAY_SIZE(p2pdma_listed); i++)
		if (p2pdma_listed[i].vendor == function.vendor &&
		    (p2pdma_listed[i].device == P2PDMA_ANY ||
		     p2pdma_listed[i].device == function.device))
			return same_bridge || !p2pdma_listed[i].same_bridge;

	if (warn) {
		/* As a message of the function itself, which may have gone. */
		p2pdma_bdf_text(&function.bdf, text);
		pr_warn("pci %s: Host bridge not in P2PDMA whitelist: %04x:%04x\n",
			text, function.vendor, function.device);
	}
	return false;
}
