// SPDX-License-Identifier: GPL-2.0
/*
 * Host bridges: which of them are known to forward requests between their ports, and
 * whether the machine is a virtual one.
 *
 * Nothing in configuration space says that a root complex forwards peer-to-peer
 * requests.  The list here names the bridges that are known to forward, and the known
 * restrictions.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/pci.h>

#include <xen/xen.h>

#if defined(CONFIG_X86)
#include <linux/cpufeature.h>
#elif defined(CONFIG_ARM64)
#include <asm/virt.h>
#elif defined(CONFIG_PPC64)
#include <asm/cpu_has_feature.h>
#endif

#include "p2pdma.h"

struct p2pdma_listed {
	u16 vendor;
	u16 device;
	bool same_bridge;	/* forwards only between its own ports */
};

static const struct p2pdma_listed p2pdma_listed[] = {
	/* Intel Xeon E5, Core i7 (Sandy Bridge-E) */
	{ PCI_VENDOR_ID_INTEL, 0x3c00, true },
	{ PCI_VENDOR_ID_INTEL, 0x3c01, true },
	/* Intel Xeon E5 v3, E7 v3, Core i7 (Haswell-E) */
	{ PCI_VENDOR_ID_INTEL, 0x2f00, true },
	{ PCI_VENDOR_ID_INTEL, 0x2f01, true },
	/* Intel Skylake-E and later */
	{ PCI_VENDOR_ID_INTEL, 0x2020 },
	{ PCI_VENDOR_ID_INTEL, 0x2030 },
	{ PCI_VENDOR_ID_INTEL, 0x2031 },
	{ PCI_VENDOR_ID_INTEL, 0x2032 },
	{ PCI_VENDOR_ID_INTEL, 0x2033 },
	{ PCI_VENDOR_ID_INTEL, 0x09a2 },
	/* Intel DSA; it and the next two may be first on a root bus of later Xeons */
	{ PCI_VENDOR_ID_INTEL, 0x0b25 },
	{ PCI_VENDOR_ID_INTEL, 0x11fb },
	{ PCI_VENDOR_ID_INTEL, 0x1212 },
	/* Intel IAA */
	{ PCI_VENDOR_ID_INTEL, 0x0cfe },
	{ PCI_VENDOR_ID_INTEL, 0x1216 },
	/* Intel QAT */
	{ PCI_VENDOR_ID_INTEL, 0x4940 },
	{ PCI_VENDOR_ID_INTEL, 0x4942 },
	{ PCI_VENDOR_ID_INTEL, 0x4944 },
	{ PCI_VENDOR_ID_INTEL, 0x4946 },
	{ PCI_VENDOR_ID_INTEL, 0x4948 },
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

/**
 * p2pdma_bridge_function - the function that stands for a host bridge in the list
 * @host: the bridge
 *
 * The bus keeps its list of functions under pci_bus_sem, which cannot be taken here.
 * A function below @host keeps the bus in place, but nothing keeps the first function
 * from being removed at this moment.
 *
 * Context: any; the caller holds a function below @host.
 *
 * Return: the first function on its root bus, not held, if that is 00.0, a root
 * port or integrated in the root complex; else NULL.
 */
struct pci_dev *p2pdma_bridge_function(struct pci_host_bridge *host)
{
	struct pci_dev *first;

	first = list_first_entry_or_null(&host->bus->devices, struct pci_dev,
					 bus_list);
	if (!first)
		return NULL;
	if (first->devfn == PCI_DEVFN(0, 0))
		return first;
	if (pci_is_pcie(first) &&
	    (pci_pcie_type(first) == PCI_EXP_TYPE_ROOT_PORT ||
	     pci_pcie_type(first) == PCI_EXP_TYPE_RC_END))
		return first;
	return NULL;
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
	struct pci_dev *function;
	int i;

	if (p2pdma_cpu_listed())
		return true;

	function = p2pdma_bridge_function(host);
	if (!function)
		return false;

	for (i = 0; i < ARRAY_SIZE(p2pdma_listed); i++)
		if (p2pdma_listed[i].vendor == function->vendor &&
		    p2pdma_listed[i].device == function->device)
			return same_bridge || !p2pdma_listed[i].same_bridge;

	if (warn)
		pci_warn(function, "Host bridge not in P2PDMA whitelist: %04x:%04x\n",
			 function->vendor, function->device);
	return false;
}
