/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The numbers that a kernel gives to the reasons, from its own description of its types (BTF). */

#include "collectors/drop/drop_reason.h"

struct btf;

/* The number of each reason in enum skb_drop_reason; 0 where the kernel has no such reason (0 is none of its
 * reasons). False if there is no such enum. */
bool drop_btf_numbers(const struct btf *btf, uint32_t numbers[static DROP_REASONS]);
