// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark of make bench, in the kernel: what does a mapping cost?
 *
 * One source for the plain kernel and the grafted one, which uses only API that both
 * have.  It counts with the time-stamp counter, and relies on an emulator in which that
 * counts guest instructions ("-icount shift=0"): with interrupts off around the one call
 * that is measured, the same kernel gives the same figure each time.
 *
 * It drives QEMU's "ivshmem-plain" devices, whose BAR 2 is memory, and HD audio
 * controllers, of which it uses nothing but that they can be clients; no device does any
 * DMA.
 * A command is written to /sys/kernel/debug/p2pdma_bench, and its result is read on the
 * same descriptor, one line of NAME=NUMBER:
 *
 *   provide FUNCTION OFFSET SIZE COUNT STRIDE
 *	registers COUNT ranges of SIZE bytes of BAR 2 as peer memory, STRIDE bytes apart
 *   list CLIENT PASSES SEGMENTS MAX SOURCE[+SOURCE...]
 *	maps and unmaps a list of SEGMENTS pages
 *   single CLIENT PASSES CALL SOURCE
 *	maps and unmaps one page, by CALL: page (dma_map_page()) or resource
 *	(dma_map_resource())
 *
 * CLIENT is a PCI address, or a number: so many of the HD audio controllers, mapped for
 * one after the other.  MAX is the longest DMA segment that the client takes, 0 for no limit.
 * SOURCE is ram or the PCI address of a function, for its BAR 2; then @OFFSET in bytes if
 * that is not 0; then * if no two pages shall be neighbours.  With several sources each
 * gives a page in turn.
 *
 * Figures are sums over all the clients, and the least of all passes; but the "first"
 * are those of the first pass.  A call that fails is "error", and ends the command.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/msr.h>

#define MEMORY_BAR	2
#define MAX_SEGMENTS	4096
#define MAX_CLIENTS	2048
#define MAX_SOURCES	8
#define WARM_UP		3

/* Pages of a scattered source are so far apart. */
#define SCATTER		3

/* RAM for lists: one range, as a BAR is one, with the alignment of its size. */
#define RAM_PAGES	(SZ_64M >> PAGE_SHIFT)
#define RAM_BLOCKS	(RAM_PAGES >> MAX_PAGE_ORDER)
#define RAM_TRIES	(4 * RAM_BLOCKS)

/* Ticks. */
struct figures {
	u64 map;
	u64 unmap;
	u64 sync_device;
	u64 sync_cpu;
};

struct source {
	struct page *first;	/* NULL for memory without struct pages */
	phys_addr_t phys;
	unsigned int step;
};

static struct pci_dev *functions[MAX_CLIENTS];
static unsigned int n_functions;
static DEFINE_MUTEX(bench_lock);	/* functions[], and one command at a time */
static struct dentry *bench_file;
static struct page *ram;
static u64 nothing;			/* what it costs to measure */

static int compare_pages(const void *a, const void *b)
{
	const struct page * const *one = a, * const *other = b;

	return *one < *other ? -1 : *one > *other;
}

/* The largest blocks that there are, and of these some that are neighbours. */
static int ram_alloc(void)
{
	struct page **blocks __free(kfree) = kcalloc(RAM_TRIES, sizeof(*blocks), GFP_KERNEL);
	unsigned int n, i, run = 0;

	if (!blocks)
		return -ENOMEM;
	for (n = 0; n < RAM_TRIES; n++) {
		blocks[n] = alloc_pages(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY, MAX_PAGE_ORDER);
		if (!blocks[n])
			break;
	}
	sort(blocks, n, sizeof(*blocks), compare_pages, NULL);
	for (i = 0; i < n && run < RAM_BLOCKS; i++) {
		if (run && blocks[i] == blocks[i - 1] + MAX_ORDER_NR_PAGES)
			run++;
		else
			run = IS_ALIGNED(page_to_pfn(blocks[i]), RAM_PAGES);
	}
	if (run == RAM_BLOCKS)
		ram = blocks[i - RAM_BLOCKS];
	while (n--)
		if (!ram || blocks[n] < ram || blocks[n] >= ram + RAM_PAGES)
			__free_pages(blocks[n], MAX_PAGE_ORDER);
	return ram ? 0 : -ENOMEM;
}

static void ram_free(void)
{
	unsigned int i;

	for (i = 0; i < RAM_BLOCKS; i++)
		__free_pages(ram + i * MAX_ORDER_NR_PAGES, MAX_PAGE_ORDER);
}

