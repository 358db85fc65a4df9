// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules_dma.h"

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

/* How the machine's own IOMMU is made to translate; @intel: it needs intel_iommu=on. */
static const char *translate_text(const struct machine *m, bool *intel)
{
	*intel = false;
	if (has_iommu(m, "dmar")) {
		*intel = true;
		return "Have the IOMMU (Intel VT-d) translate for the client; the host bridge has to be trusted as well";
	}
	if (has_iommu(m, "ivhd"))
		return "Have the IOMMU (AMD-Vi, which translates by default) translate for the client; the host bridge has to be trusted as well";
	if (has_iommu(m, "smmu") || has_iommu(m, "arm-smmu"))
		return "Have the SMMU translate for the client; the host bridge has to be trusted as well";
	if (m->n_iommus)
		return "Have the IOMMU translate for the client; the host bridge has to be trusted as well";
	switch (m->cpu) {
	case CPU_INTEL:
		*intel = true;
		return "Have an IOMMU translate for the client: switch VT-d on in firmware; the host bridge has to be trusted as well";
	case CPU_AMD:
		return "Have an IOMMU translate for the client: switch IOMMU (AMD-Vi) on in firmware; the host bridge has to be trusted as well";
	case CPU_ARM:
		return "Have an IOMMU translate for the client: no SMMU is seen, and firmware has to describe one (ACPI IORT or device tree); the host bridge has to be trusted as well";
	default:
		*intel = true;
		return "Have an IOMMU translate for the client, switched on in firmware; intel_iommu=on is for Intel's. The host bridge has to be trusted as well";
	}
}

bool apply_translate(const struct situation *s, struct remedy *remedy)
{
	char *copy, *rest, *word;
	struct text text = {};
	bool intel;

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
	remedy->what = xstrdup(translate_text(s->m, &intel));
	/* the last iommu.passthrough= counts; the kernel's default may be 1 */
	remedy->parameter = xasprintf("%siommu.passthrough=0",
				      !intel || on_command_line(s->m, "intel_iommu=on") ?
				      "" : "intel_iommu=on ");
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
	if (s->path->seen && !s->path->n_redirectors)
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
