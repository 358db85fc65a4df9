// SPDX-License-Identifier: GPL-2.0
/*
 * A property test on random fabrics.
 *
 * Each run makes a random fabric with random ACS settings, clients, providers and
 * implementations of the DMA API (dma-direct, dma-iommu over the mock IOMMU, mock
 * dma_map_ops), and then goes through rounds: a random policy and a few random
 * changes, the route of every pair, and random lists and single pieces for random
 * clients.  What is asked of all of them:
 *
 *	Safe		every address that a mapping returned leads to the right
 *			byte of the right BAR
 *	Not timid	a route is direct if, and only if, the oracle says that a
 *			request would cross and nothing deliberate forbids it; and
 *			a client that could reach the memory by way of a trusted
 *			root complex is allowed to
 *	Explained	the reason holds, and the port it names is the one where
 *			the oracle's walk was turned or stopped
 *	Confined	in mode host everything passes the root complex, and the
 *			IOMMU if the client has one; in mode off nothing is mapped
 *	Balanced	after unmapping nothing is left in the IOMMU, in the
 *			allocator of IOVAs, with the mock operations, or in the list
 *
 * The policy never trusts a host bridge with more than its root complex forwards:
 * that trusting the wrong one corrupts data is known.
 *
 * A failure prints the seed and the fabric.  These parameters of the kernel's
 * command line repeat it:
 *
 *	fabric_random_kunit.seed=	of the first run; the next has the next number
 *	fabric_random_kunit.runs=	how many
 */
#include <kunit/test.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu-dma.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/swiotlb.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_random.h"
#include "fabric_sg.h"
#include "fabric_single.h"
#include "mock_cache.h"
#include "oracle.h"

static unsigned long long seed = 1;
module_param(seed, ullong, 0);
MODULE_PARM_DESC(seed, "seed of the first random fabric");

static unsigned int runs = 10;
module_param(runs, uint, 0);
MODULE_PARM_DESC(runs, "how many random fabrics");

#define ROUNDS		6
#define LISTS		8	/* in each round */
#define MAX_ENTRIES	1000

static const enum dma_data_direction directions[] = {
	DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL,
};

static bool failed(struct random_run *run)
{
	return READ_ONCE(run->test->status) == KUNIT_FAILURE;
}

__printf(2, 3)
static void doing(struct random_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->doing, sizeof(run->doing), format, args);
	va_end(args);
}

/*
 * What the test knows of client and provider without asking the code under test.
 */

static bool translated(const struct random_fn *client, struct pci_dev *pdev)
{
	return client->ops || mock_iommu_translates(&pdev->dev);
}

/* Is a host bridge trusted, by the active policy or by the built-in list? */
static bool host_trusted(struct random_run *run, struct random_host *host,
			 bool same, bool reads)
{
	return run->cpu_listed ||
	       (host->listed && (same || !host->listed_same)) ||
	       host->trust >= (reads ? FABRIC_FORWARD_ALL :
				       FABRIC_FORWARD_WRITES);
}

static bool trusted(struct random_run *run, const struct random_fn *client,
		    const struct random_fn *provider, bool reads)
{
	bool same = client->host == provider->host;

	return host_trusted(run, &run->host[client->host], same, reads) &&
	       (same || host_trusted(run, &run->host[provider->host], false,
				     reads));
}

/* Anything but PCI Express above a function? */
static bool below_conventional(struct pci_dev *pdev)
{
	while ((pdev = pci_upstream_bridge(pdev)))
		if (!pci_is_pcie(pdev) ||
		    pci_pcie_type(pdev) == PCI_EXP_TYPE_PCI_BRIDGE)
			return true;
	return false;
}

/* Is a function asleep, or the physical function that it belongs to? */
static bool asleep(struct random_run *run, const struct random_fn *fn)
{
	struct fabric_fn *pf = fabric_fn_named(run->fabric, fn->name)->pf;
	int i;

	for (i = 0; pf && i < run->fns; i++)
		if (!strcmp(run->fn[i].name, pf->name))
			return run->fn[i].asleep;
	return fn->asleep;
}

/* Is the provider asleep, or does something on the way to it not decode? */
static bool cut_off(struct random_run *run,
		    const struct random_fn *provider)
{
	struct fabric_fn *fn = fabric_fn_named(run->fabric, provider->name);

	return asleep(run, provider) ||
	       (run->off && fabric_fn_is_below(fn, run->off));
}

/*
 * Does the route name the function that is asleep or does not decode, or one of
 * its VFs?
 */
