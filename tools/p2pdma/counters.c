// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "sysfs.h"

enum {
	F_PROVIDER, F_BAR, F_WRITE_LISTS, F_WRITE_BYTES, F_READ_LISTS,
	F_READ_BYTES, F_REFUSED, F_REASONS, N_FIELDS,
};

static bool parse_line(char *line, const char *provider,
		       struct counters *counters)
{
	unsigned long long number[N_FIELDS];
	char *field[N_FIELDS], *word;
	unsigned int n = 0, i;

	while ((word = strsep(&line, " ")) && n < N_FIELDS)
		field[n++] = word;
	if (n < N_FIELDS)
		return false;
	for (i = F_BAR; i < F_REASONS; i++)
		if (!parse_number(field[i], &number[i]))
			return false;
	if (strcmp(field[F_PROVIDER], provider))
		return true;
	counters->lists[DIR_WRITE] += number[F_WRITE_LISTS];
	counters->bytes[DIR_WRITE] += number[F_WRITE_BYTES];
	counters->lists[DIR_READ] += number[F_READ_LISTS];
	counters->bytes[DIR_READ] += number[F_READ_BYTES];
	counters->refused += number[F_REFUSED];
	return true;
}

bool counters_parse(const char *text, const char *provider,
		    struct counters *counters)
{
	char *copy = xstrdup(text), *rest = copy, *line;
	bool good = true;

	*counters = (struct counters){};
	while ((line = strsep(&rest, "\n")))
		if (*line)
			good &= parse_line(line, provider, counters);
	free(copy);
	return good;
}

bool counters_read(const struct dev *client, const struct dev *provider,
		   struct counters *counters)
{
	char *text = sysfs_read("/sys/bus/pci/devices/%s/p2pdma_counters",
				client->bdf);
	bool good = text && counters_parse(text, provider->bdf, counters);

	free(text);
	return good;
}
