/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Packets are written down one a line:
 *
 *	TIME DEVICE DIRECTION FROM>TO FLAGS SEQUENCE [ACKNOWLEDGEMENT [PAYLOAD]]
 *
 * Hosts are single letters with a port behind: c1000 is client c's port 1000. FLAGS are letters of "SAFRPU".
 * "wait TIME" lets time pass. What is to come out is written as name=count; outcomes that are not named must
 * be 0. Names: an outcome; 1in.syn (packets of a kind at a device); 1>2.one_way (an outcome of a pair).
 * Everything is tried with IPv4 and IPv6.
 */
#include "tests/support/unit.h"

#include "collectors/handshake/handshake.h"

#define SCRIPT_START_NS (INT64_C(1700000000) * 1000000000)
#define SCRIPT_FRAME    200 /* bytes of each frame */

struct script {
	const char *name;
	const char *packets;
	const char *result;
};

#define ONE_WAY                                                                                     \
	"0 1 in c1000>s80 S 100\n0.001 2 out s80>c1000 SA 500 101\n1 1 in c1000>s80 S 100\n3 1 in " \
	"c1000>s80 S "                                                                              \
	"100\n"

/* Small: 64 entries, 8 devices, 8 pairs, 4 services, 16 suspects, 16 echo requests. */
struct handshakes *script_table(void);
struct address script_host(char letter, uint8_t family);
void script_feed_line(struct handshakes *handshakes, const char *line, uint8_t family);
void script_feed(struct handshakes *handshakes, const char *packets, uint8_t family);
/* Feeds IPv4 packets and gives the report then. */
struct handshake_report script_report_after(struct handshakes *handshakes, const char *packets);
/* The test fails if the report is not as written. */
void script_check(const struct script *script, const struct handshake_report *report);
/* The device's count of a kind of packet. */
uint64_t script_packets_of(
	const struct handshake_report *report, int device, const char *direction, const char *kind);
