/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which flows are followed where not all can be: one of `ratio`, by a keyed hash that is the same for both
 * directions. The capturing program in the kernel and the handshake table decide alike. Included by both: no
 * libc.
 */

#include <linux/types.h>

#define FLOW_SAMPLE_WORDS4 1 /* of 32 bits, of an IPv4 address */
#define FLOW_SAMPLE_WORDS6 4

/* The words as they stand in the packet. */
static inline __attribute__((always_inline)) __u64 flow_sample_address(
	__u64 seed, const __u32 *words, int count)
{
	__u64 hash = seed;
	for (int i = 0; i < count; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Addresses as hashed above, ports in host byte order. */
static inline __attribute__((always_inline)) __u64 flow_sample_hash(
	__u64 seed, __u64 client, __u16 client_port, __u64 server, __u16 server_port)
{
	__u64 one = (client ^ (seed >> 16 ^ client_port)) * 0xd1b54a32d192ed03ull;
	__u64 other = (server ^ (seed >> 16 ^ server_port)) * 0xd1b54a32d192ed03ull;
	__u64 hash = (one ^ one >> 29) + (other ^ other >> 29);
	hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static inline __attribute__((always_inline)) _Bool flow_is_sampled(__u64 hash, __u32 ratio)
{
	return ratio <= 1 || (__u32)(hash >> 32) < 0xffffffffu / ratio;
}
