/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest side of the system tests: /init of an initramfs that tests/qemu
 * packs. It carries out the work order in /orders, one step a line, and reports
 * on the virtio-serial port "p2pdma.results", one JSON object a line. The
 * console is never used for results: drivers write to it.
 *
 * Directions are those of the peer memory, as everywhere in this project:
 * "write" is the client writing the provider's memory (a read from the drive,
 * DMA_FROM_DEVICE), "read" is the client reading it (a write to the drive,
 * DMA_TO_DEVICE).
 */
#ifndef P2PDMA_GUEST_H
#define P2PDMA_GUEST_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define NAME_LEN	64
#define MAX_DRIVES	32

/*
 * An emulated NVMe drive, which the runner knows by its serial number only; or
 * another block device, by the name that it was given.
 */
struct drive {
	char serial[NAME_LEN];
	char pci[NAME_LEN];	/* 0000:03:00.0; empty for other block devices */
	char block[NAME_LEN];	/* nvme0n1 */
	bool p2pmem;		/* it offers peer memory */
};

/* report.c: one report at a time, sent by report_end() */
bool report_open(void);
void report_begin(const char *event, unsigned int step);
void report_text(const char *key, const char *text);
void report_number(const char *key, long long number);
void report_flag(const char *key, bool flag);
void report_errno(int error);
void report_end(void);
[[gnu::format(printf, 2, 3)]]
void report_trouble(unsigned int step, const char *format, ...);

/* files.c: each returns 0 or an errno; *text is the caller's to free */
int file_read(const char *path, char **text);
int file_read_word(const char *path, char *word, size_t size);
int file_write(const char *path, const char *text, size_t len);

/* drives.c */
void drives_scan(void);
bool drives_wait(unsigned int step, char *serials);
const struct drive *drive_find(const char *serial);
bool drive_add(const char *name, const char *block);
void drive_forget(const char *name);
char *drives_expand(const char *text);
void drives_routes(unsigned int step);
void drives_counters(unsigned int step);
int pci_read_acs(const char *pci, unsigned int *control);
int pci_write_acs(const char *pci, unsigned int control);

/* move.c */
enum move_how {
	MOVE_USER,		/* I/O with user memory mapped from the provider */
	MOVE_SPOIL,		/* the same, and the data damaged before comparing */
	MOVE_KERNEL,		/* bios built in the kernel */
};

void move(unsigned int step, const struct drive *client,
	  const struct drive *provider, size_t bytes, enum move_how how);
void compare_drives(unsigned int step, const struct drive *one,
		    const struct drive *other, size_t bytes);
void sum_drive(unsigned int step, const struct drive *drive);
__u64 *peer_map(unsigned int step, const struct drive *provider, size_t *len);

/* unbind.c */
enum under_load {
	LOAD_UNBIND,		/* the driver of the provider */
	LOAD_UNPLUG,		/* the provider */
	LOAD_SLEEP,		/* all devices */
};

void under_load(unsigned int step, char *args, enum under_load what);

/* dmabuf.c */
void dmabuf_revoke(unsigned int step, const char *exporter, const char *importer,
		   unsigned int rounds);

/* storm.c */
void storm_run(unsigned int step, char *args);

/* stack.c */
void stack_make(unsigned int step, char *args);
void stack_remove(unsigned int step, const char *name);

/* filesystem.c */
void filesystem_mount(unsigned int step, char *args);
void filesystem_unmount(unsigned int step, const char *folder);
void filesystem_list(unsigned int step, const char *folder);

/*
 * run.c: lines are split at blanks, {SERIAL} stands for a drive's PCI address and
 * {SERIAL.block} for its block device
 */
void run_program(unsigned int step, const char *line, bool as_nobody);
void run_background(unsigned int step, const char *line);
void run_finish(unsigned int step);

/* kmsg.c */
void kmsg_report_new(unsigned int step);
void kmsg_search(unsigned int step, const char *text);

#endif
