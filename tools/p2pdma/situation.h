/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a rule is given, struct situation, what it makes of it, struct remedy, and
 * questions that several rules have.
 */
#ifndef P2PDMA_SITUATION_H
#define P2PDMA_SITUATION_H

#include "changes.h"
#include "path.h"
#include "policy.h"

/* The bit of a reason in a set of them. */
#define R(reason)	BIT(REASON_##reason)

/* What a remedy claims to bring about for a direction. */
enum effect {
	EFFECT_NONE,		/* it is for the other direction only */
	EFFECT_BUS_ADDRESS,
	EFFECT_HOST_BRIDGE,
	EFFECT_REASON_GONE,	/* no longer for this reason, but perhaps for another */
	EFFECT_REFUSAL_GONE,	/* no longer refused for this reason */
	EFFECT_REASON_MAY_GO,	/* perhaps as EFFECT_REASON_GONE: not all could be seen */
};

struct remedy {
	const char *name;	/* a word, for programs */
	char *what;
	const char *cost;	/* NULL: little */
	char *parameter;	/* of the kernel's command line, to add; or NULL */
	char *remove;		/* words to remove from it; or NULL */
	char *paths;		/* the parameter with paths in place of bus numbers; or NULL */
	char *command;		/* has the same effect on the route until the next boot; or NULL */
	char *policy;		/* the whole policy that the command makes active; or NULL */
	char *warning;		/* where the release or the boot option does more; or NULL */
	bool sets_acs;
	struct changes changes;	/* other pairs, if it sets ACS */
	enum effect effect[N_DIRECTIONS];
	const char *reason[N_DIRECTIONS];	/* that it is for; NULL without effect */
	bool hidden;		/* for an obstacle that the kernel's reason hides */
	bool optional;		/* the route works; this makes it shorter */
};

/* A pair, and the direction that a remedy is wanted for. */
struct situation {
	const struct machine *m;
	const struct provider *provider;
	const struct path *path;
	const struct route *route;
	struct policy policy;	/* the active one */
	struct boot_policy boot;
	enum direction dir;	/* the direction */
	bool hidden;		/* wanted for an obstacle that the kernel's reason hides */
};

/* No virtual IOMMU translates for the client. */
bool no_virtual_iommu(const struct situation *s);
/*
 * Does the client's DMA mask reach to the end of the BAR? Taken from CPU addresses,
 * which are the bus addresses below most host bridges.
 */
bool mask_reaches(const struct situation *s);
/*
 * Does nothing say that the two, functions of one device, reach each other inside it: neither
 * P2P Request Redirect nor loopback= of the policy?
 */
bool unproven(const struct situation *s);
/* Nothing but the fabric may keep the route from being direct. */
bool direct_is_allowed(const struct situation *s);
/*
 * Can boot options make the route direct? Then nothing but ACS, a virtual IOMMU, deny= or
 * the mode off is in the way.
 */
bool only_acs_in_the_way(const struct situation *s);
/*
 * Is the mode off because of a mistake in a p2pdma= of the command line? With one, the
 * kernel ignores all of them. False if the policy was set to another mode since.
 */
bool off_by_mistake(const struct situation *s);

/* Is @dev the port @common, or above it? */
bool is_above(const struct dev *common, const struct dev *dev);
/* Memory decoding is known to be off. */
bool not_decoding(const struct dev *dev);
/* Is @word a whole word of the kernel's command line? */
bool on_command_line(const struct machine *m, const char *word);

/* Say that the remedy has @effect, in the direction that is looked at. */
void claim(struct remedy *remedy, const struct situation *s, enum effect effect);

/* A list of PCI addresses without repetition; the array has room. */
void add_once(const char **names, size_t *n, const char *name);
/* The command @form[0] ADDRESS @form[1] for each, with "; " between; to be freed. */
char *commands_for(const char *form[2], const char **names, size_t n);

#endif
