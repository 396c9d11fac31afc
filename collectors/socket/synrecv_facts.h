/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Connections that wait for their acknowledgement. */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "collectors/base/address.h"

/* Embryonic connections to a local address whose SYN-ACK was repeated twice or more (inet_diag,
 * idiag_retrans). */
struct syn_recv {
	struct address address;
	uint32_t unanswered;
};

struct synrecv_facts {
	bool syn_recv_known;
	struct syn_recv *syn_recv; /* addresses with at least one */
	size_t syn_recv_count;
};

static inline void synrecv_facts_clear(struct synrecv_facts *own)
{
	free(own->syn_recv);
}
