// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/parcel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct datagram {
	struct ethhdr ethernet;
	union {
		struct iphdr v4;
		struct ip6_hdr v6;
	};
	uint16_t udp[4];
} __attribute__((packed));

static uint16_t checksum(const struct iphdr *header)
{
	uint16_t words[sizeof(*header) / 2];
	uint32_t sum = 0;
	memcpy(words, header, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t write_v4(struct datagram *frame, const char *source, const char *destination)
{
	struct iphdr header = { .version = 4,
		.ihl = 5,
		.ttl = 9,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(header) + 8),
		.saddr = inet_addr(source),
		.daddr = inet_addr(destination) };
	header.check = checksum(&header);
	frame->ethernet.h_proto = htons(ETH_P_IP);
	memcpy(&frame->v4, &header, sizeof(header));
	memcpy((char *)&frame->v4 + sizeof(header), frame->udp, sizeof(frame->udp));
	return sizeof(frame->ethernet) + sizeof(header) + sizeof(frame->udp);
}

static size_t write_v6(struct datagram *frame, const char *source, const char *destination)
{
	struct ip6_hdr header = {
		.ip6_flow = htonl(6U << 28), .ip6_plen = htons(8), .ip6_nxt = IPPROTO_UDP, .ip6_hlim = 9
	};
	inet_pton(AF_INET6, source, &header.ip6_src);
	inet_pton(AF_INET6, destination, &header.ip6_dst);
	frame->ethernet.h_proto = htons(ETH_P_IPV6);
	memcpy(&frame->v6, &header, sizeof(header));
	return sizeof(*frame);
}

static int hardware_address(int fd, const char *device, unsigned char out[static ETH_ALEN])
{
	struct ifreq request = { 0 };
	strcpy(request.ifr_name, device);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	memcpy(out, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return 0;
}

static int post_frames(int fd, const struct parcel *parcel, int count)
{
	char peer[IF_NAMESIZE + 1];
	struct datagram frame = { .ethernet.h_source = { 2, 0, 0, 0, 0, 9 }, /* a bridge wants one */
		.udp = { htons(4000), htons(parcel->port), htons(8), 0 } };
	snprintf(peer, sizeof(peer), "p%s", parcel->device);
	int error = hardware_address(fd, parcel->device, frame.ethernet.h_dest);
	if (error < 0)
		return error;
	size_t size = strchr(parcel->source, ':') ? write_v6(&frame, parcel->source, parcel->destination)
						  : write_v4(&frame, parcel->source, parcel->destination);
	const struct sockaddr_ll to = { .sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(parcel->peer ? parcel->peer : peer),
		.sll_halen = ETH_ALEN };
	for (int i = 0; i < count; i++)
		if (sendto(fd, &frame, size, 0, (const struct sockaddr *)&to, sizeof(to)) < 0)
			return -errno;
	return 0;
}

int parcel_post(const struct parcel *parcel, int count)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int error = post_frames(fd, parcel, count);
	close(fd);
	return error;
}
