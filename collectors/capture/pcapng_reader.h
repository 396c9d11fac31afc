/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads pcapng (https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/) block by block. libpcap reads it as
 * well, but hands on neither the interface of a packet nor its direction, and refuses files whose interfaces
 * differ in link type or snap length. Sections in either byte order, one after the other; enhanced, simple
 * and obsolete packet blocks; all others are passed over.
 */

#include <stdint.h>
#include <stdio.h>

#include "collectors/capture/packet.h"

/* The first byte of every section, and of no other kind of capture file. */
#define PCAPNG_FIRST_BYTE 0x0a

#define PCAPNG_NAME_SIZE     256
#define PCAPNG_REASON_SIZE   160
#define PCAPNG_COMMENTS_SIZE 4096

struct pcapng_reader;

struct pcapng_interface {
	uint16_t link_type;          /* https://www.tcpdump.org/linktypes.html */
	uint32_t number;             /* in its section, from 0 */
	char name[PCAPNG_NAME_SIZE]; /* as the file has it, cut off; "": not told */
};

struct pcapng_frame {
	const struct pcapng_interface *interface; /* until the next call, as the bytes */
	const uint8_t *bytes;
	uint32_t size, length;    /* captured, on the wire */
	int64_t time_ns;          /* -1: cannot be told in nanoseconds; 0 for simple packet blocks */
	enum direction direction; /* of the packet's flags */
};

/* The stream is lent, and stands before the first block. 0 or -ENOMEM. */
int pcapng_reader_new(FILE *stream, struct pcapng_reader **out);
/* Accepts NULL. */
void pcapng_reader_free(struct pcapng_reader *reader);

/* What the sections begun so far say of themselves, a line each, as the file has it, cut off; "": nothing.
 * Until the reader is freed. */
const char *pcapng_reader_comments(const struct pcapng_reader *reader);

/* 1: *out is the next packet; 0: the end, between two blocks; -EBADMSG: cut off or damaged, *reason says what
 * and where; -EIO: the stream could not be read; -ENOMEM. */
int pcapng_reader_next(
	struct pcapng_reader *reader, struct pcapng_frame *out, char reason[static PCAPNG_REASON_SIZE]);
