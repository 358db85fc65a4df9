// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the policy: the grammar of p2pdma= and /sys/kernel/p2pdma/policy, which
 * devices an entry stands for, and that a text which does not parse changes
 * nothing.
 *
 * Devices to match are made up here; they are bare structures of which the policy
 * reads the numbers.  The policies here name devices that no machine has, but
 * for one test, and are taken back when the test ends.
 */
#include <kunit/resource.h>
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/prandom.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <asm/setup.h>

#include "../../drivers/pci/p2pdma/p2pdma.h"

#define ERROR_SIZE	256
#define SHOWN_SIZE	(2 * COMMAND_LINE_SIZE)

KUNIT_DEFINE_ACTION_WRAPPER(policy_free_action, p2pdma_policy_free,
			    struct p2pdma_policy *);

/* Where the first mistake is written. */
struct first_mistake {
	char *text;
	size_t size;
};

static void note_first(const char *mistake, void *data)
{
	struct first_mistake *first = data;

	if (first->size)
		strscpy(first->text, mistake, first->size);
	first->size = 0;
}

/* Parse, and get the first mistake, or an empty text. */
static struct p2pdma_policy *parse_first(const char *text, char *error,
					 size_t size)
{
	struct first_mistake first = { .text = error, .size = size };

	*error = '\0';
	return p2pdma_policy_parse(text, note_first, &first);
}

/* Parse what must parse; freed with the test. */
static struct p2pdma_policy *parse(struct kunit *test, const char *text)
{
	struct p2pdma_policy *policy;
	char error[ERROR_SIZE];

	policy = parse_first(text, error, sizeof(error));
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, policy, "\"%.80s\": %s", text,
					 error);
	KUNIT_EXPECT_STREQ(test, error, "");
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, policy_free_action,
						  policy), 0);
	return policy;
}

static char *show(struct kunit *test, const struct p2pdma_policy *policy)
{
	char *text = kunit_kzalloc(test, SHOWN_SIZE, GFP_KERNEL);
	struct seq_buf s;

	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, SHOWN_SIZE);
	p2pdma_policy_show(policy, &s);
	KUNIT_ASSERT_FALSE(test, seq_buf_has_overflowed(&s));
	return (char *)seq_buf_str(&s);
}

/*
 * What parses, and how it is shown.
 */

struct good_case {
	const char *name;
	const char *text;
	enum p2pdma_mode mode;
	const char *shown;
};

static const struct good_case good_cases[] = {
	{ "auto", "auto", P2PDMA_AUTO, "auto" },
	{ "off", "off", P2PDMA_OFF, "off" },
	{ "switch", "switch", P2PDMA_SWITCH, "switch" },
	{ "host", "host", P2PDMA_HOST, "host" },
	{ "window alone is mode auto", "window", P2PDMA_AUTO, "auto,window" },
	{ "deny alone is mode auto", "deny=01:00.0", P2PDMA_AUTO,
	  "auto,deny=01:00.0" },
	{ "trust alone is mode auto", "trust=01:00.0", P2PDMA_AUTO,
	  "auto,trust=01:00.0" },

	{ "last mode wins, off first", "off,auto", P2PDMA_AUTO, "auto" },
	{ "last mode wins, off last", "auto,off", P2PDMA_OFF, "off" },
	{ "last mode wins of four", "off,host,auto,switch", P2PDMA_SWITCH,
	  "switch" },
	{ "last mode wins across other options",
	  "off,deny=01:00.0,host,window,trust=02:00.0", P2PDMA_HOST,
	  "host,deny=01:00.0,trust=02:00.0,window" },
	{ "the same mode twice", "off,off", P2PDMA_OFF, "off" },
	{ "window twice", "window,window", P2PDMA_AUTO, "auto,window" },

	{ "deny adds up", "deny=01:00.0,deny=02:00.0", P2PDMA_AUTO,
	  "auto,deny=01:00.0;02:00.0" },
	{ "trust adds up", "trust=01:00.0@w,trust=02:00.0", P2PDMA_AUTO,
	  "auto,trust=01:00.0@w;02:00.0" },
	{ "loopback adds up", "loopback=01:00.0,loopback=02:00.0;3:0.1",
	  P2PDMA_AUTO, "auto,loopback=01:00.0;02:00.0;3:0.1" },
	{ "loopback after trust, before window",
	  "window,loopback=1:0.0,trust=2:0.0@w,host", P2PDMA_HOST,
	  "host,trust=2:0.0@w,loopback=1:0.0,window" },
	{ "deny and trust apart", "trust=1:0.0,deny=2:0.0,trust=3:0.0@w,deny=4:0.0",
	  P2PDMA_AUTO, "auto,deny=2:0.0;4:0.0,trust=1:0.0;3:0.0@w" },
	{ "the same device twice", "deny=01:00.0;01:00.0", P2PDMA_AUTO,
	  "auto,deny=01:00.0;01:00.0" },
	{ "one device denied and trusted", "deny=1:0.0,trust=1:0.0",
	  P2PDMA_AUTO, "auto,deny=1:0.0,trust=1:0.0" },
	{ "a list of three", "deny=01:00.0;pci:8086:1234;02:03.4/5.6",
	  P2PDMA_AUTO, "auto,deny=01:00.0;pci:8086:1234;02:03.4/5.6" },

	{ "address without domain", "deny=ff:1f.7", P2PDMA_AUTO,
	  "auto,deny=ff:1f.7" },
	{ "address with domain", "deny=0000:ff:1f.7", P2PDMA_AUTO,
	  "auto,deny=0000:ff:1f.7" },
	{ "domain of one digit", "deny=0:0:0.0", P2PDMA_AUTO,
	  "auto,deny=0:0:0.0" },
	{ "domain of five digits", "deny=10000:01:00.0", P2PDMA_AUTO,
	  "auto,deny=10000:01:00.0" },
	{ "largest domain", "deny=7fffffff:01:00.0", P2PDMA_AUTO,
	  "auto,deny=7fffffff:01:00.0" },
	{ "upper case digits", "deny=ABCD:AF:1F.7", P2PDMA_AUTO,
	  "auto,deny=ABCD:AF:1F.7" },
	{ "leading zeros", "deny=00000000000000000001:0001:0001.01", P2PDMA_AUTO,
	  "auto,deny=00000000000000000001:0001:0001.01" },
	{ "path", "deny=0000:40:1c.2/03.1/0.0", P2PDMA_AUTO,
	  "auto,deny=0000:40:1c.2/03.1/0.0" },
	{ "path without domain", "deny=40:1c.2/03.1", P2PDMA_AUTO,
	  "auto,deny=40:1c.2/03.1" },
	{ "vendor and device", "deny=pci:8086:29c0", P2PDMA_AUTO,
	  "auto,deny=pci:8086:29c0" },
	{ "subsystem too", "deny=pci:8086:29c0:1af4:1100", P2PDMA_AUTO,
	  "auto,deny=pci:8086:29c0:1af4:1100" },
	{ "any device of a vendor", "deny=pci:8086:0", P2PDMA_AUTO,
	  "auto,deny=pci:8086:0" },
	{ "largest identifiers", "deny=pci:ffff:ffff:FFFF:ffff", P2PDMA_AUTO,
	  "auto,deny=pci:ffff:ffff:FFFF:ffff" },

	{ "trust for writes", "trust=01:00.0@w", P2PDMA_AUTO,
	  "auto,trust=01:00.0@w" },
	{ "trust for writes by identifiers", "trust=pci:8086:1234@w",
	  P2PDMA_AUTO, "auto,trust=pci:8086:1234@w" },
	{ "trust for writes by path", "trust=0:1c.0/0.0@w", P2PDMA_AUTO,
	  "auto,trust=0:1c.0/0.0@w" },
	{ "trust for writes is of one device", "trust=1:0.0@w;2:0.0;3:0.0@w",
	  P2PDMA_AUTO, "auto,trust=1:0.0@w;2:0.0;3:0.0@w" },

	{ "newline after it", "switch\n", P2PDMA_SWITCH, "switch" },
	{ "white space around it", " \t\r\n off,window\t\n\n", P2PDMA_OFF,
	  "off,window" },
	{ "newline after a device", "deny=01:00.0\n", P2PDMA_AUTO,
	  "auto,deny=01:00.0" },
	{ "newline after writes only", "trust=01:00.0@w\n", P2PDMA_AUTO,
	  "auto,trust=01:00.0@w" },
};

