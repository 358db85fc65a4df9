// SPDX-License-Identifier: GPL-2.0
/*
 * What tests do with a software fabric: find its devices by name, make clients
 * and providers of them, change things while it runs, and have it drawn.
 */
#include <kunit/static_stub.h>
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/pci-ats.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>

#include "../../drivers/pci/pci.h"
#include "../../drivers/pci/p2pdma/p2pdma.h"
#include "fabric_fn.h"
#include "mock_cache.h"

/* Provider memory that is registered; also names its devres group. */
struct fabric_registration {
	struct list_head node;
	struct pci_dev *pdev;
};

struct fabric_memory {
	struct list_head node;
	struct pci_dev *pdev;
	void *addr;
	size_t size;
};

/**
 * fabric_fn_named - find an emulated function by its name
 * @fabric: the fabric
 * @name: its name; the test is ended if there is none
 *
 * Return: the function.
 */
struct fabric_fn *fabric_fn_named(struct fabric *fabric, const char *name)
{
	struct fabric_fn *fn;

	list_for_each_entry_reverse(fn, &fabric->functions, node)
		if (!strcmp(fn->name, name))
			return fn;
	KUNIT_FAIL_AND_ABORT(fabric->test, "the fabric has no \"%s\"", name);
	return NULL;
}

/**
 * fabric_fn_dev - the device that the PCI core has made of a function
 * @fn: the function
 *
 * Return: the device, not held, or NULL.
 */
struct pci_dev *fabric_fn_dev(struct fabric_fn *fn)
{
	struct pci_dev *pdev, *up;

	if (!fabric_fn_answers(fn))
		return NULL;
	pdev = pci_get_domain_bus_and_slot(fn->host->domain, fabric_fn_bus(fn),
					   fn->devfn);
	pci_dev_put(pdev);

	/* Below a bridge without a bus number no device has been found yet. */
	up = fn->parent ? fabric_fn_dev(fn->parent) : NULL;
	return pdev && pci_upstream_bridge(pdev) == up ? pdev : NULL;
}

/**
 * fabric_dev - find a device by its name in the picture
 * @fabric: the fabric
 * @name: its name
 *
 * Return: the device, valid while it is plugged in.  The test is ended if it is
 * not there.
 */
struct pci_dev *fabric_dev(struct fabric *fabric, const char *name)
{
	struct pci_dev *pdev = fabric_fn_dev(fabric_fn_named(fabric, name));

	KUNIT_ASSERT_NOT_NULL_MSG(fabric->test, pdev,
				  "\"%s\" is not there", name);
	return pdev;
}

/**
 * fabric_client - make a device ready to do DMA
 * @fabric: the fabric
 * @name: its name
 *
 * Its DMA mask is 64 bits, and its segments may be of any size.  It is coherent
 * unless mock_cache_not_coherent() has been called.
 *
 * Return: the device.
 */
struct pci_dev *fabric_client(struct fabric *fabric, const char *name)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	KUNIT_ASSERT_EQ(fabric->test, 0,
			dma_set_mask_and_coherent(&pdev->dev,
						  DMA_BIT_MASK(64)));
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	mock_cache_ready(fabric->test, &pdev->dev);
	return pdev;
}

/* Open a devres group for what a provider's driver would register. */
static struct fabric_registration *fabric_register(struct fabric *fabric,
						   struct pci_dev *pdev)
{
	struct fabric_registration *reg = kzalloc(sizeof(*reg), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(fabric->test, reg);
	if (!devres_open_group(&pdev->dev, reg, GFP_KERNEL)) {
		kfree(reg);
		KUNIT_FAIL_AND_ABORT(fabric->test, "out of memory");
	}
	reg->pdev = pci_dev_get(pdev);
	list_add_tail(&reg->node, &fabric->providers);
	return reg;
}

/**
 * fabric_provider_part - make a part of a BAR peer memory with struct pages
 * @fabric: the fabric
 * @name: whose BAR
 * @bar: its number
 * @size: bytes, a multiple of 2 MiB; 0 for the rest
 * @offset: bytes from the start of the BAR, a multiple of 2 MiB
 *
 * Return: the provider.  The test is ended if there is none.
 */
struct p2pdma_provider *fabric_provider_part(struct fabric *fabric,
					     const char *name, int bar,
					     size_t size, u64 offset)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	struct fabric_registration *reg = fabric_register(fabric, pdev);
	struct p2pdma_provider *provider;
	int ret;

