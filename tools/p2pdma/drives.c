// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drives.h"
#include "sysfs.h"

/* The last PCI function in a path of sysfs; frees the path. */
static struct dev *last_dev(const struct machine *m, char *real)
{
	char *part, *rest = real;
	struct dev *dev, *last = NULL;

	while (rest && (part = strsep(&rest, "/"))) {
		dev = machine_dev_at(m, part);
		if (dev)
			last = dev;
	}
	free(real);
	return last;
}

/*
 * The block device of NVMe multipath is below no PCI function, but beside the drive's
 * controllers. With one controller it belongs to that one's function, else to none.
 */
static struct dev *of_multipath_head(const struct machine *m, const char *real)
{
	char *subsystem = xstrdup(real), **names, *slash;
	struct dev *dev = NULL;
	size_t n, i, controllers = 0;
	unsigned int id;
	char rest;

	slash = strrchr(subsystem, '/');
	if (slash)
		*slash = '\0';
	names = sysfs_names(subsystem, "nvme", &n);
	for (i = 0; i < n; i++) {
		if (sscanf(names[i], "nvme%u%c", &id, &rest) != 1)
			continue;
		controllers++;
		dev = last_dev(m, sysfs_real("%s/%s", subsystem, names[i]));
	}
	sysfs_free_names(names, n);
	free(subsystem);
	return controllers == 1 ? dev : NULL;
}

static struct dev *of_real(const struct machine *m, char *real)
{
	struct dev *dev;

	if (real && strstr(real, "/nvme-subsystem/")) {
		dev = of_multipath_head(m, real);
		free(real);
		return dev;
	}
	return last_dev(m, real);
}

struct dev *drives_of_block(const struct machine *m, const char *block)
{
	if (!*block || *block == '.' || strchr(block, '/'))
		return NULL;
	return of_real(m, sysfs_real("/sys/class/block/%s", block));
}

struct dev *drives_dev(const struct machine *m, const char *word)
{
	if (!strncmp(word, "/dev/", 5))
		word += 5;
	return drives_of_block(m, word);
}

struct dev *drives_of_number(const struct machine *m, unsigned int major,
			     unsigned int minor)
{
	return of_real(m, sysfs_real("/sys/dev/block/%u:%u", major, minor));
}

char *drives_block_of(const struct machine *m, const struct dev *dev)
{
	char **names, *found = NULL;
	size_t n, i;

	names = sysfs_names("/sys/block", "", &n);
	for (i = 0; i < n && !found; i++)
		if (sysfs_number(0, "/sys/block/%s/size", names[i]) > 0 &&
		    drives_of_block(m, names[i]) == dev)
			found = xstrdup(names[i]);
	sysfs_free_names(names, n);
	return found;
}