KUNIT_ARRAY_PARAM_DESC(good, good_cases, name);

static void parse_good(struct kunit *test)
{
	const struct good_case *param = test->param_value;
	struct p2pdma_policy *policy = parse(test, param->text);
	char *shown = show(test, policy);

	KUNIT_EXPECT_EQ(test, policy->mode, param->mode);
	KUNIT_EXPECT_STREQ(test, shown, param->shown);

	/* What is shown is a policy, and the same one. */
	policy = parse(test, shown);
	KUNIT_EXPECT_EQ(test, policy->mode, param->mode);
	KUNIT_EXPECT_STREQ(test, show(test, policy), param->shown);
}

/* The caller's text is not cut up. */
static void parse_leaves_the_text_alone(struct kunit *test)
{
	static const char text[] = " off,deny=1:0.0;2:0.0,trust=3:0.0@w\n";
	char copy[sizeof(text)];

	strscpy(copy, text);
	parse(test, copy);
	KUNIT_EXPECT_STREQ(test, copy, text);
}

/*
 * What does not parse, and the word that the error names.
 */

struct bad_case {
	const char *name;
	const char *text;
	const char *named;
};

#define NO_OPTION(word)	"unknown option \"" word "\""
#define NO_DENY(word)	"deny=: \"" word "\" is no PCI device"
#define NO_TRUST(word)	"trust=: \"" word "\" is no PCI device"
#define EMPTY		"an option is empty"

