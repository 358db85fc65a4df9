// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle itself: fabrics drawn by hand, with what the PCI Express Base
 * Specification makes of a request worked out on paper.
 *
 * Where an address matters it is read from the function's BAR, or windows and BARs
 * are written by the test.
 */
#include <kunit/test.h>
#include <linux/dma-mapping.h>
#include <linux/sizes.h>

#include "mock_iommu.h"
#include "oracle.h"

/* The address in a BAR, as a bus master would be told it. */
static u64 bar_address(struct fabric *fabric, const char *name, int bar)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	u32 low, high = 0;

	if (pdev->is_virtfn)
		return pci_bus_address(pdev, bar);
	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &low);
	if (low & PCI_BASE_ADDRESS_MEM_TYPE_64)
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar + 4,
				      &high);
	return (u64)high << 32 | (low & PCI_BASE_ADDRESS_MEM_MASK);
}

static void set_memory_window(struct fabric *fabric, const char *name,
			      u64 first, u64 last)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	pci_write_config_dword(pdev, PCI_PREF_BASE_UPPER32, first >> 32);
	pci_write_config_dword(pdev, PCI_PREF_LIMIT_UPPER32, last >> 32);
	pci_write_config_word(pdev, PCI_PREF_MEMORY_BASE, (u32)first >> 16);
	pci_write_config_word(pdev, PCI_PREF_MEMORY_LIMIT, (u32)last >> 16);
}

static void set_bar(struct fabric *fabric, const char *name, u64 start)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	pci_write_config_dword(pdev, PCI_BASE_ADDRESS_0, start);
	pci_write_config_dword(pdev, PCI_BASE_ADDRESS_1, start >> 32);
}

/* Walk, and compare with the answer worked out on paper. */
#define expect_walk(fabric, request, want, where) \
	__expect_walk(fabric, request, want, where, __LINE__)
static struct oracle_answer __expect_walk(struct fabric *fabric,
					  const struct oracle_request *request,
					  enum oracle_outcome want,
					  const char *where, int line)
{
	struct oracle *oracle = oracle_read(fabric);
	struct oracle_answer answer;
	struct pci_dev *pdev;
	char text[160];

	oracle_walk(oracle, request, &answer);
	oracle_describe(&answer, text, sizeof(text));

	KUNIT_EXPECT_EQ_MSG(fabric->test, answer.outcome, want, "line %d: %s",
			    line, text);
	if (!where) {
		KUNIT_EXPECT_EQ_MSG(fabric->test, answer.domain, -1,
				    "line %d: %s", line, text);
		return answer;
	}
	pdev = fabric_dev(fabric, where);
	KUNIT_EXPECT_TRUE_MSG(fabric->test,
			      answer.domain == pci_domain_nr(pdev->bus) &&
			      answer.bus == pdev->bus->number &&
			      answer.devfn == pdev->devfn,
			      "line %d: %s, not at %s", line, text,
			      pci_name(pdev));
	return answer;
}

static struct oracle_answer expect_access(struct fabric *fabric,
					  const char *client, u64 dma,
					  bool read, enum oracle_outcome want,
					  const char *where, int line)
{
	struct oracle_request request = {
		.client = fabric_dev(fabric, client),
		.dma = dma,
		.read = read,
	};

	return __expect_walk(fabric, &request, want, where, line);
}

#define expect_write(fabric, client, dma, want, where) \
	expect_access(fabric, client, dma, false, want, where, __LINE__)
#define expect_read(fabric, client, dma, want, where) \
	expect_access(fabric, client, dma, true, want, where, __LINE__)

static const char switch_picture[] =
	"host\n"
	"  rp r\n"
	"    up u\n"
	"      dp c port=1\n"
	"        ep client bar0=2M\n"
	"      dp p port=2\n"
	"        ep provider bar0=2M bar2=4M\n";

/*
 * A switch with windows written by hand, on a bus that begins at 0x100000000:
 *
 *	r, u	1_0000_0000 - 1_00ff_ffff
 *	c	1_0000_0000 - 1_001f_ffff	client   1_0000_0000 - 1_001f_ffff
 *	p	1_0040_0000 - 1_007f_ffff	provider 1_0060_0000 - 1_007f_ffff
 */
static struct fabric *switch_by_hand(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host bus=0x100000000\n"
		"  rp r\n"
		"    up u\n"
		"      dp c port=1\n"
		"        ep client bar0=2M\n"
		"      dp p port=2\n"
		"        ep provider bar0=2M\n");

	set_memory_window(fabric, "r", 0x100000000, 0x100ffffff);
	set_memory_window(fabric, "u", 0x100000000, 0x100ffffff);
	set_memory_window(fabric, "c", 0x100000000, 0x1001fffff);
	set_memory_window(fabric, "p", 0x100400000, 0x1007fffff);
	set_bar(fabric, "client", 0x100000000);
	set_bar(fabric, "provider", 0x100600000);
	return fabric;
}

