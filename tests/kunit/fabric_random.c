// SPDX-License-Identifier: GPL-2.0
/*
 * Random fabrics: see fabric_random.h.
 *
 * A picture is drawn in the language of fabric.h, handed to fabric_create(), and
 * then some of its functions are made clients and providers.  What no
 * configuration space tells is chosen here too, and written down for the test to
 * judge by.
 */
#include <linux/dma-mapping.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "fabric_random.h"
#include "mock_cache.h"

/* Where a host bridge's memory is on its bus; 0: where it is for the CPU. */
static const u64 random_bus_starts[] = {
	0, 0, 0,
	0x40000000,		/* below 4G: BARs of 32 bits fit */
	0x80000000,
	0x100000000ULL,		/* where the CPU has the windows of others */
	0x110000000ULL,
	0x8000000000ULL,
	0xffe0000000ULL,	/* the last of 40 bits */
	0x40000000000000ULL,	/* no mask but the widest reaches it */
};

/* From nothing to all, with the sets that firmware and kernels make. */
static const u16 random_acs_sets[] = {
	0, 0, 0, 0,
	PCI_ACS_RR | PCI_ACS_UF,
	PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF,
	PCI_ACS_RR,
	PCI_ACS_CR,
	PCI_ACS_CR | PCI_ACS_UF,
	PCI_ACS_UF,
	PCI_ACS_EC,
	PCI_ACS_EC | PCI_ACS_RR | PCI_ACS_UF,
};

static const u64 random_masks[] = {
	DMA_BIT_MASK(64), DMA_BIT_MASK(64), DMA_BIT_MASK(64), DMA_BIT_MASK(64),
	DMA_BIT_MASK(48), DMA_BIT_MASK(40), DMA_BIT_MASK(36), DMA_BIT_MASK(32),
};

/* First functions of root buses that the kernel's list knows. */
static const struct {
	const char *id;
	bool same_only;
} random_listed[] = {
	{ "8086:2f00", true },
	{ "8086:0b25", false },
};

/**
 * random_below - a random number
 * @run: the run
 * @limit: not 0
 *
 * Return: a number from 0 to @limit - 1.
 */
u32 random_below(struct random_run *run, u32 limit)
{
	return prandom_u32_state(&run->rnd) % limit;
}

/**
 * random_percent - yes or no
 * @run: the run
 * @percent: how often yes
 *
 * Return: true for yes.
 */
bool random_percent(struct random_run *run, u32 percent)
{
	return random_below(run, 100) < percent;
}

/**
 * random_acs - a value for ACS Control
 * @run: the run
 *
 * Return: the value.
 */
u16 random_acs(struct random_run *run)
{
	if (random_percent(run, 30))
		return random_below(run, BIT(ARRAY_SIZE(fabric_acs_names)));
	return random_acs_sets[random_below(run, ARRAY_SIZE(random_acs_sets))];
}

/**
 * random_mask - a DMA mask
 * @run: the run
 *
 * Return: the mask.
 */
u64 random_mask(struct random_run *run)
{
	return random_masks[random_below(run, ARRAY_SIZE(random_masks))];
}

/*
 * Drawing.
 */

/* Begin a line. */
static void random_line(struct random_run *run, int depth, const char *kind)
{
	seq_buf_printf(&run->picture, "\n%*s%s", 2 * depth, "", kind);
	run->budget--;
}

static void random_draw_acs(struct random_run *run)
{
	u16 acs = random_acs(run);
	const char *separator = " acs=";
	int bit;

	if (!acs)
		seq_buf_puts(&run->picture, " acs=none");
	for (bit = 0; bit < ARRAY_SIZE(fabric_acs_names); bit++) {
		if (!(acs & BIT(bit)))
			continue;
		seq_buf_printf(&run->picture, "%s%s", separator,
			       fabric_acs_names[bit]);
		separator = ",";
	}
	/* The egress vector is set also where egress control is off. */
	separator = " egress=";
	for (bit = 0; bit < 8 && random_percent(run, 60); bit++) {
		if (random_percent(run, 50))
			continue;
		seq_buf_printf(&run->picture, "%s%d", separator, bit);
		separator = ",";
	}
	if (random_percent(run, 15))
		seq_buf_printf(&run->picture, " egress-bits=%u",
			       1 + random_below(run, 8));
}

