// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds all that p2pdma parses with good examples and with what becomes of them when
 * they are damaged. Built with sanitizers: what they find ends the program. The same
 * seed gives the same inputs.
 *
 *	fuzz SEED ROUNDS
 *
 * Prints for each target how many inputs it took and how many it made sense of; one
 * that never did, or always, has not been tested.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "commands.h"
#include "counters.h"
#include "json.h"
#include "kernelpath.h"
#include "lspci.h"
#include "near.h"
#include "out.h"
#include "policy.h"
#include "require.h"
#include "routes.h"
#include "source.h"
#include "tar.h"
#include "util.h"

#define MAX_INPUT	512

static uint64_t state;

/* xorshift64: good enough to damage things with */
static unsigned int pick(unsigned int below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % below;
}

static bool take_address(const char *input)
{
	char text[ADDRESS_LEN];
	struct address address, again;

	if (!address_parse(input, &address))
		return false;
	address_text(&address, text);
	/* what is written must read back the same */
	if (!address_parse(text, &again) || address_compare(&address, &again))
		die("address '%s' reads back as '%s'", input, text);
	return true;
}

static bool take_routes(const char *input)
{
	struct route_list list;
	bool good;

	routes_parse(input, &list);
	good = list.n && !list.n_bad;
	routes_free(&list);
	return good;
}

static bool take_policy(const char *input)
{
	struct dev above = { .bdf = "0000:00:04.0", .address = { 0, 0, 4, 0 } };
	struct dev dev = {
		.bdf = "0000:05:00.0", .address = { 0, 5, 0, 0 },
		.above = &above, .vendor = 0x8086, .device = 0xa54,
	};
	struct policy policy, again;
	char *text, *twice;
	bool good;
	size_t i;

	policy_parse(input, NULL, &policy);
	good = !policy.wrong.n;
	for (i = 0; i < policy.deny.n; i++)
		policy_names(policy.deny.words[i], &dev);
	for (i = 0; i < policy.trust.n; i++)
		policy_names(policy.trust.words[i], &dev);
	text = policy_text(&policy);
	policy_parse(text, NULL, &again);
	twice = policy_text(&again);
	/* as written, it must read back the same */
	if (good && strcmp(text, twice))
		die("policy '%s': '%s' reads back as '%s'", input, text, twice);
	free(text);
	free(twice);
	policy_free(&policy);
	policy_free(&again);
	return good;
}

static bool take_command_line(const char *input)
{
	struct boot_policy boot;
	char *words, *text;
	bool good;

	policy_at_boot(input, NULL, &boot);
	good = boot.words.n && !boot.mistaken.n;
	if (boot.mistaken.n && (!boot.words.n || !boot.all.wrong.n))
		die("command line '%s': a mistake that is none", input);
	/* what is to be taken away stands there */
	for (size_t i = 0; i < boot.mistaken.n; i++)
		if (!strstr(input, boot.mistaken.words[i]))
			die("command line '%s': there is no '%s'", input,
			    boot.mistaken.words[i]);
	/* and what is put in its place is right */
	text = policy_text(&boot.all);
	words = xasprintf("p2pdma=%s", text);
	policy_at_boot_free(&boot);
	policy_at_boot(words, NULL, &boot);
	if (boot.mistaken.n)
		die("command line '%s': '%s' is no better", input, words);
	policy_at_boot_free(&boot);
	free(text);
	free(words);
	return good;
}

static bool take_size(const char *input)
{
	unsigned long long bytes;

	return parse_size(input, &bytes);
}

static bool take_event(const char *input)
{
	struct json_object *object = json_object_new_object(), *fields;
	char *copy = xstrdup(input);
	bool good;

	make_plain(copy);
	watch_fields(object, copy);
	good = json_object_object_get_ex(object, "fields", &fields) &&
	       json_object_object_length(fields) > 3;
	if (!json_object_to_json_string(object))
		abort();
	json_object_put(object);
	free(copy);
	return good;
}

static bool take_counters(const char *input)
{
	struct counters counters;

	return counters_parse(input, "0000:05:00.0", &counters);
}

static bool take_number(const char *input)
{
	unsigned long long number;

	return parse_number(input, &number);
}

static bool take_near(const char *input)
{
	static const char * const words[] = { "topo", "route", "verify", "" };
	char *hint = near_matches(input, words, ARRAY_SIZE(words));
	bool good = *hint;

	free(hint);
	return good;
}

static bool take_paragraph(const char *input)
{
	FILE *old = stdout;

	stdout = fopen("/dev/null", "w");
	if (!stdout)
		abort();
	out_paragraph(input, pick(20), pick(20), pick(100));
	fclose(stdout);
	stdout = old;
	return strchr(input, ' ');
}

