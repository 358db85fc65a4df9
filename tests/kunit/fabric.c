// SPDX-License-Identifier: GPL-2.0
/*
 * The software fabric: from a picture to host bridges that the real PCI core has
 * scanned, and what tests do with them.  fabric.h tells the language.
 *
 * Promises: whatever is created goes with the test, memory before its provider,
 * providers before their device, devices before the bridge.
 */
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../../drivers/pci/pci.h"
#include "fabric_fn.h"
#include "oracle.h"

#define FABRIC_WINDOW_ALIGN	SZ_256M
#define FABRIC_MAX_DEPTH	32

const char * const fabric_kind_names[FABRIC_NR_KINDS] = {
	[FABRIC_HOST]	= "host",
	[FABRIC_RP]	= "rp",
	[FABRIC_UP]	= "up",
	[FABRIC_DP]	= "dp",
	[FABRIC_EP]	= "ep",
	[FABRIC_RCIEP]	= "rciep",
	[FABRIC_BRIDGE]	= "bridge",
	[FABRIC_PCI]	= "pci",
};

/* By bit number in ACS Control. */
const char * const fabric_acs_names[7] = {
	"SV", "TB", "RR", "CR", "UF", "EC", "DT",
};

const char * const fabric_forward_names[] = {
	[FABRIC_FORWARD_NONE]	= "none",
	[FABRIC_FORWARD_WRITES]	= "writes",
	[FABRIC_FORWARD_ALL]	= "all",
};

/*
 * From text to functions.  Nothing here touches the PCI core.
 */

static bool fabric_parse_acs(char *text, u16 *acs)
{
	char *word;
	int bit;

	*acs = 0;
	while ((word = strsep(&text, ","))) {
		if (!strcmp(word, "none"))
			continue;
		bit = match_string(fabric_acs_names,
				   ARRAY_SIZE(fabric_acs_names), word);
		if (bit < 0)
			return false;
		*acs |= BIT(bit);
	}
	return true;
}

static bool fabric_parse_bits(char *text, u32 *bits)
{
	unsigned int bit;
	char *word;

	*bits = 0;
	while ((word = strsep(&text, ","))) {
		if (kstrtouint(word, 0, &bit) || bit > 31)
			return false;
		*bits |= BIT(bit);
	}
	return true;
}

static bool fabric_parse_size(const char *text, u64 *size)
{
	char *end;

	*size = memparse(text, &end);
	return !*end && *size;
}

static bool fabric_parse_forward(const char *text, enum fabric_forward *what)
{
	int ret = match_string(fabric_forward_names,
			       ARRAY_SIZE(fabric_forward_names), text);

	*what = ret;
	return ret >= 0;
}

/* One attribute, "key" or "key=text", of a host bridge. */
static bool fabric_host_attribute(struct fabric_host *host, const char *key,
				  char *text)
{
	unsigned int first, last;

	if (!strcmp(key, "noiommu")) {
		host->noiommu = true;
		return true;
	}
	if (!text)
		return false;
	if (!strcmp(key, "domain"))
		return !kstrtoint(text, 0, &host->domain);
	if (!strcmp(key, "mem"))
		return fabric_parse_size(text, &host->mem_size);
	if (!strcmp(key, "bus"))
		return fabric_parse_size(text, &host->bus_start);
	if (!strcmp(key, "forward"))
		return fabric_parse_forward(text, &host->forward);
	if (!strcmp(key, "cross"))
		return fabric_parse_forward(text, &host->cross);
	if (!strcmp(key, "buses")) {
		if (sscanf(text, "%i-%i", &first, &last) != 2 || last > 0xff)
			return false;
		host->busn.start = first;
		host->busn.end = last;
		return true;
	}
	return false;
}

