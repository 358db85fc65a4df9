// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "kconfig.h"
#include "sysfs.h"

char *kconfig_text(const struct machine *m)
{
	/* a release has no such characters; a tree that was handed over may */
	if (strchr(m->release, '/'))
		return NULL;
	return sysfs_read("/boot/config-%s", m->release);
}

enum kconfig kconfig(const struct machine *m, const char *option)
{
	char *text = kconfig_text(m), *line, *rest = text;
	enum kconfig found = text ? KCONFIG_OFF : KCONFIG_UNKNOWN;
	size_t len = strlen(option);

	while (rest && (line = strsep(&rest, "\n")))
		if (!strncmp(line, option, len) && line[len] == '=' &&
		    (line[len + 1] == 'y' || line[len + 1] == 'm'))
			found = KCONFIG_ON;
	free(text);
	return found;
}
