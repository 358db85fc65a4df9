// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space of the software fabric: for each function an array of
 * values and one of bits that can be written.  Requests find their function as in
 * hardware, by the bus numbers that the bridges have been given, and virtual
 * functions answer only while their physical function has them enabled.
 */
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "fabric_fn.h"

/*
 * The bits of the Command register that can be written; no function has I/O ports.
 */
#define FABRIC_COMMAND \
	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
	 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

#define FABRIC_ACS_ALL \
	(PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF | \
	 PCI_ACS_EC | PCI_ACS_DT)

bool fabric_fn_is_bridge(const struct fabric_fn *fn)
{
	return fn->kind == FABRIC_RP || fn->kind == FABRIC_UP ||
	       fn->kind == FABRIC_DP || fn->kind == FABRIC_BRIDGE;
}

static void fabric_put_bytes(u8 *bytes, int where, int size, u32 value)
{
	for (; size--; value >>= 8)
		bytes[where++] = value;
}

static u32 fabric_get_bytes(const u8 *bytes, int where, int size)
{
	u32 value = 0;

	while (size--)
		value = value << 8 | bytes[where + size];
	return value;
}

u32 fabric_fn_get(const struct fabric_fn *fn, int where, int size)
{
	return fabric_get_bytes(fn->value, where, size);
}

/* Define a register: its value at power-on and the bits that can be written. */
static void fabric_reg(struct fabric_fn *fn, int where, int size, u32 value,
		       u32 writable)
{
	fabric_put_bytes(fn->value, where, size, value);
	fabric_put_bytes(fn->mask, where, size, writable);
}

static void fabric_reg_bar(struct fabric_fn *fn, int where, u64 size, bool is32)
{
	u64 writable = ~(size - 1);

	if (!size)
		return;
	if (is32) {
		fabric_reg(fn, where, 4, 0, writable);
		return;
	}
	fabric_reg(fn, where, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 |
		   PCI_BASE_ADDRESS_MEM_PREFETCH, writable & ~0xfULL);
	fabric_reg(fn, where + 4, 4, 0, writable >> 32);
}

static void fabric_reg_bridge(struct fabric_fn *fn)
{
	fabric_reg(fn, PCI_PRIMARY_BUS, 1, 0, 0xff);
	fabric_reg(fn, PCI_SECONDARY_BUS, 1, 0, 0xff);
	fabric_reg(fn, PCI_SUBORDINATE_BUS, 1, 0, 0xff);
	/* Windows that end before they begin: closed. */
	fabric_reg(fn, PCI_MEMORY_BASE, 2, 0xfff0, 0xfff0);
	fabric_reg(fn, PCI_MEMORY_LIMIT, 2, 0, 0xfff0);
	fabric_reg(fn, PCI_PREF_MEMORY_BASE, 2,
		   0xfff0 | PCI_PREF_RANGE_TYPE_64, 0xfff0);
	fabric_reg(fn, PCI_PREF_MEMORY_LIMIT, 2, PCI_PREF_RANGE_TYPE_64,
		   0xfff0);
	fabric_reg(fn, PCI_PREF_BASE_UPPER32, 4, ~0, ~0);
	fabric_reg(fn, PCI_PREF_LIMIT_UPPER32, 4, 0, ~0);
	fabric_reg(fn, PCI_BRIDGE_CONTROL, 2, 0,
		   PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
		   PCI_BRIDGE_CTL_BUS_RESET);
}