static bool cut_off_at(struct random_run *run, const struct random_fn *provider,
		       const struct pci_p2pdma_route *route)
{
	struct fabric_fn *fn = fabric_fn_named(run->fabric, provider->name);
	struct pci_dev *at = fabric_fn_dev(fn);

	if (!asleep(run, provider) && fn->pf != run->off)
		at = fabric_fn_dev(run->off);
	return route->has_bridge &&
	       route->bridge_domain == pci_domain_nr(at->bus) &&
	       route->bridge_id == pci_dev_id(at);
}

/*
 * Do the paths of two functions meet in one device: are both its functions, or PF
 * and VF, or below one of its functions?
 */
static bool one_device(struct pci_dev *a, struct pci_dev *b)
{
	struct pci_dev *other;

	for (; !pci_is_root_bus(a->bus); a = pci_upstream_bridge(a))
		for (other = b; !pci_is_root_bus(other->bus);
		     other = pci_upstream_bridge(other))
			if (a != other && a->bus == other->bus)
				return pci_pcie_type(pci_upstream_bridge(a)) !=
				       PCI_EXP_TYPE_UPSTREAM;
	return false;
}

/* Is there conventional PCI between them, or above both? */
static bool conventional(struct pci_dev *a, struct pci_dev *b)
{
	return below_conventional(a) || below_conventional(b);
}

/* The address that an untranslated @client uses through the root complex. */
static u64 host_addr(struct random_run *run, const struct random_fn *client,
		     const struct random_fn *provider, struct pci_dev *owner)
{
	return client->host == provider->host ? pci_bus_address(owner, 0) :
						pci_resource_start(owner, 0);
}

/*
 * Do requests to both ends of the provider's memory land there, with the address
 * that the client gets for a route through the host bridge? Where they must not
 * cross they have to pass the root complex. With @sent they are sent as translated.
 */
static bool walk_lands(struct random_run *run, const struct random_fn *client,
		       const struct random_fn *provider, bool read, bool sent)
{
	struct pci_dev *pdev = random_dev(run, client);
	struct pci_dev *owner = random_dev(run, provider);
	bool across = strcmp(run->mode, "host") && !pdev->untrusted;
	u64 size = pci_resource_len(owner, 0);
	struct oracle *oracle = oracle_read(run->fabric);
	struct oracle_request request = { .client = pdev, .read = read };
	struct oracle_answer answer;
	int i;

	/* Where nothing is known of a device it has to land also if they leave it. */
	if (oracle_unproven(oracle, pdev, owner))
		request.siblings = ORACLE_SIBLINGS_APART;
	for (i = 0; i < 2; i++) {
		u64 offset = i * (size - 1);

		if (translated(client, pdev)) {
			request.dma = ORACLE_SOME_IOVA;
			request.mapped_to = pci_resource_start(owner, 0) + offset;
		} else {
			request.dma = host_addr(run, client, provider, owner) +
				      offset;
		}
		if (!sent)
			oracle_walk(oracle, &request, &answer);
		else if (!oracle_walk_sent(oracle, &request, &answer))
			return true;
		if (answer.outcome != ORACLE_LANDED ||
		    answer.completion || !(answer.root || across) ||
		    answer.domain != pci_domain_nr(owner->bus) ||
		    answer.bus != owner->bus->number ||
		    answer.devfn != owner->devfn ||
		    answer.offset != offset)
			return false;
	}
	return true;
}

/* Would a client reach the memory through the host bridge? */
static bool host_reaches(struct random_run *run, const struct random_fn *client,
			 const struct random_fn *provider,
			 enum dma_data_direction dir)
{
	struct pci_dev *owner = random_dev(run, provider);
	u64 dma = host_addr(run, client, provider, owner);

	if (!translated(client, random_dev(run, client)) &&
	    dma + pci_resource_len(owner, 0) - 1 > client->mask)
		return false;
	/* A route for reads is one for reads and writes: a write must fit too. */
	if (!walk_lands(run, client, provider, false, false) ||
	    !walk_lands(run, client, provider, false, true))
		return false;
	return dir == DMA_FROM_DEVICE ||
	       (walk_lands(run, client, provider, true, false) &&
		walk_lands(run, client, provider, true, true));
}

/*
 * Does ATS of the client forbid it bus addresses of the provider? Where an IOMMU
 * translates they have no translation; in an identity domain the request that is sent as
 * translated has to land as well.
 */
static bool ats_forbids(struct random_run *run, const struct random_fn *client,
			const struct random_fn *provider,
			enum dma_data_direction dir)
{
	struct pci_dev *owner = random_dev(run, provider);
	struct pci_dev *pdev = random_dev(run, client);
	bool mode_host = !strcmp(run->mode, "host");

