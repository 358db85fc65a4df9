// SPDX-License-Identifier: GPL-2.0
/* p2pdma policy: what the administrator allows, shown and set. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "json.h"
#include "near.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"

#define POLICY	"/sys/kernel/p2pdma/policy"

static const char *mode_meaning(const char *mode)
{
	static const struct {
		const char *mode, *meaning;
	} modes[] = {
		{
			"auto",
			"straight across where the fabric allows it, else through a trusted host bridge"
		},
		{ "off", "no peer-to-peer DMA" },
		{ "switch",
		  "only straight across, never through a host bridge" },
		{ "host",
		  "never straight across, always through the host bridge and the IOMMU" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(mode, modes[i].mode))
			return modes[i].meaning;
	return "";
}

/* The functions that a word of a list names; "" if none. To be freed. */
static char *named(const struct machine *m, const char *word)
{
	struct text text = {};
	size_t i, n = 0;

	for (i = 0; i < m->n_devs; i++) {
		if (!policy_names(word, m->devs[i]))
			continue;
		if (n++ < 4)
			text_addf(&text, "%s%s", text.len ? ", " : "",
				  m->devs[i]->bdf);
	}
	if (n > 4)
		text_addf(&text, " and %zu more", n - 4);
	return text_take(&text);
}

static void print_list(const struct machine *m, const char *name,
		       const struct words *words, unsigned int width)
{
	size_t i;

	for (i = 0; i < words->n; i++) {
		char *devs = named(m, words->words[i]);

		unsigned int at = printf("%-7s %s  ", i ? "" : name,
					 words->words[i]);

		out_paragraph(*devs ? devs : "matches no device now", at, 8,
			      width);
		free(devs);
	}
}

static void json_list(struct json_object *out, const struct machine *m, const char *name,
		      const struct words *words)
{
	struct json_object *array = json_array_in(out, name), *item, *devs;
	size_t i, j;

	for (i = 0; i < words->n; i++) {
		item = json_item(array);
		json_text(item, "word", words->words[i]);
		devs = json_array_in(item, "devices");
		for (j = 0; j < m->n_devs; j++)
			if (policy_names(words->words[i], m->devs[j]))
				json_text_item(devs, m->devs[j]->bdf);
	}
}

static int no_policy(struct machine *m)
{
	complain("this kernel has no %s: it does not have the p2pdma project (release %s), and routes cannot be steered",
		 POLICY, m->release);
	machine_free(m);
	return STATUS_FAILED;
}

static void json_policy(struct json_object *out, const struct machine *m)
{
	struct policy policy;
	struct json_object *member;
	size_t i;

	policy_parse(m->policy ? m->policy : "auto", m, &policy);
	member = json_object_in(out, "policy");
	json_text(member, "text", m->policy);
	json_text(member, "mode", policy.mode);
	json_list(member, m, "deny", &policy.deny);
	json_list(member, m, "trust", &policy.trust);
	json_list(member, m, "loopback", &policy.loopback);
	member = json_array_in(member, "others");
	for (i = 0; i < policy.others.n; i++)
		json_text_item(member, policy.others.words[i]);
	policy_free(&policy);
}

/* Where the active policy comes from, and the boot option that would keep it. */
static void print_origin(const struct machine *m,
			 const struct policy *active, unsigned int width)
{
	struct boot_policy boot;
	char *text;
	size_t i;

	policy_at_boot(m->cmdline, m, &boot);
	text = policy_text(&boot.all);
	putchar('\n');
	if (boot.mistaken.n) {
		out_paragraph("p2pdma= on the kernel's command line has a mistake, so the mode is off after a boot:",
			      0, 0, width);
		for (i = 0; i < boot.all.wrong.n; i++) {
			printf("  ");
			out_paragraph(boot.all.wrong.words[i], 2, 4, width);
		}
	} else if (!strcmp(text, m->policy)) {
		out_paragraph(boot.words.n ?
			      "It is that of the kernel's command line." :
			      "It is the default.", 0, 0, width);
	}
	if (boot.mistaken.n || strcmp(text, m->policy)) {
		out_paragraph("This policy is active until the next boot. To keep it, put this on the kernel's command line in place of any p2pdma= there:",
			      0, 0, width);
		free(text);
		text = policy_text_unquoted(active);
		printf("  p2pdma=%s\n", text);
	}
	free(text);
	policy_at_boot_free(&boot);
}

