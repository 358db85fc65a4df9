// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "config.h"
#include "machine.h"
#include "source.h"
#include "sysfs.h"

#define DEVICES		"/sys/bus/pci/devices"
#define POLICY		"/sys/kernel/p2pdma/policy"

/*
 * One function
 */

static void read_link(struct dev *dev)
{
	dev->speed = sysfs_line(DEVICES "/%s/current_link_speed", dev->bdf);
	dev->width = sysfs_line(DEVICES "/%s/current_link_width", dev->bdf);
	dev->speed_max = sysfs_line(DEVICES "/%s/max_link_speed", dev->bdf);
	dev->width_max = sysfs_line(DEVICES "/%s/max_link_width", dev->bdf);
}

static void read_iommu(struct dev *dev)
{
	char *group = sysfs_link_name(DEVICES "/%s/iommu_group", dev->bdf);
	unsigned long long number;

	dev->iommu_group = -1;
	if (!group || !parse_number(group, &number)) {
		free(group);
		return;
	}
	free(group);
	dev->iommu_group = number;
	dev->iommu_type = sysfs_line("/sys/kernel/iommu_groups/%llu/type",
				     number);
	dev->translated = dev->iommu_type &&
			  !strncmp(dev->iommu_type, "DMA", 3);
}

/* The names that its drivers have registered, in this order of kinds. */
static void read_names(struct dev *dev)
{
	static const struct {
		const char *folder;
		const char *prefix;
	} kinds[] = {
		{ "nvme", "nvme" }, { "infiniband", "" }, { "net", "" },
		{ "drm", "renderD" }, { "drm", "card" }, { "accel", "" },
		{ "dma", "" }, { "misc", "" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[128], **names;
		size_t n, j;

		snprintf(path, sizeof(path), DEVICES "/%s/%s", dev->bdf,
			 kinds[i].folder);
		names = sysfs_names(path, kinds[i].prefix, &n);
		dev->names = n ? xrealloc(dev->names, dev->n_names + n, sizeof(*names)) :
				 dev->names;
		for (j = 0; j < n; j++) {
			make_plain(names[j]);
			dev->names[dev->n_names++] = names[j];
		}
		free(names);
	}
	if (dev->n_names)
		dev->kname = dev->names[0];
}

/* A bit of the third number of a line says that it is memory, and not ports. */
static void read_bars(struct dev *dev)
{
	char *text = sysfs_read(DEVICES "/%s/resource", dev->bdf), *line, *rest = text;
	unsigned long long first, last, flags;
	int nr;

	for (nr = 0; nr < N_BARS && rest && (line = strsep(&rest, "\n")); nr++) {
		if (sscanf(line, "%llx %llx %llx", &first, &last, &flags) != 3)
			break;
		dev->bars_seen = true;
		if ((flags & 0x200) && last > first)
			dev->bars[nr] = (struct bar){ first, last };
	}
	free(text);
}

static void read_p2pmem(struct dev *dev)
{
	dev->has_p2pmem = sysfs_exists(DEVICES "/%s/p2pmem", dev->bdf);
	if (!dev->has_p2pmem)
		return;
	dev->p2pmem_size = sysfs_number(0, DEVICES "/%s/p2pmem/size",
					dev->bdf);
	dev->p2pmem_available = sysfs_number(0, DEVICES "/%s/p2pmem/available",
					     dev->bdf);
	dev->p2pmem_published = sysfs_number(0, DEVICES "/%s/p2pmem/published",
					     dev->bdf);
}

static void read_routes(struct dev *dev)
{
	char *text;

	dev->has_routes = sysfs_exists(DEVICES "/%s/p2pdma_routes", dev->bdf);
	if (!dev->has_routes)
		return;
	text = sysfs_read(DEVICES "/%s/p2pdma_routes", dev->bdf);
	if (text)
		routes_parse(text, &dev->routes);
	else
		dev->routes_error = errno;
	free(text);
}

static struct dev *dev_load(const struct address *address)
{
	struct dev *dev = xcalloc(1, sizeof(*dev));
	char *line;

	dev->address = *address;
	address_text(address, dev->bdf);
	dev->vendor = sysfs_number(0xffff, DEVICES "/%s/vendor", dev->bdf) & 0xffff;
	dev->device = sysfs_number(0xffff, DEVICES "/%s/device", dev->bdf) & 0xffff;
	dev->subvendor = sysfs_number(-1, DEVICES "/%s/subsystem_vendor", dev->bdf);
	dev->subdevice = sysfs_number(-1, DEVICES "/%s/subsystem_device", dev->bdf);
	dev->class = sysfs_number(0, DEVICES "/%s/class", dev->bdf) & 0xffffff;
	dev->numa = sysfs_number(-1, DEVICES "/%s/numa_node", dev->bdf);
	dev->driver = sysfs_link_name(DEVICES "/%s/driver", dev->bdf);
	dev->power = sysfs_line(DEVICES "/%s/power_state", dev->bdf);
	dev->mask_bits = sysfs_number(64, DEVICES "/%s/dma_mask_bits", dev->bdf);
	line = sysfs_line(DEVICES "/%s/removable", dev->bdf);
	dev->untrusted = line && !strcmp(line, "removable");
	free(line);
	dev->is_bridge = dev->class >> 8 == 0x0604;
	read_link(dev);
	read_iommu(dev);
	read_names(dev);
	read_bars(dev);
	read_p2pmem(dev);
	read_routes(dev);
	config_read(dev);
	return dev;
}

static void dev_free(struct dev *dev)
{
	free(dev->host);
	free(dev->label);
	free(dev->driver);
	sysfs_free_names(dev->names, dev->n_names);
	free(dev->power);
	free(dev->iommu_type);
	free(dev->speed);
	free(dev->width);
	free(dev->speed_max);
	free(dev->width_max);
	routes_free(&dev->routes);
	free(dev);
}

/*
 * The fabric
 */

static int compare_devs(const void *one, const void *other)
{
	const struct dev *a = *(struct dev * const *)one;
	const struct dev *b = *(struct dev * const *)other;

	return address_compare(&a->address, &b->address);
}

struct dev *machine_dev(const struct machine *m, const struct address *address)
{
	size_t first = 0, end = m->n_devs;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		int order = address_compare(address,
					    &m->devs[middle]->address);

		if (!order)
			return m->devs[middle];
		if (order < 0)
			end = middle;
		else
			first = middle + 1;
	}
	return NULL;
}

