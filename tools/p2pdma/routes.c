// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routes.h"
#include "util.h"

static const char * const direction_names[] = { "write", "read" };

static const struct {
	const char *word;
	const char *cell;
} verdicts[] = {
	[VERDICT_NOT_SUPPORTED]		= { "not-supported", "no" },
	[VERDICT_BUS_ADDRESS]		= { "bus-address", "bus" },
	[VERDICT_THROUGH_HOST_BRIDGE]	= { "through-host-bridge", "host" },
	[VERDICT_UNKNOWN]		= { "unknown", "?" },
};

/* The words and their order are the kernel's. */
static const struct {
	const char *word;
	const char *meaning;
} reasons[] = {
	[REASON_DIRECT] = {
		"direct",
		"below one switch, or functions of one device, and nothing redirects",
	},
	[REASON_SAME_FUNCTION] = {
		"same-function",
		"the client's own memory",
	},
	[REASON_NO_COMMON_PORT] = {
		"no-common-port",
		"no port is above both; the request has to cross the host bridge",
	},
	[REASON_CONVENTIONAL_PCI] = {
		"conventional-pci",
		"a bridge on the path is not PCI Express",
	},
	[REASON_UNTRUSTED_CLIENT] = {
		"untrusted-client",
		"the client is on an external port, and never gets a direct route",
	},
	[REASON_VIRTUALISED] = {
		"virtualised",
		"this is a virtual machine, and its virtual IOMMU translates for the client",
	},
	[REASON_ACS_REQUEST] = {
		"acs-request",
		"ACS on the client's side of the switch redirects or blocks its requests",
	},
	[REASON_ACS_COMPLETION] = {
		"acs-completion",
		"ACS on the provider's side of the switch redirects the completions of reads",
	},
	[REASON_MULTIFUNCTION] = {
		"multifunction",
		"functions of one device where ACS redirects or forwards, or one is below a bridge function",
	},
	[REASON_CLIENT_ATS] = {
		"client-ats",
		"the client has ATS enabled, and may ask the IOMMU for the translation of a bus address, which has none",
	},
	[REASON_PAYLOAD_SIZE] = {
		"payload-size",
		"the client or the provider may send more data in a packet than the port takes",
	},
	[REASON_TAG_WIDTH] = {
		"tag-width",
		"the client tags its reads with more bits than the provider returns",
	},
	[REASON_DMA_MASK] = {
		"dma-mask",
		"the client's DMA mask does not reach to the end of the provider's BAR",
	},
	[REASON_POLICY_OFF] = {
		"policy-off",
		"the mode is off, by choice or because the boot option does not parse",
	},
	[REASON_DENIED] = {
		"denied",
		"the policy denies the client or the provider",
	},
	[REASON_NOT_PCI] = {
		"not-pci",
		"the device that would do the DMA is not a PCI function",
	},
	[REASON_PROVIDER_UNREACHABLE] = {
		"provider-unreachable",
		"the provider, or a port above it, is going away, asleep, or does not decode memory",
	},
	[REASON_MUST_BOUNCE] = {
		"must-bounce",
		"the client may use only bounce buffers, which cannot replace peer memory",
	},
	[REASON_POLICY_SWITCH] = {
		"policy-switch",
		"the mode is switch, and a direct route is not possible",
	},
	[REASON_POLICY_HOST] = {
		"policy-host",
		"the mode is host, and forbids the direct route",
	},
	[REASON_FABRIC_BLOCKED] = {
		"fabric-blocked",
		"the transfer would be lost: ACS drops it, or a port does not forward it upstream or does not decode memory",
	},
	[REASON_HOST_BRIDGE_UNTRUSTED] = {
		"host-bridge-untrusted",
		"the request has to cross a host bridge, and nothing says that it forwards",
	},
	[REASON_WINDOW_UNRESERVED] = {
		"window-unreserved",
		"the windows of the host bridge are not reserved among the client's DMA addresses",
	},
	[REASON_UNMAPPABLE] = {
		"unmappable",
		"the client's DMA layer cannot map memory that is not RAM",
	},
	[REASON_UNKNOWN] = {
		"unknown",
		"a reason that this version of p2pdma does not know",
	},
};

