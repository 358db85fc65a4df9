/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules: each remedy with its text and cost, the reasons that it is for, and a
 * function that fits it to a pair.
 */
#ifndef P2PDMA_RULES_H
#define P2PDMA_RULES_H

#include "situation.h"

/*
 * A remedy for the reasons in @reasons. Where the route is refused @apply decides
 * whether it is of use, and fills in parameter, command and effect; where @shortens
 * it is offered as well for a route through the host bridge.
 */
struct rule {
	const char *name;
	unsigned long reasons;
	bool shortens;
	const char *what;
	const char *cost;
	const char *form;	/* of the parameter, for the list of all */
	bool (*apply)(const struct situation *s, struct remedy *remedy);
};

/* In order of safety. */
extern const struct rule rules[];
extern const size_t n_rules;

#endif