/* One attribute of a function. */
static bool fabric_fn_attribute(struct fabric_fn *fn, const char *key,
				char *text)
{
	unsigned int number;
	char *comma;

	if (!strcmp(key, "noacs")) {
		fn->acs_cap = false;
		return true;
	}
	if (!strcmp(key, "isolates")) {
		/* Of Ampere's root ports, whose quirk looks at nothing else. */
		fn->vendor = PCI_VENDOR_ID_AMPERE;
		fn->device = 0xe005;
		fn->acs_cap = false;
		fn->isolates = true;
		return true;
	}
	if (!strcmp(key, "external")) {
		fn->external = true;
		return true;
	}
	if (!strcmp(key, "enhanced")) {
		fn->enhanced = true;
		return true;
	}
	if (!strcmp(key, "apart")) {
		fn->apart = true;
		return true;
	}
	if (!strcmp(key, "vfacs")) {
		fn->vf_acs = true;
		return true;
	}
	if (!strcmp(key, "ats")) {
		fn->ats = true;
		return true;
	}
	if (!strcmp(key, "ari")) {
		fn->ari = true;
		return fn->kind == FABRIC_RP || fn->kind == FABRIC_DP;
	}
	if (!text)
		return false;
	if (!strcmp(key, "acs")) {
		fn->acs_cap = true;
		return fabric_parse_acs(text, &fn->acs);
	}
	if (!strcmp(key, "egress"))
		return fabric_parse_bits(text, &fn->egress);
	if (!strcmp(key, "vfbar"))
		return fabric_parse_size(text, &fn->vf_size);
	if (!strcmp(key, "id"))
		return sscanf(text, "%hx:%hx", &fn->vendor, &fn->device) == 2;
	if (str_has_prefix(key, "bar") && key[3] >= '0' && key[3] <= '5' &&
	    !key[4]) {
		struct fabric_bar *bar = &fn->bar[key[3] - '0'];

		comma = strchr(text, ',');
		if (comma) {
			*comma = '\0';
			if (strcmp(comma + 1, "32"))
				return false;
			bar->is32 = true;
		}
		return fabric_parse_size(text, &bar->size) &&
		       is_power_of_2(bar->size);
	}

	if (kstrtouint(text, 0, &number))
		return false;
	if (!strcmp(key, "egress-bits"))
		fn->egress_bits = number;
	else if (!strcmp(key, "port"))
		fn->port = number;
	else if (!strcmp(key, "dev"))
		fn->devfn = PCI_DEVFN(number, 0);
	else if (!strcmp(key, "vfs"))
		fn->vfs = number;
	else if (!strcmp(key, "vf-offset"))
		fn->vf_offset = number;
	else if (!strcmp(key, "group"))
		fn->group = number;
	else if (!strcmp(key, "requester"))
		fn->requester = number;
	else if (!strcmp(key, "completer"))
		fn->completer = number;
	else if (strcmp(key, "fn"))
		return false;
	return true;
}

/* Are they functions of one device, by their bus and device numbers? */
static bool fabric_same_device(const struct fabric_fn *a,
			       const struct fabric_fn *b)
{
	return a->host == b->host && a->parent == b->parent &&
	       (fabric_fn_below_ari(a) ||
		PCI_SLOT(a->devfn) == PCI_SLOT(b->devfn));
}

/*
 * Give a function the next device number on its bus; or its "fn" of the last.
 * Returns false if a device has no such function.
 */
static bool fabric_fn_place(struct fabric *fabric, struct fabric_fn *fn,
			    const char *number)
{
	unsigned int most = fabric_fn_below_ari(fn) ? 255 : 7;
	struct fabric_fn *other, *last = NULL;
	unsigned int siblings = 0, function;
	int end;

	list_for_each_entry(other, &fabric->functions, node) {
		if (other->host != fn->host || other->parent != fn->parent ||
		    other->pf || !other->present)
			continue;
		last = other;
		siblings++;
	}

	fn->port = siblings;
	if (last)
		fn->devfn = PCI_DEVFN(PCI_SLOT(last->devfn) + 1, 0);
	if (last && number) {
		if (sscanf(number, "%u%n", &function, &end) != 1 ||
		    (number[end] && number[end] != ' ') || function > most)
			return false;
		fn->devfn = fabric_fn_below_ari(fn) ? function :
			PCI_DEVFN(PCI_SLOT(last->devfn), function);
		fn->multifunction = true;
		list_for_each_entry(other, &fabric->functions, node)
			if (other->present && fabric_same_device(other, fn))
				other->multifunction = true;
	}
	return true;
}

