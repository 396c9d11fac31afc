/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the kernel hands over of all packets of a device: SYN, SYN-ACK, RST, segments without payload, ICMP
 * echo, of IPv4 and IPv6. Any thread.
 *
 * The ACK that completes a handshake cannot be told from the ACKs of a heavy transfer by looking at it, and
 * those are many. So flows that were found to be heavy (collectors/capture/ack_heavy_flows.h) are named here,
 * and of them only segments with SYN or RST pass.
 */

#include <pcap/pcap.h>
#include <stddef.h>

#include "collectors/capture/ack_heavy_flows.h"

/* Bytes from the link layer's header on: SLL2 (20), IPv6 (40), TCP with all options (60), and some to spare.
 */
#define CAPTURE_SNAPLEN 128

/* For frames with the header of DLT_LINUX_SLL2. *out is to be freed by pcap_freecode(). 0, or -EINVAL. */
int capture_filter_make(const struct ack_heavy_flow *heavy, size_t count, struct bpf_program *out);
