// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE        HASH_INDEX_NONE
#define DEVICES_MAX 65535 /* a slot is 16 bits */

const double handshake_delay_bounds[HANDSHAKE_DELAYS - 1] = { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
	0.1, 0.2, 0.5, 1, 3 };

/* ---- the last minute ---- */

static void window_advance(struct tally_window *window, int64_t step)
{
	for (int64_t stale = window->step + 1; stale <= step && stale <= window->step + TALLY_STEPS; stale++)
		memset(window->counts[stale % TALLY_STEPS], 0, sizeof(*window->counts));
	if (step > window->step)
		window->step = step;
}

static void window_add(
	struct tally_window *window, int64_t now_ns, enum handshake_outcome outcome, uint32_t weight)
{
	window_advance(window, now_ns / TALLY_STEP_NS);
	window->counts[window->step % TALLY_STEPS][outcome] += weight;
}

static void window_sum(
	const struct tally_window *window, int64_t now_ns, uint64_t out[static HANDSHAKE_OUTCOMES])
{
	int64_t first = now_ns / TALLY_STEP_NS - TALLY_STEPS + 1;
	memset(out, 0, HANDSHAKE_OUTCOMES * sizeof(*out));
	for (int64_t step = window->step; step >= 0 && step >= first && step > window->step - TALLY_STEPS;
		step--)
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			out[outcome] += window->counts[step % TALLY_STEPS][outcome];
}

/* ---- devices ---- */

static uint32_t hash_of_pair(const struct tally *tally, int a, int b)
{
	const int both[2] = { a, b };
	return (uint32_t)hash_bytes(tally->seed, both, sizeof(both));
}

static uint32_t add_device(struct tally *tally, int device)
{
	uint32_t slot = tally->device_count++;
	tally->devices[slot].totals.device = device;
	hash_index_add(&tally->by_device, hash_of_pair(tally, device, 0), slot);
	return slot;
}

uint16_t tally_device_slot(struct tally *tally, int device)
{
	uint32_t hash = hash_of_pair(tally, device, 0), at = hash, slot;
	while ((slot = hash_index_next(&tally->by_device, hash, &at)) != NONE)
		if (tally->devices[slot].totals.device == device)
			return (uint16_t)slot;
	return tally->device_count < tally->device_limit ? (uint16_t)add_device(tally, device) : 0;
}

int tally_device_of_slot(const struct tally *tally, uint16_t slot)
{
	return tally->devices[slot].totals.device;
}

void tally_packet(struct tally *tally, uint16_t slot, enum direction direction, enum handshake_kind kind,
	uint32_t weight)
{
	tally->devices[slot].totals.packets[direction][kind] += weight;
}

void tally_delay(struct tally *tally, uint16_t slot, double seconds, uint32_t weight)
{
	unsigned bucket = 0;
	while (bucket < HANDSHAKE_DELAYS - 1 && seconds > handshake_delay_bounds[bucket])
		bucket++;
	tally->devices[slot].totals.delays[bucket] += weight;
	tally->devices[slot].totals.delay_sum += seconds * weight;
}

void tally_echo(struct tally *tally, uint16_t slot, enum echo_outcome outcome)
{
	tally->devices[slot].totals.echoes[outcome]++;
}

/* ---- pairs ---- */

static uint32_t add_pair(struct tally *tally, int syn_device, int synack_device)
{
	uint32_t row = tally->pair_count++;
	tally->pairs[row] =
		(struct handshake_pair){ .syn_device = syn_device, .synack_device = synack_device };
	hash_index_add(&tally->by_pair, hash_of_pair(tally, syn_device, synack_device), row);
	return row;
}

