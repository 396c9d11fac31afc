// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/record_frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <string.h>

int record_frame_read(
	const void *data, size_t size, uint8_t bytes[static RECORD_FRAME_BYTES], struct tap_frame *out)
{
	struct packet_record record;
	if (size < sizeof(record))
		return -EBADMSG;
	memcpy(&record, data, sizeof(record));
	if (record.size > sizeof(record.bytes) || record.size > record.length ||
		record.length > PACKETS_LENGTH_MAX)
		return -EBADMSG;
	struct sll2_header header = {
		.sll2_protocol = record.tagged ? htons(ETH_P_8021Q) : record.protocol,
		.sll2_if_index = htonl(record.ifindex),
		.sll2_hatype = htons(ARPHRD_ETHER),
		.sll2_pkttype = record.outgoing ? LINUX_SLL_OUTGOING : LINUX_SLL_HOST,
		.sll2_halen = 6,
	};
	memcpy(header.sll2_addr, record.address, sizeof(header.sll2_addr));
	memcpy(bytes, &header, SLL2_HDR_LEN);
	uint32_t begin = SLL2_HDR_LEN;
	if (record.tagged) {
		const uint16_t tag[2] = { htons(record.tag), record.protocol };
		memcpy(bytes + begin, tag, sizeof(tag));
		begin += sizeof(tag);
	}
	memcpy(bytes + begin, record.bytes, record.size);
	*out = (struct tap_frame){ .time_ns = (int64_t)record.time_ns,
		.bytes = bytes,
		.size = begin + record.size,
		.length = begin + record.length,
		.recalled = record.recalled };
	return 0;
}
