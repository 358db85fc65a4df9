/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verdicts and reasons, and the file p2pdma_routes that has them. See
 * Documentation/ABI/testing/sysfs-bus-pci-p2pdma_routes.
 */
#ifndef P2PDMA_ROUTES_H
#define P2PDMA_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

enum verdict {
	VERDICT_NOT_SUPPORTED,
	VERDICT_BUS_ADDRESS,
	VERDICT_THROUGH_HOST_BRIDGE,
	VERDICT_UNKNOWN,	/* a word of a later kernel */
};

/* Directions are those of the peer memory. */
enum direction {
	DIR_WRITE,		/* the client writes it (a drive is read) */
	DIR_READ,		/* the client reads it (a drive is written) */
	N_DIRECTIONS,
};

enum reason {
	REASON_DIRECT,
	REASON_SAME_FUNCTION,
	REASON_NO_COMMON_PORT,
	REASON_CONVENTIONAL_PCI,
	REASON_UNTRUSTED_CLIENT,
	REASON_VIRTUALISED,
	REASON_ACS_REQUEST,
	REASON_ACS_COMPLETION,
	REASON_MULTIFUNCTION,
	REASON_CLIENT_ATS,
	REASON_PAYLOAD_SIZE,
	REASON_TAG_WIDTH,
	REASON_DMA_MASK,
	REASON_POLICY_OFF,
	REASON_DENIED,
	REASON_NOT_PCI,
	REASON_PROVIDER_UNREACHABLE,
	REASON_MUST_BOUNCE,
	REASON_POLICY_SWITCH,
	REASON_POLICY_HOST,
	REASON_FABRIC_BLOCKED,
	REASON_HOST_BRIDGE_UNTRUSTED,
	REASON_WINDOW_UNRESERVED,
	REASON_UNMAPPABLE,
	REASON_UNKNOWN,		/* a word of a later kernel */
};

#define WORD_LEN	32

/* One line of p2pdma_routes. */
struct route {
	char provider[ADDRESS_LEN];
	int bar;
	int distance;
	char verdict_word[N_DIRECTIONS][WORD_LEN];
	char reason_word[N_DIRECTIONS][WORD_LEN];
	enum verdict verdict[N_DIRECTIONS];
	enum reason reason[N_DIRECTIONS];
	char port[ADDRESS_LEN];	/* that decided; "" if none did */
	bool sent_crosses;	/* requests sent as translated (ATS) cross */
};

struct route_list {
	struct route *routes;
	size_t n;
	size_t n_bad;		/* lines that do not parse */
};

/* Parse the whole text of the file. Bad lines are counted, and left out. */
void routes_parse(const char *text, struct route_list *list);
void routes_free(struct route_list *list);

const char *direction_name(enum direction dir);
const char *verdict_name(enum verdict verdict);
enum verdict verdict_parse(const char *word);
const char *reason_name(enum reason reason);
enum reason reason_parse(const char *word);
/* What a reason means, in a sentence. */
const char *reason_meaning(enum reason reason);
/* For cells: "bus", "host", "no", "?". */
const char *verdict_short(enum verdict verdict);

#endif
