/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where packets are captured: one contract, of which there are two kinds. taps_bpf has one program in the
 * kernel for all devices, taps_pcap one packet socket for each.
 */

#include <stdbool.h>

#include "collectors/capture/capture_set.h"
#include "collectors/capture/packet.h"
#include "collectors/capture/tap_frame.h"

/* Who takes the frames. The lock is held while `frame` is called, and never for long. */
struct taps_user {
	void *argument;
	void (*enter)(void *argument);
	void (*leave)(void *argument);
	tap_function *frame; /* with the header of DLT_LINUX_SLL2 */
	uint64_t seed;       /* of collectors/base/flow_sample.h; secret */
};

struct taps_kind {
	const char *name;
	bool monotonic; /* the frames' times are of CLOCK_MONOTONIC, else of CLOCK_REALTIME */

	/* In the network namespace of the calling thread. all: there are no devices that are not wanted. 0;
	 * -EPERM; -EOPNOTSUPP: the kernel, or this build, has it not; or another negative errno. */
	int (*open)(const struct taps_user *user, bool all, void **taps);
	void (*close)(void *taps);
	/* Devices, on the thread that opened; `argument` is the taps. */
	struct capture_source devices;

	/* Waits for packets, timeout_ms at most, and hands over what has come. */
	void (*read)(void *taps, int timeout_ms);
	/* Ends the waiting. Any thread. */
	void (*wake)(void *taps);
	/* A packet of the present read(), as it was understood. NULL: it need not be told. */
	void (*note)(void *taps, const struct packet *packet);

	/* From now on packets of one flow of `ratio` are captured, and of clients that come again unanswered.
	 * Between calls of read(). NULL: all are, always. */
	void (*sample)(void *taps, uint32_t ratio);

	const char *needs, *lacks; /* what -EPERM and -EOPNOTSUPP mean */
};

extern const struct taps_kind taps_bpf, taps_pcap;
