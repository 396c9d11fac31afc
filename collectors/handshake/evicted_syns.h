/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Eight bytes of memory for each handshake that had to leave the table unfinished: enough to know its SYN
 * when it comes again. Under a flood of spoofed SYNs nothing else tells the client whose replies are lost
 * from those that never were, for its second SYN comes a second later, when its entry is long gone. New ones
 * overwrite old ones.
 */

#include <stdbool.h>
#include <stdint.h>

struct evicted_syn {
	uint32_t tag; /* 0: empty */
	uint32_t milliseconds;
};

struct evicted_syns {
	struct evicted_syn *slots;
	uint32_t mask;
};

/* slots is rounded up to a power of two. 0 or -ENOMEM. */
int evicted_syns_init(struct evicted_syns *evicted, uint32_t slots);
void evicted_syns_destroy(struct evicted_syns *evicted);

void evicted_syns_note(struct evicted_syns *evicted, uint64_t hash, int64_t time_ns);
/* It was noted between least_ns and most_ns before time_ns. */
bool evicted_syns_recall(const struct evicted_syns *evicted, uint64_t hash, int64_t time_ns, int64_t least_ns,
	int64_t most_ns);
