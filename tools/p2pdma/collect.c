// SPDX-License-Identifier: GPL-2.0
/*
 * p2pdma collect: what the other commands look at, as one file, for another machine.
 *
 * Serial numbers and MAC addresses stay here: of configuration space only what the
 * commands read is written, of the command line only options that bear on PCI and the
 * IOMMU, and long hexadecimal numbers in names are replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "drives.h"
#include "kconfig.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"
#include "tar.h"

#include <linux/pci_regs.h>

#define DEVICES		"/sys/bus/pci/devices"
#define MAX_PLAIN	(1024U * 1024)	/* no file of sysfs that is taken is larger */

struct collection {
	const struct machine *m;
	FILE *file;
	unsigned int masked;	/* names with a number that was replaced */
};

/*
 * Configuration space
 */

static unsigned int word(const unsigned char *config, size_t len, size_t at,
			 unsigned int size)
{
	unsigned int value = 0, i;

	for (i = 0; i < size && at + i < len; i++)
		value |= (unsigned int)config[at + i] << (8 * i);
	return value;
}

static void keep(unsigned char *to, const unsigned char *from, size_t len, size_t at,
		 size_t n)
{
	if (at < len)
		memcpy(to + at, from + at, n < len - at ? n : len - at);
}

/* The capabilities of a list, in its order. A damaged list may have one inside another. */
struct caps {
	size_t start[960];
	size_t n;
	size_t end;		/* of the part of configuration space that they are in */
};

static void find_caps(const unsigned char *config, size_t len, struct caps *caps)
{
	size_t at = word(config, len, PCI_CAPABILITY_LIST, 1) & 0xfc;

	*caps = (struct caps){ .end = 0x100 };
	while (at >= 0x40 && caps->n < 48) {
		caps->start[caps->n++] = at;
		at = word(config, len, at + 1, 1) & 0xfc;
	}
}

static void find_ext_caps(const unsigned char *config, size_t len, struct caps *caps)
{
	unsigned int header;
	size_t at = 0x100;

	*caps = (struct caps){ .end = len };
	while (at >= 0x100 && at + 4 <= len && caps->n < ARRAY_SIZE(caps->start)) {
		header = word(config, len, at, 4);
		if (!header || header == 0xffffffff)
			break;
		caps->start[caps->n++] = at;
		at = header >> 20 & 0xffc;
	}
}

