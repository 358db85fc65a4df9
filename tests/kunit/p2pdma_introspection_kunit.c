// SPDX-License-Identifier: GPL-2.0
/*
 * What people are shown: paths, providers, the route cache, counters, events.
 *
 * Each fabric is drawn by hand, and what the files must say of it is worked out
 * from the drawing and from Documentation/ABI/testing.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/trace_events.h>
#include <linux/workqueue.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "../../drivers/pci/p2pdma/trace.h"
#include "fabric_fn.h"
#include "fabric_sg.h"
#include "fabric_single.h"
#include "mock_iommu.h"

#define TEXT_MAX SZ_16K

/*
 * Text.
 */

/* Replace {NAME} by the address of that function, {host:NAME} by its host bridge. */
static const char *expand(struct fabric *fabric, const char *picture)
{
	char *text = kunit_kzalloc(fabric->test, TEXT_MAX, GFP_KERNEL);
	struct seq_buf s;
	char name[32];

	KUNIT_ASSERT_NOT_NULL(fabric->test, text);
	seq_buf_init(&s, text, TEXT_MAX);
	while (*picture) {
		size_t len = strcspn(picture, "{");
		const char *word = picture + len + 1;
		struct pci_dev *pdev;

		seq_buf_putmem(&s, picture, len);
		if (!picture[len])
			break;
		picture = strchr(word, '}') + 1;
		strscpy(name, word, min_t(size_t, sizeof(name), picture - word));
		if (strstarts(name, "host:")) {
			pdev = fabric_dev(fabric, name + 5);
			seq_buf_puts(&s, dev_name(&pci_find_host_bridge(pdev->bus)->dev));
		} else {
			seq_buf_puts(&s, pci_name(fabric_dev(fabric, name)));
		}
	}
	KUNIT_ASSERT_FALSE(fabric->test, seq_buf_has_overflowed(&s));
	return seq_buf_str(&s);
}

/* The whole text is this; the first line that differs is named. */
static void expect_text(struct fabric *fabric, const char *got,
			const char *picture)
{
	const char *want = expand(fabric, picture);
	int line;

	for (line = 1; *want || *got; line++) {
		size_t want_len = strcspn(want, "\n");
		size_t got_len = strcspn(got, "\n");

		if (want_len != got_len || memcmp(want, got, got_len)) {
			KUNIT_FAIL(fabric->test,
				   "line %d is \"%.*s\", expected \"%.*s\"", line,
				   (int)got_len, got, (int)want_len, want);
			return;
		}
		want += want_len + !!want[want_len];
		got += got_len + !!got[got_len];
	}
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; *text; text = strchrnul(text, '\n'), text += !!*text)
		if (!strncmp(text, line, len) && (text[len] == '\n' || !text[len]))
			return true;
	return false;
}

/* The text has these lines, wherever. */
static void expect_lines(struct fabric *fabric, const char *text,
			 const char *picture)
{
	char *want = (char *)expand(fabric, picture), *line;

	while ((line = strsep(&want, "\n")))
		if (*line)
			KUNIT_EXPECT_TRUE_MSG(fabric->test, has_line(text, line),
					      "no line \"%s\" in:\n%s", line,
					      text);
}

static void free_text(void *text)
{
	kvfree(text);
}

/* What the file path answers to a question. */
static const char *ask(struct fabric *fabric, int want, const char *picture)
{
	char *query, *text = NULL;

	query = kunit_kstrdup(fabric->test, expand(fabric, picture), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fabric->test, query);
	KUNIT_EXPECT_EQ_MSG(fabric->test, want, p2pdma_path_answer(query, &text),
			    "%s", picture);
	KUNIT_ASSERT_NOT_NULL(fabric->test, text);
	KUNIT_ASSERT_EQ(fabric->test, 0,
			kunit_add_action_or_reset(fabric->test, free_text,
						  text));
	return text;
}

/* What a file gives. */
static const char *show(struct kunit *test,
			int (*fn)(struct seq_file *m, void *unused))
{
	struct seq_file m = { .size = SZ_64K };

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	KUNIT_ASSERT_EQ(test, 0, fn(&m, NULL));
	KUNIT_ASSERT_LT(test, m.count, m.size);
	return m.buf;
}

/* What p2pdma_counters of a function gives. */
static const char *counters(struct fabric *fabric, const char *client)
{
	struct bin_attribute **attr = pci_p2pdma_routes_group.bin_attrs;
	struct pci_dev *pdev = fabric_dev(fabric, client);
	char *text = kunit_kzalloc(fabric->test, TEXT_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(fabric->test, text);
	while (strcmp((*attr)->attr.name, "p2pdma_counters"))
		KUNIT_ASSERT_NOT_NULL(fabric->test, *++attr);
	KUNIT_ASSERT_GE(fabric->test,
			(*attr)->read(NULL, &pdev->dev.kobj, *attr, text, 0,
				      TEXT_MAX - 1), 0);
	return text;
}

/*
 * path
 */

#define ALL_ACS "acscap=SV,TB,RR,CR,UF,EC,DT "
#define NO_ACS "acscap=absent acsctl=- egress=- "
#define AWAKE "memory=on master=on power=D0\n"

/*
 * A switch whose client side redirects what its vector names, and completions.
 * (Only what has memory, and what is above it, decodes.)
 */
static void introspection_path_switch(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r id=1fab:0001 acs=RR,CR,UF\n"
		"    up u\n"
		"      dp c acs=RR,UF,EC egress=1\n"
		"        ep client bar0=2M\n"
		"      dp p acs=CR,UF\n"
		"        ep provider bar0=2M\n",
		NAMES("client"), NAMES("provider"));

	expect_text(fabric, ask(fabric, 0, "{client} {provider}\n"),
		    "path {client} {provider} distance=4 meets=switch\n"
		    "hop client {client} endpoint " NO_ACS AWAKE
		    "hop client-side {c} downstream-port " ALL_ACS
		    "acsctl=RR,UF,EC egress=set " AWAKE
		    "hop common {u} upstream-port " NO_ACS AWAKE
		    "hop above {r} root-port " ALL_ACS
		    "acsctl=RR,CR,UF egress=- " AWAKE
		    "hop provider-side {p} downstream-port " ALL_ACS
		    "acsctl=CR,UF egress=- " AWAKE
		    "hop provider {provider} endpoint " NO_ACS AWAKE
		    "host both {host:r} function={r} id=1fab:0001 listed=no trust=none\n"
		    "route 0 write not-supported host-bridge-untrusted -\n"
		    "obstacle 0 write acs-request {c}\n"
		    "facts 0 write auto -\n"
		    "route 0 read not-supported host-bridge-untrusted -\n"
		    "obstacle 0 read acs-request {c}\n"
		    "obstacle 0 read acs-completion {p}\n"
		    "facts 0 read auto -\n");

	/* The other way round the sides change places. */
	fabric_client(fabric, "provider");
	expect_lines(fabric, ask(fabric, 0, " {provider}  {client} "),
		     "path {provider} {client} distance=4 meets=switch\n"
		     "hop client-side {p} downstream-port " ALL_ACS
		     "acsctl=CR,UF egress=- " AWAKE
		     "hop provider-side {c} downstream-port " ALL_ACS
		     "acsctl=RR,UF,EC egress=set " AWAKE);

	/* A vector that does not name the other side lets the request across. */
	fabric_set_egress(fabric, "c", BIT(0));
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "hop client-side {c} downstream-port " ALL_ACS
		     "acsctl=RR,UF,EC egress=clear " AWAKE
		     "route 0 write bus-address direct -\n"
		     "facts 0 write auto crosses\n"
		     "route 0 read not-supported host-bridge-untrusted -\n"
		     "obstacle 0 read acs-completion {p}\n"
		     "facts 0 read auto crosses\n");

	/* Trusted for writes, which go direct anyway, then for all. */
	fabric_policy(test, "auto,trust=%s@w",
		      pci_name(fabric_dev(fabric, "client")));
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "host both {host:r} function={r} id=1fab:0001 listed=no trust=writes\n"
		     "facts 0 write auto crosses,trusted\n"
		     "route 0 read not-supported host-bridge-untrusted -\n"
		     "facts 0 read auto crosses\n");
	fabric_policy(test, "trust=%s", pci_name(fabric_dev(fabric, "client")));
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "host both {host:r} function={r} id=1fab:0001 listed=no trust=all\n"
		     "route 0 read through-host-bridge acs-completion {p}\n"
		     "facts 0 read auto crosses,trusted\n");

	/* Without forwarding at the root port nothing comes down again. */
	fabric_set_acs(fabric, "r", PCI_ACS_RR);
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "route 0 write bus-address direct -\n"
		     "route 0 read not-supported fabric-blocked {r}\n"
		     "facts 0 read auto crosses,lost,lost-translated,trusted\n");

	/* The mode of the policy is there, and who is denied. */
	fabric_policy(test, "host,deny=%s",
		      pci_name(fabric_dev(fabric, "provider")));
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "route 0 write not-supported denied -\n"
		     "facts 0 write host denied,crosses\n");
}