	ret = pci_p2pdma_add_resource(pdev, bar, size, offset);
	devres_close_group(&pdev->dev, reg);
	KUNIT_ASSERT_EQ_MSG(fabric->test, 0, ret, "%s", name);

	provider = pci_p2pdma_provider_of_phys(pci_resource_start(pdev, bar) +
					       offset, 1);
	KUNIT_ASSERT_NOT_NULL(fabric->test, provider);
	return provider;
}

/**
 * fabric_provider - make a BAR peer memory with struct pages
 * @fabric: the fabric
 * @name: whose BAR
 * @bar: its number; at least 2 MiB
 *
 * Return: the provider.  The test is ended if there is none.
 */
struct p2pdma_provider *fabric_provider(struct fabric *fabric, const char *name,
					int bar)
{
	return fabric_provider_part(fabric, name, bar, 0, 0);
}

/**
 * fabric_provider_plain - make all BARs peer memory without struct pages
 * @fabric: the fabric
 * @name: whose BARs
 * @bar: number of one of them
 *
 * Return: the provider of @bar.  The test is ended if there is none.
 */
struct p2pdma_provider *fabric_provider_plain(struct fabric *fabric,
					      const char *name, int bar)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	struct fabric_registration *reg = fabric_register(fabric, pdev);
	struct p2pdma_provider *provider = NULL;

	if (!pcim_p2pdma_init(pdev))
		provider = pcim_p2pdma_provider(pdev, bar);
	devres_close_group(&pdev->dev, reg);
	KUNIT_ASSERT_NOT_NULL_MSG(fabric->test, provider, "%s", name);
	return provider;
}

/**
 * fabric_setup - make a fabric with clients and providers
 * @test: the test
 * @picture: as fabric_create() takes it
 * @clients: NAMES() for fabric_client(), or NULL
 * @providers: NAMES() for fabric_provider(), of BAR 0; or NULL
 *
 * Return: the fabric.
 */
struct fabric *fabric_setup(struct kunit *test, const char *picture,
			    const char * const *clients,
			    const char * const *providers)
{
	struct fabric *fabric = fabric_create(test, picture);

	for (; clients && *clients; clients++)
		fabric_client(fabric, *clients);
	for (; providers && *providers; providers++)
		fabric_provider(fabric, *providers, 0);
	return fabric;
}

/**
 * fabric_alloc - allocate peer memory
 * @fabric: the fabric
 * @name: a provider with struct pages
 * @size: bytes
 *
 * It is freed when its provider goes.
 *
 * Return: the memory.  The test is ended if there is none.
 */
void *fabric_alloc(struct fabric *fabric, const char *name, size_t size)
{
	struct fabric_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(fabric->test, memory);
	memory->pdev = fabric_dev(fabric, name);
	memory->size = size;
	memory->addr = pci_alloc_p2pmem(memory->pdev, size);
	if (!memory->addr) {
		kfree(memory);
		KUNIT_FAIL_AND_ABORT(fabric->test, "no memory in \"%s\"", name);
	}
	list_add_tail(&memory->node, &fabric->memory);
	return memory->addr;
}

static void fabric_release_memory(struct fabric *fabric, struct pci_dev *pdev)
{
	struct fabric_memory *memory, *next;

	list_for_each_entry_safe(memory, next, &fabric->memory, node) {
		if (pdev && memory->pdev != pdev)
			continue;
		pci_free_p2pmem(memory->pdev, memory->addr, memory->size);
		list_del(&memory->node);
		kfree(memory);
	}
}