/* Across a switch, to the right byte of the right BAR; and back. */
static void oracle_switch(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test, switch_picture);
	u64 bar0 = bar_address(fabric, "provider", 0);
	u64 bar2 = bar_address(fabric, "provider", 2);
	struct oracle_answer answer;

	KUNIT_EXPECT_NE(test, bar0, 0);
	KUNIT_EXPECT_NE(test, bar2, 0);

	answer = expect_write(fabric, "client", bar0, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_EQ(test, answer.bar, 0);
	KUNIT_EXPECT_EQ(test, answer.offset, 0);
	KUNIT_EXPECT_EQ(test, answer.extent, SZ_2M);
	KUNIT_EXPECT_FALSE(test, answer.root);

	answer = expect_read(fabric, "client", bar2 + 0x123456, ORACLE_LANDED,
			     "provider");
	KUNIT_EXPECT_EQ(test, answer.bar, 2);
	KUNIT_EXPECT_EQ(test, answer.offset, 0x123456);
	KUNIT_EXPECT_EQ(test, answer.extent, SZ_4M - 0x123456);

	answer = expect_write(fabric, "client", bar2 + SZ_4M - 1, ORACLE_LANDED,
			      "provider");
	KUNIT_EXPECT_EQ(test, answer.bar, 2);
	KUNIT_EXPECT_EQ(test, answer.offset, SZ_4M - 1);
	KUNIT_EXPECT_EQ(test, answer.extent, 1);

	/* The client reaches its own memory without sending a request. */
	answer = expect_read(fabric, "client",
			     bar_address(fabric, "client", 0) + 5, ORACLE_LANDED,
			     "client");
	KUNIT_EXPECT_EQ(test, answer.offset, 5);
	KUNIT_EXPECT_FALSE(test, answer.root);
}

/*
 * Request redirect and egress control at C, untranslated requests; UF at the root
 * port, so that what goes up comes back.  On paper, in switch_by_hand():
 *
 *	1_0060_0777	in u's window, and of its ports in p's, which is port 2;
 *			in the provider's BAR 0, whose byte 0x777 it is
 *	across		c -> p -> provider
 *	up		c -> u -> r -> root complex -> r -> u -> p -> provider
 *	dropped		at c
 */
static void oracle_request_table(struct kunit *test)
{
	static const struct {
		u16 acs;
		u32 vector;
		enum { ACROSS, UP, DROPPED } what;
	} row[] = {
		{ 0,			    0,	    ACROSS },
		{ 0,			    BIT(2), ACROSS },
		{ PCI_ACS_RR,		    0,	    UP },
		{ PCI_ACS_RR,		    BIT(2), UP },
		{ PCI_ACS_EC,		    0,	    ACROSS },
		{ PCI_ACS_EC,		    BIT(1), ACROSS },	/* its own */
		{ PCI_ACS_EC,		    BIT(2), DROPPED },
		{ PCI_ACS_EC | PCI_ACS_RR,  0,	    ACROSS },
		{ PCI_ACS_EC | PCI_ACS_RR,  ~(u32)BIT(2), ACROSS },
		{ PCI_ACS_EC | PCI_ACS_RR,  BIT(2), UP },
	};
	struct fabric *fabric = switch_by_hand(test);
	struct oracle_answer answer;
	int i, read;

	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		kunit_info(test, "row %d\n", i);
		fabric_set_acs(fabric, "c", row[i].acs);
		fabric_set_egress(fabric, "c", row[i].vector);
		for (read = 0; read < 2; read++) {
			answer = expect_access(fabric, "client", 0x100600777,
					       read, row[i].what == DROPPED ?
					       ORACLE_ACS_VIOLATION :
					       ORACLE_LANDED,
					       row[i].what == DROPPED ?
					       "c" : "provider", __LINE__);
			KUNIT_EXPECT_EQ(test, answer.root, row[i].what == UP);
			KUNIT_EXPECT_EQ(test, answer.turned,
					row[i].what == UP);
			if (row[i].what == DROPPED)
				continue;
			KUNIT_EXPECT_EQ(test, answer.bar, 0);
			KUNIT_EXPECT_EQ(test, answer.offset, 0x777);
		}
	}
}

/*
 * Every bit of ACS Control, at the side where it acts and at the other.  The address
 * is that of oracle_request_table(), and goes the same ways.
 */