/* Bytes of a capability that the commands may want; the others may be anything. */
static size_t cap_size(const unsigned char *config, size_t len, size_t at)
{
	switch (word(config, len, at, 1)) {
	case PCI_CAP_ID_PM:
		return 8;
	case PCI_CAP_ID_EXP:
		/* version 1 ends behind what describes the device and its link */
		return (word(config, len, at + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_VERS) < 2 ?
			PCI_CAP_EXP_ENDPOINT_SIZEOF_V1 : 0x3c;
	case PCI_CAP_ID_SSVID:
		return 8;
	default:
		return 2;
	}
}

static size_t ext_cap_size(const unsigned char *config, size_t len, size_t at)
{
	unsigned int acs = word(config, len, at + PCI_ACS_CAP, 2), bits = acs >> 8;

	switch (word(config, len, at, 2)) {
	case PCI_EXT_CAP_ID_ACS:
		if (!(acs & PCI_ACS_EC))
			return 8;
		return 8 + (bits ? bits + 31 : 256) / 32 * 4;
	case PCI_EXT_CAP_ID_REBAR:
	case 0x24:	/* the same of virtual functions */
		return 4 + 8 * (word(config, len, at + 8, 4) >> 5 & 7);
	case PCI_EXT_CAP_ID_SRIOV:
		return PCI_EXT_CAP_SRIOV_SIZEOF;
	case PCI_EXT_CAP_ID_ARI:
	case PCI_EXT_CAP_ID_ATS:
	case PCI_EXT_CAP_ID_PASID:
		return 8;
	case PCI_EXT_CAP_ID_PRI:
		return 16;
	case 0x2f:	/* Device 3 */
		return 16;
	default:
		return 4;
	}
}

/* Keep of each capability what @size says, and nothing of the one that follows it. */
static void keep_caps(unsigned char *to, const unsigned char *config, size_t len,
		      const struct caps *caps,
		      size_t (*size)(const unsigned char *config, size_t len, size_t at))
{
	size_t i, j, at, end;

	for (i = 0; i < caps->n; i++) {
		at = caps->start[i];
		end = at + size(config, len, at);
		if (end > caps->end)
			end = caps->end;
		for (j = 0; j < caps->n; j++)
			if (caps->start[j] > at && caps->start[j] < end)
				end = caps->start[j];
		keep(to, config, len, at, end - at);
	}
}

void collect_config(const unsigned char *config, size_t len, unsigned char *to)
{
	struct caps caps;
	size_t i, at;

	memset(to, 0, len);
	for (i = 0; i < len && config[i] == 0xff; i++)
		;
	/* it does not answer */
	if (i == len) {
		memset(to, 0xff, len);
		return;
	}
	keep(to, config, len, 0, 0x40);
	find_caps(config, len, &caps);
	keep_caps(to, config, len, &caps, cap_size);
	find_ext_caps(config, len, &caps);
	keep_caps(to, config, len, &caps, ext_cap_size);
	/* what a damaged list takes for a capability may be a serial number */
	for (i = 0; i < caps.n; i++) {
		at = caps.start[i];
		if (word(config, len, at, 2) == PCI_EXT_CAP_ID_DSN)
			memset(to + at + 4, 0, len - at < 12 ? len - at - 4 : 8);
	}
}

/*
 * Names and words
 */

/* With a number in place of each long hexadecimal one; to be freed. */
char *collect_name(const char *name, unsigned int number, bool *masked)
{
	struct text text = {};

	while (*name) {
		size_t hex = strspn(name, "0123456789abcdefABCDEF");

		if (hex >= 12) {
			/* "enx", say, ends with a letter that is no digit */
			text_addf(&text, "%u", number);
			*masked = true;
			name += hex;
			continue;
		}
		if (!hex)
			hex = 1;
		text_addf(&text, "%.*s", (int)hex, name);
		name += hex;
	}
	return text_take(&text);
}

/* The words of the kernel's command line that bear on PCI, the IOMMU or DMA. */
char *collect_cmdline(const char *cmdline)
{
	static const char * const starts[] = {
		"pci=", "pcie_", "pci_", "p2pdma", "iommu", "intel_iommu", "amd_iommu",
		"swiotlb", "mem_encrypt", "arm-smmu",
	};
	struct text text = {};
	char *word;
	size_t i;

	while ((word = cmdline_word(&cmdline))) {
		for (i = 0; i < ARRAY_SIZE(starts); i++)
			if (!strncmp(word + (*word == '"'), starts[i], strlen(starts[i])))
				break;
		if (i < ARRAY_SIZE(starts))
			text_addf(&text, "%s%s", text.len ? " " : "", word);
		free(word);
	}
	return text_take(&text);
}

/*
 * Files
 */

static void add_text(struct collection *to, const char *path, const char *text)
{
	tar_write_file(to->file, path, text, strlen(text));
}

/* A file as it is, if it can be read. @path is absolute. */
static void add_plain(struct collection *to, const char *path)
{
	size_t len;
	char *text = sysfs_read_bytes(&len, "%s", path);

	if (text && len <= MAX_PLAIN)
		tar_write_file(to->file, path + 1, text, len);
	free(text);
}

static void add_config(struct collection *to, const char *folder, const char *bdf)
{
	size_t len;
	unsigned char *config, *kept;
	char *path;

	config = (unsigned char *)sysfs_read_bytes(&len, DEVICES "/%s/config", bdf);
	if (!config)
		return;
	if (len > 4096)
		len = 4096;
	kept = xcalloc(1, len);
	collect_config(config, len, kept);
	path = xasprintf("%s/config", folder + 1);
	tar_write_file(to->file, path, (char *)kept, len);
	free(path);
	free(kept);
	free(config);
}

/* The way from @folder, which begins with "/sys", up to there. */
static char *up_from(const char *folder)
{
	struct text text = {};
	const char *at;

	for (at = folder + 1; *at; at++)
		if (*at == '/')
			text_add(&text, "../");
	return text_take(&text);
}

/* A link @name in @folder to the folder @in below /sys with the name that it has now. */
static void add_link(struct collection *to, const char *folder, const char *bdf,
		     const char *name, const char *in)
{
	char *last = sysfs_link_name(DEVICES "/%s/%s", bdf, name), *up, *path, *target;

	if (!last)
		return;
	up = up_from(folder);
	path = xasprintf("%s/%s", folder + 1, name);
	target = xasprintf("%s%s/%s", up, in, last);
	tar_write_link(to->file, path, target);
	free(target);
	free(path);
	free(up);
	free(last);
}

/* The names that drivers have registered. */
static void add_names(struct collection *to, const char *folder, const char *bdf,
		      unsigned int number)
{
	static const char * const kinds[] = {
		"nvme", "infiniband", "net", "drm", "accel", "dma", "misc",
	};
	size_t i, j, n;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		char *where = xasprintf(DEVICES "/%s/%s", bdf, kinds[i]), **names;

		names = sysfs_names(where, "", &n);
		for (j = 0; j < n; j++) {
			bool masked = false;
			char *name = collect_name(names[j], number, &masked), *path;

			to->masked += masked;
			path = xasprintf("%s/%s/%s/uevent", folder + 1, kinds[i], name);
			add_text(to, path, "");
			free(path);
			free(name);
		}
		sysfs_free_names(names, n);
		free(where);
	}
}