/**
 * fabric_release_providers - unregister providers, as unbinding their driver does
 * @fabric: the fabric
 * @pdev: its function, or NULL for all
 *
 * Memory is freed first: a provider waits for the last page that is in use.
 */
void fabric_release_providers(struct fabric *fabric, struct pci_dev *pdev)
{
	struct fabric_registration *reg, *next;

	fabric_release_memory(fabric, pdev);
	list_for_each_entry_safe_reverse(reg, next, &fabric->providers, node) {
		if (pdev && reg->pdev != pdev)
			continue;
		devres_release_group(&reg->pdev->dev, reg);
		pci_dev_put(reg->pdev);
		list_del(&reg->node);
		kfree(reg);
	}
}

/**
 * fabric_provider_release - unregister the providers of a function
 * @fabric: the fabric
 * @name: the function; all its BARs are unregistered
 */
void fabric_provider_release(struct fabric *fabric, const char *name)
{
	fabric_release_providers(fabric, fabric_dev(fabric, name));
}

/**
 * fabric_enable_vfs - enable virtual functions
 * @fabric: the fabric
 * @name: the physical function
 * @count: how many; 0 disables them, which takes a second
 */
void fabric_enable_vfs(struct fabric *fabric, const char *name, int count)
{
	struct pci_dev *pf = fabric_dev(fabric, name), *vf;
	char vf_name[32];

	if (!count) {
		pci_disable_sriov(pf);
		return;
	}
	KUNIT_ASSERT_EQ(fabric->test, 0, pci_enable_sriov(pf, count));
	while (count--) {
		snprintf(vf_name, sizeof(vf_name), "%s.vf%d", name, count);
		vf = fabric_dev(fabric, vf_name);
		KUNIT_EXPECT_EQ(fabric->test, 0, pci_enable_device_mem(vf));
		pci_set_master(vf);
	}
}

/**
 * fabric_acs - read the ACS Control register
 * @fabric: the fabric
 * @name: of a function that has one
 *
 * Return: the register.
 */
u16 fabric_acs(struct fabric *fabric, const char *name)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	u16 ctrl = 0;

	KUNIT_ASSERT_NE(fabric->test, 0, pdev->acs_cap);
	pci_read_config_word(pdev, pdev->acs_cap + PCI_ACS_CTRL, &ctrl);
	return ctrl;
}

/**
 * fabric_set_acs - write the ACS Control register, as the kernel does
 * @fabric: the fabric
 * @name: of a function that has one
 * @ctrl: its new value
 */
void fabric_set_acs(struct fabric *fabric, const char *name, u16 ctrl)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	KUNIT_ASSERT_NE(fabric->test, 0, pdev->acs_cap);
	pci_write_config_word(pdev, pdev->acs_cap + PCI_ACS_CTRL, ctrl);
}

/**
 * fabric_user_set_acs - write the ACS Control register, as setpci does
 * @fabric: the fabric
 * @name: of a function that has one
 * @ctrl: its new value
 */
void fabric_user_set_acs(struct fabric *fabric, const char *name, u16 ctrl)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	KUNIT_ASSERT_NE(fabric->test, 0, pdev->acs_cap);
	pci_user_write_config_word(pdev, pdev->acs_cap + PCI_ACS_CTRL, ctrl);
}

/**
 * fabric_set_egress - write the first 32 bits of the ACS egress vector
 * @fabric: the fabric
 * @name: of a function that has one
 * @vector: their new value
 */
void fabric_set_egress(struct fabric *fabric, const char *name, u32 vector)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	KUNIT_ASSERT_NE(fabric->test, 0, pdev->acs_cap);
	pci_write_config_dword(pdev, pdev->acs_cap + PCI_ACS_EGRESS_CTL_V,
			       vector);
}

/**
 * fabric_loopback - say that the active policy names a function in loopback=
 * @fabric: the fabric
 * @name: the function
 * @on: whether it does
 *
 * For the oracle, which does not know policies.
 */
