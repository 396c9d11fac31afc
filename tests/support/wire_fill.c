// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes handshakes of known outcomes, or floods, at one device: packet sockets at both of its ends send what
 * arrives and what leaves. No host answers, for nobody owns the addresses.
 *
 *	wire_fill WATCHED DEVICE PEER PEER_DEVICE mix COUNT       so many of each outcome, and what was made
 *	wire_fill WATCHED DEVICE PEER PEER_DEVICE complete SECONDS RATE   completed ones
 *	wire_fill WATCHED DEVICE PEER PEER_DEVICE flood SECONDS RATE      SYNs from sources that do not exist
 *
 * WATCHED and PEER are paths of network namespaces; RATE 0 is as fast as it goes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN, OUT };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

struct end {
	int socket;
	struct sockaddr_ll to;
};

struct wire {
	struct end ends[2]; /* IN: the peer's, OUT: the watched one's */
	uint64_t sent;
};

/* Client and server of one flow, told apart by `number`. */
struct flow {
	bool six;
	uint32_t number, sequence;
};

static void fail(const char *what)
{
	perror(what);
	exit(77);
}

static void enter(const char *path)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0 || setns(descriptor, CLONE_NEWNET) < 0)
		fail(path);
	close(descriptor);
}

static void hardware_address(const char *device, uint8_t out[static 6])
{
	struct ifreq request = { 0 };
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (ioctl(descriptor, SIOCGIFHWADDR, &request) < 0)
		fail(device);
	memcpy(out, request.ifr_hwaddr.sa_data, 6);
	close(descriptor);
}

/* In the present namespace. */
static struct end open_end(const char *device)
{
	struct end end = {
		.socket = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		.to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device), .sll_halen = 6 }
	};
	int size = 4 << 20;
	if (end.socket < 0 || end.to.sll_ifindex == 0)
		fail(device);
	setsockopt(end.socket, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return end;
}

static struct wire open_wire(char **argv)
{
	struct wire wire = { 0 };
	uint8_t watched[6], peer[6];
	enter(argv[1]);
	wire.ends[OUT] = open_end(argv[2]);
	hardware_address(argv[2], watched);
	enter(argv[3]);
	wire.ends[IN] = open_end(argv[4]);
	hardware_address(argv[4], peer);
	memcpy(wire.ends[IN].to.sll_addr, watched, 6);
	memcpy(wire.ends[OUT].to.sll_addr, peer, 6);
	return wire;
}

/* ---- packets ---- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint16_t ip_checksum(const uint8_t *header)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* 198.18.0.0/15 and 2001:2::/48 are for measurements (RFC 2544, RFC 5180). */
static size_t put_ip(const struct flow *flow, int direction, uint8_t *out)
{
	uint8_t client[16] = { 0x20, 0x01, 0, 2, 0, 0, 0, 1 }, server[16] = { 0x20, 0x01, 0, 2, 0, 0, 0, 2 };
	size_t size = flow->six ? 16 : 4, at = flow->six ? 8 : 12;
	if (flow->six) {
		put32(client + 12, flow->number);
		server[15] = (uint8_t)(1 + flow->number % 4);
		memcpy(out, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 20, 6, 64 }, 8);
	} else {
		put32(client, 0xc6120000 | (flow->number & 0xffff));
		put32(server, 0xc6130001 + flow->number % 4);
		memcpy(out, (const uint8_t[]){ 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0 }, 12);
	}
	memcpy(out + at, direction == IN ? client : server, size);
	memcpy(out + at + size, direction == IN ? server : client, size);
	if (!flow->six)
		put16(out + 10, ip_checksum(out));
	return at + 2 * size;
}

static void send_tcp(struct wire *wire, const struct flow *flow, int direction, uint8_t flags)
{
	uint8_t bytes[64] = { 0 };
	struct end *end = &wire->ends[direction];
	size_t size = put_ip(flow, direction, bytes);
	uint8_t *tcp = bytes + size;
	uint32_t client_port = 1024 + flow->number / 65536 * 7 % 60000, own = flow->sequence;
	put16(tcp, direction == IN ? client_port : 80);
	put16(tcp + 2, direction == IN ? 80 : client_port);
	put32(tcp + 4, direction == IN ? own + (flags & SYN ? 0 : 1) : ~own);
	put32(tcp + 8, flags & ACK ? (direction == IN ? ~own + 1 : own + 1) : 0);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 65535);
	end->to.sll_protocol = htons(flow->six ? ETH_P_IPV6 : ETH_P_IP);
	while (sendto(end->socket, bytes, size + 20, 0, (const struct sockaddr *)&end->to, sizeof(end->to)) <
		0)
		if (errno != ENOBUFS && errno != EINTR)
			fail("sendto");
	wire->sent++;
}

