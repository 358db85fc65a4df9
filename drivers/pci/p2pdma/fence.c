// SPDX-License-Identifier: GPL-2.0
/*
 * The fence: CPU access to the peer memory in a scatterlist.
 *
 * Peer memory with struct pages has an uncached kernel mapping, but memcpy() must not
 * be used on it: on some architectures string functions use accesses that fault on
 * memory other than RAM.  Peer memory without struct pages has no kernel mapping, and
 * a pointer to its struct page must not be followed.
 *
 * So the helpers that copy and fill use I/O accessors on memory with pages, and stop
 * at memory without.  sg_miter, which hands out pointers, stops at both, and names
 * its caller in the log.  Nothing here is called before there has been a provider.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "p2pdma.h"

/**
 * p2pdma_io_read - copy from the kernel mapping of peer memory
 * @to: RAM
 * @from: kernel address of peer memory
 * @len: bytes
 *
 * Context: any.
 */
void p2pdma_io_read(void *to, const void *from, size_t len)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_io_read, to, from, len);
	memcpy_fromio(to, (const void __iomem __force *)from, len);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_io_read);

/**
 * p2pdma_io_write - copy to the kernel mapping of peer memory
 * @to: kernel address of peer memory
 * @from: RAM
 * @len: bytes
 *
 * Context: any.
 */
void p2pdma_io_write(void *to, const void *from, size_t len)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_io_write, to, from, len);
	memcpy_toio((void __iomem __force *)to, from, len);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_io_write);

/**
 * p2pdma_io_zero - fill peer memory with zeros, through its kernel mapping
 * @to: kernel address of peer memory
 * @len: bytes
 *
 * Context: any.
 */
void p2pdma_io_zero(void *to, size_t len)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_io_zero, to, len);
	memset_io((void __iomem __force *)to, 0, len);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_io_zero);

/**
 * p2pdma_miter_warn - warn once of a caller that iterates over peer memory
 * @provider: whose memory
 * @caller: who called sg_miter_next()
 *
 * Context: any.
 */
void p2pdma_miter_warn(struct p2pdma_provider *provider, unsigned long caller)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_miter_warn, provider, caller);
	dev_WARN_ONCE(provider->owner, 1,
		      "%pS iterates over peer memory of this device with sg_miter; stopped. Use sg_copy_buffer() and its like\n",
		      (void *)caller);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_miter_warn);

/**
 * p2pdma_virt_warn - warn once of a caller that takes the address of peer memory
 * @provider: whose memory
 * @caller: who called sg_virt()
 *
 * Context: any.
 */
void p2pdma_virt_warn(struct p2pdma_provider *provider, unsigned long caller)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_virt_warn, provider, caller);
	dev_WARN_ONCE(provider->owner, 1,
		      "%pS takes the address of peer memory of this device with sg_virt(). Use sg_copy_buffer() and its like\n",
		      (void *)caller);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_virt_warn);

/**
 * p2pdma_touched - whose memory is a range, be it only in part?
 * @cursor: the loop's cursor; afterwards it holds the whole range, or not if only a
 *	part of it is the provider's
 * @phys: CPU physical address
 * @size: length in bytes
 *
 * Context: any.
 *
 * Return: the provider, or NULL if all of it is RAM.
 */
struct p2pdma_provider *p2pdma_touched(struct pci_p2pdma_cursor *cursor,
				       phys_addr_t phys, size_t size)
{
	if (likely(pci_p2pdma_cursor_holds(cursor, phys, size)))
		return cursor->provider;

	__pci_p2pdma_cursor_move(cursor, phys);
	/* It begins in a gap, and ends in the range that follows. */
	if (!cursor->provider && !pci_p2pdma_cursor_holds(cursor, phys, size))
		__pci_p2pdma_cursor_move(cursor, cursor->start + cursor->size);
	return cursor->provider;
}

/* Peer memory has a kernel mapping if and only if it has struct pages. */
static bool p2pdma_has_kernel_mapping(phys_addr_t phys)
{
	unsigned long pfn = PHYS_PFN(phys);

	return pfn_valid(pfn) && is_pci_p2pdma_page(pfn_to_page(pfn));
}

/* These get only pages that sg_miter_next() has handed out, so there is a mapping. */

void __pci_p2pdma_copy_from_page(void *to, const void *from, size_t len,
				 struct page *page)
{
	if (is_pci_p2pdma_page(page))
		p2pdma_io_read(to, from, len);
	else
		memcpy(to, from, len);
}

void __pci_p2pdma_copy_to_page(void *to, const void *from, size_t len,
			       struct page *page)
{
	if (is_pci_p2pdma_page(page))
		p2pdma_io_write(to, from, len);
	else
		memcpy(to, from, len);
}

void __pci_p2pdma_zero_page(void *to, size_t len, struct page *page)
{
	if (is_pci_p2pdma_page(page))
		p2pdma_io_zero(to, len);
	else
		memset(to, 0, len);
}

bool __pci_p2pdma_miter_stops(struct sg_mapping_iter *miter,
			      unsigned long caller)
{
	phys_addr_t phys = page_to_phys(sg_page_iter_page(&miter->piter)) +
			   miter->__offset;
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_provider *provider;

	provider = p2pdma_touched(&cursor, phys, miter->__remaining);
	if (!provider)
		return false;
	if (miter->__flags & SG_MITER_P2PDMA)
		return !pci_p2pdma_cursor_holds(&cursor, phys,
						miter->__remaining) ||
		       !p2pdma_has_kernel_mapping(phys);

	p2pdma_miter_warn(provider, caller);
	return true;
}

void __pci_p2pdma_check_virt(struct scatterlist *sg)
{
	struct pci_p2pdma_cursor cursor = {};
	struct p2pdma_provider *provider;

	if (!pci_p2pdma_in_use())
		return;
	provider = p2pdma_touched(&cursor, sg_phys(sg), sg->length);
	if (provider)
		p2pdma_virt_warn(provider, _RET_IP_);
}
EXPORT_SYMBOL(__pci_p2pdma_check_virt);