void fabric_loopback(struct fabric *fabric, const char *name, bool on)
{
	fabric_fn_named(fabric, name)->looped = on;
	fabric->changes++;
}

/**
 * fabric_set_ats - switch Address Translation Services, as an IOMMU driver does
 * @fabric: the fabric
 * @name: a function that has the capability, and is trusted
 * @on: whether they are enabled
 */
void fabric_set_ats(struct fabric *fabric, const char *name, bool on)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);

	if (pdev->ats_enabled == on)
		return;
	if (on)
		KUNIT_ASSERT_EQ(fabric->test, 0,
				pci_enable_ats(pdev, PAGE_SHIFT));
	else
		pci_disable_ats(pdev);
}

/**
 * fabric_ats_per_mapping - promise that a function uses ATS per mapping
 * @fabric: the fabric
 * @name: the function, until it is unplugged
 */
void fabric_ats_per_mapping(struct fabric *fabric, const char *name)
{
	KUNIT_ASSERT_EQ(fabric->test, 0,
			pcim_p2pdma_set_ats_per_mapping(fabric_dev(fabric,
								   name)));
	fabric_fn_named(fabric, name)->ats_per_mapping = true;
}

/**
 * fabric_set_mps - write Max_Payload_Size, as firmware or the PCI core does
 * @fabric: the fabric
 * @name: a PCI Express function
 * @bytes: from 128 to 4096, a power of two
 */
void fabric_set_mps(struct fabric *fabric, const char *name, int bytes)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	u16 ctl;

	pcie_capability_read_word(pdev, PCI_EXP_DEVCTL, &ctl);
	ctl &= ~PCI_EXP_DEVCTL_PAYLOAD;
	ctl |= FIELD_PREP(PCI_EXP_DEVCTL_PAYLOAD, ilog2(bytes / 128));
	pcie_capability_write_word(pdev, PCI_EXP_DEVCTL, ctl);
}

static void fabric_set_command(struct fabric *fabric, const char *name, u16 bit,
			       bool on)
{
	struct pci_dev *pdev = fabric_dev(fabric, name);
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	pci_write_config_word(pdev, PCI_COMMAND,
			      on ? command | bit : command & ~bit);
}

/**
 * fabric_set_decode - switch memory decoding of a function
 * @fabric: the fabric
 * @name: the function
 * @on: whether it decodes
 */
void fabric_set_decode(struct fabric *fabric, const char *name, bool on)
{
	fabric_set_command(fabric, name, PCI_COMMAND_MEMORY, on);
}

/**
 * fabric_set_power - set a power state as the PCI core notes it
 * @pdev: the function
 * @state: its new state
 */
void fabric_set_power(struct pci_dev *pdev, pci_power_t state)
{
	CLASS(pci_p2pdma_power, power)(pdev);

	pdev->current_state = state;
}

/**
 * fabric_set_master - switch bus mastering of a function
 * @fabric: the fabric
 * @name: the function
 * @on: whether it may send requests upstream
 */
void fabric_set_master(struct fabric *fabric, const char *name, bool on)
{
	fabric_set_command(fabric, name, PCI_COMMAND_MASTER, on);
}

static bool fabric_never(void)
{
	return false;
}

static bool fabric_always(void)
{
	return true;
}

/**
 * fabric_guest - say whether the kernel runs on a hypervisor
 * @test: the test, with whose end this ends
 * @guest: whether it does
 */
void fabric_guest(struct kunit *test, bool guest)
{
	if (guest)
		kunit_activate_static_stub(test, p2pdma_is_guest, fabric_always);
	else
		kunit_activate_static_stub(test, p2pdma_is_guest, fabric_never);
	p2pdma_invalidate(P2PDMA_BY_POLICY);
}

/**
 * fabric_encrypted_guest - say that the kernel is a guest whose memory is encrypted
 * @test: the test, with whose end this ends
 */