static void random_draw_port(struct random_run *run, int depth,
			     const char *kind, int port)
{
	random_line(run, depth, kind);
	seq_buf_printf(&run->picture, " port%d", run->ports++);
	if (port >= 0)
		seq_buf_printf(&run->picture, " port=%d", port);
	if (random_percent(run, 15))
		seq_buf_puts(&run->picture,
			     random_percent(run, 25) ? " isolates" : " noacs");
	else
		random_draw_acs(run);
	run->ari = random_percent(run, 25);
	if (run->ari)
		seq_buf_puts(&run->picture, " ari");
}

static struct random_fn *random_draw_fn(struct random_run *run, int depth,
					const char *kind)
{
	struct random_fn *fn = &run->fn[run->fns];

	snprintf(fn->name, sizeof(fn->name), "%s%d", kind, run->fns++);
	fn->host = run->hosts - 1;
	random_line(run, depth, kind);
	seq_buf_printf(&run->picture, " %s", fn->name);
	fn->has_ats = strcmp(kind, "pci") && run->iommu &&
		      random_percent(run, 30);
	if (fn->has_ats)
		seq_buf_puts(&run->picture, " ats");
	if (random_percent(run, 8))
		seq_buf_printf(&run->picture, " requester=%d",
			       random_percent(run, 70) ? 10 : 14);
	if (random_percent(run, 40))
		seq_buf_printf(&run->picture, " completer=%d",
			       random_percent(run, 70) ? 10 : 14);
	if (random_percent(run, 60)) {
		fn->memory = true;
		seq_buf_printf(&run->picture, " bar0=%dM",
			       2 << random_below(run, 2));
	}
	return fn;
}

/* Virtual functions, which have their place after the physical one. */
static void random_draw_vfs(struct random_run *run, struct random_fn *pf)
{
	int count = 1 + random_below(run, 2), i;
	bool acs = random_percent(run, 50);

	/* With RR in their ACS their requests to each other would stay inside. */
	seq_buf_printf(&run->picture, " vfs=%d vfbar=2M%s", count,
		       acs && !pf->apart ? " vfacs" : "");
	for (i = 0; i < count; i++) {
		struct random_fn *fn = &run->fn[run->fns++];

		snprintf(fn->name, sizeof(fn->name), "%.7s.vf%u", pf->name, i);
		fn->host = pf->host;
		fn->memory = true;
		fn->apart = pf->apart;
	}
}

/* A device, of up to three functions. */
static void random_draw_device(struct random_run *run, int depth,
			       const char *kind, bool acs)
{
	int count = random_percent(run, 30) ? 2 + random_below(run, 2) : 1;
	bool vfs = acs && count == 1 && random_percent(run, 6);
	bool ari = run->ari && !strcmp(kind, "ep");
	struct random_fn *fn;
	int i, number = 0;

	for (i = 0; i < count; i++) {
		fn = random_draw_fn(run, depth, kind);
		if (i) {
			number += 1 + random_below(run, ari ? 100 : 2);
			seq_buf_printf(&run->picture, " fn=%d", number);
		}
		if (acs && random_percent(run, 40)) {
			random_draw_acs(run);
		} else if (acs && random_percent(run, 50)) {
			fn->apart = true;
			seq_buf_puts(&run->picture, " apart");
		}
		if (ari && random_percent(run, 15))
			seq_buf_printf(&run->picture, " group=%u",
				       random_below(run, 8));
		if (vfs)
			random_draw_vfs(run, fn);
	}
}

static void random_draw_below(struct random_run *run, int depth, int level);

