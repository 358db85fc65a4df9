// SPDX-License-Identifier: GPL-2.0
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "dev.h"
#include "util.h"

static struct pci_access *pacc;

[[gnu::noreturn, gnu::format(printf, 1, 2)]]
static void failed(char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	die("libpci: %s", text);
}

/* Drop libpci's warnings: a read that failed shows in its result. */
[[gnu::format(printf, 1, 2)]]
static void quiet(char *format, ...)
{
	(void)format;
}

void config_open(const char *sysfs_pci, const char *pci_ids)
{
	pacc = pci_alloc();
	pacc->method = PCI_ACCESS_SYS_BUS_PCI;
	pacc->error = failed;
	pacc->warning = quiet;
	pci_set_param(pacc, (char *)"sysfs.path", (char *)sysfs_pci);
	if (pci_ids) {
		pci_set_param(pacc, (char *)"hwdb.disable", (char *)"1");
		pci_set_name_list_path(pacc, xstrdup(pci_ids), 1);
	}
	pci_init(pacc);
}

void config_close(void)
{
	pci_cleanup(pacc);
	pacc = NULL;
}

static void read_label(struct dev *dev)
{
	char buf[256];

	pci_lookup_name(pacc, buf, sizeof(buf),
			PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, dev->vendor,
			dev->device);
	dev->label = xstrdup(buf);
	make_plain(dev->label);
}

static enum kind express_kind(unsigned int flags)
{
	switch ((flags & PCI_EXP_FLAGS_TYPE) >> 4) {
	case PCI_EXP_TYPE_ROOT_PORT:
		return KIND_ROOT_PORT;
	case PCI_EXP_TYPE_UPSTREAM:
		return KIND_UPSTREAM;
	case PCI_EXP_TYPE_DOWNSTREAM:
		return KIND_DOWNSTREAM;
	case PCI_EXP_TYPE_PCI_BRIDGE:
	case PCI_EXP_TYPE_PCIE_BRIDGE:
		return KIND_TO_PCI;
	case PCI_EXP_TYPE_ROOT_INT_EP:
	case PCI_EXP_TYPE_ROOT_EC:
		return KIND_ROOT_ENDPOINT;
	default:
		return KIND_ENDPOINT;
	}
}

static void read_acs(struct pci_dev *pdev, struct acs *acs)
{
	struct pci_cap *cap;
	unsigned int size, i;
	u8 word[4];

	/* Conventional configuration space has no extended capabilities: no ACS. */
	acs->seen = true;
	if (!pci_read_block(pdev, 0x100, word, sizeof(word)))
		return;
	cap = pci_find_cap(pdev, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);
	if (!cap)
		return;
	acs->present = true;
	acs->cap = pci_read_word(pdev, cap->addr + PCI_ACS_CAP);
	acs->ctrl = pci_read_word(pdev, cap->addr + PCI_ACS_CTRL);
	if (!(acs->cap & PCI_ACS_CAP_EGRESS))
		return;
	size = PCI_ACS_CAP_VECTOR(acs->cap);
	if (!size)
		size = 256;
	for (i = 0; i < ARRAY_SIZE(acs->egress) && 32 * i < size; i++)
		acs->egress[i] = pci_read_long(pdev, cap->addr +
					       PCI_ACS_EGRESS_CTRL + 4 * i);
}

/* A function that has lost power or its link reads all ones; a virtual one only its IDs. */
static bool is_silent(struct pci_dev *pdev)
{
	u8 header[64];
	size_t i;

	if (!pci_read_block(pdev, 0, header, sizeof(header)))
		return false;
	for (i = 0; i < sizeof(header); i++)
		if (header[i] != 0xff)
			return false;
	return true;
}

/* Address Translation Services, and sizes of Resizable BAR. */
static void read_more(struct pci_dev *pdev, struct dev *dev)
{
	struct pci_cap *cap = pci_find_cap(pdev, PCI_EXT_CAP_ID_ATS, PCI_CAP_EXTENDED);
	unsigned int n, i, sizes, ctrl, bar, most;

	if (cap) {
		dev->ats = true;
		dev->ats_on = pci_read_word(pdev, cap->addr + 6) & 0x8000;
	}
	cap = pci_find_cap(pdev, 0x15, PCI_CAP_EXTENDED);
	n = cap ? pci_read_long(pdev, cap->addr + 8) >> 5 & 7 : 0;
	for (i = 0; i < n; i++) {
		/* bit 4 stands for 1 MiB, and each further one for twice as much */
		sizes = pci_read_long(pdev, cap->addr + 4 + 8 * i) >> 4;
		ctrl = pci_read_long(pdev, cap->addr + 8 + 8 * i);
		bar = ctrl & 7;
		for (most = 0; sizes >> most > 1; most++)
			;
		if (bar < ARRAY_SIZE(dev->bar_most) && sizes)
			dev->bar_most[bar] = 1ULL << (20 + most);
	}
}

void config_read(struct dev *dev)
{
	struct pci_dev *pdev = pci_get_dev(pacc, dev->address.domain,
					   dev->address.bus, dev->address.slot,
					   dev->address.function);
	struct pci_cap *cap;
	unsigned int flags;
	u8 bytes[4];

	read_label(dev);

	if (is_silent(pdev)) {
		dev->kind = KIND_SILENT;
		pci_free_dev(pdev);
		return;
	}

	/* Only root can read more than the first 64 bytes. */
	if (pci_read_block(pdev, PCI_COMMAND, bytes, 2)) {
		dev->memory_seen = true;
		dev->decodes_memory = bytes[0] & PCI_COMMAND_MEMORY;
	}
	if (pci_read_block(pdev, 0x40, bytes, sizeof(bytes))) {
		pci_fill_info(pdev, PCI_FILL_CAPS | PCI_FILL_EXT_CAPS);
		cap = pci_find_cap(pdev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
		dev->kind = KIND_CONVENTIONAL;
		if (cap) {
			flags = pci_read_word(pdev, cap->addr + PCI_EXP_FLAGS);
			dev->kind = express_kind(flags);
			dev->ari = (flags & PCI_EXP_FLAGS_VERS) >= 2 &&
				   (pci_read_word(pdev, cap->addr + PCI_EXP_DEVCTL2) &
				    PCI_EXP_DEVCTL2_ARI);
			dev->port_number = pci_read_long(pdev, cap->addr +
							 PCI_EXP_LNKCAP) >> 24;
		}
		read_acs(pdev, &dev->acs);
		if (cap)
			read_more(pdev, dev);
	}
	pci_free_dev(pdev);
}
