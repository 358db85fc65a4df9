/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line: options that every command takes, and errors that name what is
 * wrong, with what may have been meant.
 */
#ifndef P2PDMA_ARGS_H
#define P2PDMA_ARGS_H

#include <getopt.h>
#include <stdbool.h>

#include "machine.h"

struct options {
	bool help;		/* the overview of all commands is wanted */
	bool json;
	unsigned int width;	/* columns to write for; 0: as many as it takes */
	const char *root;	/* by what another root was given; or NULL */
	const char *pci_ids;
};

/* A command, as main.c lists and starts it. */
struct command {
	const char *name;
	const char *summary;	/* in the list of all commands */
	const char *help;	/* NULL: the list of all commands is its help */
	/* @argv begins with the name; returns an exit status. */
	int (*run)(int argc, char **argv, struct options *options);
};

/* What --help says of the options that every command takes. */
extern const char args_common_help[];
/* The help of a command that has some, with that of the common options. */
void args_print_help(const struct command *command);

/*
 * Parses the options that every command takes, and those in @own, of which each
 * is handed to @take by its number (val) and argument. What is left are the
 * arguments, from argv[optind] on. Dies naming what is wrong. --help ends the program
 * where the command has a help text; else it sets options->help and ends the parsing.
 */
void args_parse(int argc, char **argv, const struct command *command,
		const struct option *own, void (*take)(int val, const char *arg),
		struct options *options);
/* Options that stand before the command; --help sets options->help. */
void args_parse_global(int argc, char **argv, struct options *options);
/* Die if there are not @least to @most arguments; @usage says which. */
void args_count(int argc, int least, int most, const char *usage);
/* A number of an option, from @least to @most; dies naming option and number. */
unsigned long long args_number(const char *option, const char *text,
			       unsigned long long least, unsigned long long most);
/* The same with K, M or G behind it, for bytes. */
unsigned long long args_size(const char *option, const char *text,
			     unsigned long long least, unsigned long long most);

/*
 * The function that a word names: an address with or without domain, a name such
 * as nvme0, a block device with or without /dev/. Dies naming it and near matches.
 */
struct dev *args_dev(const struct machine *m, const char *word,
		     const char *what);
/*
 * The same for a provider, which may have "/BAR" behind it; whether it has is told by
 * @one_bar, which may be NULL.
 */
const struct provider *args_provider(const struct machine *m, const char *word,
				     bool *one_bar);

#endif
