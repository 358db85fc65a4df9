/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What decide.c, gather.c, fabric.c and bridges.c of drivers/pci/p2pdma use of the kernel,
 * for building these same files into the command. Each kernel header that they include is
 * made to include this one; see the Makefile. model.c fills in the structures, and has
 * the functions that are declared here or in p2pdma.h and are not in these files.
 */
#ifndef P2PDMA_KERNEL_SHIM_H
#define P2PDMA_KERNEL_SHIM_H

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <linux/pci_regs.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 phys_addr_t;
typedef u64 dma_addr_t;
typedef u64 pci_bus_addr_t;
typedef unsigned int vm_fault_t;
typedef unsigned long pgoff_t;

#define __iomem
#define __counted_by(member)
#define fallthrough		__attribute__((fallthrough))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define OPTIMIZER_HIDE_VAR(var)	((void)(var))
#define READ_ONCE(x)		(x)
#define data_race(x)		(x)
#define IS_ENABLED(option)	0
#define VISIBLE_IF_KUNIT
#define EXPORT_SYMBOL_GPL(name)
#define EXPORT_SYMBOL_IF_KUNIT(name)
/* The functions that tests of the kernel replace are those that ask the CPU. */
#define KUNIT_STATIC_STUB_REDIRECT(name, ...)	return shim_##name(__VA_ARGS__)

#define BIT(n)		(1UL << (n))
#define GENMASK(h, l)	(((~0UL) >> (63 - (h))) & ((~0UL) << (l)))
#define FIELD_GET(mask, value)	(((value) & (mask)) / ((mask) & -(mask)))
#define FIELD_MAX(mask)		((mask) / ((mask) & -(mask)))
/* of the machine that is looked at, which may be another, nobody knows */
#define cc_platform_has(what)	(false)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define __ffs(x)	((unsigned long)__builtin_ctzl(x))
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))
#define max(a, b)	((a) > (b) ? (a) : (b))
#define min_not_zero(a, b) \
	((a) == 0 ? (b) : (b) == 0 ? (a) : (a) < (b) ? (a) : (b))
#define strscpy(to, from, size)	((void)snprintf(to, size, "%s", from))

/* lists, and what else structures are made of */

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct rhash_head {
	void *next;
};

struct rcu_head {
	void *unused;
};

typedef struct {
	int unused;
} wait_queue_head_t;

typedef struct {
	int counter;
} atomic_t;

struct kref {
	int unused;
};

struct rw_semaphore {
	int unused;
};

struct dev_pagemap {
	int unused;
};

#define atomic_read(v)	((v)->counter)
#define atomic_read_acquire(v)	((v)->counter)
#define list_first_entry_or_null(head, type, member) \
	((head)->next == (head) ? NULL : container_of((head)->next, type, member))

struct seq_buf {
	char *buffer;
	size_t size;
	size_t len;
};

#define seq_buf_used(s)	((s)->len < (s)->size ? (s)->len : (s)->size)

__attribute__((format(printf, 2, 3)))
static inline void seq_buf_printf(struct seq_buf *s, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(s->buffer + seq_buf_used(s), s->size - seq_buf_used(s),
			format, args);
	va_end(args);
	if (len > 0)
		s->len += len;
}

/* devices */

struct device {
	struct device *parent;
	u64 dma_mask;
	u64 bus_dma_limit;
	const void *dma_range_map;
};

struct resource {
	u64 start, end;
	unsigned long flags;
};

#define IORESOURCE_MEM		0x200
#define IORESOURCE_UNSET	0x20000000
#define resource_type(res)	((res)->flags & 0x1f00)

struct resource_entry {
	struct resource_entry *next;
	struct resource *res;
	u64 offset;
};

#define resource_list_for_each_entry(entry, list) \
	for (entry = *(list); entry; entry = (entry)->next)

struct pci_host_bridge {
	struct device dev;
	struct pci_bus *bus;
	void *kept;			/* by xa_store() */
	/* of CPU addresses; user space does not see them: always empty */
	struct resource_entry *windows;
};

/* The only array is by host bridge. */
struct xarray {
	int unused;
};