static void add_function(struct collection *to, const struct dev *dev,
			 unsigned int number)
{
	static const char * const files[] = {
		"vendor", "device", "class", "subsystem_vendor", "subsystem_device",
		"numa_node", "power_state", "removable", "dma_mask_bits", "resource",
		"current_link_speed", "current_link_width", "max_link_speed",
		"max_link_width", "p2pdma_routes", "p2pdma_counters", "p2pmem/size",
		"p2pmem/available", "p2pmem/published",
	};
	char *real = sysfs_real(DEVICES "/%s", dev->bdf), *folder, *path, *target;
	size_t i;

	if (!real)
		return;
	/* of a copied folder sys it is without "/sys" */
	folder = xasprintf("%s%s", strncmp(real, "/sys/", 5) ? "/sys" : "", real);
	free(real);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		path = xasprintf("%s/%s", folder, files[i]);
		add_plain(to, path);
		free(path);
	}
	add_config(to, folder, dev->bdf);
	add_link(to, folder, dev->bdf, "driver", "bus/pci/drivers");
	add_link(to, folder, dev->bdf, "iommu_group", "kernel/iommu_groups");
	add_link(to, folder, dev->bdf, "physfn", "bus/pci/devices");
	add_names(to, folder, dev->bdf, number);
	path = xasprintf("sys/bus/pci/devices/%s", dev->bdf);
	target = xasprintf("../../../%s", folder + strlen("/sys/"));
	tar_write_link(to->file, path, target);
	free(path);
	free(target);
	free(folder);
}

static void add_groups(struct collection *to)
{
	char **names, *path;
	size_t n, i;

	names = sysfs_names("/sys/kernel/iommu_groups", "", &n);
	for (i = 0; i < n; i++) {
		path = xasprintf("/sys/kernel/iommu_groups/%s/type", names[i]);
		add_plain(to, path);
		free(path);
	}
	sysfs_free_names(names, n);
	names = sysfs_names("/sys/class/iommu", "", &n);
	for (i = 0; i < n; i++) {
		path = xasprintf("sys/class/iommu/%s/uevent", names[i]);
		add_text(to, path, "");
		free(path);
	}
	sysfs_free_names(names, n);
}

/* Block devices, as other names of a drive. */
static void add_blocks(struct collection *to)
{
	char **names, *path, *target, *real;
	size_t n, i;

	names = sysfs_names("/sys/block", "", &n);
	for (i = 0; i < n; i++) {
		real = drives_of_block(to->m, names[i]) ?
			sysfs_real("/sys/class/block/%s", names[i]) : NULL;
		if (!real || strncmp(real, "/sys/", 5) || strstr(real, "/nvme-subsystem/")) {
			free(real);
			continue;
		}
		path = xasprintf("%s/size", real);
		add_plain(to, path);
		free(path);
		target = xasprintf("../../%s", real + strlen("/sys/"));
		path = xasprintf("sys/class/block/%s", names[i]);
		tar_write_link(to->file, path, target);
		free(path);
		path = xasprintf("sys/block/%s", names[i]);
		tar_write_link(to->file, path, target + 3);
		free(path);
		free(target);
		free(real);
	}
	sysfs_free_names(names, n);
}