static struct pci_dev *function_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < n_functions; i++)
		if (!strcmp(pci_name(functions[i]), name))
			return functions[i];
	return NULL;
}

static int source_parse(char *text, struct source *source)
{
	unsigned long long offset = 0;
	struct pci_dev *pdev;
	char *at;

	at = strchr(text, '*');
	source->step = at ? SCATTER : 1;
	if (at)
		*at = '\0';
	if (!strcmp(text, "ram")) {
		source->first = ram;
		source->phys = page_to_phys(ram);
		return 0;
	}
	at = strchr(text, '@');
	if (at) {
		*at++ = '\0';
		if (kstrtoull(at, 0, &offset))
			return -EINVAL;
	}
	pdev = function_find(text);
	if (!pdev)
		return -ENODEV;
	source->phys = pci_resource_start(pdev, MEMORY_BAR) + offset;
	source->first = pfn_valid(PHYS_PFN(source->phys)) ?
			pfn_to_page(PHYS_PFN(source->phys)) : NULL;
	return 0;
}

static struct scatterlist *list_make(char *text, unsigned int segments)
{
	struct source sources[MAX_SOURCES];
	struct scatterlist *list;
	unsigned int n = 0, i;
	char *word;
	int ret;

	while ((word = strsep(&text, "+"))) {
		if (n == MAX_SOURCES)
			return ERR_PTR(-EINVAL);
		ret = source_parse(word, &sources[n]);
		if (ret)
			return ERR_PTR(ret);
		if (!sources[n++].first)
			return ERR_PTR(-ENXIO);
	}
	list = vcalloc(segments, sizeof(*list));
	if (!list)
		return ERR_PTR(-ENOMEM);
	/* One array: to walk chained pieces would be measured too. */
	sg_init_table(list, segments);
	for (i = 0; i < segments; i++) {
		struct source *source = &sources[i % n];

		sg_set_page(&list[i], source->first + i / n * source->step, PAGE_SIZE, 0);
	}
	return list;
}

/* dma_map_sg() does not say why it fails. */
static int list_error(struct device *dev, struct scatterlist *list, unsigned int segments)
{
	struct sg_table table = { .sgl = list, .orig_nents = segments };
	int ret = dma_map_sgtable(dev, &table, DMA_FROM_DEVICE, 0);

	if (!ret)
		dma_unmap_sgtable(dev, &table, DMA_FROM_DEVICE, 0);
	return ret ?: -EIO;
}

static int list_pass(struct device *dev, struct scatterlist *list, unsigned int segments,
		     struct figures *cost)
{
	unsigned long flags;
	u64 begin, end;
	int ret;