/* A host bridge for which no function stands. */
static void introspection_no_function(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  pci a dev=1 bar0=2M\n"
		"  pci b dev=2 bar0=2M\n",
		NAMES("a"), NAMES("b"));

	expect_lines(fabric, ask(fabric, 0, "{a} {b}"),
		     "host both {host:a} function=- id=- listed=no trust=none\n");
}

/* Ports, bridges and virtual functions, each in its role. */
static void introspection_path_shapes(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r1 id=1fab:0001 noacs\n"
		"    up up\n"
		"      dp d1 noacs\n"
		"        ep deep bar0=2M acs=RR\n"
		"        ep beside fn=1 bar0=2M acs=EC egress=0\n"
		"  rp r2 acs=none\n"
		"    ep near bar0=2M vfs=1 vfbar=2M\n"
		"  rp r3 noacs\n"
		"    bridge b\n"
		"      pci old bar0=2M\n"
		"  rciep i bar0=2M\n"
		"host buses=0x40-0x5f\n"
		"  rp r4 dev=1 id=1fab:0004 noacs\n"
		"    ep far bar0=2M\n",
		NAMES("deep", "beside", "near", "old", "far"),
		NAMES("deep", "i"));
	const char *text;

	/* Its own memory. */
	expect_text(fabric, ask(fabric, 0, "{deep} {deep}"),
		    "path {deep} {deep} distance=0 meets=function\n"
		    "hop client {deep} endpoint " ALL_ACS "acsctl=RR egress=- " AWAKE
		    "host both {host:deep} function={r1} id=1fab:0001 listed=no trust=none\n"
		    "route 0 write bus-address same-function -\n"
		    "facts 0 write auto same-function\n"
		    "route 0 read bus-address same-function -\n"
		    "facts 0 read auto same-function\n");

	/* Functions of one device; the client's own vector drops. */
	text = ask(fabric, 0, "{beside} {deep}");
	expect_lines(fabric, text,
		     "path {beside} {deep} distance=2 meets=device\n"
		     "hop client {beside} endpoint " ALL_ACS "acsctl=EC egress=set " AWAKE
		     "hop common {d1} downstream-port " NO_ACS AWAKE
		     "hop above {r1} root-port " NO_ACS AWAKE
		     "hop provider {deep} endpoint " ALL_ACS "acsctl=RR egress=- " AWAKE
		     "route 0 write not-supported fabric-blocked {beside}\n"
		     "obstacle 0 write multifunction {beside}\n"
		     "facts 0 write auto crosses,lost\n");
	KUNIT_EXPECT_NULL(test, strstr(text, "-side"));

	/* Across the root complex: up on one side, down on the other. */
	expect_text(fabric, ask(fabric, 0, "{near} {deep}"),
		    "path {near} {deep} distance=6 meets=root-complex\n"
		    "hop client {near} endpoint " NO_ACS AWAKE
		    "hop up {r2} root-port " ALL_ACS "acsctl=none egress=- " AWAKE
		    "hop down {r1} root-port " NO_ACS AWAKE
		    "hop down {up} upstream-port " NO_ACS AWAKE
		    "hop down {d1} downstream-port " NO_ACS AWAKE
		    "hop provider {deep} endpoint " ALL_ACS "acsctl=RR egress=- " AWAKE
		    "host both {host:r1} function={r1} id=1fab:0001 listed=no trust=none\n"
		    "route 0 write not-supported host-bridge-untrusted -\n"
		    "obstacle 0 write no-common-port -\n"
		    "facts 0 write auto -\n"
		    "route 0 read not-supported host-bridge-untrusted -\n"
		    "obstacle 0 read no-common-port -\n"
		    "facts 0 read auto -\n");

	/* A function in the root complex, and conventional PCI. */
	expect_text(fabric, ask(fabric, 0, "{old} {i}"),
		    "path {old} {i} distance=4 meets=root-complex\n"
		    "hop client {old} conventional " NO_ACS AWAKE
		    "hop up {b} pcie-to-pci " NO_ACS AWAKE
		    "hop up {r3} root-port " NO_ACS AWAKE
		    "hop provider {i} rc-endpoint " NO_ACS AWAKE
		    "host both {host:i} function={r1} id=1fab:0001 listed=no trust=none\n"
		    "route 0 write not-supported host-bridge-untrusted -\n"
		    "obstacle 0 write no-common-port -\n"
		    "obstacle 0 write conventional-pci {b}\n"
		    "facts 0 write auto -\n"
		    "route 0 read not-supported host-bridge-untrusted -\n"
		    "obstacle 0 read no-common-port -\n"
		    "obstacle 0 read conventional-pci {b}\n"
		    "facts 0 read auto -\n");

	/* Two host bridges; the CPU has them all on the list. */
	fabric_cpu_listed(test, true);
	expect_lines(fabric, ask(fabric, 0, "{far} {i}"),
		     "path {far} {i} distance=3 meets=host-bridges\n"
		     "host client {host:far} function={r4} id=1fab:0004 listed=yes trust=none\n"
		     "host provider {host:i} function={r1} id=1fab:0001 listed=yes trust=none\n"
		     "route 0 write through-host-bridge no-common-port -\n"
		     "facts 0 write auto trusted\n");

	/* Nothing is said of routes to a function that has no peer memory. */
	text = ask(fabric, 0, "{near} {far}");
	KUNIT_EXPECT_NULL(test, strstr(text, "\nroute "));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nhost provider "));

	/* A virtual function comes with its physical one. */
	fabric_enable_vfs(fabric, "near", 1);
	fabric_client(fabric, "near.vf0");
	expect_lines(fabric, ask(fabric, 0, "{near.vf0} {near}"),
		     "path {near.vf0} {near} distance=2 meets=device\n"
		     "hop client {near.vf0} endpoint " NO_ACS AWAKE
		     "hop client-pf {near} endpoint " NO_ACS AWAKE
		     "hop common {r2} root-port " ALL_ACS "acsctl=none egress=- " AWAKE
		     "hop provider {near} endpoint " NO_ACS AWAKE);
	expect_lines(fabric, ask(fabric, 0, "{deep} {near.vf0}"),
		     "hop provider-pf {near} endpoint " NO_ACS AWAKE
		     "hop provider {near.vf0} endpoint " NO_ACS AWAKE);
}

