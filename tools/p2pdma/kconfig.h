/* SPDX-License-Identifier: GPL-2.0 */
/* Options that the kernel was built with. */
#ifndef P2PDMA_KCONFIG_H
#define P2PDMA_KCONFIG_H

#include "machine.h"

enum kconfig {
	KCONFIG_UNKNOWN,	/* there is no /boot/config-RELEASE */
	KCONFIG_OFF,
	KCONFIG_ON,		/* built in, or a module */
};

/* @option is the whole name, CONFIG_PCI_P2PDMA. */
enum kconfig kconfig(const struct machine *m, const char *option);
/* All lines of /boot/config-RELEASE; NULL if it cannot be read. To be freed. */
char *kconfig_text(const struct machine *m);

#endif
