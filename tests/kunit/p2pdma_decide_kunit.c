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
	{ PCI_P2PDMA_CLIENT_ATS,	"client-ats" },
	{ PCI_P2PDMA_PAYLOAD_SIZE,	"payload-size" },
	{ PCI_P2PDMA_TAG_WIDTH,		"tag-width" },
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

/* Facts of more than one word. */
#define TRANSLATED	.client = P2PDMA_CLIENT_TRANSLATED
#define CROSSES		.untranslated.fate = P2PDMA_FATE_ACROSS
#define LOST		.untranslated.fate = P2PDMA_FATE_LOST
#define LOST_TRANSLATED	.translated.fate = P2PDMA_FATE_LOST
#define ATS		.ats = true
#define SENT_CROSSES	.sent_translated.fate = P2PDMA_FATE_ACROSS
#define SENT_LOST	.sent_translated.fate = P2PDMA_FATE_LOST
#define ABOVE_MASK	.host_addr = P2PDMA_HOST_ADDR_ABOVE_MASK
#define UNMAPPABLE	.host_addr = P2PDMA_HOST_ADDR_UNMAPPABLE
#define AMBIGUOUS	.host_addr = P2PDMA_HOST_ADDR_AMBIGUOUS

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
		.facts = { .client = P2PDMA_CLIENT_NOT_PCI, .trusted = true },
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
		.facts = { .client = P2PDMA_CLIENT_BOUNCES, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_MUST_BOUNCE,
	}, {
		.name = "row 5: must bounce, the client's own memory",
		.facts = { .client = P2PDMA_CLIENT_BOUNCES, .same_function = true },
		.type = REFUSED, .reason = PCI_P2PDMA_MUST_BOUNCE,
	}, {
		.name = "row 5: no DMA at all",
		.facts = { .client = P2PDMA_CLIENT_NO_DMA, .trusted = true },
		.type = REFUSED, .reason = PCI_P2PDMA_UNMAPPABLE,
	}, {
		.name = "row 5: no DMA at all, the client's own memory",
		.facts = { .client = P2PDMA_CLIENT_NO_DMA, .same_function = true },
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
		.facts = { .same_function = true, TRANSLATED },
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
		.facts = { .mode = P2PDMA_AUTO, CROSSES },
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 7: direct, mode switch",
		.facts = { .mode = P2PDMA_SWITCH, CROSSES },
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 7: direct, translated, bridge trusted",
		.facts = {
			CROSSES, TRANSLATED, .trusted = true,
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
			.mode = P2PDMA_HOST, CROSSES, .trusted = true,
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 9: untrusted client, untranslated, crosses",
		.facts = {
			CROSSES, .trusted = true,
			.obstacles = OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_UNTRUSTED_CLIENT,
	}, {
		.name = "row 9: untrusted client under mode host",
		.facts = {
			.mode = P2PDMA_HOST, CROSSES, .trusted = true,
			.obstacles = OBSTACLE(UNTRUSTED_CLIENT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 10: untranslated, lost on its way",
		.facts = {
			LOST, .trusted = true,
			.obstacles = OBSTACLE(ACS_REQUEST),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 10: untranslated, crosses, completion lost",
		.facts = {
			.untranslated.fate = P2PDMA_FATE_ACROSS_LOST, .trusted = true,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 9: mode host, untranslated, crosses, completion lost",
		.facts = {
			.mode = P2PDMA_HOST, .trusted = true,
			.untranslated.fate = P2PDMA_FATE_ACROSS_LOST,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 10: untranslated, beyond the mask",
		.facts = {
			ABOVE_MASK, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_DMA_MASK,
	}, {
		/* A completion comes back by requester ID, translated or not. */
		.name = "row 10: translated, completion lost",
		.facts = {
			LOST_TRANSLATED, TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 11: untranslated, lost only if it were translated",
		.facts = {
			LOST_TRANSLATED, CROSSES, .trusted = true,
			.obstacles = OBSTACLE(ACS_COMPLETION),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_ACS_COMPLETION,
	}, {
		.name = "row 10: nothing maps it through the host bridge",
		.facts = {
			UNMAPPABLE, TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_UNMAPPABLE,
	}, {
		.name = "row 6: a single address, and the bus address is ambiguous",
		.facts = { .same_function = true, .bus_ambiguous = true },
		.type = REFUSED, .reason = PCI_P2PDMA_WINDOW_UNRESERVED,
	}, {
		.name = "row 7: a single address, and the bus address is ambiguous",
		.facts = {
			CROSSES, .bus_ambiguous = true, .trusted = true,
			TRANSLATED,
		},
		.type = REFUSED, .reason = PCI_P2PDMA_WINDOW_UNRESERVED,
	}, {
		.name = "row 11: an ambiguous bus address does not matter",
		.facts = {
			.bus_ambiguous = true, .trusted = true, TRANSLATED,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_NO_COMMON_PORT,
	}, {
		.name = "row 12: a single address, and that for the host bridge is ambiguous",
		.facts = {
			AMBIGUOUS, .bus_ambiguous = true, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_WINDOW_UNRESERVED,
	}, {
		.name = "row 11: not trusted, and the address is ambiguous",
		.facts = {
			AMBIGUOUS, .bus_ambiguous = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,
	}, {
		.name = "row 7: direct, and nothing could be mapped for the host bridge",
		.facts = {
			CROSSES, LOST_TRANSLATED, UNMAPPABLE,
		},
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 7: direct, and the mask would not allow the host bridge",
		.facts = {
			CROSSES, LOST_TRANSLATED, ABOVE_MASK,
		},
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 11: translated, egress control does not matter",
		.facts = {
			LOST, TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(ACS_REQUEST),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_ACS_REQUEST,
	}, {
		.name = "row 11: translated, the mask does not matter",
		.facts = {
			TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(DMA_MASK),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_DMA_MASK,
	}, {
		.name = "row 11: translated, untrusted client",
		.facts = {
			CROSSES, TRANSLATED, .trusted = true,
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
			.mode = P2PDMA_HOST, CROSSES,
			TRANSLATED, .trusted = true,
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
		.name = "row 9: mode host, translated, but requests sent as translated cross",
		.facts = {
			.mode = P2PDMA_HOST, TRANSLATED, ATS, SENT_CROSSES,
			.trusted = true, .obstacles = OBSTACLE(CLIENT_ATS),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 9: they may cross in mode auto",
		.facts = {
			TRANSLATED, ATS, SENT_CROSSES, .trusted = true,
			.obstacles = OBSTACLE(CLIENT_ATS),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_CLIENT_ATS,
	}, {
		.name = "row 9: without ATS nothing is sent as translated",
		.facts = {
			.mode = P2PDMA_HOST, TRANSLATED, SENT_CROSSES,
			.trusted = true,
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_POLICY_HOST,
	}, {
		.name = "row 10: translated, requests sent as translated are lost",
		.facts = {
			TRANSLATED, ATS, SENT_LOST, .trusted = true,
			.obstacles = OBSTACLE(CLIENT_ATS),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_FABRIC_BLOCKED,
	}, {
		.name = "row 10: untranslated, requests sent as translated are lost",
		.facts = {
			ATS, .trusted = true, .sent_translated = {
				.fate = P2PDMA_FATE_LOST,
				.why = PCI_P2PDMA_CLIENT_ATS,
			},
			.obstacles = OBSTACLE(CLIENT_ATS),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_CLIENT_ATS,
	}, {
		.name = "row 10: lost because a packet is too large",
		.facts = {
			.untranslated = {
				.fate = P2PDMA_FATE_ACROSS_LOST,
				.why = PCI_P2PDMA_PAYLOAD_SIZE,
			},
			.trusted = true, .obstacles = OBSTACLE(PAYLOAD_SIZE),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_PAYLOAD_SIZE,
	}, {
		.name = "row 11: too large on the way across, and translated",
		.facts = {
			.untranslated = {
				.fate = P2PDMA_FATE_ACROSS_LOST,
				.why = PCI_P2PDMA_PAYLOAD_SIZE,
			},
			TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(PAYLOAD_SIZE),
		},
		.type = BRIDGED, .reason = PCI_P2PDMA_PAYLOAD_SIZE,
	}, {
		.name = "row 10: translated, and the tag is too wide there too",
		.facts = {
			.translated = {
				.fate = P2PDMA_FATE_LOST,
				.why = PCI_P2PDMA_TAG_WIDTH,
			},
			TRANSLATED, .trusted = true,
			.obstacles = OBSTACLE(NO_COMMON_PORT) |
				     OBSTACLE(TAG_WIDTH),
		},
		.type = REFUSED, .reason = PCI_P2PDMA_TAG_WIDTH,
	}, {
		.name = "row 7: direct, with ATS per mapping",
		.facts = { TRANSLATED, ATS, SENT_LOST },
		.type = DIRECT, .reason = PCI_P2PDMA_DIRECT,
	}, {
		.name = "row 12: bridge not trusted",
		.facts = { .obstacles = OBSTACLE(NO_COMMON_PORT) },
		.type = REFUSED, .reason = PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED,
	}, {
		.name = "row 12: bridge not trusted, mode host, translated",
		.facts = {
			.mode = P2PDMA_HOST, CROSSES,
			TRANSLATED,
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
			TRANSLATED,
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
				TRANSLATED,
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
	return f->client == P2PDMA_CLIENT_NOT_PCI;
}

static bool row_unreachable(const struct p2pdma_facts *f)
{
	return f->unreachable;
}

static bool row_must_bounce(const struct p2pdma_facts *f)
{
	return f->client == P2PDMA_CLIENT_BOUNCES;
}

static bool row_own_memory_beyond_mask(const struct p2pdma_facts *f)
{
	return f->same_function && (f->obstacles & OBSTACLE(DMA_MASK));
}

static bool row_own_memory(const struct p2pdma_facts *f)
{
	return f->same_function;
}

static bool row_own_memory_ambiguous(const struct p2pdma_facts *f)
{
	return f->same_function && f->bus_ambiguous;
}

static bool row_direct(const struct p2pdma_facts *f)
{
	return f->mode != P2PDMA_HOST &&
	       first_obstacle(f->obstacles) == PCI_P2PDMA_NR_REASONS;
}

static bool row_direct_ambiguous(const struct p2pdma_facts *f)
{
	return row_direct(f) && f->bus_ambiguous;
}

static bool row_mode_switch(const struct p2pdma_facts *f)
{
	return f->mode == P2PDMA_SWITCH;
}

static bool across(const struct p2pdma_outcome *outcome)
{
	return outcome->fate == P2PDMA_FATE_ACROSS ||
	       outcome->fate == P2PDMA_FATE_ACROSS_LOST;
}

static bool crosses(const struct p2pdma_facts *f)
{
	if (f->ats && across(&f->sent_translated))
		return true;
	return f->client == P2PDMA_CLIENT_UNTRANSLATED &&
	       across(&f->untranslated);
}

static bool lost(const struct p2pdma_outcome *outcome)
{
	return outcome->fate == P2PDMA_FATE_LOST ||
	       outcome->fate == P2PDMA_FATE_ACROSS_LOST;
}

static bool row_crosses_under_host(const struct p2pdma_facts *f)
{
	return crosses(f) && f->mode == P2PDMA_HOST;
}

static bool row_crosses_untrusted(const struct p2pdma_facts *f)
{
	return crosses(f) && (f->obstacles & OBSTACLE(UNTRUSTED_CLIENT));
}

static bool row_lost(const struct p2pdma_facts *f)
{
	return f->client == P2PDMA_CLIENT_UNTRANSLATED &&
	       lost(&f->untranslated);
}

static bool row_lost_translated(const struct p2pdma_facts *f)
{
	return f->client == P2PDMA_CLIENT_TRANSLATED && lost(&f->translated);
}

static bool row_lost_sent(const struct p2pdma_facts *f)
{
	return f->ats && lost(&f->sent_translated);
}

static bool row_above_mask(const struct p2pdma_facts *f)
{
	return f->host_addr == P2PDMA_HOST_ADDR_ABOVE_MASK;
}

static bool row_no_dma(const struct p2pdma_facts *f)
{
	return f->client == P2PDMA_CLIENT_NO_DMA;
}

static bool row_unmappable(const struct p2pdma_facts *f)
{
	return f->host_addr == P2PDMA_HOST_ADDR_UNMAPPABLE;
}

static bool row_trusted_ambiguous(const struct p2pdma_facts *f)
{
	return f->trusted && f->host_addr == P2PDMA_HOST_ADDR_AMBIGUOUS;
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
	OWN_MEMORY_BEYOND_MASK, OWN_MEMORY_AMBIGUOUS, OWN_MEMORY, DIRECT_AMBIGUOUS,
	GOES_DIRECT, MODE_SWITCH,
	CROSSES_UNDER_HOST, CROSSES_UNTRUSTED, GETS_LOST, GETS_LOST_TRANSLATED,
	GETS_LOST_SENT,
	BEYOND_HOST_MASK, NOT_MAPPED, TRUSTED_AMBIGUOUS, TRUSTED, OTHERWISE,
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
	[OWN_MEMORY_AMBIGUOUS] = {
		"own memory, ambiguous bus address",
		row_own_memory_ambiguous,
		REFUSED, PCI_P2PDMA_WINDOW_UNRESERVED
	},
	[OWN_MEMORY] = {
		"own memory", row_own_memory,
		DIRECT, PCI_P2PDMA_SAME_FUNCTION
	},
	[DIRECT_AMBIGUOUS] = {
		"direct, ambiguous bus address", row_direct_ambiguous,
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
	[GETS_LOST] = {
		"untranslated and lost", row_lost,
		REFUSED, PCI_P2PDMA_FABRIC_BLOCKED
	},
	[GETS_LOST_TRANSLATED] = {
		"translated and lost", row_lost_translated,
		REFUSED, PCI_P2PDMA_FABRIC_BLOCKED
	},
	[GETS_LOST_SENT] = {
		"sent as translated and lost", row_lost_sent,
		REFUSED, PCI_P2PDMA_FABRIC_BLOCKED
	},
	[BEYOND_HOST_MASK] = {
		"beyond the mask by the host bridge", row_above_mask,
		REFUSED, PCI_P2PDMA_DMA_MASK
	},
	[NOT_MAPPED] = {
		"not mapped through the host bridge", row_unmappable,
		REFUSED, PCI_P2PDMA_UNMAPPABLE
	},
	[TRUSTED_AMBIGUOUS] = {
		"trusted, ambiguous address", row_trusted_ambiguous,
		REFUSED, PCI_P2PDMA_WINDOW_UNRESERVED
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
	{ OWN_MEMORY_BEYOND_MASK, DIRECT_AMBIGUOUS },
	{ DIRECT_AMBIGUOUS, CROSSES_UNDER_HOST },
	{ DIRECT_AMBIGUOUS, CROSSES_UNTRUSTED },
	/* The first of the two decides unless the bus address is ambiguous. */
	{ OWN_MEMORY, DIRECT_AMBIGUOUS },
	/* A client is of one kind. */
	{ NOT_PCI, MUST_BOUNCE },
	{ NOT_PCI, NO_DMA },
	{ NOT_PCI, GETS_LOST },
	{ NOT_PCI, GETS_LOST_TRANSLATED },
	{ MUST_BOUNCE, NO_DMA },
	{ MUST_BOUNCE, GETS_LOST },
	{ MUST_BOUNCE, GETS_LOST_TRANSLATED },
	{ NO_DMA, GETS_LOST },
	{ NO_DMA, GETS_LOST_TRANSLATED },
	/* Requests are translated or not. */
	{ GETS_LOST, GETS_LOST_TRANSLATED },
	/* There is one address. */
	{ BEYOND_HOST_MASK, NOT_MAPPED },
	{ BEYOND_HOST_MASK, TRUSTED_AMBIGUOUS },
	{ NOT_MAPPED, TRUSTED_AMBIGUOUS },
};

static bool rows_exclusive(int row, int other)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(exclusive); i++)
		if (exclusive[i].row == row && exclusive[i].other == other)
			return true;
	return false;
}

/*
 * All of struct p2pdma_facts but mode and obstacles, from the digits of a number: its
 * base is the number of values that a fact has.
 */
#define FACTS_COUNT (2 * 2 * 2 * 2 * 2 * 2 * 5 * 4 * 4 * 4 * 4)

static unsigned int digit(unsigned int *number, unsigned int base)
{
	unsigned int value = *number % base;

	*number /= base;
	return value;
}

static struct p2pdma_facts facts_of_number(enum p2pdma_mode mode,
					   unsigned int number)
{
	struct p2pdma_facts f = { .mode = mode };

	f.denied = digit(&number, 2);
	f.unreachable = digit(&number, 2);
	f.same_function = digit(&number, 2);
	f.trusted = digit(&number, 2);
	f.bus_ambiguous = digit(&number, 2);
	f.ats = digit(&number, 2);
	f.client = digit(&number, 5);
	f.untranslated.fate = digit(&number, 4);
	f.translated.fate = digit(&number, 4);
	f.sent_translated.fate = digit(&number, 4);
	f.host_addr = digit(&number, 4);
	return f;
}

/*
 * Obstacles are tried one at a time, in pairs, and all together; with rarer facts one at
 * a time, or it takes too long.
 */
static bool tried(const struct p2pdma_facts *f, unsigned int set)
{
	if (hweight32(set) <= 1)
		return true;
	return (hweight32(set) == 2 || set == OBSTACLE_SETS - 1) && !f->ats &&
	       f->client <= P2PDMA_CLIENT_TRANSLATED && !f->bus_ambiguous &&
	       f->host_addr == P2PDMA_HOST_ADDR_FITS;
}

static void print_facts(struct kunit *test, const struct p2pdma_facts *f)
{
	kunit_err(test,
		  "mode %d client %d denied %d unreachable %d same_function %d trusted %d bus_ambiguous %d ats %d obstacles %#lx untranslated %d translated %d sent_translated %d host_addr %d\n",
		  f->mode, f->client, f->denied, f->unreachable,
		  f->same_function, f->trusted, f->bus_ambiguous, f->ats,
		  f->obstacles, f->untranslated.fate, f->translated.fate,
		  f->sent_translated.fate, f->host_addr);
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
	unsigned int m, number, set;
	int mismatches = 0;
	int row, other;

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		for (number = 0; number < FACTS_COUNT; number++) {
			struct p2pdma_facts f = facts_of_number(modes[m],
								number);

			/* Without ATS it counts for nothing. */
			if (!f.ats && f.sent_translated.fate > 1)
				continue;
			for (set = 0; set < OBSTACLE_SETS; set++) {
				enum pci_p2pdma_map_type type;
				enum pci_p2pdma_reason reason, wanted;
				unsigned int holding = 0;

				if (!tried(&f, set))
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
	/* A translated request crosses with DT, and fares the same without. */
	KUNIT_EXPECT_EQ(test,
			p2pdma_acs_translated(param->ctrl | PCI_ACS_DT,
					      param->egress),
			P2PDMA_ACS_ACROSS);
	KUNIT_EXPECT_EQ(test,
			p2pdma_acs_translated(param->ctrl & ~PCI_ACS_DT,
					      param->egress),
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