#define DEFINE_XARRAY(name)	struct xarray name
#define BITS_PER_XA_VALUE	63
#define xa_mk_value(v)		((void *)(uintptr_t)((v) << 1 | 1))
#define xa_to_value(entry)	((uintptr_t)(entry) >> 1)
#define xa_store(xa, key, entry, gfp)	shim_xa_store(xa, key, entry)
#define xa_erase(xa, key)		shim_xa_store(xa, key, NULL)

static inline void shim_xa_store(struct xarray *xa, unsigned long key, void *entry)
{
	(void)xa;
	((struct pci_host_bridge *)key)->kept = entry;
}

static inline void *xa_load(const struct xarray *xa, unsigned long key)
{
	(void)xa;
	return ((const struct pci_host_bridge *)key)->kept;
}

struct pci_bus {
	struct pci_host_bridge *host;
	struct pci_dev *self;		/* the bridge above it; NULL: a root bus */
	struct list_head devices;
	int domain;
	u8 number;
};

struct pci_sriov {
	int pos;
};

struct dev;

struct pci_dev {
	struct device dev;
	struct pci_bus *bus;
	struct list_head bus_list;
	unsigned int devfn;
	u16 vendor;
	u16 device;
	u16 acs_cap;
	u16 pcie_cap;
	bool is_bridge;
	int type;			/* of the port; negative: not PCI Express */
	bool ari_enabled;
	bool is_virtfn;
	bool untrusted;
	int current_state;
	bool state_saved;		/* by the kernel, and user space does not see it */
	u32 saved_config_space[16];
	struct pci_sriov *sriov;
	struct pci_dev *physfn;
	struct pci_p2pdma *p2pdma;
	struct resource resource[6];
	const u8 *config;
	size_t config_len;
	const struct dev *of;
	char name[32];
};

enum {
	PCI_D0, PCI_D1, PCI_D2, PCI_D3hot, PCI_D3cold, PCI_UNKNOWN,
};

#define PCI_STD_NUM_BARS	6
#define PCI_VENDOR_ID_INTEL	0x8086
#define PCI_VENDOR_ID_NVIDIA	0x10de
#define PCI_VENDOR_ID_ZHAOXIN	0x1d17
#define PCI_DEVFN(slot, func)	(((slot) & 0x1f) << 3 | ((func) & 7))
#define PCI_SLOT(devfn)		((devfn) >> 3 & 0x1f)
#define PCI_FUNC(devfn)		((devfn) & 7)
#define PCI_BUS_NUM(id)		((id) >> 8 & 0xff)
#define PCI_POSSIBLE_ERROR(value)	((value) == (__typeof__(value))~0ULL)

#define pci_name(pdev)			((pdev)->name)
#define PCI_DEVID(bus, devfn)		((u16)((bus) << 8 | (devfn)))
#define pci_is_bridge(pdev)		((pdev)->is_bridge)
#define pci_is_root_bus(bus)		(!(bus)->self)
#define pci_dev_is_disconnected(pdev)	(false)
#define list_is_singular(head) \
	((head)->next != (head) && (head)->next == (head)->prev)
#define down_read(semaphore)		((void)0)
#define up_read(semaphore)		((void)0)
#define pr_warn(...)			((void)0)
#define pci_domain_nr(bus)		((bus)->domain)
#define pci_upstream_bridge(pdev)	((pdev)->bus->self)
#define pci_physfn(pdev)		((pdev)->is_virtfn ? (pdev)->physfn : (pdev))
#define pci_find_host_bridge(bus)	((bus)->host)
#define pci_is_pcie(pdev)		((pdev)->type >= 0)
#define pci_pcie_type(pdev)		((pdev)->type)
#define pci_ari_enabled(bus)		((bus)->self && (bus)->self->ari_enabled)
#define pci_channel_offline(pdev)	(false)
#define pci_resource_flags(pdev, bar)	((pdev)->resource[bar].flags)
#define pci_resource_len(pdev, bar) \
	((pdev)->resource[bar].end - (pdev)->resource[bar].start + 1)