/* PCI Express Base Specification, "PCI Express Capability Structure". */
static void fabric_reg_exp(struct fabric_fn *fn)
{
	static const u8 types[FABRIC_NR_KINDS] = {
		[FABRIC_RP]	= PCI_EXP_TYPE_ROOT_PORT,
		[FABRIC_UP]	= PCI_EXP_TYPE_UPSTREAM,
		[FABRIC_DP]	= PCI_EXP_TYPE_DOWNSTREAM,
		[FABRIC_EP]	= PCI_EXP_TYPE_ENDPOINT,
		[FABRIC_RCIEP]	= PCI_EXP_TYPE_RC_END,
		[FABRIC_BRIDGE]	= PCI_EXP_TYPE_PCI_BRIDGE,
	};
	int cap = FABRIC_CAP_EXP;

	fabric_reg(fn, cap, 1, PCI_CAP_ID_EXP, 0);
	fabric_reg(fn, cap + PCI_CAP_LIST_NEXT, 1, fn->pf ? 0 : FABRIC_CAP_PM, 0);
	fabric_reg(fn, cap + PCI_EXP_FLAGS, 2, 2 | types[fn->kind] << 4, 0);
	fabric_reg(fn, cap + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER, 0);
	fabric_reg(fn, cap + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_RELAX_EN |
		   PCI_EXP_DEVCTL_READRQ_512B, fn->pf ? 0 : 0x7fff);
	fabric_reg(fn, cap + PCI_EXP_DEVCAP2, 4,
		   (fn->ari ? PCI_EXP_DEVCAP2_ARI : 0) |
		   (fn->requester > 8 ? FABRIC_DEVCAP2_REQ_10BIT : 0) |
		   (fn->completer > 8 ? FABRIC_DEVCAP2_CPL_10BIT : 0), 0);
	fabric_reg(fn, cap + PCI_EXP_DEVCTL2, 2,
		   fn->requester > 8 ? FABRIC_DEVCTL2_REQ_10BIT : 0,
		   fn->pf ? 0 : 0x1f | (fn->ari ? PCI_EXP_DEVCTL2_ARI : 0) |
			    (fn->requester > 8 ? FABRIC_DEVCTL2_REQ_10BIT : 0));
	if (fn->kind == FABRIC_RCIEP)
		return;
	fabric_reg(fn, cap + PCI_EXP_LNKCAP, 4, PCI_EXP_LNKCAP_SLS_2_5GB |
		   1 << 4 | (u32)fn->port << 24, 0);
	fabric_reg(fn, cap + PCI_EXP_LNKCTL, 2, 0, 0x01c0);
	fabric_reg(fn, cap + PCI_EXP_LNKSTA, 2, PCI_EXP_LNKSTA_CLS_2_5GB |
		   PCI_EXP_LNKSTA_NLW_X1, 0);
	if (fn->kind == FABRIC_RP)
		fabric_reg(fn, cap + PCI_EXP_RTCTL, 2, 0, 0x1f);
}

static void fabric_reg_pm(struct fabric_fn *fn)
{
	int cap = FABRIC_CAP_PM;

	fabric_reg(fn, cap, 1, PCI_CAP_ID_PM, 0);
	fabric_reg(fn, cap + PCI_PM_PMC, 2, 3, 0);
	fabric_reg(fn, cap + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET,
		   PCI_PM_CTRL_STATE_MASK);
}

static void fabric_reg_ext(struct fabric_fn *fn, int cap, int id, int next)
{
	fabric_reg(fn, cap, 4, id | 1 << 16 | next << 20, 0);
}

/* PCI Express Base Specification, "ACS Extended Capability". */
static void fabric_reg_acs(struct fabric_fn *fn, int next)
{
	int cap = FABRIC_EXT_CAP_ACS;
	int bits;

	fabric_reg_ext(fn, cap, PCI_EXT_CAP_ID_ACS, next);
	fabric_reg(fn, cap + PCI_ACS_CAP, 1, FABRIC_ACS_ALL |
		   (fn->enhanced ? FABRIC_ACS_ENHANCED : 0), 0);
	fabric_reg(fn, cap + PCI_ACS_EGRESS_BITS, 1, fn->egress_bits, 0);
	fabric_reg(fn, cap + PCI_ACS_CTRL, 2, fn->acs, FABRIC_ACS_ALL |
		   (fn->enhanced ? FABRIC_ACS_DSP_ACCESS |
				   FABRIC_ACS_USP_ACCESS : 0));

	/* A size field of 0 means 256 bits. */
	for (bits = 0; bits < (fn->egress_bits ?: 256); bits += 32)
		fabric_reg(fn, cap + PCI_ACS_EGRESS_CTL_V + bits / 8, 4,
			   bits ? 0 : fn->egress,
			   GENMASK(min((fn->egress_bits ?: 256) - bits, 32U) - 1,
				   0));
}

