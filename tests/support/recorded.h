/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Netlink messages that a kernel (6.18) really sent, tests/data/netlink/NAME, in buffers exactly as long as
 * they are: a parser that reads beyond one is seen by the sanitizer. */

#include <libmnl/libmnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline char *recorded_bytes(const char *name, size_t *size)
{
	char path[512];
	snprintf(path, sizeof(path), TEST_DATA "/netlink/%s", name);
	FILE *file = fopen(path, "rbe");
	if (!file || fseek(file, 0, SEEK_END) < 0)
		fail_msg("%s cannot be read", path);
	*size = (size_t)ftell(file);
	char *bytes = malloc(*size + 1);
	rewind(file);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	bytes[*size] = '\0';
	fclose(file);
	return bytes;
}

/* To be freed. */
static inline struct nlmsghdr *recorded_message(const char *name)
{
	size_t size;
	char *bytes = recorded_bytes(name, &size);
	char *exact = malloc(size);
	assert_non_null(exact);
	memcpy(exact, bytes, size);
	free(bytes);
	return (struct nlmsghdr *)exact;
}

/* Calls parse() with the message cut to each length, and with each byte after the header set to some values
 * that lengths like least. What it returns is its own matter; that it stays within the buffer is ours. */
static inline void recorded_maim(const char *name, void (*parse)(const struct nlmsghdr *header))
{
	static const unsigned char values[] = { 0, 1, 3, 4, 5, 0x7f, 0x80, 0xff };
	size_t size;
	char *bytes = recorded_bytes(name, &size);
	for (size_t length = sizeof(struct nlmsghdr); length < size; length++) {
		struct nlmsghdr *cut = malloc(length);
		assert_non_null(cut);
		memcpy(cut, bytes, length);
		cut->nlmsg_len = (uint32_t)length;
		parse(cut);
		free(cut);
	}
	for (size_t at = sizeof(struct nlmsghdr); at < size; at++)
		for (size_t i = 0; i < sizeof(values); i++) {
			struct nlmsghdr *maimed = malloc(size);
			assert_non_null(maimed);
			memcpy(maimed, bytes, size);
			((unsigned char *)maimed)[at] = values[i];
			parse(maimed);
			free(maimed);
		}
	free(bytes);
}
