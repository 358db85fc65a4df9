// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "args.h"
#include "drives.h"
#include "near.h"
#include "out.h"
#include "source.h"
#include "version.h"

/* Numbers of the common options; those of a command are 0x100 to 0xfff. */
enum {
	OPT_JSON = 0x1000, OPT_COLOR, OPT_WIDTH, OPT_ROOT, OPT_FROM, OPT_PCI_IDS,
	OPT_HELP, OPT_VERSION,
};

static const struct option common[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "width", required_argument, NULL, OPT_WIDTH },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "pci-ids", required_argument, NULL, OPT_PCI_IDS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
};

const char args_common_help[] =
	"options of every command:\n"
	"  --json          for programs; p2pdma.schema.json describes it\n"
	"  --color WHEN    auto (on a terminal, unless NO_COLOR is set), always or never\n"
	"  --width N       write for N columns\n"
	"  --root DIR      look at DIR/sys, DIR/proc and DIR/dev in place of /sys, /proc\n"
	"                  and /dev (or P2PDMA_ROOT=DIR); not for watch\n"
	"  --from FILE     look at another machine: FILE is made there by p2pdma collect,\n"
	"                  or is a copied folder sys, or the output of lspci -xxxx -D\n"
	"                  (- is standard input)\n"
	"  --pci-ids FILE  names of devices (or P2PDMA_PCI_IDS=FILE)\n"
	"  -h, --help, --version\n";

#define MAX_OWN	16

void args_print_help(const struct command *command)
{
	printf("p2pdma %s: %s\n\n%s\n%s", command->name, command->summary,
	       command->help, args_common_help);
}

static void take_color(const char *when)
{
	static const char * const words[] = { "auto", "always", "never" };
	char *hint;

	if (!strcmp(when, "always")) {
		out_color(true);
	} else if (!strcmp(when, "never")) {
		out_color(false);
	} else if (strcmp(when, "auto")) {
		hint = near_matches(when, words, ARRAY_SIZE(words));
		die("--color '%s' is none of auto, always and never%s", when,
		    hint);
	}
}

static void take_common(int val, const char *arg, struct options *options)
{
	switch (val) {
	case OPT_JSON:
		options->json = true;
		break;
	case OPT_COLOR:
		take_color(arg);
		break;
	case OPT_WIDTH:
		options->width = args_number("--width", arg, 40, 10000);
		break;
	case OPT_ROOT:
		source_open(arg);
		options->root = "--root";
		break;
	case OPT_FROM:
		source_open(arg);
		options->root = "--from";
		break;
	case OPT_PCI_IDS:
		options->pci_ids = arg;
		break;
	case OPT_VERSION:
		puts("p2pdma " P2PDMA_VERSION);
		exit(STATUS_OK);
	}
}

/* Die, naming the option that getopt_long() has refused. */
static void bad_option(char **argv, const char *command,
		       const struct option *all, size_t n)
{
	const char *word = argv[optind - 1], *names[ARRAY_SIZE(common) + MAX_OWN];
	char *whole = xstrdup(word), *hint;
	size_t i;

	whole[strcspn(whole, "=")] = '\0';
	for (i = 0; i < n; i++) {
		names[i] = xasprintf("--%s", all[i].name);
		/* optopt is the number of a known option, also of an abbreviated one */
		if (optopt != all[i].val)
			continue;
		if (all[i].has_arg == required_argument)
			die("option %s needs a value%s%s", names[i],
			    *command ? "; see p2pdma help " : "", command);
		die("option %s takes no value", names[i]);
	}
	hint = near_matches(whole, names, n);
	die("unknown option '%s'%s%s%s; see p2pdma help%s%s", whole,
	    *command ? " of p2pdma " : "", command, hint, *command ? " " : "",
	    command);
}

/* @command is NULL for the options that stand before it. */
static void parse(int argc, char **argv, const struct command *command, const char *form,
		  const struct option *own,
		  void (*take)(int val, const char *arg),
		  struct options *options)
{
	struct option all[ARRAY_SIZE(common) + MAX_OWN + 1] = {};
	size_t n;
	int val;

	memcpy(all, common, sizeof(common));
	for (n = ARRAY_SIZE(common); own && own->name; own++)
		all[n++] = *own;

	opterr = 0;
	optind = 0;
	while ((val = getopt_long(argc, argv, form, all, NULL)) != -1) {
		if (val == '?' || val == ':') {
			if (optopt && optopt < 0x100)
				die("unknown option '-%c'; see p2pdma help",
				    optopt);
			bad_option(argv, command ? command->name : "", all, n);
		}
		if (val == 'h' || val == OPT_HELP) {
			if (command && command->help) {
				args_print_help(command);
				exit(STATUS_OK);
			}
			options->help = true;
			return;
		}
		if (val >= OPT_JSON && val <= OPT_VERSION)
			take_common(val, optarg, options);
		else
			take(val, optarg);
	}
}

void args_parse(int argc, char **argv, const struct command *command,
		const struct option *own, void (*take)(int val, const char *arg),
		struct options *options)
{
	parse(argc, argv, command, "h", own, take, options);
}

static unsigned int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	unsigned long long number;
	struct winsize size;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) &&
	    size.ws_col)
		return size.ws_col;
	if (columns && parse_number(columns, &number) && number >= 40 &&
	    number <= 10000)
		return number;
	return 80;
}

void args_parse_global(int argc, char **argv, struct options *options)
{
	const char *root = getenv("P2PDMA_ROOT");

	if (root) {
		source_open(root);
		options->root = "P2PDMA_ROOT";
	}
	options->pci_ids = getenv("P2PDMA_PCI_IDS");
	options->width = terminal_width();
	parse(argc, argv, NULL, "+h", NULL, NULL, options);
}