static const struct bad_case bad_cases[] = {
	{ "unknown word", "on", NO_OPTION("on") },
	{ "unknown word after good ones", "off,window,deny=1:0.0,always",
	  NO_OPTION("always") },
	{ "unknown word before good ones", "none,off,window",
	  NO_OPTION("none") },
	{ "unknown word in the middle", "off,swich,window", NO_OPTION("swich") },
	{ "the first of two unknown words", "foo,bar", NO_OPTION("foo") },
	{ "part of a word", "aut", NO_OPTION("aut") },
	{ "more than a word", "hosts", NO_OPTION("hosts") },
	{ "upper case", "OFF", NO_OPTION("OFF") },
	{ "a number", "1", NO_OPTION("1") },
	{ "a mode with a value", "off=1", NO_OPTION("off=1") },
	{ "window with a value", "window=1", NO_OPTION("window=1") },
	{ "the option's own name", "p2pdma=auto", NO_OPTION("p2pdma=auto") },
	{ "semicolon between options", "off;window", NO_OPTION("off;window") },
	{ "space between options", "off window", NO_OPTION("off window") },
	{ "space after a comma", "off, window", NO_OPTION(" window") },
	{ "quotes", "\"off\"", NO_OPTION("\"off\"") },
	{ "format characters", "%s%n%p", NO_OPTION("%s%n%p") },
	{ "bytes that are no text", "\xff\xfe\x01", NO_OPTION("\xff\xfe\x01") },
	{ "a device without option", "01:00.0", NO_OPTION("01:00.0") },

	{ "nothing", "", EMPTY },
	{ "white space", " \t\n", EMPTY },
	{ "a comma", ",", EMPTY },
	{ "commas", ",,,", EMPTY },
	{ "leading comma", ",auto", EMPTY },
	{ "trailing comma", "auto,", EMPTY },
	{ "two commas", "auto,,window", EMPTY },
	{ "trailing comma after a list", "deny=1:0.0,", EMPTY },

	{ "deny without value", "deny", NO_OPTION("deny") },
	{ "trust without value", "trust", NO_OPTION("trust") },
	{ "deny nothing", "deny=", NO_DENY("") },
	{ "loopback nothing", "loopback=", "loopback=: \"\" is no PCI device" },
	{ "loopback for writes", "loopback=1:0.0@w",
	  "loopback=: \"1:0.0@w\" is no PCI device" },
	{ "trust nothing", "trust=", NO_TRUST("") },
	{ "deny nothing in between", "off,deny=,window", NO_DENY("") },
	{ "a semicolon", "deny=;", NO_DENY("") },
	{ "leading semicolon", "deny=;1:0.0", NO_DENY("") },
	{ "trailing semicolon", "deny=1:0.0;", NO_DENY("") },
	{ "two semicolons", "trust=1:0.0;;2:0.0", NO_TRUST("") },
	{ "a comma in a list", "deny=1:0.0,2:0.0", NO_OPTION("2:0.0") },
	{ "an option in a list", "deny=1:0.0;off", NO_DENY("off") },
	{ "deny in a list", "trust=1:0.0;deny=2:0.0", NO_TRUST("deny=2:0.0") },
	{ "upper case deny", "Deny=1:0.0", NO_OPTION("Deny=1:0.0") },
	{ "space before the list", "deny= 1:0.0", NO_DENY(" 1:0.0") },
	{ "space in the list", "deny=1:0.0; 2:0.0", NO_DENY(" 2:0.0") },
	{ "space after a device", "deny=1:0.0 ;2:0.0", NO_DENY("1:0.0 ") },
	{ "newline in the list", "deny=1:0.0\n;2:0.0", NO_DENY("1:0.0\n") },

	{ "bad device first", "deny=x;1:0.0;2:0.0", NO_DENY("x") },
	{ "bad device in the middle", "deny=1:0.0;1:0.x;2:0.0",
	  NO_DENY("1:0.x") },
	{ "bad device last", "deny=1:0.0;2:0.0;3", NO_DENY("3") },
	{ "bad device in a later list", "deny=1:0.0,trust=2:0.0;3:0",
	  NO_TRUST("3:0") },

	{ "bus alone", "deny=01", NO_DENY("01") },
	{ "bus and colon", "deny=01:", NO_DENY("01:") },
	{ "no function", "deny=01:00", NO_DENY("01:00") },
	{ "no function after the dot", "deny=01:00.", NO_DENY("01:00.") },
	{ "no device", "deny=01:.0", NO_DENY("01:.0") },
	{ "no bus", "deny=:00.0", NO_DENY(":00.0") },
	{ "domain and bus", "deny=0000:01", NO_DENY("0000:01") },
	{ "domain, no function", "deny=0000:01:00", NO_DENY("0000:01:00") },
	{ "domain, no bus", "deny=0000::00.0", NO_DENY("0000::00.0") },
	{ "empty domain", "deny=:01:00.0", NO_DENY(":01:00.0") },
	{ "three colons", "deny=0:0:1:0.0", NO_DENY("0:0:1:0.0") },
	{ "device and function alone", "deny=00.0", NO_DENY("00.0") },
	{ "two functions", "deny=1:0.0.0", NO_DENY("1:0.0.0") },
	{ "more after it", "deny=1:0.0x", NO_DENY("1:0.0x") },
	{ "hexadecimal prefix", "deny=0x1:0.0", NO_DENY("0x1:0.0") },
	{ "negative bus", "deny=-1:0.0", NO_DENY("-1:0.0") },
	{ "plus sign", "deny=+1:0.0", NO_DENY("+1:0.0") },
	{ "no digit", "deny=0g:0.0", NO_DENY("0g:0.0") },
	{ "any device", "deny=*", NO_DENY("*") },
	{ "any function", "deny=1:0.*", NO_DENY("1:0.*") },

	{ "bus too large", "deny=100:0.0", NO_DENY("100:0.0") },
	{ "device too large", "deny=1:20.0", NO_DENY("1:20.0") },
	{ "function too large", "deny=1:0.8", NO_DENY("1:0.8") },
	{ "domain too large", "deny=80000000:1:0.0", NO_DENY("80000000:1:0.0") },
	{ "domain that wraps to 0", "deny=100000000:1:0.0",
	  NO_DENY("100000000:1:0.0") },
	{ "domain that wraps to 0 in 64 bits", "deny=10000000000000000:1:0.0",
	  NO_DENY("10000000000000000:1:0.0") },
	{ "bus that wraps to 1", "deny=10000000000000001:0.0",
	  NO_DENY("10000000000000001:0.0") },

	{ "path that begins with a slash", "deny=/0.0", NO_DENY("/0.0") },
	{ "path that ends with a slash", "deny=1:0.0/", NO_DENY("1:0.0/") },
	{ "path with two slashes", "deny=1:0.0//1.0", NO_DENY("1:0.0//1.0") },
	{ "path without function", "deny=1:0.0/1", NO_DENY("1:0.0/1") },
	{ "path with a bus in it", "deny=1:0.0/2:0.0", NO_DENY("1:0.0/2:0.0") },
	{ "path with device too large", "deny=1:0.0/20.0",
	  NO_DENY("1:0.0/20.0") },
	{ "path with function too large", "deny=1:0.0/0.8/1.0",
	  NO_DENY("1:0.0/0.8/1.0") },

	{ "pci without colon", "deny=pci", NO_DENY("pci") },
	{ "pci and nothing", "deny=pci:", NO_DENY("pci:") },
	{ "vendor alone", "deny=pci:8086", NO_DENY("pci:8086") },
	{ "vendor and colon", "deny=pci:8086:", NO_DENY("pci:8086:") },
	{ "no vendor", "deny=pci::1234", NO_DENY("pci::1234") },
	{ "colon after the device", "deny=pci:8086:1234:",
	  NO_DENY("pci:8086:1234:") },
	{ "subvendor alone", "deny=pci:8086:1234:1", NO_DENY("pci:8086:1234:1") },
	{ "subvendor and colon", "deny=pci:8086:1234:1:",
	  NO_DENY("pci:8086:1234:1:") },
	{ "five identifiers", "deny=pci:8086:1234:1:2:3",
	  NO_DENY("pci:8086:1234:1:2:3") },
	{ "vendor too large", "deny=pci:10000:1", NO_DENY("pci:10000:1") },
	{ "device identifier too large", "deny=pci:1:10000",
	  NO_DENY("pci:1:10000") },
	{ "subdevice too large", "deny=pci:1:1:1:10000",
	  NO_DENY("pci:1:1:1:10000") },
	{ "prefix in upper case", "deny=PCI:8086:1234", NO_DENY("PCI:8086:1234") },
	{ "identifier with prefix", "deny=pci:0x8086:1234",
	  NO_DENY("pci:0x8086:1234") },
	{ "path after identifiers", "deny=pci:8086:1234/0.0",
	  NO_DENY("pci:8086:1234/0.0") },

	{ "deny for writes", "deny=1:0.0@w", NO_DENY("1:0.0@w") },
	{ "deny for writes in a list", "deny=1:0.0;2:0.0@w;3:0.0",
	  NO_DENY("2:0.0@w") },
	{ "trust for writes of nothing", "trust=@w", NO_TRUST("@w") },
	{ "trust for reads", "trust=1:0.0@r", NO_TRUST("1:0.0@r") },
	{ "trust for upper case", "trust=1:0.0@W", NO_TRUST("1:0.0@W") },
	{ "trust for nothing", "trust=1:0.0@", NO_TRUST("1:0.0@") },
	{ "trust for both", "trust=1:0.0@rw", NO_TRUST("1:0.0@rw") },
	{ "trust for writes in a path", "trust=1:0.0@w/0.0",
	  NO_TRUST("1:0.0@w/0.0") },
	{ "trust for writes of a bad device", "trust=1:0@w", NO_TRUST("1:0") },
	{ "trust for writes twice", "trust=1:0.0@w@w", NO_TRUST("1:0.0@w") },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_cases, name);