static void random_draw_switch(struct random_run *run, int depth, int level)
{
	int count = 2 + random_below(run, 3), i;
	/* Port numbers may be large, and beyond the bits of an egress vector. */
	int port = random_percent(run, 70) ? 0 : random_below(run, 40);

	random_line(run, depth, "up");
	seq_buf_printf(&run->picture, " port%d", run->ports++);
	for (i = 0; i < count && run->budget > 2; i++) {
		random_draw_port(run, depth + 1, "dp", port);
		random_draw_below(run, depth + 2, level + 1);
		port += 1 + random_below(run, 2);
	}
	/* Another function of the device that the upstream port is one of. */
	if (random_percent(run, 15) && run->budget > 1) {
		random_draw_fn(run, depth, "ep");
		seq_buf_puts(&run->picture, " fn=1");
	}
}

/* What is plugged into a port. */
static void random_draw_below(struct random_run *run, int depth, int level)
{
	u32 what = random_below(run, 100);
	int count;

	if (what < 30 && level < 4 && run->budget > 6) {
		random_draw_switch(run, depth, level);
	} else if (what < 38 && run->budget > 3) {
		random_line(run, depth, "bridge");
		seq_buf_printf(&run->picture, " port%d", run->ports++);
		for (count = 1 + random_below(run, 2); count; count--)
			random_draw_device(run, depth + 1, "pci", false);
	} else if (what < 95) {
		random_draw_device(run, depth, "ep", true);
	}
}

static void random_draw_host(struct random_run *run)
{
	struct random_host *host = &run->host[run->hosts++];
	u64 bus = random_bus_starts[random_below(run,
						 ARRAY_SIZE(random_bus_starts))];
	int count = 2 + random_below(run, 3), i;

	host->forward = run->cpu_listed ? FABRIC_FORWARD_ALL :
					  random_below(run, 3);
	host->cross = run->cpu_listed ? FABRIC_FORWARD_ALL :
					random_below(run, 3);
	random_line(run, 0, "host");
	seq_buf_printf(&run->picture, " forward=%s cross=%s",
		       fabric_forward_names[host->forward],
		       fabric_forward_names[host->cross]);
	if (bus)
		seq_buf_printf(&run->picture, " bus=%#llx", bus);
	if (run->iommu && random_percent(run, 25))
		seq_buf_puts(&run->picture, " noiommu");

	/*
	 * Never unplugged: its ID decides whether the host bridge is in the built-
	 * in list.
	 */
	i = random_below(run, ARRAY_SIZE(random_listed));
	random_draw_fn(run, 1, "rciep");
	if (host->forward == FABRIC_FORWARD_ALL && random_percent(run, 60) &&
	    (random_listed[i].same_only || host->cross == FABRIC_FORWARD_ALL)) {
		host->listed = true;
		host->listed_same = random_listed[i].same_only;
		seq_buf_printf(&run->picture, " id=%s", random_listed[i].id);
	}

	for (i = 0; i < count && run->budget > 4; i++) {
		if (random_percent(run, 10)) {
			random_draw_device(run, 1, "rciep", false);
			continue;
		}
		random_draw_port(run, 1, "rp", -1);
		if (random_percent(run, 12))
			seq_buf_puts(&run->picture, " external");
		/* A switch: without one no route is direct. */
		if (!i && random_percent(run, 70))
			random_draw_switch(run, 2, 1);
		else
			random_draw_below(run, 2, 1);
	}
}

/*
 * Clients and providers.
 */

/**
 * random_dev - the device of a function
 * @run: the run
 * @fn: the function, plugged in
 *
 * Return: the device.
 */
struct pci_dev *random_dev(struct random_run *run, const struct random_fn *fn)
{
	return fabric_dev(run->fabric, fn->name);
}

static struct random_fn *random_pick(struct random_run *run, bool provider)
{
	int at = random_below(run, run->fns), i;

	for (i = 0; i < run->fns; i++, at = (at + 1) % run->fns)
		if (provider ? run->fn[at].provider : run->fn[at].client)
			return &run->fn[at];
	return NULL;
}

/**
 * random_client - one of the clients
 * @run: the run
 *
 * Return: the client; there always is one.
 */
struct random_fn *random_client(struct random_run *run)
{
	return random_pick(run, false);
}

/**
 * random_provider - one of the providers
 * @run: the run
 *
 * Return: the provider, or NULL if there is none.
 */
struct random_fn *random_provider(struct random_run *run)
{
	return random_pick(run, true);
}

