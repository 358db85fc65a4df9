// SPDX-License-Identifier: GPL-2.0
/*
 * Peer memory as a dma-buf: an exporter that can take it back, and an importer.
 *
 * The exporter's memory is BAR 2 of QEMU's "ivshmem-plain" device.  It needs no struct
 * pages: the first half of the BAR is offered as a dma-buf.  The importer is QEMU's "edu"
 * device, whose DMA engine moves up to 4095 bytes between a buffer of its own and a DMA
 * address.
 *
 * Both drivers bind only to devices whose driver_override names them, p2pdma_exporter and
 * p2pdma_importer.  Each device then has a file
 * /sys/kernel/debug/p2pdma_dmabuf/0000:05:00.0, for ioctl() by root: see dmabuf.h.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/p2pdma-dmabuf.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dmabuf.h"

static struct dentry *sample_dir;

/*
 * The exporter.
 */

#define EXPORTER_BAR 2

struct exporter {
	struct pci_dev *pdev;
	struct dma_buf *dmabuf;
	struct dentry *file;
};

static int exporter_fd(struct exporter *exporter)
{
	int fd;

	/* The file descriptor takes a reference of its own. */
	get_dma_buf(exporter->dmabuf);
	fd = dma_buf_fd(exporter->dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(exporter->dmabuf);
	return fd;
}

static int exporter_restore(struct exporter *exporter, const u64 __user *arg)
{
	u64 offset;

	if (get_user(offset, arg))
		return -EFAULT;
	if (offset > pci_resource_len(exporter->pdev, EXPORTER_BAR))
		return -EINVAL;
	return pci_p2pdma_dmabuf_restore(exporter->dmabuf,
					 pci_resource_start(exporter->pdev,
							    EXPORTER_BAR) +
					 offset);
}

static long exporter_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct exporter *exporter = file->private_data;

	switch (cmd) {
	case P2PDMA_SAMPLE_EXPORT:
		return exporter_fd(exporter);
	case P2PDMA_SAMPLE_REVOKE:
		/* An importer that does not obey may not hold up user space for ever. */
		return pci_p2pdma_dmabuf_revoke(exporter->dmabuf, 10 * HZ);
	case P2PDMA_SAMPLE_RESTORE:
		return exporter_restore(exporter, (const u64 __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations exporter_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.unlocked_ioctl = exporter_ioctl,
};

static int exporter_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	/* No .owner: the dma-buf calls nothing of this module. */
	struct pci_p2pdma_dmabuf_info info = { .flags = O_RDWR };
	struct exporter *exporter;
	int ret;

	exporter = devm_kzalloc(&pdev->dev, sizeof(*exporter), GFP_KERNEL);
	if (!exporter)
		return -ENOMEM;
	exporter->pdev = pdev;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;

	/* All memory BARs become peer memory, without struct pages. */
	ret = pcim_p2pdma_init(pdev);
	if (ret)
		return ret;
	info.provider = pcim_p2pdma_provider(pdev, EXPORTER_BAR);
	if (!info.provider)
		return -ENODEV;
	info.phys = pci_resource_start(pdev, EXPORTER_BAR);
	info.size = PAGE_ALIGN_DOWN(pci_resource_len(pdev, EXPORTER_BAR) / 2);
	exporter->dmabuf = pci_p2pdma_dmabuf_export(&info);
	if (IS_ERR(exporter->dmabuf))
		return PTR_ERR(exporter->dmabuf);

	pci_set_drvdata(pdev, exporter);
	exporter->file = debugfs_create_file(pci_name(pdev), 0600, sample_dir,
					     exporter, &exporter_fops);
	return 0;
}

static void exporter_remove(struct pci_dev *pdev)
{
	struct exporter *exporter = pci_get_drvdata(pdev);

	/* Waits for calls that use it. */
	debugfs_remove(exporter->file);
	/*
	 * From here on nobody reaches the memory, and a real driver may stop its hardware.
	 * Users may still have file descriptors, which lead nowhere now.
	 */
	pci_p2pdma_dmabuf_revoke(exporter->dmabuf, MAX_SCHEDULE_TIMEOUT);
	dma_buf_put(exporter->dmabuf);
}

/* Binds by driver_override alone. */
static const struct pci_device_id no_ids[] = {
	{ }
};

static struct pci_driver exporter_driver = {
	.name = "p2pdma_exporter",
	.id_table = no_ids,
	.probe = exporter_probe,
	.remove = exporter_remove,
};

/*
 * The importer.
 */

/* QEMU's docs/specs/edu.rst */
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_DMA_START		BIT(0)
#define EDU_DMA_FROM_BUFFER	BIT(1)
#define EDU_BUFFER		0x40000
#define EDU_MAX			4095

/**
 * struct importer - an edu device
 * @pdev: its function
 * @regs: its registers
 * @lock: protects all of the following, beside the reservation lock, and the DMA engine
 * @attach: attachment to the dma-buf, or NULL
 * @sgt: what is mapped of it, or NULL; protected by the reservation lock alone
 * @ram: for what the device moves
 * @file: in debugfs
 */
struct importer {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct mutex lock;	/* protects the DMA engine and what follows */
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	u8 *ram;
	struct dentry *file;
};

/*
 * Move between the device's buffer and a DMA address.  Whatever happens the device does not
 * touch the memory any more when this returns.
 */
static int importer_move(struct importer *importer, dma_addr_t dma, u32 size,
			 bool write)
{
	u64 cmd;
	int ret;

	writeq(write ? EDU_BUFFER : dma, importer->regs + EDU_DMA_SRC);
	writeq(write ? dma : EDU_BUFFER, importer->regs + EDU_DMA_DST);
	writeq(size, importer->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_START | (write ? EDU_DMA_FROM_BUFFER : 0),
	       importer->regs + EDU_DMA_CMD);
	ret = readq_poll_timeout(importer->regs + EDU_DMA_CMD, cmd,
				 !(cmd & EDU_DMA_START), 1000, 5000000);
	if (ret)
		pci_clear_master(importer->pdev);
	return ret;
}

static int importer_move_ram(struct importer *importer, u32 size, bool write)
{
	enum dma_data_direction dir = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	struct device *dev = &importer->pdev->dev;
	dma_addr_t dma = dma_map_single(dev, importer->ram, size, dir);
	int ret;

	if (dma_mapping_error(dev, dma))
		return -ENOMEM;
	ret = importer_move(importer, dma, size, write);
	dma_unmap_single(dev, dma, size, dir);
	return ret;
}

/*
 * Move between the device's buffer and the dma-buf, segment by segment.  Under the
 * reservation lock from when the table is looked at until the last transfer is done: so
 * the exporter cannot take the memory back in between.  A device that works on its own
 * would drop the lock after it has added a fence, which the exporter waits for.
 */
static int importer_move_peer(struct importer *importer,
			      const struct p2pdma_sample_transfer *t)
{
	u64 offset = t->offset;
	u32 left = t->size;
	struct scatterlist *sg;
	int i, ret = 0;

	for_each_sgtable_dma_sg(importer->sgt, sg, i) {
		u32 len;

		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		/* The device's buffer is used from its start: one piece at a time. */
		len = min_t(u64, left, sg_dma_len(sg) - offset);
		if (len != t->size)
			return -EINVAL;
		ret = importer_move(importer, sg_dma_address(sg) + offset, len,
				    t->write);
		left -= len;
		break;
	}
	return ret ?: left ? -EINVAL : 0;
}

static int importer_map(struct importer *importer)
{
	struct sg_table *sgt;

	if (importer->sgt)
		return 0;
	sgt = dma_buf_map_attachment(importer->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	importer->sgt = sgt;
	return 0;
}

static void importer_unmap(struct importer *importer)
{
	if (importer->sgt)
		dma_buf_unmap_attachment(importer->attach, importer->sgt,
					 DMA_BIDIRECTIONAL);
	importer->sgt = NULL;
}

/* The exporter takes the memory back.  As it holds the lock no transfer is under way. */
static void importer_move_notify(struct dma_buf_attachment *attach)
{
	importer_unmap(attach->importer_priv);
}

static const struct dma_buf_attach_ops importer_attach_ops = {
	.allow_peer2peer = true,
	.move_notify = importer_move_notify,
};

static void importer_detach(struct importer *importer)
{
	struct dma_buf_attachment *attach = importer->attach;
	struct dma_buf *dmabuf;

	if (!attach)
		return;
	dmabuf = attach->dmabuf;
	dma_resv_lock(dmabuf->resv, NULL);
	importer_unmap(importer);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	importer->attach = NULL;
}

static int importer_import(struct importer *importer, const s32 __user *arg)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	s32 fd;

	if (get_user(fd, arg))
		return -EFAULT;
	importer_detach(importer);
	if (fd < 0)
		return 0;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attach = dma_buf_dynamic_attach(dmabuf, &importer->pdev->dev,
					&importer_attach_ops, importer);
	if (IS_ERR(attach)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attach);
	}
	importer->attach = attach;
	return 0;
}

/* One transfer; the data are checked if the device reads. */
static int importer_transfer(struct importer *importer, const void __user *arg)
{
	struct p2pdma_sample_transfer t;
	u32 i;
	int ret;

	if (copy_from_user(&t, arg, sizeof(t)))
		return -EFAULT;
	if (!importer->attach || !t.size || t.size > EDU_MAX)
		return -EINVAL;

	for (i = 0; i < t.size; i++)
		importer->ram[i] = (t.pattern + 7 * i + (i >> 8)) ^ (t.write ? 0 : 0xff);
	/* Old contents of the device's buffer must not pass for the pattern. */
	ret = importer_move_ram(importer, t.size, false);
	if (ret)
		return ret;

	dma_resv_lock(importer->attach->dmabuf->resv, NULL);
	ret = importer_map(importer) ?: importer_move_peer(importer, &t);
	dma_resv_unlock(importer->attach->dmabuf->resv);
	if (ret || t.write)
		return ret;

	ret = importer_move_ram(importer, t.size, true);
	for (i = 0; !ret && i < t.size; i++)
		if (importer->ram[i] != (u8)(t.pattern + 7 * i + (i >> 8)))
			ret = -EBADMSG;
	return ret;
}

static long importer_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct importer *importer = file->private_data;

	guard(mutex)(&importer->lock);
	switch (cmd) {
	case P2PDMA_SAMPLE_IMPORT:
		return importer_import(importer, (const s32 __user *)arg);
	case P2PDMA_SAMPLE_TRANSFER:
		return importer_transfer(importer, (const void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.unlocked_ioctl = importer_ioctl,
};

static int importer_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct importer *importer;
	int ret;

	importer = devm_kzalloc(&pdev->dev, sizeof(*importer), GFP_KERNEL);
	if (!importer)
		return -ENOMEM;
	importer->pdev = pdev;
	mutex_init(&importer->lock);
	importer->ram = devm_kzalloc(&pdev->dev, EDU_MAX, GFP_KERNEL);
	if (!importer->ram)
		return -ENOMEM;
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	importer->regs = pcim_iomap(pdev, 0, 0);
	if (!importer->regs)
		return -ENOMEM;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	/* It takes segments of any size: each is moved in small pieces. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	pci_set_master(pdev);

	pci_set_drvdata(pdev, importer);
	importer->file = debugfs_create_file(pci_name(pdev), 0600, sample_dir,
					     importer, &importer_fops);
	return 0;
}

static void importer_remove(struct pci_dev *pdev)
{
	struct importer *importer = pci_get_drvdata(pdev);

	debugfs_remove(importer->file);
	importer_detach(importer);
}

static struct pci_driver importer_driver = {
	.name = "p2pdma_importer",
	.id_table = no_ids,
	.probe = importer_probe,
	.remove = importer_remove,
};

static int __init sample_init(void)
{
	int ret;

	sample_dir = debugfs_create_dir("p2pdma_dmabuf", NULL);
	ret = pci_register_driver(&exporter_driver);
	if (ret)
		goto err_dir;
	ret = pci_register_driver(&importer_driver);
	if (ret)
		goto err_exporter;
	return 0;

err_exporter:
	pci_unregister_driver(&exporter_driver);
err_dir:
	debugfs_remove(sample_dir);
	return ret;
}
module_init(sample_init);

static void __exit sample_exit(void)
{
	pci_unregister_driver(&importer_driver);
	pci_unregister_driver(&exporter_driver);
	debugfs_remove(sample_dir);
}
module_exit(sample_exit);

MODULE_DESCRIPTION("Sample: peer memory as a dma-buf");
MODULE_IMPORT_NS(DMA_BUF);
MODULE_LICENSE("GPL");
