/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of the software fabric, for the files that emulate it.  Tests name
 * functions by their names in the picture, and the oracle reads configuration space.
 */
#ifndef P2PDMA_KUNIT_FABRIC_FN_H
#define P2PDMA_KUNIT_FABRIC_FN_H

#include "fabric.h"

#define FABRIC_VENDOR		0x1fab	/* not assigned, and in no list of the kernel */

/* Offsets of the capabilities; a function has some of them. */
#define FABRIC_CAP_EXP		0x40
#define FABRIC_CAP_PM		0x80
#define FABRIC_EXT_CAP_ACS	0x100
#define FABRIC_EXT_CAP_SRIOV	0x140
#define FABRIC_EXT_CAP_ARI	0x180
#define FABRIC_EXT_CAP_ATS	0x1c0
#define FABRIC_EXT_CAP_DEV3	0x200

/* ACS Enhanced Capability, which <linux/pci_regs.h> does not have. */
#define FABRIC_ACS_ENHANCED		0x0080
#define FABRIC_ACS_DSP_ACCESS		0x0300
#define FABRIC_ACS_USP_ACCESS		0x0c00

/* Registers for tags, which <linux/pci_regs.h> does not have. */
#define FABRIC_DEVCAP2_CPL_10BIT	0x00010000
#define FABRIC_DEVCAP2_REQ_10BIT	0x00020000
#define FABRIC_DEVCTL2_REQ_10BIT	0x1000
#define FABRIC_EXT_CAP_ID_DEV3		0x2f
#define FABRIC_DEV3_CAP_CPL_14BIT	0x2
#define FABRIC_DEV3_CAP_REQ_14BIT	0x4
#define FABRIC_DEV3_CTL_REQ_14BIT	0x4

enum fabric_kind {
	FABRIC_HOST,
	FABRIC_RP,
	FABRIC_UP,
	FABRIC_DP,
	FABRIC_EP,
	FABRIC_RCIEP,
	FABRIC_BRIDGE,
	FABRIC_PCI,
	FABRIC_NR_KINDS,
};

extern const char * const fabric_kind_names[FABRIC_NR_KINDS];
extern const char * const fabric_acs_names[7];
extern const char * const fabric_forward_names[];

/* A BAR as the picture describes it. */
struct fabric_bar {
	u64 size;
	bool is32;
};

/**
 * struct fabric_fn - an emulated function
 * @node: in &fabric.functions
 * @at: in &fabric.at_devfn
 * @host: its host bridge
 * @parent: the bridge above it; NULL on the root bus
 * @pf: for a virtual function its physical function, else NULL
 * @vf: for a virtual function its number
 * @name: what tests call it; may be empty
 * @kind: what it is
 * @devfn: device and function number
 * @present: it is plugged in
 * @lost: its link is down: reads give all ones, and writes are lost
 * @liar: random state of what reads give, see fabric_lie(); NULL if they give the truth
 * @multifunction: its device has several functions
 * @acs_cap: has the ACS capability
 * @acs: ACS Control when it is switched on
 * @egress: egress vector when it is switched on
 * @egress_bits: size of the vector
 * @port: port number
 * @bar: its BARs
 * @vfs: how many virtual functions it can have
 * @vf_size: memory of each
 * @vf_acs: they have the ACS capability
 * @vf_offset: from the function's routing ID to that of the first
 * @vendor: vendor ID
 * @device: device ID
 * @external: root port whose devices are not trusted
 * @ari: port that can forward by Alternative Routing-ID Interpretation
 * @isolates: port without the ACS capability that redirects all the same, and is in the
 *	kernel's table of such ports by @vendor and @device
 * @enhanced: port with the ACS Enhanced Capability
 * @apart: its requests to other functions of its device leave the device, and theirs
 *	to it
 * @looped: the test has a policy that says that they do not
 * @group: its ACS function group, or negative
 * @requester: bits in the tags of its requests, at power-on
 * @completer: bits in tags that it returns
 * @ats: has the capability for Address Translation Services
 * @ats_per_mapping: its driver has promised to use it per mapping
 * @value: configuration space
 * @mask: bits of it that can be written
 */
struct fabric_fn {
	struct list_head node;
	struct list_head at;
	struct fabric_host *host;
	struct fabric_fn *parent;
	struct fabric_fn *pf;
	int vf;
	char name[24];
	enum fabric_kind kind;
	u8 devfn;
	bool present;
	bool lost;
	struct rnd_state *liar;
	bool multifunction;
	bool acs_cap;
	u16 acs;
	u32 egress;
	unsigned int egress_bits;
	u8 port;
	struct fabric_bar bar[PCI_STD_NUM_BARS];
	int vfs;
	u64 vf_size;
	u16 vf_offset;
	bool vf_acs;
	u16 vendor;
	u16 device;
	bool external;
	bool ari;
	bool isolates;
	bool enhanced;
	bool apart;
	bool looped;
	int group;
	int requester;
	int completer;
	bool ats;
	bool ats_per_mapping;
	u8 value[PCI_CFG_SPACE_EXP_SIZE];
	u8 mask[PCI_CFG_SPACE_EXP_SIZE];
};

extern struct pci_ops fabric_pci_ops;

void fabric_fn_reset(struct fabric_fn *fn);
void fabric_fn_lose(struct fabric_fn *top, bool lost);
bool fabric_fn_is_bridge(const struct fabric_fn *fn);
bool fabric_fn_below_ari(const struct fabric_fn *fn);
bool fabric_fn_answers(const struct fabric_fn *fn);
u32 fabric_fn_get(const struct fabric_fn *fn, int where, int size);
struct fabric_fn *fabric_fn_at(struct fabric_host *host, int bus,
			       unsigned int devfn);
int fabric_fn_bus(const struct fabric_fn *fn);
bool fabric_fn_is_below(const struct fabric_fn *fn,
			const struct fabric_fn *top);
struct fabric_fn *fabric_fn_named(struct fabric *fabric, const char *name);
struct pci_dev *fabric_fn_dev(struct fabric_fn *fn);
void fabric_release_providers(struct fabric *fabric, struct pci_dev *pdev);

#endif /* P2PDMA_KUNIT_FABRIC_FN_H */
