/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration space and names, by way of libpci; nothing else includes that. */
#ifndef P2PDMA_CONFIG_H
#define P2PDMA_CONFIG_H

struct dev;

/* @sysfs_pci is ".../sys/bus/pci"; @pci_ids is a file, or NULL for the system's. */
void config_open(const char *sysfs_pci, const char *pci_ids);
/* Fill in what configuration space tells of a function, and its label. */
void config_read(struct dev *dev);
void config_close(void);

#endif
