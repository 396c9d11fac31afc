/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What was seen on the wire, written down for a test, beside tests/support/facts_builder.h. Devices are
 * named; NULL: none. */

#include "tests/support/facts_builder.h"

#define SECOND_NS INT64_C(1000000000)
#define OWN0      "203.0.113.10"  /* eth0's */
#define OWN1      "198.51.100.10" /* eth1's */
#define FAR       "192.0.2.77"
#define NEAR1     "198.51.100.77" /* on eth1's link */
#define REMOTE    "192.0.2.200"   /* no address of this host's */

/* The facts' report, made if need be. */
struct handshake_report *wire_report(struct facts *facts);
int wire_device(const struct facts *facts, const char *device);

/* Counts of the last minute. */
struct wire_row {
	enum handshake_role role;
	const char *in, *out, *address;
	uint64_t completed, one_way, abandoned, return_only;
	int later; /* seconds from now to the last completion and failure */
};

void wire_row(struct facts *facts, struct wire_row row);
/* From port 40000 to port 22, three seconds old. Ids count from 1001. */
struct handshake_suspect *wire_suspect(struct facts *facts, enum handshake_sign sign,
	enum handshake_role role, const char *client, const char *server);
/* A SYN that came in `repeats` times after its SYN-ACK had left. */
struct handshake_suspect *wire_repeated(struct facts *facts, const char *in, const char *out,
	const char *client, const char *server, uint32_t repeats);
/* A service of whose requests the last one of so many repetitions came in now, and nobody answered. */
struct unanswered_service *wire_unanswered(struct facts *facts, const char *in, const char *client,
	const char *server, uint16_t port, uint32_t repeats);
/* Someone who asks; answered_by NULL: it was not finished. */
struct handshake_peer *wire_peer(struct facts *facts, const char *device, const char *peer, const char *local,
	const char *answered_by);

/* Two lines eth0 and eth1, each with its address, both watched, served and rightly routed. */
struct facts *wire_host(void);

/* This host's own SYN from `client` to REMOTE by eth1, repeated after the SYN-ACK had come in there. */
struct handshake_suspect *wire_ignored(struct facts *facts, const char *client, uint32_t repeats);
/* A SYN-ACK without SYN, in by eth0 with a server's address, out by eth0 with eth1's, so often repeated. */
void wire_translated_times(struct facts *facts, uint32_t repeats);

/* Things that happen to the host. A client of eth1's address does not get its answers, which leave by eth1.
 */
void wire_hangs(struct facts *facts);
/* The same by eth0, which no lookup shows. */
void wire_leaves_wrongly(struct facts *facts);
void wire_leaves_wrongly_and_completes(struct facts *facts);
void wire_ignores(struct facts *facts);
/* The client is elsewhere and asks through eth0, translated. */
void wire_ignored_behind_nat(struct facts *facts);
void wire_translated(struct facts *facts);
void wire_half_passes(struct facts *facts);
/* Echo replies come to eth1, where source validation drops them. */
void wire_echo_filtered(struct facts *facts);