/* Every path that is handed on is one that may be made, and every link stays inside. */
static char *check_entry(const struct tar_entry *entry, void *context)
{
	size_t *bytes = context, i;

	for (i = 0; i < entry->len; i++)
		*bytes += entry->data[i] & 1;
	*bytes += strlen(entry->path) + 1;
	if (entry->type == TAR_LINK)
		source_good_link(entry->path, entry->target);
	return NULL;
}

static bool take_lspci(const char *input)
{
	size_t bytes = 0;
	char *error = source_lspci(input, check_entry, &bytes);
	bool good = !error && bytes;

	free(error);
	return good;
}

/* Where does a link lead that is believed to stay inside? */
static bool take_link(const char *input)
{
	const char *path = "sys/devices/pci0000:00/0000:00:01.0/driver", *at = input;
	int depth = 4;
	size_t len;

	source_good_path(input);
	if (!source_good_link(path, input))
		return false;
	for (; *at; at += len + (at[len] == '/')) {
		len = strcspn(at, "/");
		depth += len == 2 && !strncmp(at, "..", 2) ? -1 : 1;
		if (depth < 0 || *input == '/')
			die("link '%s' leads out", input);
	}
	return true;
}

static bool take_collected(const char *input)
{
	bool masked = false;
	char *words = collect_cmdline(input), *name = collect_name(input, 7, &masked);
	size_t len = strlen(input);
	unsigned char *to = xcalloc(1, len);

	collect_config((const unsigned char *)input, len, to);
	if (strlen(words) > len)
		die("command line '%s' became '%s'", input, words);
	free(to);
	free(words);
	free(name);
	return masked;
}

static bool take_rules(const char *input)
{
	struct rule_lines lines;
	bool good;

	rule_lines_parse(input, REQUIRED_ANY, &lines);
	good = lines.n && !lines.error;
	rule_lines_free(&lines);
	lines = (struct rule_lines){};
	rule_lines_add(&lines, input, REQUIRED_BUS);
	rule_lines_free(&lines);
	return good;
}

static bool take_kernelpath(const char *input)
{
	struct route route;

	return kernelpath_parse(input, "0000:05:00.0", "0000:03:00.0", pick(3) - 1, &route);
}

/* A whole archive, of which some bytes are changed; checksums are often made good again. */
static void fuzz_tar(unsigned long long rounds)
{
	unsigned long long good = 0, round;
	char *whole, long_name[300], content[600] = "content";
	size_t len;
	FILE *file = open_memstream(&whole, &len);

	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	memcpy(long_name, "sys/", 4);
	tar_write_file(file, "sys/bus/pci/x", "hello", 5);
	tar_write_link(file, "sys/bus/pci/y", "../x");
	tar_write_file(file, long_name, content, sizeof(content));
	tar_write_link(file, "sys/z", long_name);
	tar_write_end(file);
	fclose(file);
	for (round = 0; round < rounds; round++) {
		/* cut at the end, and no longer than it is */
		size_t n = len - (pick(4) ? 0 : pick(len)), bytes = 0, at;
		char *exact = xcalloc(1, n), *error;
		unsigned int times = pick(6);

		memcpy(exact, whole, n);
		while (times-- && n) {
			at = pick(n);
			exact[at] = pick(3) ? (char)pick(256) : "0127LKxg/."[pick(10)];
			at -= at % 512;
			if (pick(4) && at + 512 <= n) {
				unsigned int sum = 0, i;

				memset(exact + at + 148, ' ', 8);
				for (i = 0; i < 512; i++)
					sum += (unsigned char)exact[at + i];
				snprintf(exact + at + 148, 8, "%06o", sum);
			}
		}
		tar_is_one(exact, n);
		error = tar_read(exact, n, check_entry, &bytes);
		good += !error && bytes;
		free(error);
		free(exact);
	}
	free(whole);
	printf("%-10s %llu inputs, %llu made sense\n", "tar", rounds, good);
	if (!good || good == rounds)
		exit(1);
}

