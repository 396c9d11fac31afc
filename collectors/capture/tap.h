/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One device's packet capture, on libpcap. Frames have the header of DLT_LINUX_SLL2, whatever the device is:
 * it tells in which direction a packet goes, which Ethernet addresses do not (and a tun device has none). One
 * ring for both directions, so that packets come in their order.
 *
 * Opened in the network namespace of the calling thread. Not to be used on two threads at once.
 */

#include <pcap/pcap.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/tap_frame.h"

/* Of the kernel's ring for each device; it counts as resident memory of this process from the start. 5,000
 * handshake packets fit. */
#define TAP_RING_BYTES ((size_t)1024 * 1024)
/* The smallest ring: 140 packets fit. */
#define TAP_RING_LEAST ((size_t)32 * 1024)
/* Packets wait at most so long in a ring of TAP_RING_BYTES for others to come. The blocks that makes possible
 * have 256 KiB, so a smaller ring gives each packet away at once, and would wake its reader for each: it is
 * better looked at now and then than waited for. */
#define TAP_DELAY_MS 100

struct tap;

/* A device may be down or go down: packets come when it is up again. ring: TAP_RING_LEAST to TAP_RING_BYTES.
 * 0; -EPERM: no CAP_NET_RAW; -ENODEV: it is gone; -EMFILE: out of descriptors; -ENOMEM; or another negative
 * errno. */
int tap_open(int ifindex, size_t ring, const struct bpf_program *filter, struct tap **out);
/* Accepts NULL. */
void tap_close(struct tap *tap);
/* Readable when there are frames, or when the device has failed. */
int tap_descriptor(const struct tap *tap);
/* Hands over at most `most` frames, without waiting, with times of CLOCK_REALTIME. How many, or -EIO: the tap
 * is of no more use. */
int tap_read(struct tap *tap, int most, tap_function *function, void *argument);
/* Replaces the filter, of which a copy is kept; see collectors/capture/capture_filter.h. 0 or -EIO. */
int tap_filter(struct tap *tap, const struct bpf_program *filter);
/* Counts since the tap was opened, which overflow: packets that passed the filter, and those of them that
 * found no room in the ring. 0 or -EIO. */
int tap_counts(struct tap *tap, uint32_t *received, uint32_t *dropped);