static void fabric_add_fn(struct fabric *fabric, struct fabric_fn *fn)
{
	list_add_tail(&fn->node, &fabric->functions);
	list_add_tail(&fn->at, &fabric->at_devfn[fn->devfn]);
}

static bool fabric_add_vfs(struct fabric *fabric, struct fabric_fn *pf)
{
	int i;

	for (i = 0; i < pf->vfs; i++) {
		struct fabric_fn *fn = kzalloc(sizeof(*fn), GFP_KERNEL);

		if (!fn)
			return false;
		fn->host = pf->host;
		fn->parent = pf->parent;
		fn->pf = pf;
		fn->vf = i;
		fn->kind = FABRIC_EP;
		fn->present = true;
		fn->acs_cap = pf->vf_acs;
		fn->egress_bits = 32;
		fn->apart = pf->apart;
		fn->group = -1;
		fn->devfn = pf->devfn + pf->vf_offset + i;
		scnprintf(fn->name, sizeof(fn->name), "%.12s.vf%d", pf->name,
			  i);
		fabric_add_fn(fabric, fn);
		fabric_fn_reset(fn);
	}
	return true;
}

/* Does a line have this attribute?  Returns its text. */
static const char *fabric_peek(const char *line, const char *key)
{
	const char *found = strstr(line, key);

	return found ? found + strlen(key) : NULL;
}

/* One line; @above is where it is drawn, NULL for a host bridge. */
static struct fabric_fn *fabric_parse_fn(struct fabric *fabric,
					 struct fabric_host *host,
					 struct fabric_fn *above, char *line)
{
	const char *number = fabric_peek(line, " fn=");
	struct fabric_fn *fn;
	bool first = true;
	char *word;
	int kind;

	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return NULL;
	fn->host = host;
	fn->parent = above;
	fn->egress_bits = 32;
	fn->vf_offset = 1;
	fn->group = -1;
	fn->requester = 8;
	fn->completer = 8;
	fn->vendor = FABRIC_VENDOR;

	word = strsep(&line, " ");
	kind = match_string(fabric_kind_names, FABRIC_NR_KINDS, word);
	if (kind <= FABRIC_HOST)
		goto bad;
	fn->kind = kind;
	fn->device = 0x1000 + 0x100 * kind;
	fn->acs_cap = kind == FABRIC_RP || kind == FABRIC_DP;
	if (!fabric_fn_place(fabric, fn, number))
		goto bad;

	for (; (word = strsep(&line, " ")); first = false) {
		char *text = word;
		char *key = strsep(&text, "=");

		if (!*word || fabric_fn_attribute(fn, key, text))
			continue;
		if (!first || text ||
		    strscpy(fn->name, word, sizeof(fn->name)) < 0)
			goto bad;
	}

	fn->present = true;
	fabric_add_fn(fabric, fn);
	fabric_fn_reset(fn);
	return fn;
bad:
	kfree(fn);
	return NULL;
}

static struct fabric_host *fabric_parse_host(struct fabric *fabric, char *line)
{
	struct fabric_host *host, *other;
	char *word;

	host = kzalloc(sizeof(*host), GFP_KERNEL);
	if (!host)
		return NULL;

	host->fabric = fabric;
	host->sysdata.node = NUMA_NO_NODE;
	host->domain = FABRIC_DOMAIN;
	host->busn.end = 0xff;
	host->mem_size = SZ_256M;
	host->forward = FABRIC_FORWARD_ALL;
	host->cross = FABRIC_FORWARD_ALL;
	list_for_each_entry(other, &fabric->hosts, node)
		host->domain = max(host->domain, other->domain + 1);

