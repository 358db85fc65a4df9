// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what makes routes stale, beside a new policy.
 *
 * Configuration writes, power states, BARs that get another address, and functions that
 * come and go.  Each is passed on to the parts that
 * remember something of a function.
 */
#include <linux/init.h>
#include <linux/memory.h>
#include <linux/notifier.h>
#include <linux/pci.h>

#include "../pci.h"
#include "p2pdma.h"

/**
 * pci_p2pdma_config_written - configuration space has been written
 * @bus: bus of the function
 * @devfn: its number on the bus
 * @where: offset of the first byte
 * @size: bytes
 * @value: what was written
 *
 * Context: any.
 */
void pci_p2pdma_config_written(struct pci_bus *bus, unsigned int devfn,
			       int where, int size, u32 value)
{
	p2pdma_watch_written(bus, devfn, where, size, value);
}

/**
 * pci_p2pdma_power_changed - a function has another power state, or its link has failed
 * @pdev: the function
 *
 * Context: any.
 */
void pci_p2pdma_power_changed(struct pci_dev *pdev)
{
	/* The new state before the watch; pairs with p2pdma_cache_decide(). */
	smp_mb();
	if (p2pdma_watched(pdev))
		p2pdma_invalidate(P2PDMA_BY_POWER);
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

/**
 * pci_p2pdma_windows_gone - windows are being taken down, and are not found any more
 *
 * By then nothing is mapped in them; what is stored of a route may still point there.
 *
 * Context: any.
 */
void pci_p2pdma_windows_gone(void)
{
	p2pdma_invalidate(P2PDMA_BY_DEVICE_GOING);
}

/**
 * pci_p2pdma_release - forget a function that is being freed
 * @pdev: the function
 *
 * Context: any.
 */
void pci_p2pdma_release(struct pci_dev *pdev)
{
	p2pdma_watch_end(pdev);
	p2pdma_cache_release(pdev);
}

/**
 * pci_p2pdma_drain - the driver of a function is about to be unbound
 * @pdev: the function
 *
 * The driver will reset the hardware, and transfers of others into its memory would then
 * report success and arrive nowhere.  So new mappings, look-ups and allocations are
 * refused from here on, and the function is not published any more; and what user space
 * has of its pool is taken away, see p2pdma_pool_drain().
 *
 * Context: may sleep; before the driver's remove(), with the device locked.
 */
void pci_p2pdma_drain(struct pci_dev *pdev)
{
	if (p2pdma_begin_drain(pdev))
		p2pdma_pool_drain(pdev);
}

static int p2pdma_bus_notify(struct notifier_block *nb, unsigned long action,
			     void *data)
{
	struct device *dev = data;
	struct pci_dev *pdev = to_pci_dev(dev);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		p2pdma_bridge_function_added(pdev);
		p2pdma_policy_device_changed(pdev);
		pci_p2pdma_bars_changed(pdev);
		p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
		break;
	case BUS_NOTIFY_UNBOUND_DRIVER:
		dma_p2pdma_client_unbound(dev);
		break;
	case BUS_NOTIFY_DEL_DEVICE:
		/* It may have had no driver when it mapped. */
		dma_p2pdma_client_unbound(dev);
		p2pdma_bars_remove(pdev);
		p2pdma_invalidate(P2PDMA_BY_DEVICE_GOING);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		p2pdma_bars_remove(pdev);
		p2pdma_policy_device_changed(pdev);
		p2pdma_cache_forget_device(dev);
		p2pdma_watch_end(pdev);
		p2pdma_bridge_function_removed(pdev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block p2pdma_bus_notifier = {
	.notifier_call = p2pdma_bus_notify,
};

/* A bus address that was that of no RAM may be that of RAM now. */
static int p2pdma_memory_notify(struct notifier_block *nb, unsigned long action,
				void *data)
{
	if (action == MEM_GOING_ONLINE)
		p2pdma_invalidate(P2PDMA_BY_DEVICE_ADDED);
	return NOTIFY_DONE;
}

static int __init p2pdma_events_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &p2pdma_bus_notifier) ?:
	      hotplug_memory_notifier(p2pdma_memory_notify,
				      DEFAULT_CALLBACK_PRI);
	if (ret)
		return ret;
	for_each_pci_dev(pdev) {
		p2pdma_bridge_function_added(pdev);
		pci_p2pdma_bars_changed(pdev);
	}
	return 0;
}
arch_initcall(p2pdma_events_init);
