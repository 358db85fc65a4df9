/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be done about a route: remedies in order of safety, each with its cost,
 * the exact parameter, and the effect that it will have. They are those of
 * Documentation/admin-guide/p2pdma.rst, "Reasons and remedies", and a test compares
 * the two.
 */
#ifndef P2PDMA_REMEDY_H
#define P2PDMA_REMEDY_H

#include "machine.h"
#include "path.h"

/* What a remedy claims to bring about for a direction. */
enum effect {
	EFFECT_NONE,		/* nothing: it is about the other direction */
	EFFECT_BUS_ADDRESS,
	EFFECT_HOST_BRIDGE,
	EFFECT_REASON_GONE,	/* this reason will not be it; another may */
	EFFECT_REFUSAL_GONE,	/* not refused for it; it may be why it is not direct */
	EFFECT_REASON_MAY_GO,	/* perhaps; what it rests on cannot all be seen */
};

struct remedy {
	const char *name;	/* a word, for programs */
	char *what;
	const char *cost;	/* NULL: none to speak of */
	char *parameter;	/* of the kernel's command line, to add; or NULL */
	char *remove;		/* words of it to take away; or NULL */
	char *command;		/* the route is the same until the next boot; or NULL */
	enum effect effect[N_DIRECTIONS];
	const char *reason[N_DIRECTIONS];	/* that it is for; NULL without effect */
	bool behind;		/* for what the kernel's reason hides */
	bool optional;		/* the route works; this makes it shorter */
};

struct remedies {
	struct remedy *list;
	size_t n;
	bool other_policy;	/* in force is not that of the command line */
};

void remedies_find(const struct machine *m, const struct provider *provider,
		   const struct path *path, const struct route *route,
		   struct remedies *remedies);
void remedies_free(struct remedies *remedies);
/* "writes: bus-address; reads: host-bridge-untrusted no longer". To be freed. */
char *remedy_effect(const struct remedy *remedy);
/* The word of an effect, for programs. */
const char *effect_name(enum effect effect);
/* All reasons, with what remedies there are for each; for people. */
void remedies_print_all(unsigned int width);
void remedies_json_all(void);

#endif