	if (!client->ats || client == provider)
		return false;
	if (translated(client, pdev))
		return !client->per_mapping;
	if (client->per_mapping)
		return false;
	if (client->host == provider->host &&
	    pci_bus_address(owner, 0) != pci_resource_start(owner, 0))
		return true;
	/* In mode host it is forbidden anyway, and only walks that do not cross count. */
	return !mode_host && !host_reaches(run, client, provider, dir);
}

/*
 * Does the reason of a route hold? fabric_check_route() compares ACS and blocked
 * paths with the oracle's walk.
 */
static bool reason_holds(struct random_run *run, const struct random_fn *client,
			 const struct random_fn *provider,
			 enum dma_data_direction dir,
			 const struct pci_p2pdma_route *route, bool crosses,
			 bool carried)
{
	struct pci_dev *pdev = random_dev(run, client);
	struct pci_dev *owner = random_dev(run, provider);
	u64 last = pci_bus_address(owner, 0) + pci_resource_len(owner, 0) - 1;
	bool reads = dir != DMA_FROM_DEVICE;

	switch (route->reason) {
	case PCI_P2PDMA_DIRECT:
		return crosses && route->type == PCI_P2PDMA_MAP_BUS_ADDR;
	case PCI_P2PDMA_SAME_FUNCTION:
		return client == provider;
	case PCI_P2PDMA_NO_COMMON_PORT:
		return !crosses &&
		       (client->host != provider->host ||
			pci_is_root_bus(pdev->bus) ||
			pci_is_root_bus(owner->bus) ||
			pcie_find_root_port(pdev) != pcie_find_root_port(owner));
	case PCI_P2PDMA_CONVENTIONAL_PCI:
		return conventional(pdev, owner);
	case PCI_P2PDMA_UNTRUSTED_CLIENT:
		return pdev->untrusted;
	case PCI_P2PDMA_VIRTUALISED:
		return run->guest && translated(client, pdev);
	case PCI_P2PDMA_ACS_REQUEST:
	case PCI_P2PDMA_ACS_COMPLETION:
		return !crosses;
	case PCI_P2PDMA_MULTIFUNCTION:
		return one_device(pdev, owner);
	case PCI_P2PDMA_CLIENT_ATS:
		return ats_forbids(run, client, provider, dir);
	case PCI_P2PDMA_PAYLOAD_SIZE:
		/* What leaves the device comes back on its link. */
		return one_device(pdev, owner) || !carried ||
		       !host_reaches(run, client, provider, dir);
	case PCI_P2PDMA_TAG_WIDTH:
		return reads && (!carried ||
				 !host_reaches(run, client, provider, dir));
	case PCI_P2PDMA_DMA_MASK:
		return last > client->mask ||
		       host_addr(run, client, provider, owner) +
				pci_resource_len(owner, 0) - 1 > client->mask;
	case PCI_P2PDMA_POLICY_OFF:
		return !strcmp(run->mode, "off");
	case PCI_P2PDMA_DENIED:
		return client->denied || provider->denied;
	case PCI_P2PDMA_PROVIDER_UNREACHABLE:
		return !crosses && cut_off(run, provider) &&
		       cut_off_at(run, provider, route);
	case PCI_P2PDMA_POLICY_SWITCH:
		return !strcmp(run->mode, "switch");
	case PCI_P2PDMA_POLICY_HOST:
		return !strcmp(run->mode, "host");
	case PCI_P2PDMA_FABRIC_BLOCKED:
		return one_device(pdev, owner) ||
		       (crosses && conventional(pdev, owner)) ||
		       !host_reaches(run, client, provider, dir);
	case PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED:
		return !trusted(run, client, provider, reads);
	case PCI_P2PDMA_UNMAPPABLE:
		return client->ops;
	default:
		/* No device here must bounce, and each can do DMA. */
		return false;
	}
}

/* The route of a pair, against what the oracle and the test make of it. */
static void check_pair(struct random_run *run, const struct random_fn *client,
		       const struct random_fn *provider,
		       enum dma_data_direction dir)
{
	struct pci_dev *pdev = random_dev(run, client);
	struct pci_dev *owner = random_dev(run, provider);
	u64 last = pci_bus_address(owner, 0) + pci_resource_len(owner, 0) - 1;
	bool allowed, crosses, carried, direct, host;
	struct p2pdma_provider *mem;
	struct pci_p2pdma_route route;
	struct oracle_answer answer;
	struct oracle *oracle;
	bool reads = dir != DMA_FROM_DEVICE;

	/*
	 * A client that is asleep sends no requests; its own memory it may reach.
	 */
	if (asleep(run, client) && client != provider)
		return;
	doing(run, "asking for the route from %s to %s, direction %d",
	      client->name, provider->name, dir);