/* Row 0 is that of the others. */
static uint32_t pair_row(struct tally *tally, int syn_device, int synack_device)
{
	uint32_t hash = hash_of_pair(tally, syn_device, synack_device), at = hash, row;
	while ((row = hash_index_next(&tally->by_pair, hash, &at)) != NONE)
		if (tally->pairs[row].syn_device == syn_device &&
			tally->pairs[row].synack_device == synack_device)
			return row;
	return tally->pair_count < tally->pair_limit ? add_pair(tally, syn_device, synack_device) : 0;
}

/* ---- services ---- */

static uint32_t hash_of_service(const struct tally *tally, const struct handshake_service *service)
{
	const struct {
		int numbers[3];
		struct address address;
		uint8_t zero[3]; /* no padding: hashed as bytes */
	} key = { .numbers = { (int)service->role, service->device, service->synack_device },
		.address = service->address };
	return (uint32_t)hash_bytes(tally->seed, &key, sizeof(key));
}

static bool same_service(const struct handshake_service *a, const struct handshake_service *b)
{
	return a->role == b->role && a->device == b->device && a->synack_device == b->synack_device &&
	       address_equal(&a->address, &b->address);
}

/* So many rows are looked at for one that may go. */
#define GIVE_UP_STEPS 64

static bool is_spared(struct tally_service *row, int64_t now_ns)
{
	bool used_again = row->used_again;
	row->used_again = false;
	return used_again || (row->failed_ns && now_ns - row->failed_ns < HANDSHAKE_RECENT_NS);
}

/* The second-chance algorithm: rows that were used again since the hand passed are spared once, and those
 * that fail as long as somebody may want to know. */
static uint32_t give_up_service(struct tally *tally, int64_t now_ns)
{
	for (unsigned step = 0; step < GIVE_UP_STEPS && is_spared(&tally->services[tally->hand], now_ns);
		step++)
		tally->hand = (tally->hand + 1) % tally->service_limit;
	uint32_t row = tally->hand;
	tally->hand = (tally->hand + 1) % tally->service_limit;
	hash_index_remove(&tally->by_service, tally->services[row].hash, row);
	tally->services_omitted++;
	return row;
}

static struct tally_service *service_row(
	struct tally *tally, const struct handshake_service *key, int64_t now_ns)
{
	uint32_t hash = hash_of_service(tally, key), at = hash, row;
	while ((row = hash_index_next(&tally->by_service, hash, &at)) != NONE)
		if (same_service(&tally->services[row].service, key)) {
			tally->services[row].used_again = true;
			return &tally->services[row];
		}
	bool room = tally->service_count < tally->service_limit;
	row = room ? tally->service_count++ : give_up_service(tally, now_ns);
	tally->services[row] = (struct tally_service){ .service = *key, .hash = hash };
	hash_index_add(&tally->by_service, hash, row);
	return &tally->services[row];
}

static void note_time(int64_t *latest, int64_t time_ns)
{
	*latest = time_ns > *latest ? time_ns : *latest;
}

static void service_end(struct tally *tally, const struct tally_end *end)
{
	struct handshake_service key = {
		.role = end->role, .device = end->syn_device, .synack_device = end->synack_device
	};
	if (end->role == HANDSHAKE_PASSED) {
		key.device = end->synack.in ? end->synack.in : end->synack.out;
		key.synack_device = end->synack.in ? end->synack.out : 0;
	}
	if (end->role != HANDSHAKE_OPENED)
		key.address = end->server;
	struct tally_service *row = service_row(tally, &key, end->time_ns);
	window_add(&row->window, end->time_ns, end->outcome, end->weight);
	row->service.ended_ns = end->time_ns;
	if (end->outcome == HANDSHAKE_COMPLETED)
		note_time(&row->service.completed_ns, end->completed_ns);
	if (end->outcome == HANDSHAKE_ONE_WAY || end->outcome == HANDSHAKE_RETURN_ONLY)
		note_time(&row->service.failed_ns, end->failed_ns);
	if (end->outcome == HANDSHAKE_ONE_WAY)
		row->failed_ns = end->time_ns;
}