static void oracle_control_table(struct kunit *test)
{
	struct fabric *fabric = switch_by_hand(test);
	u64 bar = 0x100600777;
	struct oracle_request request = {
		.client = fabric_dev(fabric, "client"),
		.dma = bar,
	};
	struct oracle_answer answer;

	/* SV at C: the requester's bus number must be below C. */
	fabric_set_acs(fabric, "c", PCI_ACS_SV);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	request.impostor = true;
	request.requester = PCI_DEVID(0xee, 0);
	expect_walk(fabric, &request, ORACLE_ACS_VIOLATION, "c");
	request.requester = pci_dev_id(fabric_dev(fabric, "provider"));
	expect_walk(fabric, &request, ORACLE_ACS_VIOLATION, "c");
	fabric_set_acs(fabric, "c", 0);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	fabric_set_acs(fabric, "p", PCI_ACS_SV);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	request.impostor = false;

	/* TB at C: only untranslated requests. */
	fabric_set_acs(fabric, "p", PCI_ACS_TB);
	fabric_set_acs(fabric, "c", PCI_ACS_TB);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	request.translated = true;
	expect_walk(fabric, &request, ORACLE_ACS_VIOLATION, "c");
	fabric_set_acs(fabric, "c", 0);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");

	/* DT at C: a translated request crosses in spite of RR and EC. */
	fabric_set_acs(fabric, "p", 0);
	fabric_set_egress(fabric, "c", ~0);
	fabric_set_acs(fabric, "c", PCI_ACS_EC);
	expect_walk(fabric, &request, ORACLE_ACS_VIOLATION, "c");
	fabric_set_acs(fabric, "c", PCI_ACS_EC | PCI_ACS_DT);
	expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	fabric_set_acs(fabric, "c", PCI_ACS_RR | PCI_ACS_DT);
	answer = expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_FALSE(test, answer.root);
	KUNIT_EXPECT_EQ(test, answer.offset, 0x777);
	/* Without DT it goes up, where UF brings it back. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_walk(fabric, &request, ORACLE_BLOCKED, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	answer = expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_TRUE(test, answer.root);
	KUNIT_EXPECT_EQ(test, answer.offset, 0x777);
	/* DT does not count for untranslated requests. */
	request.translated = false;
	fabric_set_acs(fabric, "c", PCI_ACS_RR | PCI_ACS_DT);
	answer = expect_walk(fabric, &request, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_TRUE(test, answer.root);
	fabric_set_acs(fabric, "r", 0);
	fabric_set_acs(fabric, "c", PCI_ACS_EC | PCI_ACS_DT);
	expect_walk(fabric, &request, ORACLE_ACS_VIOLATION, "c");
	fabric_set_egress(fabric, "c", 0);

	/* RR at C, and the root port has no UF: undefined, so blocked there. */
	fabric_set_acs(fabric, "c", PCI_ACS_RR);
	expect_write(fabric, "client", bar, ORACLE_BLOCKED, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	answer = expect_write(fabric, "client", bar, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_TRUE(test, answer.root);

	/* RR and EC at P count for requests in the other direction. */
	fabric_set_acs(fabric, "c", 0);
	fabric_set_egress(fabric, "p", ~0);
	fabric_set_acs(fabric, "p", PCI_ACS_RR | PCI_ACS_EC);
	answer = expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_FALSE(test, answer.root);

	/* CR at P: the completion goes up; it comes back only with UF above. */
	fabric_set_acs(fabric, "p", PCI_ACS_CR);
	fabric_set_acs(fabric, "r", 0);
	expect_write(fabric, "client", bar, ORACLE_LANDED, "provider");
	answer = expect_read(fabric, "client", bar, ORACLE_BLOCKED, "r");
	KUNIT_EXPECT_TRUE(test, answer.completion);
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");

	/* CR at C counts for completions in the other direction. */
	fabric_set_acs(fabric, "r", 0);
	fabric_set_acs(fabric, "p", 0);
	fabric_set_acs(fabric, "c", PCI_ACS_CR);
	expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
}

/* The vector is indexed by port number, and a short one lets nothing through. */
static void oracle_egress_vector(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp c port=7 acs=EC egress=0,2 egress-bits=9\n"
		"        ep client\n"
		"      dp p0 port=0\n"
		"        ep zero bar0=2M\n"
		"      dp p1 port=8\n"
		"        ep eight bar0=2M\n"
		"      dp p2 port=9\n"
		"        ep nine bar0=2M\n");

	expect_write(fabric, "client", bar_address(fabric, "zero", 0),
		     ORACLE_ACS_VIOLATION, "c");
	expect_write(fabric, "client", bar_address(fabric, "eight", 0),
		     ORACLE_LANDED, "eight");
	expect_write(fabric, "client", bar_address(fabric, "nine", 0),
		     ORACLE_ACS_VIOLATION, "c");
}

/*
 * Four switches deep: the paths part at the second, between c2 and p2.  ACS of the
 * other ports, set to everything that hinders, does not matter.
 */
static void oracle_nested(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r acs=RR,CR,UF\n"
		"    up\n"
		"      dp d1 acs=RR,CR,UF\n"
		"        up\n"
		"          dp c2\n"
		"            up\n"
		"              dp c3 acs=RR,CR,UF\n"
		"                up\n"
		"                  dp c4 acs=RR,CR,UF\n"
		"                    ep client\n"
		"                  dp x4\n"
		"                    ep other bar0=2M\n"
		"          dp p2\n"
		"            up\n"
		"              dp p3 acs=RR,CR\n"
		"                ep provider bar0=2M\n");
	u64 bar = bar_address(fabric, "provider", 0);
	struct oracle_answer answer;

	answer = expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_FALSE(test, answer.root);

	/* Redirected at c2 it goes up past d1 and r, which have UF. */
	fabric_set_acs(fabric, "c2", PCI_ACS_RR);
	answer = expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_TRUE(test, answer.root);
	fabric_set_acs(fabric, "d1", 0);
	expect_read(fabric, "client", bar, ORACLE_BLOCKED, "d1");

	/* To x4 the paths part at c4, which redirects; c3 lets it up, c2 not. */
	answer = expect_write(fabric, "client", bar_address(fabric, "other", 0),
			      ORACLE_BLOCKED, "c2");
	KUNIT_EXPECT_FALSE(test, answer.root);
}

/*
 * With the windows of switch_by_hand(), 1_0020_0000 is in u's window and in no
 * port's, 1_0040_0000 in p's and in no BAR, and 1_0100_0000 in none but the host
 * bridge's.
 */
static void oracle_windows(struct kunit *test)
{
	struct fabric *fabric = switch_by_hand(test);
	struct oracle_answer answer;

	answer = expect_write(fabric, "client", 0x100612345, ORACLE_LANDED,
			      "provider");
	KUNIT_EXPECT_EQ(test, answer.offset, 0x12345);
	answer = expect_write(fabric, "client", 0x1007fffff, ORACLE_LANDED,
			      "provider");
	KUNIT_EXPECT_EQ(test, answer.offset, 0x1fffff);

	answer = expect_write(fabric, "client", 0x100200000, ORACLE_UNSUPPORTED,
			      "u");
	KUNIT_EXPECT_EQ(test, answer.extent, 0x200000);
	expect_write(fabric, "client", 0x1003fffff, ORACLE_UNSUPPORTED, "u");
	answer = expect_write(fabric, "client", 0x100400000, ORACLE_UNSUPPORTED,
			      "p");
	KUNIT_EXPECT_EQ(test, answer.extent, 0x200000);
	expect_write(fabric, "client", 0x100800000, ORACLE_UNSUPPORTED, "u");
	expect_write(fabric, "client", 0x101000000, ORACLE_UNSUPPORTED, NULL);

	/* With c's window over p's the request targets its own window. */
	set_memory_window(fabric, "c", 0x100000000, 0x1007fffff);
	expect_write(fabric, "client", 0x100600000, ORACLE_BLOCKED, "c");

	/* UF lets it up, past r too, and down it gets to c again; no BAR is there. */
	fabric_set_acs(fabric, "c", PCI_ACS_UF);
	set_memory_window(fabric, "c", 0x100000000, 0x1003fffff);
	expect_write(fabric, "client", 0x100300000, ORACLE_BLOCKED, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	answer = expect_write(fabric, "client", 0x100300000, ORACLE_UNSUPPORTED,
			      "c");
	KUNIT_EXPECT_TRUE(test, answer.root);
}

/* Two root ports: what the root complex does decides. */
static void oracle_root_ports(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host forward=writes\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep provider bar0=2M\n"
		"  rciep integrated bar0=2M\n");
	struct fabric_host *host =
		fabric_host_of(fabric_dev(fabric, "client"));
	u64 bar = bar_address(fabric, "provider", 0);
	struct oracle_answer answer;

	answer = expect_write(fabric, "client", bar, ORACLE_LANDED, "provider");
	KUNIT_EXPECT_TRUE(test, answer.root);
	expect_read(fabric, "client", bar, ORACLE_BLOCKED, NULL);
	expect_write(fabric, "integrated", bar, ORACLE_LANDED, "provider");
	expect_write(fabric, "client", bar_address(fabric, "integrated", 0),
		     ORACLE_LANDED, "integrated");

	host->forward = FABRIC_FORWARD_ALL;
	expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
	expect_read(fabric, "provider", bar_address(fabric, "integrated", 0),
		    ORACLE_LANDED, "integrated");
	host->forward = FABRIC_FORWARD_NONE;
	expect_write(fabric, "client", bar, ORACLE_BLOCKED, NULL);
	expect_write(fabric, "integrated", bar, ORACLE_BLOCKED, NULL);
}

/*
 * Two host bridges with bus addresses that are not the CPU's, one below and one
 * above them.  A client reaches the other bridge by the CPU's address, and its own
 * by the bus's.
 */
static void oracle_two_bridges(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host bus=0x90000000\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep near bar0=2M\n"
		"host bus=0x700000000000 cross=writes\n"
		"  rp\n"
		"    ep far bar0=2M\n");
	struct pci_dev *near = fabric_dev(fabric, "near");
	struct pci_dev *far = fabric_dev(fabric, "far");
	struct fabric_host *host = fabric_host_of(near);
	u64 near_phys = pci_resource_start(near, 0);
	u64 far_phys = pci_resource_start(far, 0);
	struct oracle_answer answer;

	/* The bus offsets of the first and the second host bridge. */
	KUNIT_EXPECT_EQ(test, bar_address(fabric, "near", 0),
			near_phys - host->window.start + 0x90000000);
	KUNIT_EXPECT_GE(test, bar_address(fabric, "far", 0), 0x700000000000);

	answer = expect_read(fabric, "client",
			     bar_address(fabric, "near", 0) + 7, ORACLE_LANDED,
			     "near");
	KUNIT_EXPECT_EQ(test, answer.offset, 7);

	answer = expect_write(fabric, "client", far_phys + 9, ORACLE_LANDED,
			      "far");
	KUNIT_EXPECT_EQ(test, answer.offset, 9);
	expect_read(fabric, "client", far_phys, ORACLE_BLOCKED, NULL);
	expect_write(fabric, "client", bar_address(fabric, "far", 0),
		     ORACLE_UNSUPPORTED, NULL);

	/* And the other way round. */
	expect_write(fabric, "far", near_phys, ORACLE_LANDED, "near");
	expect_write(fabric, "far", bar_address(fabric, "near", 0),
		     ORACLE_UNSUPPORTED, NULL);
	host->cross = FABRIC_FORWARD_NONE;
	expect_write(fabric, "far", near_phys, ORACLE_BLOCKED, NULL);
	expect_write(fabric, "client", far_phys, ORACLE_BLOCKED, NULL);
}