	mem = pci_p2pdma_provider_of_phys(pci_resource_start(owner, 0), 1);
	KUNIT_ASSERT_NOT_NULL(run->test, mem);
	pci_p2pdma_query_route(mem, &pdev->dev, dir, &route);
	fabric_check_route(run->fabric, pdev, mem, dir, &route);

	oracle = oracle_read(run->fabric);
	crosses = oracle_crosses(oracle, pdev, owner,
				 pci_resource_start(owner, 0), dir, &answer);
	carried = oracle_carried(oracle, pdev, owner,
				 pci_resource_start(owner, 0), reads, &answer);
	allowed = strcmp(run->mode, "off") && !client->denied &&
		  !provider->denied;
	direct = allowed && crosses && carried && last <= client->mask;
	if (client != provider)
		direct = direct && strcmp(run->mode, "host") &&
			 !oracle_deliberate(oracle, pdev, owner) &&
			 !ats_forbids(run, client, provider, dir) &&
			 !(run->guest && translated(client, pdev));
	KUNIT_EXPECT_EQ_MSG(run->test, direct,
			    route.type == PCI_P2PDMA_MAP_BUS_ADDR,
			    "%s to %s, direction %d: the route is %s, %s",
			    client->name, provider->name, dir,
			    pci_p2pdma_map_type_name(route.type),
			    pci_p2pdma_reason_name(route.reason));

	KUNIT_EXPECT_TRUE_MSG(run->test,
			      reason_holds(run, client, provider, dir, &route,
					   crosses, carried),
			      "%s to %s, direction %d: the route is %s, and the reason %s does not hold",
			      client->name, provider->name, dir,
			      pci_p2pdma_map_type_name(route.type),
			      pci_p2pdma_reason_name(route.reason));

	/*
	 * Only the device knows the way of requests among its functions. With
	 * conventional PCI between the two the verdict may be that of the way
	 * through the host bridge, although a request would cross.
	 */
	if (direct || client == provider ||
	    ((!translated(client, pdev) || client->ats) &&
	     one_device(pdev, owner)) ||
	    (client->ats && conventional(pdev, owner)) ||
	    (client->ats && !translated(client, pdev) &&
	     ats_forbids(run, client, provider, dir)) ||
	    (!translated(client, pdev) && crosses && conventional(pdev, owner)))
		return;
	host = allowed && strcmp(run->mode, "switch") &&
	       !client->ops &&
	       trusted(run, client, provider, dir != DMA_FROM_DEVICE) &&
	       host_reaches(run, client, provider, dir);
	KUNIT_EXPECT_EQ_MSG(run->test, host,
			    route.type == PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
			    "%s to %s, direction %d: the route is %s, %s",
			    client->name, provider->name, dir,
			    pci_p2pdma_map_type_name(route.type),
			    pci_p2pdma_reason_name(route.reason));
}

static void check_pairs(struct random_run *run)
{
	int c, p, d;

	for (c = 0; c < run->fns; c++)
		for (p = 0; p < run->fns; p++)
			for (d = 0; d < ARRAY_SIZE(directions); d++)
				if (run->fn[c].client && run->fn[p].provider &&
				    !failed(run))
					check_pair(run, &run->fn[c],
						   &run->fn[p], directions[d]);
}

/*
 * Policies and changes.
 */

/* The policy trusts at most what the root complex forwards. */
static enum fabric_forward random_trust(struct random_run *run,
					struct random_host *host)
{
	enum fabric_forward most = min(host->forward, host->cross);

	return most && random_percent(run, 50) ? 1 + random_below(run, most) :
						 FABRIC_FORWARD_NONE;
}

static void random_policy(struct random_run *run)
{
	static const char * const modes[] = {
		"auto", "auto", "auto", "auto", "host", "host", "switch", "off",
	};
	const char *separator;
	struct seq_buf s;
	int i;

	seq_buf_init(&s, run->policy, sizeof(run->policy));
	run->mode = modes[random_below(run, ARRAY_SIZE(modes))];
	seq_buf_puts(&s, run->mode);

	separator = ",deny=";
	for (i = 0; i < run->fns; i++) {
		run->fn[i].denied = random_percent(run, 3);
		if (!run->fn[i].denied)
			continue;
		seq_buf_printf(&s, "%s%s", separator,
			       pci_name(random_dev(run, &run->fn[i])));
		separator = ";";
	}

	/* Only functions that do reach their siblings. */
	separator = ",loopback=";
	for (i = 0; i < run->fns; i++) {
		struct random_fn *fn = &run->fn[i];

		fn->looped = !fn->apart && random_percent(run, 15) &&
			     s.len < sizeof(run->policy) / 2;
		fabric_loopback(run->fabric, fn->name, fn->looped);
		if (!fn->looped)
			continue;
		seq_buf_printf(&s, "%s%s", separator,
			       pci_name(random_dev(run, fn)));
		separator = ";";
	}

	separator = ",trust=";
	for (i = 0; i < run->hosts; i++) {
		struct random_host *host = &run->host[i];

		host->trust = random_trust(run, host);
		if (!host->trust)
			continue;
		seq_buf_printf(&s, "%s%s%s", separator, pci_name(host->any),
			       host->trust == FABRIC_FORWARD_WRITES ? "@w" : "");
		separator = ";";
	}

	doing(run, "setting the policy");
	KUNIT_ASSERT_FALSE(run->test, seq_buf_has_overflowed(&s));
	fabric_policy(run->test, "%s", seq_buf_str(&s));
}

