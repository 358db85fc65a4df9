// SPDX-License-Identifier: GPL-2.0
/*
 * Watched registers: which configuration writes make routes stale.
 *
 * Before the facts of a route are gathered, to be cached, every function and port that
 * it may rest on is watched: a short list of the registers that fabric.c reads, each with
 * the value that cached routes have seen.  A write counts if it gives such a register
 * another value.  Writes to other registers, to functions that no cached route rests on,
 * and of a value that is there already do not.
 *
 * A register may also change without a write, by a reset.  Whoever is about to gather
 * reads the registers first; one that is not as it is remembered counts as written.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../pci.h"
#include "p2pdma.h"

/**
 * struct p2pdma_register - a watched register
 * @where: offset in configuration space
 * @size: bytes
 * @known: @value is what every valid cached route has seen; else, the next write counts
 * @mask: the bits that count
 * @value: of these bits
 */
struct p2pdma_register {
	u16 where;
	u8 size;
	bool known;
	u32 mask;
	u32 value;
};

/* Memory decoding; SR-IOV Control; payload and tags; ACS Control, twice; the egress vector. */
#define P2PDMA_MAX_REGISTERS (7 + 256 / 32)

/**
 * struct p2pdma_watch - a watched function
 * @node: in p2pdma_watches
 * @rcu: for freeing
 * @pdev: the function; for comparison
 * @bus: its bus; for comparison
 * @devfn: its number on the bus
 * @count: how many registers
 * @reg: the registers; what changes in them is under p2pdma_watch_lock
 */
struct p2pdma_watch {
	struct hlist_node node;
	struct rcu_head rcu;
	struct pci_dev *pdev;
	struct pci_bus *bus;
	unsigned int devfn;
	unsigned int count;
	struct p2pdma_register reg[] __counted_by(count);
};

static DEFINE_HASHTABLE(p2pdma_watches, 10);
/* Raw: interrupt controllers write to configuration space. */
static DEFINE_RAW_SPINLOCK(p2pdma_watch_lock);

static unsigned long p2pdma_watch_key(struct pci_bus *bus, unsigned int devfn)
{
	return (unsigned long)bus + devfn;
}

static struct p2pdma_watch *p2pdma_watch_find(struct pci_bus *bus,
					      unsigned int devfn)
{
	struct p2pdma_watch *watch;

	hash_for_each_possible_rcu(p2pdma_watches, watch, node,
				   p2pdma_watch_key(bus, devfn),
				   lockdep_is_held(&p2pdma_watch_lock))
		if (watch->bus == bus && watch->devfn == devfn)
			return watch;
	return NULL;
}

/* Those for payload size, tags and function groups. */
static unsigned int p2pdma_link_registers(struct pci_dev *pdev,
					  struct p2pdma_register *reg)
{
	int exp = pci_pcie_cap(pdev), cap;
	unsigned int count = 0;

	if (!exp)
		return 0;
	reg[count++] = (struct p2pdma_register) {
		exp + PCI_EXP_DEVCTL, 2, false, PCI_EXP_DEVCTL_PAYLOAD };
	if ((pdev->pcie_flags_reg & PCI_EXP_FLAGS_VERS) > 1)
		reg[count++] = (struct p2pdma_register) {
			exp + PCI_EXP_DEVCTL2, 2, false,
			P2PDMA_DEVCTL2_10BIT_TAG_REQ };
	cap = pci_find_ext_capability(pdev, P2PDMA_EXT_CAP_ID_DEV3);
	if (cap)
		reg[count++] = (struct p2pdma_register) {
			cap + P2PDMA_DEV3_CTL, 4, false,
			P2PDMA_DEV3_CTL_14BIT_TAG_REQ };
	cap = pci_find_ext_capability(pdev, PCI_EXT_CAP_ID_ARI);
	if (cap)
		reg[count++] = (struct p2pdma_register) {
			cap + PCI_ARI_CTRL, 2, false, U16_MAX };
	return count;
}

/* The registers of a function that fabric.c reads; returns how many. */
static unsigned int p2pdma_registers(struct pci_dev *pdev,
				     struct p2pdma_register *reg)
{
	unsigned int count = 0, i, bits, vector;
	u16 cap;
	u8 size;

