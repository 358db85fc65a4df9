/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is decided of any pair: by the kernel, where it says so; else a prediction of what
 * the project's kernel would decide and, where another one runs, of what that does.
 */
#ifndef P2PDMA_DECISION_H
#define P2PDMA_DECISION_H

#include "json.h"
#include "stock.h"

struct decision {
	const struct route *kernel;	/* what the kernel reports; NULL if it does not */
	struct route route;	/* that, or else the prediction; see @known */
	bool known;
	const struct dev *unread;	/* why not: its configuration space; may be NULL */
	struct stock stock;	/* what this kernel decides, if it is another */
};

/* @model is of @m. To be freed with decision_free(). */
void decision_make(const struct machine *m, struct model *model, const struct path *path,
		   const struct provider *provider, struct decision *decision);
void decision_free(struct decision *decision);
/*
 * What counts on this machine, for a direction: the verdict of the kernel that runs, read
 * or predicted. VERDICT_UNKNOWN if it cannot be said.
 */
enum verdict decision_verdict(const struct machine *m, const struct decision *decision,
			      enum direction dir);
/* Is decision_verdict() a prediction? It is neither one nor the kernel's if it is unknown. */
bool decision_is_predicted(const struct machine *m, const struct decision *decision);
/* How a prediction is marked in a line. */
#define PREDICTED	" (predicted)"
/* A sentence on why there is no prediction; to be freed. */
char *decision_unknown(const struct decision *decision);
/* The member "predicted" of a pair. */
void json_decision(struct json_object *object, const struct machine *m,
		   const struct decision *decision);

#endif
