/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options pci=disable_acs_redir= and pci=config_acs= of the kernel's command line,
 * and the ACS Control that a port has after a boot with them. The arithmetic is that of
 * drivers/pci/pci.c, which differs between releases.
 */
#ifndef P2PDMA_ACS_H
#define P2PDMA_ACS_H

#include "machine.h"

/* Bits of ACS Control, PCI Express Base Specification. */
#define ACS_SV	0x01
#define ACS_TB	0x02
#define ACS_RR	0x04
#define ACS_CR	0x08
#define ACS_UF	0x10
#define ACS_EC	0x20
#define ACS_DT	0x40
#define ACS_ALL	0x7f
/* What pci=disable_acs_redir= takes away. */
#define ACS_REDIR	(ACS_RR | ACS_CR | ACS_EC)
/* What the kernel sets by itself if an IOMMU is in use. */
#define ACS_DEFAULT	(ACS_SV | ACS_RR | ACS_CR | ACS_UF)

/* What a release makes of the two options. */
enum acs_options {
	ACS_OPTIONS_NONE,	/* before 4.19: it has neither */
	ACS_OPTIONS_REDIR,	/* to 6.10: disable_acs_redir, which clears RR, CR and EC */
	/*
	 * From 6.11 on, with faults: disable_acs_redir sets SV, TB, UF and DT, and leaves
	 * RR, CR and EC as firmware had them; config_acs takes the first entry only.
	 */
	ACS_OPTIONS_FAULTY,
	/*
	 * From 6.12.23, 6.13.11, 6.14.2 and 6.15 on: a port that an option names has what
	 * firmware had, but for the bits of the option. Those that the kernel sets by
	 * itself are lost.
	 */
	ACS_OPTIONS_MENDED,
};

enum acs_options acs_options(const char *release);
/* What the faults of disable_acs_redir or config_acs do, to be freed; NULL without them. */
char *acs_faults(const char *release, bool redir);
/* Does the kernel set ACS_DEFAULT by itself, or may it? */
bool acs_set_by_kernel(const struct machine *m);
/*
 * The value that counts of pci=@option= on the command line: that of the last one, up to
 * the comma. NULL if there is none; to be freed.
 */
char *acs_list(const char *cmdline, const char *option);
/*
 * ACS Control of @dev after a boot with these values, each of which may be NULL. What
 * firmware had set is not known where the kernel sets bits by itself: then it is taken
 * to have set none of these.
 */
unsigned int acs_at_boot(const struct machine *m, const struct dev *dev,
			 const char *redir, const char *config);
/* The flags of config_acs, such as xx100x1, that make @ctrl of what @dev has now. */
void acs_flags(const struct dev *dev, unsigned int ctrl, char flags[8]);

#endif