/*
 * A bridge or function that is plugged in, other than those that identify host
 * bridges.
 */
static struct fabric_fn *random_emulated(struct random_run *run)
{
	int skip = random_below(run, list_count_nodes(&run->fabric->functions));
	struct fabric_fn *fn;

	list_for_each_entry(fn, &run->fabric->functions, node)
		if (!skip--)
			break;
	return !fn->pf && fn->name[0] && fabric_fn_dev(fn) ? fn : NULL;
}

static void change_mps(struct random_run *run, struct fabric_fn *fn)
{
	struct pci_dev *pdev = fabric_fn_dev(fn);

	if (!pdev || !pci_is_pcie(pdev))
		return;
	doing(run, "changing Max_Payload_Size of %s", fn->name);
	fabric_set_mps(run->fabric, fn->name, 128 << random_below(run, 3));
}

static void change_acs(struct random_run *run, struct fabric_fn *fn)
{
	if (!fn->acs_cap)
		return;
	doing(run, "changing ACS at %s", fn->name);
	switch (random_below(run, 3)) {
	case 0:
		fabric_set_acs(run->fabric, fn->name, random_acs(run));
		break;
	case 1:
		fabric_user_set_acs(run->fabric, fn->name, random_acs(run));
		break;
	case 2:
		fabric_set_egress(run->fabric, fn->name, random_below(run, 256));
		break;
	}
}

/*
 * May a function be unplugged? Virtual functions and mock operations would not
 * return.
 */
static bool removable(struct random_run *run, struct fabric_fn *top)
{
	struct fabric_fn *fn;
	int i;

	for (i = 0; i < run->fns; i++) {
		fn = fabric_fn_named(run->fabric, run->fn[i].name);
		if (fabric_fn_is_below(fn, top) &&
		    (fn->pf || fn->vfs || run->fn[i].ops || run->fn[i].asleep ||
		     fabric_fn_dev(fn) == run->host[run->fn[i].host].any))
			return false;
	}
	return true;
}

/* Unplug a device, and plug it in again. */
static void change_replug(struct random_run *run, struct fabric_fn *top)
{
	struct fabric_fn *fn;
	int i;

	/*
	 * A multi-function device is not found again if one function is unplugged.
	 */
	if (fabric_fn_is_bridge(top) || top->multifunction ||
	    !removable(run, top))
		return;
	doing(run, "replugging %s", top->name);
	fabric_unplug(run->fabric, top->name);
	fabric_replug(run->fabric, top->name);
	for (i = 0; i < run->fns; i++) {
		fn = fabric_fn_named(run->fabric, run->fn[i].name);
		if (fabric_fn_is_below(fn, top))
			random_fn_ready(run, &run->fn[i]);
	}
}

static void random_changes(struct random_run *run)
{
	int count = random_below(run, 6);
	struct random_fn *client;
	struct fabric_fn *fn;

	while (count--) {
		fn = random_emulated(run);
		if (!fn)
			continue;
		if (random_percent(run, 8)) {
			change_mps(run, fn);
		} else if (random_percent(run, 75)) {
			change_acs(run, fn);
		} else if (random_percent(run, 25)) {
			change_replug(run, fn);
		} else if (random_percent(run, 30)) {
			client = random_client(run);
			doing(run, "switching ATS of %s", client->name);
			random_ats(run, client, !client->ats);
		} else {
			client = random_client(run);
			client->mask = random_mask(run);
			doing(run, "changing the mask of %s", client->name);
			KUNIT_ASSERT_EQ(run->test, 0,
					dma_set_mask(&random_dev(run, client)->dev,
						     client->mask));
		}
	}
}

