// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle: see oracle.h for what it is.
 *
 * oracle_read() takes down what configuration space says, oracle_walk() moves one
 * request.  The walk is a state machine without states: going up, passing the
 * root complex and going down are functions that call each other, and each writes
 * down where and why it gives up.
 */
#include <linux/iommu.h>
#include <linux/ioport.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "fabric_fn.h"
#include "mock_iommu.h"
#include "mock_ops.h"
#include "oracle.h"

#define ORACLE_WINDOWS 2

struct oracle_span {
	u64 start;	/* PCI bus addresses, both inclusive */
	u64 last;
	bool there;
};

/* A root complex, as the platform's manual would describe it. */
struct oracle_host {
	struct pci_bus *bus;	/* for the configuration accessors only */
	u64 cpu_start;
	u64 bus_start;
	u64 size;
	int domain;
	u8 root;
	const struct fabric_host *fabric_host;	/* what it forwards now */
};

/* A function, as configuration space describes it. */
struct oracle_fn {
	int host;
	int up;		/* the bridge above, -1 on a root bus */
	int pf;		/* the physical function of a virtual one, else -1 */
	u8 bus;
	u8 devfn;
	bool bridge;
	int type;	/* of PCI Express port, -1 if it is conventional */
	u16 command;
	bool asleep;
	bool decodes;
	u8 secondary;
	u8 subordinate;
	struct oracle_span window[ORACLE_WINDOWS];
	struct oracle_span bar[PCI_STD_NUM_BARS];
	u16 acs;
	u16 acs_cap;
	int group;	/* ACS function group; negative if there are none */
	bool apart;	/* its requests to its siblings leave the device */
	bool looped;	/* the administrator has said that they do not */
	u8 port;
	bool ari;	/* forwards by function numbers of eight bits */
	bool ats;	/* Address Translation Services are enabled */
	int mps;	/* Max_Payload_Size, bytes */
	int requester;	/* bits in the tags of its reads */
	int completer;	/* bits of tags that it returns */
	unsigned int egress_bits;
	u32 egress[8];
};

struct oracle {
	struct kunit *test;
	unsigned long changes;	/* of the fabric, when it was taken down */
	struct oracle_host *host;
	int hosts;
	struct oracle_fn *fn;
	int fns;
};

/*
 * Reading configuration space.  The accessors of the bus are called as they are,
 * so that nothing else of the kernel notices.
 */

static u32 oracle_get(struct oracle_host *host, int bus, int devfn, int where,
		      int size)
{
	u32 value = ~0;

	host->bus->number = bus;
	if (host->bus->ops->read(host->bus, devfn, where, size, &value))
		return ~0U >> (32 - 8 * size);
	return value;
}

static void oracle_set(struct oracle_host *host, int bus, int devfn, int where,
		       u32 value)
{
	host->bus->number = bus;
	host->bus->ops->write(host->bus, devfn, where, 4, value);
}

static int oracle_cap(struct oracle_host *host, int bus, int devfn, int id)
{
	int pos = oracle_get(host, bus, devfn, PCI_CAPABILITY_LIST, 1);

	while (pos && oracle_get(host, bus, devfn, pos, 1) != id)
		pos = oracle_get(host, bus, devfn, pos + PCI_CAP_LIST_NEXT, 1);
	return pos;
}

static int oracle_ext_cap(struct oracle_host *host, int bus, int devfn, int id)
{
	int pos = PCI_CFG_SPACE_SIZE;

	while (pos) {
		u32 header = oracle_get(host, bus, devfn, pos, 4);

		if (!header || header == ~0U)
			return 0;
		if ((header & 0xffff) == id)
			return pos;
		pos = header >> 20;
	}
	return 0;
}

/* Size a BAR as everyone does.  Returns how many registers it takes. */
static int oracle_get_bar(struct oracle_host *host, int bus, int devfn,
			  int where, struct oracle_span *bar)
{
	u32 low = oracle_get(host, bus, devfn, where, 4), high = 0;
	u64 mask, start;
	bool is64;

	oracle_set(host, bus, devfn, where, ~0);
	mask = oracle_get(host, bus, devfn, where, 4) & ~0xf;
	oracle_set(host, bus, devfn, where, low);
	/* The size bits of a BAR of 4 GiB or more are all in its upper half. */
	is64 = low & PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (!mask && !is64)
		return 1;

	if (is64) {
		high = oracle_get(host, bus, devfn, where + 4, 4);
		oracle_set(host, bus, devfn, where + 4, ~0);
		mask |= (u64)oracle_get(host, bus, devfn, where + 4, 4) << 32;
		oracle_set(host, bus, devfn, where + 4, high);
	} else {
		mask |= 0xffffffffULL << 32;
	}
	start = (u64)high << 32 | (low & ~0xf);
	bar->there = true;
	bar->start = start;
	bar->last = start + ~mask;
	return is64 ? 2 : 1;
}

static void oracle_get_bars(struct oracle_host *host, struct oracle_fn *fn,
			    int where, int count)
{
	int i = 0;

	while (i < count)
		i += oracle_get_bar(host, fn->bus, fn->devfn, where + 4 * i,
				    &fn->bar[i]);
}

static void oracle_get_bridge(struct oracle_host *host, struct oracle_fn *fn)
{
	u32 memory = oracle_get(host, fn->bus, fn->devfn, PCI_MEMORY_BASE, 4);
	u32 pref = oracle_get(host, fn->bus, fn->devfn, PCI_PREF_MEMORY_BASE, 4);
	u64 base = oracle_get(host, fn->bus, fn->devfn, PCI_PREF_BASE_UPPER32, 4);
	u64 limit = oracle_get(host, fn->bus, fn->devfn, PCI_PREF_LIMIT_UPPER32,
			       4);
	int i;

	fn->secondary = oracle_get(host, fn->bus, fn->devfn, PCI_SECONDARY_BUS,
				   1);
	fn->subordinate = oracle_get(host, fn->bus, fn->devfn,
				     PCI_SUBORDINATE_BUS, 1);
	fn->window[0].start = (memory & 0xfff0) << 16;
	fn->window[0].last = (memory & 0xfff00000) | 0xfffff;
	fn->window[1].start = base << 32 | (pref & 0xfff0) << 16;
	fn->window[1].last = limit << 32 | (pref & 0xfff00000) | 0xfffff;
	for (i = 0; i < ORACLE_WINDOWS; i++)
		fn->window[i].there = fn->window[i].start <= fn->window[i].last;
}

/* For what no configuration space tells. */
static struct fabric_fn *oracle_fabric_fn(struct oracle_host *host,
					  const struct oracle_fn *fn)
{
	return fabric_fn_at(container_of(host->bus->sysdata, struct fabric_host,
					 sysdata), fn->bus, fn->devfn);
}

/* Function 0 says whether the functions of a device are in groups. */
static void oracle_get_group(struct oracle_host *host, struct oracle_fn *fn)
{
	int cap = oracle_ext_cap(host, fn->bus, 0, PCI_EXT_CAP_ID_ARI);

	if (!cap || !(oracle_get(host, fn->bus, 0, cap + PCI_ARI_CTRL, 2) &
		      PCI_ARI_CTRL_ACS))
		return;
	cap = oracle_ext_cap(host, fn->bus, fn->devfn, PCI_EXT_CAP_ID_ARI);
	if (cap)
		fn->group = oracle_get(host, fn->bus, fn->devfn,
				       cap + PCI_ARI_CTRL, 2) >> 4 & 7;
}

