// SPDX-License-Identifier: GPL-2.0
/*
 * Address Translation Services: may a client send requests as translated?
 *
 * A function with ATS enabled may ask the IOMMU for the translation of any address that
 * it is given, and send requests with the answer, marked as translated.  It may also
 * send untranslated requests.  Only its driver can promise that a given address is used
 * untranslated.  ATS is switched on and off when a domain is attached, which makes no
 * route stale: the answer here is never cached.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/xarray.h>

#include "p2pdma.h"

/* Functions whose drivers use ATS per mapping only, by their address. */
static DEFINE_XARRAY(p2pdma_ats_per_mapping);

static unsigned long p2pdma_ats_key(struct pci_dev *pdev)
{
	/* Aligned to more than a word, so that neighbours share nodes of the tree. */
	return (unsigned long)pdev / sizeof(long);
}

static void p2pdma_ats_forget(void *pdev)
{
	xa_erase(&p2pdma_ats_per_mapping, p2pdma_ats_key(pdev));
}

/**
 * pcim_p2pdma_set_ats_per_mapping - promise to use ATS only where it is asked for
 * @pdev: the function; its driver is being probed or is bound
 *
 * For a driver that decides for each mapping whether the device asks for translations
 * of its addresses, and does not ask for those of PCI bus addresses.  Its mappings may
 * then get bus addresses although ATS is enabled.  The promise ends when the driver is
 * unbound.
 *
 * Context: may sleep.
 *
 * Return: 0; -ENOMEM.
 */
int pcim_p2pdma_set_ats_per_mapping(struct pci_dev *pdev)
{
	int ret;

	if (xa_load(&p2pdma_ats_per_mapping, p2pdma_ats_key(pdev)))
		return 0;
	ret = xa_err(xa_store(&p2pdma_ats_per_mapping, p2pdma_ats_key(pdev),
			      pdev, GFP_KERNEL));
	if (ret)
		return ret;
	return devm_add_action_or_reset(&pdev->dev, p2pdma_ats_forget, pdev);
}
EXPORT_SYMBOL_GPL(pcim_p2pdma_set_ats_per_mapping);

/**
 * p2pdma_ats - may a function send requests as translated?
 * @pdev: the function
 *
 * Context: any.
 *
 * Return: whether it may, as it is now.
 */
enum p2pdma_ats p2pdma_ats(struct pci_dev *pdev)
{
	if (!pdev->ats_enabled)
		return P2PDMA_ATS_OFF;
	return xa_load(&p2pdma_ats_per_mapping, p2pdma_ats_key(pdev)) ?
		       P2PDMA_ATS_PER_MAPPING : P2PDMA_ATS_ON;
}
