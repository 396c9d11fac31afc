/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The counts of collectors/handshake/handshake.c: per device, per pair of devices, per service address, all
 * bounded. Rows of devices and pairs are never given up, so their counters keep their history; a service's
 * row may be given to another when all are taken, one that was hardly used and did not fail lately first.
 */

#include "collectors/base/hash_index.h"
#include "collectors/handshake/handshake.h"

#define TALLY_STEPS   12
#define TALLY_STEP_NS (HANDSHAKE_RECENT_NS / TALLY_STEPS)

/* Counts of the last minute, by steps. */
struct tally_window {
	int64_t step; /* the newest that was written */
	uint32_t counts[TALLY_STEPS][HANDSHAKE_OUTCOMES];
};

struct tally_device {
	struct handshake_device totals; /* recent: not kept here */
	struct tally_window window;
};

struct tally_service {
	struct handshake_service service; /* recent: not kept here */
	struct tally_window window;
	uint32_t hash;
	bool used_again;   /* since it was last considered for giving up */
	int64_t failed_ns; /* time of its last ONE_WAY, 0: never */
};

struct tally {
	struct tally_device *devices;
	struct handshake_pair *pairs;
	struct tally_service *services;
	uint32_t device_count, pair_count, service_count;
	uint32_t device_limit, pair_limit, service_limit;
	struct hash_index by_device, by_pair, by_service;
	uint64_t seed;
	uint32_t hand; /* the next service to be considered */
	uint64_t services_omitted;
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int tally_init(struct tally *tally, const struct handshake_limits *limits, uint64_t seed);
void tally_destroy(struct tally *tally);

/* The device's slot; 0 is that of HANDSHAKE_OTHER_DEVICES. */
uint16_t tally_device_slot(struct tally *tally, int device);
int tally_device_of_slot(const struct tally *tally, uint16_t slot);

void tally_packet(struct tally *tally, uint16_t slot, enum direction direction, enum handshake_kind kind,
	uint32_t weight);
void tally_delay(struct tally *tally, uint16_t slot, double seconds, uint32_t weight);
void tally_echo(struct tally *tally, uint16_t slot, enum echo_outcome outcome);

/* A handshake that ended. */
struct tally_end {
	int syn_device, synack_device;
	struct handshake_way synack;
	enum handshake_role role;
	struct address server;
	enum handshake_outcome outcome;
	uint32_t weight;
	int64_t time_ns;
	int64_t completed_ns, failed_ns; /* as in struct handshake_service, if it did */
};

void tally_end(struct tally *tally, const struct tally_end *end);

/* Copies the rows as of now into the report, which must be empty. 0 or -ENOMEM. */
int tally_report(const struct tally *tally, int64_t now_ns, struct handshake_report *out);
