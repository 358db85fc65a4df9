/* SPDX-License-Identifier: GPL-2.0 */
/* Text for people: colours, tables, paragraphs. */
#ifndef P2PDMA_OUT_H
#define P2PDMA_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

enum style {
	STYLE_PLAIN,
	STYLE_GOOD,
	STYLE_FAIR,
	STYLE_BAD,
	STYLE_HEAD,
	STYLE_FAINT,
	N_STYLES,
};

/* Colours on or off, whatever stdout is. */
void out_color(bool on);
/* Control characters that begin and end a style; "" without colours. */
const char *style_on(enum style style);
const char *style_off(enum style style);
enum style verdict_style(enum verdict verdict);

/*
 * A paragraph that begins at column @at, where the cursor is, and is broken at
 * @width (0: not); further lines begin at column @indent.
 */
void out_paragraph(const char *text, unsigned int at, unsigned int indent,
		   unsigned int width);
/* "1 route", "2 routes"; in a static buffer as that of size_text(). */
const char *count_text(size_t n, const char *thing);

/* Each of @lines as a paragraph after a dash, below @title; nothing without any. */
void out_list(const char *title, char * const *lines, size_t n, unsigned int width);
/* The lines at the end of an output that say what could not be seen. */
void out_unseen(const struct machine *m, unsigned int width);

/* No longer than @room, with ".." at the end of what is cut; to be freed. */
char *cut_text(const char *text, unsigned int room);

/*
 * A table: cells of text, as wide as they need. The caller adds cells from left to
 * right, row by row; the first row is the heading.
 */
struct table {
	unsigned int n_columns;
	struct cell {
		char *text;
		enum style style;
	} *cells;
	size_t n_cells;
};

void table_init(struct table *table, unsigned int n_columns);
void table_add(struct table *table, const char *text, enum style style);
[[gnu::format(printf, 3, 4)]]
void table_addf(struct table *table, enum style style, const char *format, ...);
/* Columns that all of it takes, without indent. */
unsigned int table_width(const struct table *table);
/* Empties it without printing. */
void table_free(struct table *table);
/*
 * Prints and empties it. Columns in front, @fixed of them, are repeated where the
 * others do not fit in @width (0: any), and have to be printed in several parts.
 * With @fixed 0 there is one part, and the last column is cut where it does not fit.
 */
void table_print(struct table *table, unsigned int indent, unsigned int fixed,
		 unsigned int width);
/*
 * The same in one part, but where it does not fit in @width the last column goes
 * below the others, as paragraphs.
 */
void table_print_folded(struct table *table, unsigned int indent,
			unsigned int width);

#endif