void fabric_encrypted_guest(struct kunit *test)
{
	kunit_activate_static_stub(test, p2pdma_encrypted_guest, fabric_always);
	p2pdma_invalidate(P2PDMA_BY_POLICY);
}

/**
 * fabric_cpu_listed - say whether all host bridges of this CPU are known to
 *	forward
 * @test: the test, with whose end this ends
 * @listed: whether they are
 */
void fabric_cpu_listed(struct kunit *test, bool listed)
{
	if (listed)
		kunit_activate_static_stub(test, p2pdma_cpu_listed,
					   fabric_always);
	else
		kunit_activate_static_stub(test, p2pdma_cpu_listed,
					   fabric_never);
	/* The core does not expect this to change: make its cached routes stale. */
	p2pdma_invalidate(P2PDMA_BY_POLICY);
}

static void fabric_restore_policy(void *text)
{
	p2pdma_policy_set(text);
	kfree(text);
}

/**
 * fabric_policy - set the active policy
 * @test: the test, at whose end the earlier policy is restored
 * @format: the policy, as a format for printf()
 */
void fabric_policy(struct kunit *test, const char *format, ...)
{
	char *before = p2pdma_policy_get();
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fabric_restore_policy,
						  before));
	KUNIT_ASSERT_EQ_MSG(test, 0, p2pdma_policy_set(text), "%s", text);
}

/*
 * Drawing.
 */

static void fabric_draw_acs(struct fabric_fn *fn, struct seq_buf *s)
{
	u32 ctrl = fabric_fn_get(fn, FABRIC_EXT_CAP_ACS + PCI_ACS_CTRL, 2);
	u32 egress = fabric_fn_get(fn, FABRIC_EXT_CAP_ACS +
				   PCI_ACS_EGRESS_CTL_V, 4);
	const char *separator = "";
	int bit;

	if (!fn->acs_cap) {
		if (!fn->isolates &&
		    (fn->kind == FABRIC_RP || fn->kind == FABRIC_DP))
			seq_buf_puts(s, " noacs");
		return;
	}
	seq_buf_puts(s, ctrl ? " acs=" : " acs=none");
	for (bit = 0; bit < ARRAY_SIZE(fabric_acs_names); bit++) {
		if (!(ctrl & BIT(bit)))
			continue;
		seq_buf_printf(s, "%s%s", separator, fabric_acs_names[bit]);
		separator = ",";
	}
	separator = " egress=";
	for (bit = 0; bit < 32; bit++) {
		if (!(egress & BIT(bit)))
			continue;
		seq_buf_printf(s, "%s%d", separator, bit);
		separator = ",";
	}
	if (fn->egress_bits != 32)
		seq_buf_printf(s, " egress-bits=%u", fn->egress_bits);
}

/*
 * The line that describes the function, then a comment with its numbers and
 * addresses.
 */
