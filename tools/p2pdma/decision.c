// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "decision.h"
#include "kernelpath.h"

void decision_make(const struct machine *m, struct model *model, const struct path *path,
		   const struct provider *provider, struct decision *decision)
{
	*decision = (struct decision){
		.kernel = machine_route(path->client, provider),
	};
	if (decision->kernel) {
		decision->route = *decision->kernel;
		decision->known = true;
	} else if (m->project && kernelpath_read(path->client, path->provider,
						 provider->bar, &decision->route)) {
		decision->kernel = &decision->route;
		decision->known = true;
	} else {
		decision->known = model_route(model, path->client, path->provider,
					      provider->bar, &decision->route,
					      &decision->unread);
	}
	if (!m->project)
		stock_decide(m, model, path, &decision->stock);
}

void decision_free(struct decision *decision)
{
	stock_free(&decision->stock);
}

enum verdict decision_verdict(const struct machine *m, const struct decision *decision,
			      enum direction dir)
{
	if (!m->project)
		return decision->stock.made ? decision->stock.verdict : VERDICT_UNKNOWN;
	return decision->known ? decision->route.verdict[dir] : VERDICT_UNKNOWN;
}

bool decision_is_predicted(const struct machine *m, const struct decision *decision)
{
	return !decision->kernel &&
	       decision_verdict(m, decision, DIR_WRITE) != VERDICT_UNKNOWN;
}

char *decision_unknown(const struct decision *decision)
{
	return xasprintf("no prediction: configuration space of %s has not been read, which only root can",
			 decision->unread ? decision->unread->bdf : "a port on the path");
}

static void json_stock(struct json_object *object, const struct stock *stock)
{
	struct json_object *array;
	size_t i;

	json_text(object, "verdict", verdict_name(stock->verdict));
	json_text(object, "why", stock->why);
	json_flag(object, "rules_of_release", stock->exact);
	array = json_array_in(object, "redirectors");
	for (i = 0; i < stock->n_redirectors; i++)
		json_text_item(array, stock->redirectors[i]->bdf);
}

void json_decision(struct json_object *object, const struct machine *m,
		   const struct decision *decision)
{
	struct json_object *predicted, *member, *one;
	const struct route *route = &decision->route;
	enum direction dir;

	if (decision->kernel) {
		json_text(object, "predicted", NULL);
		return;
	}
	predicted = json_object_in(object, "predicted");
	if (decision->known) {
		member = json_object_in(predicted, "project");
		for (dir = 0; dir < N_DIRECTIONS; dir++) {
			one = json_object_in(member, direction_name(dir));
			json_text(one, "verdict", route->verdict_word[dir]);
			json_text(one, "reason", route->reason_word[dir]);
		}
		json_text(member, "port", *route->port ? route->port : NULL);
	} else {
		json_text(predicted, "project", NULL);
	}
	if (m->project || !decision->stock.made)
		json_text(predicted, "this_kernel", NULL);
	else
		json_stock(json_object_in(predicted, "this_kernel"), &decision->stock);
}
