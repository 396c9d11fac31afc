/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is captured, and what the handshakes in it show. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collectors/handshake/handshake_facts.h"

/* Why a device is not captured on although it is up and wanted. */
enum unwatched {
	UNWATCHED_PENDING,     /* its turn has not come: few are opened at a time */
	UNWATCHED_LIMIT,       /* there are CAPTURE_DEVICES_MAX already */
	UNWATCHED_DESCRIPTORS, /* this process may not open more */
	UNWATCHED_MEMORY,      /* none for its ring */
	UNWATCHED_ERROR,       /* anything else */
	UNWATCHED_REASONS
};

/* The public name: "limit". */
const char *unwatched_name(enum unwatched reason);

/* A device that is, or was, captured on. Rows of the report name devices by ifindex; a device that has gone
 * keeps its row here for long, so that its counters keep their name. One that comes back under the same name
 * is a new row. */
struct capture {
	int ifindex;
	char name[IF_NAMESIZE];
	bool running;
	uint64_t packets; /* that passed the filter */
	uint64_t dropped; /* of these, lost before they were read */
};

struct capture_facts {
	struct handshake_report *handshakes; /* NULL: not watched, or not yet */
	struct frame *frames;                /* of suspects, in order of capture: the newest ones */
	size_t frame_count;
	struct capture *captures; /* by ifindex, each once */
	size_t capture_count;
	uint32_t unwatched[UNWATCHED_REASONS]; /* devices */
	const char *tap; /* how packets are captured: "bpf", "libpcap"; static; NULL: they are not */
};

static inline void capture_facts_clear(struct capture_facts *own)
{
	if (own->handshakes)
		handshake_report_clear(own->handshakes);
	free(own->handshakes);
	free(own->frames);
	free(own->captures);
}
