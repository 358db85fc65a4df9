/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration space and device labels. Only config.c includes libpci. */
#ifndef P2PDMA_CONFIG_H
#define P2PDMA_CONFIG_H

struct dev;

/* @sysfs_pci is ".../sys/bus/pci"; @pci_ids is a file, or NULL for the system's. */
void config_open(const char *sysfs_pci, const char *pci_ids);
/* Fill in the label, and what configuration space has of the function. */
void config_read(struct dev *dev);
void config_close(void);

#endif
