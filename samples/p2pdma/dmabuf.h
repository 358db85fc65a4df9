/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space says to the drivers of dmabuf.c, with ioctl() on their files in
 * /sys/kernel/debug/p2pdma_dmabuf.
 */
#ifndef SAMPLES_P2PDMA_DMABUF_H
#define SAMPLES_P2PDMA_DMABUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Exporter: returns a file descriptor of the dma-buf. */
#define P2PDMA_SAMPLE_EXPORT	_IO('p', 1)
/* Exporter: take the memory back. */
#define P2PDMA_SAMPLE_REVOKE	_IO('p', 2)
/* Exporter: give it again, from this offset in the BAR on. */
#define P2PDMA_SAMPLE_RESTORE	_IOW('p', 3, __u64)

/* Importer: attach to the dma-buf of this file descriptor; -1 to detach. */
#define P2PDMA_SAMPLE_IMPORT	_IOW('p', 4, __s32)

/**
 * struct p2pdma_sample_transfer - a transfer of the importer's device
 * @offset: bytes from the start of the dma-buf
 * @size: bytes, up to 4095
 * @write: what the device does to the memory: it writes a pattern, or reads one
 * @pattern: first byte of the pattern, byte i of which is @pattern + 7 * i + (i >> 8)
 * @reserved: 0
 */
struct p2pdma_sample_transfer {
	__u64 offset;
	__u32 size;
	__u8 write;
	__u8 pattern;
	__u8 reserved[2];
};

/*
 * Importer: fails with EBADMSG if what was read is not the pattern, with ENODEV if the
 * exporter has taken the memory back, and with EREMOTEIO if there is no route.
 */
#define P2PDMA_SAMPLE_TRANSFER	_IOW('p', 5, struct p2pdma_sample_transfer)

#endif /* SAMPLES_P2PDMA_DMABUF_H */