/*
 * On a conventional bus functions reach each other. Other requests go through the
 * bridge, which is their requester on PCI Express.
 */
static void oracle_conventional(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp d acs=SV\n"
		"        bridge b\n"
		"          pci one bar0=2M\n"
		"          pci two bar0=2M\n"
		"      dp\n"
		"        ep express bar0=2M\n");
	struct oracle_answer answer;

	answer = expect_write(fabric, "one", bar_address(fabric, "two", 0),
			      ORACLE_LANDED, "two");
	KUNIT_EXPECT_FALSE(test, answer.root);
	expect_read(fabric, "one", bar_address(fabric, "express", 0),
		    ORACLE_LANDED, "express");
	expect_read(fabric, "express", bar_address(fabric, "two", 0),
		    ORACLE_LANDED, "two");
	/* An address in the bridge's window, but in no BAR. */
	fabric_unplug(fabric, "two");
	set_memory_window(fabric, "b", bar_address(fabric, "one", 0),
			  bar_address(fabric, "one", 0) + SZ_16M - 1);
	expect_write(fabric, "one", bar_address(fabric, "one", 0) + SZ_8M,
		     ORACLE_UNSUPPORTED, "b");
}

/*
 * Functions of one device: the client's ACS decides, with an egress vector indexed
 * by function number. A request that leaves the device comes to the port, in whose
 * own window the address is.
 */