static int show(const struct options *options)
{
	struct machine *m = machine_load(options->pci_ids);
	struct policy policy;
	size_t i;
	struct json_object *out;

	if (!m->policy)
		return no_policy(m);
	if (options->json) {
		out = json_begin("policy", m);
		json_policy(out, m);
		json_text(out, "before", NULL);
		json_array_in(out, "changed");
		json_end(out);
		machine_free(m);
		return STATUS_OK;
	}
	policy_parse(m->policy, m, &policy);
	printf("%s\n\n", m->policy);
	out_paragraph(mode_meaning(policy.mode),
		      printf("%-7s %s: ", "mode", policy.mode), 8,
		      options->width);
	print_list(m, "deny", &policy.deny, options->width);
	print_list(m, "trust", &policy.trust, options->width);
	print_list(m, "loopback", &policy.loopback, options->width);
	for (i = 0; i < policy.others.n; i++)
		printf("%-7s %s\n", i ? "" : "others", policy.others.words[i]);
	print_origin(m, &policy, options->width);
	policy_free(&policy);
	machine_free(m);
	return STATUS_OK;
}

/* Say why the kernel may have refused the policy. */
static void explain(const struct policy *policy, int error)
{
	size_t i;

	if (error == EPERM && !geteuid())
		complain("%s: %s; trust= is refused while the kernel is locked down, and root of a container cannot set the policy",
			 POLICY, strerror(error));
	else if (error == EACCES || error == EPERM || error == EROFS)
		complain("%s: %s; only root sets the policy (run it with sudo)",
			 POLICY, strerror(error));
	else if (error == EINVAL)
		complain("the kernel refused this policy; nothing was changed (dmesg | tail says why)");
	else
		complain("%s: %s", POLICY, strerror(error));
	if (error != EINVAL || !policy->wrong.n)
		return;
	for (i = 0; i < policy->wrong.n; i++)
		complain("  %s", policy->wrong.words[i]);
	complain("  options: auto, off, switch, host, deny=DEV[;DEV...], trust=DEV[@w][;...], loopback=DEV[;DEV...], window");
	complain("  DEV: an address (0000:05:00.0), a path (0000:00:04.0/00.0) or IDs (pci:8086:0a54)");
}

static bool route_changed(const struct route *before, const struct route *after,
			  enum direction dir)
{
	return before && after &&
	       (strcmp(before->verdict_word[dir], after->verdict_word[dir]) ||
		strcmp(before->reason_word[dir], after->reason_word[dir]));
}

/* Print routes that have changed, or add them to @array; returns how many. */
static size_t compare_routes(const struct machine *before,
			     const struct machine *after, struct json_object *array,
			     unsigned int width)
{
	size_t changed = 0, i, j;
	enum direction dir;

	for (i = 0; i < after->n_devs; i++)
		for (j = 0; j < after->n_providers; j++) {
			const struct dev *client = after->devs[i], *old;
			const struct provider *p = &after->providers[j];
			const struct route *is = machine_route(client, p), *was;
			char *name, *line;

			old = machine_dev(before, &client->address);
			was = old ? machine_route(old, p) : NULL;
			for (dir = 0; dir < N_DIRECTIONS; dir++) {
				if (!route_changed(was, is, dir))
					continue;
				changed++;
				if (array) {
					struct json_object *item = json_item(array);

					json_route(item, client, p, is);
					json_text(item, "direction",
						  direction_name(dir));
					continue;
				}
				name = provider_short(after, p);
				line = xasprintf("%s -> %s, %ss: %s (%s), was %s (%s)",
						 dev_short(after, client), name,
						 direction_name(dir),
						 is->verdict_word[dir],
						 is->reason_word[dir],
						 was->verdict_word[dir],
						 was->reason_word[dir]);
				printf("  ");
				out_paragraph(line, 2, 4, width);
				free(line);
				free(name);
			}
		}
	return changed;
}

