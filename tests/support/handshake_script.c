// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct address script_host(char letter, uint8_t family)
{
	uint8_t bytes[16] = { 10, 0, 0, (uint8_t)letter };
	return address_make(family, bytes);
}

static uint8_t flags_of(const char *text)
{
	static const char letters[] = "FSRPAU";
	uint8_t flags = 0;
	for (; *text; text++) {
		const char *found = strchr(letters, *text);
		assert_non_null(found);
		flags |= (uint8_t)(1 << (found - letters));
	}
	return flags;
}

static enum direction direction_of(const char *text)
{
	return !strcmp(text, "in") ? DIRECTION_IN : !strcmp(text, "out") ? DIRECTION_OUT : DIRECTION_UNKNOWN;
}

static const uint8_t frame_bytes[SCRIPT_FRAME];

void script_feed_line(struct handshakes *handshakes, const char *line, uint8_t family)
{
	double seconds;
	int device, fields;
	unsigned from_port, to_port, sequence = 0, acknowledgement = 0, payload = 0;
	char direction[8], from, to, flags[8];
	if (sscanf(line, "wait %lf", &seconds) == 1) {
		handshakes_advance(handshakes, SCRIPT_START_NS + (int64_t)(seconds * 1e9));
		return;
	}
	fields = sscanf(line, "%lf %d %7s %c%u>%c%u %7s %u %u %u", &seconds, &device, direction, &from,
		&from_port, &to, &to_port, flags, &sequence, &acknowledgement, &payload);
	assert_true(fields >= 9);
	const struct packet packet = { .kind = PACKET_TCP,
		.source = script_host(from, family),
		.destination = script_host(to, family),
		.source_port = (uint16_t)from_port,
		.destination_port = (uint16_t)to_port,
		.flags = flags_of(flags),
		.sequence = sequence,
		.acknowledgement = acknowledgement,
		.payload = payload };
	const struct sighting sighting = { .device = device,
		.direction = direction_of(direction),
		.time_ns = SCRIPT_START_NS + (int64_t)(seconds * 1e9),
		.frame = frame_bytes,
		.size = SCRIPT_FRAME,
		.length = SCRIPT_FRAME };
	handshakes_feed(handshakes, &packet, &sighting);
}

void script_feed(struct handshakes *handshakes, const char *packets, uint8_t family)
{
	char *copy = strdup(packets), *rest = copy, *line;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			script_feed_line(handshakes, line, family);
	free(copy);
}

struct handshakes *script_table(void)
{
	static const struct handshake_limits limits = { .handshakes = 64,
		.evicted_syns = 1024,
		.echoes = 16,
		.devices = 8,
		.pairs = 8,
		.services = 4,
		.suspects = 16,
		.frames = 64 };
	struct handshakes *handshakes;
	assert_int_equal(handshakes_new(&limits, 42, &handshakes), 0);
	return handshakes;
}

static int kind_named(const char *name)
{
	for (int kind = 0; kind < HANDSHAKE_KINDS; kind++)
		if (!strcmp(handshake_kind_name((enum handshake_kind)kind), name))
			return kind;
	return -1;
}

static int outcome_named(const char *name)
{
	for (int outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		if (!strcmp(handshake_outcome_name((enum handshake_outcome)outcome), name))
			return outcome;
	return -1;
}

uint64_t script_packets_of(
	const struct handshake_report *report, int device, const char *direction, const char *kind)
{
	assert_true(kind_named(kind) >= 0);
	for (size_t i = 0; i < report->device_count; i++)
		if (report->devices[i].device == device)
			return report->devices[i].packets[direction_of(direction)][kind_named(kind)];
	return 0;
}

static uint64_t pair_of(const struct handshake_report *report, int syn, int synack, const char *outcome)
{
	assert_true(outcome_named(outcome) >= 0);
	for (size_t i = 0; i < report->pair_count; i++)
		if (report->pairs[i].syn_device == syn && report->pairs[i].synack_device == synack)
			return report->pairs[i].counts[outcome_named(outcome)];
	return 0;
}

static uint64_t value_of(const struct handshake_report *report, const char *name, uint64_t *unnamed)
{
	int device, other;
	char word[32], direction[8];
	if (sscanf(name, "%d>%d.%31s", &device, &other, word) == 3)
		return pair_of(report, device, other, word);
	if (sscanf(name, "%d%7[a-z].%31s", &device, direction, word) == 3)
		return script_packets_of(report, device, direction, word);
	int outcome = outcome_named(name);
	assert_true(outcome >= 0);
	unnamed[outcome] = 0;
	return report->outcomes[outcome];
}

void script_check(const struct script *script, const struct handshake_report *report)
{
	uint64_t unnamed[HANDSHAKE_OUTCOMES];
	memcpy(unnamed, report->outcomes, sizeof(unnamed));
	char *copy = strdup(script->result), *rest = copy, *token;
	while ((token = strsep(&rest, " "))) {
		char *equals = strchr(token, '=');
		if (!equals)
			continue;
		*equals = '\0';
		uint64_t value = value_of(report, token, unnamed);
		if (value != strtoull(equals + 1, NULL, 10))
			fail_msg("%s: %s is %llu, not %s", script->name, token, (unsigned long long)value,
				equals + 1);
	}
	free(copy);
	for (int outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		if (unnamed[outcome])
			fail_msg("%s: %s is %llu, not 0", script->name,
				handshake_outcome_name((enum handshake_outcome)outcome),
				(unsigned long long)unnamed[outcome]);
}
struct handshake_report script_report_after(struct handshakes *handshakes, const char *packets)
{
	struct handshake_report report;
	script_feed(handshakes, packets, AF_INET);
	assert_int_equal(handshakes_report(handshakes, &report), 0);
	return report;
}