static void oracle_functions(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    ep zero acs=none bar0=2M\n"
		"    ep one fn=1 bar0=2M\n"
		"    ep three fn=3 acs=none bar0=2M\n");
	u64 bar = bar_address(fabric, "three", 0);
	struct oracle_answer answer;

	answer = expect_read(fabric, "zero", bar, ORACLE_LANDED, "three");
	KUNIT_EXPECT_FALSE(test, answer.root);
	expect_read(fabric, "one", bar, ORACLE_LANDED, "three");

	fabric_set_acs(fabric, "zero", PCI_ACS_EC);
	fabric_set_egress(fabric, "zero", BIT(1));
	expect_read(fabric, "zero", bar, ORACLE_LANDED, "three");
	fabric_set_egress(fabric, "zero", BIT(3));
	expect_read(fabric, "zero", bar, ORACLE_ACS_VIOLATION, "zero");

	fabric_set_acs(fabric, "zero", PCI_ACS_RR);
	expect_write(fabric, "zero", bar, ORACLE_BLOCKED, "r");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	answer = expect_write(fabric, "zero", bar, ORACLE_LANDED, "three");
	KUNIT_EXPECT_TRUE(test, answer.root);

	fabric_set_acs(fabric, "zero", 0);
	fabric_set_acs(fabric, "three", PCI_ACS_CR);
	fabric_set_acs(fabric, "r", 0);
	answer = expect_read(fabric, "zero", bar, ORACLE_BLOCKED, "r");
	KUNIT_EXPECT_TRUE(test, answer.completion);
}

/* A function whose requests to its siblings leave the device. */
static void oracle_apart(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    ep zero apart bar0=2M\n"
		"    ep one fn=1 bar0=2M\n");
	u64 zero = bar_address(fabric, "zero", 0);
	u64 one = bar_address(fabric, "one", 0);
	struct oracle_answer answer;

	expect_write(fabric, "zero", one, ORACLE_BLOCKED, "r");
	expect_write(fabric, "one", zero, ORACLE_BLOCKED, "r");
	expect_write(fabric, "one", one, ORACLE_LANDED, "one");
	fabric_set_acs(fabric, "r", PCI_ACS_UF);
	answer = expect_read(fabric, "zero", one, ORACLE_LANDED, "one");
	KUNIT_EXPECT_TRUE(test, answer.root);
}

/* The memory of ports: what the port that a request comes through says. */
static void oracle_port_memories(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up u bar0=2M\n"
		"      dp c port=1 enhanced acs=none bar0=2M\n"
		"        ep client\n"
		"      dp p port=2 acs=none bar0=2M\n"
		"        ep other\n");
	u64 u = bar_address(fabric, "u", 0), p = bar_address(fabric, "p", 0);
	u64 c = bar_address(fabric, "c", 0);

	expect_read(fabric, "client", u, ORACLE_LANDED, "u");
	expect_read(fabric, "client", p, ORACLE_LANDED, "p");
	expect_read(fabric, "client", c, ORACLE_LANDED, "c");
	expect_read(fabric, "other", u, ORACLE_BLOCKED, "p");
	expect_read(fabric, "other", c, ORACLE_BLOCKED, "p");
	/* Blocked: 01 in bits 8 and 9 for downstream ports, 10 and 11 for the other. */
	fabric_set_acs(fabric, "c", 0x0100);
	expect_read(fabric, "client", u, ORACLE_LANDED, "u");
	expect_read(fabric, "client", p, ORACLE_ACS_VIOLATION, "c");
	fabric_set_acs(fabric, "c", 0x0400);
	expect_read(fabric, "client", u, ORACLE_ACS_VIOLATION, "c");
	expect_read(fabric, "client", p, ORACLE_LANDED, "p");
}

