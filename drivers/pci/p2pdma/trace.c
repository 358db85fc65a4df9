// SPDX-License-Identifier: GPL-2.0
/*
 * Where the tracepoints are.
 */
#include <linux/export.h>
#include <linux/pci.h>

#include "p2pdma.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
