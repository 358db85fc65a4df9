/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI Express fabric in software, for KUnit tests.
 *
 * A test draws the fabric, and the real PCI core scans it:
 *
 *	fabric = fabric_create(test,
 *		"host\n"
 *		"  rp\n"
 *		"    up\n"
 *		"      dp c acs=RR,UF\n"
 *		"        ep client\n"
 *		"      dp p\n"
 *		"        ep provider bar0=2M\n");
 *	client = fabric_client(fabric, "client");
 *	provider = fabric_provider(fabric, "provider", 0);
 *
 * One line is one function; what is below it is indented by two more spaces.  A
 * line is a kind, then a name if the test wants to speak of the function, then
 * attributes.  Text from a "#" on is a comment.
 *
 *	host	a host bridge with its root complex
 *	rp	root port
 *	up, dp	upstream and downstream port of a switch
 *	ep	endpoint
 *	rciep	endpoint integrated in the root complex
 *	bridge	bridge from PCI Express to conventional PCI
 *	pci	conventional function
 *
 * Attributes of a host bridge:
 *
 *	domain=N	PCI domain (else the next from FABRIC_DOMAIN on)
 *	buses=N-N	its bus numbers (else 0-0xff)
 *	mem=SIZE	its memory window (else 256M)
 *	bus=ADDR	bus address of the window (else that of the CPU)
 *	forward=WHAT	what its root complex forwards between its own ports: none,
 *			writes or all (else all); only the oracle looks at it
 *	cross=WHAT	the same to and from other host bridges
 *	noiommu		its functions are not behind the mock IOMMU
 *
 * Attributes of a function:
 *
 *	acs=BITS	ACS Control when switched on: SV TB RR CR UF EC DT, or none;
 *			switch ports have the capability anyway, others only then
 *	noacs		no ACS capability
 *	isolates	none, and the port redirects all the same, as a quirk of the
 *			kernel's knows
 *	ats		the capability for Address Translation Services
 *	requester=N	bits in the tags of its requests: 8, 10 or 14 (else 8)
 *	completer=N	bits in tags that it returns, likewise
 *	enhanced	the ACS Enhanced Capability as well
 *	apart		its requests to other functions of its device, and theirs to it,
 *			leave the device; for one without P2P Request Redirect
 *	group=N		its ACS function group; function 0 of the device, below a port
 *			with ari, switches groups on if it has one
 *	egress=N,N..	bits of the ACS egress vector
 *	egress-bits=N	its size (else 32)
 *	port=N		port number (else counted among its siblings, from 0)
 *	dev=N		device number (else the next one)
 *	ari		root or downstream port: the functions of the device below it
 *			may have numbers up to 255
 *	fn=N		function N of the device of the line before
 *	barN=SIZE	memory BAR; 64 bits and prefetchable
 *	barN=SIZE,32	memory BAR; 32 bits and not prefetchable, which needs a
 *			bus= below 4G
 *	vfs=N		N virtual functions, called NAME.vf0, NAME.vf1 ...
 *	vfacs		they have the ACS capability
 *	vfbar=SIZE	memory of each in its BAR 0
 *	vf-offset=N	how far the first is from its physical function (else 1); from
 *			256 on it is on the next bus
 *	id=VVVV:DDDD	vendor and device ID
 *	external	root port whose devices are not trusted
 *
 * What is created goes with the test, in the right order.  Nothing is behind the
 * memory: writes vanish, and reads give what they like.
 */
#ifndef P2PDMA_KUNIT_FABRIC_H
#define P2PDMA_KUNIT_FABRIC_H

#include <kunit/test.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>

struct fabric_fn;
struct rnd_state;
struct oracle;

/* Domains that are not asked for come from here on; below 0x10000. */
#define FABRIC_DOMAIN 0xfa00

/* What a root complex forwards from one of its ports to another. */
enum fabric_forward {
	FABRIC_FORWARD_NONE,
	FABRIC_FORWARD_WRITES,
	FABRIC_FORWARD_ALL,
};

/**
 * struct fabric_host - an emulated host bridge
 * @sysdata: what the architecture wants to find at &pci_bus.sysdata
 * @node: in &fabric.hosts
 * @fabric: whose it is
 * @bus: root bus; NULL until it is scanned
 * @window: memory, CPU physical addresses
 * @busn: bus numbers
 * @bus_start: PCI bus address of the start of @window
 * @mem_size: size of @window, bytes
 * @domain: PCI domain
 * @forward: what the root complex forwards between its own ports
 * @cross: the same to and from other host bridges
 * @noiommu: its functions are not behind the mock IOMMU
 */
