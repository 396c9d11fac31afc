/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What goes into the handshake table and what comes out of it, as plain values. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/frame_ring.h"
#include "collectors/capture/packet.h"

#define HANDSHAKE_OPEN_NS   (10 * INT64_C(1000000000))
#define HANDSHAKE_SETTLE_NS (500 * INT64_C(1000000))
/* Linux leaves up to 32 s between two of the first six SYNs. */
#define HANDSHAKE_MEMORY_NS (40 * INT64_C(1000000000))
/* Copies that mirrors, bridges and merged captures make follow within microseconds to a few milliseconds; the
 * shortest retransmission timers for a SYN are 200 ms and more, 1 s by RFC 6298. */
#define HANDSHAKE_REPEAT_NS (20 * INT64_C(1000000))
/* What "recent" counts cover: the last 60 s, in steps of 5 s. */
#define HANDSHAKE_RECENT_NS (60 * INT64_C(1000000000))

enum handshake_outcome {
	HANDSHAKE_COMPLETED,
	HANDSHAKE_REFUSED,
	HANDSHAKE_ONE_WAY,
	HANDSHAKE_ABANDONED,
	HANDSHAKE_UNANSWERED,
	HANDSHAKE_RETURN_ONLY,
	HANDSHAKE_OUTCOMES
};

enum handshake_kind {
	HANDSHAKE_SYN,
	HANDSHAKE_SYN_REPEAT,
	HANDSHAKE_SYNACK,
	HANDSHAKE_SYNACK_REPEAT,
	HANDSHAKE_ACK, /* that acknowledges the SYN-ACK; once per device and direction */
	HANDSHAKE_RST, /* within a handshake; likewise */
	HANDSHAKE_KINDS
};

enum echo_outcome { ECHO_ANSWERED, ECHO_UNANSWERED, ECHO_OTHER_ADDRESS, ECHO_OUTCOMES };

/* What this host was to the handshake, by where its SYN was sighted. */
enum handshake_role {
	HANDSHAKE_SERVED,    /* SYN in (or direction not known) */
	HANDSHAKE_FORWARDED, /* SYN in and out */
	HANDSHAKE_OPENED,    /* SYN out */
	HANDSHAKE_PASSED,    /* no SYN */
	HANDSHAKE_ROLES
};

/* Stands for all devices (and pairs) that came when the rows were full. */
#define HANDSHAKE_OTHER_DEVICES (-1)

struct handshake_limits {
	uint32_t handshakes;   /* about 340 bytes each */
	uint32_t evicted_syns; /* evicted ones whose SYN would be known again, 8 bytes each */
	uint32_t echoes;
	uint32_t devices;
	uint32_t pairs;
	uint32_t services;
	uint32_t suspects; /* at most so many in one report */
	uint32_t frames;   /* kept as evidence */
	uint32_t ends; /* at most so many handshakes end for one packet that is fed; 0: all that are due */
};

/* Where and when a packet was captured. */
struct sighting {
	int device; /* as the caller numbers them: ifindex; 0: not known */
	enum direction direction;
	int64_t time_ns;      /* the table's */
	const uint8_t *frame; /* with the header of PACKET_SLL2; NULL: no evidence is kept */
	uint32_t size;        /* bytes captured */
	uint32_t length;      /* bytes on the wire */
	bool recalled;        /* a SYN behind its SYN-ACK, of a flow that was not sampled so far */
};

/* What became of a device on which packets were captured. */
struct handshake_presence {
	int device;
	int heir; /* another that has its name now; 0: none */
	bool present;
};

/* Upper bounds of the ACK delay's buckets, in seconds; the last bucket has none. */
#define HANDSHAKE_DELAYS 13
extern const double handshake_delay_bounds[HANDSHAKE_DELAYS - 1];

struct handshake_device {
	int device;
	uint64_t packets[DIRECTIONS][HANDSHAKE_KINDS];
	uint64_t recent[HANDSHAKE_OUTCOMES]; /* ended in the last 60 s, by the SYN's device */
	uint64_t delays[HANDSHAKE_DELAYS];   /* SYN-ACK to ACK, by the ACK's device; not cumulative */
	double delay_sum;                    /* seconds */
	uint64_t echoes[ECHO_OUTCOMES];      /* by the request's device */
};

/* Of a handshake that comes in: the device at which its SYN did and the one by which its SYN-ACK left. Of one
 * that this host opens: the other way round. 0: not seen, or device not known. */
struct handshake_pair {
	int syn_device, synack_device;
	uint64_t counts[HANDSHAKE_OUTCOMES];
};

/* One service address at one arrival device, answered by one device (0: by none). OPENED: the device by which
 * SYNs leave, and no address. PASSED: the device of the SYN-ACK and its source; synack_device is the one by
 * which it left if it also came in (0: it was sighted once only, or did not leave). */
struct handshake_service {
	enum handshake_role role;
	int device;
	int synack_device;
	struct address address;
	uint64_t recent[HANDSHAKE_OUTCOMES];
	int64_t completed_ns; /* last packet of the last one that completed, 0: never */
	int64_t failed_ns; /* last SYN of the last ONE_WAY, last SYN-ACK of the last RETURN_ONLY; 0: never */
	int64_t ended_ns;  /* time at which the last one ended */
};