static const char switch_picture[] =
	"host\n"
	"  rp r id=1fab:0001\n"
	"    up u\n"
	"      dp c\n"
	"        ep client bar0=2M\n"
	"      dp p\n"
	"        ep provider bar0=4M\n"
	"      dp\n"
	"        ep other bar0=4M\n";

static struct fabric *create_switch(struct kunit *test)
{
	return fabric_setup(test, switch_picture, NAMES("client"),
			    NAMES("provider"));
}

/* What is off, and what is asleep, is seen to be. */
static void introspection_path_asleep(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *provider = fabric_dev(fabric, "provider");

	fabric_set_decode(fabric, "p", false);
	fabric_set_master(fabric, "client", false);
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "hop client {client} endpoint " NO_ACS
		     "memory=on master=off power=D0\n"
		     "hop provider-side {p} downstream-port " ALL_ACS
		     "acsctl=none egress=- memory=off master=on power=D0\n"
		     "route 0 write not-supported provider-unreachable {p}\n"
		     "facts 0 write auto unreachable,crosses\n");
	fabric_set_decode(fabric, "p", true);

	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "path {client} {provider} distance=4 meets=switch\n"
		     "hop provider-side {p} downstream-port " ALL_ACS
		     "acsctl=none egress=- " AWAKE
		     "hop provider {provider} endpoint acscap=absent acsctl=- egress=- memory=? master=? power=D3hot\n"
		     "route 0 write not-supported provider-unreachable {provider}\n"
		     "facts 0 write auto unreachable\n");
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));

	/* Whatever is below what is asleep cannot answer either. */
	fabric_set_power(fabric_dev(fabric, "p"), PCI_D3cold);
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "hop provider-side {p} downstream-port acscap=? acsctl=? egress=? memory=? master=? power=D3cold\n"
		     "hop provider {provider} endpoint acscap=absent acsctl=- egress=- memory=? master=? power=D0\n"
		     "route 0 read not-supported provider-unreachable {p}\n");
	fabric_set_power(fabric_dev(fabric, "p"), PCI_D0);
	expect_lines(fabric, ask(fabric, 0, "{client} {provider}"),
		     "route 0 read bus-address direct -\n");
}

/* A mistake is an error that says what it is. */
static void introspection_path_mistakes(struct kunit *test)
{
	static const struct {
		const char *query;
		int error;
		const char *text;
	} row[] = {
		{ "", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "\n", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "{client}", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "{client} ", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "{client} {provider} {provider}", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "{client} {provider}\n{client} {provider}", -EINVAL,
		  "error write two PCI functions, CLIENT PROVIDER\n" },
		{ "{client} ffff:0:0.0", -ENODEV,
		  "error no PCI function \"ffff:0:0.0\"; names are as in /sys/bus/pci/devices\n" },
		{ "none {provider}", -ENODEV,
		  "error no PCI function \"none\"; names are as in /sys/bus/pci/devices\n" },
		{ "%s%n {provider}", -ENODEV,
		  "error no PCI function \"%s%n\"; names are as in /sys/bus/pci/devices\n" },
		{ "{c} {provider}", -EINVAL,
		  "error {c} is a bridge, which does no DMA of its own\n" },
	};
	struct fabric *fabric = create_switch(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		expect_text(fabric, ask(fabric, row[i].error, row[i].query),
			    row[i].text);
}

/* A query of a path leaves the route cache alone. */
static void introspection_path_apart(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct p2pdma_lookups before, after;

	p2pdma_cache_lookups(&before);
	ask(fabric, 0, "{client} {provider}");
	p2pdma_cache_lookups(&after);
	KUNIT_EXPECT_EQ(test, memcmp(&before, &after, sizeof(before)), 0);
	KUNIT_EXPECT_NULL(test, strstr(show(test, p2pdma_cache_show),
				       expand(fabric, "entry {client} ")));
}

/*
 * BARs that no driver has registered: their verdicts are shown, and leave the route
 * cache alone; one that is registered is not shown twice.
 */
static void introspection_path_unregistered(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp r acs=RR,CR,UF\n"
		"    up u\n"
		"      dp c acs=none\n"
		"        ep client bar0=2M\n"
		"      dp p acs=CR,UF\n"
		"        ep provider bar0=2M bar2=2M\n"
		"      dp q acs=none\n"
		"        ep other bar2=2M\n",
		NAMES("client"), NAMES("provider"));
	struct p2pdma_lookups before, after;
	const char *text;

	p2pdma_cache_lookups(&before);
	text = ask(fabric, 0, "{client} {provider}");
	expect_lines(fabric, text,
		     "route 0 write bus-address direct -\n"
		     "unregistered 2 write bus-address direct -\n"
		     "unregistered 2 read not-supported host-bridge-untrusted -\n");
	KUNIT_EXPECT_NULL(test, strstr(text, "unregistered 0"));
	KUNIT_EXPECT_NULL(test, strstr(text, "route 2"));

	text = ask(fabric, 0, "{client} {other}");
	expect_lines(fabric, text,
		     "unregistered 2 write bus-address direct -\n"
		     "unregistered 2 read bus-address direct -\n");
	KUNIT_EXPECT_NULL(test, strstr(text, "route "));

	p2pdma_cache_lookups(&after);
	KUNIT_EXPECT_EQ(test, memcmp(&before, &after, sizeof(before)), 0);
	KUNIT_EXPECT_NULL(test, strstr(show(test, p2pdma_cache_show),
				       expand(fabric, "entry {client} ")));

	/* The policy counts for it too. */
	fabric_policy(test, "off");
	expect_lines(fabric, ask(fabric, 0, "{client} {other}"),
		     "unregistered 2 write not-supported policy-off -\n");
}

/*
 * providers
 */

