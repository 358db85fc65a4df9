/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the PCI core tells the P2PDMA core.
 */
#ifndef DRIVERS_PCI_P2PDMA_HOOKS_H
#define DRIVERS_PCI_P2PDMA_HOOKS_H

#include <linux/cleanup.h>
#include <linux/pci.h>

#ifdef CONFIG_PCI_P2PDMA_CORE
void pci_p2pdma_config_written(struct pci_bus *bus, unsigned int devfn,
			       int where, int size, u32 value);
void pci_p2pdma_bars_changed(struct pci_dev *pdev);
void pci_p2pdma_power_changed(struct pci_dev *pdev);
void pci_p2pdma_drain(struct pci_dev *pdev);
void pci_p2pdma_release(struct pci_dev *pdev);
extern const struct attribute_group pci_p2pdma_routes_group;
#else
static inline void pci_p2pdma_config_written(struct pci_bus *bus,
					     unsigned int devfn, int where,
					     int size, u32 value) { }
static inline void pci_p2pdma_bars_changed(struct pci_dev *pdev) { }
static inline void pci_p2pdma_power_changed(struct pci_dev *pdev) { }
static inline void pci_p2pdma_drain(struct pci_dev *pdev) { }
static inline void pci_p2pdma_release(struct pci_dev *pdev) { }
#endif

/**
 * struct pci_p2pdma_power - a function's power state and link, before a change
 * @pdev: the function
 * @power: its power state
 * @channel: state of its link
 */
struct pci_p2pdma_power {
	struct pci_dev *pdev;
	pci_power_t power;
	pci_channel_state_t channel;
};

static inline struct pci_p2pdma_power pci_p2pdma_power_begin(struct pci_dev *pdev)
{
	return (struct pci_p2pdma_power) {
		.pdev = pdev,
		.power = pdev->current_state,
		.channel = READ_ONCE(pdev->error_state),
	};
}

static inline void pci_p2pdma_power_end(const struct pci_p2pdma_power *before)
{
	struct pci_dev *pdev = before->pdev;

	if (before->power != pdev->current_state ||
	    before->channel != READ_ONCE(pdev->error_state))
		pci_p2pdma_power_changed(pdev);
}

/*
 * CLASS(pci_p2pdma_power, name)(pdev) in a function that changes the state: reports at
 * its end that there is another, however it returns.
 */
DEFINE_CLASS(pci_p2pdma_power, struct pci_p2pdma_power,
	     pci_p2pdma_power_end(&_T), pci_p2pdma_power_begin(pdev),
	     struct pci_dev *pdev)

#endif /* DRIVERS_PCI_P2PDMA_HOOKS_H */