	local_irq_save(flags);
	begin = rdtsc();
	ret = dma_map_sg(dev, list, segments, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	if (!ret)
		return list_error(dev, list, segments);
	cost->map += end - begin - nothing;

	local_irq_save(flags);
	begin = rdtsc();
	dma_sync_sg_for_device(dev, list, segments, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	cost->sync_device += end - begin - nothing;

	local_irq_save(flags);
	begin = rdtsc();
	dma_sync_sg_for_cpu(dev, list, segments, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	cost->sync_cpu += end - begin - nothing;
	return ret;
}

static void list_pass_unmap(struct device *dev, struct scatterlist *list, unsigned int segments,
			    struct figures *cost)
{
	unsigned long flags;
	u64 begin, end;

	local_irq_save(flags);
	begin = rdtsc();
	dma_unmap_sg(dev, list, segments, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	cost->unmap += end - begin - nothing;
}

static int page_pass(struct device *dev, struct page *page, struct figures *cost)
{
	unsigned long flags;
	u64 begin, end;
	dma_addr_t dma;

	local_irq_save(flags);
	begin = rdtsc();
	dma = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	if (dma_mapping_error(dev, dma))
		return -EREMOTEIO;
	cost->map += end - begin - nothing;

	local_irq_save(flags);
	begin = rdtsc();
	dma_unmap_page(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE);
	end = rdtsc();
	local_irq_restore(flags);
	cost->unmap += end - begin - nothing;
	return 0;
}

static int resource_pass(struct device *dev, phys_addr_t phys, struct figures *cost)
{
	unsigned long flags;
	u64 begin, end;
	dma_addr_t dma;

	local_irq_save(flags);
	begin = rdtsc();
	dma = dma_map_resource(dev, phys, PAGE_SIZE, DMA_FROM_DEVICE, 0);
	end = rdtsc();
	local_irq_restore(flags);
	if (dma_mapping_error(dev, dma))
		return -EREMOTEIO;
	cost->map += end - begin - nothing;

	local_irq_save(flags);
	begin = rdtsc();
	dma_unmap_resource(dev, dma, PAGE_SIZE, DMA_FROM_DEVICE, 0);
	end = rdtsc();
	local_irq_restore(flags);
	cost->unmap += end - begin - nothing;
	return 0;
}

static void measure_nothing(void)
{
	unsigned long flags;
	unsigned int i;
	u64 begin, end;

	nothing = U64_MAX;
	for (i = 0; i < 16; i++) {
		local_irq_save(flags);
		begin = rdtsc();
		barrier();
		end = rdtsc();
		local_irq_restore(flags);
		nothing = min(nothing, end - begin);
	}
}

static void keep_least(struct figures *least, const struct figures *cost)
{
	least->map = min(least->map, cost->map);
	least->unmap = min(least->unmap, cost->unmap);
	least->sync_device = min(least->sync_device, cost->sync_device);
	least->sync_cpu = min(least->sync_cpu, cost->sync_cpu);
}

static bool is_audio(const struct pci_dev *pdev)
{
	return pdev->class >> 8 == PCI_CLASS_MULTIMEDIA_HD_AUDIO;
}

/* Which clients: the first in functions[], and how many; 0 if there are none. */
static unsigned int clients_parse(const char *text, struct pci_dev ***first)
{
	unsigned int n, i;

	if (!kstrtouint(text, 10, &n)) {
		for (i = 0; i < n_functions && !is_audio(functions[i]); i++)
			continue;
		*first = &functions[i];
		return n <= n_functions - i ? n : 0;
	}
	for (i = 0; i < n_functions; i++) {
		if (!strcmp(pci_name(functions[i]), text)) {
			*first = &functions[i];
			return 1;
		}
	}
	return 0;
}

static int print_result(char *result, size_t size, int error, const struct figures *first,
			const struct figures *least)
{
	if (error)
		return scnprintf(result, size, "error=%d\n", error);
	return scnprintf(result, size,
			 "error=0 first_map=%llu first_unmap=%llu map=%llu unmap=%llu sync_device=%llu sync_cpu=%llu",
			 first->map, first->unmap, least->map, least->unmap, least->sync_device,
			 least->sync_cpu);
}

static const struct figures most = { U64_MAX, U64_MAX, U64_MAX, U64_MAX };

static int run_list(char **words, char *result, size_t size)
{
	unsigned int n_clients, passes, segments, longest, pass, i, n = 0, bus = 0;
	struct figures first = {}, least = most;
	struct scatterlist *list, *sg;
	struct pci_dev **client;
	int ret = 0, j, len;

	n_clients = clients_parse(words[0], &client);
	if (!n_clients)
		return -ENODEV;
	if (kstrtouint(words[1], 10, &passes) || kstrtouint(words[2], 10, &segments) ||
	    kstrtouint(words[3], 10, &longest) || !passes || !segments || segments > MAX_SEGMENTS)
		return -EINVAL;
	list = list_make(words[4], segments);
	if (IS_ERR(list))
		return PTR_ERR(list);
	for (i = 0; i < n_clients; i++)
		dma_set_max_seg_size(&client[i]->dev, longest ?: UINT_MAX);

	for (pass = 0; ret >= 0 && pass < passes; pass++) {
		struct figures cost = {};

		for (i = 0; i < n_clients; i++) {
			ret = list_pass(&client[i]->dev, list, segments, &cost);
			if (ret < 0)
				break;
			if (!n) {
				n = ret;
				for_each_sg(list, sg, n, j)
					bus += sg_dma_is_bus_address(sg);
			}
			list_pass_unmap(&client[i]->dev, list, segments, &cost);
		}
		if (!pass)
			first = cost;
		keep_least(&least, &cost);
	}
	len = print_result(result, size, min(ret, 0), &first, &least);
	if (ret >= 0)
		scnprintf(result + len, size - len, " segments=%u bus=%u\n", n, bus);
	vfree(list);
	return 0;
}

static int run_single(char **words, char *result, size_t size)
{
	struct figures first = {}, least = most;
	unsigned int n_clients, passes, pass, i;
	struct pci_dev **client;
	struct source source;
	bool resource;
	int ret, len;

	n_clients = clients_parse(words[0], &client);
	if (!n_clients)
		return -ENODEV;
	if (kstrtouint(words[1], 10, &passes) || !passes)
		return -EINVAL;
	resource = !strcmp(words[2], "resource");
	if (!resource && strcmp(words[2], "page"))
		return -EINVAL;
	ret = source_parse(words[3], &source);
	if (ret)
		return ret;
	if (!resource && !source.first)
		return -ENXIO;

	for (pass = 0; !ret && pass < passes; pass++) {
		struct figures cost = {};

		for (i = 0; !ret && i < n_clients; i++)
			ret = resource ? resource_pass(&client[i]->dev, source.phys, &cost) :
					 page_pass(&client[i]->dev, source.first, &cost);
		if (!pass)
			first = cost;
		keep_least(&least, &cost);
	}
	len = print_result(result, size, ret, &first, &least);
	if (!ret)
		scnprintf(result + len, size - len, "\n");
	return 0;
}

static int run_provide(char **words, char *result, size_t size)
{
	unsigned long long offset, bytes, stride;
	struct pci_dev *pdev = function_find(words[0]);
	unsigned int count, i;
	int ret = 0;

	if (!pdev)
		return -ENODEV;
	if (kstrtoull(words[1], 0, &offset) || kstrtoull(words[2], 0, &bytes) ||
	    kstrtouint(words[3], 0, &count) || kstrtoull(words[4], 0, &stride))
		return -EINVAL;
	for (i = 0; !ret && i < count; i++)
		ret = pci_p2pdma_add_resource(pdev, MEMORY_BAR, bytes, offset + i * stride);
	scnprintf(result, size, "error=%d\n", ret);
	return 0;
}

static const struct command {
	const char *name;
	unsigned int n_words;
	int (*run)(char **words, char *result, size_t size);
} commands[] = {
	{ "provide", 5, run_provide },
	{ "list", 5, run_list },
	{ "single", 4, run_single },
};

struct session {
	char line[256];
	char result[512];
};

static int session_run(struct session *session)
{
	char *words[6] = {}, *text = strim(session->line), *word;
	unsigned int n = 0, i;

	while ((word = strsep(&text, " "))) {
		if (n == ARRAY_SIZE(words))
			return -EINVAL;
		words[n++] = word;
	}
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(words[0], commands[i].name) && n == commands[i].n_words + 1)
			return commands[i].run(words + 1, session->result,
					       sizeof(session->result));
	return -EINVAL;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	file->private_data = session;
	return session ? 0 : -ENOMEM;
}

static int bench_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t bench_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	struct session *session = file->private_data;
	int ret;

	if (count >= sizeof(session->line))
		return -EINVAL;
	memset(session, 0, sizeof(*session));
	if (copy_from_user(session->line, from, count))
		return -EFAULT;
	scoped_guard(mutex, &bench_lock)
		ret = session_run(session);
	return ret ?: count;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct session *session = file->private_data;
	loff_t at = 0;
	ssize_t n;

	/* The write has moved the position, which here begins with the result. */
	n = simple_read_from_buffer(to, count, &at, session->result, strlen(session->result));
	if (n > 0)
		memmove(session->result, session->result + n,
			sizeof(session->result) - n);
	return n;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.release = bench_release,
	.write = bench_write,
	.read = bench_read,
};

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int ret = pcim_enable_device(pdev);

	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	pci_set_master(pdev);
	guard(mutex)(&bench_lock);
	if (n_functions == MAX_CLIENTS)
		return -ENOSPC;
	functions[n_functions++] = pdev;
	return 0;
}

static const struct pci_device_id bench_ids[] = {
	{ PCI_DEVICE(0x1af4, 0x1110) },		/* ivshmem-plain */
	{ PCI_DEVICE(0x8086, 0x2668) },		/* intel-hda */
	{ }
};

static struct pci_driver bench_driver = {
	.name = "p2pdma_bench",
	.id_table = bench_ids,
	.probe = bench_probe,
};

/* The machine is switched off when all is measured: there is no way out. */
static int __init bench_init(void)
{
	int ret = ram_alloc();

	if (ret)
		return ret;
	measure_nothing();
	ret = pci_register_driver(&bench_driver);
	if (ret) {
		ram_free();
		return ret;
	}
	bench_file = debugfs_create_file("p2pdma_bench", 0600, NULL, NULL, &bench_fops);
	return 0;
}
module_init(bench_init);

MODULE_DESCRIPTION("Benchmark of mappings of peer memory");
MODULE_LICENSE("GPL");