static void introspection_providers(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host bus=0x80000000\n"
		"  rp\n"
		"    ep pages bar0=8M bar2=2M\n"
		"  rp\n"
		"    ep plain bar0=2M\n");
	struct pci_dev *pages = fabric_dev(fabric, "pages");
	struct pci_dev *plain = fabric_dev(fabric, "plain");
	u64 cpu = pci_resource_start(pages, 0), bus = pci_bus_address(pages, 0);
	u64 cpu2 = pci_resource_start(plain, 0), bus2 = pci_bus_address(plain, 0);
	char want[512];

	KUNIT_ASSERT_NE(test, cpu, bus);
	KUNIT_EXPECT_STREQ(test, show(test, p2pdma_providers_show), "");

	/* Two parts of a BAR with a hole between them, and a BAR without pages. */
	fabric_provider_part(fabric, "pages", 0, SZ_4M, 0);
	fabric_provider_part(fabric, "pages", 0, SZ_2M, SZ_2M + SZ_4M);
	fabric_provider_plain(fabric, "plain", 0);
	fabric_alloc(fabric, "pages", SZ_4M - SZ_8K);
	pci_p2pmem_publish(pages, true);

	snprintf(want, sizeof(want),
		 "provider {pages} 0 driver=- going=no pool=%u available=%u published=yes\n"
		 "range {pages} 0 cpu=%#llx-%#llx bus=%#llx-%#llx pages=1024 used=1022\n"
		 "range {pages} 0 cpu=%#llx-%#llx bus=%#llx-%#llx pages=512 used=0\n",
		 SZ_2M + SZ_4M, SZ_2M + SZ_8K, cpu, cpu + SZ_4M - 1, bus,
		 bus + SZ_4M - 1, cpu + SZ_2M + SZ_4M, cpu + SZ_8M - 1,
		 bus + SZ_2M + SZ_4M, bus + SZ_8M - 1);
	expect_lines(fabric, show(test, p2pdma_providers_show), want);
	snprintf(want, sizeof(want),
		 "provider {plain} 0 driver=- going=no pool=- available=- published=no\n"
		 "range {plain} 0 cpu=%#llx-%#llx bus=%#llx-%#llx pages=- used=-\n",
		 cpu2, cpu2 + SZ_2M - 1, bus2, bus2 + SZ_2M - 1);
	expect_lines(fabric, show(test, p2pdma_providers_show), want);

	/* Another BAR of the same function has a line of its own, and the pool. */
	fabric_provider(fabric, "pages", 2);
	expect_lines(fabric, show(test, p2pdma_providers_show),
		     "provider {pages} 2 driver=- going=no pool=8388608 available=4202496 published=yes\n");

	fabric_provider_release(fabric, "pages");
	KUNIT_EXPECT_NULL(test, strstr(show(test, p2pdma_providers_show),
				       pci_name(pages)));
}

/*
 * cache
 */

struct totals {
	struct p2pdma_lookups lookups;
	unsigned long by[P2PDMA_NR_CAUSES];
};

static struct totals totals(void)
{
	struct totals totals;
	int i;

	p2pdma_cache_lookups(&totals.lookups);
	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		totals.by[i] = p2pdma_invalidations(i);
	return totals;
}

static struct p2pdma_provider *provider_of(struct fabric *fabric,
					   const char *name)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	return pci_p2pdma_provider_of_phys(pci_resource_start(pdev, 0), 1);
}

/* Ask as a mapping of writes does, which nothing here refuses. */
static void query(struct fabric *fabric, struct p2pdma_provider *provider)
{
	struct pci_p2pdma_route route;

	guard(rcu)();
	pci_p2pdma_map_route(provider, &fabric_dev(fabric, "client")->dev,
			     DMA_FROM_DEVICE, false, &route);
}

/* Readers of p2pdma_routes cannot make the kernel keep memory. */
static void introspection_looking(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	struct p2pdma_provider *provider =
		pci_p2pdma_provider_of_phys(pci_resource_start(pdev, 0), 1);
	unsigned int watched = p2pdma_watch_count();
	struct pci_p2pdma_route route;
	struct totals a = totals(), b;
	int i;

	for (i = 0; i < 3; i++)
		pci_p2pdma_query_route(provider,
				       &fabric_dev(fabric, "client")->dev,
				       DMA_BIDIRECTIONAL, &route);
	pci_p2pdma_distance(pdev, &fabric_dev(fabric, "client")->dev, false);
	b = totals();
	KUNIT_EXPECT_EQ(test, b.lookups.misses - a.lookups.misses, 3);
	KUNIT_EXPECT_EQ(test, b.lookups.hits - a.lookups.hits, 0);
	KUNIT_EXPECT_EQ(test, watched, p2pdma_watch_count());
	KUNIT_EXPECT_NULL(test, strstr(show(test, p2pdma_cache_show),
				       expand(fabric, "entry {client} ")));
}

/* Since @a one cause has been counted, @times times, and no other. */
static void expect_cause(struct kunit *test, const struct totals *a,
			 enum p2pdma_cause cause, unsigned long times)
{
	struct totals b = totals();
	int i;

	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, b.by[i] - a->by[i],
				    i == cause ? times : 0, "%s, after %s",
				    p2pdma_cause_name(i),
				    p2pdma_cause_name(cause));
}

/* Hits, misses and what is stale, and for whom. */
static void introspection_cache(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *pdev = fabric_dev(fabric, "provider");
	phys_addr_t first = pci_resource_start(pdev, 0);
	struct p2pdma_provider *provider;
	struct totals a, b;
	const char *text;
	char line[256];

	provider = pci_p2pdma_provider_of_phys(first, 1);
	a = totals();
	query(fabric, provider);
	query(fabric, provider);
	query(fabric, provider);
	b = totals();
	KUNIT_EXPECT_EQ(test, b.lookups.misses - a.lookups.misses, 1);
	KUNIT_EXPECT_EQ(test, b.lookups.hits - a.lookups.hits, 2);
	KUNIT_EXPECT_EQ(test, b.lookups.stale - a.lookups.stale, 0);
	expect_lines(fabric, show(test, p2pdma_cache_show),
		     "entry {client} {provider} 0 valid hits=2 distance=4 write=crosses read=crosses\n");

	/* Stale until asked for again; the hits stay. */
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	expect_lines(fabric, show(test, p2pdma_cache_show),
		     "entry {client} {provider} 0 stale hits=2 distance=4 write=crosses read=crosses\n");
	query(fabric, provider);
	query(fabric, provider);
	expect_cause(test, &b, P2PDMA_BY_CONFIG_WRITE, 1);
	a = totals();
	KUNIT_EXPECT_EQ(test, a.lookups.misses - b.lookups.misses, 0);
	KUNIT_EXPECT_EQ(test, a.lookups.stale - b.lookups.stale, 1);
	KUNIT_EXPECT_EQ(test, a.lookups.hits - b.lookups.hits, 1);
	text = show(test, p2pdma_cache_show);
	expect_lines(fabric, text,
		     "entry {client} {provider} 0 valid hits=3 distance=4 write=crosses read=acs-completion,crosses,lost,lost-translated\n");

	snprintf(line, sizeof(line), "lookups total=%lu hits=%lu misses=%lu stale=%lu\n",
		 a.lookups.hits + a.lookups.misses + a.lookups.stale,
		 a.lookups.hits, a.lookups.misses, a.lookups.stale);
	KUNIT_EXPECT_TRUE(test, strstarts(text, line));

	fabric_provider_release(fabric, "provider");
	KUNIT_EXPECT_NULL(test, strstr(show(test, p2pdma_cache_show),
				       expand(fabric, "entry {client} ")));
}

