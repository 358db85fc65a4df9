// SPDX-License-Identifier: GPL-2.0
/*
 * Bios with peer memory that are built in the kernel, on request of root.
 *
 * Files in /sys/kernel/debug/p2pdma_bio:
 *
 *	memory	Write "0000:03:00.0 1048576" to allocate 1048576 bytes from the
 *		pool of that PCI function, "none" to free them.
 *	data	Read or write the allocated memory.
 *	submit	Write "read /dev/nvme0n1 2048 65536" to submit a bio that reads
 *		65536 bytes, from sector 2048 of that block device on, into the
 *		beginning of the memory; "write" for the other direction.
 *		write() fails with the error of the bio.
 *
 * User I/O pins peer memory only for a queue that takes it.  A bio that is built from
 * pages has not passed that test: if the queue does not take peer memory, the bio fails
 * with EREMOTEIO when it is submitted.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static DEFINE_MUTEX(sample_lock);
static struct pci_dev *sample_provider;		/* NULL: no memory */
static struct scatterlist *sample_sgl;
static unsigned int sample_nents;
static u32 sample_size;
static struct dentry *sample_dir;

static void sample_free(void)
{
	if (!sample_provider)
		return;
	pci_p2pmem_free_sgl(sample_provider, sample_sgl);
	pci_dev_put(sample_provider);
	sample_provider = NULL;
	sample_size = 0;
}

static int sample_alloc(const char *name, u32 size)
{
	struct device *dev = bus_find_device_by_name(&pci_bus_type, NULL, name);
	struct pci_dev *pdev;

	if (!dev)
		return -ENODEV;
	pdev = to_pci_dev(dev);
	if (!pci_has_p2pmem(pdev)) {
		pci_dev_put(pdev);
		return -ENODEV;
	}

	sample_sgl = pci_p2pmem_alloc_sgl(pdev, &sample_nents, size);
	if (!sample_sgl) {
		pci_dev_put(pdev);
		return -ENOMEM;
	}
	sample_provider = pdev;
	sample_size = size;
	return 0;
}

static ssize_t sample_memory_write(struct file *file, const char __user *from,
				   size_t count, loff_t *pos)
{
	char *line __free(kfree) = memdup_user_nul(from, count);
	char name[32];
	u32 size;
	int ret;

	if (IS_ERR(line))
		return PTR_ERR(line);

	guard(mutex)(&sample_lock);
	sample_free();
	if (sysfs_streq(line, "none"))
		return count;
	if (sscanf(line, "%31s %u", name, &size) != 2 || !size)
		return -EINVAL;
	ret = sample_alloc(name, size);
	return ret ?: count;
}

static const struct file_operations sample_memory_fops = {
	.owner = THIS_MODULE,
	.write = sample_memory_write,
};

/*
 * memcpy() must not be used on peer memory.  sg_pcopy_from_buffer() and
 * sg_pcopy_to_buffer() use I/O accessors there, and stop where the CPU has no mapping.
 */
static ssize_t sample_data(char __user *to, const char __user *from,
			   size_t count, loff_t *pos)
{
	void *buffer __free(kvfree) = NULL;
	size_t done;

	guard(mutex)(&sample_lock);
	if (!sample_provider || *pos < 0 || *pos >= sample_size)
		return from ? -ENOSPC : 0;
	count = min_t(size_t, count, sample_size - *pos);

	buffer = kvmalloc(count, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	if (from) {
		if (copy_from_user(buffer, from, count))
			return -EFAULT;
		done = sg_pcopy_from_buffer(sample_sgl, sample_nents, buffer,
					    count, *pos);
	} else {
		done = sg_pcopy_to_buffer(sample_sgl, sample_nents, buffer,
					  count, *pos);
		if (copy_to_user(to, buffer, done))
			return -EFAULT;
	}
	if (!done)
		return -EIO;
	*pos += done;
	return done;
}

static ssize_t sample_data_read(struct file *file, char __user *to,
				size_t count, loff_t *pos)
{
	return sample_data(to, NULL, count, pos);
}

static ssize_t sample_data_write(struct file *file, const char __user *from,
				 size_t count, loff_t *pos)
{
	return sample_data(NULL, from, count, pos);
}

static const struct file_operations sample_data_fops = {
	.owner = THIS_MODULE,
	.read = sample_data_read,
	.write = sample_data_write,
	.llseek = default_llseek,
};

/* Submit one bio with the first @size bytes of the memory.  They must fit in one. */
static int sample_submit(struct block_device *bdev, blk_opf_t opf,
			 sector_t sector, u32 size)
{
	struct scatterlist *sg;
	struct bio *bio;
	int i, ret;

	bio = bio_alloc(bdev, sample_nents, opf, GFP_KERNEL);
	bio->bi_iter.bi_sector = sector;
	for_each_sg(sample_sgl, sg, sample_nents, i) {
		u32 part = min(sg->length, size);

		if (!part || bio_add_page(bio, sg_page(sg), part,
					  sg->offset) != part)
			break;
		size -= part;
	}
	ret = size ? -EINVAL : submit_bio_wait(bio);
	bio_put(bio);
	return ret;
}

static ssize_t sample_submit_write(struct file *file, const char __user *from,
				   size_t count, loff_t *pos)
{
	char *line __free(kfree) = memdup_user_nul(from, count);
	char what[8], path[64];
	struct file *bdev_file;
	u64 sector;
	u32 size;
	int ret;

	if (IS_ERR(line))
		return PTR_ERR(line);
	if (sscanf(line, "%7s %63s %llu %u", what, path, &sector, &size) != 4)
		return -EINVAL;
	if (strcmp(what, "read") && strcmp(what, "write"))
		return -EINVAL;

	guard(mutex)(&sample_lock);
	if (!size || size > sample_size)
		return -EINVAL;
	bdev_file = bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE,
					   NULL, NULL);
	if (IS_ERR(bdev_file))
		return PTR_ERR(bdev_file);
	ret = sample_submit(file_bdev(bdev_file),
			    what[0] == 'r' ? REQ_OP_READ : REQ_OP_WRITE,
			    sector, size);
	bdev_fput(bdev_file);
	return ret ?: count;
}

static const struct file_operations sample_submit_fops = {
	.owner = THIS_MODULE,
	.write = sample_submit_write,
};

static int __init sample_init(void)
{
	sample_dir = debugfs_create_dir("p2pdma_bio", NULL);
	debugfs_create_file("memory", 0200, sample_dir, NULL,
			    &sample_memory_fops);
	debugfs_create_file("data", 0600, sample_dir, NULL, &sample_data_fops);
	debugfs_create_file("submit", 0200, sample_dir, NULL,
			    &sample_submit_fops);
	return 0;
}
module_init(sample_init);

static void __exit sample_exit(void)
{
	debugfs_remove(sample_dir);
	sample_free();
}
module_exit(sample_exit);

MODULE_DESCRIPTION("Sample: kernel-built bios with peer memory");
MODULE_LICENSE("GPL");
