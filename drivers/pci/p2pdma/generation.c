// SPDX-License-Identifier: GPL-2.0
/*
 * The generation: how often what routes rest on has changed, and why.
 *
 * A result that rests on topology, ACS or policy is stamped with the generation that
 * was read before anything else was looked at, and is valid while that is the
 * current one.  Whatever changes topology, ACS or policy calls p2pdma_invalidate()
 * afterwards.
 */
#include <kunit/visibility.h>
#include <linux/atomic.h>

#include "p2pdma.h"
#include "trace.h"

atomic_t p2pdma_current = ATOMIC_INIT(0);
EXPORT_SYMBOL_IF_KUNIT(p2pdma_current);

static atomic_long_t p2pdma_causes[P2PDMA_NR_CAUSES];

static const char * const p2pdma_cause_names[P2PDMA_NR_CAUSES] = {
	[P2PDMA_BY_CONFIG_WRITE]	= "config-write",
	[P2PDMA_BY_POLICY]		= "policy",
	[P2PDMA_BY_DEVICE_ADDED]	= "device-added",
	[P2PDMA_BY_DEVICE_GOING]	= "device-going",
	[P2PDMA_BY_DEVICE_REMOVED]	= "device-removed",
	[P2PDMA_BY_PROVIDER_GOING]	= "provider-going",
	[P2PDMA_BY_PROVIDER_REMOVED]	= "provider-removed",
	[P2PDMA_BY_POWER]		= "power",
};

/**
 * p2pdma_cause_name - the word for a cause
 * @cause: why routes became stale
 *
 * Return: the word, as debugfs shows it.
 */
const char *p2pdma_cause_name(enum p2pdma_cause cause)
{
	return p2pdma_cause_names[cause];
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_cause_name);

/**
 * p2pdma_invalidate - make every route cache entry stale
 * @cause: what has changed
 *
 * Call it after the change.
 *
 * Context: any.
 */
void p2pdma_invalidate(enum p2pdma_cause cause)
{
	int generation;

	/*
	 * Fully ordered: a reader that sees the new generation in
	 * p2pdma_generation() also sees the change.
	 */
	generation = atomic_inc_return(&p2pdma_current);
	atomic_long_inc(&p2pdma_causes[cause]);
	trace_p2pdma_invalidate(cause, generation);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_invalidate);

/**
 * p2pdma_invalidations - how often p2pdma_invalidate() was called
 * @cause: for this cause
 *
 * Return: the number, since boot.
 */
unsigned long p2pdma_invalidations(enum p2pdma_cause cause)
{
	return atomic_long_read(&p2pdma_causes[cause]);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_invalidations);
