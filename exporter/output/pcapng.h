/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Writes pcapng, as far as evidence needs it (https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/): one
 * section, its interfaces, and packets that name their interface and direction. libpcap reads this format but
 * cannot write it. Numbers are in the byte order of this host, as the section header says.
 */

#include <stdint.h>

#include "collectors/facts.h"
#include "exporter/base/buffer.h"

/* To be called once, first. Texts may hold any bytes; what is no UTF-8 becomes %XX. */
void pcapng_section(struct buffer *out, const char *comment, const char *application);
/* link_type: LINKTYPE_* of https://www.tcpdump.org/linktypes.html. name: "" for none. */
void pcapng_interface(struct buffer *out, uint16_t link_type, const char *name);
/* interface: as counted by the calls of pcapng_interface(), from 0. */
void pcapng_packet(struct buffer *out, uint32_t interface, const struct frame *frame);
