/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small files of sysfs and proc, below a root that may be another than "/".
 * Paths given here are absolute, and the root is put before them.
 */
#ifndef P2PDMA_SYSFS_H
#define P2PDMA_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

/* Set once, before anything is read; "" stands for "/". */
void sysfs_set_root(const char *root);
/* The root is a folder sys: what is looked for in "/sys" is in the root itself. */
void sysfs_set_bare(bool set);
const char *sysfs_root(void);
/* The root and the path; to be freed. */
[[gnu::format(printf, 1, 2)]] char *sysfs_path(const char *format, ...);

/* The whole of a file as text; NULL and errno if it cannot be read. To be freed. */
[[gnu::format(printf, 1, 2)]] char *sysfs_read(const char *format, ...);
/* The same for one that is not text. */
[[gnu::format(printf, 2, 3)]]
char *sysfs_read_bytes(size_t *len, const char *format, ...);
/*
 * The rest of what is open as @fd, likewise; NULL and EFBIG if it is longer than @most bytes.
 * @len may be NULL.
 */
char *sysfs_read_fd(int fd, size_t most, size_t *len);
/* Its first line; NULL also if that is empty. To be freed. */
[[gnu::format(printf, 1, 2)]] char *sysfs_line(const char *format, ...);
/* A number in it, or @otherwise. */
[[gnu::format(printf, 2, 3)]]
long long sysfs_number(long long otherwise, const char *format, ...);
/* One write() of all of @text; 0 or an errno. */
int sysfs_write(const char *path, const char *text);
[[gnu::format(printf, 1, 2)]] bool sysfs_exists(const char *format, ...);
/* The last part of what a symbolic link points to; NULL if none. To be freed. */
[[gnu::format(printf, 1, 2)]] char *sysfs_link_name(const char *format, ...);
/* Where a path leads, without the root; NULL if nowhere. To be freed. */
[[gnu::format(printf, 1, 2)]] char *sysfs_real(const char *format, ...);
/*
 * The names in a folder that begin with @prefix, in version order, and how many;
 * none if it cannot be read. To be freed with sysfs_free_names().
 */
char **sysfs_names(const char *path, const char *prefix, size_t *n);
void sysfs_free_names(char **names, size_t n);

#endif
