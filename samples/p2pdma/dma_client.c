// SPDX-License-Identifier: GPL-2.0
/*
 * A client of peer memory that maps single addresses, on request of root.
 *
 * This file has two drivers.  One is for the client, QEMU's "edu" device: it has a
 * buffer of its own, and a DMA engine that moves up to 4095 bytes between that buffer
 * and a DMA address.  The other is for QEMU's "ivshmem-plain" device, whose BAR 2 is
 * memory.  With the parameter publish=1 it registers and publishes that memory as peer
 * memory; without, the memory stays unregistered.  With driver_override it does the same
 * for another function whose BAR 2 is memory.
 *
 * Each edu device has a file /sys/kernel/debug/p2pdma_client/0000:05:00.0/transfer.
 * Write "CALL DIRECTION PROVIDER BAR OFFSET SIZE" to start a transfer:
 *
 *	CALL		page (dma_map_page()), phys (dma_map_phys()), mmio (the
 *			same with DMA_ATTR_MMIO) or resource (dma_map_resource());
 *			for page and phys the memory needs struct pages
 *	DIRECTION	write or read: what the client does to the memory
 *	PROVIDER	PCI address of the provider, whose driver must stay bound
 *	OFFSET, SIZE	bytes
 *
 * The source is filled with a pattern, the client moves it, and every byte of the
 * destination is compared.  write() fails with EREMOTEIO if the DMA API refuses the
 * mapping, EBADMSG if the data are wrong, and ETIMEDOUT if the device does not finish.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* QEMU's docs/specs/edu.rst */
#define EDU_VENDOR		0x1234
#define EDU_DEVICE		0x11e8
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_FROM_BUFFER	BIT(1)
#define EDU_BUFFER		0x40000
#define EDU_MAX			4095

#define IVSHMEM_VENDOR		0x1af4
#define IVSHMEM_DEVICE		0x1110
#define MEMORY_BAR		2

static bool publish;
module_param(publish, bool, 0444);
MODULE_PARM_DESC(publish, "offer the memory in BAR 2 of ivshmem devices as peer memory");

static unsigned int mask_bits = 64;
module_param(mask_bits, uint, 0444);
MODULE_PARM_DESC(mask_bits, "bits of the DMA addresses that edu devices form");

static struct dentry *client_dir;

struct client {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct mutex lock;	/* protects the DMA engine, the buffer and pattern */
	struct dentry *dir;
	u8 pattern;		/* differs between transfers */
};

/* A transfer as it was requested. */
struct transfer {
	char call[16];
	char direction[16];
	char provider[32];
	unsigned int bar;
	unsigned long offset;
	unsigned long size;
	bool write;
	phys_addr_t phys;
};

/* Move between the device's buffer and a DMA address. */
static int client_move(struct client *client, dma_addr_t dma, size_t size,
		       bool write)
{
	u64 cmd;

	writeq(write ? EDU_BUFFER : dma, client->regs + EDU_DMA_SRC);
	writeq(write ? dma : EDU_BUFFER, client->regs + EDU_DMA_DST);
	writeq(size, client->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | (write ? EDU_DMA_FROM_BUFFER : 0),
	       client->regs + EDU_DMA_CMD);
	return readq_poll_timeout(client->regs + EDU_DMA_CMD, cmd,
				  !(cmd & EDU_DMA_START), 1000, 5000000);
}

/* Move between the device's buffer and RAM. */
static int client_move_ram(struct client *client, void *ram, size_t size,
			   bool write)
{
	enum dma_data_direction dir = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	struct device *dev = &client->pdev->dev;
	dma_addr_t dma = dma_map_single(dev, ram, size, dir);
	int ret;

	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	ret = client_move(client, dma, size, write);
	dma_unmap_single(dev, dma, size, dir);
	return ret;
}

static dma_addr_t client_map(struct client *client, const struct transfer *t,
			     enum dma_data_direction dir)
{
	struct device *dev = &client->pdev->dev;

