/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the registers of nftables hold, byte by byte: a constant, a byte of some field of the packet, or
 * something unknown. A comparison of registers with data is thereby one of fields with data. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/firewall/nft_expression.h"
#include "collectors/firewall/packet_set.h"

enum nat_field {
	FIELD_UNKNOWN, /* some other property of the packet */
	FIELD_CONSTANT,
	FIELD_CHANCE, /* differs from connection to connection */
	FIELD_FAMILY,
	FIELD_PROTOCOL,
	FIELD_DESTINATION,
	FIELD_PORT,   /* of the destination */
	FIELD_SOURCE, /* its address, port or link address */
	FIELD_IIF,
	FIELD_IIFNAME,
	FIELD_TYPE,  /* of the destination: RTN_LOCAL, ... */
	FIELD_STATE, /* of the connection */
	FIELD_FLAGS, /* of TCP */
	NAT_FIELDS
};

struct nat_symbol {
	uint8_t field;
	uint8_t index; /* of the byte in the field */
	uint8_t mask;  /* bits of it that are there */
	uint8_t value; /* of FIELD_CONSTANT */
};

struct nat_registers {
	struct nat_symbol symbols[NFT_REGISTER_BYTES];
};

static inline bool nat_registers_hold(unsigned at, size_t size)
{
	return at < NFT_REGISTER_BYTES && size <= NFT_REGISTER_BYTES - at;
}

static inline uint16_t nat_port_of(const uint8_t bytes[static 2])
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* What an expression writes. Those that go beyond the registers are cut. */
void nat_registers_put(struct nat_registers *registers, unsigned at, size_t size, enum nat_field field);
void nat_registers_put_data(struct nat_registers *registers, unsigned at, const uint8_t *data, size_t size);
/* payload, meta, ct, fib and those of which nothing is known. `family` tells where a header has its fields.
 */
void nat_registers_load(
	struct nat_registers *registers, const struct nft_expression *expression, uint8_t family);
void nat_registers_bitwise(struct nat_registers *registers, const struct nft_expression *expression);
void nat_registers_byteorder(struct nat_registers *registers, const struct nft_expression *expression);

/* The constant bytes from `at`; false if one of them is none. */
bool nat_registers_constant(const struct nat_registers *registers, unsigned at, size_t size, uint8_t *out);

/* Narrows the packets to those whose registers from `at` are within low and high, field by field. */
void nat_registers_match(const struct nat_registers *registers, unsigned at, const uint8_t *low,
	const uint8_t *high, size_t size, struct nat_packets *packets);
/* To those that are not: exact for devices, and for ports only if the packets were split before; everything
 * else makes them opaque, unless no request that can arrive is concerned. */
void nat_registers_match_other(const struct nat_registers *registers, unsigned at, const uint8_t *data,
	size_t size, struct nat_packets *packets);
/* All of the bytes are those of one whole field. */
bool nat_registers_is(const struct nat_registers *registers, unsigned at, size_t size, enum nat_field field);
/* Any of them is by chance. */
bool nat_registers_by_chance(const struct nat_registers *registers, unsigned at, size_t size);
