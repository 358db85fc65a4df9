/* SPDX-License-Identifier: GPL-2.0 */
/* The commands. Each gets its arguments, its own name first; returns a status. */
#ifndef P2PDMA_COMMANDS_H
#define P2PDMA_COMMANDS_H

#include "args.h"

int cmd_summary(int argc, char **argv, struct options *options);
int cmd_topo(int argc, char **argv, struct options *options);
int cmd_route(int argc, char **argv, struct options *options);
int cmd_policy(int argc, char **argv, struct options *options);
int cmd_verify(int argc, char **argv, struct options *options);
int cmd_bench(int argc, char **argv, struct options *options);
int cmd_watch(int argc, char **argv, struct options *options);

/* "key=value key=value", as the kernel prints an event, as members; cuts up @text. */
struct json_object;
void watch_fields(struct json_object *object, char *text);

/* Parts of topo, each in a file of its own. */
void topo_tree(const struct machine *m, unsigned int width);
void topo_tree_json(const struct machine *m);
char *topo_dot(const struct machine *m, const char *only_client,
	       const char *only_provider, bool all);
int topo_svg(const char *dot, const char *file);

/* The lines at the end of an output that say what was not to be seen. */
void print_unseen(const struct machine *m, unsigned int width);

#endif