/* Each cause is counted as what it is. */
static void introspection_causes(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	unsigned long total = 0;
	struct totals a, b;
	const char *text;
	char line[256];
	int i;

	query(fabric, provider_of(fabric, "provider"));
	a = totals();
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_user_set_acs(fabric, "c", 0);
	expect_cause(test, &a, P2PDMA_BY_CONFIG_WRITE, 2);

	a = totals();
	fabric_set_power(fabric_dev(fabric, "p"), PCI_D3hot);
	fabric_set_power(fabric_dev(fabric, "p"), PCI_D0);
	expect_cause(test, &a, P2PDMA_BY_POWER, 2);

	a = totals();
	fabric_policy(test, "switch");
	expect_cause(test, &a, P2PDMA_BY_POLICY, 1);

	/* Two parts: only with the last the BAR is peer memory no more. */
	fabric_provider_part(fabric, "other", 0, SZ_2M, 0);
	fabric_provider_part(fabric, "other", 0, SZ_2M, SZ_2M);
	a = totals();
	fabric_provider_release(fabric, "other");
	b = totals();
	KUNIT_EXPECT_EQ(test, 1, b.by[P2PDMA_BY_PROVIDER_REMOVED] -
			a.by[P2PDMA_BY_PROVIDER_REMOVED]);
	KUNIT_EXPECT_LE(test, 2, b.by[P2PDMA_BY_PROVIDER_GOING] -
			a.by[P2PDMA_BY_PROVIDER_GOING]);

	a = totals();
	fabric_unplug(fabric, "other");
	KUNIT_EXPECT_EQ(test, 1, p2pdma_invalidations(P2PDMA_BY_DEVICE_GOING) -
			a.by[P2PDMA_BY_DEVICE_GOING]);
	KUNIT_EXPECT_EQ(test, 1, p2pdma_invalidations(P2PDMA_BY_DEVICE_REMOVED) -
			a.by[P2PDMA_BY_DEVICE_REMOVED]);
	KUNIT_EXPECT_EQ(test, 0, p2pdma_invalidations(P2PDMA_BY_PROVIDER_REMOVED) -
			a.by[P2PDMA_BY_PROVIDER_REMOVED]);
	a = totals();
	fabric_replug(fabric, "other");
	KUNIT_EXPECT_EQ(test, 1, p2pdma_invalidations(P2PDMA_BY_DEVICE_ADDED) -
			a.by[P2PDMA_BY_DEVICE_ADDED]);

	text = show(test, p2pdma_cache_show);
	a = totals();
	for (i = 0; i < P2PDMA_NR_CAUSES; i++)
		total += a.by[i];
	snprintf(line, sizeof(line),
		 "invalidations total=%lu config-write=%lu policy=%lu device-added=%lu device-going=%lu device-removed=%lu provider-going=%lu provider-removed=%lu power=%lu",
		 total,
		 a.by[P2PDMA_BY_CONFIG_WRITE], a.by[P2PDMA_BY_POLICY],
		 a.by[P2PDMA_BY_DEVICE_ADDED], a.by[P2PDMA_BY_DEVICE_GOING],
		 a.by[P2PDMA_BY_DEVICE_REMOVED],
		 a.by[P2PDMA_BY_PROVIDER_GOING],
		 a.by[P2PDMA_BY_PROVIDER_REMOVED], a.by[P2PDMA_BY_POWER]);
	KUNIT_EXPECT_TRUE_MSG(test, has_line(text, line), "no \"%s\" in:\n%s",
			      line, text);
}

static void expect_writes_counted(struct kunit *test, struct totals *a,
				  unsigned long times)
{
	expect_cause(test, a, P2PDMA_BY_CONFIG_WRITE, times);
	*a = totals();
}

/*
 * A configuration write makes routes stale only if it changes a register that a cached
 * route rests on.
 */
static void introspection_config_writes(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct pci_dev *port = fabric_dev(fabric, "c");
	struct pci_dev *other = fabric_dev(fabric, "other");
	struct p2pdma_provider *provider = provider_of(fabric, "provider");
	int ctrl = port->acs_cap + PCI_ACS_CTRL;
	struct totals a = totals();
	struct pci_p2pdma_route route;
	u16 command;
	u8 secondary;

	/* Nothing rests on anything yet; and looking does not change that. */
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	pci_p2pdma_query_route(provider, &fabric_dev(fabric, "client")->dev,
			       DMA_FROM_DEVICE, &route);
	fabric_set_acs(fabric, "c", 0);
	expect_writes_counted(test, &a, 0);

	query(fabric, provider);
	fabric_set_acs(fabric, "c", 0);
	expect_writes_counted(test, &a, 0);
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	expect_writes_counted(test, &a, 1);
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	fabric_user_set_acs(fabric, "c", PCI_ACS_SV);
	expect_writes_counted(test, &a, 0);

	/* Of COMMAND only the bit for memory counts. */
	pci_read_config_word(port, PCI_COMMAND, &command);
	pci_write_config_word(port, PCI_COMMAND, command ^ PCI_COMMAND_MASTER);
	pci_write_config_word(port, PCI_COMMAND, command);
	expect_writes_counted(test, &a, 0);
	pci_write_config_word(port, PCI_COMMAND, command ^ PCI_COMMAND_MEMORY);
	pci_write_config_word(port, PCI_COMMAND, command);
	expect_writes_counted(test, &a, 2);

	/* A write of a part, or of more than the register. */
	pci_write_config_byte(port, ctrl, PCI_ACS_SV);
	expect_writes_counted(test, &a, 1);
	pci_write_config_word(port, ctrl, PCI_ACS_SV);
	expect_writes_counted(test, &a, 1);
	pci_write_config_dword(port, port->acs_cap + PCI_ACS_CAP,
			       PCI_ACS_SV << 16);
	expect_writes_counted(test, &a, 0);
	pci_write_config_dword(port, port->acs_cap + PCI_ACS_CAP,
			       PCI_ACS_RR << 16);
	expect_writes_counted(test, &a, 1);

	/* No fact reads bus numbers, or the registers of a function elsewhere. */
	pci_read_config_byte(port, PCI_SECONDARY_BUS, &secondary);
	pci_write_config_byte(port, PCI_SECONDARY_BUS, secondary);
	pci_write_config_word(other, PCI_COMMAND, 0);
	expect_writes_counted(test, &a, 0);
}

