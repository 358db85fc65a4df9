// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "require.h"

#define MAX_WORDS	8U
#define MAX_LINES	100000

static const char * const names[] = {
	[REQUIRED_ANY]	= "any",
	[REQUIRED_BUS]	= "bus",
	[REQUIRED_HOST]	= "host",
};

const char *required_name(enum required required)
{
	return names[required];
}

bool required_parse(const char *word, enum required *required)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(word, names[i]))
			continue;
		*required = i;
		return true;
	}
	return false;
}

bool required_holds(enum required required, enum verdict verdict)
{
	switch (required) {
	case REQUIRED_BUS:
		return verdict == VERDICT_BUS_ADDRESS;
	case REQUIRED_HOST:
		return verdict == VERDICT_THROUGH_HOST_BRIDGE;
	default:
		return verdict == VERDICT_BUS_ADDRESS ||
		       verdict == VERDICT_THROUGH_HOST_BRIDGE;
	}
}

static struct rule_line *add(struct rule_lines *lines, const char *client,
			     const char *provider, enum required required)
{
	struct rule_line *line;

	lines->list = xrealloc(lines->list, lines->n + 1, sizeof(*lines->list));
	line = &lines->list[lines->n++];
	*line = (struct rule_line){
		.client = xstrdup(client), .provider = xstrdup(provider),
		.required = required, .dir = { true, true },
	};
	return line;
}

/* False, with lines->error, if a word is none that a rule may have. */
static bool take_words(struct rule_lines *lines, char **words, unsigned int n,
		       unsigned int number, enum required otherwise)
{
	struct rule_line *line;
	unsigned int i;

	if (n < 2) {
		lines->error = xasprintf("line %u: a rule is CLIENT PROVIDER [bus|host|any] [read|write] [nearest]",
					 number);
		return false;
	}
	line = add(lines, words[0], words[1], otherwise);
	line->line = number;
	for (i = 2; i < n; i++) {
		if (required_parse(words[i], &line->required))
			continue;
		if (!strcmp(words[i], "read")) {
			line->dir[DIR_WRITE] = false;
		} else if (!strcmp(words[i], "write")) {
			line->dir[DIR_READ] = false;
		} else if (!strcmp(words[i], "nearest")) {
			line->nearest = true;
		} else {
			make_plain(words[i]);
			lines->error = xasprintf("line %u: '%s' is none of bus, host, any, read, write and nearest",
						 number, words[i]);
			return false;
		}
	}
	if (line->dir[DIR_WRITE] || line->dir[DIR_READ])
		return true;
	lines->error = xasprintf("line %u: read and write together are what is checked without them",
				 number);
	return false;
}

void rule_lines_parse(const char *text, enum required otherwise,
		      struct rule_lines *lines)
{
	char *copy = xstrdup(text), *line, *rest = copy, *word;
	unsigned int number = 0;
	bool good = true;

	*lines = (struct rule_lines){};
	while (good && (line = strsep(&rest, "\n"))) {
		char *words[MAX_WORDS];
		unsigned int n = 0;

		if (++number > MAX_LINES) {
			lines->error = xstrdup("it has too many lines");
			break;
		}
		line[strcspn(line, "#\r")] = '\0';
		while ((word = strsep(&line, " \t"))) {
			if (*word && n < MAX_WORDS)
				words[n] = word;
			n += !!*word;
		}
		if (n > MAX_WORDS) {
			lines->error = xasprintf("line %u: a rule has at most %u words", number,
						 MAX_WORDS);
			break;
		}
		if (n)
			good = take_words(lines, words, n, number, otherwise);
	}
	free(copy);
}

bool rule_lines_add(struct rule_lines *lines, const char *pair, enum required required)
{
	char *copy = xstrdup(pair), *comma = strchr(copy, ',');
	bool good = comma && comma != copy && comma[1] && !strchr(comma + 1, ',');

	if (good) {
		*comma = '\0';
		add(lines, copy, comma + 1, required);
	}
	free(copy);
	return good;
}

void rule_lines_free(struct rule_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->n; i++) {
		free(lines->list[i].client);
		free(lines->list[i].provider);
	}
	free(lines->list);
	free(lines->error);
	*lines = (struct rule_lines){};
}
