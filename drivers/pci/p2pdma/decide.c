// SPDX-License-Identifier: GPL-2.0
/*
 * The route decision: which fact counts before which, and the words for reasons.
 *
 * A function of the facts, and of nothing else.  gather.c works out the facts: there
 * is decided what stands in the way of a direct route, for writes and for reads.
 */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/export.h>

#include "p2pdma.h"

#define P2PDMA_OBSTACLES \
	GENMASK(PCI_P2PDMA_DMA_MASK, PCI_P2PDMA_NO_COMMON_PORT)

/* A single mapping gets no bus address that is ambiguous: see @bus_ambiguous. */
static enum pci_p2pdma_reason p2pdma_bus_address(const struct p2pdma_facts *facts,
						 enum pci_p2pdma_reason reason,
						 enum pci_p2pdma_map_type *type)
{
	if (facts->bus_ambiguous)
		return PCI_P2PDMA_WINDOW_UNRESERVED;
	*type = PCI_P2PDMA_MAP_BUS_ADDR;
	return reason;
}

/* May a request cross, although the client gets no bus address in order that it does? */
static bool p2pdma_crosses(const struct p2pdma_facts *facts)
{
	return (facts->client == P2PDMA_CLIENT_UNTRANSLATED &&
		p2pdma_fate_crosses(facts->untranslated.fate)) ||
	       (facts->ats && p2pdma_fate_crosses(facts->sent_translated.fate));
}

/**
 * p2pdma_decide - the route decision
 * @facts: all that it rests on
 * @type: set to the verdict
 *
 * The first condition that holds decides.
 *
 * Return: the reason.
 */
enum pci_p2pdma_reason p2pdma_decide(const struct p2pdma_facts *facts,
				     enum pci_p2pdma_map_type *type)
{
	unsigned long obstacles = facts->obstacles & P2PDMA_OBSTACLES;
	const struct p2pdma_outcome *outcome = p2pdma_facts_outcome(facts);

	*type = PCI_P2PDMA_MAP_NOT_SUPPORTED;
	if (facts->mode == P2PDMA_OFF)
		return PCI_P2PDMA_POLICY_OFF;
	if (facts->denied)
		return PCI_P2PDMA_DENIED;
	if (facts->client == P2PDMA_CLIENT_NOT_PCI)
		return PCI_P2PDMA_NOT_PCI;
	if (facts->unreachable)
		return PCI_P2PDMA_PROVIDER_UNREACHABLE;
	if (facts->client == P2PDMA_CLIENT_BOUNCES)
		return PCI_P2PDMA_MUST_BOUNCE;
	if (facts->client == P2PDMA_CLIENT_NO_DMA)
		return PCI_P2PDMA_UNMAPPABLE;

	if (facts->same_function) {
		if (obstacles & BIT(PCI_P2PDMA_DMA_MASK))
			return PCI_P2PDMA_DMA_MASK;
		return p2pdma_bus_address(facts, PCI_P2PDMA_SAME_FUNCTION,
					  type);
	}
	if (!obstacles && facts->mode != P2PDMA_HOST)
		return p2pdma_bus_address(facts, PCI_P2PDMA_DIRECT, type);
	if (facts->mode == P2PDMA_SWITCH)
		return PCI_P2PDMA_POLICY_SWITCH;

	if (p2pdma_crosses(facts)) {
		if (facts->mode == P2PDMA_HOST)
			return PCI_P2PDMA_POLICY_HOST;
		if (obstacles & BIT(PCI_P2PDMA_UNTRUSTED_CLIENT))
			return PCI_P2PDMA_UNTRUSTED_CLIENT;
	}
	if (p2pdma_fate_lost(outcome->fate))
		return outcome->why ?: PCI_P2PDMA_FABRIC_BLOCKED;
	if (facts->host_addr == P2PDMA_HOST_ADDR_ABOVE_MASK)
		return PCI_P2PDMA_DMA_MASK;
	if (facts->host_addr == P2PDMA_HOST_ADDR_UNMAPPABLE)
		return PCI_P2PDMA_UNMAPPABLE;
	if (!facts->trusted)
		return PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED;
	if (facts->host_addr == P2PDMA_HOST_ADDR_AMBIGUOUS)
		return PCI_P2PDMA_WINDOW_UNRESERVED;

	*type = PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
	return obstacles ? __ffs(obstacles) : PCI_P2PDMA_POLICY_HOST;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_decide);

static const char * const p2pdma_reason_names[PCI_P2PDMA_NR_REASONS] = {
	[PCI_P2PDMA_DIRECT]			= "direct",
	[PCI_P2PDMA_SAME_FUNCTION]		= "same-function",
	[PCI_P2PDMA_NO_COMMON_PORT]		= "no-common-port",
	[PCI_P2PDMA_CONVENTIONAL_PCI]		= "conventional-pci",
	[PCI_P2PDMA_UNTRUSTED_CLIENT]		= "untrusted-client",
	[PCI_P2PDMA_VIRTUALISED]		= "virtualised",
	[PCI_P2PDMA_ACS_REQUEST]		= "acs-request",
	[PCI_P2PDMA_ACS_COMPLETION]		= "acs-completion",
	[PCI_P2PDMA_MULTIFUNCTION]		= "multifunction",
	[PCI_P2PDMA_CLIENT_ATS]			= "client-ats",
	[PCI_P2PDMA_PAYLOAD_SIZE]		= "payload-size",
	[PCI_P2PDMA_TAG_WIDTH]			= "tag-width",
	[PCI_P2PDMA_DMA_MASK]			= "dma-mask",
	[PCI_P2PDMA_POLICY_OFF]			= "policy-off",
	[PCI_P2PDMA_DENIED]			= "denied",
	[PCI_P2PDMA_NOT_PCI]			= "not-pci",
	[PCI_P2PDMA_PROVIDER_UNREACHABLE]	= "provider-unreachable",
	[PCI_P2PDMA_MUST_BOUNCE]		= "must-bounce",
	[PCI_P2PDMA_POLICY_SWITCH]		= "policy-switch",
	[PCI_P2PDMA_POLICY_HOST]		= "policy-host",
	[PCI_P2PDMA_FABRIC_BLOCKED]		= "fabric-blocked",
	[PCI_P2PDMA_HOST_BRIDGE_UNTRUSTED]	= "host-bridge-untrusted",
	[PCI_P2PDMA_WINDOW_UNRESERVED]		= "window-unreserved",
	[PCI_P2PDMA_UNMAPPABLE]			= "unmappable",
};

/**
 * pci_p2pdma_reason_name - the word for a reason
 * @reason: the reason
 *
 * Return: the word, as p2pdma_routes shows it.
 */
const char *pci_p2pdma_reason_name(enum pci_p2pdma_reason reason)
{
	return p2pdma_reason_names[reason];
}
EXPORT_SYMBOL_GPL(pci_p2pdma_reason_name);

/**
 * pci_p2pdma_map_type_name - the word for a verdict
 * @type: the verdict
 *
 * Return: the word, as p2pdma_routes shows it.
 */
const char *pci_p2pdma_map_type_name(enum pci_p2pdma_map_type type)
{
	switch (type) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		return "bus-address";
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return "through-host-bridge";
	default:
		return "not-supported";
	}
}
EXPORT_SYMBOL_GPL(pci_p2pdma_map_type_name);