	reg[count++] = (struct p2pdma_register) {
		PCI_COMMAND, 2, false, PCI_COMMAND_MEMORY };
#ifdef CONFIG_PCI_IOV
	if (pdev->is_physfn)
		reg[count++] = (struct p2pdma_register) {
			pdev->sriov->pos + PCI_SRIOV_CTRL, 2, false,
			PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE |
			P2PDMA_SRIOV_CTRL_10BIT_TAG };
#endif
	count += p2pdma_link_registers(pdev, reg + count);
	if (!pdev->acs_cap)
		return count;
	reg[count++] = (struct p2pdma_register) {
		pdev->acs_cap + PCI_ACS_CTRL, 2, false, U16_MAX };
	if (pci_read_config_word(pdev, pdev->acs_cap + PCI_ACS_CAP, &cap) ||
	    !(cap & PCI_ACS_EC))
		return count;
	/* The size of the egress vector; 0 stands for 256. */
	if (pci_read_config_byte(pdev, pdev->acs_cap + PCI_ACS_EGRESS_BITS, &size))
		size = 0;
	bits = size ?: 256;
	for (i = 0; i < bits; i += 32) {
		vector = pdev->acs_cap + PCI_ACS_EGRESS_CTL_V + i / 8;
		if (vector + 4 <= pdev->cfg_size)
			reg[count++] = (struct p2pdma_register) {
				vector, 4, false, U32_MAX };
	}
	return count;
}

/* Add a watch; returns what nobody finds any more. */
static struct p2pdma_watch *p2pdma_watch_add(struct p2pdma_watch *watch)
{
	struct p2pdma_watch *old;
	unsigned long flags;

	raw_spin_lock_irqsave(&p2pdma_watch_lock, flags);
	old = p2pdma_watch_find(watch->bus, watch->devfn);
	if (old && old->pdev == watch->pdev) {
		old = watch;
	} else {
		if (old)
			hash_del_rcu(&old->node);
		hash_add_rcu(p2pdma_watches, &watch->node,
			     p2pdma_watch_key(watch->bus, watch->devfn));
	}
	raw_spin_unlock_irqrestore(&p2pdma_watch_lock, flags);
	return old;
}

/* False if the function does not answer. */
static bool p2pdma_register_read(struct pci_dev *pdev,
				 const struct p2pdma_register *reg, u32 *value)
{
	u16 word;

	if (reg->size == 4)
		return !pci_read_config_dword(pdev, reg->where, value);
	if (pci_read_config_word(pdev, reg->where, &word) ||
	    PCI_POSSIBLE_ERROR(word))
		return false;
	*value = word & reg->mask;
	return true;
}

/* Find what watches a function, or begin; false if it does not answer, or without memory. */
static bool p2pdma_watch_begin(struct pci_dev *pdev)
{
	struct p2pdma_register reg[P2PDMA_MAX_REGISTERS];
	struct p2pdma_watch *watch, *old;
	unsigned int count;
	u32 command;

	scoped_guard(rcu) {
		old = p2pdma_watch_find(pdev->bus, pdev->devfn);
		if (old && old->pdev == pdev)
			return true;
	}
	count = p2pdma_registers(pdev, reg);
	/* If it has ceased to answer, not all of its registers may have been found. */
	if (!p2pdma_register_read(pdev, &reg[0], &command))
		return false;
	watch = kzalloc(struct_size(watch, reg, count), GFP_ATOMIC | __GFP_NOWARN);
	if (!watch)
		return false;
	watch->pdev = pdev;
	watch->bus = pdev->bus;
	watch->devfn = pdev->devfn;
	watch->count = count;
	memcpy(watch->reg, reg, count * sizeof(*reg));

	watch = p2pdma_watch_add(watch);
	if (watch)
		kfree_rcu(watch, rcu);
	return true;
}

/*
 * Remember what is in a register; if it is not what was remembered, it has been written.
 * What cannot be read is not known: nobody may rely on what was remembered, and the next
 * write counts.
 */
static bool p2pdma_watch_read(struct pci_dev *pdev, struct p2pdma_register *reg)
{
	u32 value = 0;
	bool answers = p2pdma_register_read(pdev, reg, &value);
	unsigned long flags;

	raw_spin_lock_irqsave(&p2pdma_watch_lock, flags);
	if (reg->known && (!answers || reg->value != value))
		p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
	reg->value = value;
	reg->known = answers;
	raw_spin_unlock_irqrestore(&p2pdma_watch_lock, flags);
	return answers;
}

