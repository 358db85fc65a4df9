// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds the kernel's parser of policies with good texts, with what becomes of them when
 * they are damaged, and with noise: as a write to /sys/kernel/p2pdma/policy, and as boot
 * options. Built with sanitizers, which end the program. What is a policy is decided a
 * second time, with a regular expression that was made from the documentation; and what
 * is shown of a policy must be a policy that shows the same.
 *
 *	policy SEED INPUTS [FAULT]
 *
 * With FAULT "grammar" the expression is wrong on purpose, and the program has to fail.
 */
#include <regex.h>
#include <setjmp.h>

#include "drivers/pci/p2pdma/policy.c"

#define MAX_TEXT	4095	/* a write to a file in sysfs */

static u64 state;
static unsigned long refusals;
static unsigned int mistakes, refuse_one_in;
static char input[MAX_TEXT + 1];
int fuzz_locked_down;

static unsigned int pick(unsigned int below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % below;
}

bool fuzz_refuses(void)
{
	if (!refuse_one_in || pick(refuse_one_in))
		return false;
	refusals++;
	return true;
}

/* What goes to the log must end, and have no more than a line's length. */
void fuzz_log(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
}

static void fail(const char *what)
{
	unsigned int i;

	fprintf(stderr, "policy: %s; the input, with \\x.. for what is not printable:\n",
		what);
	for (i = 0; input[i]; i++)
		fprintf(stderr, input[i] >= ' ' && input[i] <= '~' ? "%c" : "\\x%02x",
			(unsigned char)input[i]);
	fprintf(stderr, "\n");
	exit(1);
}

/* A machine: two host bridges, a switch, a physical function and a virtual one. */
static struct pci_bus buses[4];

static struct pci_host_bridge hosts[2] = {
	{ .bus = &buses[0] }, { .bus = &buses[3] },
};

static struct pci_bus buses[4] = {
	{ .host = &hosts[0] },
	{ .host = &hosts[0], .number = 1 },
	{ .host = &hosts[0], .number = 2 },
	{ .host = &hosts[1], .number = 0x40, .domain = 0x10000 },
};

static struct pci_dev devices[6] = {
	{ .bus = &buses[0], .devfn = PCI_DEVFN(4, 0), .vendor = 0x1b36, .device = 0xc },
	{ .bus = &buses[1], .devfn = PCI_DEVFN(0, 0), .vendor = 0x104c, .device = 0x8232 },
	{ .bus = &buses[2], .devfn = PCI_DEVFN(0, 0), .vendor = 0x1b36, .device = 0x10 },
	{ .bus = &buses[2], .devfn = PCI_DEVFN(0, 1), .vendor = 0x1b36, .device = 0x10,
	  .is_virtfn = true, .physfn = &devices[2] },
	{ .bus = &buses[3], .devfn = PCI_DEVFN(31, 7), .vendor = 0xffff, .device = 1 },
	{ .bus = &buses[3], .devfn = PCI_DEVFN(0, 0), .vendor = 0x8086, .device = 0xa54 },
};

struct pci_dev *fuzz_next_device(struct pci_dev *from)
{
	struct pci_dev *next = from ? from + 1 : devices;

	return next == devices + ARRAY_SIZE(devices) ? NULL : next;
}

bool p2pdma_bridge_listed(struct pci_host_bridge *host, bool own_ports, bool ask)
{
	(void)own_ports;
	(void)ask;
	return host == &hosts[1];
}

void p2pdma_invalidate(enum p2pdma_cause cause)
{
	(void)cause;
}

/* The texts */

static const char * const examples[] = {
	"auto", "off", "switch", "host", "window",
	"deny=0000:05:00.0", "deny=05:00.0;06:1f.7", "trust=pci:1b36:000c",
	"trust=0000:00:04.0@w;pci:8086:0@w", "auto,deny=0:0:0.0,trust=0:0:4.0,window",
	"loopback=pci:1b36:10:1af4:1100", "host,loopback=0000:02:00.0;0000:02:00.1",
	"deny=10000:40:1f.7", "deny=0000:00:04.0/00.0/00.0/01.0", "deny=7fffffff:ff:1f.7",
	"switch,trust=pci:0:0,deny=pci:ffff:ffff:ffff:ffff",
	" auto\n", "\tdeny=0000:05:00.0\r\n",
	"deny=0:0.0/1.0/2.0/3.0/4.0/5.0/6.0/7.0/8.0/9.0/a.0/b.0/c.0/d.0/e.0/f.0/10.0/11.0/12.0/13.0/14.0/15.0/16.0/17.0/18.0/19.0/1a.0/1b.0/1c.0/1d.0/1e.0/1f.0",
};