/* The same where a function number has eight bits, and the vector as many as that. */
static void oracle_functions_ari(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r ari\n"
		"    ep zero acs=none egress-bits=0 bar0=2M\n"
		"    ep nine fn=9 acs=none bar0=2M\n"
		"    ep last fn=255 bar0=2M\n");
	u64 nine = bar_address(fabric, "nine", 0);
	u64 last = bar_address(fabric, "last", 0);

	KUNIT_EXPECT_EQ(test, 255, fabric_dev(fabric, "last")->devfn);
	expect_read(fabric, "zero", nine, ORACLE_LANDED, "nine");
	expect_read(fabric, "zero", last, ORACLE_LANDED, "last");

	/*
	 * All bits of the function number count: the last three would be functions
	 * 1 and 7.
	 */
	fabric_set_acs(fabric, "zero", PCI_ACS_EC);
	fabric_set_egress(fabric, "zero", BIT(1) | BIT(7));
	expect_read(fabric, "zero", nine, ORACLE_LANDED, "nine");
	expect_read(fabric, "zero", last, ORACLE_LANDED, "last");
	fabric_set_egress(fabric, "zero", BIT(9));
	expect_read(fabric, "zero", nine, ORACLE_ACS_VIOLATION, "zero");
	expect_read(fabric, "zero", last, ORACLE_LANDED, "last");

	/* A vector of 32 bits has no bit for function "last". */
	fabric_set_acs(fabric, "nine", PCI_ACS_EC);
	expect_read(fabric, "nine", last, ORACLE_ACS_VIOLATION, "nine");
}

/* A virtual function that is not on the device's bus is in no egress vector. */
static void oracle_vf_on_next_bus(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp ari\n"
		"    ep pf acs=none egress-bits=0 vfs=1 vfbar=2M vf-offset=256\n");
	u64 bar;

	fabric_enable_vfs(fabric, "pf", 1);
	bar = bar_address(fabric, "pf.vf0", 0);
	KUNIT_EXPECT_EQ(test, fabric_dev(fabric, "pf")->bus->number + 1,
			fabric_dev(fabric, "pf.vf0")->bus->number);
	KUNIT_EXPECT_EQ(test, 0, fabric_dev(fabric, "pf.vf0")->devfn);
	expect_read(fabric, "pf", bar, ORACLE_LANDED, "pf.vf0");
	fabric_set_acs(fabric, "pf", PCI_ACS_EC);
	expect_read(fabric, "pf", bar, ORACLE_ACS_VIOLATION, "pf");
}

/* Virtual functions: shares of one BAR, there while they are enabled. */
static void oracle_vfs(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    up\n"
		"      dp\n"
		"        ep pf bar0=2M vfs=3 vfbar=1M\n"
		"      dp\n"
		"        ep other bar0=2M\n");
	struct oracle_answer answer;
	u64 bar;
	int i;

	fabric_enable_vfs(fabric, "pf", 2);
	bar = bar_address(fabric, "pf.vf0", 0);
	answer = expect_read(fabric, "other", bar + 3, ORACLE_LANDED, "pf.vf0");
	KUNIT_EXPECT_EQ(test, answer.offset, 3);
	answer = expect_read(fabric, "other", bar + SZ_1M + 4, ORACLE_LANDED,
			     "pf.vf1");
	KUNIT_EXPECT_EQ(test, answer.offset, 4);
	KUNIT_EXPECT_EQ(test, answer.extent, SZ_1M - 4);
	/*
	 * The third virtual function is not enabled, although the window has its
	 * memory.
	 */
	i = oracle_outcome(fabric, fabric_dev(fabric, "other"), bar + SZ_2M,
			   false, NULL);
	KUNIT_EXPECT_EQ(test, i, ORACLE_UNSUPPORTED);

	expect_read(fabric, "pf.vf1", bar_address(fabric, "other", 0),
		    ORACLE_LANDED, "other");
	expect_read(fabric, "pf.vf1", bar, ORACLE_LANDED, "pf.vf0");
	pci_clear_master(fabric_dev(fabric, "pf.vf1"));
	expect_read(fabric, "pf.vf1", bar_address(fabric, "other", 0),
		    ORACLE_BLOCKED, "pf.vf1");
}

/* Every switch that has to be on, off one at a time. */
static void oracle_switched_off(struct kunit *test)
{
	static const char * const masters[] = { "client", "c", "u", "r" };
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    up u\n"
		"      dp c\n"
		"        ep client\n"
		"  rp s\n"
		"    up v\n"
		"      dp p\n"
		"        ep provider bar0=2M\n");
	u64 bar = bar_address(fabric, "provider", 0);
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	int i;

	expect_read(fabric, "client", bar, ORACLE_LANDED, "provider");
	for (i = 0; i < ARRAY_SIZE(masters); i++) {
		fabric_set_master(fabric, masters[i], false);
		expect_write(fabric, "client", bar, ORACLE_BLOCKED, masters[i]);
		fabric_set_master(fabric, masters[i], true);
	}

	/*
	 * A port that does not decode takes no request: it ends at the function
	 * before.
	 */
	fabric_set_decode(fabric, "s", false);
	expect_write(fabric, "client", bar, ORACLE_UNSUPPORTED, NULL);
	fabric_set_decode(fabric, "s", true);
	fabric_set_decode(fabric, "v", false);
	expect_write(fabric, "client", bar, ORACLE_UNSUPPORTED, "s");
	fabric_set_decode(fabric, "v", true);
	fabric_set_decode(fabric, "p", false);
	expect_write(fabric, "client", bar, ORACLE_UNSUPPORTED, "v");
	fabric_set_decode(fabric, "p", true);
	fabric_set_decode(fabric, "provider", false);
	expect_write(fabric, "client", bar, ORACLE_UNSUPPORTED, "provider");
	fabric_set_decode(fabric, "provider", true);

	KUNIT_EXPECT_EQ(test, 0, pci_set_power_state(provider, PCI_D3hot));
	expect_write(fabric, "client", bar, ORACLE_UNSUPPORTED, "provider");
	KUNIT_EXPECT_EQ(test, 0, pci_set_power_state(provider, PCI_D0));
	expect_write(fabric, "client", bar, ORACLE_LANDED, "provider");
}

