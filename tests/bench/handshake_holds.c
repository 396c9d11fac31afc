// SPDX-License-Identifier: GPL-2.0-or-later
/* How long the handshake table is held at a time: all that the collector does with it under its lock, on a
 * table full of what costs most, each piece by the CPU time of the thread. Arguments: entries, devices. Exit
 * status 1 if the table was not as full as it was to be. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "collectors/capture/reorder.h"
#include "collectors/handshake/handshake.h"

#define START_NS     (INT64_C(1000) * 1000000000)
#define SECOND_NS    INT64_C(1000000000)
#define PIECE        256  /* as collectors/capture/capture.c takes them */
#define WAITING      4096 /* likewise */
#define FRAMES       512
#define ROUNDS       20
#define SERVER       0x0a000000
#define LISTED       128 /* services, suspects of each kind */
#define DEVICES_MOST 4096
#define PARTS        6 /* kinds of parts of a report */

struct hold {
	const char *name;
	double longest, sum; /* microseconds */
	unsigned count;
};

enum { FEED, DEVICES, REPORT, EVIDENCE = REPORT + PARTS, END, HOLDS };

static struct hold holds[HOLDS] = {
	[FEED] = { .name = "256 packets, each makes room" },
	[DEVICES] = { .name = "which devices there are" },
	[REPORT] = { .name = "report: suspects" },
	[REPORT + 1] = { .name = "report: devices" },
	[REPORT + 2] = { .name = "report: pairs" },
	[REPORT + 3] = { .name = "report: services" },
	[REPORT + 4] = { .name = "report: room for peers" },
	[REPORT + 5] = { .name = "report: peers of 128 devices" },
	[EVIDENCE] = { .name = "frames of evidence" },
	[END] = { .name = "256 handshakes that end" },
};

static double now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void note(unsigned hold, double began)
{
	double passed = now_us() - began;
	holds[hold].longest = passed > holds[hold].longest ? passed : holds[hold].longest;
	holds[hold].sum += passed;
	holds[hold].count++;
}

struct source {
	struct handshakes *handshakes;
	struct reorder waiting;
	unsigned devices;
	int64_t time_ns;
};

static struct address host(uint32_t number)
{
	const uint8_t bytes[16] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
		(uint8_t)number };
	return address_make(AF_INET, bytes);
}

static void feed(void *argument, const struct packet *packet, const struct sighting *sighting)
{
	handshakes_feed(argument, packet, sighting);
}

static void send_one(struct source *source, unsigned device, bool in, uint32_t client, uint32_t server,
	uint8_t flags, uint32_t sequence)
{
	static const uint8_t frame[128];
	const bool asks = !(flags & TCP_SYN) || !(flags & TCP_ACK);
	const struct packet packet = { .kind = PACKET_TCP,
		.source = host(asks ? client : server),
		.destination = host(asks ? server : client),
		.source_port = asks ? 1024 : 80,
		.destination_port = asks ? 80 : 1024,
		.flags = flags,
		.sequence = asks ? sequence : 7,
		.acknowledgement = asks ? 8 : sequence + 1 };
	const struct sighting sighting = { .device = (int)device,
		.direction = in ? DIRECTION_IN : DIRECTION_OUT,
		.time_ns = source->time_ns,
		.frame = frame,
		.size = sizeof(frame),
		.length = sizeof(frame) };
	reorder_put(&source->waiting, &packet, &sighting, feed, source->handshakes);
}

static void release(struct source *source)
{
	reorder_release(&source->waiting, INT64_MAX, SIZE_MAX, feed, source->handshakes);
}

static uint32_t scatter(uint32_t number)
{
	return number * 2654435761u;
}

/* Each device sees more clients complete than it remembers, and answers leave by many others. */
static void complete_everywhere(struct source *source)
{
	for (unsigned i = 0; i < source->devices * 20; i++) {
		uint32_t client = 0x0b000000 + i, server = SERVER + i % 1024, isn = scatter(i);
		unsigned in = 1 + i % source->devices, out = 1 + (in + i / source->devices) % source->devices;
		send_one(source, in, true, client, server, TCP_SYN, isn);
		send_one(source, out, false, client, server, TCP_SYN | TCP_ACK, isn);
		send_one(source, in, true, client, server, TCP_ACK, isn + 1);
		source->time_ns += 20000;
	}
	release(source);
	source->time_ns += SECOND_NS;
	handshakes_advance(source->handshakes, source->time_ns);
}