static void warn_unmatched(const struct machine *m, const char *name,
			   const struct words *words)
{
	size_t i;

	for (i = 0; i < words->n; i++) {
		char *devs = named(m, words->words[i]);

		if (!*devs)
			complain("warning: '%s' in %s= matches no device now",
				 words->words[i], name);
		free(devs);
	}
}

static int set(int argc, char **argv, const struct options *options)
{
	struct machine *before, *after;
	struct policy policy;
	struct text wanted = {};
	char *line;
	size_t n;
	int error, i;
	struct json_object *out, *array;

	for (i = optind + 1; i < argc; i++)
		text_addf(&wanted, "%s%s", wanted.len ? "," : "", argv[i]);
	before = machine_load(options->pci_ids);
	if (!before->policy)
		return no_policy(before);
	policy_parse(text_str(&wanted), before, &policy);
	line = xasprintf("%s\n", text_str(&wanted));
	error = sysfs_write(POLICY, line);
	free(line);
	if (error) {
		explain(&policy, error);
		policy_free(&policy);
		text_free(&wanted);
		machine_free(before);
		return STATUS_FAILED;
	}
	warn_unmatched(before, "deny", &policy.deny);
	warn_unmatched(before, "trust", &policy.trust);
	warn_unmatched(before, "loopback", &policy.loopback);
	if (policy.trust.n)
		complain("warning: if a host bridge that is trusted does not forward, data are corrupted silently; check with p2pdma verify");

	after = machine_load(options->pci_ids);
	if (options->json) {
		out = json_begin("policy", after);
		json_policy(out, after);
		json_text(out, "before", before->policy);
		array = json_array_in(out, "changed");
		compare_routes(before, after, array, 0);
		json_end(out);
	} else {
		line = xasprintf("%s, was %s",
				 after->policy ? after->policy : "not seen",
				 before->policy);
		printf("policy: ");
		out_paragraph(line, 8, 8, options->width);
		free(line);
		n = compare_routes(before, after, NULL, options->width);
		printf("%s changed. Existing mappings stay as they are.\n",
		       count_text(n, "route"));
	}
	policy_free(&policy);
	text_free(&wanted);
	machine_free(before);
	machine_free(after);
	return STATUS_OK;
}

static int run(int argc, char **argv, struct options *options)
{
	static const char * const words[] = { "show", "set" };
	static const char usage[] = "p2pdma policy [show | set OPTION...]";
	char *hint;

	args_parse(argc, argv, &policy_command, NULL, NULL, options);
	if (optind == argc)
		return show(options);
	if (!strcmp(argv[optind], "show")) {
		args_count(argc, 1, 1, usage);
		return show(options);
	}
	if (!strcmp(argv[optind], "set")) {
		args_only_here("policy set");
		args_count(argc, 2, 1000, usage);
		return set(argc, argv, options);
	}
	hint = near_matches(argv[optind], words, ARRAY_SIZE(words));
	die("policy has no '%s'; usage: %s%s", argv[optind], usage, hint);
}

const struct command policy_command = {
	.name = "policy",
	.summary = "show what the administrator allows, or set it",
	.help =
		"usage: p2pdma policy [show]\n"
		"       p2pdma policy set OPTION...\n\n"
		"  OPTION        auto, off, switch, host, deny=DEV[;DEV...], trust=DEV[@w][;...],\n"
		"                loopback=DEV[;DEV...];\n"
		"                together they replace the whole policy\n",
	.run = run,
};