static void parse_bad(struct kunit *test)
{
	const struct bad_case *param = test->param_value;
	struct p2pdma_policy *policy;
	char error[ERROR_SIZE];

	memset(error, 'x', sizeof(error));
	policy = parse_first(param->text, error, sizeof(error));
	if (!IS_ERR(policy)) {
		KUNIT_FAIL(test, "\"%s\" has been accepted, as \"%s\"",
			   param->text, show(test, policy));
		p2pdma_policy_free(policy);
		return;
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(policy), -EINVAL);
	KUNIT_ASSERT_LT(test, strnlen(error, sizeof(error)), sizeof(error));
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(error, param->named),
				  "%s; without: %s", error, param->named);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(error, "; write "),
				  "%s; does not tell how", error);
}

/* However long the word and however small the buffer, the error stays in it. */
static void parse_error_fits(struct kunit *test)
{
	char *text = kunit_kzalloc(test, 2 * COMMAND_LINE_SIZE, GFP_KERNEL);
	char buf[ERROR_SIZE + 1];
	size_t size;

	KUNIT_ASSERT_NOT_NULL(test, text);
	strscpy(text, "trust=", 2 * COMMAND_LINE_SIZE);
	memset(text + strlen(text), 'y', COMMAND_LINE_SIZE);

	for (size = 1; size <= ERROR_SIZE; size++) {
		memset(buf, 'x', sizeof(buf));
		KUNIT_EXPECT_EQ(test,
				PTR_ERR(parse_first(text, buf, size)),
				-EINVAL);
		KUNIT_EXPECT_LT(test, strnlen(buf, size), size);
		KUNIT_EXPECT_EQ(test, buf[size], 'x');
	}

	/* The word by its beginning, and still how it should be. */
	KUNIT_EXPECT_TRUE(test, strstarts(buf, "trust=: \"yyyyyyyy"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(buf, "is no PCI device"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(buf, "<subdevice>]"));

	buf[0] = 'x';
	p2pdma_policy_free(parse_first("auto", buf, 1));
	KUNIT_EXPECT_EQ(test, buf[0], '\0');
}

/* All mistakes, one to a line. */
static void note_all(const char *mistake, void *data)
{
	seq_buf_printf(data, "%s\n", mistake);
}

/* Not only the first mistake is named, whatever stands between them. */
static void parse_names_all_mistakes(struct kunit *test)
{
	static const char * const mistakes[] = {
		NO_OPTION("foo"), NO_DENY("x"), NO_DENY("y"), EMPTY,
		NO_TRUST("1:0"), NO_OPTION("bar"),
	};
	char *text = kunit_kzalloc(test, SHOWN_SIZE, GFP_KERNEL), *at = text;
	struct seq_buf s;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, SHOWN_SIZE);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(p2pdma_policy_parse("foo,off,deny=x;1:0.0;y,,trust=1:0@w,bar",
						    note_all, &s)));
	seq_buf_str(&s);
	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, strstarts(at, mistakes[i]),
				      "%s, and not %s", at, mistakes[i]);
		at = strchrnul(at, '\n');
		at += !!*at;
	}
	KUNIT_EXPECT_STREQ(test, at, "");

	/* Of very many the log has some. */
	seq_buf_clear(&s);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(p2pdma_policy_parse(",,,,,,,,,,,,,,,,,,,",
						    note_all, &s)));
	seq_buf_str(&s);
	for (at = text, i = 0; strstarts(at, EMPTY); i++)
		at = strchr(at, '\n') + 1;
	KUNIT_EXPECT_EQ(test, i, 16);
	KUNIT_EXPECT_STREQ(test, at, "and 4 mistakes more\n");
}

/* A path: 0:1f.7/1f.7/... */
static char *deep_path(struct kunit *test, int hops)
{
	size_t size = 32 + 5 * hops;
	char *text = kunit_kzalloc(test, size, GFP_KERNEL);
	struct seq_buf s;

	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, size);
	seq_buf_puts(&s, "deny=0:1f.7");
	while (--hops)
		seq_buf_puts(&s, "/1f.7");
	return (char *)seq_buf_str(&s);
}

static void parse_deep_path(struct kunit *test)
{
	static const int too_deep[] = { 33, 34, 64, 256, 257, 400 };
	char error[ERROR_SIZE];
	char *text;
	int i;

	text = deep_path(test, 32);
	KUNIT_EXPECT_STREQ(test, show(test, parse(test, text)) +
			   strlen("auto,"), text);

	for (i = 0; i < ARRAY_SIZE(too_deep); i++) {
		KUNIT_EXPECT_EQ_MSG(test,
				    PTR_ERR(parse_first(deep_path(test, too_deep[i]),
							error, sizeof(error))),
				    -EINVAL, "%d hops", too_deep[i]);
		KUNIT_EXPECT_TRUE(test,
				  strstarts(error, "deny=: \"0:1f.7/1f.7/"));
	}
}