enum handshake_sign {
	SIGN_SYN_REPEATED,  /* the SYN came again after its SYN-ACK */
	SIGN_REPLY_IGNORED, /* the same, but this host itself is the client, and the SYN-ACK came in */
	SIGN_RETURN_ONLY,   /* SYN-ACK without its SYN */
	SIGN_OTHER_ADDRESS, /* the same, and a SYN with its number was sent from the same port to `other`,
			       which did not answer */
	HANDSHAKE_SIGNS
};

/* Devices of one packet kind; 0: not seen, or not known. */
struct device_pair {
	int in, out;
};

/* A handshake that shows the signature of a fault, while it is open and, as far as remembered, afterwards. */
struct handshake_suspect {
	uint64_t id;
	enum handshake_sign sign;
	enum handshake_role role;
	struct address client, server;
	uint16_t client_port, server_port;
	uint32_t sequence; /* the client's initial one */
	int64_t first_ns, last_ns;
	int64_t asked_ns;    /* the last SYN, 0: none */
	int64_t answered_ns; /* the first SYN-ACK */
	uint32_t repeats;    /* SYNs after the SYN-ACK */
	uint32_t synack_repeats;
	bool counted; /* its outcome is in the counts */
	bool acknowledged;
	struct device_pair syn, synack;
	/* Another view of the same opening: the same number and one unchanged endpoint. What NAT changed. */
	bool joined;
	uint64_t other_id;
	struct address other_client, other_server;
	uint16_t other_client_port, other_server_port;
	struct device_pair other_syn, other_synack;
};

/* An echo request that another than the asked answered. */
struct echo_suspect {
	int device; /* of the request */
	enum direction direction;
	struct address asker, asked, answerer;
	int64_t time_ns; /* of the answer */
};

/* Someone who was seen arriving on a device, and whose address is not forged: it completed a handshake,
 * repeated its SYN, or answered this host. */
struct handshake_peer {
	int device;
	struct address peer, local; /* local: whom it spoke to; of a router's traffic that is another host */
	uint8_t protocol;         /* IPPROTO_*; of an answered echo request IPPROTO_ICMP or IPPROTO_ICMPV6 */
	uint16_t peer_port, port; /* its own and that of `local`; 0 for echo */
	bool asks;                /* it opens connections; false: it answers this host */
	bool completed;           /* the last handshake with it was */
	bool unfinished;          /* when it was seen last, it repeated itself */
	bool hung;                /* it did so before */
	int synack_device;        /* by which the completed handshake was answered */
	int64_t seen_ns;
	/* Of one that answers: when a handshake with it last completed, and when it last answered an echo
	 * request; 0: never. */
	int64_t completed_ns, echoed_ns;
};

/* A service whose SYNs come in by a device, came again within the last 60 s and were not answered, neither by
 * SYN-ACK nor RST, whoever asked. Scanned ports of a firewall that drops look the same. */
struct unanswered_service {
	struct address server;
	uint16_t port;
	int device;
	struct address client; /* the latest */
	uint16_t client_port;
	uint64_t id;         /* of its handshake */
	uint32_t repeats;    /* SYNs that came again since the last answer, of all clients */
	int64_t since_ns;    /* the first SYN of the first such client */
	int64_t repeated_ns; /* the first that came again */
	int64_t last_ns;     /* the last */
	/* The latest client's SYN left this host, as it was or under another address, which then is the
	 * target. */
	bool left;
	struct address target;
	uint16_t target_port;
};

#define UNANSWERED_MOST 128
#define ECHO_SUSPECTS   32

struct handshake_report {
	struct handshake_device *devices;
	size_t device_count;
	struct handshake_pair *pairs;
	size_t pair_count;
	struct handshake_service *services;
	size_t service_count;
	struct handshake_suspect *suspects; /* newest first within each sign */
	size_t suspect_count;
	struct unanswered_service *unanswered; /* in no order */
	size_t unanswered_count;
	struct echo_suspect echo_suspects[ECHO_SUSPECTS]; /* newest first */
	size_t echo_suspect_count;
	struct handshake_peer *peers; /* the latest few of each device, of the last ten minutes */
	size_t peer_count;
	uint64_t outcomes[HANDSHAKE_OUTCOMES]; /* sums over pairs, those given up as well */
	uint64_t tracked;                      /* open */
	bool waiting; /* one of these for HANDSHAKE_SETTLE_NS or longer: somebody may wait for an answer in
			 vain */
	uint64_t limit;
	uint64_t evicted;   /* open ones that had to go; they have no outcome */
	uint64_t unmatched; /* SYN-ACKs without SYN that said nothing, see handshakes_missed() */
	/* Devices and pairs that found no row, once for each unless hundreds come in turns; services that
	 * gave up theirs. */
	uint64_t devices_omitted, pairs_omitted, services_omitted;
	uint32_t ratio; /* as in handshakes_sample(), never 0 */
};

void handshake_report_clear(struct handshake_report *report);
/* NULL if it has none of this id, or is NULL. */
const struct handshake_suspect *handshake_report_suspect(const struct handshake_report *report, uint64_t id);
/* All counts of another row, but not its device. */
void handshake_device_add(struct handshake_device *sum, const struct handshake_device *row);

/* The public names: "one_way", "syn_repeat", "in", "other_address". */
const char *handshake_outcome_name(enum handshake_outcome outcome);
const char *handshake_kind_name(enum handshake_kind kind);
const char *direction_name(enum direction direction);
const char *echo_outcome_name(enum echo_outcome outcome);
