/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Writes pcapng, as far as evidence needs it (https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/): one
 * section, its interfaces, and packets that name their interface and direction. libpcap reads this format but
 * cannot write it. Numbers are in the byte order of this host, as the section header says.
 */

#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet.h"
#include "exporter/base/buffer.h"

/* Longer packets are not written. One for all interfaces: libpcap refuses files in which they differ. */
#define PCAPNG_SNAPLEN 65535

struct pcapng_packet {
	uint32_t interface; /* as counted by the calls of pcapng_interface(), from 0 */
	int64_t time_ns;
	enum direction direction;
	const void *bytes;
	size_t size;
	uint32_t length; /* on the wire */
};

/* To be called once, first. Texts may hold any bytes; what is no UTF-8 becomes %XX. */
void pcapng_section(struct buffer *out, const char *comment, const char *application);
/* link_type: LINKTYPE_* of https://www.tcpdump.org/linktypes.html. name: "" for none. */
void pcapng_interface(struct buffer *out, uint16_t link_type, const char *name);
void pcapng_packet(struct buffer *out, const struct pcapng_packet *packet);