static void make_input(void)
{
	static const char likely[] = ",;=:./@w0123456789abcdefF\n\xa0 ";
	static const char * const words[] = {
		"auto", "off", "window", "deny=", "trust=", "loopback=", "pci:", "@w",
		"0000:05:00.0", ",", ";", "/1f.7", "00000000000", "7fffffff", "80000000",
		"100", "20.0", "0.8", "10000",
	};
	unsigned int rounds = pick(4), at, len, i;

	input[0] = '\0';
	if (!pick(20)) {
		/* noise, up to all that fits */
		len = pick(pick(4) ? 100 : MAX_TEXT);
		for (i = 0; i < len; i++)
			input[i] = pick(2) ? likely[pick(sizeof(likely) - 1)] :
					     1 + pick(255);
		input[len] = '\0';
		return;
	}
	for (i = pick(pick(30) ? 4 : 150) + 1; i; i--) {
		const char *more = pick(3) ? examples[pick(ARRAY_SIZE(examples))] :
					     words[pick(ARRAY_SIZE(words))];

		len = strlen(input);
		if (len + strlen(more) + 2 > MAX_TEXT)
			break;
		sprintf(input + len, "%s%s", len && pick(8) ? "," : "", more);
	}
	while (rounds--) {
		len = strlen(input);
		at = pick(len + 1);
		switch (pick(5)) {
		case 0:
			if (at < len)
				input[at] = 1 + pick(255);
			break;
		case 1:
			if (len < MAX_TEXT) {
				memmove(input + at + 1, input + at, len - at + 1);
				input[at] = likely[pick(sizeof(likely) - 1)];
			}
			break;
		case 2:
			if (at < len)
				memmove(input + at, input + at + 1, len - at);
			break;
		case 3:
			if (at < len)
				input[at] = likely[pick(sizeof(likely) - 1)];
			break;
		default:
			input[at] = '\0';
		}
	}
}

/* What is a policy */

#define HEX	"[0-9a-fA-F]"
#define DEVFN	"0*1?" HEX "\\.0*[0-7]"
#define PATH	"((0*[0-7]" HEX "{7}|0*" HEX "{1,7}):)?0*" HEX "{1,2}:" \
		DEVFN "(/" DEVFN "){0,31}"
#define ID	"0*" HEX "{1,4}"
#define IDS	"pci:" ID ":" ID "(:" ID ":" ID ")?"
#define DEV	"(" PATH "|" IDS ")"
#define WORD	"(auto|off|switch|host|window)"
#define FIRST	"(" WORD "|(deny|loopback)=" DEV "|trust=" DEV "(@w)?)"
#define WRONG	"(" WORD "|(deny|trust|loopback)=" IDS "(@w)?)"

static regex_t option;

/*
 * "deny=A;B" is a policy if "deny=A" and "deny=B" are. One at a time, for the expression
 * of a whole policy would be slow.
 */
static bool is_policy(void)
{
	char text[MAX_TEXT + 1], one[MAX_TEXT + 1], *rest, *token, *entry;
	int name;

	memcpy(text, input, sizeof(text));
	rest = strim(text);
	while ((token = strsep(&rest, ","))) {
		name = strcspn(token, "=");
		name += token[name] == '=';
		entry = strsep(&token, ";");
		snprintf(one, sizeof(one), "%s", entry);
		do {
			if (regexec(&option, one, 0, NULL, 0))
				return false;
			if (token && !strchr(one, '='))
				return false;
			/* what follows has the same name before it */
			entry = strsep(&token, ";");
			if (entry)
				snprintf(one + name, sizeof(one) - name, "%s", entry);
		} while (entry);
	}
	return true;
}

static void note_mistake(const char *mistake, void *data)
{
	if (data != &mistakes || !*mistake)
		fail("a mistake without a text");
	mistakes++;
}

