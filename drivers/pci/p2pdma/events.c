// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what makes routes stale, beside a new policy.
 *
 * Configuration writes, BARs that get another address, and functions that come and
 * go.  Each is passed on to the parts that remember something of a function.
 */
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/pci.h>

#include "../pci.h"
#include "p2pdma.h"

/**
 * pci_p2pdma_config_written - configuration space has been written
 * @where: first register
 * @size: bytes
 *
 * Makes routes stale if they may rest on the registers: COMMAND; from the first BAR up
 * to the capability pointer, where bridges have bus numbers and windows; and all of
 * extended configuration space, where ACS and SR-IOV are at a place that depends on the
 * function, which is not known here.
 *
 * Context: any.
 */
void pci_p2pdma_config_written(int where, int size)
{
	if (where >= PCI_CFG_SPACE_SIZE ||
	    (where < PCI_COMMAND + 2 && where + size > PCI_COMMAND) ||
	    (where < PCI_CAPABILITY_LIST && where + size > PCI_BASE_ADDRESS_0))
		p2pdma_invalidate(P2PDMA_BY_CONFIG_WRITE);
}

/**
 * pci_p2pdma_bars_changed - a function's BARs have been given addresses
 * @pdev: the function; its resources have their new addresses
 *
 * Context: may sleep.  The caller keeps @pdev from being removed.
 */
void pci_p2pdma_bars_changed(struct pci_dev *pdev)
{
	if (p2pdma_bars_update(pdev))
		p2pdma_cache_forget_device(&pdev->dev);
}

static int p2pdma_bus_notify(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	struct device *dev = data;
	struct pci_dev *pdev = to_pci_dev(dev);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		p2pdma_policy_device_changed(pdev);
		pci_p2pdma_bars_changed(pdev);
		p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
		break;
	case BUS_NOTIFY_DEL_DEVICE:
		p2pdma_bars_remove(pdev);
		p2pdma_invalidate(P2PDMA_BY_DEVICE_GOING);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		p2pdma_bars_remove(pdev);
		p2pdma_policy_device_changed(pdev);
		p2pdma_cache_forget_device(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block p2pdma_bus_notifier = {
	.notifier_call = p2pdma_bus_notify,
};

static int __init p2pdma_events_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &p2pdma_bus_notifier);
	if (ret)
		return ret;
	for_each_pci_dev(pdev)
		pci_p2pdma_bars_changed(pdev);
	return 0;
}
arch_initcall(p2pdma_events_init);
