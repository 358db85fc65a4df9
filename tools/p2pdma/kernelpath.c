// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernelpath.h"
#include "source.h"
#include "sysfs.h"

#define PATH_FILE	"/sys/kernel/debug/p2pdma/path"
#define ANSWER_MAX	(1024UL * 1024)

enum { F_KIND, F_BAR, F_DIR, F_VERDICT, F_REASON, F_PORT, N_FIELDS };

static bool plain(const char *word)
{
	return strlen(word) < WORD_LEN &&
	       !word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")];
}

/* A line "unregistered BAR DIRECTION VERDICT REASON PORT"; -1 if it is none, else BAR. */
static int take_line(char *line, int bar, struct route *route, bool *seen)
{
	char *field[N_FIELDS], *word, *rest = line;
	unsigned long long number;
	struct address port;
	unsigned int n = 0;
	enum direction dir;

	while (n < N_FIELDS && (word = strsep(&rest, " ")))
		field[n++] = word;
	if (n < N_FIELDS || strcmp(field[F_KIND], "unregistered") ||
	    !parse_number(field[F_BAR], &number) || number >= N_BARS ||
	    (bar >= 0 && number != (unsigned int)bar) || !plain(field[F_VERDICT]) ||
	    !plain(field[F_REASON]))
		return -1;
	for (dir = 0; dir < N_DIRECTIONS; dir++)
		if (!strcmp(field[F_DIR], direction_name(dir)))
			break;
	if (dir == N_DIRECTIONS)
		return -1;
	seen[dir] = true;
	snprintf(route->verdict_word[dir], WORD_LEN, "%s", field[F_VERDICT]);
	snprintf(route->reason_word[dir], WORD_LEN, "%s", field[F_REASON]);
	route->verdict[dir] = verdict_parse(field[F_VERDICT]);
	route->reason[dir] = reason_parse(field[F_REASON]);
	if (!*route->port && address_parse(field[F_PORT], &port))
		address_text(&port, route->port);
	return number;
}

bool kernelpath_parse(const char *text, const char *client, const char *provider, int bar,
		      struct route *route)
{
	char *copy = xstrdup(text), *line, *rest = copy, *first;
	bool seen[N_DIRECTIONS] = {}, good;
	unsigned int distance;

	*route = (struct route){ .bar = bar };
	snprintf(route->provider, sizeof(route->provider), "%s", provider);
	first = xasprintf("path %s %s distance=", client, provider);
	line = strsep(&rest, "\n");
	good = !strncmp(line, first, strlen(first)) &&
	       sscanf(line + strlen(first), "%4u", &distance) == 1;
	if (good)
		route->distance = distance;
	/* of several BARs the first counts */
	while (good && rest && (line = strsep(&rest, "\n")))
		if (!seen[DIR_WRITE] || !seen[DIR_READ]) {
			int found = take_line(line, bar, route, seen);

			if (found >= 0)
				bar = found;
		}
	free(first);
	free(copy);
	return good && seen[DIR_WRITE] && seen[DIR_READ];
}

/* In a tree that stands for "/" there is the answer alone. */
static char *ask(const char *client, const char *provider)
{
	char *path, *query, *answer = NULL;
	int fd;

	if (source_kind() != SOURCE_HERE)
		return sysfs_read(PATH_FILE);
	path = sysfs_path(PATH_FILE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return NULL;
	query = xasprintf("%s %s\n", client, provider);
	if (write(fd, query, strlen(query)) == (ssize_t)strlen(query))
		answer = sysfs_read_fd(fd, ANSWER_MAX, NULL);
	free(query);
	close(fd);
	return answer;
}

bool kernelpath_read(const struct dev *client, const struct dev *provider, int bar,
		     struct route *route)
{
	char *text = ask(client->bdf, provider->bdf);
	bool good = text && kernelpath_parse(text, client->bdf, provider->bdf, bar, route);

	free(text);
	return good;
}