static void oracle_get_tags(struct oracle_host *host, struct oracle_fn *fn,
			    int cap)
{
	u32 cap2 = oracle_get(host, fn->bus, fn->devfn, cap + PCI_EXP_DEVCAP2, 4);
	u32 ctl2 = oracle_get(host, fn->bus, fn->devfn, cap + PCI_EXP_DEVCTL2, 2);
	int dev3 = oracle_ext_cap(host, fn->bus, fn->devfn,
				  FABRIC_EXT_CAP_ID_DEV3);

	if (cap2 & FABRIC_DEVCAP2_CPL_10BIT)
		fn->completer = 10;
	if (ctl2 & FABRIC_DEVCTL2_REQ_10BIT)
		fn->requester = 10;
	if (!dev3)
		return;
	if (oracle_get(host, fn->bus, fn->devfn, dev3 + 4, 4) &
	    FABRIC_DEV3_CAP_CPL_14BIT)
		fn->completer = 14;
	if (oracle_get(host, fn->bus, fn->devfn, dev3 + 8, 2) &
	    FABRIC_DEV3_CTL_REQ_14BIT)
		fn->requester = 14;
}

static void oracle_get_express(struct oracle_host *host, struct oracle_fn *fn)
{
	int cap = oracle_cap(host, fn->bus, fn->devfn, PCI_CAP_ID_EXP);
	int i;

	fn->type = -1;
	fn->group = -1;
	fn->requester = 8;
	fn->completer = 8;
	if (!cap)
		return;
	fn->apart = oracle_fabric_fn(host, fn)->apart;
	fn->looped = oracle_fabric_fn(host, fn)->looped;
	oracle_get_group(host, fn);
	fn->mps = 128 << (oracle_get(host, fn->bus, fn->devfn,
				     cap + PCI_EXP_DEVCTL, 2) >> 5 & 7);
	oracle_get_tags(host, fn, cap);
	fn->type = oracle_get(host, fn->bus, fn->devfn, cap + PCI_EXP_FLAGS,
			      2) >> 4 & 0xf;
	fn->port = oracle_get(host, fn->bus, fn->devfn, cap + PCI_EXP_LNKCAP,
			      4) >> 24;
	fn->ari = oracle_get(host, fn->bus, fn->devfn, cap + PCI_EXP_DEVCTL2,
			     2) & PCI_EXP_DEVCTL2_ARI;

	cap = oracle_ext_cap(host, fn->bus, fn->devfn, PCI_EXT_CAP_ID_ATS);
	fn->ats = cap && (oracle_get(host, fn->bus, fn->devfn,
				     cap + PCI_ATS_CTRL, 2) & PCI_ATS_CTRL_ENABLE);

	cap = oracle_ext_cap(host, fn->bus, fn->devfn, PCI_EXT_CAP_ID_ACS);
	/* Without the capability a port may redirect all the same. */
	if (!cap && oracle_fabric_fn(host, fn)->isolates)
		fn->acs = PCI_ACS_RR | PCI_ACS_CR;
	if (!cap)
		return;
	fn->acs = oracle_get(host, fn->bus, fn->devfn, cap + PCI_ACS_CTRL, 2);
	fn->acs_cap = oracle_get(host, fn->bus, fn->devfn, cap + PCI_ACS_CAP, 2);
	fn->egress_bits = oracle_get(host, fn->bus, fn->devfn,
				     cap + PCI_ACS_EGRESS_BITS, 1) ?: 256;
	for (i = 0; i < DIV_ROUND_UP(fn->egress_bits, 32); i++)
		fn->egress[i] = oracle_get(host, fn->bus, fn->devfn, cap +
					   PCI_ACS_EGRESS_CTL_V + 4 * i, 4);
}

static struct oracle_fn *oracle_new_fn(struct oracle *oracle, int host, int up,
				       int bus, int devfn)
{
	struct oracle_fn *fn;

	fn = krealloc_array(oracle->fn, oracle->fns + 1, sizeof(*fn),
			    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(oracle->test, fn);
	oracle->fn = fn;
	fn += oracle->fns++;
	*fn = (struct oracle_fn) {
		.host = host, .up = up, .pf = -1, .bus = bus, .devfn = devfn,
	};
	return fn;
}

static void oracle_get_vfs(struct oracle *oracle, int pf, int cap)
{
	struct oracle_fn *fn = &oracle->fn[pf];
	struct oracle_host *host = &oracle->host[fn->host];
	int rid = PCI_DEVID(fn->bus, fn->devfn);
	u16 ctrl = oracle_get(host, fn->bus, fn->devfn, cap + PCI_SRIOV_CTRL, 2);
	int count = oracle_get(host, fn->bus, fn->devfn, cap + PCI_SRIOV_NUM_VF,
			       2);
	int offset = oracle_get(host, fn->bus, fn->devfn,
				cap + PCI_SRIOV_VF_OFFSET, 2);
	int stride = oracle_get(host, fn->bus, fn->devfn,
				cap + PCI_SRIOV_VF_STRIDE, 2);
	struct oracle_fn first = { .bus = fn->bus, .devfn = fn->devfn };
	int i, bar;

	if (!(ctrl & PCI_SRIOV_CTRL_VFE))
		return;

	/* In this capability a BAR has the size of one virtual function's part. */
	oracle_get_bars(host, &first, cap + PCI_SRIOV_BAR, PCI_STD_NUM_BARS);
	for (i = 0; i < count; i++) {
		int id = rid + offset + stride * i;

		fn = oracle_new_fn(oracle, oracle->fn[pf].host,
				   oracle->fn[pf].up, id >> 8, id & 0xff);
		fn->pf = pf;
		fn->asleep = oracle->fn[pf].asleep;
		fn->command = oracle_get(host, fn->bus, fn->devfn, PCI_COMMAND,
					 2);
		fn->decodes = ctrl & PCI_SRIOV_CTRL_MSE;
		oracle_get_express(host, fn);
		fn->mps = oracle->fn[pf].mps;
		fn->requester = oracle->fn[pf].requester;
		fn->completer = oracle->fn[pf].completer;
		for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
			u64 size = first.bar[bar].last - first.bar[bar].start +
				   1;

			fn->bar[bar] = first.bar[bar];
			fn->bar[bar].start += i * size;
			fn->bar[bar].last += i * size;
		}
	}
}

static void oracle_get_bus(struct oracle *oracle, int host, int up, int bus);

