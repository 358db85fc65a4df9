// SPDX-License-Identifier: GPL-2.0
#include <drivers/pci/p2pdma/p2pdma.h>

#include <stdlib.h>

#include "model.h"
#include "policy.h"
#include "sysfs.h"

#define DEVICES		"/sys/bus/pci/devices"
#define CONFIG_HEADER	64	/* all that others than root can read */
#define FAMILY_ZEN	0x17

struct model {
	const struct machine *m;
	struct pci_dev *pdevs;		/* in the order of m->devs */
	struct pci_sriov *sriovs;
	struct pci_bus **buses;
	size_t n_buses;
	struct pci_host_bridge **hosts;
	const char **host_names;
	size_t n_hosts;
	struct policy policy;
	struct p2pdma_policy kernel_policy;
	struct p2pdma_active_policy active;
	bool cpu_listed;
	bool guest;
};

/* The kernel's files take no argument for the machine. */
static struct model *in_use;

/*
 * Configuration space
 */

static unsigned int config_bytes(const struct pci_dev *pdev, size_t where, size_t size)
{
	u32 value;

	return pci_read_config_bytes(pdev, where, size, &value) ? 0 : value;
}

static unsigned int find_ext_cap(const struct pci_dev *pdev, unsigned int id)
{
	unsigned int at = 0x100, left = 960, header;

	while (at >= 0x100 && left--) {
		header = config_bytes(pdev, at, 4);
		if (!header || header == 0xffffffff)
			break;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & 0xffc;
	}
	return 0;
}

int pci_find_ext_capability(struct pci_dev *pdev, int id)
{
	return find_ext_cap(pdev, id);
}

static struct pci_dev *function_at(struct pci_bus *bus, unsigned int devfn)
{
	struct list_head *at;

	for (at = bus->devices.next; at != &bus->devices; at = at->next) {
		struct pci_dev *pdev = container_of(at, struct pci_dev, bus_list);

		if (pdev->devfn == devfn)
			return pdev;
	}
	return NULL;
}

int pci_bus_read_config_word(struct pci_bus *bus, unsigned int devfn, int where, u16 *value)
{
	struct pci_dev *pdev = function_at(bus, devfn);

	return pdev ? pci_read_config_word(pdev, where, value) : -EIO;
}

int pci_bus_read_config_dword(struct pci_bus *bus, unsigned int devfn, int where, u32 *value)
{
	struct pci_dev *pdev = function_at(bus, devfn);

	return pdev ? pci_read_config_dword(pdev, where, value) : -EIO;
}

static bool all_ones(const struct pci_dev *pdev)
{
	size_t i;

	for (i = 0; i < pdev->config_len; i++)
		if (pdev->config[i] != 0xff)
			return false;
	return true;
}

