/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a rule looks at, struct situation, and what it makes of that, struct remedy; and
 * what several of the rules_*.c need.
 */
#ifndef P2PDMA_SITUATION_H
#define P2PDMA_SITUATION_H

#include "path.h"
#include "policy.h"

/* The bit of a reason in a set of them. */
#define R(reason)	BIT(REASON_##reason)

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

/* All that a remedy is made of. */
struct situation {
	const struct machine *m;
	const struct provider *provider;
	const struct path *path;
	const struct route *route;
	struct policy policy;	/* in force */
	struct boot_policy boot;
	enum direction dir;	/* the one that is looked at */
	bool behind;		/* at what the kernel's reason hides */
};

bool untranslated_guest(const struct situation *s);
/* Not all host bridges have bus addresses that are the CPU's, but most. */
bool mask_reaches(const struct situation *s);
/* Neither the policy nor what the client is forbids a direct route. */
bool direct_is_allowed(const struct situation *s);
/* Nothing that a boot option cannot take away keeps the route from being direct. */
bool only_acs_in_the_way(const struct situation *s);
/*
 * A mistake in one p2pdma= makes the mode off, and nothing of the others counts: this
 * tells what they would say without it. Not where the policy was set since.
 */
bool off_by_mistake(const struct situation *s);

bool is_above(const struct dev *common, const struct dev *dev);
bool not_decoding(const struct dev *dev);
/* Is a word on the kernel's command line, and not only part of another? */
bool on_command_line(const struct machine *m, const char *word);

void claim(struct remedy *remedy, const struct situation *s, enum effect effect);

void add_once(const char **names, size_t *n, const char *name);
char *commands_for(const char *form[2], const char **names, size_t n);

#endif
