/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules: each remedy with its text and cost, the reasons that it is for, and the
 * function that fits it to a pair.
 */
#ifndef P2PDMA_RULES_H
#define P2PDMA_RULES_H

#include "situation.h"

/*
 * A remedy for @reasons. It is offered for a refused route or, with @shortens, also for
 * one through the host bridge, if @apply returns true: the remedy is of use for the pair.
 * @apply fills in parameter, command and effect.
 */
struct rule {
	const char *name;
	unsigned long reasons;
	bool shortens;
	const char *what;
	const char *cost;
	const char *form;	/* of the parameter or command, for route --reasons */
	bool (*apply)(const struct situation *s, struct remedy *remedy);
};

/* In order of safety. */
extern const struct rule rules[];
extern const size_t n_rules;

#endif