/* As long as the kernel takes a command line, and full of devices. */
static char *longest_text(struct kunit *test)
{
	char *text = kunit_kzalloc(test, COMMAND_LINE_SIZE, GFP_KERNEL);
	struct seq_buf s;

	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, COMMAND_LINE_SIZE);
	seq_buf_puts(&s, "deny=fffe:ff:1e.6");
	while (seq_buf_buffer_left(&s) > strlen(";fffe:ff:1e.7"))
		seq_buf_puts(&s, ";fffe:ff:1e.7");
	while (seq_buf_buffer_left(&s) > 1)
		seq_buf_putc(&s, '\n');
	seq_buf_str(&s);
	KUNIT_ASSERT_EQ(test, strlen(text), COMMAND_LINE_SIZE - 1);
	return text;
}

static void parse_longest(struct kunit *test)
{
	char *text = longest_text(test);
	char *shown = show(test, parse(test, text));
	char error[ERROR_SIZE];
	char *device;

	KUNIT_EXPECT_TRUE(test, strstarts(shown, "auto,deny=fffe:ff:1e.6;"));
	KUNIT_EXPECT_STREQ(test, shown + strlen("auto,"), strim(text));

	/* One bad device at the very end, then one in the middle. */
	device = strrchr(text, ';') + 1;
	device[strlen(device) - 1] = '8';
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(parse_first(text, error, sizeof(error))),
			-EINVAL);
	KUNIT_EXPECT_TRUE(test, strstarts(error, NO_DENY("fffe:ff:1e.8")));

	device = strchr(text + COMMAND_LINE_SIZE / 2, ';') + 1;
	device[0] = 'g';
	KUNIT_EXPECT_EQ(test,
			PTR_ERR(parse_first(text, error, sizeof(error))),
			-EINVAL);
	KUNIT_EXPECT_TRUE(test, strstarts(error, NO_DENY("gffe:ff:1e.7")));
}

/* As many options as a command line holds. */
static void parse_many_options(struct kunit *test)
{
	char *text = kunit_kzalloc(test, COMMAND_LINE_SIZE, GFP_KERNEL);
	struct p2pdma_policy *policy;
	struct seq_buf s;

	KUNIT_ASSERT_NOT_NULL(test, text);
	seq_buf_init(&s, text, COMMAND_LINE_SIZE);
	while (seq_buf_buffer_left(&s) >
	       strlen("off,deny=1:0.0,trust=1:0.0@w,") + strlen("host"))
		seq_buf_puts(&s, "off,deny=1:0.0,trust=1:0.0@w,");
	seq_buf_puts(&s, "host");

	policy = parse(test, seq_buf_str(&s));
	KUNIT_EXPECT_EQ(test, policy->mode, P2PDMA_HOST);
	text = show(test, policy);
	KUNIT_EXPECT_TRUE(test, strstarts(text, "host,deny=1:0.0;1:0.0;"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, ",trust=1:0.0@w;1:0.0@w;"));
	KUNIT_EXPECT_STREQ(test, show(test, parse(test, text)), text);
}

/*
 * Whatever is thrown at it either parses, and is then shown as a text that parses
 * to the same, or gives -EINVAL and an error.
 */
static void check_any(struct kunit *test, const char *text)
{
	char error[ERROR_SIZE], shown[512], again[512];
	struct p2pdma_policy *policy;
	struct seq_buf s;

	policy = parse_first(text, error, sizeof(error));
	if (IS_ERR(policy)) {
		if (PTR_ERR(policy) != -EINVAL || !*error)
			KUNIT_FAIL(test, "\"%s\": error %ld, \"%s\"", text,
				   PTR_ERR(policy), error);
		return;
	}
	seq_buf_init(&s, shown, sizeof(shown));
	p2pdma_policy_show(policy, &s);
	seq_buf_str(&s);
	if (*error)
		KUNIT_FAIL(test, "\"%s\" parses, with the error \"%s\"", text,
			   error);
	p2pdma_policy_free(policy);

	policy = parse_first(shown, error, sizeof(error));
	if (IS_ERR(policy)) {
		KUNIT_FAIL(test, "\"%s\" is shown as \"%s\": %s", text, shown,
			   error);
		return;
	}
	seq_buf_init(&s, again, sizeof(again));
	p2pdma_policy_show(policy, &s);
	seq_buf_str(&s);
	if (strcmp(shown, again))
		KUNIT_FAIL(test, "\"%s\" is shown as \"%s\", then as \"%s\"",
			   text, shown, again);
	p2pdma_policy_free(policy);
}

static void parse_random_words(struct kunit *test)
{
	static const char * const words[] = {
		"auto", "off", "switch", "host", "window", "deny=", "trust=",
		",", ",", ",", ";", "@w", "pci:", "8086:29c0", "1:0.0",
		"0:1f.7/0.0", "10000:", ":", ".", "/", "0", "ffff", "x", " ",
		"\n",
	};
	struct rnd_state rng;
	int i;

	prandom_seed_state(&rng, 6012);
	for (i = 0; i < 3000; i++) {
		int count = prandom_u32_state(&rng) % 10;
		char text[160] = "";

		while (count--)
			strlcat(text,
				words[prandom_u32_state(&rng) %
				      ARRAY_SIZE(words)],
				sizeof(text));
		check_any(test, text);
	}
}

/* A good text with one character left out, doubled or replaced. */
static void parse_one_character_wrong(struct kunit *test)
{
	static const char good[] =
		"off,deny=0000:01:02.3/4.5;pci:8086:29c0:1:2,trust=6:7.0@w,window";
	static const char others[] = " ,;:./@w=0fxg\n\xff";
	char text[sizeof(good) + 1];
	int at, i;

	for (at = 0; at < strlen(good); at++) {
		strscpy(text, good);
		memmove(text + at, good + at + 1, strlen(good + at));
		check_any(test, text);

		memcpy(text + at + 1, good + at, strlen(good + at) + 1);
		text[at] = good[at];
		check_any(test, text);

		strscpy(text, good);
		for (i = 0; i < strlen(others); i++) {
			text[at] = others[i];
			check_any(test, text);
		}
	}
}

/*
 * Which devices an entry stands for.
 */

/*
 *	domain 12345
 *	bus 40	1c.2 port
 *	bus 41	 \- 03.1 function
 *		 \- 03.5 its virtual function
 *	bus 40	00.0 integrated
 */
struct fake {
	struct pci_bus root;
	struct pci_bus below;
	struct pci_dev port;
	struct pci_dev function;
	struct pci_dev virtual;
	struct pci_dev integrated;
#ifdef CONFIG_X86
	struct pci_sysdata sysdata;
#endif
};

