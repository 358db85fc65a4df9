/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says of memory that no driver has registered: lines "unregistered" of
 * /sys/kernel/debug/p2pdma/path. See Documentation/ABI/testing/debugfs-p2pdma.
 */
#ifndef P2PDMA_KERNELPATH_H
#define P2PDMA_KERNELPATH_H

#include "machine.h"

/*
 * Ask for a pair and a BAR of @provider; a negative one stands for any. False if the kernel
 * does not say: only root can ask.
 */
bool kernelpath_read(const struct dev *client, const struct dev *provider, int bar,
		     struct route *route);
/* The same of an answer; false if it is not of this pair, or has no such line. */
bool kernelpath_parse(const char *text, const char *client, const char *provider, int bar,
		      struct route *route);

#endif