	if (!strcmp(t->call, "page"))
		return dma_map_page(dev, pfn_to_page(PHYS_PFN(t->phys)),
				    offset_in_page(t->phys), t->size, dir);
	if (!strcmp(t->call, "resource"))
		return dma_map_resource(dev, t->phys, t->size, dir, 0);
	return dma_map_phys(dev, t->phys, t->size, dir,
			    strcmp(t->call, "mmio") ? 0 : DMA_ATTR_MMIO);
}

static void client_unmap(struct client *client, const struct transfer *t,
			 dma_addr_t dma, enum dma_data_direction dir)
{
	struct device *dev = &client->pdev->dev;

	if (!strcmp(t->call, "page"))
		dma_unmap_page(dev, dma, t->size, dir);
	else if (!strcmp(t->call, "resource"))
		dma_unmap_resource(dev, dma, t->size, dir, 0);
	else
		dma_unmap_phys(dev, dma, t->size, dir,
			       strcmp(t->call, "mmio") ? 0 : DMA_ATTR_MMIO);
}

/* Fill the source with a pattern, move it, and compare the destination. */
static int client_transfer(struct client *client, const struct transfer *t,
			   void __iomem *peer, u8 *sent, u8 *got)
{
	enum dma_data_direction dir = t->write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	dma_addr_t dma;
	size_t i;
	int ret;

	client->pattern += 31;
	for (i = 0; i < t->size; i++)
		sent[i] = client->pattern + 7 * i + (i >> 8);

	/* Old contents of the destination must not pass for the pattern. */
	if (t->write) {
		memset_io(peer, ~client->pattern, t->size);
		ret = client_move_ram(client, sent, t->size, false);
	} else {
		ret = client_move_ram(client, got, t->size, false);
		memcpy_toio(peer, sent, t->size);
		/* Flush the CPU's posted writes before the device reads. */
		readb(peer);
	}
	if (ret)
		return ret;

	dma = client_map(client, t, dir);
	if (dma_mapping_error(&client->pdev->dev, dma))
		return -EREMOTEIO;
	ret = client_move(client, dma, t->size, t->write);
	client_unmap(client, t, dma, dir);
	if (ret)
		return ret;

	if (t->write)
		memcpy_fromio(got, peer, t->size);
	else
		ret = client_move_ram(client, got, t->size, true);
	if (ret)
		return ret;
	return memcmp(sent, got, t->size) ? -EBADMSG : 0;
}

static int client_parse(const char *line, struct transfer *t)
{
	static const char * const calls[] = { "page", "phys", "mmio", "resource" };
	static const char * const directions[] = { "read", "write" };
	int direction;

	if (sscanf(line, "%15s %15s %31s %u %lu %lu", t->call, t->direction,
		   t->provider, &t->bar, &t->offset, &t->size) != 6)
		return -EINVAL;
	direction = match_string(directions, ARRAY_SIZE(directions),
				 t->direction);
	if (direction < 0 || match_string(calls, ARRAY_SIZE(calls), t->call) < 0)
		return -EINVAL;
	if (t->bar >= PCI_STD_NUM_BARS || !t->size || t->size > EDU_MAX)
		return -EINVAL;
	t->write = direction;
	return 0;
}

/* Carry out a transfer.  The caller holds a reference to @provider. */
static int client_run(struct client *client, struct transfer *t,
		      struct pci_dev *provider)
{
	void __iomem *peer;
	int ret = -ENOMEM;
	u8 *buffers;

	if (!(pci_resource_flags(provider, t->bar) & IORESOURCE_MEM) ||
	    t->offset >= pci_resource_len(provider, t->bar) ||
	    t->size > pci_resource_len(provider, t->bar) - t->offset)
		return -EINVAL;
	t->phys = pci_resource_start(provider, t->bar) + t->offset;
	if ((!strcmp(t->call, "page") || !strcmp(t->call, "phys")) &&
	    !pfn_valid(PHYS_PFN(t->phys)))
		return -EINVAL;