#define FAKE_DOMAIN	0x12345

static void fake_domain(struct fake *fake, struct pci_bus *bus)
{
#if defined(CONFIG_PCI_DOMAINS_GENERIC)
	bus->domain_nr = FAKE_DOMAIN;
#elif defined(CONFIG_X86)
	fake->sysdata.domain = FAKE_DOMAIN;
	bus->sysdata = &fake->sysdata;
#endif
}

static struct fake *make_fake(struct kunit *test)
{
	struct fake *fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake_domain(fake, &fake->root);
	fake_domain(fake, &fake->below);
	if (pci_domain_nr(&fake->root) != FAKE_DOMAIN)
		kunit_skip(test, "no way here to set a PCI domain");

	fake->root.number = 0x40;
	fake->below.number = 0x41;
	fake->below.parent = &fake->root;
	fake->below.self = &fake->port;

	fake->port.bus = &fake->root;
	fake->port.devfn = PCI_DEVFN(0x1c, 2);
	fake->port.vendor = 0x1b36;
	fake->port.device = 0x000c;

	fake->function.bus = &fake->below;
	fake->function.devfn = PCI_DEVFN(3, 1);
	fake->function.vendor = 0x8086;
	fake->function.device = 0x5845;
	fake->function.subsystem_vendor = 0x1af4;
	fake->function.subsystem_device = 0x1100;

	fake->virtual = fake->function;
	fake->virtual.devfn = PCI_DEVFN(3, 5);
	fake->virtual.device = 0x5846;
	fake->virtual.is_virtfn = 1;
	fake->virtual.physfn = &fake->function;

	fake->integrated.bus = &fake->root;
	fake->integrated.vendor = 0x8086;
	fake->integrated.device = 0x0b25;
	return fake;
}

enum { PORT = BIT(0), FUNCTION = BIT(1), VIRTUAL = BIT(2), INTEGRATED = BIT(3) };

struct match_case {
	const char *name;
	const char *device;
	unsigned int stands_for;
};

static const struct match_case match_cases[] = {
	{ "address", "12345:41:03.1", FUNCTION },
	{ "address of a virtual function", "12345:41:3.5", VIRTUAL },
	{ "address of a port", "12345:40:1c.2", PORT },
	{ "address on the root bus", "12345:40:00.0", INTEGRATED },
	{ "other domain", "2345:41:03.1", 0 },
	{ "no domain is domain 0", "41:03.1", 0 },
	{ "other bus", "12345:40:03.1", 0 },
	{ "other device", "12345:41:04.1", 0 },
	{ "other function", "12345:41:03.0", 0 },

	{ "path", "12345:40:1c.2/03.1", FUNCTION },
	{ "path to a virtual function", "12345:40:1c.2/03.5", VIRTUAL },
	{ "path from another bus", "12345:41:1c.2/03.1", 0 },
	{ "path from another domain", "2345:40:1c.2/03.1", 0 },
	{ "path by another port", "12345:40:1c.1/03.1", 0 },
	{ "path to another function", "12345:40:1c.2/03.2", 0 },
	{ "path that starts above the root bus",
	  "12345:40:00.0/1c.2/03.1", 0 },
	{ "path that goes on below the function",
	  "12345:40:1c.2/03.1/00.0", 0 },
	{ "path that ends at a port of that number", "12345:40:03.1/1c.2", 0 },

	{ "identifiers", "pci:8086:5845", FUNCTION },
	{ "identifiers of a virtual function", "pci:8086:5846", VIRTUAL },
	{ "identifiers and subsystem", "pci:8086:5845:1af4:1100", FUNCTION },
	{ "other vendor", "pci:8087:5845", 0 },
	{ "other subvendor", "pci:8086:5845:1af5:1100", 0 },
	{ "other subdevice", "pci:8086:5845:1af4:1101", 0 },
	{ "any device of a vendor", "pci:8086:0",
	  FUNCTION | VIRTUAL | INTEGRATED },
	{ "any vendor", "pci:0:5845", FUNCTION },
	{ "any of a subvendor", "pci:0:0:1af4:0", FUNCTION | VIRTUAL },
	{ "any of a subdevice", "pci:0:0:0:1100", FUNCTION | VIRTUAL },
	{ "any at all", "pci:0:0", PORT | FUNCTION | VIRTUAL | INTEGRATED },
};

KUNIT_ARRAY_PARAM_DESC(match, match_cases, name);

static unsigned int denied(struct fake *fake,
			   const struct p2pdma_policy *policy)
{
	return (p2pdma_policy_denies(policy, &fake->port) ? PORT : 0) |
	       (p2pdma_policy_denies(policy, &fake->function) ? FUNCTION : 0) |
	       (p2pdma_policy_denies(policy, &fake->virtual) ? VIRTUAL : 0) |
	       (p2pdma_policy_denies(policy, &fake->integrated) ?
		INTEGRATED : 0);
}

static void deny_matches(struct kunit *test)
{
	const struct match_case *param = test->param_value;
	struct fake *fake = make_fake(test);
	char text[128];

	snprintf(text, sizeof(text), "deny=%s", param->device);
	KUNIT_EXPECT_EQ(test, denied(fake, parse(test, text)),
			param->stands_for);

	/* Wherever in a list it stands. */
	snprintf(text, sizeof(text), "off,deny=fe:0.0;%s;fd:0.0,deny=fc:0.0",
		 param->device);
	KUNIT_EXPECT_EQ(test, denied(fake, parse(test, text)),
			param->stands_for);

	/* What is trusted is not denied. */
	snprintf(text, sizeof(text), "trust=%s", param->device);
	KUNIT_EXPECT_EQ(test, denied(fake, parse(test, text)), 0);
}

/* A path finds a device whatever number its bus has been given. */
static void deny_matches_after_renumbering(struct kunit *test)
{
	struct p2pdma_policy *address = parse(test, "deny=12345:41:3.1");
	struct p2pdma_policy *path = parse(test, "deny=12345:40:1c.2/3.1");
	struct fake *fake = make_fake(test);

	KUNIT_EXPECT_EQ(test, denied(fake, address), FUNCTION);
	KUNIT_EXPECT_EQ(test, denied(fake, path), FUNCTION);
	fake->below.number = 0x77;
	KUNIT_EXPECT_EQ(test, denied(fake, address), 0);
	KUNIT_EXPECT_EQ(test, denied(fake, path), FUNCTION);
}