/* The lists of capabilities may be damaged: they end after as many as there is room for. */
static unsigned int find_cap(const struct pci_dev *pdev, unsigned int id)
{
	unsigned int at, left = 48;

	if (!(config_bytes(pdev, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = config_bytes(pdev, PCI_CAPABILITY_LIST, 1) & 0xfc;
	while (at >= 0x40 && left--) {
		if (config_bytes(pdev, at, 1) == id)
			return at;
		at = config_bytes(pdev, at + 1, 1) & 0xfc;
	}
	return 0;
}

/* The kernel has the type of a port from when it answered. */
static int type_of_dead(const struct model *model, const struct pci_dev *pdev)
{
	const struct dev *above = pdev->of->above;
	size_t i;

	if (!pdev->of->is_bridge)
		return above ? PCI_EXP_TYPE_ENDPOINT : PCI_EXP_TYPE_RC_END;
	if (!above)
		return PCI_EXP_TYPE_ROOT_PORT;
	for (i = 0; i < model->m->n_devs; i++)
		if (model->m->devs[i] == above)
			return model->pdevs[i].type == PCI_EXP_TYPE_UPSTREAM ?
				PCI_EXP_TYPE_DOWNSTREAM : PCI_EXP_TYPE_UPSTREAM;
	return PCI_EXP_TYPE_UPSTREAM;
}

static void read_config(struct pci_dev *pdev)
{
	size_t len;

	pdev->config = (u8 *)sysfs_read_bytes(&len, DEVICES "/%s/config", pdev->name);
	pdev->config_len = pdev->config ? len : 0;
}

/* Has all of configuration space been read? Nothing of a dead function can be. */
static bool config_seen(const struct pci_dev *pdev)
{
	return pdev->config_len > CONFIG_HEADER;
}

static void take_config(const struct model *model, struct pci_dev *pdev)
{
	unsigned int flags;

	pdev->type = -1;
	if (!config_seen(pdev))
		return;
	if (all_ones(pdev)) {
		pdev->type = type_of_dead(model, pdev);
		return;
	}
	pdev->pcie_cap = find_cap(pdev, PCI_CAP_ID_EXP);
	if (pdev->pcie_cap) {
		flags = config_bytes(pdev, pdev->pcie_cap + PCI_EXP_FLAGS, 2);
		pdev->type = (flags & PCI_EXP_FLAGS_TYPE) >> 4;
		pdev->ari_enabled = (flags & PCI_EXP_FLAGS_VERS) >= 2 &&
			(config_bytes(pdev, pdev->pcie_cap + PCI_EXP_DEVCTL2, 2) &
			 PCI_EXP_DEVCTL2_ARI);
	}
	pdev->acs_cap = find_ext_cap(pdev, PCI_EXT_CAP_ID_ACS);
	pdev->sriov->pos = find_ext_cap(pdev, PCI_EXT_CAP_ID_SRIOV);
}

/*
 * Structures
 */

static struct pci_dev *to_pdev(struct model *model, const struct dev *dev)
{
	size_t first = 0, end = model->m->n_devs;

	while (dev && first < end) {
		size_t middle = first + (end - first) / 2;
		int order = address_compare(&dev->address,
					    &model->m->devs[middle]->address);

		if (!order)
			return &model->pdevs[middle];
		if (order < 0)
			end = middle;
		else
			first = middle + 1;
	}
	return NULL;
}

static struct pci_host_bridge *host_of(struct model *model, const struct dev *dev)
{
	const char *name = dev->host ? dev->host : "";
	struct pci_host_bridge *host;
	size_t i;

	for (i = 0; i < model->n_hosts; i++)
		if (!strcmp(model->host_names[i], name))
			return model->hosts[i];
	host = xcalloc(1, sizeof(*host));
	model->hosts = xrealloc(model->hosts, i + 1, sizeof(*model->hosts));
	model->host_names = xrealloc(model->host_names, i + 1,
				     sizeof(*model->host_names));
	model->hosts[i] = host;
	model->host_names[i] = name;
	model->n_hosts++;
	return host;
}

/* Functions at one number of a bus below one bridge share a bus. */
static struct pci_bus *bus_of(struct model *model, const struct dev *dev)
{
	struct pci_host_bridge *host = host_of(model, dev);
	struct pci_dev *self = to_pdev(model, dev->above);
	struct pci_bus *bus;
	size_t i;

	for (i = 0; i < model->n_buses; i++) {
		bus = model->buses[i];
		if (bus->host == host && bus->self == self &&
		    bus->domain == (int)dev->address.domain &&
		    bus->number == dev->address.bus)
			return bus;
	}
	bus = xcalloc(1, sizeof(*bus));
	*bus = (struct pci_bus){
		.host = host, .self = self, .domain = dev->address.domain,
		.number = dev->address.bus,
		.devices = { &bus->devices, &bus->devices },
	};
	if (!self && !host->bus)
		host->bus = bus;
	model->buses = xrealloc(model->buses, i + 1, sizeof(*model->buses));
	model->buses[model->n_buses++] = bus;
	return bus;
}

static void list_add_tail(struct list_head *entry, struct list_head *head)
{
	entry->prev = head->prev;
	entry->next = head;
	head->prev->next = entry;
	head->prev = entry;
}

static int power_state(const char *power)
{
	static const char * const names[] = { "D0", "D1", "D2", "D3hot", "D3cold" };
	size_t i;

	for (i = 0; power && i < ARRAY_SIZE(names); i++)
		if (!strcmp(power, names[i]))
			return i;
	return PCI_UNKNOWN;
}

static void read_bars(struct pci_dev *pdev)
{
	char *text = sysfs_read(DEVICES "/%s/resource", pdev->name), *line, *rest = text;
	unsigned long long first, last, flags;
	int bar = 0;

	while (rest && bar < PCI_STD_NUM_BARS && (line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%llx %llx %llx", &first, &last, &flags) == 3 &&
		    last >= first)
			pdev->resource[bar] = (struct resource){ first, last, flags };
		bar++;
	}
	free(text);
}

static void make_pdev(struct model *model, size_t i)
{
	const struct dev *dev = model->m->devs[i];
	struct pci_dev *pdev = &model->pdevs[i];
	unsigned int bits = dev->mask_bits;

	*pdev = (struct pci_dev){
		.of = dev,
		.dev.dma_mask = bits >= 64 ? ~0ULL : (1ULL << bits) - 1,
		.devfn = PCI_DEVFN(dev->address.slot, dev->address.function),
		.is_bridge = dev->is_bridge,
		.vendor = dev->vendor,
		.device = dev->device,
		.untrusted = dev->untrusted,
		.is_virtfn = dev->physfn,
		.sriov = &model->sriovs[i],
		.current_state = power_state(dev->power),
	};
	snprintf(pdev->name, sizeof(pdev->name), "%s", dev->bdf);
	read_config(pdev);
	read_bars(pdev);
}

static void connect(struct model *model, size_t i)
{
	struct pci_dev *pdev = &model->pdevs[i];
	const struct dev *dev = pdev->of;

	pdev->bus = bus_of(model, dev);
	list_add_tail(&pdev->bus_list, &pdev->bus->devices);
	pdev->dev.parent = dev->above ? &to_pdev(model, dev->above)->dev : NULL;
	pdev->physfn = to_pdev(model, dev->physfn);
	/* below a bridge that comes before it, whose type is known then */
	take_config(model, pdev);
	p2pdma_bridge_function_added(pdev);
}

/*
 * What the kernel knows otherwise
 */

/* Root complexes of AMD's CPUs from Zen on, for where the CPU itself is not seen. */
static bool is_zen_root(unsigned int vendor, unsigned int device)
{
	static const unsigned int devices[] = {
		0x1450, 0x1480, 0x14a4, 0x14b5, 0x14b7, 0x14d8, 0x14e8, 0x1507, 0x153a,
		0x15d0, 0x1630,
	};
	size_t i;

	for (i = 0; vendor == 0x1022 && i < ARRAY_SIZE(devices); i++)
		if (devices[i] == device)
			return true;
	return false;
}

static void read_cpu(struct model *model)
{
	char *text = sysfs_read("/proc/cpuinfo"), *line, *rest = text, *value;
	bool amd = false;
	size_t i;

	for (i = 0; !text && i < model->m->n_devs; i++)
		model->cpu_listed |= is_zen_root(model->m->devs[i]->vendor,
						 model->m->devs[i]->device);
	while (rest && (line = strsep(&rest, "\n")) && *line) {
		value = strchr(line, ':');
		if (!value)
			continue;
		value += strspn(value, ": \t");
		if (!strncmp(line, "vendor_id", 9))
			amd = !strcmp(value, "AuthenticAMD");
		else if (!strncmp(line, "cpu family", 10))
			model->cpu_listed = amd && atoi(value) >= FAMILY_ZEN;
	}
	free(text);
}

static void take_policy(struct model *model, const char *text)
{
	static const struct {
		const char *word;
		enum p2pdma_mode mode;
	} modes[] = {
		{ "auto", P2PDMA_AUTO }, { "off", P2PDMA_OFF },
		{ "switch", P2PDMA_SWITCH }, { "host", P2PDMA_HOST },
	};
	size_t i;

	policy_parse(text, NULL, &model->policy);
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(model->policy.mode, modes[i].word))
			model->kernel_policy.mode = modes[i].mode;
	model->active.policy = &model->kernel_policy;
}

struct model *model_load(const struct machine *m, const char *policy)
{
	struct model *model = xcalloc(1, sizeof(*model));
	size_t i;

	model->m = m;
	model->guest = m->guest;
	model->pdevs = xcalloc(m->n_devs, sizeof(*model->pdevs));
	model->sriovs = xcalloc(m->n_devs, sizeof(*model->sriovs));
	for (i = 0; i < m->n_devs; i++)
		make_pdev(model, i);
	for (i = 0; i < m->n_devs; i++)
		connect(model, i);
	read_cpu(model);
	take_policy(model, policy ? policy : m->policy ? m->policy : "auto");
	in_use = model;
	return model;
}

void model_free(struct model *model)
{
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->m->n_devs; i++)
		free((void *)model->pdevs[i].config);
	for (i = 0; i < model->n_buses; i++)
		free(model->buses[i]);
	for (i = 0; i < model->n_hosts; i++)
		free(model->hosts[i]);
	policy_free(&model->policy);
	free(model->pdevs);
	free(model->sriovs);
	free(model->buses);
	free(model->hosts);
	free(model->host_names);
	free(model);
	in_use = NULL;
}

void model_set_acs(struct model *model, const struct dev *dev, unsigned int ctrl)
{
	struct pci_dev *pdev = to_pdev(model, dev);
	size_t where;

	if (!pdev || !pdev->acs_cap)
		return;
	where = pdev->acs_cap + PCI_ACS_CTRL;
	if (where + 2 > pdev->config_len)
		return;
	((u8 *)pdev->config)[where] = ctrl;
	((u8 *)pdev->config)[where + 1] = ctrl >> 8;
}

/* Clear bits of a register of 16 bits that was read. */
static void clear_config(struct pci_dev *pdev, size_t where, unsigned int bits)
{
	if (where + 2 > pdev->config_len)
		return;
	((u8 *)pdev->config)[where] &= ~bits;
	((u8 *)pdev->config)[where + 1] &= ~(bits >> 8);
}

void model_set_no_ats(struct model *model)
{
	unsigned int cap;
	size_t i;

	for (i = 0; i < model->m->n_devs; i++) {
		cap = find_ext_cap(&model->pdevs[i], PCI_EXT_CAP_ID_ATS);
		if (cap)
			clear_config(&model->pdevs[i], cap + PCI_ATS_CTRL,
				     PCI_ATS_CTRL_ENABLE);
	}
}

/* The kernel then has all send packets of 128 bytes, which all can take. */
void model_set_payload(struct model *model)
{
	size_t i;

	for (i = 0; i < model->m->n_devs; i++)
		if (model->pdevs[i].pcie_cap)
			clear_config(&model->pdevs[i],
				     model->pdevs[i].pcie_cap + PCI_EXP_DEVCTL,
				     PCI_EXP_DEVCTL_PAYLOAD);
}

/*
 * Functions that the kernel's files call
 */

bool shim_p2pdma_cpu_listed(void)
{
	return in_use->cpu_listed;
}

bool shim_p2pdma_encrypted_guest(void)
{
	return false;
}

bool shim_p2pdma_is_guest(void)
{
	return in_use->guest;
}

const struct p2pdma_active_policy *p2pdma_active_policy(void)
{
	return &in_use->active;
}

bool p2pdma_policy_denies(const struct p2pdma_policy *policy, struct pci_dev *pdev)
{
	size_t i;

	(void)policy;
	for (i = 0; i < in_use->policy.deny.n; i++)
		if (policy_names(in_use->policy.deny.words[i], pdev->of))
			return true;
	return false;
}

static bool loops(struct pci_dev *pdev)
{
	const struct words *words = &in_use->policy.loopback;
	size_t i;

	for (i = 0; i < words->n; i++)
		if (policy_names(words->words[i], pdev->of) ||
		    policy_names(words->words[i], pci_physfn(pdev)->of))
			return true;
	return false;
}

bool p2pdma_policy_loops(const struct p2pdma_policy *policy, struct pci_dev *client,
			 struct pci_dev *provider)
{
	(void)policy;
	return loops(client) && loops(provider);
}

/* Whether a driver uses it per mapping only, user space does not see. */
enum p2pdma_ats p2pdma_ats(struct pci_dev *pdev)
{
	unsigned int cap = find_ext_cap(pdev, PCI_EXT_CAP_ID_ATS);

	return cap && (config_bytes(pdev, cap + PCI_ATS_CTRL, 2) & PCI_ATS_CTRL_ENABLE) ?
		P2PDMA_ATS_ON : P2PDMA_ATS_OFF;
}

/* trust= names a bridge through any function below it. */
bool p2pdma_admin_trusts(const struct p2pdma_active_policy *active,
			 struct pci_host_bridge *host, bool reads)
{
	size_t i, j;

	(void)active;
	for (i = 0; i < in_use->policy.trust.n; i++) {
		char *word = xstrdup(in_use->policy.trust.words[i]);
		size_t len = strlen(word);
		bool trusts = false;

		if (len > 2 && !strcmp(word + len - 2, "@w")) {
			word[len - 2] = '\0';
			len = 0;
		}
		for (j = 0; j < in_use->m->n_devs && !trusts && !(reads && !len); j++)
			trusts = in_use->pdevs[j].bus->host == host &&
				 policy_names(word, in_use->m->devs[j]);
		free(word);
		if (trusts)
			return true;
	}
	return false;
}

/* Is swiotlb=force, or swiotlb=SIZE,force, on the command line? */
static bool bounces(const struct machine *m)
{
	const char *word = strstr(m->cmdline, "swiotlb=");
	size_t len = word ? strcspn(word, " ") : 0;
	const char *force = word ? strstr(word, "force") : NULL;

	return force && force < word + len;
}

void dma_p2pdma_client(struct device *dev, struct dma_p2pdma_client *client)
{
	const struct dev *of = to_pci_dev(dev)->of;

	*client = (struct dma_p2pdma_client){
		.translated = of->translated,
		.must_bounce = !of->translated && bounces(in_use->m),
	};
}

/* Bus addresses are taken for CPU addresses, as they are on most machines. */
dma_addr_t dma_p2pdma_host_addr(struct device *dev, struct p2pdma_provider *provider,
				bool same_bridge, phys_addr_t phys)
{
	(void)dev;
	(void)provider;
	(void)same_bridge;
	return phys;
}

bool dma_p2pdma_bus_known(struct device *dev, phys_addr_t first, phys_addr_t last,
			  u64 bus_offset)
{
	(void)dev;
	(void)first;
	(void)last;
	(void)bus_offset;
	return true;
}

/*
 * Routes
 */

/* The first function from @pdev up whose configuration space has not been read. */
static struct pci_dev *unread_from(struct pci_dev *pdev)
{
	for (; pdev; pdev = pci_upstream_bridge(pdev)) {
		if (!config_seen(pdev))
			return pdev;
		if (pdev->is_virtfn && pdev->physfn && !config_seen(pdev->physfn))
			return pdev->physfn;
	}
	return NULL;
}

static void take_route(struct route *route, enum direction dir,
		       const struct pci_p2pdma_route *from)
{
	snprintf(route->verdict_word[dir], WORD_LEN, "%s",
		 pci_p2pdma_map_type_name(from->type));
	snprintf(route->reason_word[dir], WORD_LEN, "%s",
		 pci_p2pdma_reason_name(from->reason));
	route->verdict[dir] = verdict_parse(route->verdict_word[dir]);
	route->reason[dir] = reason_parse(route->reason_word[dir]);
}

/* As p2pdma_examine() in routes.c. */
static void examine(struct p2pdma_mem *mem, struct pci_dev *client,
		    enum p2pdma_kind kind, struct pci_p2pdma_route *route)
{
	struct pci_dev *owner = to_pci_dev(mem->provider.owner);
	struct pci_dev *asleep = p2pdma_path_asleep(owner);
	struct p2pdma_gathered gathered;
	struct p2pdma_facts facts;

	if (asleep) {
		p2pdma_conclude_unread(&mem->provider, &client->dev, asleep, &facts,
				       route);
		return;
	}
	p2pdma_gather(&gathered, client, &mem->provider, false, 0);
	p2pdma_conclude(&gathered, client, &mem->provider, kind, P2PDMA_QUERY_LIST,
			&facts, route);
}

/* The BAR that is asked for, or the one that reaches highest. */
static struct resource bar_of(const struct pci_dev *pdev, int bar)
{
	struct resource best = {};
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if ((bar == i || bar < 0) &&
		    resource_type(&pdev->resource[i]) == IORESOURCE_MEM &&
		    pdev->resource[i].end >= best.end)
			best = pdev->resource[i];
	return best;
}

bool model_route(struct model *model, const struct dev *client,
		 const struct dev *provider, int bar, struct route *route,
		 const struct dev **unread)
{
	struct pci_dev *c = to_pdev(model, client), *p = to_pdev(model, provider);
	struct pci_p2pdma_route write, read;
	struct pci_dev *missing;
	struct resource memory = bar_of(p, bar);
	struct p2pdma_mem mem = {
		.provider.owner = &p->dev, .bar = bar, .first = memory.start,
		.last = memory.end,
	};
	char port[P2PDMA_BDF_LEN];

	missing = unread_from(c);
	if (!missing)
		missing = unread_from(p);
	if (missing) {
		*unread = missing->of;
		return false;
	}
	examine(&mem, c, P2PDMA_WRITES, &write);
	examine(&mem, c, P2PDMA_READS, &read);

	*route = (struct route){ .bar = bar, .distance = write.distance };
	snprintf(route->provider, sizeof(route->provider), "%s", provider->bdf);
	take_route(route, DIR_WRITE, &write);
	take_route(route, DIR_READ, &read);
	p2pdma_route_bridge(write.has_bridge ? &write : &read, port);
	if (strcmp(port, "-"))
		snprintf(route->port, sizeof(route->port), "%s", port);
	return true;
}

const struct dev *model_bridge_function(struct model *model, const struct dev *dev)
{
	struct pci_host_bridge *host = to_pdev(model, dev)->bus->host;
	struct p2pdma_bridge_function function;
	size_t i;

	if (!host->bus || !p2pdma_bridge_function(host, &function))
		return NULL;
	for (i = 0; i < model->m->n_devs; i++)
		if (model->pdevs[i].bus == host->bus &&
		    pci_dev_id(&model->pdevs[i]) == function.bdf.id)
			return model->pdevs[i].of;
	return NULL;
}

/* Those in the list of Linux 6.12, all of Intel; the project's has what mainline added. */
static bool listed_in_6_12(const struct dev *function)
{
	static const unsigned int devices[] = {
		0x3c00, 0x3c01, 0x2f00, 0x2f01, 0x2020, 0x2030, 0x2031, 0x2032, 0x2033,
		0x09a2,
	};
	size_t i;

	for (i = 0; function->vendor == 0x8086 && i < ARRAY_SIZE(devices); i++)
		if (devices[i] == function->device)
			return true;
	return false;
}

bool model_is_listed(struct model *model, const struct dev *dev, bool same_bridge)
{
	struct pci_host_bridge *host = to_pdev(model, dev)->bus->host;
	bool cpu_listed = model->cpu_listed, listed;

	/* ask for the list alone */
	model->cpu_listed = false;
	listed = host->bus && p2pdma_bridge_listed(host, same_bridge, false);
	model->cpu_listed = cpu_listed;
	return listed;
}

enum listed model_listed(struct model *model, const struct dev *dev)
{
	if (!model_is_listed(model, dev, true))
		return LISTED_NOT;
	if (!listed_in_6_12(model_bridge_function(model, dev)))
		return LISTED_LATER;
	return model_is_listed(model, dev, false) ? LISTED : LISTED_OWN;
}

bool model_forwards(struct model *model, const struct dev *dev, bool same_bridge,
		    enum direction dir)
{
	struct pci_host_bridge *host = to_pdev(model, dev)->bus->host;

	return host->bus && (p2pdma_bridge_listed(host, same_bridge, false) ||
			     p2pdma_admin_trusts(&model->active, host, dir == DIR_READ));
}

bool model_cpu_listed(const struct model *model)
{
	return model->cpu_listed;
}
