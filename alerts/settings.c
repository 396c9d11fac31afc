// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/settings.h"

/* name, help, offset, initial, least, most */
const struct threshold threshold_table[] = {
	{ "open_judgements", "A condition opens a finding after it held in so many judgements",
		offsetof(struct thresholds, open_judgements), 2, 1, 1000 },
	{ "close_seconds", "A finding closes after its condition was false for so long",
		offsetof(struct thresholds, close_seconds), 60, 0, 86400 },
	{ "pending_seconds",
		"A condition that has not opened a finding is forgotten after it was false for so long",
		offsetof(struct thresholds, pending_seconds), 30, 0, 86400 },
	{ "rp_filter_drops",
		"So many packets dropped by reverse-path filtering within 60 s count; fewer are background "
		"noise",
		offsetof(struct thresholds, rp_filter_drops), 2, 1, 1e9 },
	{ "handshake_repeats",
		"A SYN that is repeated so often after its SYN-ACK, or a SYN-ACK without SYN, shows a fault "
		"by itself",
		offsetof(struct thresholds, handshake_repeats), 2, 1, 100 },
	{ "one_way_seconds",
		"If the last of them comes in so long after the SYN-ACK: a client far away repeats its SYN "
		"until the SYN-ACK reaches it",
		offsetof(struct thresholds, one_way_seconds), 2.5, 0, 60 },
	{ "one_way_handshakes",
		"So many one-way handshakes within 60 s show a fault although others complete",
		offsetof(struct thresholds, one_way_handshakes), 3, 1, 1e9 },
	{ "one_way_share", "If they are at least this share of those that were answered",
		offsetof(struct thresholds, one_way_share), 0.2, 0, 1 },
	{ "return_only_handshakes", "So many handshakes within 60 s whose SYN-ACK alone passes show a fault",
		offsetof(struct thresholds, return_only_handshakes), 3, 1, 1e9 },
	{ "half_open_seconds",
		"A peer whose translated connections were answered and not acknowledged for so long shows a "
		"fault; one that never repeats its SYN, as in a flood, is forgotten before",
		offsetof(struct thresholds, half_open_seconds), 90, 1, 86400 },
	{ "half_open_share", "If at least this share of the connections to the same target stay so",
		offsetof(struct thresholds, half_open_share), 0.5, 0, 1 },
	{ "half_open_factor", "And so many times the share at the host's other targets",
		offsetof(struct thresholds, half_open_factor), 3, 1, 1e9 },
};

const size_t threshold_count = sizeof(threshold_table) / sizeof(*threshold_table);

void thresholds_default(struct thresholds *thresholds)
{
	for (size_t i = 0; i < threshold_count; i++)
		*(double *)((char *)thresholds + threshold_table[i].offset) = threshold_table[i].initial;
}