/* A register that a reset has changed is seen when routes are gathered next. */
static void introspection_config_reset(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct p2pdma_provider *provider = provider_of(fabric, "provider");
	struct pci_dev *port = fabric_dev(fabric, "c");
	int ctrl = port->acs_cap + PCI_ACS_CTRL;
	struct totals a;

	fabric_provider(fabric, "other", 0);
	fabric_set_acs(fabric, "c", PCI_ACS_SV | PCI_ACS_UF);
	query(fabric, provider);

	/* The reset, which nothing tells of; then a pair that is gathered. */
	port->bus->ops->write(port->bus, port->devfn, ctrl, 2, 0);
	a = totals();
	query(fabric, provider_of(fabric, "other"));
	expect_writes_counted(test, &a, 1);

	/* What the kernel restores counts, though it wrote the same before. */
	fabric_set_acs(fabric, "c", PCI_ACS_SV | PCI_ACS_UF);
	expect_writes_counted(test, &a, 1);
}

/*
 * A port that does not answer may have been reset: what was read of it holds no more.
 * That counts once, and not again when it answers as before.
 */
static void introspection_config_unanswered(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct fabric_fn *port = fabric_fn_named(fabric, "c");
	struct p2pdma_provider *other;
	struct totals a;

	fabric_provider(fabric, "other", 0);
	other = provider_of(fabric, "other");
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	query(fabric, provider_of(fabric, "provider"));
	a = totals();
	port->lost = true;
	query(fabric, other);
	expect_writes_counted(test, &a, 1);
	query(fabric, other);
	expect_writes_counted(test, &a, 0);
	port->lost = false;
	query(fabric, other);
	expect_writes_counted(test, &a, 0);
}

/*
 * Counters.
 */

static void map(struct fabric_sg *sg, const char *client,
		enum dma_data_direction dir, int want)
{
	struct pci_dev *pdev = fabric_dev(sg->fabric, client);
	int ret = fabric_sg_map(sg, pdev, dir);

	KUNIT_EXPECT_EQ(sg->fabric->test, ret, want);
	if (!ret)
		fabric_sg_unmap(sg);
}

/* Lists and bytes by direction, RAM apart, whatever becomes of the facts. */
static void introspection_counters(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 8);

	fabric_provider(fabric, "other", 0);
	KUNIT_EXPECT_STREQ(test, counters(fabric, "client"), "");

	/* RAM, provider, RAM, provider, provider: 3 * 4 KiB + 12 bytes. */
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	fabric_sg_ram(sg, 0, SZ_4K);
	fabric_sg_peer(sg, "provider", SZ_64K, SZ_8K);
	fabric_sg_peer(sg, "provider", SZ_1M + 4, 12);
	map(sg, "client", DMA_FROM_DEVICE, 0);
	expect_text(fabric, counters(fabric, "client"),
		    "{provider} 0 1 12300 0 0 0 -\n");
	map(sg, "client", DMA_TO_DEVICE, 0);
	map(sg, "client", DMA_BIDIRECTIONAL, 0);
	map(sg, "client", DMA_FROM_DEVICE, 0);
	expect_text(fabric, counters(fabric, "client"),
		    "{provider} 0 2 24600 2 24600 0 -\n");

	/* Two providers in turn: one list for each. */
	fabric_sg_clear(sg);
	fabric_sg_peer(sg, "provider", 0, 100);
	fabric_sg_peer(sg, "other", 0, 20);
	fabric_sg_peer(sg, "provider", 4096, 300);
	fabric_sg_peer(sg, "other", 4096, 4);
	map(sg, "client", DMA_TO_DEVICE, 0);
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 2 24600 3 25000 0 -\n"
		     "{other} 0 0 0 1 24 0 -\n");

	/* Facts that are gathered anew take the counts along. */
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	fabric_sg_clear(sg);
	fabric_sg_peer(sg, "provider", 0, 1);
	map(sg, "client", DMA_FROM_DEVICE, 0);
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 3 24601 3 25000 0 -\n");

	/* Routes that are only looked at are not counted. */
	ask(fabric, 0, "{client} {provider}");
	pci_p2pdma_distance(fabric_dev(fabric, "provider"),
			    &fabric_dev(fabric, "client")->dev, true);
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 3 24601 3 25000 0 -\n");

	/* They go with the pair. */
	fabric_provider_release(fabric, "provider");
	expect_text(fabric, counters(fabric, "client"),
		    "{other} 0 0 0 1 24 0 -\n");
	fabric_provider(fabric, "provider", 0);
	expect_text(fabric, counters(fabric, "client"),
		    "{other} 0 0 0 1 24 0 -\n");
}

/* What is refused is counted for whom it is refused for, and moves nothing. */
static void introspection_refusals(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 4);
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");

	fabric_provider(fabric, "other", 0);
	fabric_sg_peer(sg, "other", 0, SZ_4K);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);

	fabric_policy(test, "deny=%s", pci_name(provider));
	map(sg, "client", DMA_FROM_DEVICE, -EREMOTEIO);
	map(sg, "client", DMA_TO_DEVICE, -EREMOTEIO);
	fabric_policy(test, "auto");
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	map(sg, "client", DMA_FROM_DEVICE, -EREMOTEIO);
	/* The first entry that has no route: the other provider's. */
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 0 0 0 0 2 denied=2\n"
		     "{other} 0 0 0 0 0 1 host-bridge-untrusted=1\n");

	/* For a provider that is asleep nothing is read, and yet it is counted. */
	fabric_set_acs(fabric, "c", 0);
	fabric_provider_release(fabric, "provider");
	fabric_provider(fabric, "provider", 0);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	map(sg, "client", DMA_FROM_DEVICE, -EREMOTEIO);
	KUNIT_ASSERT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 0 0 0 0 1 provider-unreachable=1\n");
	map(sg, "client", DMA_FROM_DEVICE, 0);
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 1 4096 0 0 1 provider-unreachable=1\n"
		     "{other} 0 1 4096 0 0 1 host-bridge-untrusted=1\n");

	/* What is wrong with a list is no refusal. */
	fabric_sg_clear(sg);
	fabric_sg_phys(sg, pci_resource_start(provider, 0) +
		       pci_resource_len(provider, 0) - SZ_4K, SZ_8K);
	map(sg, "client", DMA_FROM_DEVICE, -EINVAL);
	expect_lines(fabric, counters(fabric, "client"),
		     "{provider} 0 1 4096 0 0 1 provider-unreachable=1\n");

	/* With the client go its counts, for the one that comes in its place. */
	fabric_unplug(fabric, "client");
	fabric_replug(fabric, "client");
	client = fabric_client(fabric, "client");
	KUNIT_EXPECT_STREQ(test, counters(fabric, "client"), "");
	KUNIT_EXPECT_PTR_EQ(test, client, fabric_dev(fabric, "client"));
}

static const char two_ports_picture[] =
	"host\n"
	"  rp\n"
	"    ep client\n"
	"  rp\n"
	"    ep provider bar0=2M\n";

