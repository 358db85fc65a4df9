/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The path from a client to a provider, port by port, and what ACS does on it to a
 * request and its completion. Worked out from sysfs and configuration space, by the rules
 * of the PCI Express Base Specification, "Access Control Services". The verdict is always
 * the kernel's.
 */
#ifndef P2PDMA_PATH_H
#define P2PDMA_PATH_H

#include "machine.h"

enum hop_role {
	HOP_CLIENT,
	HOP_UP,			/* passed on the way up */
	HOP_CLIENT_SIDE,	/* downstream port where the paths part, client's side */
	HOP_COMMON,		/* the lowest port above both */
	HOP_HOST,		/* host bridge; @dev is NULL */
	HOP_PROVIDER_SIDE,	/* as HOP_CLIENT_SIDE, on the provider's */
	HOP_DOWN,
	HOP_PROVIDER,
	HOP_ABOVE,		/* from the common port up; only redirected requests */
};

struct hop {
	enum hop_role role;
	const struct dev *dev;
	const char *host;	/* name of the host bridge, of HOP_HOST */
};

enum request {
	REQUEST_UNSEEN,
	REQUEST_ACROSS,
	REQUEST_UP,
	REQUEST_DROPPED,
};

struct path {
	struct hop *hops;
	size_t n_hops;
	const struct dev *client;
	const struct dev *provider;
	const struct dev *common;	/* NULL: they meet in a root complex */
	bool same_function;
	bool two_hosts;
	bool in_switch;		/* the paths part between downstream ports */
	bool seen;		/* all ACS that matters to the pair could be read */
	const struct dev *client_side;
	const struct dev *provider_side;
	enum request request;	/* at @client_side, or at the client itself */
	const struct dev *dropper;	/* where that is REQUEST_DROPPED */
	bool completion_up;	/* at @provider_side, or the provider itself */
	const struct dev *conventional;	/* the first bridge that is not Express */
	const struct dev *silent;	/* the first function on it that does not answer */
	const struct dev *no_forwarding; /* the first downstream port, from @common up,
					  * without Upstream Forwarding
					  */
	const struct dev *bridge_function;	/* see path_find() */
	const struct dev *unproven;	/* likewise */
	const struct dev **redirectors;	/* whose ACS keeps the route from being direct */
	size_t n_redirectors;
	bool forwarders;	/* one of them has Upstream Forwarding set */
	int distance;		/* counted as the kernel does */
};

/*
 * If one of the two is below a bridge function of the device that has the other,
 * @bridge_function is that; the fabric does not show whether they reach each other. Of two
 * functions of one device @unproven is the client, or else the provider, if it does not
 * implement P2P Request Redirect: nothing but loopback= says whether they reach each other.
 */
struct path *path_find(const struct dev *client, const struct dev *provider);
void path_free(struct path *path);

/* "RR CR SV UF"; "none" where all are clear. Static, of four buffers in turn. */
const char *acs_bits(unsigned int bits);
/* For people: "ACS SV RR CR UF", "no ACS", "ACS not seen"; as acs_bits(). */
const char *acs_text(const struct acs *acs);
/* How the two are connected, and what ACS does there; a sentence, to be freed. */
char *path_summary(const struct path *path);
/* The same in a word, for cells of a table. */
const char *path_word(const struct path *path);
/* "across", "up", "dropped"; NULL if unknown or of no interest. */
const char *request_name(enum request request);

#endif
