// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "util.h"

#define MAX_LEN		64	/* of words that are compared */
#define MAX_SHOWN	4

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

unsigned int near_distance(const char *one, const char *other)
{
	unsigned int rows[3][MAX_LEN + 1], *before = rows[0], *last = rows[1];
	unsigned int *row = rows[2], *spare;
	size_t len = strlen(one), other_len = strlen(other), i, j;

	if (len > MAX_LEN || other_len > MAX_LEN)
		return MAX_LEN;
	for (j = 0; j <= other_len; j++)
		last[j] = j;
	for (i = 1; i <= len; i++) {
		row[0] = i;
		for (j = 1; j <= other_len; j++) {
			unsigned int change = one[i - 1] != other[j - 1];

			row[j] = least(last[j - 1] + change,
				       least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			    one[i - 2] == other[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[other_len];
}

char *near_matches(const char *text, const char * const *words, size_t n)
{
	unsigned int limit = strlen(text) / 3 + 1, want, shown = 0;
	struct text out = {};
	size_t i;

	for (want = 0; want <= limit && shown < MAX_SHOWN; want++) {
		for (i = 0; i < n && shown < MAX_SHOWN; i++) {
			if (near_distance(text, words[i]) != want)
				continue;
			text_addf(&out, "%s'%s'",
				  shown ? " or " : "; did you mean ", words[i]);
			shown++;
		}
	}
	if (shown)
		text_add(&out, "?");
	return text_take(&out);
}