/* The IOMMU: what it maps, in which direction, and what it does not. */
/*
 * Requests that a client with ATS sends as translated, worked out on paper: the IOMMU's
 * answer for a mapped address, none for a bus address, and in an identity domain the
 * address itself.
 */
static void oracle_sent(struct kunit *test)
{
	const struct mock_iommu_config config = { .identity = true };
	struct oracle_request request = {};
	struct oracle_answer answer;
	struct fabric *fabric;
	struct pci_dev *provider;
	struct oracle *oracle;

	mock_iommu_create(test, &config);
	fabric = fabric_create(test,
			       "host\n"
			       "  rp\n"
			       "    up\n"
			       "      dp c port=1 acs=RR,DT\n"
			       "        ep client ats bar0=2M\n"
			       "      dp p port=2\n"
			       "        ep provider bar0=2M\n");
	provider = fabric_dev(fabric, "provider");
	request.client = fabric_dev(fabric, "client");
	request.dma = bar_address(fabric, "provider", 0);
	oracle = oracle_read(fabric);
	KUNIT_EXPECT_FALSE(test, oracle_has_ats(oracle, request.client));
	KUNIT_EXPECT_FALSE(test, oracle_walk_sent(oracle, &request, &answer));

	/* DT takes it across where the same request untranslated goes up. */
	fabric_set_ats(fabric, "client", true);
	oracle = oracle_read(fabric);
	KUNIT_EXPECT_TRUE(test, oracle_has_ats(oracle, request.client));
	KUNIT_ASSERT_TRUE(test, oracle_walk_sent(oracle, &request, &answer));
	KUNIT_EXPECT_EQ(test, answer.outcome, ORACLE_LANDED);
	KUNIT_EXPECT_EQ(test, answer.devfn, provider->devfn);
	KUNIT_EXPECT_EQ(test, answer.bus, provider->bus->number);
	KUNIT_EXPECT_FALSE(test, answer.root);
	oracle_walk(oracle, &request, &answer);
	KUNIT_EXPECT_NE(test, answer.outcome, ORACLE_LANDED);

	/* Through an IOVA: the answer is the CPU address, which is the bus address. */
	request.dma = ORACLE_SOME_IOVA;
	request.mapped_to = pci_resource_start(provider, 0) + SZ_4K;
	KUNIT_ASSERT_TRUE(test, oracle_walk_sent(oracle, &request, &answer));
	KUNIT_EXPECT_EQ(test, answer.outcome, ORACLE_LANDED);
	KUNIT_EXPECT_EQ(test, answer.offset, SZ_4K);
	KUNIT_EXPECT_FALSE(test, answer.root);

	/* TB stops it, wherever it is bound. */
	fabric_set_acs(fabric, "c", PCI_ACS_TB | PCI_ACS_DT);
	KUNIT_ASSERT_TRUE(test, oracle_walk_sent(oracle_read(fabric), &request,
						 &answer));
	KUNIT_EXPECT_EQ(test, answer.outcome, ORACLE_ACS_VIOLATION);

	/* A driver that uses ATS per mapping asks for nothing in this domain. */
	request.mapped_to = 0;
	fabric_ats_per_mapping(fabric, "client");
	KUNIT_EXPECT_FALSE(test, oracle_walk_sent(oracle_read(fabric), &request,
						  &answer));
}

/*
 * Packets with data: of 512, 256 and 128 bytes, and of tags that are too wide, worked out
 * on paper.
 */
static void oracle_links(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp r\n"
		"    up u\n"
		"      dp c port=1\n"
		"        ep client requester=10\n"
		"      dp p port=2\n"
		"        ep provider bar0=2M completer=10\n"
		"  rp s\n"
		"    ep beside bar0=2M\n");
	u64 across = bar_address(fabric, "provider", 0);
	u64 beside = bar_address(fabric, "beside", 0);

	expect_write(fabric, "client", across, ORACLE_LANDED, "provider");
	expect_read(fabric, "client", across, ORACLE_LANDED, "provider");
	/* The completion of ten bits is eight bits wide. */
	expect_write(fabric, "client", beside, ORACLE_LANDED, "beside");
	expect_read(fabric, "client", beside, ORACLE_UNEXPECTED, "client");

	/* The port above the client is the first that takes less. */
	fabric_set_mps(fabric, "client", 512);
	expect_write(fabric, "client", across, ORACLE_MALFORMED, "c");
	fabric_set_mps(fabric, "c", 512);
	expect_write(fabric, "client", across, ORACLE_MALFORMED, "p");
	fabric_set_mps(fabric, "p", 512);
	expect_write(fabric, "client", across, ORACLE_MALFORMED, "provider");
	/* The request of a read has no data, and its completion has 128 bytes. */
	expect_read(fabric, "client", across, ORACLE_LANDED, "provider");
	fabric_set_mps(fabric, "provider", 512);
	expect_write(fabric, "client", across, ORACLE_LANDED, "provider");
	/* A completion of 512 bytes. */
	fabric_set_mps(fabric, "client", 256);
	expect_read(fabric, "client", across, ORACLE_MALFORMED, "client");
	fabric_set_mps(fabric, "c", 256);
	expect_read(fabric, "client", across, ORACLE_MALFORMED, "c");

	/* Up through "u" and "r"; from "s" on it is what "s" may send. */
	expect_write(fabric, "client", beside, ORACLE_MALFORMED, "u");
	fabric_set_mps(fabric, "u", 256);
	expect_write(fabric, "client", beside, ORACLE_MALFORMED, "r");
	fabric_set_mps(fabric, "r", 256);
	expect_write(fabric, "client", beside, ORACLE_LANDED, "beside");
	fabric_set_mps(fabric, "s", 256);
	expect_write(fabric, "client", beside, ORACLE_MALFORMED, "beside");
}