static const struct {
	const char *name;
	bool (*take)(const char *input);
	const char *seeds[6];
} targets[] = {
	{ "address", take_address,
	  { "0000:05:00.0", "05:00.0", "10000:e1:1f.7", "ffffffff:ff:1f.7" } },
	{ "routes", take_routes,
	  { "0000:05:00.0 2 bus-address bus-address 4 direct multifunction -\n",
	    "0000:41:00.0 2 not-supported through-host-bridge 8 acs-request host-bridge-untrusted 0000:02:00.0\n0000:05:00.0 0 bus-address bus-address 0 same-function same-function -\n",
	    "10000:05:00.0 2 bus-address bus-address -1 direct no-common-port - more\n" } },
	{ "policy", take_policy,
	  { "auto", "off", "switch,deny=0000:05:00.0;pci:8086:0a54",
	    "host,trust=0000:00:04.0/00.0@w;pci:1b36:000c:0:0,window",
	    "auto,trust=pci:8086:a54@w,deny=00:04.0/1f.7/00.0" } },
	{ "counters", take_counters,
	  { "0000:05:00.0 2 64 8388608 64 8388608 0 -\n",
	    "0000:41:00.0 2 0 0 0 0 3 denied=1\n0000:05:00.0 2 1 2 3 4 5 - 6\n" } },
	{ "number", take_number, { "0", "12345", "0x7fff", "010" } },
	{ "size", take_size, { "0", "8M", "0x7fffK", "1G", "18446744073709551615" } },
	{ "cmdline", take_command_line,
	  { "BOOT_IMAGE=/vmlinuz quiet p2pdma=auto",
	    "p2pdma=off p2pdma=deny=0000:05:00.0;pci:8086:a54,window -- p2pdma",
	    "p2pdma \"p2pdma=switch\" p2pdma=\"auto, host\"",
	    "p2pdma=swich,trust=00:04.0@w p2pdma= quiet" } },
	{ "event", take_event,
	  { "client=0000:04:00.0 provider=0000:03:00.0 bar=2 dir=write verdict=bus-address reason=direct bridge=- distance=4",
	    "client=0000:04:00.0 dir=write ram=0 bus=1 host=0",
	    "cause=policy generation=25" } },
	{ "lspci", take_lspci, {
		"0000:01:00.0 NVMe: x\n00: 86 80 54 0a 06 04 10 00 02 02 08 01 00 00 00 00\n10: 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n20: 00 00 00 00 00 00 00 00 00 00 00 00 86 80 02 37\n30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00\n",
		"01:00.0 x\n\tRegion 0: Memory at e0000000 (64-bit) [size=16M]\n\tIOMMU group: 12\n\tNUMA node: 0\n\tKernel driver in use: nvme\n00: 86 80 54 0a 06 04 10 00 02 02 08 01 00 00 81 00\n",
	} },
	{ "link", take_link,
	  { "../../../bus/pci/drivers/nvme", "../0000:00:02.0", "../../../../../x",
	    "/etc/passwd", "a/../../../../b" } },
	{ "collected", take_collected,
	  { "BOOTIF=01-aa-bb pci=noacs iommu=pt \"p2pdma=auto, x\" quiet",
	    "enx001122334455", "rocex0c42a10300abcdef", "eth0" } },
	{ "rules", take_rules,
	  { "gpus nics bus nearest\n# all\nnvme0 05:00.0/2 read host", "a,b",
	    "gpus gpus any write" } },
	{ "kernelpath", take_kernelpath, {
		"path 0000:05:00.0 0000:03:00.0 distance=4 meets=switch\nunregistered 1 write bus-address direct -\nunregistered 1 read not-supported denied 0000:02:00.0\n",
	} },
	{ "near", take_near, { "topo", "tpoo", "verfiy", "" } },
	{ "paragraph", take_paragraph,
	  { "some words to be broken over lines", "a", "" } },
};

/* Change, insert, delete, double or cut, a few times. */
static void damage(char *text)
{
	static const char likely[] = " \t\n:;,./=@-0179afx%";
	unsigned int times = pick(5), len, at;

	while (times--) {
		len = strlen(text);
		at = pick(len + 1);
		switch (pick(6)) {
		case 0:
			if (at < len)
				text[at] = 1 + pick(255);
			break;
		case 1:
			if (len + 1 < MAX_INPUT) {
				memmove(text + at + 1, text + at, len - at + 1);
				text[at] = likely[pick(sizeof(likely) - 1)];
			}
			break;
		case 2:
			if (at < len)
				memmove(text + at, text + at + 1, len - at);
			break;
		case 3:
			if (2 * len - at < MAX_INPUT) {
				memmove(text + len + len - at, text + len, 1);
				memmove(text + len, text + at, len - at);
			}
			break;
		case 4:
			text[at] = '\0';
			break;
		case 5:
			if (at < len)
				text[at] = likely[pick(sizeof(likely) - 1)];
			break;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long long seed, rounds, round;
	unsigned int i, status = 0;

	if (argc != 3 || !parse_number(argv[1], &seed) ||
	    !parse_number(argv[2], &rounds))
		die("usage: fuzz SEED ROUNDS");
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		unsigned long long good = 0;
		unsigned int seeds = 0;

		while (seeds < ARRAY_SIZE(targets[i].seeds) &&
		       targets[i].seeds[seeds])
			seeds++;
		state = seed * 2654435761u + i + 1;
		for (round = 0; round < rounds; round++) {
			char text[MAX_INPUT + 1], *exact;

			snprintf(text, sizeof(text), "%s",
				 targets[i].seeds[pick(seeds)]);
			damage(text);
			/* on the heap and no longer than it is, so that a read
			 * beyond its end is seen
			 */
			exact = xstrdup(text);
			good += targets[i].take(exact);
			free(exact);
		}
		printf("%-10s %llu inputs, %llu made sense\n", targets[i].name,
		       rounds, good);
		if (!good || good == rounds)
			status = 1;
	}
	fuzz_tar(rounds / 10);
	return status;
}
