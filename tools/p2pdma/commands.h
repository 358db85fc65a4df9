/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands.
 *
 * The order of all files. A file includes and calls only files on lines below its own.
 * Columns of a line are separated by two blanks; in a column "a > b, c" lets a include
 * and call b and c. A line that begins with four blanks goes on. A test compares the
 * objects and all includes with this list.
 *
 *	main
 *	summary  topo > tree, dot, devices  route  policy_cmd  verify  bench
 *	    watch  collect  check > checklist  plan
 *	pairs  decision > stock > kernelpath  require > groups
 *	    remedy, reasons > rules > rules_policy, rules_fabric, rules_acs, rules_dma > situation
 *	args
 *	move > target  json
 *	out  notes, changes > path, model, kconfig > acs > policy  counters  drives
 *	machine > config > dev
 *	source > tar, lspci
 *	routes  sysfs  near
 *	util  address  version
 *
 * This header is for main and the commands, which are the line below it.
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
extern const struct command collect_command;
extern const struct command check_command;
extern const struct command plan_command;

/* "key=value key=value", as the kernel prints an event, as members; cuts up @text. */
struct json_object;
void watch_fields(struct json_object *object, char *text);

/* What p2pdma collect leaves of configuration space, of a name and of a command line. */
void collect_config(const unsigned char *config, size_t len, unsigned char *to);
char *collect_name(const char *name, unsigned int number, bool *masked);
char *collect_cmdline(const char *cmdline);

#endif
