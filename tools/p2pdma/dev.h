/* SPDX-License-Identifier: GPL-2.0 */
/* One PCI function: what sysfs and configuration space have of it. */
#ifndef P2PDMA_DEV_H
#define P2PDMA_DEV_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "routes.h"

/* What a function is in the fabric; its PCI Express port type where that is seen. */
enum kind {
	KIND_UNSEEN,		/* not to be seen without root */
	KIND_ENDPOINT,
	KIND_ROOT_ENDPOINT,	/* integrated in the root complex */
	KIND_ROOT_PORT,
	KIND_UPSTREAM,
	KIND_DOWNSTREAM,
	KIND_TO_PCI,		/* bridge from PCI Express to conventional PCI */
	KIND_CONVENTIONAL,	/* not PCI Express */
};

/* Access Control Services, as configuration space has them. */
struct acs {
	bool seen;		/* what follows is what there is */
	bool present;
	unsigned int cap;	/* ACS Capability register */
	unsigned int ctrl;	/* ACS Control register */
	unsigned int egress[8];	/* egress vector */
};

/* One PCI function. */
struct dev {
	struct address address;
	char name[ADDRESS_LEN];
	struct dev *above;	/* the bridge above it; NULL on a root bus */
	struct dev *physfn;	/* of a virtual function */
	char *host;		/* its host bridge, "pci0000:00" */
	unsigned int vendor;
	unsigned int device;
	int subvendor, subdevice;	/* -1: not told */
	unsigned int class;	/* of 24 bits */
	char *label;		/* by pci.ids */
	char *driver;		/* NULL if none is bound */
	char *kname;		/* by which the kernel's users know it: nvme0; or NULL */
	char *power;		/* "D0"; NULL if not told */
	int numa;		/* -1: not told */
	int iommu_group;	/* -1: none */
	bool translated;	/* an IOMMU translates for it */
	bool untrusted;		/* below an external port */
	unsigned int mask_bits;	/* of the DMA addresses that it forms */
	char *iommu_type;	/* of its group's domain; NULL if not told */
	char *speed, *width;	/* of its link now; NULL if not told */
	char *speed_max, *width_max;
	enum kind kind;
	unsigned int port_number;
	bool ari;		/* a port that forwards to functions above 7 */
	bool memory_seen;	/* the next is what there is */
	bool decodes_memory;
	struct acs acs;
	bool is_bridge;
	bool has_routes;	/* it has a file p2pdma_routes */
	int routes_error;	/* errno of reading that */
	struct route_list routes;
	bool has_p2pmem;	/* it has a folder p2pmem */
	unsigned long long p2pmem_size;
	unsigned long long p2pmem_available;
	bool p2pmem_published;
};

/* Does DMA of a kind that peer memory is of interest for, by its class. */
bool dev_is_client(const struct dev *dev);
/* It sleeps, by what the kernel knows; a virtual function does as its physical one. */
bool dev_asleep(const struct dev *dev);
const char *kind_name(const struct dev *dev);
bool dev_is_downstream(const struct dev *dev);	/* or a root port */
bool dev_is_port(const struct dev *dev);	/* of a PCI Express fabric */

#endif
