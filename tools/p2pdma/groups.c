// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "groups.h"

static const struct {
	const char *word, *title;
} groups[] = {
	[GROUP_GPU]		= { "gpus", "GPUs" },
	[GROUP_ACCELERATOR]	= { "accelerators", "Accelerators" },
	[GROUP_NIC]		= { "nics", "NICs" },
	[GROUP_DRIVE]		= { "drives", "Drives" },
	[GROUP_DMA]		= { "dma", "DMA functions" },
	[GROUP_MANAGEMENT]	= { "management", "Management endpoints of switches" },
	[GROUP_OTHER]		= { "others", "Others" },
};

/*
 * Makers of switches give them an endpoint for management, which no data go to. Its class
 * says little.
 */
static bool is_management(const struct dev *dev)
{
	static const unsigned int makers[] = {
		0x1000, 0x10b5,		/* Broadcom, PLX */
		0x11f8,			/* Microchip, Microsemi */
		0x111d, 0x12d8, 0x1b21,	/* IDT, Pericom, ASMedia */
	};
	unsigned int class = dev->class >> 8;
	size_t i;

	if (class != 0x0580 && class != 0x0680 && class != 0x0880 && class != 0x1180 &&
	    class != 0xff00)
		return false;
	for (i = 0; i < ARRAY_SIZE(makers); i++)
		if (dev->vendor == makers[i])
			return dev->above && dev->above->vendor == dev->vendor;
	return false;
}

enum group group_of(const struct dev *dev)
{
	if (dev->is_bridge)
		return GROUP_OTHER;
	if (is_management(dev))
		return GROUP_MANAGEMENT;
	switch (dev->class >> 16) {
	case 0x01:
		return GROUP_DRIVE;
	case 0x02:
		return GROUP_NIC;
	case 0x03:
		return GROUP_GPU;
	case 0x12:
		return GROUP_ACCELERATOR;
	case 0x0b:
		return dev->class >> 8 == 0x0b40 ? GROUP_ACCELERATOR : GROUP_OTHER;
	case 0x08:
		/* data-direct functions of NICs; DSA, whose class is the second */
		return dev->class >> 8 == 0x0801 || dev->class >> 8 == 0x0880 ?
			GROUP_DMA : GROUP_OTHER;
	case 0x0c:
		return dev->class >> 8 == 0x0c06 ? GROUP_NIC : GROUP_OTHER;
	default:
		return GROUP_OTHER;
	}
}

const char *group_word(enum group group)
{
	return groups[group].word;
}

const char *group_title(enum group group)
{
	return groups[group].title;
}

enum group group_parse(const char *word)
{
	enum group group;

	for (group = 0; group < N_GROUPS; group++)
		if (!strcmp(word, groups[group].word))
			break;
	return group;
}