/* Returns whether there is such a function. */
static bool oracle_get_fn(struct oracle *oracle, int h, int up, int bus,
			  int devfn)
{
	struct oracle_host *host = &oracle->host[h];
	struct oracle_fn *fn;
	int cap, index;

	if (oracle_get(host, bus, devfn, PCI_VENDOR_ID, 2) == 0xffff)
		return false;

	index = oracle->fns;
	fn = oracle_new_fn(oracle, h, up, bus, devfn);
	fn->bridge = (oracle_get(host, bus, devfn, PCI_HEADER_TYPE, 1) &
		      PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;
	fn->command = oracle_get(host, bus, devfn, PCI_COMMAND, 2);
	fn->decodes = fn->command & PCI_COMMAND_MEMORY;
	cap = oracle_cap(host, bus, devfn, PCI_CAP_ID_PM);
	fn->asleep = cap && (oracle_get(host, bus, devfn, cap + PCI_PM_CTRL, 2) &
			     PCI_PM_CTRL_STATE_MASK);
	oracle_get_express(host, fn);
	oracle_get_bars(host, fn, PCI_BASE_ADDRESS_0,
			fn->bridge ? 2 : PCI_STD_NUM_BARS);

	if (fn->bridge) {
		oracle_get_bridge(host, fn);
		if (fn->secondary)
			oracle_get_bus(oracle, h, index, fn->secondary);
		return true;
	}
	cap = oracle_ext_cap(host, bus, devfn, PCI_EXT_CAP_ID_SRIOV);
	if (cap)
		oracle_get_vfs(oracle, index, cap);
	return true;
}

static void oracle_get_bus(struct oracle *oracle, int h, int up, int bus)
{
	int type = up < 0 ? -1 : oracle->fn[up].type;
	int slots = 32, slot, function, functions;
	bool many;

	/* A link has only one device at its other end. */
	if (type == PCI_EXP_TYPE_ROOT_PORT || type == PCI_EXP_TYPE_DOWNSTREAM)
		slots = 1;

	for (slot = 0; slot < slots; slot++) {
		many = oracle_get(&oracle->host[h], bus, PCI_DEVFN(slot, 0),
				  PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MFD;
		functions = many ? 8 : 1;
		if (many && up >= 0 && oracle->fn[up].ari)
			functions = 256;
		for (function = 0; function < functions; function++)
			oracle_get_fn(oracle, h, up, bus,
				      PCI_DEVFN(slot, 0) + function);
	}
}

/**
 * oracle_free - forget what was taken down
 * @oracle: from oracle_read(), or NULL; only the fabric needs to
 */
void oracle_free(struct oracle *oracle)
{
	int i;

	if (!oracle)
		return;
	for (i = 0; i < oracle->hosts; i++)
		kfree(oracle->host[i].bus);
	kfree(oracle->host);
	kfree(oracle->fn);
	kfree(oracle);
}

static void oracle_get_host(struct oracle *oracle, struct fabric_host *host)
{
	struct pci_bus *bus = kzalloc(sizeof(*bus), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(oracle->test, bus);
	bus->ops = host->bus->ops;
	bus->sysdata = host->bus->sysdata;
	oracle->host[oracle->hosts] = (struct oracle_host) {
		.bus = bus,
		.cpu_start = host->window.start,
		.bus_start = host->bus_start,
		.size = host->mem_size,
		.domain = host->domain,
		.root = host->busn.start,
		.fabric_host = host,
	};
	oracle->hosts++;
	oracle_get_bus(oracle, oracle->hosts - 1, -1, host->busn.start);
}

/**
 * oracle_read - take down a fabric as it is now
 * @fabric: the fabric
 *
 * Return: what oracle_walk() takes, good until the next call of this.
 */
struct oracle *oracle_read(struct fabric *fabric)
{
	struct fabric_host *host;
	struct oracle *oracle;

	/* Without a change of the fabric the last copy is still right. */
	if (fabric->oracle && fabric->oracle->changes == fabric->changes)
		return fabric->oracle;
	oracle_free(fabric->oracle);
	fabric->oracle = NULL;

	oracle = kzalloc(sizeof(*oracle), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fabric->test, oracle);
	fabric->oracle = oracle;
	oracle->test = fabric->test;
	oracle->host = kcalloc(list_count_nodes(&fabric->hosts),
			       sizeof(*oracle->host), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fabric->test, oracle->host);
	list_for_each_entry(host, &fabric->hosts, node)
		oracle_get_host(oracle, host);
	/* Sizing BARs has counted as changes, although the values are restored. */
	oracle->changes = fabric->changes;
	return oracle;
}

/*
 * The walk.
 */

struct oracle_walk {
	struct oracle *o;
	const struct oracle_request *request;
	struct oracle_answer *answer;
	int client;		/* -1: the oracle has not found it */
	u8 requester_bus;	/* of the requester ID, for the way back */
	int host;		/* that the requester is below */
	int payload;		/* of the packet that is on its way, bytes */
};

static bool oracle_in(const struct oracle_span *span, u64 bus)
{
	return span->there && bus >= span->start && bus <= span->last;
}

/* Does a bridge take this down? */
static bool oracle_claims(const struct oracle_fn *fn, u64 bus)
{
	return fn->bridge && fn->decodes &&
	       (oracle_in(&fn->window[0], bus) ||
		oracle_in(&fn->window[1], bus));
}

static int oracle_bar_of(const struct oracle_fn *fn, u64 bus)
{
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (oracle_in(&fn->bar[i], bus))
			return i;
	return -1;
}

static bool oracle_is_downstream(const struct oracle_fn *fn)
{
	return fn->type == PCI_EXP_TYPE_ROOT_PORT ||
	       fn->type == PCI_EXP_TYPE_DOWNSTREAM;
}

static bool oracle_below(const struct oracle_fn *bridge, int bus)
{
	return bridge->bridge && bridge->secondary &&
	       bus >= bridge->secondary && bus <= bridge->subordinate;
}

static void oracle_nearer(u64 at, u64 boundary, u64 *extent)
{
	if (boundary > at)
		*extent = min(*extent, boundary - at);
}

static void oracle_nearer_span(u64 at, const struct oracle_span *span,
			       u64 *extent)
{
	if (!span->there)
		return;
	oracle_nearer(at, span->start, extent);
	oracle_nearer(at, span->last + 1, extent);
}

/* The distance to the next address where a window or a BAR begins or ends. */
static void oracle_bus_extent(struct oracle *o, u64 bus, u64 *extent)
{
	int i, j;

	for (i = 0; i < o->hosts; i++) {
		oracle_nearer(bus, o->host[i].bus_start, extent);
		oracle_nearer(bus, o->host[i].bus_start + o->host[i].size,
			      extent);
	}
	for (i = 0; i < o->fns; i++) {
		for (j = 0; j < ORACLE_WINDOWS; j++)
			oracle_nearer_span(bus, &o->fn[i].window[j], extent);
		for (j = 0; j < PCI_STD_NUM_BARS; j++)
			oracle_nearer_span(bus, &o->fn[i].bar[j], extent);
	}
}

static void oracle_cpu_extent(struct oracle *o, u64 phys, u64 *extent)
{
	int i;

	for (i = 0; i < o->hosts; i++) {
		oracle_nearer(phys, o->host[i].cpu_start, extent);
		oracle_nearer(phys, o->host[i].cpu_start + o->host[i].size,
			      extent);
	}
}

/* End the walk at a function, or with -1 at a root complex. */
static void oracle_stop(struct oracle_walk *walk, int at,
			enum oracle_outcome outcome, const char *why)
{
	struct oracle_answer *answer = walk->answer;
	struct oracle *o = walk->o;

	answer->outcome = outcome;
	answer->why = why;
	answer->domain = -1;
	if (at >= 0) {
		answer->domain = o->host[o->fn[at].host].domain;
		answer->bus = o->fn[at].bus;
		answer->devfn = o->fn[at].devfn;
	}
}

/* Record where ACS first redirected the request or completion. */
static void oracle_turn(struct oracle_walk *walk, int at)
{
	if (walk->answer->turned)
		return;
	walk->answer->turned = true;
	walk->answer->turned_bus = walk->o->fn[at].bus;
	walk->answer->turned_devfn = walk->o->fn[at].devfn;
}

/* What ACS makes of a request from one downstream port, or function, to another. */
enum oracle_way {
	ORACLE_ACROSS,
	ORACLE_UP,
	ORACLE_DROPPED,
};

static enum oracle_way oracle_peer_request(struct oracle_walk *walk,
					   const struct oracle_fn *from,
					   unsigned int to)
{
	bool blocked;

	if ((from->acs & PCI_ACS_DT) && walk->request->translated)
		return ORACLE_ACROSS;
	if (!(from->acs & PCI_ACS_EC))
		return from->acs & PCI_ACS_RR ? ORACLE_UP : ORACLE_ACROSS;

	/* A port number beyond the end of the vector is blocked. */
	blocked = to >= from->egress_bits ||
		  (from->egress[to / 32] >> to % 32 & 1);
	if (!blocked)
		return ORACLE_ACROSS;
	return from->acs & PCI_ACS_RR ? ORACLE_UP : ORACLE_DROPPED;
}

/* Do the bits of a device number belong to the function number? */
static bool oracle_below_ari(const struct oracle *o, const struct oracle_fn *fn)
{
	return fn->up >= 0 && o->fn[fn->up].ari;
}

/*
 * The bit of a function in egress vectors; 256, which no vector has, if there is
 * none.
 */
static unsigned int oracle_function(const struct oracle *o,
				    const struct oracle_fn *fn)
{
	if (fn->pf >= 0 && o->fn[fn->pf].bus != fn->bus)
		return 256;
	if (oracle_below_ari(o, fn) && fn->group >= 0)
		return fn->group;
	return oracle_below_ari(o, fn) ? fn->devfn : PCI_FUNC(fn->devfn);
}

/* Are two functions of one device: of one number, or related as PF and VF? */
static bool oracle_one_device(struct oracle *o, int a, int b)
{
	struct oracle_fn *fa = &o->fn[a], *fb = &o->fn[b];

	if (fa->host != fb->host || fa->up != fb->up)
		return false;
	if (fa->pf >= 0)
		return oracle_one_device(o, fa->pf, b);
	if (fb->pf >= 0)
		return oracle_one_device(o, a, fb->pf);
	return fa->bus == fb->bus &&
	       (oracle_below_ari(o, fa) ||
		PCI_SLOT(fa->devfn) == PCI_SLOT(fb->devfn));
}

/* The function of whose packets a function's transfers become: below a bridge, the bridge. */
static int oracle_sender(struct oracle *o, int fn)
{
	while (fn >= 0 && o->fn[fn].type < 0)
		fn = o->fn[fn].up;
	return fn;
}

/* What @from puts into a packet with data. */
static void oracle_send(struct oracle_walk *walk, int from)
{
	int sender = oracle_sender(walk->o, from);

	walk->payload = walk->request->any_size || sender < 0 ? 0 :
			walk->o->fn[sender].mps;
}

/* A packet comes to a function or port.  Returns false if it ends there. */
static bool oracle_takes(struct oracle_walk *walk, int at)
{
	struct oracle_fn *fn = &walk->o->fn[at];

	if (fn->type < 0 || walk->payload <= fn->mps)
		return true;
	oracle_stop(walk, at, ORACLE_MALFORMED, "more data than it takes");
	return false;
}

/*
 * The same on its way down.  What the root complex sends it has made for the root port;
 * to what is integrated it has no link.
 */
static bool oracle_takes_down(struct oracle_walk *walk, int at)
{
	struct oracle_fn *fn = &walk->o->fn[at];

	if (fn->up >= 0)
		return oracle_takes(walk, at);
	if (fn->type >= 0 && oracle_is_downstream(fn))
		walk->payload = min(walk->payload, fn->mps);
	return true;
}

/* A completion on its way down to the client, which is at or below @at. */
static bool oracle_completes_down(struct oracle_walk *walk, int top, int at)
{
	if (at < 0 || at == top)
		return true;
	return oracle_completes_down(walk, top, walk->o->fn[at].up) &&
	       oracle_takes_down(walk, at);
}

/* The completion is at the bus below @top, -1 for a root bus, and goes to the client. */
static void oracle_delivered(struct oracle_walk *walk, int from, int top)
{
	struct oracle *o = walk->o;
	int requester = oracle_sender(o, walk->client);
	int completer = oracle_sender(o, from);

	if (!oracle_completes_down(walk, top, walk->client))
		return;
	if (!walk->request->any_size && requester >= 0 && completer >= 0 &&
	    o->fn[requester].requester > o->fn[completer].completer) {
		oracle_stop(walk, walk->client, ORACLE_UNEXPECTED,
			    "its tag has fewer bits than that of the read");
		return;
	}
	walk->answer->completion = false;
}

/* Do requests and completions between two functions of one device stay inside it? */
static bool oracle_inside(const struct oracle_walk *walk, int a, int b)
{
	switch (walk->request->siblings) {
	case ORACLE_SIBLINGS_APART:
		return false;
	case ORACLE_SIBLINGS_TOGETHER:
		return true;
	default:
		return !walk->o->fn[a].apart && !walk->o->fn[b].apart;
	}
}

/* Route the completion to the requester by its ID; @from sends it. */
static void oracle_complete(struct oracle_walk *walk, int from)
{
	struct oracle *o = walk->o;
	bool same_host = o->fn[from].host == walk->host;
	int at, peer;

	if (from == walk->client)
		return;
	walk->answer->completion = true;
	oracle_send(walk, from);

	/* Within a device, or on one conventional bus. */
	if (o->fn[from].up >= 0 && o->fn[from].up == o->fn[walk->client].up) {
		if (oracle_inside(walk, from, walk->client) &&
		    !(o->fn[from].acs & PCI_ACS_CR)) {
			/* On no link. */
			walk->payload = 0;
			oracle_delivered(walk, from, o->fn[from].up);
			return;
		}
		oracle_turn(walk, from);
	}

	/* From the memory of a port, which takes its own completions as from below. */
	if (o->fn[from].bridge && same_host &&
	    oracle_below(&o->fn[from], walk->requester_bus)) {
		oracle_delivered(walk, from, from);
		return;
	}
	at = oracle_is_downstream(&o->fn[from]) ? from : o->fn[from].up;
	for (; at >= 0; at = o->fn[at].up) {
		struct oracle_fn *port = &o->fn[at];
		bool mine = same_host &&
			    oracle_below(port, walk->requester_bus);

		if (!oracle_takes(walk, at))
			return;
		if (port->type == PCI_EXP_TYPE_UPSTREAM)
			continue;
		if (!oracle_is_downstream(port)) {
			/*
			 * A bridge to conventional PCI takes completions for the
			 * functions below it.
			 */
			if (mine) {
				oracle_delivered(walk, from, at);
				return;
			}
			continue;
		}
		if (mine) {
			if (port->acs & PCI_ACS_UF)
				continue;
			oracle_stop(walk, at, ORACLE_BLOCKED,
				    "a completion for below came from below, without upstream forwarding");
			return;
		}
		for (peer = 0; peer < o->fns && port->up >= 0; peer++) {
			if (peer == at || o->fn[peer].up != port->up ||
			    !same_host ||
			    !oracle_below(&o->fn[peer], walk->requester_bus))
				continue;
			if (!(port->acs & PCI_ACS_CR)) {
				oracle_delivered(walk, from, port->up);
				return;
			}
			oracle_turn(walk, at);
		}
	}

	/*
	 * The root complex sends the completion down again. If the request came
	 * this way it was checked there that reads are forwarded.
	 */
	if (!walk->answer->root &&
	    o->host[walk->host].fabric_host->forward != FABRIC_FORWARD_ALL) {
		oracle_stop(walk, -1, ORACLE_BLOCKED,
			    "the root complex does not forward completions");
		return;
	}
	oracle_delivered(walk, from, -1);
}

static void oracle_land(struct oracle_walk *walk, int at, int bar, u64 bus)
{
	struct oracle_fn *fn = &walk->o->fn[at];

	if (!fn->decodes || fn->asleep) {
		oracle_stop(walk, at, ORACLE_UNSUPPORTED,
			    fn->asleep ? "it is asleep" :
					 "it does not decode memory addresses");
		return;
	}
	oracle_stop(walk, at, ORACLE_LANDED, "landed");
	walk->answer->bar = bar;
	walk->answer->offset = bus - fn->bar[bar].start;
	if (walk->request->read)
		oracle_complete(walk, at);
}

/* From a bus, below the bridge @up or a root bus, down. */
static void oracle_down(struct oracle_walk *walk, int host, int up, u64 bus)
{
	struct oracle *o = walk->o;
	int i, bar;

	for (i = 0; i < o->fns; i++) {
		if (o->fn[i].host != host || o->fn[i].up != up)
			continue;
		bar = oracle_bar_of(&o->fn[i], bus);
		if (bar >= 0) {
			if (oracle_takes_down(walk, i))
				oracle_land(walk, i, bar, bus);
			return;
		}
		if (!oracle_claims(&o->fn[i], bus))
			continue;
		if (o->fn[i].asleep) {
			oracle_stop(walk, i, ORACLE_BLOCKED, "it is asleep");
			return;
		}
		if (oracle_takes_down(walk, i))
			oracle_down(walk, host, i, bus);
		return;
	}
	oracle_stop(walk, up, ORACLE_UNSUPPORTED, "nobody below takes it");
}

/* A physical address, as the root complex above @host decodes it. */
static void oracle_root_phys(struct oracle_walk *walk, int host, u64 phys)
{
	bool read = walk->request->read;
	struct oracle *o = walk->o;
	u64 bus;
	int i;

	oracle_cpu_extent(o, phys, &walk->answer->extent);
	for (i = 0; i < o->hosts; i++) {
		struct oracle_host *to = &o->host[i];
		enum fabric_forward forward = to->fabric_host->forward;

		if (phys < to->cpu_start || phys - to->cpu_start >= to->size)
			continue;
		if (i != host)
			forward = min(to->fabric_host->cross,
				      o->host[host].fabric_host->cross);
		if (forward == FABRIC_FORWARD_NONE ||
		    (read && forward == FABRIC_FORWARD_WRITES)) {
			oracle_stop(walk, -1, ORACLE_BLOCKED,
				    "the root complex does not forward it");
			return;
		}
		bus = phys - to->cpu_start + to->bus_start;
		oracle_bus_extent(o, bus, &walk->answer->extent);
		oracle_down(walk, i, -1, bus);
		return;
	}

	if (region_intersects(phys, 1, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
	    REGION_INTERSECTS) {
		oracle_stop(walk, -1, ORACLE_RAM, "RAM");
		walk->answer->offset = phys;
		return;
	}
	oracle_stop(walk, -1, ORACLE_UNSUPPORTED,
		    "there is nothing at this physical address");
}

/* Does a mock IOMMU, or do mock operations, translate for the client? */
static bool oracle_translates(struct device *dev)
{
	return mock_ops_translates(dev) || mock_iommu_translates(dev);
}

static int oracle_translate(struct device *dev, u64 dma, bool write,
			    phys_addr_t *phys, size_t *left)
{
	if (mock_ops_translates(dev))
		return mock_ops_translate(dev, dma, write, phys, left);
	return mock_iommu_translate(dev, dma, write, phys, left);
}

/* At the root complex, from one of its ports or integrated endpoints. */
static void oracle_root(struct oracle_walk *walk)
{
	const struct oracle_request *request = walk->request;
	struct oracle_host *host = &walk->o->host[walk->host];
	struct device *dev = &request->client->dev;
	phys_addr_t phys;
	size_t left;

	walk->answer->root = true;
	if (request->peer_only) {
		oracle_stop(walk, -1, ORACLE_BLOCKED, "it does not cross");
		return;
	}
	if (request->mapped_to) {
		walk->answer->iommu = true;
		oracle_root_phys(walk, walk->host, request->mapped_to);
		return;
	}
	if (!request->translated && oracle_translates(dev)) {
		walk->answer->iommu = true;
		if (oracle_translate(dev, request->dma, !request->read, &phys,
				     &left)) {
			oracle_stop(walk, -1, ORACLE_IOMMU_FAULT,
				    "the IOMMU does not let it pass");
			return;
		}
		walk->answer->extent = min_t(u64, walk->answer->extent, left);
		oracle_root_phys(walk, walk->host, phys);
		return;
	}

	/*
	 * An address in the window of the same host bridge goes down again; any
	 * other is a CPU physical address.
	 */
	if (request->dma >= host->bus_start &&
	    request->dma - host->bus_start < host->size)
		oracle_root_phys(walk, walk->host, request->dma -
				 host->bus_start + host->cpu_start);
	else
		oracle_root_phys(walk, walk->host, request->dma);
}

/*
 * At a downstream port, from below, for the memory of a port of its switch: of its own, of
 * another downstream port, or of the upstream port.  Returns the port whose memory it is,
 * or -1.
 */
static int oracle_port_memory(struct oracle *o, int at, u64 bus)
{
	int i;

	if (oracle_bar_of(&o->fn[at], bus) >= 0)
		return at;
	if (o->fn[at].up < 0)
		return -1;
	if (oracle_bar_of(&o->fn[o->fn[at].up], bus) >= 0)
		return o->fn[at].up;
	for (i = 0; i < o->fns; i++)
		if (o->fn[i].up == o->fn[at].up && o->fn[i].bridge &&
		    oracle_bar_of(&o->fn[i], bus) >= 0)
			return i;
	return -1;
}

/* The same for what ACS does then.  Returns true if the request goes on up. */
static bool oracle_port_access(struct oracle_walk *walk, int at, int to)
{
	struct oracle *o = walk->o;
	struct oracle_fn *port = &o->fn[at];
	u64 bus = walk->request->dma;
	int access;

	if (!(port->acs_cap & FABRIC_ACS_ENHANCED)) {
		oracle_stop(walk, at, ORACLE_BLOCKED,
			    "nothing says that it gives access to a port's memory");
		return false;
	}
	access = port->acs >> (o->fn[to].type == PCI_EXP_TYPE_UPSTREAM ? 10 : 8) &
		 3;
	switch (access) {
	case 0:
		oracle_land(walk, to, oracle_bar_of(&o->fn[to], bus), bus);
		return false;
	case 2:
		oracle_turn(walk, at);
		return true;
	default:
		oracle_stop(walk, at, ORACLE_ACS_VIOLATION,
			    "it blocks access to a port's memory");
		return false;
	}
}

/*
 * At a downstream port, from below.  Returns true if the request goes on up; else
 * the walk has been ended.
 */
static bool oracle_up_port(struct oracle_walk *walk, int at)
{
	struct oracle *o = walk->o;
	struct oracle_fn *port = &o->fn[at];
	u64 bus = walk->request->dma;
	bool forwarded = false;
	int i;

	if ((port->acs & PCI_ACS_SV) &&
	    !oracle_below(port, walk->requester_bus)) {
		oracle_stop(walk, at, ORACLE_ACS_VIOLATION,
			    "source validation: the requester is not below");
		return false;
	}
	if ((port->acs & PCI_ACS_TB) && walk->request->translated) {
		oracle_stop(walk, at, ORACLE_ACS_VIOLATION,
			    "translation blocking");
		return false;
	}
	i = oracle_port_memory(o, at, bus);
	if (i >= 0) {
		if ((port->acs & PCI_ACS_RR) && i != at && i != port->up) {
			oracle_turn(walk, at);
			return true;
		}
		return oracle_port_access(walk, at, i);
	}
	if (oracle_claims(port, bus)) {
		if (!(port->acs & PCI_ACS_UF)) {
			oracle_stop(walk, at, ORACLE_BLOCKED,
				    "its own window from below, without upstream forwarding");
			return false;
		}
		forwarded = true;
	}

	for (i = 0; i < o->fns && !forwarded && port->up >= 0; i++) {
		if (i == at || o->fn[i].up != port->up ||
		    !oracle_claims(&o->fn[i], bus))
			continue;
		switch (oracle_peer_request(walk, port, o->fn[i].port)) {
		case ORACLE_ACROSS:
			if (o->fn[i].asleep)
				oracle_stop(walk, i, ORACLE_BLOCKED,
					    "it is asleep");
			else if (oracle_takes_down(walk, i))
				oracle_down(walk, o->fn[i].host, i, bus);
			return false;
		case ORACLE_DROPPED:
			oracle_stop(walk, at, ORACLE_ACS_VIOLATION,
				    "egress control");
			return false;
		case ORACLE_UP:
			oracle_turn(walk, at);
			forwarded = true;
			break;
		}
	}

	if (port->type == PCI_EXP_TYPE_ROOT_PORT)
		return true;
	/*
	 * The upstream port forwards only addresses that are not in its own
	 * window.
	 */
	if (!forwarded && oracle_claims(&o->fn[port->up], bus)) {
		oracle_stop(walk, port->up, ORACLE_UNSUPPORTED,
			    "in its window, and in none of the ports below");
		return false;
	}
	return true;
}

static void oracle_up(struct oracle_walk *walk, int from)
{
	struct oracle *o = walk->o;
	u64 bus = walk->request->dma;
	int at;

	for (at = o->fn[from].up; at >= 0; at = o->fn[at].up) {
		struct oracle_fn *port = &o->fn[at];

		if (port->asleep || !(port->command & PCI_COMMAND_MASTER)) {
			oracle_stop(walk, at, ORACLE_BLOCKED, port->asleep ?
				    "it is asleep" : "it is no bus master");
			return;
		}
		if (!oracle_takes(walk, at))
			return;
		if (oracle_is_downstream(port)) {
			if (!oracle_up_port(walk, at))
				return;
		} else if (port->type != PCI_EXP_TYPE_UPSTREAM) {
			/*
			 * A conventional bridge does not forward an address in its
			 * window upstream.
			 */
			if (oracle_claims(port, bus)) {
				oracle_stop(walk, at, ORACLE_UNSUPPORTED,
					    "nobody on the bus takes it");
				return;
			}
			/* On PCI Express the bridge is the requester. */
			if (!walk->request->impostor)
				walk->requester_bus = port->secondary;
		}
	}
	oracle_root(walk);
}

/*
 * The first step of a request: the client itself, another function on its bus, or
 * up.
 */
static void oracle_emit(struct oracle_walk *walk)
{
	struct oracle *o = walk->o;
	int client = walk->client, i, bar;
	struct oracle_fn *fn = &o->fn[client];
	u64 bus = walk->request->dma;
	bool conventional = fn->up >= 0 && !oracle_is_downstream(&o->fn[fn->up]);

	bar = oracle_bar_of(fn, bus);
	if (bar >= 0) {
		oracle_land(walk, client, bar, bus);
		return;
	}
	if (fn->asleep || !(fn->command & PCI_COMMAND_MASTER)) {
		oracle_stop(walk, client, ORACLE_BLOCKED, fn->asleep ?
			    "it is asleep" : "it is no bus master");
		return;
	}

	/*
	 * A function that is integrated in the root complex reaches no other on
	 * its bus.
	 */
	for (i = 0; i < o->fns && fn->up >= 0; i++) {
		if (o->fn[i].up != fn->up)
			continue;
		bar = oracle_bar_of(&o->fn[i], bus);
		if (bar < 0)
			continue;
		if (conventional) {
			oracle_land(walk, i, bar, bus);
			return;
		}
		if (!oracle_one_device(o, client, i))
			continue;
		if (!oracle_inside(walk, client, i)) {
			oracle_turn(walk, client);
			break;
		}
		switch (oracle_peer_request(walk, fn,
					    oracle_function(o, &o->fn[i]))) {
		case ORACLE_ACROSS:
			oracle_land(walk, i, bar, bus);
			return;
		case ORACLE_DROPPED:
			oracle_stop(walk, client, ORACLE_ACS_VIOLATION,
				    "egress control");
			return;
		case ORACLE_UP:
			oracle_turn(walk, client);
			break;
		}
	}
	oracle_up(walk, client);
}

/* The function that the kernel calls by this name, or -1. */
static int oracle_index(struct oracle *oracle, struct pci_dev *pdev)
{
	int i;

	for (i = 0; i < oracle->fns; i++)
		if (oracle->host[oracle->fn[i].host].domain ==
			    pci_domain_nr(pdev->bus) &&
		    oracle->fn[i].bus == pdev->bus->number &&
		    oracle->fn[i].devfn == pdev->devfn)
			return i;
	return -1;
}

/**
 * oracle_walk - where does a request go?
 * @oracle: from oracle_read()
 * @request: the request
 * @answer: filled in
 */
void oracle_walk(struct oracle *oracle, const struct oracle_request *request,
		 struct oracle_answer *answer)
{
	struct pci_dev *client = request->client;
	struct oracle_walk walk = {
		.o = oracle,
		.request = request,
		.answer = answer,
		.client = oracle_index(oracle, client),
		.requester_bus = request->impostor ?
			PCI_BUS_NUM(request->requester) : client->bus->number,
	};

	*answer = (struct oracle_answer) { .extent = U64_MAX };
	if (walk.client < 0) {
		oracle_stop(&walk, -1, ORACLE_BLOCKED, "no such client");
		return;
	}
	walk.host = oracle->fn[walk.client].host;
	oracle_bus_extent(oracle, request->dma, &answer->extent);
	/* The request of a read has no data. */
	if (!request->read)
		oracle_send(&walk, walk.client);
	oracle_emit(&walk);
}

/**
 * oracle_locate - what is at a physical address?
 * @oracle: from oracle_read()
 * @phys: CPU physical address
 * @where: filled in as for a request that lands there; its extent is how far the
 *	BAR goes on
 *
 * Return: whether it is in a BAR.
 */
bool oracle_locate(struct oracle *oracle, phys_addr_t phys,
		   struct oracle_answer *where)
{
	struct oracle_walk walk = { .o = oracle, .answer = where };
	int h, i, bar;

	*where = (struct oracle_answer) { .extent = U64_MAX };
	for (h = 0; h < oracle->hosts; h++) {
		u64 offset = phys - oracle->host[h].cpu_start;
		u64 bus = offset + oracle->host[h].bus_start;

		if (offset >= oracle->host[h].size)
			continue;
		for (i = 0; i < oracle->fns; i++) {
			bar = oracle_bar_of(&oracle->fn[i], bus);
			if (bar < 0 || oracle->fn[i].host != h)
				continue;
			oracle_stop(&walk, i, ORACLE_LANDED, "landed");
			where->bar = bar;
			where->offset = bus - oracle->fn[i].bar[bar].start;
			where->extent = oracle->fn[i].bar[bar].last - bus + 1;
			return true;
		}
	}
	oracle_stop(&walk, -1, ORACLE_RAM, "RAM");
	where->offset = phys;
	return false;
}

/**
 * oracle_has_ats - may a function send requests as translated?
 * @oracle: from oracle_read()
 * @client: the function
 *
 * Return: whether its ATS is enabled.
 */
bool oracle_has_ats(struct oracle *oracle, struct pci_dev *client)
{
	int index = oracle_index(oracle, client);

	return index >= 0 && oracle->fn[index].ats;
}

/* Has the address a translation?  Asking is no request, which might fault. */
static bool oracle_is_iova(struct device *dev, u64 dma)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && iommu_iova_to_phys(domain, dma);
}

/**
 * oracle_walk_sent - where does a request go if the client asks for the translation of
 *	its address, and sends it as translated?
 * @oracle: from oracle_read()
 * @request: the request as it would be sent untranslated
 * @answer: filled in, if there is such a request; it ends in an IOMMU fault if the
 *	IOMMU has no translation
 *
 * In an identity domain the IOMMU answers with the address that it is asked for, as a CPU
 * physical address; a bus address is another one unless the bus has no offset.  A client
 * whose driver uses ATS per mapping asks only for addresses that have a translation, and
 * in an identity domain for none.  None asks for its own memory.
 *
 * Return: whether the client may send such a request.
 */
bool oracle_walk_sent(struct oracle *oracle,
		      const struct oracle_request *request,
		      struct oracle_answer *answer)
{
	struct pci_dev *client = request->client;
	struct fabric_host *host = fabric_host_of(client);
	struct oracle_request sent = *request;
	struct device *dev = &client->dev;
	size_t left = SIZE_MAX;
	bool per_mapping;

	if (!oracle_has_ats(oracle, client) ||
	    (!request->mapped_to &&
	     oracle_bar_of(&oracle->fn[oracle_index(oracle, client)],
			   request->dma) >= 0))
		return false;
	per_mapping = fabric_fn_at(host, client->bus->number,
				   client->devfn)->ats_per_mapping;
	sent.translated = true;
	sent.mapped_to = 0;
	if (request->mapped_to) {
		sent.dma = request->mapped_to;
	} else if (!oracle_translates(dev)) {
		if (per_mapping)
			return false;
		if (host->bus_start != host->window.start &&
		    request->dma - host->bus_start < host->mem_size) {
			*answer = (struct oracle_answer) {
				.outcome = ORACLE_UNSUPPORTED,
				.domain = -1,
				.extent = 1,
				.why = "the IOMMU takes the bus address for a CPU address",
			};
			return true;
		}
	} else if (per_mapping && !oracle_is_iova(dev, request->dma)) {
		return false;
	} else if (oracle_translate(dev, request->dma, !request->read, &sent.dma,
				    &left)) {
		*answer = (struct oracle_answer) {
			.outcome = ORACLE_IOMMU_FAULT,
			.domain = -1,
			.extent = 1,
			.why = "the IOMMU answers that there is no translation",
		};
		return true;
	}
	oracle_walk(oracle, &sent, answer);
	answer->extent = min_t(u64, answer->extent, left);
	return true;
}

static const char * const oracle_outcome_names[] = {
	[ORACLE_LANDED]		= "landed",
	[ORACLE_RAM]		= "RAM",
	[ORACLE_ACS_VIOLATION]	= "ACS violation",
	[ORACLE_UNSUPPORTED]	= "unsupported request",
	[ORACLE_BLOCKED]	= "blocked",
	[ORACLE_IOMMU_FAULT]	= "IOMMU fault",
	[ORACLE_MALFORMED]	= "malformed packet",
	[ORACLE_UNEXPECTED]	= "unexpected completion",
};

/**
 * oracle_describe - an answer in words
 * @answer: the answer
 * @text: where to
 * @size: its size, bytes
 */
void oracle_describe(const struct oracle_answer *answer, char *text,
		     size_t size)
{
	struct seq_buf s;

	seq_buf_init(&s, text, size);
	seq_buf_printf(&s, "%s%s at ", answer->completion ? "completion: " : "",
		       oracle_outcome_names[answer->outcome]);
	if (answer->domain < 0)
		seq_buf_puts(&s, "the root complex");
	else
		seq_buf_printf(&s, "%04x:%02x:%02x.%d", answer->domain,
			       answer->bus, PCI_SLOT(answer->devfn),
			       PCI_FUNC(answer->devfn));
	if (answer->outcome == ORACLE_LANDED && !answer->completion)
		seq_buf_printf(&s, " BAR %d", answer->bar);
	if (answer->outcome <= ORACLE_RAM && !answer->completion)
		seq_buf_printf(&s, " + %#llx", answer->offset);
	seq_buf_printf(&s, "%s%s (%s)",
		       answer->root ? ", by the root complex" : "",
		       answer->iommu ? " and IOMMU" : "", answer->why);
	seq_buf_str(&s);
}

/*
 * What tests ask.
 */

/* RAM may have been bounced; peer memory never. */
static bool oracle_bounced(struct pci_dev *client,
			   const struct oracle_answer *answer,
			   const struct oracle_answer *right)
{
	return answer->outcome == ORACLE_RAM && right->outcome == ORACLE_RAM &&
	       swiotlb_find_pool(&client->dev, answer->offset);
}

/*
 * One kind of request over all of a range, as untranslated or, with @sent, as
 * translated.
 */
static void oracle_expect_form(struct oracle *oracle, struct pci_dev *client,
			       u64 dma, u64 size, bool read, bool sent,
			       phys_addr_t phys)
{
	struct oracle_answer answer, right;
	char got[160], want[160];
	u64 step, at = 0;

	while (at < size) {
		struct oracle_request request = {
			.client = client,
			.dma = dma + at,
			.read = read,
		};

		oracle_locate(oracle, phys + at, &right);
		/* Random fabrics have payload sizes that no kernel sets up for RAM. */
		request.any_size = right.outcome == ORACLE_RAM;
		if (!sent)
			oracle_walk(oracle, &request, &answer);
		else if (!oracle_walk_sent(oracle, &request, &answer))
			return;
		/* RAM is no matter of peers. */
		if (sent && right.outcome == ORACLE_RAM)
			return;
		if (!oracle_bounced(client, &answer, &right) &&
		    (answer.outcome != right.outcome || answer.completion ||
		     answer.domain != right.domain ||
		     answer.bus != right.bus || answer.devfn != right.devfn ||
		     answer.bar != right.bar ||
		     answer.offset != right.offset)) {
			oracle_describe(&answer, got, sizeof(got));
			oracle_describe(&right, want, sizeof(want));
			KUNIT_FAIL(oracle->test,
				   "%s's %s%s of %#llx (+ %#llx of %#llx bytes) ends: %s; it is meant for %pap: %s",
				   pci_name(client), sent ? "translated " : "",
				   read ? "read" : "write",
				   dma, at, size, got, &phys, want);
			return;
		}

		/*
		 * Check the last byte that has the same outcome, then the byte
		 * after it.
		 */
		step = min(min(answer.extent, right.extent), size - at);
		at += step > 1 ? step - 1 : 1;
	}
}

static void oracle_expect_range(struct oracle *oracle, struct pci_dev *client,
				u64 dma, u64 size, bool read, phys_addr_t phys)
{
	oracle_expect_form(oracle, client, dma, size, read, false, phys);
	oracle_expect_form(oracle, client, dma, size, read, true, phys);
}

static void oracle_expect_dir(struct oracle *oracle, struct pci_dev *client,
			      u64 dma, u64 size, enum dma_data_direction dir,
			      phys_addr_t phys)
{
	/* The mock operations invent addresses, without regard to the mask. */
	if (!mock_ops_translates(&client->dev))
		KUNIT_EXPECT_LE_MSG(oracle->test, dma + size - 1,
				    dma_get_mask(&client->dev),
				    "%s cannot form the address",
				    pci_name(client));
	if (dir != DMA_TO_DEVICE)
		oracle_expect_range(oracle, client, dma, size, false, phys);
	if (dir != DMA_FROM_DEVICE)
		oracle_expect_range(oracle, client, dma, size, true, phys);
}

/**
 * oracle_expect - an address must lead to where it was made for
 * @fabric: the fabric
 * @client: the device that uses it
 * @dma: the address
 * @size: bytes
 * @dir: what the device does with it
 * @phys: CPU physical address that was mapped, of peer memory or RAM
 */
void oracle_expect(struct fabric *fabric, struct pci_dev *client,
		   dma_addr_t dma, size_t size, enum dma_data_direction dir,
		   phys_addr_t phys)
{
	struct oracle *oracle = oracle_read(fabric);

	oracle_expect_dir(oracle, client, dma, size, dir, phys);
}

/**
 * oracle_expect_sg - all addresses of a mapped list must lead to its memory
 * @fabric: the fabric
 * @client: the device that it was mapped for
 * @sgl: the list
 * @orig_nents: its entries
 * @nents: its DMA segments
 * @dir: what the device does with it
 *
 * The DMA segments, one after the other, must be the memory of the entries, one
 * after the other.
 */
void oracle_expect_sg(struct fabric *fabric, struct pci_dev *client,
		      struct scatterlist *sgl, int orig_nents, int nents,
		      enum dma_data_direction dir)
{
	struct oracle *oracle = oracle_read(fabric);
	struct scatterlist *cpu = sgl, *dma = sgl;
	u64 cpu_done = 0, dma_done = 0, size;
	int cpus = 0, dmas = 0;

	while (dmas < nents && cpus < orig_nents) {
		size = min(cpu->length - cpu_done,
			   sg_dma_len(dma) - dma_done);
		if (!size) {
			KUNIT_FAIL(fabric->test, "segment %d is empty", dmas);
			break;
		}
		oracle_expect_dir(oracle, client, sg_dma_address(dma) + dma_done,
				  size, dir, sg_phys(cpu) + cpu_done);
		cpu_done += size;
		dma_done += size;
		if (cpu_done == cpu->length) {
			cpu = sg_next(cpu);
			cpu_done = 0;
			cpus++;
		}
		if (dma_done == sg_dma_len(dma)) {
			dma = sg_next(dma);
			dma_done = 0;
			dmas++;
		}
	}
	KUNIT_EXPECT_EQ(fabric->test, dmas, nents);
	KUNIT_EXPECT_EQ(fabric->test, cpus, orig_nents);
}

/* Has a request come to a function of this name, and without a detour? */
static bool oracle_crossed(const struct oracle_answer *answer,
			   struct pci_dev *provider)
{
	return answer->outcome == ORACLE_LANDED && !answer->root &&
	       !answer->completion && !answer->turned &&
	       answer->domain == pci_domain_nr(provider->bus) &&
	       answer->bus == provider->bus->number &&
	       answer->devfn == provider->devfn;
}

/**
 * oracle_crosses - would a bus address lead from a client to a provider without
 *	passing the root complex?
 * @oracle: from oracle_read()
 * @client: the client
 * @provider: whose memory
 * @phys: CPU physical address of the memory
 * @dir: what the client does with it
 * @answer: the walk that did not cross, or the last
 *
 * Whether the links can carry it is for oracle_carried() to say.
 *
 * Return: true if it would.
 */
bool oracle_crosses(struct oracle *oracle, struct pci_dev *client,
		    struct pci_dev *provider, phys_addr_t phys,
		    enum dma_data_direction dir, struct oracle_answer *answer)
{
	struct fabric_host *host = fabric_host_of(provider);
	struct oracle_request request = {
		.client = client,
		.dma = phys - host->window.start + host->bus_start,
		.peer_only = true,
		.any_size = true,
	};

	if (dir != DMA_TO_DEVICE) {
		oracle_walk(oracle, &request, answer);
		if (!oracle_crossed(answer, provider))
			return false;
	}
	if (dir != DMA_FROM_DEVICE) {
		request.read = true;
		oracle_walk(oracle, &request, answer);
		if (!oracle_crossed(answer, provider))
			return false;
	}
	return true;
}

/**
 * oracle_carried - can the links carry what would cross from a client to a provider?
 * @oracle: from oracle_read()
 * @client: the client
 * @provider: whose memory
 * @phys: CPU physical address of the memory
 * @read: the client reads too; what is not asked for is writes only
 * @answer: the walk of the write, or else that of the read, that did not cross
 *
 * Return: true if they can.
 */
bool oracle_carried(struct oracle *oracle, struct pci_dev *client,
		    struct pci_dev *provider, phys_addr_t phys, bool read,
		    struct oracle_answer *answer)
{
	struct fabric_host *host = fabric_host_of(provider);
	struct oracle_request request = {
		.client = client,
		.dma = phys - host->window.start + host->bus_start,
		.peer_only = true,
	};

	oracle_walk(oracle, &request, answer);
	if (!oracle_crossed(answer, provider))
		return false;
	request.read = true;
	if (read)
		oracle_walk(oracle, &request, answer);
	return oracle_crossed(answer, provider);
}

/* Does loopback= name a function, or its physical function? */
static bool oracle_looped(const struct oracle *o, int fn)
{
	return o->fn[fn].looped ||
	       (o->fn[fn].pf >= 0 && o->fn[o->fn[fn].pf].looped);
}

/* Does nothing say that two functions of one device reach each other inside it? */
static bool oracle_unproven_fns(struct oracle *o, int from, int to)
{
	return oracle_one_device(o, from, to) &&
	       !(o->fn[from].acs_cap & o->fn[to].acs_cap & PCI_ACS_RR) &&
	       (!oracle_looped(o, from) || !oracle_looped(o, to));
}

/**
 * oracle_unproven - may requests and completions between two functions leave their device?
 * @oracle: from oracle_read()
 * @client: the client
 * @provider: the provider
 *
 * Return: true if they are functions of one device, not both implement P2P Request
 * Redirect, and the administrator has not said that they reach each other.
 */
bool oracle_unproven(struct oracle *oracle, struct pci_dev *client,
		     struct pci_dev *provider)
{
	return client != provider &&
	       oracle_unproven_fns(oracle, oracle_index(oracle, client),
				   oracle_index(oracle, provider));
}

/**
 * oracle_deliberate - is there a reason not to cross that is none of routing?
 * @oracle: from oracle_read()
 * @client: the client
 * @provider: the provider
 *
 * The client is not trusted, conventional PCI is between them, the provider is a bridge
 * above the client, or they are functions of one device and one of them, or a port above,
 * may redirect, or not both implement P2P Request Redirect, nor has the administrator said
 * that they reach each other.
 * Policy, mask and virtualisation are for the caller to know.
 *
 * Return: true if there is.
 */
bool oracle_deliberate(struct oracle *oracle, struct pci_dev *client,
		       struct pci_dev *provider)
{
	u16 redirecting = PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_EC | PCI_ACS_UF;
	int from = oracle_index(oracle, client);
	int to = oracle_index(oracle, provider);
	struct oracle_fn *fn = oracle->fn;
	u16 acs = fn[from].acs | fn[to].acs;
	int at;

	if (client->untrusted)
		return true;
	for (at = fn[from].up; at >= 0; at = fn[at].up)
		if (at == to)
			return true;
	for (at = fn[from].up; at >= 0; at = fn[at].up) {
		if (fn[at].type < 0 || fn[at].type == PCI_EXP_TYPE_PCI_BRIDGE)
			return true;
		acs |= fn[at].acs;
	}
	for (at = fn[to].up; at >= 0; at = fn[at].up)
		if (fn[at].type < 0 || fn[at].type == PCI_EXP_TYPE_PCI_BRIDGE)
			return true;
	if (fn[from].pf >= 0)
		acs |= fn[fn[from].pf].acs;
	if (fn[to].pf >= 0)
		acs |= fn[fn[to].pf].acs;
	if (oracle_one_device(oracle, from, to) && (acs & redirecting))
		return true;
	return oracle_unproven_fns(oracle, from, to);
}

/**
 * oracle_outcome - where does one address lead?
 * @fabric: the fabric
 * @client: the device that uses it
 * @dma: the address
 * @read: it reads there, rather than writing
 * @answer: filled in, unless NULL
 *
 * Return: the outcome.
 */
enum oracle_outcome oracle_outcome(struct fabric *fabric,
				   struct pci_dev *client, u64 dma, bool read,
				   struct oracle_answer *answer)
{
	struct oracle_request request = {
		.client = client, .dma = dma, .read = read,
	};
	struct oracle *oracle = oracle_read(fabric);
	struct oracle_answer unused;

	oracle_walk(oracle, &request, answer ?: &unused);
	return (answer ?: &unused)->outcome;
}
