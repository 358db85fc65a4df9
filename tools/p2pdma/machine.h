/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What there is in this machine: PCI functions in their fabric, providers of peer
 * memory, and the routes that the kernel names. Loaded once, then read only.
 */
#ifndef P2PDMA_MACHINE_H
#define P2PDMA_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"
#include "routes.h"
#include "util.h"

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

/* Peer memory: a BAR of a function. */
struct provider {
	struct dev *dev;
	int bar;		/* -1: not told (no route names it) */
	bool only;		/* no other BAR of the function is one */
};

struct machine {
	struct dev **devs;	/* by address */
	size_t n_devs;
	struct provider *providers;	/* by address and BAR */
	size_t n_providers;
	bool project;		/* the kernel has this project's interfaces */
	char *policy;		/* in force; NULL if it cannot be read */
	char *release;		/* of the kernel */
	char *cmdline;		/* of the kernel; "" if not to be seen */
	char **iommus;		/* "dmar0" */
	size_t n_iommus;
	bool guest;		/* it runs on a hypervisor, as far as can be told */
	bool no_sme;		/* the CPU does not encrypt the host's memory */
	bool config_seen;	/* all of configuration space, of every function */
	bool names_short;	/* all functions are in domain 0 */
	char **unseen;		/* sentences: what could not be seen, and why */
	size_t n_unseen;
};

struct machine *machine_load(const char *pci_ids);
void machine_free(struct machine *m);

struct dev *machine_dev(const struct machine *m, const struct address *address);
struct dev *machine_dev_named(const struct machine *m, const char *name);
/* The provider of that function; @bar -1 stands for the first. */
const struct provider *machine_provider(const struct machine *m,
					const struct dev *dev, int bar);
/* The last CPU physical address of the provider's BAR; 0 if it is not known. */
unsigned long long machine_last(const struct provider *provider);
/* The kernel's line for a pair, or NULL. */
const struct route *machine_route(const struct dev *client,
				  const struct provider *provider);
/* Does DMA of a kind that peer memory is of interest for, by its class. */
bool dev_is_client(const struct dev *dev);
/* It sleeps, by what the kernel knows; a virtual function does as its physical one. */
bool dev_asleep(const struct dev *dev);
/* As short as it can be among the functions of this machine. */
const char *dev_short(const struct machine *m, const struct dev *dev);
/* For headings: the address, and the BAR if there are several. To be freed. */
char *provider_short(const struct machine *m, const struct provider *provider);
const char *kind_name(const struct dev *dev);
bool dev_is_downstream(const struct dev *dev);	/* or a root port */
bool dev_is_port(const struct dev *dev);	/* of a PCI Express fabric */

#endif