void args_only_here(const char *what)
{
	if (source_kind() > SOURCE_ROOT)
		die("%s works on the machine itself, and not with --from", what);
}

void args_count(int argc, int least, int most, const char *usage)
{
	int n = argc - optind;

	if (n < least)
		die("an argument is missing; usage: %s", usage);
	if (n > most)
		die("too many arguments; usage: %s", usage);
}

unsigned long long args_number(const char *option, const char *text,
			       unsigned long long least, unsigned long long most)
{
	unsigned long long number;

	if (!parse_number(text, &number) || number < least || number > most)
		die("%s '%s' is not a number from %llu to %llu", option, text,
		    least, most);
	return number;
}

unsigned long long args_size(const char *option, const char *text,
			     unsigned long long least, unsigned long long most)
{
	unsigned long long bytes;

	if (!parse_size(text, &bytes) || bytes < least || bytes > most)
		die("%s '%s' is not a size from %s to %s", option, text,
		    size_text(least), size_text(most));
	return bytes;
}

static struct dev *find_dev(const struct machine *m, const char *word)
{
	struct dev *dev = machine_dev_at(m, word);
	size_t i, j;

	for (i = 0; i < m->n_devs && !dev; i++)
		for (j = 0; j < m->devs[i]->n_names; j++)
			if (!strcmp(m->devs[i]->names[j], word))
				dev = m->devs[i];
	return dev ? dev : drives_dev(m, word);
}

[[gnu::noreturn]]
static void no_such_dev(const struct machine *m, const char *word,
			const char *what, bool providers)
{
	const char **words = NULL;
	size_t n = 0, i, j;
	char *hint;

	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i];

		if (dev->is_bridge || (providers && !machine_provider(m, dev, -1)))
			continue;
		words = xrealloc(words, n + 1 + dev->n_names, sizeof(*words));
		words[n++] = strlen(word) < strlen("0000:00:00.0") ?
				dev_short(m, dev) : dev->bdf;
		for (j = 0; j < dev->n_names; j++)
			words[n++] = dev->names[j];
	}
	hint = near_matches(word, words, n);
	die("there is no %s '%s'%s", what, word, hint);
}

struct dev *args_dev(const struct machine *m, const char *word, const char *what)
{
	struct dev *dev = find_dev(m, word);

	if (!dev)
		no_such_dev(m, word, what, false);
	return dev;
}

struct dev *args_find(const struct machine *m, const char *word, int *bar)
{
	struct dev *dev = find_dev(m, word);
	unsigned long long number;
	char *copy, *slash;

	if (bar)
		*bar = -1;
	if (dev || !bar)
		return dev;
	copy = xstrdup(word);
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		dev = find_dev(m, copy);
		*bar = parse_number(slash + 1, &number) && number < N_BARS ? (int)number :
									     N_BARS;
	}
	free(copy);
	return dev;
}

char *args_no_memory(const struct machine *m, const char *word, const struct dev *dev, int bar)
{
	const struct provider *registered = machine_provider(m, dev, -1);

	if (machine_provider(m, dev, bar))
		return NULL;
	if (bar >= N_BARS)
		return xasprintf("%s has no BAR '%s': BARs are 0 to 5", dev->bdf,
				 strrchr(word, '/') + 1);
	if (!dev_has_memory(dev))
		return xasprintf("%s has no memory that others could reach: none of its BARs is memory",
				 dev->bdf);
	if (bar >= 0 && !dev->bars_seen && registered && registered->bar >= 0)
		return xasprintf("BAR %d of %s is not registered as peer memory", bar,
				 dev->bdf);
	if (bar >= 0 && dev->bars_seen && !dev->bars[bar].last)
		return xasprintf("BAR %d of %s is not memory, or not there", bar, dev->bdf);
	return NULL;
}

struct provider args_memory_of(const struct machine *m, struct dev *dev, int bar)
{
	const struct provider *registered = machine_provider(m, dev, bar);

	return registered ? *registered :
			    (struct provider){ .dev = dev, .bar = bar, .only = true };
}

/* The same, for a command that cannot do without. */
static struct dev *find_memory(const struct machine *m, const char *word, int *bar,
			       bool providers)
{
	struct dev *dev = args_find(m, word, bar);

	if (!dev)
		no_such_dev(m, word, "provider", providers);
	if (*bar >= N_BARS)
		die("%s", args_no_memory(m, word, dev, *bar));
	return dev;
}

const struct provider *args_provider(const struct machine *m, const char *word,
				     bool *one_bar)
{
	const struct provider *provider;
	struct dev *dev;
	int bar;

	dev = find_memory(m, word, &bar, true);
	if (one_bar)
		*one_bar = bar >= 0;
	provider = machine_provider(m, dev, bar);
	/* a kernel that reports no providers: any function may be one */
	if (!provider && !m->project) {
		static struct provider any;

		any = (struct provider){ .dev = dev, .bar = bar, .only = true };
		provider = &any;
	}
	if (!provider && bar >= 0 && machine_provider(m, dev, -1))
		die("BAR %d of %s is not registered as peer memory", bar, dev->bdf);
	if (!provider)
		die("%s is not a provider: no driver has registered peer memory of it; 'p2pdma topo' lists providers",
		    dev->bdf);
	return provider;
}

struct provider args_memory(const struct machine *m, const char *word)
{
	struct dev *dev;
	char *wrong;
	int bar;

	dev = find_memory(m, word, &bar, false);
	wrong = args_no_memory(m, word, dev, bar);
	if (wrong)
		die("%s", wrong);
	return args_memory_of(m, dev, bar);
}
