// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames through the packet reader and the handshake table, as the capture thread hands them on. Arguments:
 * how many distinct sources the flood has. Exit status 1 if what comes out is not what went in. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collectors/handshake/handshake.h"

#define START_NS  (INT64_C(1700000000) * 1000000000)
#define SECOND_NS INT64_C(1000000000)
#define SERVER    0x0a000001

struct sender {
	struct handshakes *handshakes;
	int64_t time_ns, gap_ns;
	uint64_t sent;
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

struct segment {
	uint32_t source, destination;
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgement;
	uint8_t flags;
};

static void send_segment(struct sender *sender, const struct segment *segment)
{
	uint8_t frame[74] = { [12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [46] = 0xa0 };
	put16(frame + 16, sizeof(frame) - 14);
	put32(frame + 26, segment->source);
	put32(frame + 30, segment->destination);
	put16(frame + 34, segment->source_port);
	put16(frame + 36, segment->destination_port);
	put32(frame + 38, segment->sequence);
	put32(frame + 42, segment->acknowledgement);
	frame[47] = segment->flags;

	struct packet packet;
	const struct sighting sighting = { .device = 2,
		.direction = segment->source == SERVER ? DIRECTION_OUT : DIRECTION_IN,
		.time_ns = sender->time_ns,
		.frame = frame,
		.size = sizeof(frame),
		.length = sizeof(frame) };
	if (packet_read(PACKET_ETHERNET, frame, sizeof(frame), &packet) < 0)
		abort();
	handshakes_feed(sender->handshakes, &packet, &sighting);
	sender->time_ns += sender->gap_ns;
	sender->sent++;
}

static uint32_t scatter(uint32_t number)
{
	return number * 2654435761u; /* a bijection: distinct in, distinct out */
}

static void open_one(struct sender *sender, uint32_t number)
{
	uint32_t client = 0x0b000000 + number % 50000, isn = scatter(number);
	uint16_t port = (uint16_t)(1024 + number / 50000);
	const struct segment steps[] = {
		{ client, SERVER, port, 80, isn, 0, TCP_SYN },
		{ SERVER, client, 80, port, ~isn, isn + 1, TCP_SYN | TCP_ACK },
		{ client, SERVER, port, 80, isn + 1, ~isn + 1, TCP_ACK },
	};
	for (unsigned i = 0; i < 3; i++)
		send_segment(sender, &steps[i]);
}

static void transfer(struct sender *sender, uint32_t number)
{
	const struct segment ack = { 0x0b000000 + number % 1000, SERVER, 1024, 80, 1, scatter(number),
		TCP_ACK };
	send_segment(sender, &ack);
}

static void spoof(struct sender *sender, uint32_t number)
{
	uint32_t source = scatter(number), isn = scatter(~number);
	const struct segment steps[] = {
		{ source, SERVER, 5000, 80, isn, 0, TCP_SYN },
		{ SERVER, source, 80, 5000, 7, isn + 1, TCP_SYN | TCP_ACK },
	};
	for (unsigned i = 0; i < 2; i++)
		send_segment(sender, &steps[i]);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sender start(int64_t gap_ns)
{
	struct sender sender = { .time_ns = START_NS, .gap_ns = gap_ns };
	if (handshakes_new(&handshake_limits_default, 12345, &sender.handshakes) < 0)
		abort();
	return sender;
}

static void print(const char *name, const struct sender *sender, double seconds)
{
	printf("%-28s %10" PRIu64 " packets  %6.2f M/s  %5.0f ns each  %6ld KiB resident\n", name,
		sender->sent, (double)sender->sent / seconds / 1e6, seconds * 1e9 / (double)sender->sent,
		resident_kib());
}

static void measure(const char *name, struct sender *sender, uint32_t count,
	void (*step)(struct sender *sender, uint32_t number))
{
	double began = now();
	for (uint32_t i = 0; i < count; i++)
		step(sender, i);
	print(name, sender, now() - began);
}

static bool openings(uint32_t count)
{
	struct sender sender = start(3333); /* 100,000 openings a second */
	measure("openings that complete", &sender, count, open_one);
	struct handshake_report report;
	handshakes_finish(sender.handshakes);
	if (handshakes_report(sender.handshakes, &report) < 0)
		abort();
	bool exact = report.outcomes[HANDSHAKE_COMPLETED] == count && report.evicted == 0;
	handshake_report_clear(&report);
	handshakes_free(sender.handshakes);
	return exact;
}

static void transfers(uint32_t count)
{
	struct sender sender = start(1000);
	measure("ACKs of no handshake", &sender, count, transfer);
	handshakes_free(sender.handshakes);
}

#define LOST 20 /* clients among them whose replies are lost */

/* They send their SYNs as Linux does, and are answered. */
static void send_lost(struct sender *sender)
{
	for (uint32_t i = 0; i < LOST; i++) {
		const uint32_t client = 0x0c000001 + i, isn = scatter(i + 77);
		const struct segment syn = { client, SERVER, 4000, 22, isn, 0, TCP_SYN };
		const struct segment synack = { SERVER, client, 22, 4000, 5, isn + 1, TCP_SYN | TCP_ACK };
		send_segment(sender, &syn);
		send_segment(sender, &synack);
	}
}

/* How many of them are known; nobody else may be suspected. */
static int count_found(struct handshakes *handshakes)
{
	int found = 0;
	struct handshake_report report;
	if (handshakes_report(handshakes, &report) < 0)
		abort();
	for (size_t i = 0; i < report.suspect_count; i++)
		found = report.suspects[i].server_port == 22 && found >= 0 ? found + 1 : -1;
	printf("%-28s %d of %d lost clients found; tracked %" PRIu64 ", evicted %" PRIu64 "\n", "", found,
		LOST, report.tracked, report.evicted);
	handshake_report_clear(&report);
	return found;
}

/* All sources within 30 s. */
static bool flood(uint32_t count)
{
	static const int64_t seconds[] = { 0, 1, 3, 7, 15, 30 };
	struct sender sender = start(30 * SECOND_NS / (2 * (int64_t)count + LOST * 2 * 5 + 1));
	uint32_t number = 0;
	int found = 0;
	double began = now();
	for (unsigned part = 0; part < 5; part++) {
		sender.time_ns = START_NS + seconds[part] * SECOND_NS;
		send_lost(&sender);
		found = count_found(sender.handshakes);
		uint32_t until = (uint32_t)((uint64_t)count * (uint64_t)seconds[part + 1] / 30);
		for (; number < until; number++)
			spoof(&sender, number);
		print("spoofed flood", &sender, now() - began);
	}
	handshakes_free(sender.handshakes);
	return found >= LOST * 3 / 4;
}

int main(int argc, char **argv)
{
	uint32_t sources = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000000;
	bool exact = openings(sources / 10);
	transfers(sources);
	bool kept = flood(sources);
	if (!exact)
		puts("counts of openings are not exact");
	if (!kept)
		puts("the clients whose replies are lost were not found, or others were");
	return exact && kept ? 0 : 1;
}