	strsep(&line, " ");
	while ((word = strsep(&line, " "))) {
		char *text = word;
		char *key = strsep(&text, "=");

		if (*word && !fabric_host_attribute(host, key, text)) {
			kfree(host);
			return NULL;
		}
	}
	list_add_tail(&host->node, &fabric->hosts);
	return host;
}

/* Where a picture's line begins that is so many lines down. */
static const char *fabric_line(const char *picture, int number)
{
	while (number--)
		picture = strchr(picture, '\n') + 1;
	return picture;
}

/*
 * Add what a picture shows: host bridges, or with @host functions, below @parent
 * or on the root bus.  Returns false with @number set if a line cannot be
 * understood.
 */
static bool fabric_parse_lines(struct fabric *fabric, struct fabric_host *host,
			       struct fabric_fn *parent, char *text,
			       int *number)
{
	struct fabric_fn *above[FABRIC_MAX_DEPTH] = { parent };
	int top = host ? 1 : 0;		/* depth of lines that are not indented */
	int known = top - 1;		/* depth of the last line */
	char *line;

	for (*number = 0; (line = strsep(&text, "\n")); ++*number) {
		char *word = skip_spaces(line);
		int depth = top + (word - line) / 2;

		word[strcspn(word, "#")] = '\0';
		word = strim(word);
		if (!*word)
			continue;
		if (depth > known + 1 || depth >= FABRIC_MAX_DEPTH)
			return false;
		known = depth;

		if (!depth) {
			host = str_has_prefix(word, "host") ?
				       fabric_parse_host(fabric, word) : NULL;
			if (!host)
				return false;
			continue;
		}
		above[depth] = fabric_parse_fn(fabric, host, above[depth - 1],
					       word);
		if (!above[depth] || !fabric_add_vfs(fabric, above[depth]))
			return false;
	}
	return true;
}

/* The same with a copy of the text; ends the test if it is bad. */
static void fabric_parse(struct fabric *fabric, struct fabric_host *host,
			 struct fabric_fn *parent, const char *picture)
{
	char *copy = kstrdup(picture, GFP_KERNEL);
	const char *bad;
	int number;
	bool ok;

	KUNIT_ASSERT_NOT_NULL(fabric->test, copy);
	ok = fabric_parse_lines(fabric, host, parent, copy, &number);
	kfree(copy);
	if (ok)
		return;
	bad = fabric_line(picture, number);
	KUNIT_FAIL_AND_ABORT(fabric->test,
			     "this line is no part of a fabric: %.*s",
			     (int)strcspn(bad, "\n"), bad);
}

/**
 * fabric_fn_is_below - is a function another, or below it?
 * @fn: the function
 * @top: the other; NULL for the host bridge
 *
 * Return: true if it is.
 */
bool fabric_fn_is_below(const struct fabric_fn *fn, const struct fabric_fn *top)
{
	while (fn && fn != top)
		fn = fn->pf ?: fn->parent;
	return fn == top;
}

/* Power on. */
static void fabric_reset(struct fabric *fabric, const struct fabric_fn *top)
{
	struct fabric_fn *fn;

	list_for_each_entry(fn, &fabric->functions, node)
		if (fabric_fn_is_below(fn, top))
			fabric_fn_reset(fn);
}

/*
 * From functions to devices.
 */

/* Devices below an external port are not trusted. */
static int fabric_notify(struct notifier_block *nb, unsigned long action,
			 void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct fabric_host *host = fabric_host_of(pdev);
	struct fabric_fn *fn;

	if (action != BUS_NOTIFY_ADD_DEVICE || !host)
		return NOTIFY_DONE;
	fn = fabric_fn_at(host, pdev->bus->number, pdev->devfn);
	if (!fn)
		return NOTIFY_DONE;
	pdev->external_facing = fn->external;
	for (fn = fn->parent; fn; fn = fn->parent)
		if (fn->external)
			pdev->untrusted = true;
	return NOTIFY_DONE;
}

static struct notifier_block fabric_notifier = {
	.notifier_call = fabric_notify,
	.priority = 2,	/* before an IOMMU looks at the device */
};