static void deny_several(struct kunit *test)
{
	struct fake *fake = make_fake(test);

	KUNIT_EXPECT_EQ(test, denied(fake, parse(test, "off")), 0);
	KUNIT_EXPECT_EQ(test,
			denied(fake, parse(test, "deny=12345:41:3.1;pci:8086:b25")),
			FUNCTION | INTEGRATED);
	KUNIT_EXPECT_EQ(test,
			denied(fake,
			       parse(test, "deny=12345:41:3.1,host,deny=12345:40:1c.2")),
			FUNCTION | PORT);
}

/*
 * The active policy.
 */

/* Of devices that no machine has, so that nothing is denied or trusted. */
#define OWN_POLICY	"switch,deny=fffe:fe:1e.6,trust=fffe:fd:1e.6@w,window"

static void policy_restore(void *text)
{
	WARN_ON(p2pdma_policy_set(text));
	kfree(text);
}

/* What the active policy says. */
static enum p2pdma_mode mode_now(void)
{
	guard(rcu)();
	return p2pdma_active_policy()->policy->mode;
}

static bool denied_now(struct pci_dev *pdev)
{
	guard(rcu)();
	return p2pdma_policy_denies(p2pdma_active_policy()->policy, pdev);
}

static bool trusted_now(struct pci_host_bridge *host, bool reads)
{
	guard(rcu)();
	return p2pdma_admin_trusts(p2pdma_active_policy(), host, reads);
}

/* Restore the active policy after the test. */
static void keep_policy(struct kunit *test)
{
	char *text = p2pdma_policy_get();

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, policy_restore, text),
			0);
}

static void expect_policy(struct kunit *test, const char *wanted)
{
	char *text = p2pdma_policy_get();

	KUNIT_EXPECT_NOT_NULL(test, text);
	if (text)
		KUNIT_EXPECT_STREQ(test, text, wanted);
	kfree(text);
}

static void set_each_mode(struct kunit *test)
{
	static const struct {
		const char *text;
		enum p2pdma_mode mode;
	} modes[] = {
		{ "off", P2PDMA_OFF }, { "switch", P2PDMA_SWITCH },
		{ "host", P2PDMA_HOST }, { "auto", P2PDMA_AUTO },
	};
	int i;

	keep_policy(test);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		int generation = p2pdma_generation();

		KUNIT_EXPECT_EQ(test, p2pdma_policy_set(modes[i].text), 0);
		KUNIT_EXPECT_EQ(test, mode_now(), modes[i].mode);
		KUNIT_EXPECT_NE_MSG(test, p2pdma_generation(), generation,
				    "routes of before are still good");
		expect_policy(test, modes[i].text);
	}
}

/* Adding up is for one text; the next one starts anew. */
static void set_replaces_everything(struct kunit *test)
{
	struct fake *fake = make_fake(test);

	keep_policy(test);
	KUNIT_ASSERT_EQ(test,
			p2pdma_policy_set("off,deny=12345:41:3.1,trust=fffe:fd:1e.6,window"),
			0);
	KUNIT_EXPECT_TRUE(test, denied_now(&fake->function));
	KUNIT_EXPECT_FALSE(test, denied_now(&fake->integrated));

	KUNIT_ASSERT_EQ(test, p2pdma_policy_set("deny=pci:8086:b25\n"), 0);
	expect_policy(test, "auto,deny=pci:8086:b25");
	KUNIT_EXPECT_EQ(test, mode_now(), P2PDMA_AUTO);
	KUNIT_EXPECT_FALSE(test, denied_now(&fake->function));
	KUNIT_EXPECT_TRUE(test, denied_now(&fake->integrated));

	KUNIT_ASSERT_EQ(test, p2pdma_policy_set("auto"), 0);
	expect_policy(test, "auto");
	KUNIT_EXPECT_FALSE(test, denied_now(&fake->integrated));
}

static void set_garbage_changes_nothing(struct kunit *test)
{
	struct fake *fake = make_fake(test);
	int i, generation;

	keep_policy(test);
	KUNIT_ASSERT_EQ(test,
			p2pdma_policy_set(OWN_POLICY ",deny=12345:41:3.1"), 0);
	generation = p2pdma_generation();

	for (i = 0; i < ARRAY_SIZE(bad_cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, p2pdma_policy_set(bad_cases[i].text),
				    -EINVAL, "%s", bad_cases[i].name);

	expect_policy(test,
		      "switch,deny=fffe:fe:1e.6;12345:41:3.1,trust=fffe:fd:1e.6@w,window");
	KUNIT_EXPECT_EQ(test, mode_now(), P2PDMA_SWITCH);
	KUNIT_EXPECT_EQ(test, p2pdma_generation(), generation);
	KUNIT_EXPECT_TRUE(test, denied_now(&fake->function));
	KUNIT_EXPECT_FALSE(test, denied_now(&fake->integrated));
}

/* Not even by the good options that stand before the bad one. */
static void set_half_good_changes_nothing(struct kunit *test)
{
	struct fake *fake = make_fake(test);

	keep_policy(test);
	KUNIT_ASSERT_EQ(test, p2pdma_policy_set("off,deny=12345:41:3.1"), 0);

	KUNIT_EXPECT_EQ(test, p2pdma_policy_set("auto,oops"), -EINVAL);
	KUNIT_EXPECT_EQ(test, mode_now(), P2PDMA_OFF);
	KUNIT_EXPECT_EQ(test, p2pdma_policy_set("auto,deny=pci:8086:b25;1:0"),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, denied_now(&fake->integrated));
	KUNIT_EXPECT_TRUE(test, denied_now(&fake->function));
	expect_policy(test, "off,deny=12345:41:3.1");
}

static int locked_down(void)
{
	return -EPERM;
}

/* Under lockdown root may forbid, and may not trust what the kernel does not know. */
static void set_under_lockdown(struct kunit *test)
{
	keep_policy(test);
	KUNIT_ASSERT_EQ(test, p2pdma_policy_set("host,trust=fffe:fd:1e.6"), 0);
	kunit_activate_static_stub(test, p2pdma_locked_down, locked_down);
	KUNIT_EXPECT_EQ(test, p2pdma_policy_set("auto,trust=fffe:fc:1e.6"),
			-EPERM);
	KUNIT_EXPECT_EQ(test, p2pdma_policy_set("auto,trust=fffe:fc:1e.6@w"),
			-EPERM);
	expect_policy(test, "host,trust=fffe:fd:1e.6");
	KUNIT_EXPECT_EQ(test,
			p2pdma_policy_set("auto,deny=fffe:fd:1e.6,window"), 0);
	expect_policy(test, "auto,deny=fffe:fd:1e.6,window");
	kunit_deactivate_static_stub(test, p2pdma_locked_down);
}

static void set_longest(struct kunit *test)
{
	char *text = longest_text(test);
	char *shown;

	keep_policy(test);
	shown = show(test, parse(test, text));
	KUNIT_ASSERT_EQ(test, p2pdma_policy_set(text), 0);
	expect_policy(test, shown);

	/* With a bad device at the end it is not taken at all. */
	strim(text)[strlen(strim(text)) - 1] = 'x';
	KUNIT_EXPECT_EQ(test, p2pdma_policy_set(text), -EINVAL);
	expect_policy(test, shown);
}

KUNIT_DEFINE_ACTION_WRAPPER(device_put_action, pci_dev_put, struct pci_dev *);

/* A device of this machine; below @host if that is given, and not @other. */
static struct pci_dev *real_device(struct kunit *test,
				   struct pci_host_bridge *host,
				   struct pci_dev *other)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (pdev != other &&
		    (!host || pci_find_host_bridge(pdev->bus) == host))
			break;
	if (!pdev)
		kunit_skip(test, "this machine has too few PCI devices");
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, device_put_action,
						  pdev), 0);
	return pdev;
}

