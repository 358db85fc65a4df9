/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This machine: PCI functions in their fabric, providers of peer memory, and the routes
 * that the kernel reports. Loaded once, then read only.
 */
#ifndef P2PDMA_MACHINE_H
#define P2PDMA_MACHINE_H

#include "dev.h"
#include "util.h"

/* Peer memory: a BAR of a function. */
struct provider {
	struct dev *dev;
	int bar;		/* -1: unknown, as no route has it; or any */
	bool only;		/* the function has no other BAR of peer memory */
};

enum cpu {
	CPU_OTHER,
	CPU_INTEL,
	CPU_AMD,
	CPU_ARM,
};

struct machine {
	struct dev **devs;	/* by address */
	size_t n_devs;
	struct provider *providers;	/* by address and BAR */
	size_t n_providers;
	bool project;		/* the kernel has this project's interfaces */
	char *policy;		/* the active one; NULL if it cannot be read */
	char *release;		/* of the kernel */
	char *cmdline;		/* of the kernel; "" if it cannot be read */
	char **iommus;		/* "dmar0" */
	size_t n_iommus;
	bool guest;		/* it runs on a hypervisor, as far as is known */
	enum cpu cpu;
	bool zen;		/* an AMD CPU from Zen on */
	bool no_sme;		/* the CPU cannot encrypt the host's memory */
	bool config_seen;	/* all of configuration space of every function was read */
	bool domain_0;		/* all functions are in domain 0 */
	char **unseen;		/* sentences: what could not be seen, and why */
	size_t n_unseen;
};

struct machine *machine_load(const char *pci_ids);
void machine_free(struct machine *m);

struct dev *machine_dev(const struct machine *m, const struct address *address);
/* The same for a PCI address as text. */
struct dev *machine_dev_at(const struct machine *m, const char *bdf);
/* The provider of that function; @bar -1 stands for the first. */
const struct provider *machine_provider(const struct machine *m,
					const struct dev *dev, int bar);
/*
 * The last CPU physical address of the provider's BAR, or of the one that reaches highest;
 * 0 if it is not known.
 */
unsigned long long machine_last(const struct provider *provider);
/* The size of the provider's BAR in bytes; 0 if it is not known. */
unsigned long long machine_size(const struct provider *provider);
/* The kernel's line for a pair, or NULL. */
const struct route *machine_route(const struct dev *client,
				  const struct provider *provider);
/* Its PCI address, without the domain if all functions are in domain 0. */
const char *dev_short(const struct machine *m, const struct dev *dev);
/* For headings: the address, and the BAR if there are several. To be freed. */
char *provider_short(const struct machine *m, const struct provider *provider);

#endif
