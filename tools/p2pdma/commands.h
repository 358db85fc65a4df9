/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands.
 *
 * Every file includes and calls only files of lines below its own in this list, or those
 * that stand after it on its own line:
 *
 *	main
 *	summary  topo > tree, dot  route  policy_cmd  verify  bench  watch
 *	pairs  remedy > situation
 *	args
 *	out  json  target > move  counters  drives
 *	path  policy
 *	machine > config
 *	routes  sysfs  near
 *	address  util
 */
#ifndef P2PDMA_COMMANDS_H
#define P2PDMA_COMMANDS_H

#include "args.h"

/* p2pdma without a command. */
extern const struct command summary_command;

extern const struct command topo_command;
extern const struct command route_command;
extern const struct command policy_command;
extern const struct command verify_command;
extern const struct command bench_command;
extern const struct command watch_command;

/* "key=value key=value", as the kernel prints an event, as members; cuts up @text. */
struct json_object;
void watch_fields(struct json_object *object, char *text);

/* Parts of topo, each in a file of its own. */
void topo_tree(const struct machine *m, unsigned int width);
void topo_tree_json(const struct machine *m);
char *topo_dot(const struct machine *m, const char *only_client,
	       const char *only_provider, bool all);
int topo_svg(const char *dot, const char *file);

#endif