static bool p2pdma_watch_one(struct pci_dev *pdev)
{
	struct p2pdma_watch *watch;
	unsigned int i;

	if (!p2pdma_watch_begin(pdev))
		return false;

	guard(rcu)();
	watch = p2pdma_watch_find(pdev->bus, pdev->devfn);
	for (i = 0; watch && i < watch->count; i++)
		if (!p2pdma_watch_read(pdev, &watch->reg[i]))
			return false;
	return watch;
}

/**
 * p2pdma_watch - let changes of a function, and of all above it, make routes stale
 * @pdev: client or provider of a route that is to be cached
 *
 * Call it before anything is gathered.
 *
 * Context: any; reads configuration space.  The caller holds @pdev.
 *
 * Return: false if there is no memory, or if one of them does not answer: then nothing
 * may be cached.
 */
bool p2pdma_watch(struct pci_dev *pdev)
{
	for (; pdev; pdev = pci_upstream_bridge(pdev)) {
		if (!p2pdma_watch_one(pdev))
			return false;
		if (pdev->is_virtfn && !p2pdma_watch_one(pci_physfn(pdev)))
			return false;
	}
	return true;
}

/**
 * p2pdma_watched - may a cached route rest on a function?
 * @pdev: the function
 *
 * Context: any.
 *
 * Return: true if one may.
 */
bool p2pdma_watched(struct pci_dev *pdev)
{
	guard(rcu)();
	return p2pdma_watch_find(pdev->bus, pdev->devfn);
}

/**
 * p2pdma_watch_end - watch a function no more
 * @pdev: the function, which is gone
 *
 * Context: any.
 */
void p2pdma_watch_end(struct pci_dev *pdev)
{
	struct p2pdma_watch *watch;

	scoped_guard(raw_spinlock_irqsave, &p2pdma_watch_lock) {
		watch = p2pdma_watch_find(pdev->bus, pdev->devfn);
		if (watch && watch->pdev != pdev)
			watch = NULL;
		if (watch)
			hash_del_rcu(&watch->node);
	}
	if (watch)
		kfree_rcu(watch, rcu);
}

/* Does a write change a register, as far as is known? */
static bool p2pdma_register_written(struct p2pdma_register *reg, int where,
				    int size, u32 value)
{
	bool changed = true;

	if (where >= reg->where + reg->size || reg->where >= where + size)
		return false;
	if (where > reg->where || where + size < reg->where + reg->size) {
		reg->known = false;
		return true;
	}
	value = (value >> (8 * (reg->where - where))) & reg->mask;
	if (reg->known)
		changed = reg->value != value;
	reg->value = value;
	reg->known = true;
	return changed;
}

/**
 * p2pdma_watch_written - a configuration write makes routes stale that rest on the register
 * @bus: bus of the function
 * @devfn: its number on the bus
 * @where: offset in configuration space
 * @size: bytes
 * @value: what was written
 *
 * Context: any.
 */
void p2pdma_watch_written(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 value)
{
	struct p2pdma_watch *watch;
	bool changed = false;
	unsigned long flags;
	unsigned int i;

	if (!pci_p2pdma_in_use())
		return;
	/*
	 * The write before the watch: whoever begins to watch and is not seen here
	 * reads the register afterwards.
	 */
	smp_mb();
	guard(rcu)();
	watch = p2pdma_watch_find(bus, devfn);
	if (!watch)
		return;
	raw_spin_lock_irqsave(&p2pdma_watch_lock, flags);
	for (i = 0; i < watch->count; i++)
		changed |= p2pdma_register_written(&watch->reg[i], where, size,
						   value);
	if (changed)
		p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
	raw_spin_unlock_irqrestore(&p2pdma_watch_lock, flags);
}

/**
 * p2pdma_watch_count - how many functions are watched
 *
 * Context: any.
 *
 * Return: the number.
 */
unsigned int p2pdma_watch_count(void)
{
	struct p2pdma_watch *watch;
	unsigned int count = 0;
	int i;

	guard(rcu)();
	hash_for_each_rcu(p2pdma_watches, i, watch, node)
		count++;
	return count;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_watch_count);