static void must_show_the_same(const struct p2pdma_policy *policy)
{
	size_t size = 2 * COMMAND_LINE_SIZE + PAGE_SIZE;
	char *text = malloc(size), *twice = malloc(size);
	struct p2pdma_policy *again;
	struct seq_buf s;

	seq_buf_init(&s, text, size);
	p2pdma_policy_show(policy, &s);
	if (s.len >= size)
		fail("a policy does not fit where it is shown");
	seq_buf_str(&s);
	again = p2pdma_policy_parse(text, note_mistake, &mistakes);
	if (IS_ERR(again))
		fail("what is shown of a policy is no policy");
	seq_buf_init(&s, twice, size);
	p2pdma_policy_show(again, &s);
	seq_buf_str(&s);
	if (strcmp(text, twice))
		fail("what is shown of a policy is another policy");
	p2pdma_policy_free(again);
	free(text);
	free(twice);
}

/* By itself; true if it is a policy. */
static bool parse(void)
{
	struct p2pdma_policy *policy;
	bool good = is_policy();
	unsigned int i;

	mistakes = 0;
	policy = p2pdma_policy_parse(input, note_mistake, &mistakes);
	if (IS_ERR(policy)) {
		if (PTR_ERR(policy) != -EINVAL || !mistakes ||
		    mistakes > P2PDMA_MISTAKES_NAMED + 1)
			fail("it is refused without a mistake, or with too many");
		if (good)
			fail("it is refused, and is a policy");
		return false;
	}
	if (mistakes)
		fail("it is taken, and has mistakes");
	if (!good)
		fail("it is taken, and is no policy");
	must_show_the_same(policy);
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		p2pdma_policy_denies(policy, &devices[i]);
		p2pdma_policy_loops(policy, &devices[i], &devices[(i + 1) % 6]);
	}
	p2pdma_policy_free(policy);
	return true;
}

/* As root writes it; memory may run out. */
static void write_policy(void)
{
	const struct p2pdma_policy *before = p2pdma_policy_locked();
	char *text;
	int ret;

	refuse_one_in = pick(3) ? 0 : 1 + pick(12);
	fuzz_locked_down = pick(4) ? 0 : -EPERM;
	ret = p2pdma_policy_set(input);
	if (ret && p2pdma_policy_locked() != before)
		fail("the active policy changes though the new one is refused");
	if (ret && ret != -EINVAL && ret != -EPERM && ret != -ENOMEM)
		fail("an error that is not documented");
	if (!ret && fuzz_locked_down && (p2pdma_policy_locked()->trust.count ||
					 p2pdma_policy_locked()->loopback.count))
		fail("lockdown does not keep trust= and loopback= out");
	text = p2pdma_policy_get();
	free(text);
	p2pdma_policy_device_changed(&devices[pick(6)]);
	refuse_one_in = 0;
}

/* As one boot option or as several, of any length; anything wrong must switch it off. */
static void boot_options(bool good)
{
	char text[MAX_TEXT + 1], *rest = text, *token;
	struct p2pdma_policy *policy;
	size_t len = strlen(input);

	memset(p2pdma_boot_text, 0, sizeof(p2pdma_boot_text));
	p2pdma_boot_too_long = false;
	fuzz_locked_down = 0;
	memcpy(text, input, sizeof(text));
	if (pick(2))
		p2pdma_setup(text);
	else
		while ((token = strsep(&rest, ",")))
			p2pdma_setup(token);
	policy = p2pdma_boot_parse();
	if (len + strlen("p2pdma=") >= COMMAND_LINE_SIZE && policy)
		fail("a boot option is cut off and counts all the same");
	if (len + strlen("p2pdma=") < COMMAND_LINE_SIZE && !policy && good)
		fail("a boot option is refused, and is a policy");
	if (policy && !good)
		fail("a boot option is taken, and is no policy");
	if (policy)
		p2pdma_policy_free(policy);
}

int main(int argc, char **argv)
{
	unsigned long inputs, i, good = 0;
	bool wrong;

	if (argc < 3)
		return 2;
	wrong = argc > 3 && !strcmp(argv[3], "grammar");
	if (regcomp(&option, wrong ? "^" WRONG "$" : "^" FIRST "$",
		    REG_EXTENDED | REG_NOSUB))
		return 2;
	state = strtoull(argv[1], NULL, 0) * 2654435761U + 88172645463325252ULL;
	inputs = strtoul(argv[2], NULL, 0);
	for (i = 0; i < inputs; i++) {
		bool is_good;

		make_input();
		is_good = parse();
		good += is_good;
		write_policy();
		boot_options(is_good);
	}
	printf("%lu inputs, %lu of them policies; %lu allocations refused\n", inputs, good,
	       refusals);
	/* one that never makes sense, or always, has tested nothing */
	return good && good < inputs ? 0 : 1;
}