/**
 * fabric_host_of - the emulated host bridge that a device is below
 * @pdev: any PCI function
 *
 * Return: the host bridge, or NULL if it is a real one.
 */
struct fabric_host *fabric_host_of(struct pci_dev *pdev)
{
	if (pdev->bus->ops != &fabric_pci_ops)
		return NULL;
	return container_of(pdev->bus->sysdata, struct fabric_host, sysdata);
}

/* A piece of physical address space that can get struct pages, and is no RAM. */
static int fabric_host_window(struct fabric_host *host)
{
	struct range range = mhp_get_pluggable_range(true);

	host->window.name = "KUnit PCI fabric";
	host->window.flags = IORESOURCE_MEM;
	return allocate_resource(&iomem_resource, &host->window,
				 host->mem_size,
				 max_t(u64, range.start, SZ_4G),
				 min_t(u64, range.end, iomem_resource.end),
				 FABRIC_WINDOW_ALIGN, NULL, NULL);
}

/* Let functions decode and be masters, and with them the bridges above. */
static void fabric_enable(struct fabric *fabric)
{
	struct fabric_fn *fn;
	struct pci_dev *pdev;

	list_for_each_entry(fn, &fabric->functions, node) {
		pdev = fabric_fn_dev(fn);
		if (!pdev || pci_is_enabled(pdev))
			continue;
		KUNIT_EXPECT_EQ(fabric->test, 0, pci_enable_device_mem(pdev));
		pci_set_master(pdev);
	}
}

static int fabric_host_scan(struct fabric_host *host)
{
	struct pci_host_bridge *bridge;
	struct pci_bus *child;
	LIST_HEAD(resources);
	int ret;

	host->sysdata.domain = host->domain;
	host->busn.name = "KUnit PCI buses";
	host->busn.flags = IORESOURCE_BUS;
	ret = fabric_host_window(host);
	if (ret)
		return ret;
	if (!host->bus_start)
		host->bus_start = host->window.start;

	pci_add_resource(&resources, &host->busn);
	pci_add_resource_offset(&resources, &host->window,
				host->window.start - host->bus_start);

	pci_lock_rescan_remove();
	host->bus = pci_create_root_bus(NULL, host->busn.start, &fabric_pci_ops,
					&host->sysdata, &resources);
	if (!host->bus) {
		pci_unlock_rescan_remove();
		pci_free_resource_list(&resources);
		return -ENOMEM;
	}

	/* The port driver must not start its services, which need interrupts. */
	bridge = to_pci_host_bridge(host->bus->bridge);
	bridge->native_aer = 0;
	bridge->native_pcie_hotplug = 0;
	bridge->native_shpc_hotplug = 0;
	bridge->native_pme = 0;
	bridge->native_ltr = 0;
	bridge->native_dpc = 0;

	pci_scan_child_bus(host->bus);
	pci_assign_unassigned_bus_resources(host->bus);
	list_for_each_entry(child, &host->bus->children, node)
		pcie_bus_configure_settings(child);
	pci_bus_add_devices(host->bus);
	pci_unlock_rescan_remove();
	return 0;
}

static void fabric_rescan(struct fabric_host *host)
{
	pci_lock_rescan_remove();
	pci_rescan_bus(host->bus);
	pci_unlock_rescan_remove();
	fabric_enable(host->fabric);
}

static void fabric_host_remove(struct fabric_host *host)
{
	struct pci_host_bridge *bridge;

	if (host->bus) {
		bridge = to_pci_host_bridge(host->bus->bridge);
		pci_lock_rescan_remove();
		pci_stop_root_bus(host->bus);
		pci_remove_root_bus(host->bus);
		pci_unlock_rescan_remove();
		/*
		 * pci_remove_root_bus() deletes the bridge's device, and does not
		 * free the bridge.
		 */
		pci_free_host_bridge(bridge);
	}
	if (host->window.parent)
		release_resource(&host->window);
	list_del(&host->node);
	kfree(host);
}

