// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "address.h"

bool address_hex(const char **text, unsigned int limit, unsigned int *value)
{
	const char *at = *text;
	unsigned long long sum = 0;

	while (isxdigit((unsigned char)*at)) {
		char digit[2] = { *at++, '\0' };

		sum = sum << 4 | strtoul(digit, NULL, 16);
		if (sum > limit)
			return false;
	}
	if (at == *text)
		return false;
	*value = sum;
	*text = at;
	return true;
}

bool address_parse(const char *text, struct address *address)
{
	unsigned int first;

	*address = (struct address){};
	if (!address_hex(&text, 0xffffffff, &first) || *text++ != ':' ||
	    !address_hex(&text, 0xff, &address->bus))
		return false;
	if (*text == ':') {
		text++;
		address->domain = first;
		if (!address_hex(&text, 0x1f, &address->slot))
			return false;
	} else {
		address->slot = address->bus;
		address->bus = first;
		if (first > 0xff || address->slot > 0x1f)
			return false;
	}
	return *text++ == '.' && address_hex(&text, 7, &address->function) && !*text;
}

void address_text(const struct address *address, char text[ADDRESS_LEN])
{
	/* address_parse() keeps to these ranges; the masks show them to the compiler */
	snprintf(text, ADDRESS_LEN, "%04x:%02x:%02x.%x", address->domain,
		 address->bus & 0xff, address->slot & 0x1f,
		 address->function & 7);
}

int address_compare(const struct address *one, const struct address *other)
{
	if (one->domain != other->domain)
		return one->domain < other->domain ? -1 : 1;
	if (one->bus != other->bus)
		return one->bus < other->bus ? -1 : 1;
	if (one->slot != other->slot)
		return one->slot < other->slot ? -1 : 1;
	return (int)one->function - (int)other->function;
}
