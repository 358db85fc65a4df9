/* SPDX-License-Identifier: GPL-2.0 */
/* What a change of ACS does to pairs of devices, by the fabric alone. */
#ifndef P2PDMA_CHANGES_H
#define P2PDMA_CHANGES_H

#include "path.h"

/* Where the fabric takes a transfer. */
enum way {
	WAY_DIRECT,
	WAY_UP,			/* to the root complex, and perhaps down from there */
	WAY_LOST,		/* it is dropped, or not forwarded */
	WAY_UNSEEN,		/* ACS could not be read */
};

/* ACS Control of a function or port. */
struct acs_setting {
	const struct dev *dev;
	unsigned int ctrl;
};

/* A pair that a change of ACS takes another way. */
struct change {
	const struct dev *client, *provider;
	enum way before[N_DIRECTIONS], after[N_DIRECTIONS];
};

struct changes {
	bool known;		/* they could be worked out */
	struct change *list;
	size_t n;
	size_t n_lost;		/* of these, pairs that lose a way */
};

enum way way_of(const struct machine *m, const struct path *path, enum direction dir);
/* "direct", "through the root complex", "lost", "unknown" */
const char *way_text(enum way way);
/* The word of a way, for programs. */
const char *way_name(enum way way);
/*
 * All pairs of devices that may take part, but the one of @path, that go another way with
 * @settings in place of what is set now. With @both, @path stands for both directions
 * between its devices. @after has the ways of @path itself then.
 */
void changes_find(const struct machine *m, const struct acs_setting *settings, size_t n,
		  const struct path *path, bool both, struct changes *changes,
		  enum way after[N_DIRECTIONS]);
void changes_free(struct changes *changes);
/* A sentence on them; to be freed. */
char *changes_text(const struct machine *m, const struct changes *changes);

#endif
