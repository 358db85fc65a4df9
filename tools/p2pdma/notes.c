// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "kconfig.h"
#include "notes.h"
#include "source.h"
#include "sysfs.h"

#define DEVICES		"/sys/bus/pci/devices"

[[gnu::format(printf, 2, 3)]]
static void note(struct words *notes, const char *format, ...)
{
	char sentence[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	words_add(notes, xstrdup(sentence));
}

/*
 * The machine
 */

/* Could @text, after a comma in pci=, be meant as an entry of a list of devices? */
static bool is_entry(const char *text)
{
	const char *at = strchr(text, '@');

	if (at && strspn(text, "01xX") == (size_t)(at - text))
		text = at + 1;
	if (!strncmp(text, "pci:", 4))
		return true;
	return strchr(text, ':') && strchr(text, '.') &&
	       strspn(text, "0123456789abcdefABCDEF:./") == strlen(text);
}

/* Entries after a comma: the kernel takes them for further options of pci=. */
static void note_commas(const struct machine *m, const char *option,
			struct words *notes)
{
	char *copy = xstrdup(m->cmdline), *rest = copy, *word, *part;
	char *name = xasprintf("%s=", option), *counts = acs_list(m->cmdline, option);
	struct text lost = {};
	bool after = false;

	while ((word = strsep(&rest, " "))) {
		if (strncmp(word, "pci=", 4))
			continue;
		word += 4;
		after = false;
		while ((part = strsep(&word, ","))) {
			if (!strncmp(part, name, strlen(name)))
				after = true;
			else if (after && is_entry(part))
				text_addf(&lost, "%s%s", lost.len ? ", " : "", part);
			else
				after = false;
		}
	}
	if (lost.len)
		note(notes,
		     "pci=%s= on the command line: entries are separated by \";\", not by commas. Only %s counts; the kernel ignores %s",
		     option, counts, text_str(&lost));
	text_free(&lost);
	free(counts);
	free(name);
	free(copy);
}

static void note_release(const struct machine *m, struct words *notes)
{
	char *redir = acs_list(m->cmdline, "disable_acs_redir");
	char *config = acs_list(m->cmdline, "config_acs");

	if (acs_options(m->release) == ACS_OPTIONS_FAULTY && (redir || config))
		note(notes,
		     "pci=%s= on the command line: kernel %s is older than the release that mended it (6.12.23, 6.13.11, 6.14.2), and %s",
		     redir ? "disable_acs_redir" : "config_acs", m->release,
		     redir ? "sets TB and DT at these ports, and leaves RR and CR as they were" :
			     "takes only the first entry");
	free(redir);
	free(config);
}

/* The controller memory buffer of an NVMe drive, in bytes; 0 without one. */
static unsigned long long cmb_size(const struct dev *dev)
{
	unsigned int cmbsz = 0;
	char *text, *at;
	size_t i;

	for (i = 0; i < dev->n_names && !cmbsz; i++) {
		if (strncmp(dev->names[i], "nvme", 4))
			continue;
		text = sysfs_read(DEVICES "/%s/nvme/%s/cmb", dev->bdf, dev->names[i]);
		at = text ? strstr(text, "cmbsz") : NULL;
		at = at ? strchr(at, ':') : NULL;
		if (at)
			cmbsz = strtoul(at + 1, NULL, 16);
		free(text);
	}
	/* NVM Express: bits 11:8 are the unit, 4 KiB times a power of 16, at most 64 GiB */
	return (unsigned long long)(cmbsz >> 12) << (12 + 4 * (cmbsz >> 8 & 7));
}

/* The core is there; has memory struct pages? */
static void note_pages(const struct machine *m, struct words *notes)
{
	if (kconfig(m, "CONFIG_PCI_P2PDMA") == KCONFIG_OFF)
		note(notes,
		     "This kernel is built without CONFIG_PCI_P2PDMA (which needs CONFIG_ZONE_DEVICE): drivers can register memory only without struct pages, which files, block devices and user buffers do not reach");
}

static void note_no_provider(const struct machine *m, struct words *notes)
{
	size_t i;

	for (i = 0; i < m->n_devs; i++) {
		const struct dev *dev = m->devs[i];
		unsigned long long size = cmb_size(dev);

		if (size && !dev->has_p2pmem)
			note(notes,
			     "%s %s has a controller memory buffer of %s, which its driver has not registered (dmesg | grep CMB)",
			     dev_short(m, dev), dev->kname,
			     size_text(size));
	}
	if (kconfig(m, "CONFIG_PCI_P2PDMA_CORE") == KCONFIG_ON)
		note_pages(m, notes);
	else if (kconfig(m, "CONFIG_PCI_P2PDMA") == KCONFIG_OFF)
		note(notes,
		     "This kernel is built without CONFIG_PCI_P2PDMA (which needs CONFIG_ZONE_DEVICE): no driver can register memory");
	if (m->n_providers)
		return;
	if (m->cpu == CPU_ARM)
		note(notes,
		     "On arm64 only memory in the range that the kernel can hot-plug can be registered; firmware may have placed the BARs outside it (dmesg | grep 'maximum addressable')");
	note(notes,
	     "Drivers of NVMe drives register a controller memory buffer, if the drive has one. Most drivers of GPUs and NICs register nothing, and map their BARs for each other in other ways");
}

void notes_machine(const struct machine *m, struct words *notes)
{
	if (m->guest)
		note(notes,
		     "This is a virtual machine: the fabric is the hypervisor's picture, and no verdict says how the devices are connected in the host. Compare data before relying on a route (p2pdma verify)");
	note_commas(m, "disable_acs_redir", notes);
	note_commas(m, "config_acs", notes);
	note_release(m, notes);
	note_no_provider(m, notes);
}

/*
 * A pair
 */

/*
 * What trust in the host bridge above @dev rests on; @same_bridge: between its own ports.
 * A route that goes over it is trusted whatever else is seen.
 */
static char *trust_text(const struct machine *m, struct model *model,
			const struct dev *dev, bool same_bridge, bool used)
{
	const struct dev *function = model_bridge_function(model, dev);
	char *id = function ? xasprintf(" (by %s, %04x:%04x)", dev_short(m, function),
					function->vendor, function->device) :
			      xstrdup("");
	enum listed listed = model_listed(model, dev);
	char *text;

	/* if one direction is refused, that trust is only for writes says trust= itself */
	if (!used && !model_forwards(model, dev, same_bridge, DIR_WRITE))
		text = xasprintf("Host bridge %s is not trusted: %s%s, and trust= names nothing below it",
				 dev->host, listed == LISTED_OWN ?
				 "by the kernel's list it forwards only among its own ports" :
				 "it is not on the kernel's list", id);
	else if (model_cpu_listed(model))
		text = xasprintf("Host bridge %s is trusted because of the CPU: those of AMD from Zen on count as forwarding",
				 dev->host);
	else if (model_is_listed(model, dev, same_bridge))
		text = xasprintf("Host bridge %s is trusted because it is on the kernel's list%s",
				 dev->host, id);
	else if (model_forwards(model, dev, same_bridge, DIR_WRITE))
		text = xasprintf("Host bridge %s is trusted because of trust= in the policy, not because it is known to forward",
				 dev->host);
	else
		text = xasprintf("Host bridge %s is trusted because of the CPU, which the kernel takes to forward",
				 dev->host);
	free(id);
	return text;
}

static void note_trust(const struct machine *m, struct model *model,
		       const struct path *path, const struct route *route,
		       struct words *notes)
{
	bool used = false, refused = false;
	enum direction dir;

	for (dir = 0; route && dir < N_DIRECTIONS; dir++) {
		used |= route->verdict[dir] == VERDICT_THROUGH_HOST_BRIDGE;
		refused |= route->reason[dir] == REASON_HOST_BRIDGE_UNTRUSTED;
	}
	if ((!used && !refused) || !path->client->host || !path->provider->host)
		return;
	words_add(notes, trust_text(m, model, path->client, !path->two_hosts, used));
	if (path->two_hosts)
		words_add(notes, trust_text(m, model, path->provider, false, used));
}

/*
 * The item V3 of a function's Vital Product Data, by which the driver of a NIC finds the
 * DMA function of the same card; NULL without one. Only root can read it. To be freed.
 */
static char *card_id(const struct dev *dev)
{
	char *path = sysfs_path(DEVICES "/%s/vpd", dev->bdf), *id = NULL;
	unsigned char data[4096];
	FILE *file = fopen(path, "rb");
	size_t n = 0, i, len;

	free(path);
	if (file) {
		n = fread(data, 1, sizeof(data), file);
		fclose(file);
	}
	for (i = 0; i + 3 < n && !id; i++) {
		len = data[i + 2];
		/* two letters, the length, and a text of that length */
		if (data[i] == 'V' && data[i + 1] == '3' && len >= 8 && i + 3 + len <= n)
			id = xasprintf("%.*s", (int)len, (const char *)&data[i + 3]);
	}
	return id;
}

#define CLASS_DMA	0x0801

/* A NIC may do its DMA to GPUs by a function of its own, elsewhere in the fabric. */
static void note_data_direct(const struct machine *m, const struct dev *dev,
			     struct words *notes)
{
	char *id = NULL, *other;
	size_t i;

	if (dev->class >> 16 != 0x02)
		return;
	for (i = 0; i < m->n_devs; i++) {
		if (m->devs[i]->class >> 8 != CLASS_DMA ||
		    m->devs[i]->vendor != dev->vendor)
			continue;
		id = id ? id : card_id(dev);
		other = id ? card_id(m->devs[i]) : NULL;
		if (other && !strcmp(id, other))
			note(notes,
			     "%s is a DMA function of the same card (item V3 of Vital Product Data): where the driver uses it (Data Direct), it is the client that counts, and not %s",
			     dev_short(m, m->devs[i]), dev_short(m, dev));
		free(other);
	}
	free(id);
}

static void note_place(const struct machine *m, const struct dev *dev,
		       struct words *notes)
{
	if (dev->untrusted)
		note(notes,
		     "%s is external (Thunderbolt, USB4): as a client it is not trusted, and never gets a direct route; no boot option changes that",
		     dev_short(m, dev));
	if (dev->behind && dev->behind->vendor == 0x8086)
		note(notes,
		     "%s is behind VMD %s: its requests carry VMD's requester ID, and the IOMMU takes them for VMD's",
		     dev_short(m, dev), dev_short(m, dev->behind));
	else if (dev->behind)
		note(notes, "%s is behind %s, whose host bridge it is below",
		     dev_short(m, dev), dev_short(m, dev->behind));
}

static void note_iommu(const struct machine *m, const struct path *path,
		       const struct route *route, struct words *notes)
{
	const struct dev *client = path->client;
	bool identity = client->iommu_type && !strcmp(client->iommu_type, "identity");

	if (path->same_function)
		return;
	if (!client->translated && identity)
		note(notes,
		     "The IOMMU passes the client's addresses through (identity): requests carry bus addresses on every route");
	else if (!client->translated && source_kind() == SOURCE_LSPCI)
		note(notes,
		     "Whether an IOMMU translates for the client is not known: lspci does not print it. If one does, a route through the host bridge carries IOVAs, which it checks");
	else if (!client->translated)
		note(notes,
		     "No IOMMU translates for the client: its requests carry bus addresses on every route");
	else if (!m->project)
		note(notes,
		     "An IOMMU translates for the client. A plain kernel gives it bus addresses on a direct route, which the IOMMU never sees, and IOVAs otherwise; with iommu=pt all are bus addresses");
	else if (route && route->verdict[DIR_WRITE] == VERDICT_BUS_ADDRESS)
		note(notes,
		     "An IOMMU translates for the client, but on the direct route its requests carry bus addresses, which the IOMMU never sees");
	else
		note(notes,
		     "An IOMMU translates for the client: a route through the host bridge carries IOVAs, which it checks; a direct one would carry bus addresses, which it never sees");
}

/* The first port on the client's way up that drops requests that are translated, or NULL. */
static const struct dev *translation_blocker(const struct path *path)
{
	const struct dev *dev;

	for (dev = path->client->above; dev && dev != path->common; dev = dev->above)
		if (dev->acs.ctrl & ACS_TB)
			return dev;
	return NULL;
}

const struct dev *translated_crosses(const struct path *path)
{
	const struct dev *side = path->client_side;

	if (!path->client->ats_on || !path->in_switch || !side->acs.seen ||
	    translation_blocker(path))
		return NULL;
	return (side->acs.ctrl & ACS_DT) && path->request != REQUEST_ACROSS ? side : NULL;
}

/* Requests that the device has translated itself, and where they are stopped or cross. */
static void note_ats(const struct machine *m, const struct path *path,
		     struct words *notes)
{
	const struct dev *side = path->client_side;
	const struct dev *stop;

	if (!path->client->ats_on || !path->in_switch || !side->acs.seen)
		return;
	stop = translation_blocker(path);
	if (stop)
		note(notes,
		     "ATS is on in the client, but %s has Translation Blocking (TB): requests that the client has translated itself are dropped there",
		     dev_short(m, stop));
	else if (translated_crosses(path))
		note(notes,
		     "ATS is on in the client, and DT is on at %s: requests that the client has translated itself cross there in spite of redirection. So the pair may be fast as it is, although the kernel's route is not direct; nothing need be changed",
		     dev_short(m, side));
	else if (path->request == REQUEST_UP)
		note(notes,
		     "ATS is on in the client, but DT is off at %s: requests that it has translated itself are redirected as all others are",
		     dev_short(m, side));
}

/* "16.0 GT/s x16", and the maximum if that is more */
char *link_text(const struct dev *dev)
{
	struct text text = {};
	int rate;

	if (!dev->speed || !dev->width || strstr(dev->speed, "Unknown"))
		return xstrdup("");
	rate = strcspn(dev->speed, "P");
	while (rate && dev->speed[rate - 1] == ' ')
		rate--;
	text_addf(&text, "%.*s x%s", rate, dev->speed, dev->width);
	if (dev->speed_max && dev->width_max &&
	    !strstr(dev->speed_max, "Unknown") &&
	    (strcmp(dev->speed, dev->speed_max) ||
	     strcmp(dev->width, dev->width_max))) {
		rate = strcspn(dev->speed_max, "P");
		while (rate && dev->speed_max[rate - 1] == ' ')
			rate--;
		text_addf(&text, " (of %.*s x%s)", rate, dev->speed_max,
			  dev->width_max);
	}
	return text_take(&text);
}

/* What a link can carry, in GT/s of all lanes, at its maximum speed; 0 if unknown. */
static double capacity(const struct dev *dev)
{
	double speed = 0, most = 0, width = 0;

	if (!dev || !dev->speed || !dev->width || sscanf(dev->speed, "%lf", &speed) != 1 ||
	    sscanf(dev->width, "%lf", &width) != 1)
		return 0;
	if (dev->speed_max && sscanf(dev->speed_max, "%lf", &most) == 1 && most > speed)
		speed = most;
	return speed * width;
}

/* Do requests or completions pass what is above the common port? */
static bool goes_up(const struct path *path)
{
	return path->request == REQUEST_UP || path->completion_up;
}

const struct hop *narrowest_hop(const struct path *path)
{
	const struct hop *least = NULL;
	bool differ = false;
	double here;
	size_t i;

	for (i = 0; i < path->n_hops; i++) {
		const struct hop *hop = &path->hops[i];

		here = capacity(hop->dev);
		/* the uplink of the common port is passed only by what is redirected */
		if (!here || ((hop->role == HOP_ABOVE || hop->role == HOP_COMMON) &&
			      !goes_up(path)))
			continue;
		differ |= least && here != capacity(least->dev);
		/* of the two ends of a link the lower one is named */
		if (!least || here < capacity(least->dev) ||
		    (here == capacity(least->dev) && hop->dev->above == least->dev))
			least = hop;
	}
	return differ ? least : NULL;
}

static void note_links(const struct machine *m, const struct path *path,
		       struct words *notes)
{
	const struct dev *common = path->common;
	const struct hop *least = narrowest_hop(path);
	bool slow = false;
	char *text;
	size_t i;

	if (common && common->above && path->in_switch && goes_up(path)) {
		text = link_text(common);
		note(notes,
		     "What is redirected passes the uplink of %s%s%s%s twice, up and down",
		     dev_short(m, common), *text ? " (" : "", text,
		     *text ? ")" : "");
		free(text);
	}
	if (least) {
		text = link_text(least->dev);
		note(notes, "The narrowest link is that of %s: %s",
		     dev_short(m, least->dev), text);
		free(text);
	}
	for (i = 0; i < path->n_hops; i++) {
		const struct dev *dev = path->hops[i].dev;

		slow |= dev && dev->speed && dev->speed_max &&
			!strstr(dev->speed_max, "Unknown") &&
			strtod(dev->speed, NULL) < strtod(dev->speed_max, NULL);
	}
	if (slow)
		note(notes,
		     "A speed below the maximum may be power saving of an idle device; a width below it is not");
}

static void note_bar(const struct provider *provider, struct words *notes)
{
	unsigned long long size = machine_size(provider), most;

	if (provider->bar < 0 || provider->bar > 5 || !size)
		return;
	most = provider->dev->bar_most[provider->bar];
	if (most > size)
		note(notes,
		     "BAR %d has %s of the %s to which Resizable BAR can enlarge it: turn on \"Resizable BAR\" and \"above 4G decoding\" in firmware",
		     provider->bar, size_text(size), size_text(most));
}

void notes_pair(const struct machine *m, struct model *model, const struct path *path,
		const struct provider *provider, const struct route *route,
		struct words *notes)
{
	note_place(m, path->client, notes);
	if (!path->same_function)
		note_place(m, path->provider, notes);
	note_data_direct(m, path->client, notes);
	note_trust(m, model, path, route, notes);
	note_iommu(m, path, route, notes);
	note_ats(m, path, notes);
	note_links(m, path, notes);
	note_bar(provider, notes);
}
