// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the route decision and of ACS at the divergence, as tables.
 *
 * The decision is held against a second writing of the design's table: rows of a
 * condition, a verdict and a reason, of which the first whose condition holds
 * counts.  All combinations of facts are tried, so that every row and every order
 * of two rows is met.  The rows of the table are also spelled out one by one, with
 * the facts that a reader of the design would give for them.
 *
 * Nothing here touches a device.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/module.h>
#include <linux/pci_regs.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"

#define OBSTACLE(name) BIT(PCI_P2PDMA_##name)

/* What keeps a route from being direct, in the order in which it is named. */
static const struct {
	enum pci_p2pdma_reason reason;
	const char *name;
} obstacles[] = {
	{ PCI_P2PDMA_NO_COMMON_PORT,	"no-common-port" },
	{ PCI_P2PDMA_CONVENTIONAL_PCI,	"conventional-pci" },
	{ PCI_P2PDMA_UNTRUSTED_CLIENT,	"untrusted-client" },
	{ PCI_P2PDMA_VIRTUALISED,	"virtualised" },
	{ PCI_P2PDMA_ACS_REQUEST,	"acs-request" },
	{ PCI_P2PDMA_ACS_COMPLETION,	"acs-completion" },
	{ PCI_P2PDMA_MULTIFUNCTION,	"multifunction" },
	{ PCI_P2PDMA_DMA_MASK,		"dma-mask" },
};

#define OBSTACLE_SETS	BIT(ARRAY_SIZE(obstacles))

/* Bit i of @set stands for the obstacle i. */
static unsigned long obstacle_mask(unsigned int set)
{
	unsigned long mask = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++)
		if (set & BIT(i))
			mask |= BIT(obstacles[i].reason);
	return mask;
}

static enum pci_p2pdma_reason first_obstacle(unsigned long mask)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++)
		if (mask & BIT(obstacles[i].reason))
			return obstacles[i].reason;
	return PCI_P2PDMA_NR_REASONS;
}

/*
 * The rows of the table, one by one.
 */

struct decide_case {
	const char *name;
	struct p2pdma_facts facts;
	enum pci_p2pdma_map_type type;
	enum pci_p2pdma_reason reason;
};

#define REFUSED	PCI_P2PDMA_MAP_NOT_SUPPORTED
#define DIRECT	PCI_P2PDMA_MAP_BUS_ADDR
#define BRIDGED	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE

