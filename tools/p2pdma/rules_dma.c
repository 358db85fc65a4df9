// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules_dma.h"
#include "sysfs.h"

/* As kstrtobool(), which reads one or two letters only. */
static bool is_true(const char *value)
{
	return (*value && strchr("1yYtT", *value)) ||
	       !strncasecmp(value, "on", 2);
}

/* Does one of the options, separated by commas, begin with @start? */
static bool has_option(const char *list, const char *start)
{
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, start, strlen(start)))
			return true;
	}
	return false;
}

/* Does a word of the command line keep an IOMMU from translating? */
static bool is_passthrough(const char *word)
{
	static const struct {
		const char *start, *option;
	} words[] = {
		{ "iommu=", "pt" }, { "iommu=", "off" },
		{ "intel_iommu=", "off" }, { "amd_iommu=", "off" },
	};
	static const char passthrough[] = "iommu.passthrough=";
	size_t i, len;

	if (!strncmp(word, passthrough, strlen(passthrough)))
		return is_true(word + strlen(passthrough));
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		len = strlen(words[i].start);
		if (!strncmp(word, words[i].start, len) &&
		    has_option(word + len, words[i].option))
			return true;
	}
	return false;
}

/* Is one of the machine's IOMMUs of that kind, by its name in sysfs? */
static bool has_iommu(const struct machine *m, const char *prefix)
{
	size_t i;

	for (i = 0; i < m->n_iommus; i++)
		if (!strncmp(m->iommus[i], prefix, strlen(prefix)))
			return true;
	return false;
}

/* The IOMMU that there is, or that there may be. */
enum translator {
	VT_D,
	AMD_VI,
	SMMU,
	OTHER_IOMMU,
	VT_D_OFF,
	AMD_VI_OFF,
	SMMU_OFF,
	UNKNOWN_OFF,
};

static enum translator translator_of(const struct machine *m)
{
	if (has_iommu(m, "dmar"))
		return VT_D;
	if (has_iommu(m, "ivhd"))
		return AMD_VI;
	if (has_iommu(m, "smmu") || has_iommu(m, "arm-smmu"))
		return SMMU;
	if (m->n_iommus)
		return OTHER_IOMMU;
	/* firmware describes one that the kernel does not use */
	if (sysfs_exists("/sys/firmware/acpi/tables/DMAR"))
		return VT_D;
	if (sysfs_exists("/sys/firmware/acpi/tables/IVRS"))
		return AMD_VI;
	switch (m->cpu) {
	case CPU_INTEL:
		return VT_D_OFF;
	case CPU_AMD:
		return AMD_VI_OFF;
	case CPU_ARM:
		return SMMU_OFF;
	default:
		return UNKNOWN_OFF;
	}
}

static bool needs_intel_iommu(enum translator translator)
{
	return translator == VT_D || translator == VT_D_OFF || translator == UNKNOWN_OFF;
}

static const char * const translate_texts[] = {
	[VT_D] =
		"Have the IOMMU (Intel VT-d) translate for the client; the host bridge has to be trusted as well",
	[AMD_VI] =
		"Have the IOMMU (AMD-Vi, which translates by default) translate for the client; the host bridge has to be trusted as well",
	[SMMU] =
		"Have the SMMU translate for the client; the host bridge has to be trusted as well",
	[OTHER_IOMMU] =
		"Have the IOMMU translate for the client; the host bridge has to be trusted as well",
	[VT_D_OFF] =
		"Have an IOMMU translate for the client: switch VT-d on in firmware; the host bridge has to be trusted as well",
	[AMD_VI_OFF] =
		"Have an IOMMU translate for the client: switch IOMMU (AMD-Vi) on in firmware; the host bridge has to be trusted as well",
	[SMMU_OFF] =
		"Have an IOMMU translate for the client: no SMMU is seen, and firmware has to describe one (ACPI IORT or device tree); the host bridge has to be trusted as well",
	[UNKNOWN_OFF] =
		"Have an IOMMU translate for the client, switched on in firmware; intel_iommu=on is for Intel's. The host bridge has to be trusted as well",
};

bool apply_translate(const struct situation *s, struct remedy *remedy)
{
	char *copy, *rest, *word;
	enum translator translator = translator_of(s->m);
	struct text text = {};

	/* a device reaches its own memory by bus address, translated or not */
	if (s->path->client->translated || s->path->same_function)
		return false;
	copy = xstrdup(s->m->cmdline);
	rest = copy;
	while ((word = strsep(&rest, " ")))
		if (is_passthrough(word))
			text_addf(&text, "%s%s", text.len ? " " : "", word);
	free(copy);
	if (text.len)
		remedy->remove = text_take(&text);
	remedy->what = xstrdup(translate_texts[translator]);
	/* the last iommu.passthrough= counts; the kernel's default may be 1 */
	remedy->parameter = xasprintf("%siommu.passthrough=0",
				      needs_intel_iommu(translator) &&
				      !on_command_line(s->m, "intel_iommu=on") ?
				      "intel_iommu=on " : "");
	/* the reason why the route is not direct stays */
	claim(remedy, s, EFFECT_REFUSAL_GONE);
	return true;
}

bool apply_no_bounce(const struct situation *s, struct remedy *remedy)
{
	const char *word = strstr(s->m->cmdline, "swiotlb=");
	char *whole;

	/* it may begin with a size, as swiotlb=65536,force does */
	if (!word)
		return false;
	whole = xasprintf("%.*s", (int)strcspn(word, " "), word);
	if (!strstr(whole, "force")) {
		free(whole);
		return false;
	}
	remedy->remove = whole;
	/* an encrypted guest bounces without it too */
	claim(remedy, s, s->m->guest ? EFFECT_REASON_MAY_GO : EFFECT_REASON_GONE);
	return true;
}

bool apply_passthrough(const struct situation *s, struct remedy *remedy)
{
	if (no_virtual_iommu(s) || !only_acs_in_the_way(s))
		return false;
	remedy->parameter = xstrdup("iommu.passthrough=1");
	if (s->path->seen && !s->path->n_redirectors && !unproven(s))
		claim(remedy, s, EFFECT_BUS_ADDRESS);
	else
		claim(remedy, s, s->route->reason[s->dir] == REASON_VIRTUALISED ?
					EFFECT_REASON_GONE : EFFECT_REASON_MAY_GO);
	return true;
}

/* One cause of several, not known from any file. Without the CPU's ability it is none. */
bool apply_no_encryption(const struct situation *s, struct remedy *remedy)
{
	if (s->m->no_sme || on_command_line(s->m, "mem_encrypt=off"))
		return false;
	remedy->parameter = xstrdup("mem_encrypt=off");
	claim(remedy, s, EFFECT_REASON_MAY_GO);
	return true;
}

bool apply_no_ats(const struct situation *s, struct remedy *remedy)
{
	if (on_command_line(s->m, "pci=noats"))
		return false;
	remedy->parameter = xstrdup("pci=noats");
	claim(remedy, s, EFFECT_REASON_GONE);
	return true;
}
