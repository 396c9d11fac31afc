/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads capture files frame by frame: pcapng by pcapng_reader.h, pcap through libpcap.
 */

#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet.h"

#define CAPTURE_ERROR_SIZE 512

struct capture_file;

struct capture_frame {
	enum packet_link link;
	const uint8_t *bytes; /* until the next call */
	uint32_t size;        /* captured */
	uint32_t length;      /* on the wire */
	int64_t time_ns;      /* -1: cannot be told */
	/* What pcapng tells beside the bytes. */
	enum direction direction;
	const char *interface; /* its name, until the next call; NULL: not told */
	uint32_t interface_number;
};

/* "-": standard input; other pipes and devices are refused, for they may never end. 0 or negative errno, and
 * then *error says in one line what is wrong with which file: -EPROTONOSUPPORT for a link type that is not
 * known here, -EBADMSG for a file that is no capture, or why it could not be opened. */
int capture_file_open(const char *path, struct capture_file **out, char error[static CAPTURE_ERROR_SIZE]);
/* Accepts NULL. */
void capture_file_close(struct capture_file *file);

/* 1: *out is the next frame; 0: the end; -EBADMSG: the file is cut off or damaged here, see *error. Frames of
 * a pcapng interface whose link type is not known here are passed over, see capture_file_skipped(); if there
 * are no others, the end is -EPROTONOSUPPORT. -ENOMEM, -EIO. */
int capture_file_next(
	struct capture_file *file, struct capture_frame *out, char error[static CAPTURE_ERROR_SIZE]);

/* Frames passed over so far. */
uint64_t capture_file_skipped(const struct capture_file *file);
/* What the file says of itself, a line for each part that does; "": nothing. Until it is closed. */
const char *capture_file_comments(const struct capture_file *file);
/* How much of the file is read, 0 to 1; negative where its size is not known. */
double capture_file_part(const struct capture_file *file);