static void oracle_iommu(struct kunit *test)
{
	struct mock_iommu *mock = mock_iommu_create(test, NULL);
	struct fabric *fabric = fabric_create(test,
		"host\n"
		"  rp\n"
		"    ep client\n"
		"  rp\n"
		"    ep provider bar0=2M\n");
	struct pci_dev *client = fabric_dev(fabric, "client");
	struct pci_dev *provider = fabric_dev(fabric, "provider");
	struct iommu_domain *domain = iommu_get_domain_for_dev(&client->dev);
	phys_addr_t phys = pci_resource_start(provider, 0);
	struct oracle_answer answer;

	KUNIT_ASSERT_NOT_NULL(test, domain);
	KUNIT_ASSERT_TRUE(test, mock_iommu_translates(&client->dev));
	KUNIT_ASSERT_EQ(test, 0,
			iommu_map(domain, 0x10000, phys + SZ_1M, SZ_8K,
				  IOMMU_WRITE | IOMMU_MMIO, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, mock_iommu_prot(&client->dev, 0x11000),
			IOMMU_WRITE | IOMMU_MMIO);

	answer = expect_write(fabric, "client", 0x11002, ORACLE_LANDED,
			      "provider");
	KUNIT_EXPECT_EQ(test, answer.offset, SZ_1M + 0x1002);
	KUNIT_EXPECT_EQ(test, answer.extent, 0xffe);
	KUNIT_EXPECT_TRUE(test, answer.iommu);

	/* Not readable; not mapped; not of this requester. */
	KUNIT_EXPECT_EQ(test, mock->faults, 0);
	expect_read(fabric, "client", 0x11002, ORACLE_IOMMU_FAULT, NULL);
	expect_write(fabric, "client", 0x12000, ORACLE_IOMMU_FAULT, NULL);
	expect_write(fabric, "provider", 0x11002, ORACLE_IOMMU_FAULT, NULL);
	KUNIT_EXPECT_EQ(test, mock->faults, 3);
	KUNIT_EXPECT_EQ(test, mock->fault_iova, 0x11002);
	/* A bus address that went up is an IOVA like any other. */
	expect_write(fabric, "client", bar_address(fabric, "provider", 0),
		     ORACLE_IOMMU_FAULT, NULL);

	KUNIT_EXPECT_EQ(test, iommu_unmap(domain, 0x10000, SZ_8K), SZ_8K);
	expect_write(fabric, "client", 0x11002, ORACLE_IOMMU_FAULT, NULL);
	mock->want_faults = 5;
	KUNIT_EXPECT_EQ(test, atomic_read(&mock->live), 0);
}

/* Addresses of RAM, and addresses where nothing is. */
static void oracle_ram(struct kunit *test)
{
	struct fabric *fabric = fabric_create(test, switch_picture);
	u64 ram = virt_to_phys(fabric);
	struct oracle_answer answer;

	answer = expect_read(fabric, "client", ram, ORACLE_RAM, NULL);
	KUNIT_EXPECT_EQ(test, answer.offset, ram);
	KUNIT_EXPECT_TRUE(test, answer.root);
	expect_read(fabric, "client", BIT_ULL(52), ORACLE_UNSUPPORTED, NULL);
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE(oracle_switch),
	KUNIT_CASE(oracle_request_table),
	KUNIT_CASE(oracle_control_table),
	KUNIT_CASE(oracle_egress_vector),
	KUNIT_CASE(oracle_nested),
	KUNIT_CASE(oracle_windows),
	KUNIT_CASE(oracle_root_ports),
	KUNIT_CASE(oracle_two_bridges),
	KUNIT_CASE(oracle_conventional),
	KUNIT_CASE(oracle_functions),
	KUNIT_CASE(oracle_apart),
	KUNIT_CASE(oracle_port_memories),
	KUNIT_CASE(oracle_functions_ari),
	KUNIT_CASE(oracle_vf_on_next_bus),
	KUNIT_CASE_SLOW(oracle_vfs),
	KUNIT_CASE(oracle_switched_off),
	KUNIT_CASE(oracle_sent),
	KUNIT_CASE(oracle_links),
	KUNIT_CASE(oracle_iommu),
	KUNIT_CASE(oracle_ram),
	{}
};

static struct kunit_suite oracle_suite = {
	.name = "oracle",
	.test_cases = oracle_cases,
};

kunit_test_suite(oracle_suite);
