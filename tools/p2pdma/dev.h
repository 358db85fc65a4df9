/* SPDX-License-Identifier: GPL-2.0 */
/* One PCI function, as sysfs and configuration space show it. */
#ifndef P2PDMA_DEV_H
#define P2PDMA_DEV_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "routes.h"

/* What a function is in the fabric; its PCI Express port type where that is seen. */
enum kind {
	KIND_UNSEEN,		/* configuration space cannot be read without root */
	KIND_ENDPOINT,
	KIND_ROOT_ENDPOINT,	/* integrated in the root complex */
	KIND_ROOT_PORT,
	KIND_UPSTREAM,
	KIND_DOWNSTREAM,
	KIND_TO_PCI,		/* bridge from PCI Express to conventional PCI */
	KIND_CONVENTIONAL,	/* not PCI Express */
};

/* The Access Control Services capability. */
struct acs {
	bool seen;		/* the other members are valid */
	bool present;
	unsigned int cap;	/* ACS Capability register */
	unsigned int ctrl;	/* ACS Control register */
	unsigned int egress[8];	/* egress vector */
};

/* One PCI function. */
struct dev {
	struct address address;
	char bdf[ADDRESS_LEN];	/* @address as text */
	struct dev *above;	/* the bridge above it; NULL on a root bus */
	struct dev *physfn;	/* of a virtual function */
	char *host;		/* its host bridge, "pci0000:00" */
	unsigned int vendor;
	unsigned int device;
	int subvendor, subdevice;	/* -1: unknown */
	unsigned int class;	/* of 24 bits */
	char *label;		/* text of pci.ids */
	char *driver;		/* NULL if none is bound */
	char *kname;		/* that its driver has registered, such as nvme0; or NULL */
	char *power;		/* "D0"; NULL: unknown */
	int numa;		/* -1: unknown */
	int iommu_group;	/* -1: none */
	bool translated;	/* an IOMMU translates for it */
	bool untrusted;		/* below an external port */
	unsigned int mask_bits;	/* of its DMA mask */
	char *iommu_type;	/* of its group's domain; NULL: unknown */
	char *speed, *width;	/* of its link now; NULL: unknown */
	char *speed_max, *width_max;
	enum kind kind;
	unsigned int port_number;
	bool ari;		/* a port with ARI Forwarding enabled */
	bool memory_seen;	/* @decodes_memory is valid */
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

/* By its class, a device whose DMA may be to or from peer memory. */
bool dev_is_client(const struct dev *dev);
/* Not in D0; a virtual function is asleep if its physical function is. */
bool dev_asleep(const struct dev *dev);
const char *kind_name(const struct dev *dev);
bool dev_is_downstream(const struct dev *dev);	/* or a root port */
bool dev_is_port(const struct dev *dev);	/* of a PCI Express fabric */

#endif