/* A route that the IOMMU does not carry out is a refusal too. */
static void introspection_unmappable(struct kunit *test)
{
	static const struct mock_iommu_config no_mmio = { .no_mmio = true };
	struct fabric_sg *sg;
	struct fabric *fabric;

	mock_iommu_create(test, &no_mmio);
	fabric = fabric_setup(test, two_ports_picture, NAMES("client"),
			      NAMES("provider"));
	fabric_cpu_listed(test, true);
	sg = fabric_sg_alloc(fabric, 1);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	map(sg, "client", DMA_FROM_DEVICE, -EREMOTEIO);
	expect_text(fabric, counters(fabric, "client"),
		    "{provider} 0 0 0 0 0 1 unmappable=1\n");
}

/* A list with five providers counts once for each of them. */
static void introspection_many_providers(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep client\n"
		"      dp\n"
		"        ep a bar0=2M\n"
		"      dp\n"
		"        ep b bar0=2M\n"
		"      dp\n"
		"        ep c bar0=2M\n"
		"      dp\n"
		"        ep d bar0=2M\n"
		"      dp\n"
		"        ep e bar0=2M\n",
		NAMES("client"), NAMES("a", "b", "c", "d", "e"));
	static const char * const names[] = { "a", "b", "c", "d", "e" };
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 10);
	const char *text;
	int i;

	for (i = 0; i < 10; i++)
		fabric_sg_peer(sg, names[i % 5], i * SZ_4K, 100 + i % 5);
	map(sg, "client", DMA_TO_DEVICE, 0);
	text = counters(fabric, "client");
	expect_lines(fabric, text,
		     "{a} 0 0 0 1 200 0 -\n"
		     "{b} 0 0 0 1 202 0 -\n"
		     "{c} 0 0 0 1 204 0 -\n"
		     "{d} 0 0 0 1 206 0 -\n"
		     "{e} 0 0 0 1 208 0 -\n");
}

/* A mapping of a single address counts as a list of one segment. */
static void introspection_singles(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	phys_addr_t phys = pci_resource_start(provider, 0);
	enum fabric_call call;
	dma_addr_t dma;

	for (call = 0; call < FABRIC_NR_CALLS; call++) {
		dma = fabric_single_map(call, client, phys, SZ_4K,
					DMA_FROM_DEVICE);
		KUNIT_EXPECT_EQ(test, dma, pci_bus_address(provider, 0));
		fabric_single_unmap(call, client, dma, SZ_4K, DMA_FROM_DEVICE);
	}
	expect_text(fabric, counters(fabric, "client"),
		    "{provider} 0 4 16384 0 0 0 -\n");

	fabric_policy(test, "off");
	for (call = 0; call < FABRIC_NR_CALLS; call++)
		KUNIT_EXPECT_EQ(test, DMA_MAPPING_ERROR,
				fabric_single_map(call, client, phys, SZ_4K,
						  DMA_TO_DEVICE));
	expect_text(fabric, counters(fabric, "client"),
		    "{provider} 0 4 16384 0 0 4 policy-off=4\n");
}

static long map_here(void *sg)
{
	map(sg, "client", DMA_FROM_DEVICE, 0);
	return 0;
}

/* Each CPU counts for itself, and together they have counted all. */
static void introspection_cpus(struct kunit *test)
{
	struct fabric *fabric = create_switch(test);
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 1);
	char want[64];
	int cpu, n = 0, i;

	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	for (i = 0; i < 3; i++)
		for_each_online_cpu(cpu) {
			KUNIT_EXPECT_EQ(test, 0, work_on_cpu(cpu, map_here, sg));
			n++;
		}
	snprintf(want, sizeof(want), "{provider} 0 %d %d 0 0 0 -\n", n,
		 n * SZ_4K);
	expect_text(fabric, counters(fabric, "client"), want);
}

/*
 * Events.  The probes see what those of tracefs see; the last of each is stored.
 */

struct events {
	int routes, maps, refusals, invalidations, added, removed;
	struct p2pdma_provider *provider;
	struct device *client;
	enum dma_data_direction dir;
	struct pci_p2pdma_route route;
	struct pci_p2pdma_tally tally;
	enum pci_p2pdma_reason reason;
	enum p2pdma_cause cause;
	int generation;
	struct p2pdma_range range;
};

static void see_route(void *data, struct p2pdma_provider *provider,
		      struct device *dev, enum dma_data_direction dir,
		      const struct pci_p2pdma_route *route)
{
	struct events *events = data;

	events->routes++;
	events->provider = provider;
	events->client = dev;
	events->dir = dir;
	events->route = *route;
}

static void see_map(void *data, struct device *dev, enum dma_data_direction dir,
		    const struct pci_p2pdma_tally *tally)
{
	struct events *events = data;

	events->maps++;
	events->client = dev;
	events->dir = dir;
	events->tally = *tally;
}

static void see_refused(void *data, struct p2pdma_provider *provider,
			struct device *dev, enum dma_data_direction dir,
			enum pci_p2pdma_reason reason)
{
	struct events *events = data;

	events->refusals++;
	events->provider = provider;
	events->client = dev;
	events->dir = dir;
	events->reason = reason;
}

static void see_invalidate(void *data, enum p2pdma_cause cause, int generation)
{
	struct events *events = data;

	events->invalidations++;
	events->cause = cause;
	events->generation = generation;
}

static void see_add(void *data, const struct p2pdma_range *range)
{
	struct events *events = data;

	events->added++;
	events->range = *range;
}

static void see_remove(void *data, const struct p2pdma_range *range)
{
	struct events *events = data;

	events->removed++;
	events->range = *range;
}

static void look_away(void *events)
{
	unregister_trace_p2pdma_route(see_route, events);
	unregister_trace_p2pdma_map_sg(see_map, events);
	unregister_trace_p2pdma_refused(see_refused, events);
	unregister_trace_p2pdma_invalidate(see_invalidate, events);
	unregister_trace_p2pdma_provider_add(see_add, events);
	unregister_trace_p2pdma_provider_remove(see_remove, events);
	tracepoint_synchronize_unregister();
}

static struct events *look(struct kunit *test)
{
	struct events *events = kunit_kzalloc(test, sizeof(*events), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, events);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action(test, look_away, events));
	KUNIT_EXPECT_EQ(test, 0, register_trace_p2pdma_route(see_route, events));
	KUNIT_EXPECT_EQ(test, 0, register_trace_p2pdma_map_sg(see_map, events));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_p2pdma_refused(see_refused, events));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_p2pdma_invalidate(see_invalidate, events));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_p2pdma_provider_add(see_add, events));
	KUNIT_EXPECT_EQ(test, 0,
			register_trace_p2pdma_provider_remove(see_remove, events));
	return events;
}

