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
	KIND_SILENT,		/* configuration space reads all ones: it does not answer */
};

/* The Access Control Services capability. */
struct acs {
	bool seen;		/* the other members are valid */
	bool present;
	unsigned int cap;	/* ACS Capability register */
	unsigned int ctrl;	/* ACS Control register */
	unsigned int egress[8];	/* egress vector */
};

/* A base address register, of memory. */
struct bar {
	unsigned long long first, last;	/* CPU physical addresses; @last 0: none */
};

#define N_BARS	6

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
	char **names;		/* all of them, @kname first */
	size_t n_names;
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
	const struct dev *behind;	/* the function (VMD) that its host bridge is part of */
	bool ats;		/* Address Translation Services: it has the capability */
	bool ats_on;		/* and it is enabled */
	unsigned long long bar_most[6];	/* to which Resizable BAR can enlarge; or 0 */
	bool ari;		/* a port with ARI Forwarding enabled */
	bool memory_seen;	/* @decodes_memory is valid */
	bool decodes_memory;
	struct acs acs;
	bool is_bridge;
	bool bars_seen;		/* @bars is valid */
	struct bar bars[N_BARS];
	bool has_routes;	/* it has a file p2pdma_routes */
	int routes_error;	/* errno of reading that */
	struct route_list routes;
	bool has_p2pmem;	/* it has a folder p2pmem */
	unsigned long long p2pmem_size;
	unsigned long long p2pmem_available;
	bool p2pmem_published;
};

/* It has a BAR of memory; true also where that is not known. */
bool dev_has_memory(const struct dev *dev);
/* By its class, a device whose DMA may be to or from peer memory. */
bool dev_is_client(const struct dev *dev);
/* Not in D0; a virtual function is asleep if its physical function is. */
bool dev_asleep(const struct dev *dev);
const char *kind_name(const struct dev *dev);
/* What it is by its class, in a word or two: "display", "network". */
const char *class_name(const struct dev *dev);
bool dev_is_downstream(const struct dev *dev);	/* or a root port */
bool dev_is_port(const struct dev *dev);	/* of a PCI Express fabric */
/* Its path from a root bus, as boot options take it: 0000:00:01.1/00.0. To be freed. */
char *dev_path(const struct dev *dev);

#endif