struct dev *machine_dev_at(const struct machine *m, const char *bdf)
{
	struct address address;

	return address_parse(bdf, &address) ? machine_dev(m, &address) : NULL;
}

/*
 * Folders of sysfs lie in each other as functions do in the fabric:
 * .../pci0000:00/0000:00:04.0/0000:01:00.0. A host bridge in between (of VMD) begins a
 * fabric of its own, behind the function above it.
 */
static void place(const struct machine *m, struct dev *dev)
{
	char *real = sysfs_real(DEVICES "/%s", dev->bdf), *part, *rest = real;
	struct dev *above = NULL, *at;
	struct address address;

	while (rest && (part = strsep(&rest, "/"))) {
		if (!strncmp(part, "pci", 3) && strchr(part, ':')) {
			free(dev->host);
			dev->host = xstrdup(part);
			dev->behind = above;
			above = NULL;
		} else if (address_parse(part, &address)) {
			at = machine_dev(m, &address);
			if (at && at != dev)
				above = at;
		}
	}
	free(real);
	dev->above = above;

	real = sysfs_link_name(DEVICES "/%s/physfn", dev->bdf);
	if (real)
		dev->physfn = machine_dev_at(m, real);
	free(real);
	if (dev->physfn)
		dev->memory_seen = false;	/* the bit is in the SR-IOV capability */
}

/* A damaged tree may have bridges below each other; following @above must end. */
static void check_circles(const struct machine *m)
{
	size_t i, steps;
	struct dev *at;

	for (i = 0; i < m->n_devs; i++) {
		at = m->devs[i]->above;
		for (steps = 0; at && steps < m->n_devs; steps++)
			at = at->above;
		if (at)
			m->devs[i]->above = NULL;
	}
}

static void load_devs(struct machine *m)
{
	struct address address;
	char **names;
	size_t n, i;

	names = sysfs_names(DEVICES, "", &n);
	m->devs = xcalloc(n, sizeof(*m->devs));
	for (i = 0; i < n; i++)
		if (address_parse(names[i], &address))
			m->devs[m->n_devs++] = dev_load(&address);
	sysfs_free_names(names, n);
	qsort(m->devs, m->n_devs, sizeof(*m->devs), compare_devs);

	m->domain_0 = true;
	m->config_seen = true;
	for (i = 0; i < m->n_devs; i++) {
		place(m, m->devs[i]);
		if (m->devs[i]->address.domain)
			m->domain_0 = false;
		if (m->devs[i]->kind == KIND_UNSEEN)
			m->config_seen = false;
	}
	check_circles(m);
}

