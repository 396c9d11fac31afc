/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The addresses of a host in other orders than their own, so that one of very many is found by halving. All
 * positions are in the array of which the index was made; `count` of it stands for none. */

#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"

struct local_address;
struct address_index;

/* NULL when memory is out. */
struct address_index *address_index_new(const struct local_address *addresses, size_t count);

/* The positions of those that are equal to `address`, ascending: *found of them. */
const uint32_t *address_index_equal(
	const struct address_index *index, const struct address *address, size_t *found);
/* Of those of the device and family. */
const uint32_t *address_index_of_device(
	const struct address_index *index, int ifindex, uint8_t family, size_t *found);
/* The first one whose connected network contains the address; ifindex 0: on any device. */
size_t address_index_network(const struct address_index *index, const struct address *address, int ifindex);