	peer = ioremap(t->phys, t->size);
	if (!peer)
		return ret;
	buffers = kzalloc(2 * t->size, GFP_KERNEL);
	if (buffers) {
		scoped_guard(mutex, &client->lock)
			ret = client_transfer(client, t, peer, buffers,
					      buffers + t->size);
	}
	kfree(buffers);
	iounmap(peer);
	return ret;
}

static ssize_t client_transfer_write(struct file *file, const char __user *from,
				     size_t count, loff_t *pos)
{
	struct transfer t = {};
	struct device *dev;
	char line[128] = "";
	int ret;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, count))
		return -EFAULT;
	ret = client_parse(line, &t);
	if (ret)
		return ret;

	dev = bus_find_device_by_name(&pci_bus_type, NULL, t.provider);
	if (!dev)
		return -ENODEV;
	ret = client_run(file->private_data, &t, to_pci_dev(dev));
	put_device(dev);
	return ret ?: count;
}

static const struct file_operations client_transfer_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = client_transfer_write,
};

static int client_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct client *client;
	int ret;

	client = devm_kzalloc(&pdev->dev, sizeof(*client), GFP_KERNEL);
	if (!client)
		return -ENOMEM;
	client->pdev = pdev;
	mutex_init(&client->lock);

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	client->regs = pcim_iomap(pdev, 0, 0);
	if (!client->regs)
		return -ENOMEM;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(mask_bits));
	if (ret)
		return ret;
	pci_set_master(pdev);

	client->dir = debugfs_create_dir(pci_name(pdev), client_dir);
	debugfs_create_file("transfer", 0200, client->dir, client,
			    &client_transfer_fops);
	pci_set_drvdata(pdev, client);
	return 0;
}

static void client_remove(struct pci_dev *pdev)
{
	struct client *client = pci_get_drvdata(pdev);

	debugfs_remove(client->dir);
}

static const struct pci_device_id client_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, client_ids);

static struct pci_driver client_driver = {
	.name = "p2pdma_client",
	.id_table = client_ids,
	.probe = client_probe,
	.remove = client_remove,
};

/*
 * The function may be suspended when its power/control is "auto", and then its memory
 * cannot be reached.  The driver of a real provider must keep it awake while others use
 * its memory.
 */
static int memory_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	if (publish) {
		ret = pci_p2pdma_add_resource(pdev, MEMORY_BAR, 0, 0);
		if (ret)
			return ret;
		pci_p2pmem_publish(pdev, true);
	}
	pm_runtime_put_noidle(&pdev->dev);
	return 0;
}

static void memory_remove(struct pci_dev *pdev)
{
	pm_runtime_get_noresume(&pdev->dev);
}

static const struct pci_device_id memory_ids[] = {
	{ PCI_DEVICE(IVSHMEM_VENDOR, IVSHMEM_DEVICE) },
	{ }
};
MODULE_DEVICE_TABLE(pci, memory_ids);

/*
 * The PCI core saves and restores all state.  Without any dev_pm_ops it would never
 * suspend the device at run time.
 */
static const struct dev_pm_ops memory_pm = { };

static struct pci_driver memory_driver = {
	.name = "p2pdma_memory",
	.id_table = memory_ids,
	.probe = memory_probe,
	.remove = memory_remove,
	.driver.pm = pm_ptr(&memory_pm),
};

static int __init client_init(void)
{
	int ret;

	client_dir = debugfs_create_dir("p2pdma_client", NULL);
	ret = pci_register_driver(&memory_driver);
	if (ret)
		goto err_dir;
	ret = pci_register_driver(&client_driver);
	if (ret)
		goto err_memory;
	return 0;

err_memory:
	pci_unregister_driver(&memory_driver);
err_dir:
	debugfs_remove(client_dir);
	return ret;
}
module_init(client_init);

static void __exit client_exit(void)
{
	pci_unregister_driver(&client_driver);
	pci_unregister_driver(&memory_driver);
	debugfs_remove(client_dir);
}
module_exit(client_exit);

MODULE_DESCRIPTION("Sample: a client of peer memory that maps single addresses");
MODULE_LICENSE("GPL");