void tally_end(struct tally *tally, const struct tally_end *end)
{
	tally->pairs[pair_row(tally, end->syn_device, end->synack_device)].counts[end->outcome] +=
		end->weight;
	int device = end->role == HANDSHAKE_PASSED ? end->synack_device : end->syn_device;
	uint16_t slot = tally_device_slot(tally, device);
	window_add(&tally->devices[slot].window, end->time_ns, end->outcome, end->weight);
	service_end(tally, end);
}

/* ---- all ---- */

int tally_init(struct tally *tally, const struct handshake_limits *limits, uint64_t seed)
{
	*tally = (struct tally){ .seed = seed,
		.device_limit = limits->devices + 1 < DEVICES_MAX ? limits->devices + 1 : DEVICES_MAX,
		.pair_limit = limits->pairs + 1,
		.service_limit = limits->services ? limits->services : 1 };
	tally->devices = calloc(tally->device_limit, sizeof(*tally->devices));
	tally->pairs = calloc(tally->pair_limit, sizeof(*tally->pairs));
	tally->services = calloc(tally->service_limit, sizeof(*tally->services));
	if (!tally->devices || !tally->pairs || !tally->services ||
		hash_index_init(&tally->by_device, tally->device_limit) < 0 ||
		hash_index_init(&tally->by_pair, tally->pair_limit) < 0 ||
		hash_index_init(&tally->by_service, tally->service_limit) < 0)
		return -ENOMEM;
	add_device(tally, HANDSHAKE_OTHER_DEVICES);
	add_pair(tally, HANDSHAKE_OTHER_DEVICES, HANDSHAKE_OTHER_DEVICES);
	return 0;
}

void tally_destroy(struct tally *tally)
{
	free(tally->devices);
	free(tally->pairs);
	free(tally->services);
	hash_index_destroy(&tally->by_device);
	hash_index_destroy(&tally->by_pair);
	hash_index_destroy(&tally->by_service);
}

static bool is_blank(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

static void report_devices(const struct tally *tally, int64_t now_ns, struct handshake_report *out)
{
	for (uint32_t slot = 0; slot < tally->device_count; slot++) {
		struct handshake_device *row = &out->devices[out->device_count];
		*row = tally->devices[slot].totals;
		window_sum(&tally->devices[slot].window, now_ns, row->recent);
		bool others = slot == 0 && is_blank(row->packets, sizeof(row->packets)) &&
			      is_blank(row->echoes, sizeof(row->echoes)) &&
			      is_blank(row->recent, sizeof(row->recent));
		out->device_count += others ? 0 : 1;
	}
}

static void report_pairs(const struct tally *tally, struct handshake_report *out)
{
	for (uint32_t row = 0; row < tally->pair_count; row++) {
		const struct handshake_pair *pair = &tally->pairs[row];
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			out->outcomes[outcome] += pair->counts[outcome];
		if (row || !is_blank(pair->counts, sizeof(pair->counts)))
			out->pairs[out->pair_count++] = *pair;
	}
}

static void report_services(const struct tally *tally, int64_t now_ns, struct handshake_report *out)
{
	for (uint32_t row = 0; row < tally->service_count; row++) {
		struct handshake_service *service = &out->services[out->service_count++];
		*service = tally->services[row].service;
		window_sum(&tally->services[row].window, now_ns, service->recent);
	}
	out->services_omitted = tally->services_omitted;
}

int tally_report(const struct tally *tally, int64_t now_ns, struct handshake_report *out)
{
	out->devices = calloc(tally->device_count, sizeof(*out->devices));
	out->pairs = calloc(tally->pair_count, sizeof(*out->pairs));
	out->services = calloc(tally->service_count + 1, sizeof(*out->services));
	if (!out->devices || !out->pairs || !out->services)
		return -ENOMEM;
	report_devices(tally, now_ns, out);
	report_pairs(tally, out);
	report_services(tally, now_ns, out);
	return 0;
}
