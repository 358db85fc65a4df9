// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma: shows which routes peer-to-peer DMA has on this machine, and why, and moves
 * data to check them.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "near.h"

static int run_help(int argc, char **argv, struct options *options);

static const struct command help_command = {
	.name = "help",
	.summary = "of a command: p2pdma help COMMAND",
	.run = run_help,
};

/* In the order of the overview that --help prints. */
static const struct command * const commands[] = {
	&topo_command, &route_command, &check_command, &plan_command,
	&verify_command, &policy_command, &watch_command, &bench_command,
	&collect_command, &help_command,
};

static const struct command *find_command(const char *name)
{
	const char *names[ARRAY_SIZE(commands)];
	unsigned int i;
	char *hint;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i]->name))
			return commands[i];
		names[i] = commands[i]->name;
	}
	hint = near_matches(name, names, ARRAY_SIZE(names));
	die("there is no command '%s'%s; p2pdma help lists them", name, hint);
}

static void print_overview(void)
{
	unsigned int i;

	printf("usage: p2pdma [OPTION...] [COMMAND [ARGUMENT...]]\n\n"
	       "Without a command: what peer-to-peer DMA can do on this machine.\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n%s", args_common_help);
}

/*
 * Open standard streams that are closed, so that a drive that is opened later does not
 * become one. Ignore SIGPIPE, so that what was overwritten on a drive is put back also
 * after the reader of the output has gone.
 */
static void secure_output(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			exit(STATUS_FAILED);
	} while (fd <= STDERR_FILENO);
	close(fd);
	signal(SIGPIPE, SIG_IGN);
}

/* Has the reader of the output gone? errno may be of a later call. */
static bool pipe_closed(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

/*
 * Fail if not all output could be written. The error is not printed for a closed pipe:
 * its reader has closed it on purpose.
 */
static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (!pipe_closed())
			complain("the output could not be written");
		return STATUS_FAILED;
	}
	return status;
}

static int run_help(int argc, char **argv, struct options *options)
{
	const struct command *command = NULL;

	args_parse(argc, argv, &help_command, NULL, NULL, options);
	args_count(argc, 0, 1, "p2pdma help [COMMAND]");
	if (options->json)
		die("help cannot be combined with --json");
	if (!options->help && optind < argc)
		command = find_command(argv[optind]);
	if (command && command->help)
		args_print_help(command);
	else
		print_overview();
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	const struct command *command = &summary_command;
	struct options options = {};

	secure_output();
	args_parse_global(argc, argv, &options);
	if (options.help) {
		print_overview();
		return finish(STATUS_OK);
	}
	if (optind < argc)
		command = find_command(argv[optind]);
	return finish(command->run(argc - optind, argv + optind, &options));
}