static const struct decide_case decide_cases[] = {
	{
		.name = "row 1: mode off",
		.facts = { .mode = P2PDMA_OFF, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_OFF,
	}, {
		.name = "row 1: mode off, the client's own memory",
		.facts = { .mode = P2PDMA_OFF, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_OFF,
	}, {
		.name = "row 2: denied",
		.facts = { .denied = true, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_DENIED,
	}, {
		.name = "row 2: denied, the client's own memory",
		.facts = { .denied = true, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_DENIED,
	}, {
		.name = "row 3: not a PCI function",
		.facts = { .not_pci = true, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_NOT_PCI,
	}, {
		.name = "row 4: provider cannot be reached",
		.facts = { .unreachable = true, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_PROVIDER_UNREACHABLE,
	}, {
		.name = "row 4: the client's own memory cannot be reached",
		.facts = { .unreachable = true, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_PROVIDER_UNREACHABLE,
	}, {
		.name = "row 5: must bounce",
		.facts = { .must_bounce = true, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_MUST_BOUNCE,
	}, {
		.name = "row 5: must bounce, the client's own memory",
		.facts = { .must_bounce = true, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_MUST_BOUNCE,
	}, {
		.name = "row 5: no DMA at all",
		.facts = { .no_dma = true, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_UNMAPPABLE,
	}, {
		.name = "row 5: no DMA at all, the client's own memory",
		.facts = { .no_dma = true, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_UNMAPPABLE,
	}, {
		.name = "row 6: same function",
		.facts = { .same_function = true },
		.type = DIRECT, .reason = PCI_P2PDMA_SAME_FUNCTION,
	}, {
		.name = "row 6: same function, mode switch",
		.facts = { .mode = P2PDMA_SWITCH, .same_function = true },
		.type = DIRECT, .reason = PCI_P2PDMA_SAME_FUNCTION,
	}, {
		.name = "row 6: same function, mode host",
		.facts = { .mode = P2PDMA_HOST, .same_function = true },
		.type = DIRECT, .reason = PCI_P2PDMA_SAME_FUNCTION,
	}, {
		.name = "row 6: same function, translated",
		.facts = { .same_function = true, .translated = true },
		.type = DIRECT, .reason = PCI_P2PDMA_SAME_FUNCTION,
	}, {
		/* Section 5: the mask is checked for every bus address. */
		.name = "row 6: same function, beyond the mask",
		.facts = {
			.same_function = true, .trusted = true,
			.obstacles = OBSTACLE(DMA_MASK),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_DMA_MASK,
	}, {
		.name = "row 7: direct",
		.facts = { .mode = P2PDMA_AUTO, .crosses = true },
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 7: direct, mode switch",
		.facts = { .mode = P2PDMA_SWITCH, .crosses = true },
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 7: direct, translated, bridge trusted",
		.facts = {
			.crosses = true, .translated = true, .trusted = true,
		},
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 8: mode switch, not direct, bridge trusted",
		.facts = {
			.mode = P2PDMA_SWITCH, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_SWITCH,
	}, {
		.name = "row 9: mode host, untranslated, crosses",
		.facts = {
			.mode = P2PDMA_HOST, .crosses = true, .trusted = true,
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 9: untrusted client, untranslated, crosses",
		.facts = {
			.crosses = true, .trusted = true,
			.obstacles = OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_UNTRUSTED_CLIENT,
	}, {
		.name = "row 9: untrusted client under mode host",
		.facts = {
			.mode = P2PDMA_HOST, .crosses = true, .trusted = true,
			.obstacles = OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 10: untranslated, lost on its way",
		.facts = {
			.blocked = true, .trusted = true,
			.obstacles = OBSTACLE(ACS_REQUEST),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 10: untranslated, beyond the mask",
		.facts = {
			.host_mask = true, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_DMA_MASK,
	}, {
		/* A completion comes back by requester ID, translated or not. */
		.name = "row 10: translated, completion lost",
		.facts = {
			.stuck = true, .translated = true, .trusted = true,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 11: untranslated, lost only if it were translated",
		.facts = {
			.stuck = true, .crosses = true, .trusted = true,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_ACS_COMPLETION,
	}, {
		.name = "row 10: nothing maps it through the host bridge",
		.facts = {
			.no_host = true, .translated = true, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_UNMAPPABLE,
	}, {
		.name = "row 6: an address alone, and an unmap could not tell",
		.facts = { .same_function = true, .bus_unknown = true },
		.type = REFUSED, .reason = PCI_P2PDMA_WINDOW_UNRESERVED,
	}, {
		.name = "row 7: an address alone, and an unmap could not tell",
		.facts = {
			.crosses = true, .bus_unknown = true, .trusted = true,
			.translated = true,
		},
		.type = REFUSED, .reason = PCI_P2PDMA_WINDOW_UNRESERVED,
	}, {
		.name = "row 11: through the host bridge it can always tell",
		.facts = {
			.bus_unknown = true, .trusted = true, .translated = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_NO_COMMON_PORT,
	}, {
		.name = "row 7: direct, so that no host bridge is needed",
		.facts = {
			.crosses = true, .no_host = true, .stuck = true,
			.host_mask = true,
		},
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 11: translated, egress control does not matter",
		.facts = {
			.blocked = true, .translated = true, .trusted = true,
			.obstacles = OBSTACLE(ACS_REQUEST),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_ACS_REQUEST,
	}, {
		.name = "row 11: translated, the mask does not matter",
		.facts = {
			.host_mask = true, .translated = true, .trusted = true,
			.obstacles = OBSTACLE(DMA_MASK),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_DMA_MASK,
	}, {
		.name = "row 11: translated, untrusted client",
		.facts = {
			.crosses = true, .translated = true, .trusted = true,
			.obstacles = OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_UNTRUSTED_CLIENT,
	}, {
		.name = "row 11: untrusted client that does not cross",
		.facts = {
			.trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT) |
				     OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_NO_COMMON_PORT,
	}, {
		.name = "row 11: mode host, translated",
		.facts = {
			.mode = P2PDMA_HOST, .crosses = true,
			.translated = true, .trusted = true,
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 11: mode host, untranslated, redirected",
		.facts = {
			.mode = P2PDMA_HOST, .trusted = true,
			.obstacles = OBSTACLE(ACS_REQUEST),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_ACS_REQUEST,
	}, {
		.name = "row 12: bridge not trusted",
		.facts = { .obstacles = OBSTACLE(NO_COMMON_PORT) },
		.type = REFUSED, .reason = PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,
	}, {
		.name = "row 12: bridge not trusted, mode host, translated",
		.facts = {
			.mode = P2PDMA_HOST, .crosses = true,
			.translated = true,
		},
		.type = REFUSED, .reason = PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,
	},
};

KUNIT_ARRAY_PARAM_DESC(decide, decide_cases, name);

static void decide_row(struct kunit *test)
{
	const struct decide_case *param = test->param_value;
	enum pci_p2pdma_map_type type = PCI_P2PDMA_MAP_UNKNOWN;
	enum pci_p2pdma_reason reason = p2pdma_decide(&param->facts, &type);

	KUNIT_EXPECT_STREQ(test, pci_p2pdma_map_type_name(type),
			   pci_p2pdma_map_type_name(param->type));
	KUNIT_EXPECT_EQ(test, type, param->type);
	KUNIT_EXPECT_STREQ(test, pci_p2pdma_reason_name(reason),
			   pci_p2pdma_reason_name(param->reason));
}

/* Each obstacle alone is enough, and is the reason of what becomes of it. */
static void decide_single_obstacle(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++) {
		struct p2pdma_facts facts = {
			.obstacles = BIT(obstacles[i].reason),
			.translated = true,
			.trusted = true,
		};
		enum pci_p2pdma_map_type type;

		KUNIT_EXPECT_EQ_MSG(test, p2pdma_decide(&facts, &type),
				    obstacles[i].reason, "%s",
				    obstacles[i].name);
		KUNIT_EXPECT_EQ_MSG(test, type, BRIDGED, "%s",
				    obstacles[i].name);

		facts.trusted = false;
		KUNIT_EXPECT_EQ_MSG(test, p2pdma_decide(&facts, &type),
				    PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED, "%s",
				    obstacles[i].name);
		KUNIT_EXPECT_EQ_MSG(test, type, REFUSED, "%s",
				    obstacles[i].name);
	}
}

/* Of two obstacles, the one that the design names first is the reason. */
static void decide_obstacle_order(struct kunit *test)
{
	int i, j;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++) {
		for (j = i + 1; j < ARRAY_SIZE(obstacles); j++) {
			struct p2pdma_facts facts = {
				.obstacles = BIT(obstacles[i].reason) |
					     BIT(obstacles[j].reason),
				.translated = true,
				.trusted = true,
			};
			enum pci_p2pdma_map_type type;

			KUNIT_EXPECT_EQ_MSG(test, p2pdma_decide(&facts, &type),
					    obstacles[i].reason, "%s and %s",
					    obstacles[i].name,
					    obstacles[j].name);
		}
	}
}

/* A reason that is no obstacle does not become one by standing among them. */
static void decide_bits_that_are_no_obstacle(struct kunit *test)
{
	int reason;

	for (reason = 0; reason < PCI_P2PDMA_NR_REASONS; reason++) {
		struct p2pdma_facts facts = { .obstacles = BIT(reason) };
		enum pci_p2pdma_map_type type;

		if (facts.obstacles & obstacle_mask(OBSTACLE_SETS - 1))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, p2pdma_decide(&facts, &type),
				    PCI_P2PDMA_DIRECT, "%s",
				    pci_p2pdma_reason_name(reason));
		KUNIT_EXPECT_EQ_MSG(test, type, DIRECT, "%s",
				    pci_p2pdma_reason_name(reason));
	}
}

/*
 * The table once more, whole.
 */

static bool row_mode_off(const struct p2pdma_facts *f)
{
	return f->mode == P2PDMA_OFF;
}

static bool row_denied(const struct p2pdma_facts *f)
{
	return f->denied;
}

static bool row_not_pci(const struct p2pdma_facts *f)
{
	return f->not_pci;
}

static bool row_unreachable(const struct p2pdma_facts *f)
{
	return f->unreachable;
}

static bool row_must_bounce(const struct p2pdma_facts *f)
{
	return f->must_bounce;
}

static bool row_own_memory_beyond_mask(const struct p2pdma_facts *f)
{
	return f->same_function && (f->obstacles & OBSTACLE(DMA_MASK));
}

static bool row_own_memory(const struct p2pdma_facts *f)
{
	return f->same_function;
}

static bool row_own_memory_untold(const struct p2pdma_facts *f)
{
	return f->same_function && f->bus_unknown;
}

static bool row_direct(const struct p2pdma_facts *f)
{
	return f->mode != P2PDMA_HOST &&
	       first_obstacle(f->obstacles) == PCI_P2PDMA_NR_REASONS;
}

static bool row_direct_untold(const struct p2pdma_facts *f)
{
	return row_direct(f) && f->bus_unknown;
}

static bool row_mode_switch(const struct p2pdma_facts *f)
{
	return f->mode == P2PDMA_SWITCH;
}

static bool row_crosses_under_host(const struct p2pdma_facts *f)
{
	return !f->translated && f->crosses && f->mode == P2PDMA_HOST;
}

static bool row_crosses_untrusted(const struct p2pdma_facts *f)
{
	return !f->translated && f->crosses &&
	       (f->obstacles & OBSTACLE(UNTRUSTED_CLIENT));
}

static bool row_blocked(const struct p2pdma_facts *f)
{
	return !f->translated && f->blocked;
}

static bool row_beyond_host_mask(const struct p2pdma_facts *f)
{
	return !f->translated && f->host_mask;
}

static bool row_stuck(const struct p2pdma_facts *f)
{
	return f->translated && f->stuck;
}

static bool row_no_dma(const struct p2pdma_facts *f)
{
	return f->no_dma;
}

static bool row_no_host(const struct p2pdma_facts *f)
{
	return f->no_host;
}

static bool row_trusted(const struct p2pdma_facts *f)
{
	return f->trusted;
}

static bool row_otherwise(const struct p2pdma_facts *f)
{
	return true;
}

enum {
	MODE_OFF, DENIED, NOT_PCI, UNREACHABLE, MUST_BOUNCE, NO_DMA,
	OWN_MEMORY_BEYOND_MASK, OWN_MEMORY_UNTOLD, OWN_MEMORY, DIRECT_UNTOLD,
	GOES_DIRECT, MODE_SWITCH,
	CROSSES_UNDER_HOST, CROSSES_UNTRUSTED, BLOCKED, BEYOND_HOST_MASK, STUCK,
	NO_HOST, TRUSTED, OTHERWISE,
	NR_ROWS
};

/* %PCI_P2PDMA_NR_REASONS stands for why it was not direct. */
static const struct {
	const char *name;
	bool (*holds)(const struct p2pdma_facts *f);
	enum pci_p2pdma_map_type type;
	enum pci_p2pdma_reason reason;
} rows[NR_ROWS] = {
	[MODE_OFF] = {
		"mode off", row_mode_off,
		REFUSED, PCI_P2PDMA_POLICY_OFF
	},
	[DENIED] = {
		"denied", row_denied,
		REFUSED, PCI_P2PDMA_DENIED
	},
	[NOT_PCI] = {
		"not PCI", row_not_pci,
		REFUSED, PCI_P2PDMA_NOT_PCI
	},
	[UNREACHABLE] = {
		"unreachable", row_unreachable,
		REFUSED, PCI_P2PDMA_PROVIDER_UNREACHABLE
	},
	[MUST_BOUNCE] = {
		"must bounce", row_must_bounce,
		REFUSED, PCI_P2PDMA_MUST_BOUNCE
	},
	[NO_DMA] = {
		"no DMA", row_no_dma,
		REFUSED, PCI_P2PDMA_UNMAPPABLE
	},
	[OWN_MEMORY_BEYOND_MASK] = {
		"own memory beyond the mask", row_own_memory_beyond_mask,
		REFUSED, PCI_P2PDMA_DMA_MASK
	},
	[OWN_MEMORY_UNTOLD] = {
		"own memory, and an unmap could not tell",
		row_own_memory_untold,
		REFUSED, PCI_P2PDMA_WINDOW_UNRESERVED
	},
	[OWN_MEMORY] = {
		"own memory", row_own_memory,
		DIRECT, PCI_P2PDMA_SAME_FUNCTION
	},
	[DIRECT_UNTOLD] = {
		"direct, and an unmap could not tell", row_direct_untold,
		REFUSED, PCI_P2PDMA_WINDOW_UNRESERVED
	},
	[GOES_DIRECT] = {
		"direct", row_direct,
		DIRECT, PCI_P2PDMA_DIRECT
	},
	[MODE_SWITCH] = {
		"mode switch", row_mode_switch,
		REFUSED, PCI_P2PDMA_POLICY_SWITCH
	},
	[CROSSES_UNDER_HOST] = {
		"crosses under mode host", row_crosses_under_host,
		REFUSED, PCI_P2PDMA_POLICY_HOST
	},
	[CROSSES_UNTRUSTED] = {
		"untrusted and crosses", row_crosses_untrusted,
		REFUSED, PCI_P2PDMA_UNTRUSTED_CLIENT
	},
	[BLOCKED] = {
		"blocked", row_blocked,
		REFUSED, PCI_P2PDMA_FABRIC_BLOCKED
	},
	[BEYOND_HOST_MASK] = {
		"beyond the mask by the host bridge", row_beyond_host_mask,
		REFUSED, PCI_P2PDMA_DMA_MASK
	},
	[STUCK] = {
		"stuck", row_stuck,
		REFUSED, PCI_P2PDMA_FABRIC_BLOCKED
	},
	[NO_HOST] = {
		"not mapped through the host bridge", row_no_host,
		REFUSED, PCI_P2PDMA_UNMAPPABLE
	},
	[TRUSTED] = {
		"trusted", row_trusted,
		BRIDGED, PCI_P2PDMA_NR_REASONS
	},
	[OTHERWISE] = {
		"otherwise", row_otherwise,
		REFUSED, PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED
	},
};

/* Pairs of rows that never hold both. */
static const struct {
	int row, other;
} exclusive[] = {
	/* There is one mode. */
	{ MODE_OFF, MODE_SWITCH },
	{ MODE_OFF, CROSSES_UNDER_HOST },
	{ GOES_DIRECT, CROSSES_UNDER_HOST },
	{ MODE_SWITCH, CROSSES_UNDER_HOST },
	/* Direct is without obstacles. */
	{ OWN_MEMORY_BEYOND_MASK, GOES_DIRECT },
	{ GOES_DIRECT, CROSSES_UNTRUSTED },
	{ OWN_MEMORY_BEYOND_MASK, DIRECT_UNTOLD },
	{ DIRECT_UNTOLD, CROSSES_UNDER_HOST },
	{ DIRECT_UNTOLD, CROSSES_UNTRUSTED },
	/* What decides is what an unmap can tell. */
	{ OWN_MEMORY, DIRECT_UNTOLD },
	/* Requests are translated or not. */
	{ CROSSES_UNDER_HOST, STUCK },
	{ CROSSES_UNTRUSTED, STUCK },
	{ BLOCKED, STUCK },
	{ BEYOND_HOST_MASK, STUCK },
};

static bool rows_exclusive(int row, int other)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(exclusive); i++)
		if (exclusive[i].row == row && exclusive[i].other == other)
			return true;
	return false;
}

/* All of struct p2pdma_facts but mode and obstacles, from the bits of a number. */
#define FACTS_BITS 14
/* With the last three, obstacles are tried one at a time, or it takes too long. */
#define FACTS_BITS_ALL_OBSTACLES 11

static struct p2pdma_facts facts_of_bits(enum p2pdma_mode mode,
					 unsigned int bits)
{
	return (struct p2pdma_facts) {
		.mode = mode,
		.denied = bits & BIT(0),
		.not_pci = bits & BIT(1),
		.unreachable = bits & BIT(2),
		.must_bounce = bits & BIT(3),
		.same_function = bits & BIT(4),
		.translated = bits & BIT(5),
		.crosses = bits & BIT(6),
		.blocked = bits & BIT(7),
		.stuck = bits & BIT(8),
		.host_mask = bits & BIT(9),
		.trusted = bits & BIT(10),
		.no_dma = bits & BIT(11),
		.no_host = bits & BIT(12),
		.bus_unknown = bits & BIT(13),
	};
}

static void print_facts(struct kunit *test, const struct p2pdma_facts *f)
{
	kunit_err(test,
		  "mode %d denied %d not_pci %d unreachable %d must_bounce %d same_function %d obstacles %#lx translated %d crosses %d blocked %d stuck %d host_mask %d trusted %d no_dma %d no_host %d bus_unknown %d\n",
		  f->mode, f->denied, f->not_pci, f->unreachable,
		  f->must_bounce, f->same_function, f->obstacles,
		  f->translated, f->crosses, f->blocked, f->stuck,
		  f->host_mask, f->trusted, f->no_dma, f->no_host,
		  f->bus_unknown);
}

/*
 * Every combination of facts.  For each row that decides, note which others held
 * too; the order of two rows has been tried if that is so for the earlier one.
 */
static void decide_every_combination(struct kunit *test)
{
	static const enum p2pdma_mode modes[] = {
		P2PDMA_AUTO, P2PDMA_OFF, P2PDMA_SWITCH, P2PDMA_HOST,
	};
	unsigned int held[NR_ROWS] = {};
	unsigned int m, bits, set;
	int mismatches = 0;
	int row, other;

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		for (bits = 0; bits < BIT(FACTS_BITS); bits++) {
			struct p2pdma_facts f = facts_of_bits(modes[m], bits);

			for (set = 0; set < OBSTACLE_SETS; set++) {
				enum pci_p2pdma_map_type type;
				enum pci_p2pdma_reason reason, wanted;
				unsigned int holding = 0;

				if (bits >> FACTS_BITS_ALL_OBSTACLES &&
				    hweight32(set) > 1)
					continue;
				f.obstacles = obstacle_mask(set);
				for (row = 0; row < NR_ROWS; row++)
					if (rows[row].holds(&f))
						holding |= BIT(row);
				row = __ffs(holding);
				held[row] |= holding;

				wanted = rows[row].reason;
				if (wanted == PCI_P2PDMA_NR_REASONS)
					wanted = first_obstacle(f.obstacles);
				/* None, so that it was mode host. */
				if (wanted == PCI_P2PDMA_NR_REASONS)
					wanted = PCI_P2PDMA_POLICY_HOST;

				reason = p2pdma_decide(&f, &type);
				if (type == rows[row].type && reason == wanted)
					continue;

				print_facts(test, &f);
				KUNIT_FAIL(test, "%s, %s; by \"%s\" it is %s, %s",
					   pci_p2pdma_map_type_name(type),
					   pci_p2pdma_reason_name(reason),
					   rows[row].name,
					   pci_p2pdma_map_type_name(rows[row].type),
					   pci_p2pdma_reason_name(wanted));
				if (++mismatches == 8)
					return;
			}
			cond_resched();
		}
	}

	for (row = 0; row < NR_ROWS; row++) {
		KUNIT_EXPECT_NE_MSG(test, held[row], 0,
				    "\"%s\" has never decided", rows[row].name);
		for (other = row + 1; other < NR_ROWS; other++)
			KUNIT_EXPECT_EQ_MSG(test, !(held[row] & BIT(other)),
					    rows_exclusive(row, other),
					    "\"%s\" before \"%s\"",
					    rows[row].name, rows[other].name);
	}
}

/*
 * ACS where the paths diverge.
 */

struct acs_case {
	const char *name;
	u16 ctrl;
	bool egress;
	enum p2pdma_acs_request result;
};

static const struct acs_case acs_cases[] = {
	{ "nothing", 0, false, P2PDMA_ACS_ACROSS },

	/* What each bit does to a request from the client's side. */
	{ "SV: the client gives its own ID", PCI_ACS_SV, false,
	  P2PDMA_ACS_ACROSS },
	{ "TB: the request is not translated", PCI_ACS_TB, false,
	  P2PDMA_ACS_ACROSS },
	{ "RR: redirected", PCI_ACS_RR, false, P2PDMA_ACS_UP },
	{ "CR: about completions", PCI_ACS_CR, false, P2PDMA_ACS_ACROSS },
	{ "UF: about other traffic", PCI_ACS_UF, false, P2PDMA_ACS_ACROSS },
	{ "EC: the vector is clear", PCI_ACS_EC, false, P2PDMA_ACS_ACROSS },
	{ "EC: the vector is set", PCI_ACS_EC, true, P2PDMA_ACS_DROPPED },
	{ "DT: about translated requests", PCI_ACS_DT, false,
	  P2PDMA_ACS_ACROSS },
	{ "DT does not save from RR", PCI_ACS_DT | PCI_ACS_RR, false,
	  P2PDMA_ACS_UP },
	{ "DT does not save from EC", PCI_ACS_DT | PCI_ACS_EC, true,
	  P2PDMA_ACS_DROPPED },

	/* Redirect and egress control together. */
	{ "EC 0 RR 0 vector 0", 0, false, P2PDMA_ACS_ACROSS },
	{ "EC 0 RR 0 vector 1", 0, true, P2PDMA_ACS_ACROSS },
	{ "EC 0 RR 1 vector 0", PCI_ACS_RR, false, P2PDMA_ACS_UP },
	{ "EC 0 RR 1 vector 1", PCI_ACS_RR, true, P2PDMA_ACS_UP },
	{ "EC 1 RR 0 vector 0", PCI_ACS_EC, false, P2PDMA_ACS_ACROSS },
	{ "EC 1 RR 0 vector 1", PCI_ACS_EC, true, P2PDMA_ACS_DROPPED },
	{ "EC 1 RR 1 vector 0", PCI_ACS_EC | PCI_ACS_RR, false,
	  P2PDMA_ACS_ACROSS },
	{ "EC 1 RR 1 vector 1", PCI_ACS_EC | PCI_ACS_RR, true, P2PDMA_ACS_UP },

	/* As a kernel with an IOMMU sets it up. */
	{ "SV RR CR UF", PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF,
	  false, P2PDMA_ACS_UP },
};

KUNIT_ARRAY_PARAM_DESC(acs, acs_cases, name);

static void acs_request_row(struct kunit *test)
{
	const struct acs_case *param = test->param_value;

	KUNIT_EXPECT_EQ(test, p2pdma_acs_request(param->ctrl, param->egress),
			param->result);
}

/* The other bits of the register, known or not, change nothing. */
static void acs_request_every_register(struct kunit *test)
{
	/* [EC][RR][vector] */
	static const enum p2pdma_acs_request table[2][2][2] = {
		{ { P2PDMA_ACS_ACROSS, P2PDMA_ACS_ACROSS },
		  { P2PDMA_ACS_UP, P2PDMA_ACS_UP } },
		{ { P2PDMA_ACS_ACROSS, P2PDMA_ACS_DROPPED },
		  { P2PDMA_ACS_ACROSS, P2PDMA_ACS_UP } },
	};
	unsigned int ctrl, egress;
	int mismatches = 0;

	for (ctrl = 0; ctrl <= U16_MAX; ctrl++) {
		bool ec = ctrl & PCI_ACS_EC, rr = ctrl & PCI_ACS_RR;

		for (egress = 0; egress < 2; egress++) {
			if (p2pdma_acs_request(ctrl, egress) ==
			    table[ec][rr][egress])
				continue;
			KUNIT_FAIL(test, "ACS control %#x, vector %u: %d", ctrl,
				   egress, p2pdma_acs_request(ctrl, egress));
			if (++mismatches == 8)
				return;
		}
	}
}

/*
 * The words that people and programs read.
 */

static const struct {
	enum pci_p2pdma_reason reason;
	const char *name;
} other_reasons[] = {
	{ PCI_P2PDMA_DIRECT,			"direct" },
	{ PCI_P2PDMA_SAME_FUNCTION,		"same-function" },
	{ PCI_P2PDMA_POLICY_OFF,		"policy-off" },
	{ PCI_P2PDMA_DENIED,			"denied" },
	{ PCI_P2PDMA_NOT_PCI,			"not-pci" },
	{ PCI_P2PDMA_PROVIDER_UNREACHABLE,	"provider-unreachable" },
	{ PCI_P2PDMA_MUST_BOUNCE,		"must-bounce" },
	{ PCI_P2PDMA_POLICY_SWITCH,		"policy-switch" },
	{ PCI_P2PDMA_POLICY_HOST,		"policy-host" },
	{ PCI_P2PDMA_FABRIC_BLOCKED,		"fabric-blocked" },
	{ PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,	"host-bridge-untrusted" },
	{ PCI_P2PDMA_WINDOW_UNRESERVED,		"window-unreserved" },
	{ PCI_P2PDMA_UNMAPPABLE,		"unmappable" },
};

static void reason_names(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(obstacles); i++)
		KUNIT_EXPECT_STREQ(test,
				   pci_p2pdma_reason_name(obstacles[i].reason),
				   obstacles[i].name);
	for (i = 0; i < ARRAY_SIZE(other_reasons); i++)
		KUNIT_EXPECT_STREQ(test,
				   pci_p2pdma_reason_name(other_reasons[i].reason),
				   other_reasons[i].name);
	KUNIT_EXPECT_EQ_MSG(test, PCI_P2PDMA_NR_REASONS,
			    ARRAY_SIZE(obstacles) + ARRAY_SIZE(other_reasons),
			    "a reason is missing here");
}

static void map_type_names(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, pci_p2pdma_map_type_name(DIRECT),
			   "bus-address");
	KUNIT_EXPECT_STREQ(test, pci_p2pdma_map_type_name(BRIDGED),
			   "through-host-bridge");
	KUNIT_EXPECT_STREQ(test, pci_p2pdma_map_type_name(REFUSED),
			   "not-supported");
}

static struct kunit_case p2pdma_decide_cases[] = {
	KUNIT_CASE_PARAM(decide_row, decide_gen_params),
	KUNIT_CASE(decide_single_obstacle),
	KUNIT_CASE(decide_obstacle_order),
	KUNIT_CASE(decide_bits_that_are_no_obstacle),
	KUNIT_CASE_SLOW(decide_every_combination),
	KUNIT_CASE_PARAM(acs_request_row, acs_gen_params),
	KUNIT_CASE(acs_request_every_register),
	KUNIT_CASE(reason_names),
	KUNIT_CASE(map_type_names),
	{}
};

static struct kunit_suite p2pdma_decide_suite = {
	.name = "p2pdma_decide",
	.test_cases = p2pdma_decide_cases,
};

kunit_test_suite(p2pdma_decide_suite);

MODULE_DESCRIPTION("KUnit tests of the P2PDMA route decision");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