/* For one round a function does not decode memory, or is asleep. */
static void random_outage(struct random_run *run)
{
	struct random_fn *provider = random_provider(run);
	struct fabric_fn *fn = random_emulated(run);

	if (random_percent(run, 60))
		return;
	if (fn && random_percent(run, 50)) {
		doing(run, "switching off memory decoding of %s", fn->name);
		fabric_set_decode(run->fabric, fn->name, false);
		run->off = fn;
		return;
	}
	if (!provider || fabric_fn_named(run->fabric, provider->name)->pf)
		return;
	doing(run, "sending %s to sleep", provider->name);
	provider->asleep = true;
	KUNIT_ASSERT_EQ(run->test, 0,
			pci_set_power_state(random_dev(run, provider),
					    PCI_D3hot));
}

static void end_outage(struct random_run *run)
{
	int i;

	doing(run, "waking up");
	if (run->off)
		fabric_set_decode(run->fabric, run->off->name, true);
	run->off = NULL;
	for (i = 0; i < run->fns; i++) {
		if (!run->fn[i].asleep)
			continue;
		run->fn[i].asleep = false;
		KUNIT_ASSERT_EQ(run->test, 0,
				pci_set_power_state(random_dev(run, &run->fn[i]),
						    PCI_D0));
	}
}

/*
 * Lists.
 */

/* How the entries of a list are made. */
struct list_kind {
	int entries;
	unsigned int align;	/* of start and size */
	unsigned int most;	/* bytes in an entry */
	unsigned int least;
};

static u32 random_size(struct random_run *run, const struct list_kind *kind)
{
	u32 size = kind->least + random_below(run, kind->most - kind->least + 1);

	if (random_percent(run, 15))
		size = kind->least;
	return ALIGN(size, kind->align);
}

/*
 * Entries move forward in each BAR: DMA-API debug warns of two in one cache line.
 */
static void random_list(struct random_run *run, struct fabric_sg *sg,
			const struct list_kind *kind)
{
	u64 next[RANDOM_FNS] = {};
	int i;

	fabric_sg_clear(sg);
	for (i = 0; i < kind->entries; i++) {
		struct random_fn *fn = random_provider(run);
		u32 size = random_size(run, kind);
		u64 *at = fn ? &next[fn - run->fn] : NULL;
		u64 end, start;

		if (fn) {
			end = pci_resource_len(random_dev(run, fn), 0);
			/* Often the piece is adjacent to the one before. */
			start = *at;
			if (random_percent(run, 50))
				start += random_below(run, SZ_4K);
			start = ALIGN(start, kind->align);
			if (random_percent(run, 3))
				start = end - size;
		}
		if (!fn || random_percent(run, 35) || start < *at ||
		    start + size > end) {
			fabric_sg_ram(sg, random_below(run, SZ_4K / kind->align) *
				      kind->align, size);
			continue;
		}
		fabric_sg_peer(sg, fn->name, start, size);
		*at = start + max_t(u32, size, SZ_64);
	}
}

/* The error for the first entry whose route refuses it; 0 if there is none. */
static int expected_error(struct random_run *run, struct fabric_sg *sg,
			  const struct random_fn *client,
			  enum dma_data_direction dir, bool *maybe)
{
	struct pci_dev *pdev = random_dev(run, client);
	size_t granule = 1UL << __ffs(run->iommu_config.pgsizes ?: SZ_4K);
	struct pci_p2pdma_route route;
	struct p2pdma_provider *mem;
	struct scatterlist *entry;
	int i;

	*maybe = false;
	for_each_sgtable_sg(&sg->table, entry, i) {
		mem = pci_p2pdma_provider_of_phys(sg_phys(entry), 1);
		if (!mem)
			continue;
		pci_p2pdma_query_route(mem, &pdev->dev, dir, &route);
		if (route.type == PCI_P2PDMA_MAP_NOT_SUPPORTED)
			return -EREMOTEIO;
		if (route.type == PCI_P2PDMA_MAP_BUS_ADDR ||
		    !mock_iommu_translates(&pdev->dev))
			continue;
		if (run->iommu_config.no_mmio)
			return -EREMOTEIO;
		/* An adjacent entry may make whole pages of it. */
		if (pdev->untrusted &&
		    ((sg_phys(entry) | entry->length) & (granule - 1)))
			*maybe = true;
	}
	return 0;
}

/* In mode host every request passes the root complex and the IOMMU. */
static void check_confined(struct random_run *run,
			   const struct random_fn *client, u64 dma,
			   enum dma_data_direction dir)
{
	struct pci_dev *pdev = random_dev(run, client);
	const struct oracle_request request = {
		.client = pdev, .dma = dma, .read = dir != DMA_FROM_DEVICE,
	};
	struct oracle_answer answer;

