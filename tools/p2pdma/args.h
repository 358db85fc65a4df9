/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line: options that every command takes, and errors that name the mistake
 * and the words that are near to it.
 */
#ifndef P2PDMA_ARGS_H
#define P2PDMA_ARGS_H

#include <getopt.h>
#include <stdbool.h>

#include "machine.h"

struct options {
	bool help;		/* the overview of all commands is wanted */
	bool json;
	unsigned int width;	/* columns to write for; 0: no limit */
	const char *root;	/* what has set another, as "--from"; or NULL */
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
 * Parse the options that every command takes, and those in @own, for each of which
 * @take is called with its number (val) and its argument. The arguments of the command
 * begin at argv[optind] afterwards. Dies naming a mistake.
 *
 * --help prints the help of @command and ends the program. If the command has none,
 * options->help is set and parsing ends.
 */
void args_parse(int argc, char **argv, const struct command *command,
		const struct option *own, void (*take)(int val, const char *arg),
		struct options *options);
/* Options that stand before the command; --help sets options->help. */
void args_parse_global(int argc, char **argv, struct options *options);
/* Die, naming @what, if what is looked at is a file or a copy. */
void args_only_here(const char *what);
/* Die, printing @usage, unless there are @least to @most arguments. */
void args_count(int argc, int least, int most, const char *usage);
/* @text as a number from @least to @most; dies naming it and the option. */
unsigned long long args_number(const char *option, const char *text,
			       unsigned long long least, unsigned long long most);
/* The same for a size in bytes, which may end with K, M or G. */
unsigned long long args_size(const char *option, const char *text,
			     unsigned long long least, unsigned long long most);

/*
 * The function that a word stands for: a PCI address with or without domain, a name
 * such as nvme0, or a block device with or without /dev/. Dies with near matches if
 * there is none.
 */
struct dev *args_dev(const struct machine *m, const char *word,
		     const char *what);
/*
 * The same with "/BAR". NULL if there is none. *@bar is -1 without it, and N_BARS if it is
 * none of the numbers that BARs have. @bar is NULL where no BAR may be named.
 */
struct dev *args_find(const struct machine *m, const char *word, int *bar);
/*
 * Why the function and BAR that @word stands for are no memory that others could reach, as a
 * sentence to be freed; NULL if they are.
 */
char *args_no_memory(const struct machine *m, const char *word, const struct dev *dev, int bar);
/* It as a provider, registered or not. */
struct provider args_memory_of(const struct machine *m, struct dev *dev, int bar);
/*
 * The same for a provider; the word may end with "/BAR", and *@one_bar is set to whether
 * it does. @one_bar may be NULL.
 */
const struct provider *args_provider(const struct machine *m, const char *word,
				     bool *one_bar);
/*
 * Any function with a BAR of memory, registered or not, as args_dev() takes it, with or
 * without "/BAR". BAR -1 stands for all of a function that no driver has registered.
 */
struct provider args_memory(const struct machine *m, const char *word);

#endif