#define to_pci_dev(d)			container_of(d, struct pci_dev, dev)
/* every device here is a PCI function */
#define dev_is_pci(d)			((d) != NULL)
#define pci_dev_get(pdev)		(pdev)
#define pci_warn(pdev, ...)		((void)(pdev))
#define dma_get_mask(d)			((d)->dma_mask)

#define DMA_MAPPING_ERROR	(~(dma_addr_t)0)

static inline u16 pci_dev_id(const struct pci_dev *pdev)
{
	return pdev->bus->number << 8 | pdev->devfn;
}

static inline bool pcie_downstream_port(const struct pci_dev *pdev)
{
	return pdev->type == PCI_EXP_TYPE_ROOT_PORT ||
	       pdev->type == PCI_EXP_TYPE_DOWNSTREAM ||
	       pdev->type == PCI_EXP_TYPE_PCIE_BRIDGE;
}

/* What was not read reads as all ones, with an error. */
static inline int pci_read_config_bytes(const struct pci_dev *pdev, size_t where,
					size_t size, u32 *value)
{
	size_t i;

	*value = ~0U;
	if (pdev->config_len < size || where > pdev->config_len - size)
		return -EIO;
	*value = 0;
	for (i = 0; i < size; i++)
		*value |= (u32)pdev->config[where + i] << (8 * i);
	return 0;
}

static inline int pci_read_config_byte(const struct pci_dev *pdev, int where,
				       u8 *value)
{
	u32 whole;
	int ret = pci_read_config_bytes(pdev, where, 1, &whole);

	*value = whole;
	return ret;
}

static inline int pci_read_config_word(const struct pci_dev *pdev, int where,
				       u16 *value)
{
	u32 whole;
	int ret = pci_read_config_bytes(pdev, where, 2, &whole);

	*value = whole;
	return ret;
}

static inline int pci_read_config_dword(const struct pci_dev *pdev, int where,
					u32 *value)
{
	return pci_read_config_bytes(pdev, where, 4, value);
}

static inline int pcie_capability_read_word(const struct pci_dev *pdev, int where,
					    u16 *value)
{
	*value = 0;
	return pdev->pcie_cap ?
		pci_read_config_word(pdev, pdev->pcie_cap + where, value) : -EIO;
}

static inline int pcie_capability_read_dword(const struct pci_dev *pdev, int where,
					     u32 *value)
{
	*value = 0;
	return pdev->pcie_cap ?
		pci_read_config_dword(pdev, pdev->pcie_cap + where, value) : -EIO;
}

/* for <linux/dma-p2pdma.h> and <linux/pci-p2pdma.h>, whose inline functions go unused */

enum dma_data_direction {
	DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_NONE,
};

struct page;

struct scatterlist {
	unsigned int length;
	unsigned int dma_flags;
	dma_addr_t dma_address;
	unsigned int dma_length;
};

#define sg_dma_address(sg)		((sg)->dma_address)
#define sg_dma_len(sg)			((sg)->dma_length)

struct sg_table {
	struct scatterlist *sgl;
	unsigned int orig_nents;
};

#define sg_phys(sg)			((phys_addr_t)(sg)->length)
#define sg_is_chain(sg)			((void)(sg), false)
#define sg_chain_ptr(sg)		(sg)
#define is_pci_p2pdma_page(page)	((void)(page), false)
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define static_branch_unlikely(key)	(*(key))
#define _RET_IP_			0
#define SG_DMA_P2PDMA			BIT(3)

/* user space does not have the kernel's table of quirks */
#define pci_dev_specific_acs_enabled(pdev, flags)	((void)(pdev), -ENOTTY)

/* by model.c */
int pci_find_ext_capability(struct pci_dev *pdev, int id);
int pci_bus_read_config_word(struct pci_bus *bus, unsigned int devfn, int where, u16 *value);
int pci_bus_read_config_dword(struct pci_bus *bus, unsigned int devfn, int where, u32 *value);
bool shim_p2pdma_encrypted_guest(void);
bool shim_p2pdma_cpu_listed(void);
bool shim_p2pdma_is_guest(void);

#endif
