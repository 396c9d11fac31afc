// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/capture_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/*
 * libpcap compiles the expression for frames with an SLL2 header and, when it attaches the program, turns
 * what lies in that header into questions about the packet's metadata. So ether[0:2] is the protocol,
 * ether[10] the packet type (3: for another host, PACKET_OTHERHOST), and what lies from ether[20] on the
 * network header. Any other byte of the SLL2 header would make libpcap filter in user space.
 */

#define IP4_BARE     "ip[2:2] - ((ip[0] & 15) << 2) - ((tcp[12] & 0xf0) >> 2) = 0"
#define IP6_BARE     "ip6[4:2] - ((ip6[52] & 0xf0) >> 2) = 0"
#define ICMP4_WANTED "(icmp[0] = 0 or icmp[0] = 8)"
#define ICMP6_WANTED "(ip6[40] = 128 or ip6[40] = 129)"
/* Behind extension headers a program without loops cannot look: what is small passes. 0 is a jumbogram. */
#define IP6_EXTENDED                                                    \
	"((ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 51 or ip6[6] = 60 or " \
	"(ip6[6] = 44 and ip6[42:2] & 0xfff8 = 0)) and ip6[4:2] > 0 and ip6[4:2] < 256)"
/* A tag that is still in the frame, the inner one of two: IPv4 without options, or IPv6. */
#define TAGGED                                                                                                 \
	"((ether[0:2] = 0x8100 or ether[0:2] = 0x88a8) and "                                                   \
	"((ether[22:2] = 0x0800 and ((ether[24] = 0x45 and ether[33] = 6 and "                                 \
	"(ether[57] & 6 != 0 or ether[26:2] - 20 - ((ether[56] & 0xf0) >> 2) = 0)) or "                        \
	"(ether[24] = 0x45 and ether[33] = 1 and (ether[44] = 0 or ether[44] = 8)) or ether[24] != 0x45)) or " \
	"(ether[22:2] = 0x86dd and ((ether[30] = 6 and "                                                       \
	"(ether[77] & 6 != 0 or ether[28:2] - ((ether[76] & 0xf0) >> 2) = 0)) or "                             \
	"(ether[30] != 6 and ether[30] != 17 and ether[28:2] > 0 and ether[28:2] < 256)))))"

#define EXPRESSION                                                              \
	"ether[10] != 3 and ("                                                  \
	"(ip and ((tcp and (tcp[13] & 6 != 0 or (" IP4_BARE "%s))) or "         \
	"(icmp and " ICMP4_WANTED "))) or "                                     \
	"(ip6 and ((ip6[6] = 6 and (ip6[53] & 6 != 0 or (" IP6_BARE "%s))) or " \
	"(ip6[6] = 58 and " ICMP6_WANTED ") or " IP6_EXTENDED ")) or " TAGGED ")"

#define EXCEPTION_SIZE (ACK_HEAVY_FLOWS * 112)

static int write_exception(const struct ack_heavy_flow *flow, char *text, size_t size)
{
	if (flow->family == AF_INET)
		return snprintf(text, size, " and not (tcp[0:4] = %u and ip[12:4] = %u and ip[16:4] = %u)",
			flow->ports, flow->source, flow->destination);
	return snprintf(text, size, " and not (ip6[40:4] = %u and ip6[20:4] = %u and ip6[36:4] = %u)",
		flow->ports, flow->source, flow->destination);
}

static void write_exceptions(
	uint8_t family, const struct ack_heavy_flow *heavy, size_t count, char text[static EXCEPTION_SIZE])
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && i < ACK_HEAVY_FLOWS; i++)
		if (heavy[i].family == family)
			used += (size_t)write_exception(&heavy[i], text + used, EXCEPTION_SIZE - used);
}

int capture_filter_make(const struct ack_heavy_flow *heavy, size_t count, struct bpf_program *out)
{
	char exceptions[2][EXCEPTION_SIZE], expression[2 * EXCEPTION_SIZE + sizeof(EXPRESSION)];
	write_exceptions(AF_INET, heavy, count, exceptions[0]);
	write_exceptions(AF_INET6, heavy, count, exceptions[1]);
	snprintf(expression, sizeof(expression), EXPRESSION, exceptions[0], exceptions[1]);
	pcap_t *frames = pcap_open_dead(DLT_LINUX_SLL2, CAPTURE_SNAPLEN);
	if (!frames)
		return -ENOMEM;
	int result = pcap_compile(frames, out, expression, 1, PCAP_NETMASK_UNKNOWN);
	pcap_close(frames);
	return result < 0 ? -EINVAL : 0;
}
