/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The memory of collectors/handshake/handshake.c, and of nobody else: entries in one fixed array, found by
 * flow and initial sequence number, or by flow alone, newest first. Every entry that is in use stands in one
 * queue. Within a queue all have the same time to live, so the queues are all the timers there are: the head
 * is due first.
 */

#include "collectors/base/hash_index.h"
#include "collectors/handshake/handshake_facts.h"

#define HANDSHAKE_VIEWS 6

/* No padding: compared and hashed as bytes. */
struct flow {
	uint8_t client[16], server[16];
	uint16_t client_port, server_port;
	uint8_t family;
	uint8_t zero;
};

_Static_assert(sizeof(struct flow) == 38, "struct flow has padding");

struct flow_hash {
	uint32_t flow;
	uint32_t number; /* of flow and initial sequence number */
};

enum view_packet { VIEW_SYN, VIEW_SYNACK, VIEW_ACK, VIEW_RST, VIEW_PACKETS };

/* What was sighted of a handshake at one device in one direction. */
struct view {
	int32_t device;
	uint8_t direction;
	uint8_t seen;    /* bits of enum view_packet */
	uint8_t repeats; /* SYNs after the SYN-ACK */
	uint8_t synack_repeats;
	uint32_t last_us[2]; /* VIEW_SYN, VIEW_SYNACK: since the entry's start */
};

enum entry_flag {
	ENTRY_SYN = 1,
	ENTRY_SYNACK = 2,
	ENTRY_ACKED = 4,
	ENTRY_REFUSED = 8,
	ENTRY_EARLY_ACK = 16, /* the client acknowledged a SYN-ACK not sighted yet: early_ack is the number */
	ENTRY_RECALLED = 32,  /* its SYN-ACK is known from before it was evicted: server_sequence is not */
	ENTRY_COUNTED = 64,
	ENTRY_EVIDENCE = 128, /* its frames are kept */
};

enum entry_queue {
	QUEUE_OPEN,       /* undecided */
	QUEUE_RETURN,     /* undecided, its SYN not seen */
	QUEUE_BLIND,      /* the same, but its SYN may have been missed */
	QUEUE_SUSPECT,    /* undecided, its SYN repeated after its SYN-ACK */
	QUEUE_SETTLING,   /* completed or refused, not counted yet */
	QUEUE_REMEMBERED, /* counted */
	QUEUE_KNOWN,      /* counted, and a suspect */
	QUEUES
};

struct entry {
	struct flow flow;
	uint8_t queue;   /* QUEUES: not in use */
	uint8_t flags;   /* enum entry_flag */
	uint8_t repeats; /* most of any view */
	uint8_t view_count;
	uint16_t syn_payload;
	uint32_t sequence, server_sequence; /* initial ones */
	uint32_t early_ack;
	uint32_t weight;    /* handshakes it stands for when sampled */
	uint32_t synack_us; /* first SYN-ACK, since start */
	struct flow_hash hash;
	uint32_t newer, older;   /* of the same flow */
	uint32_t next, previous; /* in the queue */
	uint64_t id;
	int64_t start_ns, moved_ns, last_ns;
	uint64_t syn_frame, synack_frame; /* the first ones, in the ring of recent frames */
	struct view views[HANDSHAKE_VIEWS];
};

struct entry_list {
	uint32_t head, tail, count;
};

struct handshake_table {
	struct entry *entries;
	uint32_t *numbers; /* the entries' sequence numbers, side by side: searched through for joining */
	uint32_t limit;
	uint32_t fresh; /* entries beyond were never used */
	uint32_t free;  /* list by next */
	uint64_t seed;
	uint64_t last_id;
	struct hash_index by_sequence; /* flow and initial sequence number */
	struct hash_index by_flow;     /* the newest entry of each flow */
	struct entry_list queues[QUEUES];
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int handshake_table_init(struct handshake_table *table, uint32_t limit, uint64_t seed);
void handshake_table_destroy(struct handshake_table *table);

uint32_t handshake_table_flow_hash(const struct handshake_table *table, const struct flow *flow);
struct flow_hash handshake_table_hash(
	const struct handshake_table *table, const struct flow *flow, uint32_t sequence);
/* As collectors/base/flow_sample.h has it. */
uint64_t flow_symmetric_hash(uint64_t seed, const struct flow *flow);

struct entry *handshake_table_find(
	struct handshake_table *table, const struct flow *flow, struct flow_hash hash, uint32_t sequence);
/* Newest first; from there entry_older(). NULL if there is none. */
struct entry *handshake_table_newest(
	struct handshake_table *table, const struct flow *flow, uint32_t flow_hash);
struct entry *entry_older(struct handshake_table *table, const struct entry *entry);

bool handshake_table_is_full(const struct handshake_table *table);
/* There must be room, and no such entry. The new one is in QUEUE_OPEN. */
struct entry *handshake_table_add(
	struct handshake_table *table, const struct flow *flow, struct flow_hash hash, uint32_t sequence);
void handshake_table_remove(struct handshake_table *table, struct entry *entry);
/* Makes it the newest of its flow. */
void handshake_table_renew(struct handshake_table *table, struct entry *entry);

/* To the tail of a queue. */
void handshake_table_move(struct handshake_table *table, struct entry *entry, enum entry_queue queue);
/* The head of a queue, or NULL. */
struct entry *handshake_table_oldest(struct handshake_table *table, enum entry_queue queue);

/* ---- what was seen of an entry ---- */

static inline bool entry_is_open(const struct entry *entry)
{
	return entry->queue < QUEUE_SETTLING;
}

/* From its start; 0 if time_ns lies before. */
static inline uint32_t entry_microseconds(const struct entry *entry, int64_t time_ns)
{
	int64_t passed = (time_ns - entry->start_ns) / 1000;
	return passed < 0 ? 0 : passed > UINT32_MAX ? UINT32_MAX : (uint32_t)passed;
}

static inline uint64_t flow_hash_whole(struct flow_hash hash)
{
	return (uint64_t)hash.flow << 32 | hash.number;
}

/* The view at this device and direction, made if there is none; NULL if there is no room. */
struct view *entry_view(struct entry *entry, int device, enum direction direction);

/* The devices at which one kind of packet was sighted. */
struct entry_devices {
	bool has_in, has_out;
	struct device_pair pair;
};

/* view: VIEW_SYN or VIEW_SYNACK. Where the direction is not known, SYNs came in and SYN-ACKs went out. */
struct entry_devices entry_devices(const struct entry *entry, enum view_packet view);
/* Time of the last SYN or SYN-ACK; 0: none. */
int64_t entry_last(const struct entry *entry, enum view_packet view);
enum handshake_role entry_role(const struct entry *entry);
/* Its client (asks) or its server, as it arrives at the device. */
struct handshake_peer entry_peer(const struct entry *entry, int device, bool asks, int64_t now_ns);