/**
 * random_ats - switch a function's ATS, or off if it has none, is not trusted, or has no IOMMU
 * @run: the run
 * @fn: the function
 * @on: whether they are to be enabled
 */
void random_ats(struct random_run *run, struct random_fn *fn, bool on)
{
	fn->ats = on && fn->has_ats && !random_dev(run, fn)->untrusted &&
		  !run->host[fn->host].host->noiommu;
	if (fn->has_ats)
		fabric_set_ats(run->fabric, fn->name, fn->ats);
}

/**
 * random_fn_ready - make a function what it has been chosen to be
 * @run: the run
 * @fn: the function, which has just been plugged in
 */
void random_fn_ready(struct random_run *run, struct random_fn *fn)
{
	struct pci_dev *pdev = random_dev(run, fn);

	if (fn->client) {
		fabric_client(run->fabric, fn->name);
		KUNIT_ASSERT_EQ(run->test, 0,
				dma_set_mask_and_coherent(&pdev->dev, fn->mask));
		dma_set_max_seg_size(&pdev->dev, fn->max_seg);
		mock_cache_set(&pdev->dev, !fn->not_coherent);
	}
	random_ats(run, fn, fn->ats);
	if (fn->per_mapping)
		fabric_ats_per_mapping(run->fabric, fn->name);
	if (fn->provider && fn->pages)
		fabric_provider_part(run->fabric, fn->name, 0, fn->pages, 0);
	if (fn->provider && fn->plain)
		fabric_provider_plain(run->fabric, fn->name, 0);
}

/* Struct pages for all of the memory, for a part of it, or for none. */
static void random_choose_pages(struct random_run *run, struct random_fn *fn)
{
	u64 size = pci_resource_len(random_dev(run, fn), 0);

	fn->pages = random_percent(run, 75) ? size : size / SZ_2M / 2 * SZ_2M;
	fn->plain = fn->pages < size || random_percent(run, 20);
}

static void random_choose_roles(struct random_run *run)
{
	int clients = 10, providers = 6, at = random_below(run, run->fns), i;
	bool legacy = random_percent(run, 35);
	struct random_fn *fn;

	for (i = 0; i < run->fns; i++, at = (at + 1) % run->fns) {
		fn = &run->fn[at];
		fn->client = clients > 0 && (!i || random_percent(run, 80));
		fn->provider = providers > 0 && fn->memory &&
			       random_percent(run, 80);
		if (fn->provider)
			random_choose_pages(run, fn);
		fn->mask = random_mask(run);
		fn->not_coherent = random_percent(run, 25);
		fn->max_seg = random_percent(run, 75) ? UINT_MAX : SZ_64K;
		fn->ats = fn->has_ats && random_percent(run, 60);
		fn->per_mapping = fn->has_ats && random_percent(run, 30);
		clients -= fn->client;
		providers -= fn->provider;
		random_fn_ready(run, fn);

		if (!fn->client || !legacy || random_percent(run, 50) ||
		    (run->iommu && !run->host[fn->host].host->noiommu))
			continue;
		fn->ops = mock_ops_install(run->test, random_dev(run, fn));
	}
}

static void random_choose_iommu(struct random_run *run, int hosts)
{
	static const unsigned long pgsizes[] = {
		SZ_4K, SZ_4K, SZ_2K, SZ_4K | SZ_2M,
	};

	if (random_percent(run, 40))
		return;
	run->iommu_config = (struct mock_iommu_config) {
		.pgsizes = pgsizes[random_below(run, ARRAY_SIZE(pgsizes))],
		.lazy = random_percent(run, 30),
		.identity = random_percent(run, 15),
		.no_mmio = random_percent(run, 10),
		.deferred = random_percent(run, 15),
		/* A shared domain reserves the windows of one host bridge only. */
		.shared = hosts == 1 && random_percent(run, 15),
	};
	run->iommu_config.deferred &= !run->iommu_config.identity;
	run->iommu = mock_iommu_create(run->test, &run->iommu_config);
}

/*
 * Let virtual functions appear, of which @first is the first.  The PCI core may have
 * found no room for their BARs; then there are none.
 */