	if (strcmp(run->mode, "host") ||
	    oracle_outcome(run->fabric, pdev, dma, dir != DMA_FROM_DEVICE,
			   &answer) != ORACLE_LANDED ||
	    (answer.domain == pci_domain_nr(pdev->bus) &&
	     answer.bus == pdev->bus->number && answer.devfn == pdev->devfn))
		return;
	KUNIT_EXPECT_TRUE_MSG(run->test, answer.root,
			      "%#llx does not pass the root complex", dma);
	KUNIT_EXPECT_EQ_MSG(run->test, answer.iommu, translated(client, pdev),
			    "%#llx", dma);
	if (oracle_walk_sent(oracle_read(run->fabric), &request, &answer))
		KUNIT_EXPECT_TRUE_MSG(run->test, answer.root,
				      "%#llx, as translated, does not pass the root complex",
				      dma);
}

/* No DMA segment may be larger than the device takes; no entry here is. */
static void check_segments(struct random_run *run, struct fabric_sg *sg,
			   const struct random_fn *client)
{
	struct scatterlist *entry;
	int i;

	for_each_sgtable_dma_sg(&sg->table, entry, i) {
		KUNIT_EXPECT_LE(run->test, sg_dma_len(entry), client->max_seg);
		check_confined(run, client, sg_dma_address(entry), sg->dir);
	}
}

/* Nothing is left in the IOMMU, or with the mock operations. */
static void check_balanced(struct random_run *run,
			   const struct random_fn *client)
{
	if (run->iommu)
		KUNIT_EXPECT_EQ(run->test, 0, atomic_read(&run->iommu->live));
	if (client->ops)
		KUNIT_EXPECT_EQ(run->test, 0, client->ops->live);
}

/* Is a single mapping refused although a list of this piece would have a route? */
static bool refused_alone(struct random_run *run, const struct random_fn *client,
			  const struct pci_p2pdma_route *route, phys_addr_t phys,
			  u32 size)
{
	size_t granule = 1UL << __ffs(run->iommu_config.pgsizes ?: SZ_4K);
	struct pci_dev *pdev = random_dev(run, client);

	switch (route->type) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		/*
		 * An unmap could not distinguish the bus address from an address
		 * of the mock operations, or from an IOVA.
		 */
		return client->ops ||
		       (mock_iommu_translates(&pdev->dev) &&
			!iommu_dma_windows_reserved(&pdev->dev));
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		if (!mock_iommu_translates(&pdev->dev))
			return false;
		return run->iommu_config.no_mmio ||
		       (pdev->untrusted && ((phys | size) & (granule - 1)));
	default:
		return true;
	}
}

/* One piece of peer memory, by one of the calls that map one. */
static void map_single(struct random_run *run, const struct random_fn *client,
		       enum dma_data_direction dir)
{
	struct random_fn *provider = random_provider(run);
	enum fabric_call call = random_below(run, FABRIC_NR_CALLS);
	u32 size = 1 + random_below(run, SZ_8K);
	struct pci_dev *pdev, *owner;
	struct pci_p2pdma_route route;
	phys_addr_t phys;
	dma_addr_t dma;
	u64 offset;

	if (!provider)
		return;
	pdev = random_dev(run, client);
	owner = random_dev(run, provider);
	offset = random_below(run, pci_resource_len(owner, 0) - size + 1);
	phys = pci_resource_start(owner, 0) + offset;
	/* Without struct pages there are two calls. */
	if (offset + size > provider->pages)
		call = call & 1 ? FABRIC_MMIO : FABRIC_RESOURCE;
	doing(run, "mapping %u bytes at %pap of %s for %s, direction %d, call %d",
	      size, &phys, provider->name, client->name, dir, call);

	pci_p2pdma_query_route(pci_p2pdma_provider_of_phys(phys, size),
			       &pdev->dev, dir, &route);
	mock_cache_forget();
	dma = fabric_single_map(call, &pdev->dev, phys, size, dir);
	if (dma == DMA_MAPPING_ERROR) {
		KUNIT_EXPECT_TRUE_MSG(run->test,
				      refused_alone(run, client, &route, phys,
						    size),
				      "refused, though the route is %s",
				      pci_p2pdma_map_type_name(route.type));
	} else {
		KUNIT_EXPECT_NE(run->test, route.type,
				PCI_P2PDMA_MAP_NOT_SUPPORTED);
		oracle_expect(run->fabric, pdev, dma, size, dir, phys);
		check_confined(run, client, dma, dir);
		fabric_single_sync(call, &pdev->dev, dma, size, dir);
		fabric_single_unmap(call, &pdev->dev, dma, size, dir);
		mock_cache_expect(run->test, &pdev->dev, "one piece", 0, 0);
	}
	check_balanced(run, client);
}

