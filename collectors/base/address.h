/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESS_TEXT_SIZE 46 /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT_SIZE  (ADDRESS_TEXT_SIZE + 4)

/* An IPv4 or IPv6 address in network byte order. Bytes beyond the family's length are zero, so two addresses
 * are the same exactly when their memory is. The all-zero value (AF_UNSPEC) means "none". */
struct address {
	uint8_t family; /* AF_INET, AF_INET6 or AF_UNSPEC */
	uint8_t bytes[16];
};

/* Bits of the address beyond the length are kept: an interface's prefix carries its address. */
struct prefix {
	struct address address;
	uint8_t length; /* bits */
};

/* 4, 16, or 0 for AF_UNSPEC. */
size_t address_size(uint8_t family);
/* Copies address_size(family) bytes; any other family gives "none". */
struct address address_make(uint8_t family, const void *bytes);
/* These two are asked for each entry of a conntrack table. */
static inline bool address_is_none(const struct address *address)
{
	return address->family == AF_UNSPEC;
}
static inline bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
/* Orders by family, then bytes; for sorting and searching. */
int address_compare(const struct address *a, const struct address *b);
/* Position of the first item that is not before the address, of `count` items of `size` bytes that are sorted
 * by the address at `offset` in each. */
size_t address_search(
	const void *items, size_t count, size_t size, size_t offset, const struct address *address);
/* Adds 1 to, or takes it from, a number of so many bytes, the highest first; false if it was the last one. */
bool number_step(uint8_t *bytes, size_t size, bool up);
bool address_is_loopback(const struct address *address);
bool address_is_link_local(const struct address *address);
bool address_is_multicast(const struct address *address);
/* Writes the usual text, "" for none; returns text. */
const char *address_format(const struct address *address, char text[static ADDRESS_TEXT_SIZE]);
/* 0, or -EINVAL if text is no IPv4 or IPv6 address. */
int address_parse(const char *text, struct address *out);

bool prefix_contains(const struct prefix *prefix, const struct address *address);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* The prefix with all bits beyond its length cleared. */
struct prefix prefix_network(const struct prefix *prefix);
/* "192.0.2.0/24"; a host prefix is written without its length. */
const char *prefix_format(const struct prefix *prefix, char text[static PREFIX_TEXT_SIZE]);
/* "ADDRESS" or "ADDRESS/LENGTH". 0 or -EINVAL. */
int prefix_parse(const char *text, struct prefix *out);