static int compare_providers(const void *one, const void *other)
{
	const struct provider *a = one, *b = other;
	int order = address_compare(&a->dev->address, &b->dev->address);

	return order ? order : a->bar - b->bar;
}

static void add_provider(struct machine *m, struct dev *dev, int bar)
{
	size_t i;

	for (i = 0; i < m->n_providers; i++)
		if (m->providers[i].dev == dev &&
		    (m->providers[i].bar == bar || bar < 0))
			return;
	m->providers = xrealloc(m->providers, m->n_providers + 1,
				sizeof(*m->providers));
	m->providers[m->n_providers++] = (struct provider){ dev, bar, true };
}

/* Providers that are in a route, and functions with p2pmem that are in none. */
static void load_providers(struct machine *m)
{
	size_t i, j;

	for (i = 0; i < m->n_devs; i++) {
		const struct route_list *list = &m->devs[i]->routes;

		for (j = 0; j < list->n; j++) {
			struct dev *dev;

			dev = machine_dev_at(m, list->routes[j].provider);
			if (dev)
				add_provider(m, dev, list->routes[j].bar);
		}
	}
	for (i = 0; i < m->n_devs; i++)
		if (m->devs[i]->has_p2pmem)
			add_provider(m, m->devs[i], -1);
	if (m->n_providers)
		qsort(m->providers, m->n_providers, sizeof(*m->providers),
		      compare_providers);
	for (i = 1; i < m->n_providers; i++)
		if (m->providers[i].dev == m->providers[i - 1].dev) {
			m->providers[i].only = false;
			m->providers[i - 1].only = false;
		}
}

/*
 * The kernel
 */

static void read_cpu(struct machine *m)
{
	char *text = sysfs_read("/proc/cpuinfo"), *line, *rest = text, *flag;

	while (rest && (line = strsep(&rest, "\n"))) {
		if (!strncmp(line, "vendor_id", 9))
			m->cpu = strstr(line, "GenuineIntel") ? CPU_INTEL :
				 strstr(line, "AuthenticAMD") ? CPU_AMD : CPU_OTHER;
		if (!strncmp(line, "cpu family", 10) && strchr(line, ':'))
			m->zen = m->cpu == CPU_AMD &&
				 strtoul(strchr(line, ':') + 1, NULL, 10) >= 0x17;
		/* what follows "flags" on x86 is "Features" on arm64 */
		if (!strncmp(line, "Features", 8)) {
			m->cpu = CPU_ARM;
			m->no_sme = true;
			break;
		}
		if (strncmp(line, "flags", 5))
			continue;
		m->no_sme = true;
		while ((flag = strsep(&line, " \t"))) {
			m->guest |= !strcmp(flag, "hypervisor");
			m->no_sme &= strcmp(flag, "sme") != 0;
		}
		break;
	}
	free(text);
}

static void load_kernel(struct machine *m)
{
	struct utsname uts;
	size_t i;

	m->policy = sysfs_line(POLICY);
	m->project = sysfs_exists(POLICY);
	for (i = 0; i < m->n_devs; i++)
		m->project |= m->devs[i]->has_routes;
	m->release = sysfs_line("/proc/sys/kernel/osrelease");
	if (!m->release)
		m->release = xstrdup(!uname(&uts) && !*sysfs_root() ?
				     uts.release : "unknown");
	m->cmdline = sysfs_line("/proc/cmdline");
	if (!m->cmdline)
		m->cmdline = xstrdup("");
	m->iommus = sysfs_names("/sys/class/iommu", "", &m->n_iommus);
	read_cpu(m);
}

[[gnu::format(printf, 2, 3)]]
static void add_unseen(struct machine *m, const char *format, ...)
{
	char sentence[512];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	m->unseen = xrealloc(m->unseen, m->n_unseen + 1, sizeof(*m->unseen));
	m->unseen[m->n_unseen++] = xstrdup(sentence);
}