/* Lost replies, stray ones and services that do not answer. */
static void fail(struct source *source)
{
	for (unsigned again = 0; again < 2; again++) {
		for (unsigned i = 0; i < LISTED; i++) {
			uint32_t client = 0x0c000000 + i, isn = scatter(~i);
			send_one(source, 1 + i % source->devices, true, client, SERVER + i, TCP_SYN, isn);
			send_one(source, 1 + i % source->devices, true, client + LISTED, SERVER + 2048 + i,
				TCP_SYN, isn + 1);
			send_one(source, 1, false, client, SERVER + i, TCP_SYN | TCP_ACK, isn);
			send_one(source, 2, false, client + 2 * LISTED, SERVER, TCP_SYN | TCP_ACK, isn + 2);
		}
		source->time_ns += SECOND_NS;
	}
}

static uint32_t flooded;

static void flood(struct source *source, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, flooded++) {
		send_one(source, 1 + flooded % source->devices, true, 0x14000000 + flooded,
			SERVER + flooded % 4096, TCP_SYN, scatter(flooded * 3));
		source->time_ns += 1000;
	}
}

static struct handshake_report report_held(struct source *source)
{
	static struct handshake_presence present[DEVICES_MOST];
	static struct frame frames[FRAMES];
	for (unsigned i = 0; i < source->devices; i++)
		present[i] = (struct handshake_presence){ .device = (int)i + 1, .present = true };
	double began = now_us();
	handshakes_devices(source->handshakes, present, source->devices);
	note(DEVICES, began);
	struct handshake_report report = { 0 };
	struct handshake_progress progress = { 0 };
	unsigned kind;
	for (int more = 1; more > 0;) {
		kind = progress.part < PARTS ? progress.part : PARTS - 1;
		began = now_us();
		more = handshakes_report_part(source->handshakes, &report, &progress);
		note(REPORT + kind, began);
		if (more < 0)
			abort();
	}
	began = now_us();
	handshakes_evidence(source->handshakes, frames, FRAMES);
	note(EVIDENCE, began);
	return report;
}

int main(int argc, char **argv)
{
	struct handshake_limits limits = handshake_limits_default;
	struct source source = { .time_ns = START_NS };
	limits.handshakes = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 65536;
	source.devices = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 500;
	if (limits.handshakes < 4096 || source.devices < 2 || source.devices > DEVICES_MOST ||
		handshakes_new(&limits, 12345, &source.handshakes) < 0 ||
		reorder_init(&source.waiting, WAITING) < 0)
		return 1;
	complete_everywhere(&source);
	fail(&source);
	flood(&source, limits.handshakes + WAITING);
	bool full = true;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double began = now_us();
		flood(&source, PIECE);
		note(FEED, began);
		struct handshake_report report = report_held(&source);
		full &= report.tracked == report.limit && report.device_count == source.devices;
		if (round == 0)
			printf("%zu open handshakes, %zu devices, %zu pairs, %zu services, %zu suspects, "
			       "%zu services that do not answer, %zu peers\n",
				(size_t)report.tracked, report.device_count, report.pair_count,
				report.service_count, report.suspect_count, report.unanswered_count,
				report.peer_count);
		handshake_report_clear(&report);
	}
	release(&source);
	source.time_ns += 20 * SECOND_NS; /* all that is open is due at once */
	for (bool all = false; !all;) {
		double began = now_us();
		all = handshakes_advance_some(source.handshakes, source.time_ns, PIECE);
		note(END, began);
	}
	printf("%-32s %10s %12s %8s\n", "held for", "longest us", "on average", "times");
	for (unsigned i = 0; i < HOLDS; i++)
		printf("%-32s %10.0f %12.0f %8u\n", holds[i].name, holds[i].longest,
			holds[i].sum / holds[i].count, holds[i].count);
	reorder_destroy(&source.waiting);
	handshakes_free(source.handshakes);
	return full ? 0 : 1;
}
