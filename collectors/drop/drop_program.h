/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The counting program in the kernel: loaded, read, unloaded. It counts from when it was opened, and is gone
 * when it is closed or the process ends. Used on one thread.
 */

#include "collectors/collector.h"

/* What was counted so far under one key. */
struct drop_count {
	int ifindex; /* of the device as the packet names it, also a port; 0: none */
	enum drop_reason reason;
	uint64_t packets;
};

struct drop_counts {
	struct drop_count *items;
	size_t count;
	uint64_t uncounted; /* at most so many packets are in none of them */
	uint32_t reasons;   /* bit per enum drop_reason that this kernel has */
};

struct drop_program;

/* What drop_program_open() lacks by what it says. */
extern const struct collector_lack drop_program_lacks[];

/* Counts in the network namespace the thread stands in. 0; -EPERM; -EOPNOTSUPP: built without; -ENOENT: the
 * kernel has no BTF; -ENODATA: no reasons in it; -ENOEXEC: it refuses the program; -EMFILE: descriptors are
 * out; -ENOMEM or another error of the kernel. */
int drop_program_open(struct drop_program **out);
/* Accepts NULL. */
void drop_program_close(struct drop_program *program);

/* All counts; items are the caller's to free. 0 or a negative errno. */
int drop_program_read(struct drop_program *program, struct drop_counts *counts);
/* Makes room: the device is gone. It counts from 0 should it drop again. */
void drop_program_forget(struct drop_program *program, int ifindex, enum drop_reason reason);

struct btf;

/* From the kernel's own description of its types: the number of each reason in enum skb_drop_reason; 0 where
 * the kernel has no such reason (0 is none of its reasons). False if there is no such enum. Only where the
 * build has BPF. */
bool drop_btf_numbers(const struct btf *btf, uint32_t numbers[static DROP_REASONS]);
