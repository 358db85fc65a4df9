// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "util.h"

static enum { COLOR_AUTO, COLOR_ON, COLOR_OFF } color;

void out_color(bool on)
{
	color = on ? COLOR_ON : COLOR_OFF;
}

static bool colored(void)
{
	const char *no_color, *term;

	if (color == COLOR_AUTO) {
		no_color = getenv("NO_COLOR");
		term = getenv("TERM");
		out_color(isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
			  term && strcmp(term, "dumb"));
	}
	return color == COLOR_ON;
}

const char *style_on(enum style style)
{
	static const char * const codes[N_STYLES] = {
		[STYLE_PLAIN]	= "",
		[STYLE_GOOD]	= "\033[32m",
		[STYLE_FAIR]	= "\033[33m",
		[STYLE_BAD]	= "\033[31m",
		[STYLE_HEAD]	= "\033[1m",
		[STYLE_FAINT]	= "\033[2m",
	};

	return colored() ? codes[style] : "";
}

const char *style_off(enum style style)
{
	return colored() && style != STYLE_PLAIN ? "\033[0m" : "";
}

enum style verdict_style(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_BUS_ADDRESS:
		return STYLE_GOOD;
	case VERDICT_THROUGH_HOST_BRIDGE:
		return STYLE_FAIR;
	case VERDICT_NOT_SUPPORTED:
		return STYLE_BAD;
	default:
		return STYLE_FAINT;
	}
}

void out_paragraph(const char *text, unsigned int at, unsigned int indent,
		   unsigned int width)
{
	bool first = true, empty = at <= indent;
	unsigned int len;

	while (*text) {
		len = strcspn(text, " ");
		/* text before the first word may leave too little room for it */
		if (width && !empty && at + !first + len > width) {
			printf("\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		printf("%s%.*s", first ? "" : " ", (int)len, text);
		at += len + !first;
		first = false;
		empty = false;
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void out_list(const char *title, char * const *lines, size_t n, unsigned int width)
{
	size_t i;

	if (!n)
		return;
	printf("\n%s\n", title);
	for (i = 0; i < n; i++) {
		fputs("  - ", stdout);
		out_paragraph(lines[i], 4, 4, width);
	}
}

void out_unseen(const struct machine *m, unsigned int width)
{
	out_list("Not seen:", m->unseen, m->n_unseen, width);
}

const char *count_text(size_t n, const char *thing)
{
	static char bufs[4][64];
	static unsigned int next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	snprintf(buf, sizeof(bufs[0]), "%zu %s%s", n, thing, n == 1 ? "" : "s");
	return buf;
}

void table_init(struct table *table, unsigned int n_columns)
{
	*table = (struct table){ .n_columns = n_columns };
}

void table_add(struct table *table, const char *text, enum style style)
{
	table->cells = xrealloc(table->cells, table->n_cells + 1,
				sizeof(*table->cells));
	table->cells[table->n_cells++] = (struct cell){ xstrdup(text), style };
}

void table_addf(struct table *table, enum style style, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	table_add(table, text, style);
}

/* One line of the columns in front and those from @first up to @end. */
static void print_row(const struct table *table, size_t row,
		      const unsigned int *widths, unsigned int indent,
		      unsigned int fixed, unsigned int first, unsigned int end)
{
	unsigned int blanks = indent, i;

	for (i = 0; i < end; i++) {
		const struct cell *cell = &table->cells[row * table->n_columns + i];

		if (i >= fixed && i < first)
			continue;
		if (*cell->text) {
			printf("%*s%s%s%s", (int)blanks, "",
			       style_on(cell->style), cell->text,
			       style_off(cell->style));
			blanks = 0;
		}
		blanks += widths[i] - strlen(cell->text) + 2;
	}
	putchar('\n');
}

char *cut_text(const char *text, unsigned int room)
{
	return strlen(text) <= room ? xstrdup(text) :
				      xasprintf("%.*s..", (int)room - 2, text);
}

/* Make the last column narrower by @by, but not to nothing. */
static void cut_column(struct table *table, unsigned int column,
		       unsigned int *widths, unsigned int by)
{
	unsigned int room = widths[column] > by + 12 ? widths[column] - by : 12;
	size_t i;

	for (i = column; i < table->n_cells; i += table->n_columns) {
		char *text = table->cells[i].text;

		table->cells[i].text = cut_text(text, room);
		free(text);
	}
	widths[column] = room;
}

/* How wide each column is; to be freed. */
static unsigned int *column_widths(const struct table *table)
{
	unsigned int *widths = xcalloc(table->n_columns, sizeof(*widths));
	size_t i;

	for (i = 0; i < table->n_cells; i++) {
		unsigned int len = strlen(table->cells[i].text);

		if (len > widths[i % table->n_columns])
			widths[i % table->n_columns] = len;
	}
	return widths;
}

unsigned int table_width(const struct table *table)
{
	unsigned int *widths = column_widths(table), sum = 0, i;

	for (i = 0; i < table->n_columns; i++)
		sum += widths[i] + (i ? 2 : 0);
	free(widths);
	return sum;
}

void table_free(struct table *table)
{
	size_t i;

	for (i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
	*table = (struct table){};
}

void table_print(struct table *table, unsigned int indent, unsigned int fixed,
		 unsigned int width)
{
	size_t rows = table->n_cells / table->n_columns, row, i;
	unsigned int *widths = column_widths(table);
	unsigned int front = indent, first, end, used;

	for (i = 0; i < fixed; i++)
		front += widths[i] + 2;

	for (first = fixed; first < table->n_columns; first = end) {
		used = front + widths[first];
		for (end = first + 1; end < table->n_columns; end++) {
			used += widths[end] + 2;
			if (fixed && width && used > width)
				break;
		}
		if (!fixed && width && used > width)
			cut_column(table, end - 1, widths, used - width);
		if (first > fixed)
			putchar('\n');
		for (row = 0; row < rows; row++)
			print_row(table, row, widths, indent, fixed, first, end);
	}
	free(widths);
	table_free(table);
}

void table_print_folded(struct table *table, unsigned int indent,
			unsigned int width)
{
	unsigned int last = table->n_columns - 1, used = indent, below, i;
	unsigned int *widths = column_widths(table);
	size_t row;

	for (i = 0; i <= last; i++)
		used += widths[i] + (i < last ? 2 : 0);
	if (!width || used <= width) {
		free(widths);
		table_print(table, indent, 0, 0);
		return;
	}
	below = indent + widths[0] + 2;
	for (row = 0; row < table->n_cells / table->n_columns; row++) {
		const struct cell *cell = &table->cells[row * table->n_columns + last];

		print_row(table, row, widths, indent, 0, 0, last);
		if (!*cell->text)
			continue;
		printf("%*s%s", (int)below, "", style_on(cell->style));
		out_paragraph(cell->text, below, below, width);
		fputs(style_off(cell->style), stdout);
	}
	free(widths);
	table_free(table);
}
