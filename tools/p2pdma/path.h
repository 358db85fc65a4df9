/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way from a client to a provider, port by port, and what ACS does to a request
 * and its completion on it. Made from sysfs and configuration space, by the rules
 * of the PCI Express Base Specification, "Access Control Services"; the verdict is
 * the kernel's, and never made here.
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
	bool seen;		/* ACS of all that matters has been seen */
	const struct dev *client_side;
	const struct dev *provider_side;
	enum request request;	/* at @client_side, or at the client itself */
	const struct dev *dropper;	/* where that is REQUEST_DROPPED */
	bool completion_up;	/* at @provider_side, or the provider itself */
	const struct dev *conventional;	/* the first bridge that is not Express */
	const struct dev *no_forwarding; /* the first downstream port, from @common up,
					  * without Upstream Forwarding
					  */
	const struct dev *behind;	/* the function of a device that one of them is behind */
	const struct dev **redirectors;	/* that ACS would have to be taken from */
	size_t n_redirectors;
	bool forwarders;	/* one of them has Upstream Forwarding set */
	int distance;		/* counted as the kernel does */
};

struct path *path_find(const struct dev *client, const struct dev *provider);
void path_free(struct path *path);

/* "RR CR SV UF"; "none" where all are clear. Static, of four buffers in turn. */
const char *acs_bits(unsigned int bits);
/* For people: "ACS SV RR CR UF", "no ACS", "ACS not seen"; as acs_bits(). */
const char *acs_text(const struct acs *acs);
/* What the fabric does to a direct request, where no kernel says; a sentence. */
char *path_summary(const struct path *path);
/* The same in a word, for cells of a table. */
const char *path_word(const struct path *path);
/* "across", "up", "dropped"; NULL where it was not looked at, or not seen. */
const char *request_name(enum request request);

#endif