static void fabric_draw_fn(struct fabric_fn *fn, struct seq_buf *s)
{
	u32 command = fabric_fn_get(fn, PCI_COMMAND, 2);
	struct pci_dev *pdev = fabric_fn_dev(fn);
	int i;

	seq_buf_printf(s, "%s %s", fabric_kind_names[fn->kind], fn->name);
	if (fabric_fn_is_bridge(fn))
		seq_buf_printf(s, " port=%d", fn->port);
	if (fabric_fn_below_ari(fn) && fn->devfn)
		seq_buf_printf(s, " fn=%d", fn->devfn);
	else if (PCI_FUNC(fn->devfn))
		seq_buf_printf(s, " fn=%d", PCI_FUNC(fn->devfn));
	else
		seq_buf_printf(s, " dev=%d", PCI_SLOT(fn->devfn));
	if (fn->isolates)
		seq_buf_puts(s, " isolates");
	else if (fn->vendor != FABRIC_VENDOR)
		seq_buf_printf(s, " id=%04x:%04x", fn->vendor, fn->device);
	if (fn->external)
		seq_buf_puts(s, " external");
	if (fn->ari)
		seq_buf_puts(s, " ari");
	if (fn->ats)
		seq_buf_puts(s, " ats");
	if (fn->enhanced)
		seq_buf_puts(s, " enhanced");
	if (fn->apart)
		seq_buf_puts(s, " apart");
	if (fn->group >= 0)
		seq_buf_printf(s, " group=%d", fn->group);
	if (fn->requester > 8)
		seq_buf_printf(s, " requester=%d", fn->requester);
	if (fn->completer > 8)
		seq_buf_printf(s, " completer=%d", fn->completer);
	fabric_draw_acs(fn, s);
	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (fn->bar[i].size)
			seq_buf_printf(s, " bar%d=%#llx%s", i, fn->bar[i].size,
				       fn->bar[i].is32 ? ",32" : "");
	if (fn->vfs)
		seq_buf_printf(s, " vfs=%d vfbar=%#llx vf-offset=%d", fn->vfs,
			       fn->vf_size, fn->vf_offset);
	if (fn->vf_acs)
		seq_buf_puts(s, " vfacs");

	seq_buf_printf(s, " # %02x:%02x.%d", fabric_fn_bus(fn),
		       PCI_SLOT(fn->devfn), PCI_FUNC(fn->devfn));
	if (fabric_fn_is_bridge(fn))
		seq_buf_printf(s, " [%02x-%02x]",
			       fabric_fn_get(fn, PCI_SECONDARY_BUS, 1),
			       fabric_fn_get(fn, PCI_SUBORDINATE_BUS, 1));
	for (i = 0; pdev && i < PCI_STD_NUM_BARS; i++)
		if (fn->bar[i].size)
			seq_buf_printf(s, " bus %#llx",
				       (u64)pci_bus_address(pdev, i));
	if (!fn->pf && !(command & PCI_COMMAND_MEMORY))
		seq_buf_puts(s, " not decoding");
	if (!(command & PCI_COMMAND_MASTER))
		seq_buf_puts(s, " no master");
	if (pdev && pci_is_pcie(pdev) && pcie_get_mps(pdev) > 128)
		seq_buf_printf(s, " MPS %d", pcie_get_mps(pdev));
	if (fn->looped)
		seq_buf_puts(s, " looped");
	if (pdev && pdev->ats_enabled)
		seq_buf_printf(s, " ATS on%s",
			       fn->ats_per_mapping ? " per mapping" : "");
}

static void fabric_draw(struct fabric *fabric, struct fabric_host *host,
			struct fabric_fn *parent, int depth)
{
	struct fabric_fn *fn;
	char text[256];
	struct seq_buf s;

	list_for_each_entry(fn, &fabric->functions, node) {
		if (fn->host != host || fn->parent != parent || fn->pf ||
		    !fabric_fn_answers(fn))
			continue;
		seq_buf_init(&s, text, sizeof(text));
		fabric_draw_fn(fn, &s);
		kunit_info(fabric->test, "%*s%s\n", 2 * depth, "",
			   seq_buf_str(&s));
		fabric_draw(fabric, host, fn, depth + 1);
	}
}

/**
 * fabric_print - draw a fabric into the test's log
 * @fabric: the fabric
 *
 * As it is now, in the language that fabric_create() understands.
 */
void fabric_print(struct fabric *fabric)
{
	struct fabric_host *host;

	list_for_each_entry(host, &fabric->hosts, node) {
		kunit_info(fabric->test,
			   "host domain=%#x buses=%#llx-%#llx mem=%#llx bus=%#llx forward=%s cross=%s%s # CPU %pR\n",
			   host->domain, host->busn.start, host->busn.end,
			   host->mem_size, host->bus_start,
			   fabric_forward_names[host->forward],
			   fabric_forward_names[host->cross],
			   host->noiommu ? " noiommu" : "", &host->window);
		fabric_draw(fabric, host, NULL, 1);
	}
}