/* Single Root I/O Virtualization: virtual functions follow their physical one. */
static void fabric_reg_sriov(struct fabric_fn *fn, int next)
{
	int cap = FABRIC_EXT_CAP_SRIOV;

	fabric_reg_ext(fn, cap, PCI_EXT_CAP_ID_SRIOV, next);
	fabric_reg(fn, cap + PCI_SRIOV_CTRL, 2, 0,
		   PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	fabric_reg(fn, cap + PCI_SRIOV_INITIAL_VF, 2, fn->vfs, 0);
	fabric_reg(fn, cap + PCI_SRIOV_TOTAL_VF, 2, fn->vfs, 0);
	fabric_reg(fn, cap + PCI_SRIOV_NUM_VF, 2, 0, 0xffff);
	fabric_reg(fn, cap + PCI_SRIOV_FUNC_LINK, 1, fn->devfn, 0);
	fabric_reg(fn, cap + PCI_SRIOV_VF_OFFSET, 2, fn->vf_offset, 0);
	fabric_reg(fn, cap + PCI_SRIOV_VF_STRIDE, 2, 1, 0);
	fabric_reg(fn, cap + PCI_SRIOV_VF_DID, 2, fn->device + 1, 0);
	fabric_reg(fn, cap + PCI_SRIOV_SUP_PGSIZE, 4, 0x553, 0);
	fabric_reg(fn, cap + PCI_SRIOV_SYS_PGSIZE, 4, 1, 0x553);
	fabric_reg_bar(fn, cap + PCI_SRIOV_BAR, fn->vf_size, false);
}

/* Alternative Routing-ID Interpretation: each function names the next one. */
static void fabric_reg_ari(struct fabric_fn *fn, int next_cap)
{
	int cap = FABRIC_EXT_CAP_ARI, next = 0;
	struct fabric_fn *other;

	list_for_each_entry(other, &fn->host->fabric->functions, node)
		if (other->host == fn->host && other->parent == fn->parent &&
		    !other->pf && other->present && other->devfn > fn->devfn &&
		    (!next || other->devfn < next))
			next = other->devfn;
	fabric_reg_ext(fn, cap, PCI_EXT_CAP_ID_ARI, next_cap);
	fabric_reg(fn, cap + PCI_ARI_CAP, 2, next << 8 |
		   (fn->group >= 0 && !fn->devfn ? PCI_ARI_CAP_ACS : 0), 0);
	if (fn->group >= 0)
		fabric_reg(fn, cap + PCI_ARI_CTRL, 2, fn->group << 4 |
			   (fn->devfn ? 0 : PCI_ARI_CTRL_ACS),
			   0x70 | (fn->devfn ? 0 : PCI_ARI_CTRL_ACS));
}

/* Address Translation Services. */
static void fabric_reg_ats(struct fabric_fn *fn, int next)
{
	int cap = FABRIC_EXT_CAP_ATS;

	fabric_reg_ext(fn, cap, PCI_EXT_CAP_ID_ATS, next);
	fabric_reg(fn, cap + PCI_ATS_CTRL, 2, 0, PCI_ATS_CTRL_ENABLE | 0x1f);
}

/* Device 3: tags of 14 bits. */
static void fabric_reg_dev3(struct fabric_fn *fn, int next)
{
	int cap = FABRIC_EXT_CAP_DEV3;

	fabric_reg_ext(fn, cap, FABRIC_EXT_CAP_ID_DEV3, next);
	fabric_reg(fn, cap + 4, 4,
		   (fn->completer > 10 ? FABRIC_DEV3_CAP_CPL_14BIT : 0) |
		   (fn->requester > 10 ? FABRIC_DEV3_CAP_REQ_14BIT : 0), 0);
	fabric_reg(fn, cap + 8, 2,
		   fn->requester > 10 ? FABRIC_DEV3_CTL_REQ_14BIT : 0,
		   FABRIC_DEV3_CTL_REQ_14BIT);
}

/* The list of extended capabilities has to begin at 0x100. */
static void fabric_reg_exts(struct fabric_fn *fn)
{
	int next = 0;

	if (fn->requester > 10 || fn->completer > 10) {
		fabric_reg_dev3(fn, next);
		next = FABRIC_EXT_CAP_DEV3;
	}
	if (fn->ats) {
		fabric_reg_ats(fn, next);
		next = FABRIC_EXT_CAP_ATS;
	}
	if (fabric_fn_below_ari(fn) && !fabric_fn_is_bridge(fn)) {
		fabric_reg_ari(fn, next);
		next = FABRIC_EXT_CAP_ARI;
	}
	if (fn->vfs) {
		fabric_reg_sriov(fn, next);
		next = FABRIC_EXT_CAP_SRIOV;
	}
	if (fn->acs_cap)
		fabric_reg_acs(fn, next);
	else if (next)
		/* 0 is no capability. */
		fabric_reg_ext(fn, FABRIC_EXT_CAP_ACS, 0, next);
}

/**
 * fabric_fn_below_ari - may a function have a number beyond 7?
 * @fn: the function
 *
 * Return: true if it may.
 */
bool fabric_fn_below_ari(const struct fabric_fn *fn)
{
	return fn->parent && fn->parent->ari;
}

/**
 * fabric_fn_reset - configuration space as after power-on
 * @fn: the function, which answers from now on
 */
void fabric_fn_reset(struct fabric_fn *fn)
{
	bool express = fn->kind != FABRIC_PCI;
	bool bridge = fabric_fn_is_bridge(fn);
	int i;

	fn->host->fabric->changes++;
	fn->lost = false;
	memset(fn->value, 0, sizeof(fn->value));
	memset(fn->mask, 0, sizeof(fn->mask));

	fabric_reg(fn, PCI_VENDOR_ID, 2, fn->pf ? 0xffff : fn->vendor, 0);
	fabric_reg(fn, PCI_DEVICE_ID, 2, fn->pf ? 0xffff : fn->device, 0);
	fabric_reg(fn, PCI_COMMAND, 2, 0,
		   fn->pf ? PCI_COMMAND_MASTER : FABRIC_COMMAND);
	fabric_reg(fn, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	fabric_reg(fn, PCI_CLASS_DEVICE, 2, bridge ? PCI_CLASS_BRIDGE_PCI :
		   PCI_CLASS_MEMORY_OTHER, 0);
	/*
	 * The port driver does not know this programming interface.  It would have
	 * nothing to do, and DMA-API debug looks through all mappings of the machine
	 * each time that a driver is unbound.
	 */
	fabric_reg(fn, PCI_CLASS_PROG, 1, bridge ? 0xff : 0, 0);
	fabric_reg(fn, PCI_HEADER_TYPE, 1,
		   (bridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
		   (fn->multifunction ? PCI_HEADER_TYPE_MFD : 0), 0);
	fabric_reg(fn, PCI_CAPABILITY_LIST, 1,
		   express ? FABRIC_CAP_EXP : FABRIC_CAP_PM, 0);
	fabric_reg(fn, PCI_INTERRUPT_LINE, 1, 0, fn->pf ? 0 : 0xff);

	if (bridge) {
		fabric_reg_bridge(fn);
	} else if (!fn->pf) {
		fabric_reg(fn, PCI_SUBSYSTEM_VENDOR_ID, 2, fn->vendor, 0);
		fabric_reg(fn, PCI_SUBSYSTEM_ID, 2, fn->device, 0);
	}

	for (i = 0; i < (bridge ? 2 : PCI_STD_NUM_BARS); i++)
		fabric_reg_bar(fn, PCI_BASE_ADDRESS_0 + 4 * i, fn->bar[i].size,
			       fn->bar[i].is32);

	if (express)
		fabric_reg_exp(fn);
	if (!fn->pf)
		fabric_reg_pm(fn);
	if (express)
		fabric_reg_exts(fn);
}

/**
 * fabric_fn_answers - is there a function to answer configuration requests?
 * @fn: the function
 *
 * Return: true if there is.
 */
bool fabric_fn_answers(const struct fabric_fn *fn)
{
	int cap = FABRIC_EXT_CAP_SRIOV;

	if (!fn->pf)
		return fn->present;
	return fn->pf->present &&
	       (fabric_fn_get(fn->pf, cap + PCI_SRIOV_CTRL, 2) &
		PCI_SRIOV_CTRL_VFE) &&
	       fn->vf < fabric_fn_get(fn->pf, cap + PCI_SRIOV_NUM_VF, 2);
}

/**
 * fabric_fn_bus - the bus that a function is on, by the bridges' numbers
 * @fn: the function
 *
 * Return: its number, or 0 below a bridge that has none yet.
 */
int fabric_fn_bus(const struct fabric_fn *fn)
{
	int bus = fn->parent ? fabric_fn_get(fn->parent, PCI_SECONDARY_BUS, 1) :
			       fn->host->busn.start;

	/* Routing IDs of virtual functions run over into the bus number. */
	if (fn->pf && bus)
		bus += (fn->pf->devfn + fn->pf->vf_offset + fn->vf) >> 8;
	return bus;
}

/* Do bus numbers lead a request from the root bus to the bus below a bridge? */
static bool fabric_reaches(const struct fabric_fn *bridge, int bus)
{
	for (; bridge; bridge = bridge->parent) {
		int secondary = fabric_fn_get(bridge, PCI_SECONDARY_BUS, 1);

		if (!bridge->present || !secondary || bus < secondary ||
		    bus > fabric_fn_get(bridge, PCI_SUBORDINATE_BUS, 1))
			return false;
	}
	return true;
}

/**
 * fabric_fn_at - the function that answers at an address
 * @host: the host bridge
 * @bus: bus number
 * @devfn: device and function number
 *
 * Return: the function, or NULL.
 */
struct fabric_fn *fabric_fn_at(struct fabric_host *host, int bus,
			       unsigned int devfn)
{
	struct fabric_fn *fn;

	list_for_each_entry(fn, &host->fabric->at_devfn[devfn], at)
		if (fn->host == host && fabric_fn_bus(fn) == bus &&
		    fabric_fn_answers(fn) &&
		    fabric_reaches(fn->parent, bus))
			return fn;
	return NULL;
}

static struct fabric_fn *fabric_find(struct pci_bus *bus, unsigned int devfn)
{
	return fabric_fn_at(container_of(bus->sysdata, struct fabric_host,
					 sysdata), bus->number, devfn);
}

/**
 * fabric_fn_lose - say whether a function answers configuration requests
 * @top: the function; with all below it
 * @lost: it does not
 */
void fabric_fn_lose(struct fabric_fn *top, bool lost)
{
	struct fabric_fn *fn;

	list_for_each_entry(fn, &top->host->fabric->functions, node)
		if (fabric_fn_is_below(fn, top))
			fn->lost = lost;
}

/* An access to configuration space, with which a function may vanish. */
static void fabric_config_access(struct pci_bus *bus)
{
	struct fabric_host *host = container_of(bus->sysdata, struct fabric_host,
						sysdata);
	struct fabric *fabric = host->fabric;

	if (!fabric->vanishing || fabric->accesses--)
		return;
	fabric_fn_lose(fabric->vanishing, true);
	fabric->vanishing = NULL;
}

/* The true value, or one bit flipped, all ones, zero, or anything. */
static u32 fabric_lies(struct rnd_state *liar, int size, u32 value)
{
	u32 mask = GENMASK(8 * size - 1, 0);

	switch (prandom_u32_state(liar) % 6) {
	case 0:
		return prandom_u32_state(liar) & mask;
	case 1:
		return value ^ BIT(prandom_u32_state(liar) % (8 * size));
	case 2:
		return mask;
	case 3:
		return 0;
	default:
		return value;
	}
}

static int fabric_config_read(struct pci_bus *bus, unsigned int devfn,
			      int where, int size, u32 *value)
{
	struct fabric_fn *fn = fabric_find(bus, devfn);

	fabric_config_access(bus);
	if (!fn || where + size > PCI_CFG_SPACE_EXP_SIZE)
		return PCIBIOS_DEVICE_NOT_FOUND;
	/* A conventional function has no extended configuration space. */
	if (fn->lost ||
	    (fn->kind == FABRIC_PCI && where >= PCI_CFG_SPACE_SIZE))
		*value = ~0;
	else
		*value = fabric_fn_get(fn, where, size);
	if (fn->liar)
		*value = fabric_lies(fn->liar, size, *value);
	return PCIBIOS_SUCCESSFUL;
}

static int fabric_config_write(struct pci_bus *bus, unsigned int devfn,
			       int where, int size, u32 value)
{
	struct fabric_fn *fn = fabric_find(bus, devfn);
	u32 mask;

	fabric_config_access(bus);
	if (!fn || where + size > PCI_CFG_SPACE_EXP_SIZE)
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (fn->lost)
		return PCIBIOS_SUCCESSFUL;
	mask = fabric_get_bytes(fn->mask, where, size);
	value = (fabric_fn_get(fn, where, size) & ~mask) | (value & mask);
	fn->host->fabric->changes++;
	fabric_put_bytes(fn->value, where, size, value);
	return PCIBIOS_SUCCESSFUL;
}

struct pci_ops fabric_pci_ops = {
	.read = fabric_config_read,
	.write = fabric_config_write,
};
