/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an operator tells the judge. Fixed for the length of a judgement; read from the YAML settings file by
 * exporter/config/settings_file.h, which owns it. */

#include <net/if.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"

/* An asymmetry that is meant to be: requests for addresses within `address` (a service address or a DNAT
 * target) may arrive on `arrival` and be answered by `reply`. An empty name stands for any device. */
struct intended {
	struct prefix address;
	char arrival[IF_NAMESIZE];
	char reply[IF_NAMESIZE];
	char *reason; /* or NULL */
};

/* Numbers that decide when a condition holds. Each has one row in threshold_table, which the settings reader,
 * its documentation and the tests share. */
struct thresholds {
	double open_judgements;    /* a condition opens after it held in so many judgements */
	double close_seconds;      /* and closes after it was false for so long */
	double pending_seconds;    /* a condition that did not open is forgotten after this */
	double rp_filter_drops;    /* counted drops within 60 s below this are background noise */
	double handshake_repeats;  /* a SYN that comes so often after its SYN-ACK shows that this got lost */
	double one_way_seconds;    /* if the last of them comes so long after the first SYN-ACK: before, the
				      SYN-ACK    may still be on its way */
	double one_way_handshakes; /* within 60 s, of which one_way_share are too many where others complete
				    */
	double one_way_share;      /* of the answered handshakes */
	double return_only_handshakes; /* within 60 s */
	double half_open_seconds;      /* a peer whose connections stay answered and unacknowledged so long */
	double half_open_share;        /* of the target's connections that are so, at least */
	double half_open_factor;       /* and so many times the share at the host's other targets */
};

struct threshold {
	const char *name;
	size_t offset; /* of the double in struct thresholds */
	const char *help;
	double initial, least, most;
};

extern const struct threshold threshold_table[];
extern const size_t threshold_count;

void thresholds_default(struct thresholds *thresholds);

struct settings {
	struct intended *intended;
	size_t intended_count;
	char (*lines)[IF_NAMESIZE];
	size_t line_count;
	struct address *probes;
	size_t probe_count;
	struct thresholds thresholds;
	atomic_uint holders;
};
