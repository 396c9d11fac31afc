// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/settings.h"

#define THRESHOLD(field) #field, offsetof(struct thresholds, field)

/* name and offset, help, initial, least, most */
const struct threshold threshold_table[] = {
	{ THRESHOLD(open_judgements), "A condition opens a finding after it held in so many judgements", 2, 1,
		1000 },
	{ THRESHOLD(close_seconds),
		"A finding closes after its condition was false for so long, or sooner if the wire shows that it works",
		60, 0, 86400 },
	{ THRESHOLD(pending_seconds),
		"A condition that has not opened a finding is forgotten after it was false for so long", 30,
		0, 86400 },
	{ THRESHOLD(rp_filter_drops),
		"So many packets dropped by reverse-path filtering within 60 s count; fewer are background "
		"noise",
		2, 1, 1e9 },
	{ THRESHOLD(handshake_repeats),
		"A SYN that is repeated so often after its SYN-ACK, or a SYN-ACK without SYN, shows a fault "
		"by itself",
		2, 1, 100 },
	{ THRESHOLD(one_way_seconds),
		"If the last of them comes in so long after the SYN-ACK: a client far away repeats its SYN "
		"until the SYN-ACK reaches it",
		2.5, 0, 60 },
	{ THRESHOLD(one_way_handshakes),
		"So many one-way handshakes within 60 s show a fault although others complete", 3, 1, 1e9 },
	{ THRESHOLD(one_way_share), "If they are at least this share of those that were answered", 0.2, 0,
		1 },
	{ THRESHOLD(return_only_handshakes),
		"So many handshakes within 60 s whose SYN-ACK alone passes show a fault", 3, 1, 1e9 },
	{ THRESHOLD(half_open_seconds),
		"A peer whose translated connections were answered and not acknowledged for so long shows a "
		"fault; one that never repeats its SYN, as in a flood, is forgotten before",
		90, 1, 86400 },
	{ THRESHOLD(half_open_share), "If at least this share of the connections to the same target stay so",
		0.5, 0, 1 },
	{ THRESHOLD(half_open_factor), "And so many times the share at the host's other targets", 3, 1, 1e9 },
};

const size_t threshold_count = sizeof(threshold_table) / sizeof(*threshold_table);

void thresholds_default(struct thresholds *thresholds)
{
	for (size_t i = 0; i < threshold_count; i++)
		*(double *)((char *)thresholds + threshold_table[i].offset) = threshold_table[i].initial;
}
