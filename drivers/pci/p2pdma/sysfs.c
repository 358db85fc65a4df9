// SPDX-License-Identifier: GPL-2.0
/*
 * Files in sysfs: the policy, and the routes and counters of each function.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vmalloc.h>

#include "../pci.h"
#include "p2pdma.h"

/*
 * /sys/bus/pci/devices/<client>/p2pdma_routes and p2pdma_counters
 */

/* A text that grows. */
struct p2pdma_text {
	struct pci_dev *client;
	char *buf;
	size_t size;
	size_t len;
};

/* Add a line; false if there is no memory. */
static bool p2pdma_text_add(struct p2pdma_text *text, const char *line,
			    size_t len)
{
	if (text->len + len > text->size) {
		size_t size = max(2 * text->size, PAGE_SIZE);
		char *buf = kvmalloc(size, GFP_KERNEL);

		if (!buf)
			return false;
		memcpy(buf, text->buf, text->len);
		kvfree(text->buf);
		text->buf = buf;
		text->size = size;
	}
	memcpy(text->buf + text->len, line, len);
	text->len += len;
	return true;
}

/* One line; false, which ends the walk, if there is no memory. */
static bool p2pdma_routes_line(struct p2pdma_provider *provider, void *data)
{
	struct pci_p2pdma_route write, read;
	struct p2pdma_text *text = data;
	char bridge[P2PDMA_BDF_LEN], line[256];
	size_t len;

	pci_p2pdma_query_route(provider, &text->client->dev, DMA_FROM_DEVICE,
			       &write);
	pci_p2pdma_query_route(provider, &text->client->dev, DMA_BIDIRECTIONAL,
			       &read);
	p2pdma_route_bridge(write.has_bridge ? &write : &read, bridge);

	len = scnprintf(line, sizeof(line), "%s %d %s %s %d %s %s %s%s\n",
			pci_name(to_pci_dev(provider->owner)),
			to_p2pdma_mem(provider)->bar,
			pci_p2pdma_map_type_name(write.type),
			pci_p2pdma_map_type_name(read.type), write.distance,
			pci_p2pdma_reason_name(write.reason),
			pci_p2pdma_reason_name(read.reason), bridge,
			write.translated_crosses || read.translated_crosses ?
				" translated-requests-cross" : "");

	return p2pdma_text_add(text, line, len);
}

/*
 * The table may be longer than a page, and one read() gets a page at most.  Each
 * read() makes the table anew, so that a reader may see part of an old table and part
 * of a new one.
 */
static ssize_t p2pdma_routes_read(struct file *file, struct kobject *kobj,
				  struct bin_attribute *attr, char *buf,
				  loff_t offset, size_t count)
{
	struct p2pdma_text text = {
		.client = to_pci_dev(kobj_to_dev(kobj)),
	};
	ssize_t ret = -ENOMEM;

	pci_config_pm_runtime_get(text.client);
	if (p2pdma_for_each_provider(p2pdma_routes_line, &text))
		ret = memory_read_from_buffer(buf, count, &offset, text.buf,
					      text.len);
	pci_config_pm_runtime_put(text.client);
	kvfree(text.buf);
	return ret;
}

static struct bin_attribute p2pdma_routes_attr = {
	.attr = { .name = "p2pdma_routes", .mode = 0444 },
	.read = p2pdma_routes_read,
};

/* One line, if anything has been counted. */
static bool p2pdma_counters_line(struct p2pdma_provider *provider, void *data)
{
	struct p2pdma_text *text = data;
	struct p2pdma_counts counts;
	const char *separator = "";
	char line[256];
	size_t len;
	int i;

	if (!p2pdma_pair_counts(text->client, provider, &counts))
		return true;

	len = scnprintf(line, sizeof(line), "%s %d %llu %llu %llu %llu %llu ",
			pci_name(to_pci_dev(provider->owner)),
			to_p2pdma_mem(provider)->bar,
			counts.lists[P2PDMA_WRITES], counts.bytes[P2PDMA_WRITES],
			counts.lists[P2PDMA_READS], counts.bytes[P2PDMA_READS],
			counts.all_refused);
	if (!p2pdma_text_add(text, line, len))
		return false;
	for (i = 0; i < PCI_P2PDMA_NR_REASONS; i++) {
		if (!counts.refused[i])
			continue;
		len = scnprintf(line, sizeof(line), "%s%s=%llu", separator,
				pci_p2pdma_reason_name(i), counts.refused[i]);
		if (!p2pdma_text_add(text, line, len))
			return false;
		separator = ",";
	}
	len = scnprintf(line, sizeof(line), counts.all_refused ? "\n" : "-\n");
	return p2pdma_text_add(text, line, len);
}

static ssize_t p2pdma_counters_read(struct file *file, struct kobject *kobj,
				    struct bin_attribute *attr, char *buf,
				    loff_t offset, size_t count)
{
	struct p2pdma_text text = {
		.client = to_pci_dev(kobj_to_dev(kobj)),
	};
	ssize_t ret = -ENOMEM;

	if (p2pdma_for_each_provider(p2pdma_counters_line, &text))
		ret = memory_read_from_buffer(buf, count, &offset, text.buf,
					      text.len);
	kvfree(text.buf);
	return ret;
}

static struct bin_attribute p2pdma_counters_attr = {
	.attr = { .name = "p2pdma_counters", .mode = 0444 },
	.read = p2pdma_counters_read,
};

static struct bin_attribute *p2pdma_routes_attrs[] = {
	&p2pdma_routes_attr,
	&p2pdma_counters_attr,
	NULL,
};

/* Bridges forward; they do no DMA of their own. */
static umode_t p2pdma_routes_visible(struct kobject *kobj,
				     struct bin_attribute *attr, int n)
{
	struct pci_dev *pdev = to_pci_dev(kobj_to_dev(kobj));

	return pci_is_bridge(pdev) ? 0 : attr->attr.mode;
}

const struct attribute_group pci_p2pdma_routes_group = {
	.bin_attrs = p2pdma_routes_attrs,
	.is_bin_visible = p2pdma_routes_visible,
};

/*
 * /sys/kernel/p2pdma/policy
 */

static ssize_t policy_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	char *text __free(kfree) = p2pdma_policy_get();

	if (!text)
		return -ENOMEM;
	return sysfs_emit(buf, "%s\n", text);
}

/*
 * A longer text would arrive in several writes, each of which would replace the whole
 * policy, and it could not be read back.
 */
#define P2PDMA_POLICY_MAX (PAGE_SIZE - 64)

static ssize_t policy_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	/* Root of a container may write to the file, and is root only there. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (count > P2PDMA_POLICY_MAX) {
		pr_err("policy not changed: it is longer than %lu bytes; match devices by ID\n",
		       P2PDMA_POLICY_MAX);
		return -EINVAL;
	}
	if (strlen(buf) != count) {
		pr_err("policy not changed: it has a zero byte in it\n");
		return -EINVAL;
	}
	return p2pdma_policy_set(buf) ?: count;
}

static struct kobj_attribute p2pdma_policy_attr = __ATTR_RW(policy);

static int __init p2pdma_sysfs_init(void)
{
	struct kobject *kobj = kobject_create_and_add("p2pdma", kernel_kobj);
	int ret = -ENOMEM;

	if (kobj)
		ret = sysfs_create_file(kobj, &p2pdma_policy_attr.attr);
	if (ret)
		pr_err("no /sys/kernel/p2pdma/policy: error %d\n", ret);
	return ret;
}
subsys_initcall(p2pdma_sysfs_init);
