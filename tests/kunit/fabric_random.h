/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random fabrics, for the property test.
 *
 * All that is random about a run follows from its seed: the picture of the fabric,
 * its clients and providers, their implementation of the DMA API, and later the
 * policies, the changes and the lists.
 */
#ifndef P2PDMA_KUNIT_FABRIC_RANDOM_H
#define P2PDMA_KUNIT_FABRIC_RANDOM_H

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/seq_buf.h>

#include "fabric_fn.h"
#include "mock_iommu.h"
#include "mock_ops.h"

#define RANDOM_HOSTS		3
#define RANDOM_FNS		48
#define RANDOM_PICTURE		8192

/**
 * struct random_host - a host bridge of a random fabric
 * @host: the host bridge
 * @any: a function below it that stays, by which policies name it
 * @forward: what its root complex forwards between its own ports
 * @cross: the same to and from other host bridges
 * @listed: the kernel's list knows that it forwards
 * @listed_same: the list knows it for its own ports alone
 * @trust: what it forwards by the active policy
 */
struct random_host {
	struct fabric_host *host;
	struct pci_dev *any;
	enum fabric_forward forward;
	enum fabric_forward cross;
	bool listed;
	bool listed_same;
	enum fabric_forward trust;
};

/**
 * struct random_fn - a function that may be client and provider
 * @name: its name in the picture
 * @host: number of its host bridge
 * @memory: it has memory of its own, in BAR 0
 * @provider: that memory has been registered
 * @pages: how many bytes of it, from the start, have struct pages
 * @plain: it has been registered without struct pages, as far as it has none
 * @client: it does DMA
 * @denied: the active policy denies it
 * @apart: its requests to its siblings leave the device
 * @looped: the active policy names it in loopback=
 * @asleep: it has been sent to D3
 * @mask: its DMA mask
 * @not_coherent: it does not look into the CPU's caches
 * @max_seg: the largest DMA segment that it takes, bytes
 * @ats: its Address Translation Services are enabled
 * @has_ats: it has the capability
 * @per_mapping: its driver uses them per mapping
 * @ops: its mock operations, or NULL
 */
struct random_fn {
	char name[16];
	int host;
	bool memory;
	bool provider;
	u64 pages;
	bool plain;
	bool client;
	bool denied;
	bool apart;
	bool looped;
	bool asleep;
	u64 mask;
	bool not_coherent;
	unsigned int max_seg;
	bool ats;
	bool has_ats;
	bool per_mapping;
	struct mock_ops *ops;
};

/**
 * struct random_run - all of a run
 * @test: the test
 * @seed: the seed
 * @rnd: where chance stands
 * @text: the picture
 * @picture: for writing it
 * @budget: how many functions may still be drawn
 * @ports: how many ports there are
 * @ari: the last port that was drawn forwards functions beyond 7
 * @fabric: the fabric
 * @iommu: the mock IOMMU, or NULL
 * @iommu_config: what kind it is
 * @guest: the kernel is a guest
 * @cpu_listed: all host bridges of the CPU are listed
 * @host: the host bridges
 * @hosts: how many
 * @fn: all functions that are no bridges
 * @fns: how many
 * @off: what does not decode memory addresses now, or NULL
 * @policy: the active policy
 * @mode: its mode
 * @doing: what is being done, for messages of failures
 */
struct random_run {
	struct kunit *test;
	u64 seed;
	struct rnd_state rnd;
	char text[RANDOM_PICTURE];
	struct seq_buf picture;
	int budget;
	int ports;
	bool ari;
	struct fabric *fabric;
	struct mock_iommu *iommu;
	struct mock_iommu_config iommu_config;
	bool guest;
	bool cpu_listed;
	struct random_host host[RANDOM_HOSTS];
	int hosts;
	struct random_fn fn[RANDOM_FNS];
	int fns;
	struct fabric_fn *off;
	char policy[256];
	const char *mode;
	char doing[192];
};

u32 random_below(struct random_run *run, u32 limit);
bool random_percent(struct random_run *run, u32 percent);
u16 random_acs(struct random_run *run);
u64 random_mask(struct random_run *run);
struct random_fn *random_client(struct random_run *run);
struct random_fn *random_provider(struct random_run *run);
struct pci_dev *random_dev(struct random_run *run, const struct random_fn *fn);
void random_fn_ready(struct random_run *run, struct random_fn *fn);
void random_ats(struct random_run *run, struct random_fn *fn, bool on);

struct random_run *random_run_create(struct kunit *test, u64 seed);
void random_run_print(struct random_run *run);

#endif /* P2PDMA_KUNIT_FABRIC_RANDOM_H */