/* Sentences on what could not be seen, with a remedy if there is one. */
static void note_unseen(struct machine *m)
{
	size_t i, errors = 0, bad = 0;
	const char *worst = NULL;

	if (source_lacks())
		add_unseen(m, "%s", source_lacks());
	if (!m->config_seen)
		add_unseen(m, "ACS and the types of ports%s",
			   source_kind() == SOURCE_HERE ||
			   source_kind() == SOURCE_ROOT ?
			   ": only root sees all of configuration space (run it with sudo)" :
			   ", as configuration space is not whole: have root collect it (lspci: with -xxxx)");
	if (!m->project)
		add_unseen(m,
			   "routes: this kernel does not have the p2pdma project's interfaces (/sys/kernel/p2pdma, p2pdma_routes); what is said of them is a prediction");
	else if (!m->policy)
		add_unseen(m,
			   "the policy: /sys/kernel/p2pdma/policy cannot be read");
	for (i = 0; i < m->n_devs; i++) {
		if (m->devs[i]->routes_error) {
			errors++;
			worst = m->devs[i]->bdf;
		}
		bad += m->devs[i]->routes.n_bad;
	}
	if (errors)
		add_unseen(m,
			   "the routes of %zu functions, the last of them %s: p2pdma_routes cannot be read",
			   errors, worst);
	if (bad)
		add_unseen(m,
			   "%zu lines of p2pdma_routes, which this version of p2pdma does not understand",
			   bad);
}

unsigned long long machine_last(const struct provider *provider)
{
	const struct dev *dev = provider->dev;
	unsigned long long last = 0;
	int i;

	if (provider->bar >= 0)
		return provider->bar < N_BARS ? dev->bars[provider->bar].last : 0;
	for (i = 0; i < N_BARS; i++)
		if (dev->bars[i].last > last)
			last = dev->bars[i].last;
	return last;
}

unsigned long long machine_size(const struct provider *provider)
{
	char *text = sysfs_read(DEVICES "/%s/resource", provider->dev->bdf);
	unsigned long long first = 0, last = 0, size = 0;
	char *line, *rest = text;
	int nr = 0;

	while (rest && (line = strsep(&rest, "\n")))
		if (nr++ == provider->bar &&
		    sscanf(line, "%llx %llx", &first, &last) == 2 && last > first)
			size = last - first + 1;
	free(text);
	return size;
}

static bool any_virtualised(const struct machine *m)
{
	size_t i, j, k;

	for (i = 0; i < m->n_devs; i++)
		for (j = 0; j < m->devs[i]->routes.n; j++)
			for (k = 0; k < N_DIRECTIONS; k++)
				if (m->devs[i]->routes.routes[j].reason[k] ==
				    REASON_VIRTUALISED)
					return true;
	return false;
}

struct machine *machine_load(const char *pci_ids)
{
	struct machine *m = xcalloc(1, sizeof(*m));
	char *sysfs_pci = sysfs_path("/sys/bus/pci");

	if (access(sysfs_pci, F_OK))
		die("%s: %s; is sysfs mounted there?", sysfs_pci,
		    strerror(errno));
	config_open(sysfs_pci, pci_ids);
	load_devs(m);
	config_close();
	free(sysfs_pci);
	load_providers(m);
	load_kernel(m);
	/* cpuinfo says it on x86 only; this reason says it on every architecture */
	m->guest |= any_virtualised(m);
	note_unseen(m);
	return m;
}

void machine_free(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->n_devs; i++)
		dev_free(m->devs[i]);
	free(m->devs);
	free(m->providers);
	free(m->policy);
	free(m->release);
	free(m->cmdline);
	sysfs_free_names(m->iommus, m->n_iommus);
	sysfs_free_names(m->unseen, m->n_unseen);
	free(m);
}

/*
 * Questions
 */

const struct provider *machine_provider(const struct machine *m,
					const struct dev *dev, int bar)
{
	size_t i;

	for (i = 0; i < m->n_providers; i++)
		if (m->providers[i].dev == dev &&
		    (bar < 0 || m->providers[i].bar == bar))
			return &m->providers[i];
	return NULL;
}

const struct route *machine_route(const struct dev *client,
				  const struct provider *provider)
{
	size_t i;

	for (i = 0; i < client->routes.n; i++) {
		const struct route *route = &client->routes.routes[i];

		if (!strcmp(route->provider, provider->dev->bdf) &&
		    (route->bar == provider->bar || provider->bar < 0))
			return route;
	}
	return NULL;
}

const char *dev_short(const struct machine *m, const struct dev *dev)
{
	return m->domain_0 ? dev->bdf + strlen("0000:") : dev->bdf;
}

char *provider_short(const struct machine *m, const struct provider *provider)
{
	if (provider->only)
		return xstrdup(dev_short(m, provider->dev));
	return xasprintf("%s/%d", dev_short(m, provider->dev), provider->bar);
}