struct fabric_host {
	struct pci_sysdata sysdata;
	struct list_head node;
	struct fabric *fabric;
	struct pci_bus *bus;
	struct resource window;
	struct resource busn;
	u64 bus_start;
	u64 mem_size;
	int domain;
	enum fabric_forward forward;
	enum fabric_forward cross;
	bool noiommu;
};

/**
 * struct fabric - all host bridges of a test
 * @test: the test
 * @hosts: &struct fabric_host
 * @functions: &struct fabric_fn, each after the bridge that it is below
 * @at_devfn: the same by device and function number
 * @providers: what fabric_provider() and its like have registered
 * @memory: what fabric_alloc() has allocated
 * @changes: counts writes to configuration space, and what is plugged in or out
 * @vanishing: a function that is about to vanish, see fabric_vanish_at(); or NULL
 * @accesses: how many accesses to configuration space there are before that
 * @before: @changes when it was last said that something vanishes
 * @oracle: what oracle_read() last made of it, or NULL
 */
struct fabric {
	struct kunit *test;
	struct list_head hosts;
	struct list_head functions;
	struct list_head at_devfn[256];
	struct list_head providers;
	struct list_head memory;
	unsigned long changes;
	struct fabric_fn *vanishing;
	int accesses;
	unsigned long before;
	struct oracle *oracle;
};

/* A list of names for fabric_setup(). */
#define NAMES(...) ((const char * const []) { __VA_ARGS__, NULL })

struct fabric *fabric_create(struct kunit *test, const char *picture);
struct fabric *fabric_setup(struct kunit *test, const char *picture,
			    const char * const *clients,
			    const char * const *providers);
void fabric_destroy(struct fabric *fabric);
void fabric_print(struct fabric *fabric);

struct pci_dev *fabric_dev(struct fabric *fabric, const char *name);
struct fabric_host *fabric_host_of(struct pci_dev *pdev);
struct pci_dev *fabric_client(struct fabric *fabric, const char *name);
struct p2pdma_provider *fabric_provider(struct fabric *fabric, const char *name,
					int bar);
struct p2pdma_provider *fabric_provider_part(struct fabric *fabric,
					     const char *name, int bar,
					     size_t size, u64 offset);
struct p2pdma_provider *fabric_provider_plain(struct fabric *fabric,
					      const char *name, int bar);
void fabric_provider_release(struct fabric *fabric, const char *name);
void *fabric_alloc(struct fabric *fabric, const char *name, size_t size);

void fabric_enable_vfs(struct fabric *fabric, const char *name, int count);
u16 fabric_acs(struct fabric *fabric, const char *name);
void fabric_set_acs(struct fabric *fabric, const char *name, u16 ctrl);
void fabric_user_set_acs(struct fabric *fabric, const char *name, u16 ctrl);
void fabric_set_egress(struct fabric *fabric, const char *name, u32 vector);
void fabric_loopback(struct fabric *fabric, const char *name, bool on);
void fabric_set_ats(struct fabric *fabric, const char *name, bool on);
void fabric_ats_per_mapping(struct fabric *fabric, const char *name);
void fabric_set_mps(struct fabric *fabric, const char *name, int bytes);
void fabric_set_decode(struct fabric *fabric, const char *name, bool on);
void fabric_set_power(struct pci_dev *pdev, pci_power_t state);
void fabric_set_master(struct fabric *fabric, const char *name, bool on);
void fabric_unplug(struct fabric *fabric, const char *name);
void fabric_replug(struct fabric *fabric, const char *name);
void fabric_plug(struct fabric *fabric, const char *parent, const char *picture);
void fabric_vanish(struct fabric *fabric, const char *name);
void fabric_vanish_at(struct fabric *fabric, const char *name, int accesses);
bool fabric_vanished(struct fabric *fabric);
void fabric_lie(struct fabric *fabric, const char *name, struct rnd_state *rnd);
void fabric_reappear(struct fabric *fabric, const char *name);
void fabric_disconnect(struct fabric *fabric, const char *name);
void fabric_pull_out(struct fabric *fabric, const char *name);

void fabric_guest(struct kunit *test, bool guest);
void fabric_encrypted_guest(struct kunit *test);
void fabric_cpu_listed(struct kunit *test, bool listed);
__printf(2, 3)
void fabric_policy(struct kunit *test, const char *format, ...);

#endif /* P2PDMA_KUNIT_FABRIC_H */