static void random_enable_vfs(struct random_run *run, int first)
{
	struct random_fn *fn = &run->fn[first];
	const char *pf = run->fn[first - 1].name;
	int count = 1;

	if (first + 1 < run->fns && strstr(run->fn[first + 1].name, ".vf1"))
		count++;
	if (random_dev(run, fn - 1)->resource[PCI_IOV_RESOURCES].parent) {
		fabric_enable_vfs(run->fabric, pf, count);
		return;
	}
	run->fns -= count;
	memmove(fn, fn + count, (run->fns - first) * sizeof(*fn));
}

/**
 * random_run_create - make a random fabric
 * @test: the test, with which it goes
 * @seed: the seed
 *
 * Return: the run, which is &kunit.priv from then on.
 */
struct random_run *random_run_create(struct kunit *test, u64 seed)
{
	struct random_run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	int hosts, i;

	KUNIT_ASSERT_NOT_NULL(test, run);
	test->priv = run;
	run->test = test;
	run->seed = seed;
	run->mode = "auto";
	prandom_seed_state(&run->rnd, seed);
	seq_buf_init(&run->picture, run->text, sizeof(run->text));

	run->guest = random_percent(run, 12);
	run->cpu_listed = random_percent(run, 15);
	hosts = 1 + random_below(run, RANDOM_HOSTS);
	random_choose_iommu(run, hosts);
	run->budget = 16 + random_below(run, 16);
	while (hosts-- && run->budget > 4)
		random_draw_host(run);
	KUNIT_ASSERT_FALSE(test, seq_buf_has_overflowed(&run->picture));

	snprintf(run->doing, sizeof(run->doing), "making the fabric");
	run->fabric = fabric_create(test, seq_buf_str(&run->picture));
	fabric_guest(test, run->guest);
	fabric_cpu_listed(test, run->cpu_listed);
	for (i = run->fns - 1; i > 0; i--)
		if (strstr(run->fn[i].name, ".vf0"))
			random_enable_vfs(run, i);
	for (i = 0; i < run->fns; i++) {
		struct pci_dev *pdev = random_dev(run, &run->fn[i]);
		struct random_host *host = &run->host[run->fn[i].host];

		/*
		 * The first function below each host bridge, by which policies
		 * name it.
		 */
		if (!host->any) {
			host->any = pdev;
			host->host = fabric_host_of(pdev);
		}
	}
	random_choose_roles(run);
	return run;
}

/**
 * random_run_print - say all that is needed to look into a failure
 * @run: the run
 */
void random_run_print(struct random_run *run)
{
	struct kunit *test = run->test;
	int i;

	kunit_info(test, "while %s\n", run->doing);
	kunit_info(test, "to see it again: fabric_random_kunit.seed=%llu fabric_random_kunit.runs=1\n",
		   run->seed);
	kunit_info(test, "policy \"%s\"%s%s\n", run->policy,
		   run->guest ? ", a guest" : "",
		   run->cpu_listed ? ", all host bridges listed" : "");
	if (run->iommu)
		kunit_info(test, "IOMMU: pages %#lx%s%s%s%s%s\n",
			   run->iommu_config.pgsizes,
			   run->iommu_config.lazy ? ", lazy" : "",
			   run->iommu_config.identity ? ", identity" : "",
			   run->iommu_config.no_mmio ? ", no MMIO" : "",
			   run->iommu_config.deferred ? ", deferred" : "",
			   run->iommu_config.shared ? ", one group" : "");
	for (i = 0; i < run->fns; i++) {
		struct random_fn *fn = &run->fn[i];

		if (fn->client)
			kunit_info(test, "%s: client, mask %#llx%s%s%s%s\n",
				   fn->name, fn->mask,
				   fn->not_coherent ? ", not coherent" : "",
				   fn->ats ? ", ATS" : "",
				   fn->per_mapping ? " per mapping" : "",
				   fn->ops ? ", own dma_map_ops" : "");
		if (fn->provider)
			kunit_info(test, "%s: provider\n", fn->name);
	}
	if (run->fabric)
		fabric_print(run->fabric);
	else
		kunit_info(test, "the picture was to be: %s\n", run->text);
}
