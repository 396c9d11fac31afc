/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the counting program in the kernel and its loader share. Included by both: no libc. */

#include <linux/types.h>

#define DROPS_ENTRIES_MAX 1024 /* devices times reasons, between two readings */
#define DROPS_REASONS_MAX 512  /* numbers of enum skb_drop_reason that can be told apart; 6.18 has 128 */

/* Of the map `drops`; its values are packets, one __u64 for each possible CPU. */
struct drops_key {
	__s32 ifindex; /* 0: the packet had no device yet */
	__u32 reason;  /* enum drop_reason of collectors/facts.h, not the kernel's number */
};