static void fabric_free(void *data)
{
	struct fabric *fabric = data;
	struct fabric_host *host, *next_host;
	struct fabric_fn *fn, *next_fn;
	struct pci_dev *pdev;

	fabric_release_providers(fabric, NULL);
	list_for_each_entry(fn, &fabric->functions, node) {
		pdev = fabric_fn_dev(fn);
		if (fn->vfs && pdev && pci_num_vf(pdev))
			pci_disable_sriov(pdev);
	}
	list_for_each_entry_safe_reverse(host, next_host, &fabric->hosts, node)
		fabric_host_remove(host);
	bus_unregister_notifier(&pci_bus_type, &fabric_notifier);
	oracle_free(fabric->oracle);
	list_for_each_entry_safe(fn, next_fn, &fabric->functions, node)
		kfree(fn);
	kfree(fabric);
}

/**
 * fabric_create - make the fabric that a picture shows, and have it scanned
 * @test: the test, with which it goes
 * @picture: the picture; fabric.h tells the language
 *
 * The kernel is no guest then, and no host bridge trusted, until the test says
 * otherwise.  All functions decode memory and may be masters.
 *
 * Return: the fabric.  The test is ended if there is none.
 */
struct fabric *fabric_create(struct kunit *test, const char *picture)
{
	struct fabric *fabric = kzalloc(sizeof(*fabric), GFP_KERNEL);
	struct fabric_host *host;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, fabric);
	fabric->test = test;
	INIT_LIST_HEAD(&fabric->hosts);
	INIT_LIST_HEAD(&fabric->functions);
	for (i = 0; i < ARRAY_SIZE(fabric->at_devfn); i++)
		INIT_LIST_HEAD(&fabric->at_devfn[i]);
	INIT_LIST_HEAD(&fabric->providers);
	INIT_LIST_HEAD(&fabric->memory);
	bus_register_notifier(&pci_bus_type, &fabric_notifier);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, fabric_free, fabric));

	fabric_guest(test, false);
	fabric_cpu_listed(test, false);

	fabric_parse(fabric, NULL, NULL, picture);
	fabric_reset(fabric, NULL);
	list_for_each_entry(host, &fabric->hosts, node)
		KUNIT_ASSERT_EQ(test, 0, fabric_host_scan(host));
	fabric_enable(fabric);
	return fabric;
}

/**
 * fabric_unplug - remove a device, as by the hotplug button of its slot
 * @fabric: the fabric
 * @name: the function; what is below it goes too
 *
 * What fabric_provider() and fabric_alloc() have made there goes before.
 */
void fabric_unplug(struct fabric *fabric, const char *name)
{
	struct fabric_fn *fn, *top = fabric_fn_named(fabric, name);
	struct pci_dev *pdev = fabric_dev(fabric, name);

	list_for_each_entry_reverse(fn, &fabric->functions, node)
		if (fabric_fn_is_below(fn, top) && fabric_fn_dev(fn))
			fabric_release_providers(fabric, fabric_fn_dev(fn));
	if (pci_num_vf(pdev))
		pci_disable_sriov(pdev);
	pci_stop_and_remove_bus_device_locked(pdev);
	top->present = false;
	fabric->changes++;
}

/**
 * fabric_replug - plug a device in again that was unplugged
 * @fabric: the fabric
 * @name: the function; what was below it comes too
 */
void fabric_replug(struct fabric *fabric, const char *name)
{
	struct fabric_fn *top = fabric_fn_named(fabric, name);

	top->present = true;
	fabric_reset(fabric, top);
	fabric_rescan(top->host);
}

/**
 * fabric_plug - plug in something new
 * @fabric: the fabric
 * @parent: the port where it is plugged in; NULL for the first host bridge
 * @picture: what; the top line is not indented
 */