static void introspection_events(struct kunit *test)
{
	struct fabric *fabric = fabric_setup(test,
		"host bus=0x80000000\n"
		"  rp r acs=UF\n"
		"    up\n"
		"      dp c\n"
		"        ep client\n"
		"      dp\n"
		"        ep provider bar0=2M\n"
		"  rp\n"
		"    ep far bar2=2M\n",
		NAMES("client"), NULL);
	struct device *client = &fabric_dev(fabric, "client")->dev;
	struct pci_dev *far = fabric_dev(fabric, "far");
	struct fabric_sg *sg = fabric_sg_alloc(fabric, 6);
	struct events *events = look(test);
	struct p2pdma_provider *provider;

	/* A provider comes. */
	fabric_provider(fabric, "provider", 0);
	KUNIT_EXPECT_EQ(test, events->added, 1);
	provider = fabric_provider(fabric, "far", 2);
	KUNIT_EXPECT_EQ(test, events->added, 2);
	KUNIT_EXPECT_PTR_EQ(test, events->range.provider, provider);
	KUNIT_EXPECT_EQ(test, events->range.start, pci_resource_start(far, 2));
	KUNIT_EXPECT_EQ(test, events->range.last, pci_resource_end(far, 2));

	/* RAM, bus addresses, and what goes through the host bridge. */
	fabric_policy(test, "trust=%s", pci_name(far));
	KUNIT_EXPECT_EQ(test, events->cause, P2PDMA_BY_POLICY);
	KUNIT_EXPECT_EQ(test, events->generation, p2pdma_generation());
	fabric_sg_ram(sg, 0, 512);
	fabric_sg_peer(sg, "provider", 0, SZ_4K);
	fabric_sg_peer(sg, "provider", SZ_64K, SZ_8K);
	fabric_sg_ram(sg, 0, 1024);
	fabric_sg_phys(sg, pci_resource_start(far, 2), SZ_1K);
	map(sg, "client", DMA_FROM_DEVICE, 0);
	KUNIT_EXPECT_EQ(test, events->maps, 1);
	KUNIT_EXPECT_EQ(test, events->routes, 2);
	KUNIT_EXPECT_EQ(test, events->refusals, 0);
	KUNIT_EXPECT_PTR_EQ(test, events->client, client);
	KUNIT_EXPECT_EQ(test, events->dir, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, events->tally.ram, 2);
	KUNIT_EXPECT_EQ(test, events->tally.ram_bytes, 1536);
	KUNIT_EXPECT_EQ(test, events->tally.bus, 2);
	KUNIT_EXPECT_EQ(test, events->tally.bus_bytes, 12288);
	KUNIT_EXPECT_EQ(test, events->tally.host, 1);
	KUNIT_EXPECT_EQ(test, events->tally.host_bytes, 1024);
	KUNIT_EXPECT_PTR_EQ(test, events->provider, provider);
	KUNIT_EXPECT_EQ(test, events->route.type,
			PCI_P2PDMA_MAP_THRU_HOST_BRIDGE);
	KUNIT_EXPECT_EQ(test, events->route.reason, PCI_P2PDMA_NO_COMMON_PORT);
	KUNIT_EXPECT_EQ(test, events->route.distance, 6);
	KUNIT_EXPECT_FALSE(test, events->route.has_bridge);

	/* A refusal, and who decided. */
	fabric_policy(test, "auto");
	fabric_set_acs(fabric, "r", 0);
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	KUNIT_EXPECT_EQ(test, events->cause, P2PDMA_BY_CONFIG_WRITE);
	map(sg, "client", DMA_TO_DEVICE, -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, events->maps, 1);
	KUNIT_EXPECT_EQ(test, events->routes, 3);
	KUNIT_EXPECT_EQ(test, events->refusals, 1);
	KUNIT_EXPECT_PTR_EQ(test, events->client, client);
	KUNIT_EXPECT_PTR_EQ(test, events->provider->owner,
			    &fabric_dev(fabric, "provider")->dev);
	KUNIT_EXPECT_EQ(test, events->dir, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, events->reason, PCI_P2PDMA_FABRIC_BLOCKED);
	KUNIT_EXPECT_TRUE(test, events->route.has_bridge);
	KUNIT_EXPECT_EQ(test, events->route.bridge_id,
			pci_dev_id(fabric_dev(fabric, "r")));

	/* A provider goes. */
	fabric_provider_release(fabric, "far");
	KUNIT_EXPECT_EQ(test, events->removed, 1);
	KUNIT_EXPECT_EQ(test, events->range.start, pci_resource_start(far, 2));
	KUNIT_EXPECT_EQ(test, events->cause, P2PDMA_BY_PROVIDER_REMOVED);

	/* Who looks away sees nothing. */
	kunit_release_action(test, look_away, events);
	p2pdma_invalidate(P2PDMA_BY_POLICY);
	KUNIT_EXPECT_EQ(test, events->cause, P2PDMA_BY_PROVIDER_REMOVED);
}

/* The words in events are those of the files. */
static void introspection_words(struct kunit *test)
{
	static const struct trace_print_flags reasons[] = {
		p2pdma_trace_reasons
	};
	static const struct trace_print_flags verdicts[] = {
		p2pdma_trace_verdicts
	};
	static const struct trace_print_flags causes[] = { p2pdma_trace_causes };
	int i;

	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(reasons), PCI_P2PDMA_NR_REASONS);
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		KUNIT_EXPECT_STREQ(test, reasons[i].name,
				   pci_p2pdma_reason_name(reasons[i].mask));
	for (i = 0; i < ARRAY_SIZE(verdicts); i++)
		KUNIT_EXPECT_STREQ(test, verdicts[i].name,
				   pci_p2pdma_map_type_name(verdicts[i].mask));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(causes), P2PDMA_NR_CAUSES);
	for (i = 0; i < ARRAY_SIZE(causes); i++)
		KUNIT_EXPECT_STREQ(test, causes[i].name,
				   p2pdma_cause_name(causes[i].mask));
}

static struct kunit_case introspection_cases[] = {
	KUNIT_CASE(introspection_path_switch),
	KUNIT_CASE(introspection_no_function),
	KUNIT_CASE(introspection_path_shapes),
	KUNIT_CASE(introspection_path_asleep),
	KUNIT_CASE(introspection_path_mistakes),
	KUNIT_CASE(introspection_path_apart),
	KUNIT_CASE(introspection_path_unregistered),
	KUNIT_CASE(introspection_providers),
	KUNIT_CASE(introspection_looking),
	KUNIT_CASE(introspection_cache),
	KUNIT_CASE(introspection_causes),
	KUNIT_CASE(introspection_config_writes),
	KUNIT_CASE(introspection_config_reset),
	KUNIT_CASE(introspection_config_unanswered),
	KUNIT_CASE(introspection_counters),
	KUNIT_CASE(introspection_refusals),
	KUNIT_CASE(introspection_unmappable),
	KUNIT_CASE(introspection_many_providers),
	KUNIT_CASE(introspection_singles),
	KUNIT_CASE(introspection_cpus),
	KUNIT_CASE(introspection_events),
	KUNIT_CASE(introspection_words),
	{}
};

static struct kunit_suite introspection_suite = {
	.name = "p2pdma_introspection",
	.test_cases = introspection_cases,
};

kunit_test_suite(introspection_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("What people are shown of peer-to-peer DMA");
MODULE_LICENSE("GPL");
