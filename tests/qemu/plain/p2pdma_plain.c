// SPDX-License-Identifier: GPL-2.0
/*
 * What the plain kernel decides of every pair of functions: for tests/qemu/tool, which
 * compares it with what the command p2pdma predicts.
 *
 * A module for a kernel without the project, of which it uses only API that drivers have.
 * It relies on the test that nothing else binds the functions or maps their memory.
 *
 * Reading /sys/kernel/debug/p2pdma_plain gives a line for each pair of functions with a
 * memory BAR, those on root buses only after the command "root":
 *
 *   CLIENT PROVIDER DISTANCE VERDICT
 *
 * DISTANCE is what pci_p2pdma_distance_many() returns.  VERDICT is what becomes of a list
 * that is mapped: bus-address, through-host-bridge, not-supported, or "error" and its
 * number; "-" as long as the provider's largest BAR is not registered.
 *
 * Commands that may be written:
 *
 *   root			have functions on root buses be in pairs too
 *   register			have each function's largest BAR be peer memory, if it has
 *				the size for that
 *   pose FUNCTION VENDOR DEVICE	have the kernel and sysfs see these IDs in place of
 *				its own
 */
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* struct pages come for so many bytes at once. */
#define MEMORY_MIN	SZ_2M

static bool with_root;
static struct dentry *plain_file;
static DEFINE_MUTEX(plain_lock);	/* one command at a time */

/* The largest memory BAR; -1 without one. */
static int memory_bar(struct pci_dev *pdev)
{
	int i, bar = -1;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (pci_resource_len(pdev, i) &&
		    (pci_resource_flags(pdev, i) & IORESOURCE_MEM) &&
		    (bar < 0 || pci_resource_len(pdev, i) > pci_resource_len(pdev, bar)))
			bar = i;
	return bar;
}

static bool takes_part(struct pci_dev *pdev)
{
	return pdev->hdr_type == PCI_HEADER_TYPE_NORMAL && memory_bar(pdev) >= 0 &&
	       (with_root || !pci_is_root_bus(pdev->bus));
}

static struct page *peer_page(struct pci_dev *provider)
{
	unsigned long pfn = PHYS_PFN(pci_resource_start(provider, memory_bar(provider)));
	struct page *page;

	if (!pfn_valid(pfn))
		return NULL;
	page = pfn_to_page(pfn);
	return is_pci_p2pdma_page(page) ? page : NULL;
}

static void show_verdict(struct seq_file *seq, struct pci_dev *client, struct page *page)
{
	struct scatterlist list;
	struct sg_table table = { .sgl = &list, .orig_nents = 1 };
	int ret;

	sg_init_table(&list, 1);
	sg_set_page(&list, page, PAGE_SIZE, 0);
	ret = dma_map_sgtable(&client->dev, &table, DMA_FROM_DEVICE, 0);
	if (ret == -EREMOTEIO) {
		seq_puts(seq, "not-supported");
	} else if (ret) {
		seq_printf(seq, "error%d", ret);
	} else {
		seq_puts(seq, sg_dma_is_bus_address(&list) ? "bus-address" :
							     "through-host-bridge");
		dma_unmap_sgtable(&client->dev, &table, DMA_FROM_DEVICE, 0);
	}
}

static void show_pairs(struct seq_file *seq, struct pci_dev *client)
{
	struct device *dev = &client->dev;
	struct pci_dev *provider = NULL;
	struct page *page;

	for_each_pci_dev(provider) {
		if (!takes_part(provider))
			continue;
		page = peer_page(provider);
		seq_printf(seq, "%s %s %d ", pci_name(client), pci_name(provider),
			   pci_p2pdma_distance_many(provider, &dev, 1, false));
		if (page)
			show_verdict(seq, client, page);
		else
			seq_putc(seq, '-');
		seq_putc(seq, '\n');
	}
}

static int plain_show(struct seq_file *seq, void *data)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (takes_part(pdev))
			show_pairs(seq, pdev);
	return 0;
}

static struct pci_dev *function_get(const char *name)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (!strcmp(pci_name(pdev), name))
			return pdev;
	return NULL;
}

static int add_root(void)
{
	with_root = true;
	return 0;
}

static int register_all(void)
{
	struct pci_dev *pdev = NULL;
	int bar, ret = 0;

	for_each_pci_dev(pdev) {
		if (!takes_part(pdev))
			continue;
		bar = memory_bar(pdev);
		if (pci_resource_len(pdev, bar) < MEMORY_MIN)
			continue;
		ret = pci_p2pdma_add_resource(pdev, bar, 0, 0);
		if (ret)
			break;
	}
	pci_dev_put(pdev);
	return ret;
}

static int pose(const char *args)
{
	unsigned int vendor, device;
	struct pci_dev *pdev;
	char name[32];

	if (sscanf(args, "%31s %x %x", name, &vendor, &device) != 3)
		return -EINVAL;
	pdev = function_get(name);
	if (!pdev)
		return -ENODEV;
	pdev->vendor = vendor;
	pdev->device = device;
	pci_dev_put(pdev);
	return 0;
}

static ssize_t plain_write(struct file *file, const char __user *from, size_t len,
			   loff_t *pos)
{
	char *text = memdup_user_nul(from, len), *command;
	int ret = -EINVAL;

	if (IS_ERR(text))
		return PTR_ERR(text);
	command = strim(text);
	mutex_lock(&plain_lock);
	if (!strcmp(command, "register"))
		ret = register_all();
	else if (!strcmp(command, "root"))
		ret = add_root();
	else if (!strncmp(command, "pose ", 5))
		ret = pose(command + 5);
	mutex_unlock(&plain_lock);
	kfree(text);
	return ret ?: len;
}

static int plain_open(struct inode *inode, struct file *file)
{
	return single_open(file, plain_show, NULL);
}

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.open = plain_open,
	.read = seq_read,
	.write = plain_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* Functions that no driver has told how many bits of an address they have. */
static int __init plain_init(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (takes_part(pdev) && !pdev->driver)
			dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	plain_file = debugfs_create_file("p2pdma_plain", 0600, NULL, NULL, &plain_fops);
	return PTR_ERR_OR_ZERO(plain_file);
}

static void __exit plain_exit(void)
{
	debugfs_remove(plain_file);
}

module_init(plain_init);
module_exit(plain_exit);
MODULE_DESCRIPTION("What the plain kernel decides of every pair");
MODULE_LICENSE("GPL");