/* ---- modes ---- */

struct step {
	int direction;
	uint8_t flags;
};

/* What is sent at first, and what after a pause. */
static const struct outcome {
	const char *name;
	struct step first[3], later[1];
} outcomes[] = {
	{ "completed", { { IN, SYN }, { OUT, SYN | ACK }, { IN, ACK } }, { { 0 } } },
	{ "refused", { { IN, SYN }, { OUT, RST | ACK } }, { { 0 } } },
	{ "one_way", { { IN, SYN }, { OUT, SYN | ACK } }, { { IN, SYN } } },
	{ "abandoned", { { IN, SYN }, { OUT, SYN | ACK } }, { { 0 } } },
	{ "unanswered", { { IN, SYN } }, { { 0 } } },
	{ "return_only", { { OUT, SYN | ACK } }, { { 0 } } },
};

#define OUTCOMES (sizeof(outcomes) / sizeof(*outcomes))

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* So that no ring overflows where others use the machine as well: about 12,000 packets a second. */
static void pace(const struct wire *wire)
{
	if (wire->sent % 100 == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 8000000 }, NULL);
}

static struct flow flow_of(uint32_t number)
{
	return (struct flow){
		.six = number & 1, .number = number, .sequence = number * UINT32_C(2654435761)
	};
}

static void mix(struct wire *wire, uint32_t count, bool later)
{
	for (uint32_t i = 0; i < count * OUTCOMES; i++) {
		const struct outcome *outcome = &outcomes[i / count];
		const struct step *steps = later ? outcome->later : outcome->first;
		const struct flow flow = flow_of(i);
		for (unsigned j = 0; j < (later ? 1 : 3) && steps[j].flags; j++) {
			send_tcp(wire, &flow, steps[j].direction, steps[j].flags);
			pace(wire);
		}
	}
}

static void run_mix(struct wire *wire, uint32_t count)
{
	mix(wire, count, false);
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
	mix(wire, count, true);
	for (size_t i = 0; i < OUTCOMES; i++)
		printf("%s %u\n", outcomes[i].name, count);
}

static void wait_turn(double start, double rate, uint64_t done)
{
	double ahead = rate > 0 ? start + (double)done / rate - seconds() : 0;
	if (ahead > 0.001)
		nanosleep(&(struct timespec){ .tv_nsec = (long)(ahead * 1e9) }, NULL);
}

static void run_for(struct wire *wire, double duration, double rate, unsigned steps)
{
	double start = seconds();
	uint32_t count = 0;
	for (; count % 64 || seconds() - start < duration; count++) {
		struct flow flow = flow_of(count);
		flow.six = false;
		for (unsigned i = 0; i < steps; i++)
			send_tcp(wire, &flow, outcomes[0].first[i].direction, outcomes[0].first[i].flags);
		if (count % 64 == 0)
			wait_turn(start, rate, count);
	}
	printf("handshakes %u\npackets %llu\nseconds %.3f\n", count, (unsigned long long)wire->sent,
		seconds() - start);
}

int main(int argc, char **argv)
{
	if (argc < 7) {
		fprintf(stderr, "usage: wire_fill WATCHED DEVICE PEER PEER_DEVICE mix COUNT | "
				"complete SECONDS RATE | flood SECONDS RATE\n");
		return 2;
	}
	struct wire wire = open_wire(argv);
	double number = strtod(argv[6], NULL), rate = argc > 7 ? strtod(argv[7], NULL) : 0;
	if (strcmp(argv[5], "mix") == 0)
		run_mix(&wire, (uint32_t)number);
	else
		run_for(&wire, number, rate, strcmp(argv[5], "flood") == 0 ? 1 : 3);
	return 0;
}
