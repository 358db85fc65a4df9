/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Another machine to look at in place of this one: a folder that stands for "/", a copied
 * folder sys, an archive made by p2pdma collect, or the output of lspci -xxxx -D.
 *
 * Files become a tree of sysfs in a folder of their own, which is removed at the end, also
 * if that is a signal. What is in them is not trusted: nothing is written outside that
 * folder, and no link in it leads out.
 */
#ifndef P2PDMA_SOURCE_H
#define P2PDMA_SOURCE_H

#include <stdbool.h>

#include "tar.h"

enum source {
	SOURCE_HERE,		/* this machine */
	SOURCE_ROOT,		/* a folder that stands for "/" */
	SOURCE_SYS,		/* a copied folder sys alone */
	SOURCE_TAR,
	SOURCE_LSPCI,
};

/* Look at @path from now on; "-" is standard input. Dies if it is nothing of the kind. */
void source_open(const char *path);
enum source source_kind(void);
/* What lspci -xxxx -D does not print, and is taken to be, in a sentence; or NULL. */
const char *source_lacks(void);

/* Is @path one that may be made? */
bool source_good_path(const char *path);
/* Does a link at @path with this @target stay in the tree? */
bool source_good_link(const char *path, const char *target);
/* Hand the functions of @text to @fn as the files of sysfs. */
char *source_lspci(const char *text, tar_fn fn, void *context);

#endif
