/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A set of addresses that is made once and then asked very often. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/device/device_facts.h"

struct address_set;

/* The addresses of this host. NULL when memory is out. */
struct address_set *address_set_new(const struct local_address *addresses, size_t count);
/* Accepts NULL. */
void address_set_free(struct address_set *set);
bool address_set_contains(const struct address_set *set, const struct address *address);

/* Spreads over all bits; the same for equal addresses in one process and another. */
uint32_t address_hash(const struct address *address);