void fabric_plug(struct fabric *fabric, const char *parent, const char *picture)
{
	struct fabric_fn *top = parent ? fabric_fn_named(fabric, parent) : NULL;
	struct fabric_fn *fn = list_last_entry(&fabric->functions,
					       struct fabric_fn, node);
	struct fabric_host *host;

	host = top ? top->host : list_first_entry(&fabric->hosts,
						  struct fabric_host, node);
	fabric_parse(fabric, host, top, picture);
	/* A function shows whether its device has others. */
	list_for_each_entry_continue(fn, &fabric->functions, node)
		fabric_fn_reset(fn);
	fabric_rescan(host);
}

/**
 * fabric_vanish - let a device vanish that nobody has told the kernel of
 * @fabric: the fabric
 * @name: the function; with all that is below it
 *
 * Configuration reads give all ones from now on, and writes are lost.  For the oracle
 * this is no change: it goes on with what it reads now, until something else changes.
 */
void fabric_vanish(struct fabric *fabric, const char *name)
{
	oracle_read(fabric);
	fabric->before = fabric->changes;
	fabric_fn_lose(fabric_fn_named(fabric, name), true);
}

/**
 * fabric_vanish_at - let a device vanish in the middle of an operation
 * @fabric: the fabric
 * @name: as for fabric_vanish()
 * @accesses: how many accesses to the configuration space of the fabric there are before
 *
 * Ended by fabric_vanished().  The oracle reads the fabric before.
 */
void fabric_vanish_at(struct fabric *fabric, const char *name, int accesses)
{
	oracle_read(fabric);
	fabric->before = fabric->changes;
	fabric->accesses = accesses;
	fabric->vanishing = fabric_fn_named(fabric, name);
}

/**
 * fabric_vanished - end what fabric_vanish_at() has begun
 * @fabric: the fabric
 *
 * Return: whether the device has vanished; if not, there were fewer accesses.
 */
bool fabric_vanished(struct fabric *fabric)
{
	bool vanished = !fabric->vanishing;

	fabric->vanishing = NULL;
	return vanished;
}

/**
 * fabric_lie - let a device give changing values for what is in its registers
 * @fabric: the fabric
 * @name: the function
 * @rnd: random state from which the values are drawn, which stays in use until the next
 *	call; NULL for the truth
 *
 * Writes, and what the oracle reads, are as before.
 */
void fabric_lie(struct fabric *fabric, const char *name, struct rnd_state *rnd)
{
	fabric_fn_named(fabric, name)->liar = rnd;
}

/**
 * fabric_reappear - let a device that vanished answer again
 * @fabric: the fabric
 * @name: as for fabric_vanish()
 *
 * Its registers are as they were.  Nobody tells the kernel of this either.
 */
void fabric_reappear(struct fabric *fabric, const char *name)
{
	fabric_fn_lose(fabric_fn_named(fabric, name), false);
	/* The oracle may have read the fabric without it. */
	if (fabric->changes != fabric->before)
		fabric->changes++;
}

/**
 * fabric_disconnect - tell the kernel that a device has been pulled out
 * @fabric: the fabric
 * @name: the function; with all that is below it
 *
 * As the hot-plug driver of the port does before it removes the device.
 */
void fabric_disconnect(struct fabric *fabric, const char *name)
{
	struct fabric_fn *fn, *top = fabric_fn_named(fabric, name);
	struct pci_dev *pdev;

	list_for_each_entry(fn, &fabric->functions, node) {
		pdev = fabric_fn_is_below(fn, top) ? fabric_fn_dev(fn) : NULL;
		if (pdev)
			pci_dev_set_disconnected(pdev, NULL);
	}
}

/**
 * fabric_pull_out - pull out a device by surprise, and have it removed
 * @fabric: the fabric
 * @name: the function; what is below it goes too
 *
 * fabric_replug() plugs it in again.
 */
void fabric_pull_out(struct fabric *fabric, const char *name)
{
	fabric_vanish(fabric, name);
	fabric_disconnect(fabric, name);
	fabric_unplug(fabric, name);
}

/**
 * fabric_destroy - let a fabric go before the test ends
 * @fabric: the fabric
 */
void fabric_destroy(struct fabric *fabric)
{
	kunit_release_action(fabric->test, fabric_free, fabric);
}
