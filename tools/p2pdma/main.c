// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma: what peer-to-peer DMA can do on this machine, why, and whether it does.
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
#include "out.h"
#include "version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, struct options *options);
	const char *summary;
	const char *help;
} commands[] = {
	{ "topo", cmd_topo, "the matrix of clients and providers; --tree, --dot, --svg",
	  "usage: p2pdma topo [--tree | --dot | --svg FILE] [--all]\n"
	  "                   [--client C] [--provider P[/BAR]]\n\n"
	  "  --tree        the fabric as a tree, with providers, ACS and link speed\n"
	  "  --dot         the same as a graph with its routes, for Graphviz\n"
	  "  --svg FILE    that graph as a picture; needs Graphviz\n"
	  "  --all         also functions that seldom take part, such as USB\n"
	  "  --client C    this row only; --provider P[/BAR]: this column only\n\n"
	  "The last three are for the matrix and the graph; --tree shows the whole fabric.\n" },
	{ "route", cmd_route, "one pair hop by hop: which bit decided, and what can be done",
	  "usage: p2pdma route CLIENT PROVIDER[/BAR]\n"
	  "       p2pdma route --reasons\n\n"
	  "CLIENT and PROVIDER are addresses (0000:05:00.0, 05:00.0) or names (nvme0).\n\n"
	  "  --reasons     every reason that there is, with its remedies\n" },
	{ "verify", cmd_verify,
	  "move data and compare: is it as the kernel says?",
	  "usage: p2pdma verify [CLIENT PROVIDER] [OPTION...]\n\n"
	  "Without CLIENT and PROVIDER: all pairs whose client is a drive.\n\n"
	  "  --file FILE         a file to make on a file system of the client's drive,\n"
	  "                      for both directions; it must not exist, and is removed\n"
	  "  --destructive DEV   the client's drive itself, which must not be in use; what\n"
	  "                      is overwritten is put back, but may be lost\n"
	  "  --direction D       write, read or both (default): of the peer memory\n"
	  "  --size N            bytes each way, with K, M, G (default 8M)\n\n"
	  "Writes of the peer memory only read the drive, and need neither of the two.\n"
	  "Exit status: 0 if all is as the kernel says, 1 if something is not, 2 if\n"
	  "something could not be tested.\n" },
	{ "policy", cmd_policy, "show what the administrator allows, or set it",
	  "usage: p2pdma policy [show]\n"
	  "       p2pdma policy set OPTION...\n\n"
	  "  OPTION        auto, off, switch, host, deny=DEV[;DEV...], trust=DEV[@w][;...];\n"
	  "                together they replace the whole policy\n"
	},
	{ "watch", cmd_watch, "events as they happen: routes, lists mapped and refused",
	  "usage: p2pdma watch [--seconds N] [--count N] [EVENT...]\n\n"
	  "  EVENT         route, map_sg, refused, invalidate, provider_add or\n"
	  "                provider_remove; all of them if none is named\n"
	  "  --seconds N   end after N seconds; --count N: after N events\n" },
	{ "bench", cmd_bench, "throughput and latency, beside the same copy staged through RAM",
	  "usage: p2pdma bench [CLIENT PROVIDER] [OPTION...]\n\n"
	  "  --file FILE, --destructive DEV, --direction D, --size N    as for verify\n"
	  "  --seconds N   for each figure (default 1)\n\n"
	  "Exit status: 0 if all was timed, else 2. Reads of the peer memory need --file or\n"
	  "--destructive; --direction write leaves them out.\n" },
};

const char * const command_names[] = {
	"topo", "route", "verify", "policy", "watch", "bench", "help",
};

const unsigned int n_commands = ARRAY_SIZE(command_names);

static const char common_help[] =
	"options of every command:\n"
	"  --json          for programs; p2pdma.schema.json describes it\n"
	"  --color WHEN    auto (on a terminal, unless NO_COLOR is set), always or never\n"
	"  --width N       write for N columns\n"
	"  --root DIR      look at DIR/sys, DIR/proc and DIR/dev in place of /sys, /proc\n"
	"                  and /dev (or P2PDMA_ROOT=DIR); not for watch\n"
	"  --pci-ids FILE  names of devices (or P2PDMA_PCI_IDS=FILE)\n"
	"  -h, --help, --version\n";

void out_help(const char *command)
{
	unsigned int i;
	char *hint;

	if (!*command || !strcmp(command, "help")) {
		printf("usage: p2pdma [OPTION...] [COMMAND [ARGUMENT...]]\n\n"
		       "Without a command: what peer-to-peer DMA can do on this machine.\n\n");
		for (i = 0; i < ARRAY_SIZE(commands); i++)
			printf("  %-8s %s\n", commands[i].name,
			       commands[i].summary);
		printf("  %-8s of a command: p2pdma help COMMAND\n\n%s", "help",
		       common_help);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(command, commands[i].name)) {
			printf("p2pdma %s: %s\n\n%s\n%s", command,
			       commands[i].summary, commands[i].help,
			       common_help);
			return;
		}
	hint = near_matches(command, command_names, n_commands);
	die("there is no command '%s'%s; p2pdma help lists them", command, hint);
}

/*
 * A drive that is opened must not become our standard output, nor must a reader that
 * goes away end us before what was overwritten is put back.
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

/* Nobody reads any more; errno may be of something later. */
static bool pipe_closed(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&out, 1, 0) > 0 && (out.revents & POLLERR);
}

/*
 * What was written may not have arrived: a full disk, a closed pipe. Who closes a pipe
 * knows that.
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

static int cmd_help(int argc, char **argv, struct options *options)
{
	args_parse(argc, argv, "help", NULL, NULL, options);
	args_count(argc, 0, 1, "p2pdma help [COMMAND]");
	if (options->json)
		die("help is for people; there is none as --json");
	out_help(optind < argc ? argv[optind] : "");
	return STATUS_OK;
}

int main(int argc, char **argv)
{
	struct options options = {};
	const char *command;
	unsigned int i;
	char *hint;

	secure_output();
	args_parse_global(argc, argv, &options);
	if (optind == argc)
		return finish(cmd_summary(0, NULL, &options));
	command = argv[optind];
	if (!strcmp(command, "help"))
		return finish(cmd_help(argc - optind, argv + optind, &options));
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(command, commands[i].name))
			return finish(commands[i].run(argc - optind,
						      argv + optind, &options));
	hint = near_matches(command, command_names, n_commands);
	die("there is no command '%s'%s; p2pdma help lists them", command, hint);
}
