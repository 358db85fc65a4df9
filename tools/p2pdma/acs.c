// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acs.h"
#include "policy.h"
#include "source.h"

enum acs_options acs_options(const char *release)
{
	unsigned int major, minor, patch = 0;
	/* the first release of each stable series without the faults */
	static const struct {
		unsigned int minor, patch;
	} mended[] = { { 12, 23 }, { 13, 11 }, { 14, 2 } };
	size_t i;

	/* a tree that does not say it is taken for one of now */
	if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return ACS_OPTIONS_MENDED;
	if (major < 4 || (major == 4 && minor < 19))
		return ACS_OPTIONS_NONE;
	if (major < 6 || (major == 6 && minor < 11))
		return ACS_OPTIONS_REDIR;
	for (i = 0; major == 6 && i < ARRAY_SIZE(mended); i++)
		if (minor == mended[i].minor)
			return patch < mended[i].patch ? ACS_OPTIONS_FAULTY :
							 ACS_OPTIONS_MENDED;
	return major == 6 && minor == 11 ? ACS_OPTIONS_FAULTY : ACS_OPTIONS_MENDED;
}

char *acs_faults(const char *release, bool redir)
{
	static const char * const faults[] = {
		"only the first entry is used, and a bit that is 0 is as firmware had it",
		"it also sets Translation Blocking (TB) and Direct Translated (DT), and leaves RR and CR as firmware had them",
	};

	if (acs_options(release) != ACS_OPTIONS_FAULTY)
		return NULL;
	return xasprintf("kernel %s is older than the release that mended this option (6.12.23, 6.13.11, 6.14.2): %s",
			 release, faults[redir]);
}

char *acs_list(const char *cmdline, const char *option)
{
	char *name = xasprintf("%s=", option), *copy = xstrdup(cmdline), *rest = copy;
	char *word, *part, *found = NULL;

	while ((word = strsep(&rest, " "))) {
		if (strncmp(word, "pci=", 4))
			continue;
		word += 4;
		while ((part = strsep(&word, ","))) {
			if (strncmp(part, name, strlen(name)))
				continue;
			free(found);
			found = xstrdup(part + strlen(name));
		}
	}
	free(copy);
	free(name);
	return found;
}

/* Find the first entry of @list for @dev; with flags, of config_acs, in @mask and @bits. */
static bool find_entry(const char *list, const struct dev *dev, bool flags,
		       bool only_first, unsigned int *mask, unsigned int *bits)
{
	char *copy, *rest, *entry, *at;
	bool found = false;

	if (!list)
		return false;
	copy = xstrdup(list);
	rest = copy;
	while (!found && (entry = strsep(&rest, ";"))) {
		if (flags) {
			at = strchr(entry, '@');
			/* the kernel gives up at an entry that does not parse */
			if (!at || at - entry > 16)
				break;
			*mask = 0;
			*bits = 0;
			for (; entry < at; entry++) {
				*mask = *mask << 1 | (*entry == '0' || *entry == '1');
				*bits = *bits << 1 | (*entry == '1');
			}
			entry = at + 1;
		}
		found = policy_names(entry, dev);
		if (only_first)
			break;
	}
	free(copy);
	return found;
}

/*
 * An IOMMU that translates shows it where /sys/class/iommu has not been copied; lspci shows
 * neither.
 */
bool acs_set_by_kernel(const struct machine *m)
{
	size_t i;

	if (m->n_iommus || source_kind() == SOURCE_LSPCI)
		return true;
	for (i = 0; i < m->n_devs; i++)
		if (m->devs[i]->translated)
			return true;
	return false;
}

/* What firmware had set, as far as it can be told from what is set now. */
static unsigned int of_firmware(const struct machine *m, const struct dev *dev)
{
	char *redir = acs_list(m->cmdline, "disable_acs_redir");
	char *config = acs_list(m->cmdline, "config_acs");
	enum acs_options options = acs_options(m->release);
	unsigned int ctrl = dev->acs.ctrl & ACS_ALL, mask, bits;

	if (options == ACS_OPTIONS_MENDED &&
	    find_entry(config, dev, true, false, &mask, &bits))
		ctrl &= ~mask;
	else if (!(options == ACS_OPTIONS_MENDED &&
		   find_entry(redir, dev, false, false, NULL, NULL)) &&
		 acs_set_by_kernel(m))
		ctrl &= ~ACS_DEFAULT;
	free(redir);
	free(config);
	return ctrl;
}

unsigned int acs_at_boot(const struct machine *m, const struct dev *dev,
			 const char *redir, const char *config)
{
	enum acs_options options = acs_options(m->release);
	unsigned int firmware = of_firmware(m, dev), ctrl = firmware, mask, bits;
	bool faulty = options == ACS_OPTIONS_FAULTY;

	if (acs_set_by_kernel(m))
		ctrl |= ACS_DEFAULT;
	if (options >= ACS_OPTIONS_REDIR &&
	    find_entry(redir, dev, false, false, NULL, NULL)) {
		if (options == ACS_OPTIONS_REDIR)
			ctrl &= ~ACS_REDIR;
		else if (faulty)
			ctrl = (ctrl & ~ACS_REDIR) | (firmware & ACS_REDIR) |
			       (ACS_ALL & ~ACS_REDIR);
		else
			ctrl = firmware & ~ACS_REDIR;
	}
	if (options >= ACS_OPTIONS_FAULTY &&
	    find_entry(config, dev, true, faulty, &mask, &bits))
		ctrl = faulty ? (ctrl & ~mask) | (firmware & mask) | bits :
				(firmware & ~mask) | bits;
	return ctrl & dev->acs.cap & ACS_ALL;
}

/*
 * Bits that the kernel sets by itself are named, because with x they would be as firmware
 * had them. The others are as firmware had them, unless they are set now or change.
 */
void acs_flags(const struct dev *dev, unsigned int ctrl, char flags[8])
{
	unsigned int i;

	for (i = 0; i < 7; i++) {
		unsigned int bit = 1 << (6 - i), now = dev->acs.ctrl;
		bool named = bit & (ACS_RR | ACS_CR | ACS_UF) || (now & bit) ||
			     (ctrl & bit);

		flags[i] = !named ? 'x' : ctrl & bit ? '1' : '0';
	}
	flags[7] = '\0';
}
