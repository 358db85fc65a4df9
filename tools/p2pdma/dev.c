// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "dev.h"
#include "util.h"

#define CLASS_BASE(class)	((class) >> 16)
#define CLASS_SUB(class)	((class) >> 8)

bool dev_has_memory(const struct dev *dev)
{
	int i;

	for (i = 0; i < N_BARS && dev->bars_seen; i++)
		if (dev->bars[i].last)
			return true;
	return !dev->bars_seen;
}

bool dev_is_client(const struct dev *dev)
{
	if (dev->is_bridge)
		return false;
	switch (CLASS_BASE(dev->class)) {
	case 0x00:	/* made before class codes were defined */
	case 0x01:	/* storage */
	case 0x02:	/* network */
	case 0x03:	/* display */
	case 0x05:	/* memory */
	case 0x0b:	/* processor */
	case 0x10:	/* encryption */
	case 0x11:	/* signal processing */
	case 0x12:	/* accelerator */
	case 0xff:
		return true;
	case 0x04:	/* multimedia: capture cards, not sound */
		return CLASS_SUB(dev->class) == 0x0400 ||
		       CLASS_SUB(dev->class) == 0x0480;
	case 0x08:	/* DMA functions of NICs, and those of processors, such as DSA */
		return CLASS_SUB(dev->class) == 0x0801 ||
		       (CLASS_SUB(dev->class) == 0x0880 && dev->driver);
	case 0x0c:
		return CLASS_SUB(dev->class) == 0x0c06;	/* InfiniBand */
	default:
		return dev->has_p2pmem;
	}
}

bool dev_is_downstream(const struct dev *dev)
{
	if (dev->kind == KIND_SILENT)
		return dev->is_bridge && dev->above && dev->above->kind == KIND_UPSTREAM;
	return dev->kind == KIND_ROOT_PORT || dev->kind == KIND_DOWNSTREAM;
}

bool dev_is_port(const struct dev *dev)
{
	return dev_is_downstream(dev) || dev->kind == KIND_UPSTREAM;
}

bool dev_asleep(const struct dev *dev)
{
	if (dev->physfn && dev_asleep(dev->physfn))
		return true;
	return dev->power && dev->power[0] == 'D' && strcmp(dev->power, "D0");
}

char *dev_path(const struct dev *dev)
{
	char *above, *path;

	if (!dev->above)
		return xstrdup(dev->bdf);
	above = dev_path(dev->above);
	path = xasprintf("%s/%02x.%x", above, dev->address.slot, dev->address.function);
	free(above);
	return path;
}

const char *class_name(const struct dev *dev)
{
	static const struct {
		unsigned int class;
		const char *name;
	} classes[] = {
		{ 0x0108, "NVMe" }, { 0x0207, "InfiniBand" }, { 0x0401, "audio" },
		{ 0x0403, "audio" }, { 0x0801, "DMA" }, { 0x0880, "system" },
		{ 0x0c03, "USB" }, { 0x0c06, "InfiniBand" },
	};
	static const char * const bases[] = {
		"old", "storage", "network", "display", "multimedia", "memory",
		"bridge", "communication", "system", "input", "docking", "processor",
		"serial bus", "wireless", "controller", "satellite", "encryption",
		"signal", "accelerator",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes); i++)
		if (CLASS_SUB(dev->class) == classes[i].class)
			return classes[i].name;
	return CLASS_BASE(dev->class) < ARRAY_SIZE(bases) ?
			bases[CLASS_BASE(dev->class)] : "other";
}

const char *kind_name(const struct dev *dev)
{
	switch (dev->kind) {
	case KIND_ENDPOINT:
		return dev->physfn ? "virtual function" : "endpoint";
	case KIND_ROOT_ENDPOINT:
		return "root complex integrated endpoint";
	case KIND_ROOT_PORT:
		return "root port";
	case KIND_UPSTREAM:
		return "switch upstream port";
	case KIND_DOWNSTREAM:
		return "switch downstream port";
	case KIND_TO_PCI:
		return "PCI bridge";
	case KIND_CONVENTIONAL:
		return dev->is_bridge ? "conventional PCI bridge" :
					"conventional PCI device";
	case KIND_SILENT:
		return "does not answer";
	case KIND_UNSEEN:
		break;
	}
	if (dev->physfn)
		return "virtual function";
	return dev->is_bridge ? "bridge" : "device";
}