/* Set a policy, and see what it trusts a bridge for. */
static __printf(5, 6) void expect_trust(struct kunit *test,
					struct pci_host_bridge *host,
					bool writes, bool reads,
					const char *policy, ...)
{
	char text[128];
	va_list args;

	va_start(args, policy);
	vsnprintf(text, sizeof(text), policy, args);
	va_end(args);

	KUNIT_EXPECT_EQ_MSG(test, p2pdma_policy_set(text), 0, "%s", text);
	KUNIT_EXPECT_EQ_MSG(test, trusted_now(host, false), writes,
			    "%s, writes", text);
	KUNIT_EXPECT_EQ_MSG(test, trusted_now(host, true), reads,
			    "%s, reads", text);
}

/*
 * On whatever device this machine has; forcing its bridge taints the kernel and is
 * warned of, which is as it should be.
 */
static void trust_by_direction(struct kunit *test)
{
	struct pci_dev *pdev = real_device(test, NULL, NULL);
	struct pci_host_bridge *host = pci_find_host_bridge(pdev->bus);
	const char *name = pci_name(pdev);

	keep_policy(test);
	expect_trust(test, host, true, false, "trust=%s@w", name);
	expect_trust(test, host, true, true, "trust=%s", name);
	expect_trust(test, host, true, true, "switch,trust=fffe:0:0.0;%s",
		     name);

	/* Two entries for one device add up, in either order. */
	expect_trust(test, host, true, true, "trust=%s;pci:%x:%x@w", name,
		     pdev->vendor, pdev->device);
	expect_trust(test, host, true, true, "trust=pci:%x:%x@w,trust=%s",
		     pdev->vendor, pdev->device, name);
	expect_trust(test, host, true, false, "trust=pci:%x:%x@w;%s@w",
		     pdev->vendor, pdev->device, name);

	/* Denying a device trusts nobody, and nobody else is trusted. */
	expect_trust(test, host, false, false, "deny=%s", name);
	expect_trust(test, host, false, false, OWN_POLICY);
	expect_trust(test, host, false, false, "auto");
}

/* Devices below one bridge stand for the same, and add up. */
static void trust_by_several_devices(struct kunit *test)
{
	struct pci_dev *first = real_device(test, NULL, NULL);
	struct pci_host_bridge *host = pci_find_host_bridge(first->bus);
	struct pci_dev *second = real_device(test, host, first);
	char a[32], b[32];

	snprintf(a, sizeof(a), "%s", pci_name(first));
	snprintf(b, sizeof(b), "%s", pci_name(second));

	keep_policy(test);
	expect_trust(test, host, true, false, "trust=%s@w;%s@w", a, b);
	expect_trust(test, host, true, true, "trust=%s;%s@w", a, b);
	expect_trust(test, host, true, true, "trust=%s@w;%s", a, b);
	expect_trust(test, host, true, true, "trust=%s;%s", a, b);
	expect_trust(test, host, true, false, "trust=%s@w,deny=%s", a, b);
}

static struct kunit_case p2pdma_policy_cases[] = {
	KUNIT_CASE_PARAM(parse_good, good_gen_params),
	KUNIT_CASE(parse_leaves_the_text_alone),
	KUNIT_CASE_PARAM(parse_bad, bad_gen_params),
	KUNIT_CASE(parse_error_fits),
	KUNIT_CASE(parse_names_all_mistakes),
	KUNIT_CASE(parse_deep_path),
	KUNIT_CASE(parse_longest),
	KUNIT_CASE(parse_many_options),
	KUNIT_CASE(parse_random_words),
	KUNIT_CASE(parse_one_character_wrong),
	KUNIT_CASE_PARAM(deny_matches, match_gen_params),
	KUNIT_CASE(deny_matches_after_renumbering),
	KUNIT_CASE(deny_several),
	KUNIT_CASE(set_each_mode),
	KUNIT_CASE(set_replaces_everything),
	KUNIT_CASE(set_garbage_changes_nothing),
	KUNIT_CASE(set_half_good_changes_nothing),
	KUNIT_CASE(set_under_lockdown),
	KUNIT_CASE(set_longest),
	KUNIT_CASE(trust_by_direction),
	KUNIT_CASE(trust_by_several_devices),
	{}
};

static struct kunit_suite p2pdma_policy_suite = {
	.name = "p2pdma_policy",
	.test_cases = p2pdma_policy_cases,
};

kunit_test_suite(p2pdma_policy_suite);

MODULE_DESCRIPTION("KUnit tests of the P2PDMA policy");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
