// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/wire_rows.h"

#include <string.h>

const char *wire_name(const struct facts *facts, int device)
{
	return device == HANDSHAKE_OTHER_DEVICES ? "other" : facts_capture_name(facts, device);
}

static bool same_name(const struct facts *facts, int a, int b)
{
	return a == b || strcmp(wire_name(facts, a), wire_name(facts, b)) == 0;
}

/* ---- devices ---- */

static void add_device(struct handshake_device *sum, const struct handshake_device *device)
{
	for (size_t direction = 0; direction < DIRECTIONS; direction++)
		for (size_t kind = 0; kind < HANDSHAKE_KINDS; kind++)
			sum->packets[direction][kind] += device->packets[direction][kind];
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		sum->recent[i] += device->recent[i];
	for (size_t i = 0; i < HANDSHAKE_DELAYS; i++)
		sum->delays[i] += device->delays[i];
	sum->delay_sum += device->delay_sum;
	for (size_t i = 0; i < ECHO_OUTCOMES; i++)
		sum->echoes[i] += device->echoes[i];
}

static bool device_came_before(const struct facts *facts, size_t position)
{
	const struct handshake_device *devices = facts->handshakes->devices;
	for (size_t i = 0; i < position; i++)
		if (same_name(facts, devices[i].device, devices[position].device))
			return true;
	return false;
}

bool wire_next_device(const struct facts *facts, size_t *at, struct handshake_device *row)
{
	const struct handshake_report *report = facts->handshakes;
	while (report && *at < report->device_count && device_came_before(facts, *at))
		(*at)++;
	if (!report || *at == report->device_count)
		return false;
	*row = report->devices[(*at)++];
	for (size_t i = *at; i < report->device_count; i++)
		if (same_name(facts, row->device, report->devices[i].device))
			add_device(row, &report->devices[i]);
	return true;
}

/* ---- pairs ---- */

static bool same_pair(
	const struct facts *facts, const struct handshake_pair *a, const struct handshake_pair *b)
{
	return same_name(facts, a->syn_device, b->syn_device) &&
	       same_name(facts, a->synack_device, b->synack_device);
}

static bool pair_came_before(const struct facts *facts, size_t position)
{
	const struct handshake_pair *pairs = facts->handshakes->pairs;
	for (size_t i = 0; i < position; i++)
		if (same_pair(facts, &pairs[i], &pairs[position]))
			return true;
	return false;
}

static void add_pair(struct handshake_pair *sum, const struct handshake_pair *pair)
{
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		sum->counts[i] += pair->counts[i];
}

bool wire_next_pair(const struct facts *facts, size_t *at, struct handshake_pair *row)
{
	const struct handshake_report *report = facts->handshakes;
	while (report && *at < report->pair_count && pair_came_before(facts, *at))
		(*at)++;
	if (!report || *at == report->pair_count)
		return false;
	*row = report->pairs[(*at)++];
	for (size_t i = *at; i < report->pair_count; i++)
		if (same_pair(facts, row, &report->pairs[i]))
			add_pair(row, &report->pairs[i]);
	return true;
}

/* ---- captures ---- */

static bool capture_came_before(const struct facts *facts, size_t position)
{
	for (size_t i = 0; i < position; i++)
		if (strcmp(facts->captures[i].name, facts->captures[position].name) == 0)
			return true;
	return false;
}

static void add_capture(struct capture *sum, const struct capture *capture)
{
	sum->ifindex = capture->ifindex;
	sum->running = capture->running;
	sum->packets += capture->packets;
	sum->dropped += capture->dropped;
}

bool wire_next_capture(const struct facts *facts, size_t *at, struct capture *row)
{
	while (*at < facts->capture_count && capture_came_before(facts, *at))
		(*at)++;
	if (*at == facts->capture_count)
		return false;
	*row = facts->captures[(*at)++];
	for (size_t i = *at; i < facts->capture_count; i++)
		if (strcmp(facts->captures[i].name, row->name) == 0)
			add_capture(row, &facts->captures[i]);
	return true;
}

bool wire_find_capture(const struct facts *facts, const char *name, struct capture *row)
{
	struct capture capture;
	for (size_t at = 0; wire_next_capture(facts, &at, &capture);)
		if (strcmp(capture.name, name) == 0) {
			*row = capture;
			return true;
		}
	return false;
}
