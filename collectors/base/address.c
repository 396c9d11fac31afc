// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t address_size(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

struct address address_make(uint8_t family, const void *bytes)
{
	struct address address = { 0 };
	size_t size = address_size(family);
	if (size) {
		address.family = family;
		memcpy(address.bytes, bytes, size);
	}
	return address;
}

int address_compare(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a));
}

bool number_step(uint8_t *bytes, size_t size, bool up)
{
	for (size_t i = size; i-- > 0;) {
		bytes[i] = (uint8_t)(up ? bytes[i] + 1 : bytes[i] - 1);
		if (bytes[i] != (up ? 0 : 0xff))
			return true;
	}
	return false;
}

size_t address_search(
	const void *items, size_t count, size_t size, size_t offset, const struct address *address)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const void *other = (const char *)items + middle * size + offset;
		if (address_compare(other, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool address_is_loopback(const struct address *address)
{
	static const uint8_t v6[16] = { [15] = 1 };
	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	return address->family == AF_INET6 && memcmp(address->bytes, v6, sizeof(v6)) == 0;
}

bool address_is_link_local(const struct address *address)
{
	if (address->family == AF_INET)
		return address->bytes[0] == 169 && address->bytes[1] == 254;
	return address->family == AF_INET6 && address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

bool address_is_multicast(const struct address *address)
{
	if (address->family == AF_INET)
		return (address->bytes[0] & 0xf0) == 0xe0;
	return address->family == AF_INET6 && address->bytes[0] == 0xff;
}

const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE])
{
	if (address_is_none(address) || !inet_ntop(address->family, address->bytes, text, ADDRESS_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

int address_parse(const char *text, struct address *out)
{
	uint8_t bytes[16];
	uint8_t family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, bytes) != 1)
		return -EINVAL;
	*out = address_make(family, bytes);
	return 0;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned bits)
{
	if (a->family != b->family || bits > address_size(a->family) * 8)
		return false;
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
	return same_bits(&prefix->address, address, prefix->length);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return same_bits(&a->address, &b->address, a->length < b->length ? a->length : b->length);
}

struct prefix prefix_network(const struct prefix *prefix)
{
	struct prefix network = *prefix;
	size_t size = address_size(prefix->address.family), whole = prefix->length / 8;
	if (whole >= size)
		return network;
	network.address.bytes[whole] &= (uint8_t) ~(0xff >> prefix->length % 8);
	memset(&network.address.bytes[whole + 1], 0, size - whole - 1);
	return network;
}

const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];
	address_format(&prefix->address, address);
	if (prefix->length == address_size(prefix->address.family) * 8)
		snprintf(text, PREFIX_TEXT_SIZE, "%s", address);
	else
		snprintf(text, PREFIX_TEXT_SIZE, "%s/%u", address, (unsigned)prefix->length);
	return text;
}

static int parse_length(const char *text, size_t most, uint8_t *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long length = strtoul(text, &end, 10);
	if (*end || length > most)
		return -EINVAL;
	*out = (uint8_t)length;
	return 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	char address[ADDRESS_TEXT_SIZE];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	if (length >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, length);
	address[length] = '\0';

	struct prefix prefix;
	if (address_parse(address, &prefix.address) < 0)
		return -EINVAL;
	size_t most = address_size(prefix.address.family) * 8;
	prefix.length = (uint8_t)most;
	if (slash && parse_length(slash + 1, most, &prefix.length) < 0)
		return -EINVAL;
	*out = prefix;
	return 0;
}