const char *direction_name(enum direction dir)
{
	return direction_names[dir];
}

const char *verdict_name(enum verdict verdict)
{
	return verdicts[verdict].word;
}

const char *verdict_short(enum verdict verdict)
{
	return verdicts[verdict].cell;
}

enum verdict verdict_parse(const char *word)
{
	unsigned int i;

	for (i = 0; i < VERDICT_UNKNOWN; i++)
		if (!strcmp(word, verdicts[i].word))
			break;
	return i;
}

const char *reason_name(enum reason reason)
{
	return reasons[reason].word;
}

const char *reason_meaning(enum reason reason)
{
	return reasons[reason].meaning;
}

enum reason reason_parse(const char *word)
{
	unsigned int i;

	for (i = 0; i < REASON_UNKNOWN; i++)
		if (!strcmp(word, reasons[i].word))
			break;
	return i;
}

/* A word of verdict or reason: known or not, of plain characters. */
static bool plain_word(const char *word)
{
	return strlen(word) < WORD_LEN &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

static bool small_number(const char *word, int *number)
{
	unsigned long long value;

	if (!parse_number(word, &value) || value > 9999)
		return false;
	*number = value;
	return true;
}

enum {
	F_PROVIDER, F_BAR, F_WRITE, F_READ, F_DISTANCE, F_WRITE_WHY, F_READ_WHY,
	F_PORT, N_FIELDS, F_CROSSES = N_FIELDS, MOST_FIELDS,
};

static void take_word(char to[WORD_LEN], const char *word)
{
	snprintf(to, WORD_LEN, "%s", word);
}

/*
 * A later kernel may add fields at the end; with fewer than these a line is bad. The one
 * after them is not in every line.
 */
static bool parse_line(char *line, struct route *route)
{
	char *field[MOST_FIELDS], *word, *rest = line;
	struct address address;
	unsigned int n = 0;

	while ((word = strsep(&rest, " ")) && n < MOST_FIELDS)
		field[n++] = word;
	if (n < N_FIELDS)
		return false;

	*route = (struct route){};
	if (!address_parse(field[F_PROVIDER], &address))
		return false;
	address_text(&address, route->provider);
	/* The kernel writes -1 where it does not know the distance. */
	if (!strcmp(field[F_DISTANCE], "-1"))
		route->distance = -1;
	else if (!small_number(field[F_DISTANCE], &route->distance))
		return false;
	if (!small_number(field[F_BAR], &route->bar) ||
	    !plain_word(field[F_WRITE]) || !plain_word(field[F_READ]) ||
	    !plain_word(field[F_WRITE_WHY]) || !plain_word(field[F_READ_WHY]))
		return false;
	if (strcmp(field[F_PORT], "-")) {
		if (!address_parse(field[F_PORT], &address))
			return false;
		address_text(&address, route->port);
	}

	route->sent_crosses = n > F_CROSSES &&
			      !strcmp(field[F_CROSSES],
				      "translated-requests-cross");
	take_word(route->verdict_word[DIR_WRITE], field[F_WRITE]);
	take_word(route->verdict_word[DIR_READ], field[F_READ]);
	take_word(route->reason_word[DIR_WRITE], field[F_WRITE_WHY]);
	take_word(route->reason_word[DIR_READ], field[F_READ_WHY]);
	for (n = 0; n < N_DIRECTIONS; n++) {
		route->verdict[n] = verdict_parse(route->verdict_word[n]);
		route->reason[n] = reason_parse(route->reason_word[n]);
	}
	return true;
}

void routes_parse(const char *text, struct route_list *list)
{
	char *copy = xstrdup(text), *line, *rest = copy;
	struct route route;

	*list = (struct route_list){};
	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		if (!parse_line(line, &route)) {
			list->n_bad++;
			continue;
		}
		list->routes = xrealloc(list->routes, list->n + 1,
					sizeof(*list->routes));
		list->routes[list->n++] = route;
	}
	free(copy);
}

void routes_free(struct route_list *list)
{
	free(list->routes);
	*list = (struct route_list){};
}