static void map_list(struct random_run *run, struct fabric_sg *sg,
		     const struct list_kind *kind, struct random_fn *client,
		     enum dma_data_direction dir)
{
	struct pci_dev *pdev = random_dev(run, client);
	int error, ret, iovas;
	bool maybe;

	doing(run, "mapping %u entries (%u to %u bytes, aligned to %u) for %s, direction %d",
	      kind->entries, kind->least, kind->most, kind->align, client->name,
	      dir);
	iovas = mock_iommu_iovas(&pdev->dev);
	error = expected_error(run, sg, client, dir, &maybe);
	ret = fabric_sg_map(sg, pdev, dir);
	if (!maybe || ret != -EREMOTEIO)
		KUNIT_EXPECT_EQ_MSG(run->test, ret, error, "%s, direction %d",
				    client->name, dir);

	if (!ret) {
		check_segments(run, sg, client);
		if (random_percent(run, 50))
			fabric_sg_sync(sg);
		fabric_sg_unmap(sg);
	}
	check_balanced(run, client);
	/*
	 * The allocator holds small IOVAs for reuse, and releases some of them
	 * later; it frees large ones at once.
	 */
	if (kind->least > SZ_128K && !run->iommu_config.lazy)
		KUNIT_EXPECT_GE(run->test, iovas, mock_iommu_iovas(&pdev->dev));
}

static void random_lists(struct random_run *run, struct fabric_sg *sg)
{
	static const struct list_kind kinds[] = {
		{ .entries = 8, .align = 1, .least = 1, .most = SZ_16K },
		{ .entries = 4, .align = 1, .least = 1, .most = 64 },
		{ .entries = 12, .align = SZ_4K, .least = SZ_4K, .most = SZ_64K },
		{ .entries = 60, .align = 1, .least = 1, .most = SZ_4K },
		{ .entries = 5, .align = SZ_4K, .least = SZ_128K + SZ_4K,
		  .most = SZ_256K },
	};
	static const struct list_kind longest = {
		.entries = MAX_ENTRIES, .align = 1, .least = 1, .most = SZ_2K,
	};
	struct random_fn *client;
	struct list_kind kind;
	int i, again;

	for (i = 0; i < LISTS; i++) {
		kind = kinds[random_below(run, ARRAY_SIZE(kinds))];
		kind.entries = 1 + random_below(run, kind.entries);
		if (random_percent(run, 1))
			kind = longest;
		random_list(run, sg, &kind);
		/*
		 * One table is mapped for several clients, and for some of them
		 * twice.
		 */
		for (again = 0; again < 4 && !failed(run); again++) {
			client = random_client(run);
			if (asleep(run, client) || kind.most > client->max_seg)
				continue;
			map_list(run, sg, &kind, client,
				 directions[random_below(run, 3)]);
			map_single(run, client, directions[random_below(run, 3)]);
		}
	}
}

static void fabric_random(struct kunit *test)
{
	u64 number = *(const u64 *)test->param_value;
	struct random_run *run = random_run_create(test, number);
	struct fabric_sg *sg = fabric_sg_alloc(run->fabric, MAX_ENTRIES);
	int round;

	for (round = 0; round < ROUNDS && !failed(run); round++) {
		random_changes(run);
		random_policy(run);
		random_outage(run);
		check_pairs(run);
		random_lists(run, sg);
		if (failed(run))
			break;
		end_outage(run);
	}
	fabric_sg_clear(sg);
}

/* The numbers of the runs. */
static const void *fabric_random_next(const void *prev, char *desc)
{
	static u64 number;

	number = prev ? number + 1 : seed;
	if (number - seed >= runs)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "seed %llu", number);
	return &number;
}

/* Runs before the fabric is destroyed, which is needed for printing it. */
static void fabric_random_exit(struct kunit *test)
{
	struct random_run *run = test->priv;

	if (run && failed(run))
		random_run_print(run);
}

/* Odd pieces of RAM of untrusted clients are bounced. */
static int fabric_random_suite_init(struct kunit_suite *suite)
{
	return is_swiotlb_allocated() ? 0 :
					swiotlb_init_late(SZ_8M, GFP_KERNEL, NULL);
}

static struct kunit_case fabric_random_cases[] = {
	KUNIT_CASE_PARAM_ATTR(fabric_random, fabric_random_next,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite fabric_random_suite = {
	.name = "fabric_random",
	.suite_init = fabric_random_suite_init,
	.exit = fabric_random_exit,
	.test_cases = fabric_random_cases,
};

kunit_test_suite(fabric_random_suite);