/* The lines of a text that begin with one of @starts. To be freed. */
static char *lines_of(const char *text, const char * const *starts, size_t n,
		      bool first_block)
{
	char *copy = xstrdup(text), *line, *rest = copy;
	struct text kept = {};
	size_t i;

	while ((line = strsep(&rest, "\n"))) {
		if (first_block && !*line)
			break;
		for (i = 0; i < n; i++)
			if (!strncmp(line, starts[i], strlen(starts[i]))) {
				text_addf(&kept, "%s\n", line);
				break;
			}
	}
	free(copy);
	return text_take(&kept);
}

static void add_kernel(struct collection *to)
{
	static const char * const cpu[] = {
		"vendor_id", "cpu family", "model\t", "flags", "CPU implementer", "Features",
	};
	static const char * const options[] = {
		"CONFIG_PCI", "CONFIG_ZONE_DEVICE", "CONFIG_MEMORY_HOT", "CONFIG_SPARSEMEM",
		"CONFIG_IOMMU", "CONFIG_INTEL_IOMMU", "CONFIG_AMD_IOMMU", "CONFIG_ARM_SMMU",
		"CONFIG_DMABUF", "CONFIG_DMA_SHARED", "CONFIG_HSA_AMD_P2P", "CONFIG_VFIO",
	};
	char *text, *kept, *path;

	add_plain(to, "/sys/kernel/p2pdma/policy");
	path = xasprintf("%s\n", to->m->release);
	add_text(to, "proc/sys/kernel/osrelease", path);
	free(path);
	text = sysfs_read("/proc/cmdline");
	kept = collect_cmdline(text ? text : "");
	path = xasprintf("%s\n", kept);
	add_text(to, "proc/cmdline", path);
	free(path);
	free(kept);
	free(text);
	text = sysfs_read("/proc/cpuinfo");
	if (text) {
		kept = lines_of(text, cpu, ARRAY_SIZE(cpu), true);
		add_text(to, "proc/cpuinfo", kept);
		free(kept);
	}
	free(text);
	text = kconfig_text(to->m);
	if (text) {
		kept = lines_of(text, options, ARRAY_SIZE(options), false);
		path = xasprintf("boot/config-%s", to->m->release);
		add_text(to, path, kept);
		free(path);
		free(kept);
	}
	free(text);
}

static FILE *open_new(const char *path)
{
	int fd;

	if (!strcmp(path, "-")) {
		if (isatty(STDOUT_FILENO))
			die("the archive is not for a terminal; name a file");
		return stdout;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fdopen(fd, "w");
}

static int run(int argc, char **argv, struct options *options)
{
	struct collection to = {};
	bool written, is_file;
	struct machine *m;
	const char *path;
	size_t i;

	args_parse(argc, argv, &collect_command, NULL, NULL, options);
	args_count(argc, 1, 1, "p2pdma collect FILE.tar");
	if (options->json)
		die("collect cannot be combined with --json");
	path = argv[optind];
	m = machine_load(options->pci_ids);
	to.m = m;
	to.file = open_new(path);
	if (!to.file)
		die("%s: %s", path, strerror(errno));
	for (i = 0; i < m->n_devs; i++)
		add_function(&to, m->devs[i], i);
	add_groups(&to);
	add_blocks(&to);
	add_kernel(&to);
	tar_write_end(to.file);
	written = !fflush(to.file) && !ferror(to.file);
	is_file = to.file != stdout;
	if (is_file && fclose(to.file))
		written = false;
	/* half an archive is not to be taken for one */
	if (is_file && !written)
		unlink(path);
	if (!written)
		die("%s: it could not be written", path);
	if (is_file) {
		printf("%s: %s; look at it with p2pdma --from %s\n", path,
		       count_text(m->n_devs, "function"), path);
		if (to.masked)
			printf("%s that may have a MAC address or a GUID in it: replaced by a number.\n",
			       count_text(to.masked, "name"));
		out_unseen(m, options->width);
	}
	machine_free(m);
	return STATUS_OK;
}

const struct command collect_command = {
	.name = "collect",
	.summary = "what the other commands look at, as a file for another machine",
	.help =
		"usage: p2pdma collect FILE.tar\n\n"
		"Run it as root: others do not see ACS. FILE.tar must not exist; - is standard\n"
		"output. All commands that only look take it with --from FILE.tar.\n\n"
		"It has no serial numbers and no MAC addresses: of configuration space only the\n"
		"capabilities that p2pdma reads, of the command line only options of PCI, the\n"
		"IOMMU and DMA.\n",
	.run = run,
};
