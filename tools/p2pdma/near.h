/* SPDX-License-Identifier: GPL-2.0 */
/* Words that are near to a misspelt one. */
#ifndef P2PDMA_NEAR_H
#define P2PDMA_NEAR_H

#include <stddef.h>

/* How many characters to change, insert, delete or swap. */
unsigned int near_distance(const char *one, const char *other);
/*
 * The words among @words (of @n) that are near to @text, nearest first, as
 * "; did you mean 'a' or 'b'?"; "" if none is. To be freed.
 */
char *near_matches(const char *text, const char * const *words, size_t n);

#endif
