// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake_counters.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define NONE        HASH_INDEX_NONE
#define NOBODY      INT_MIN /* instead of a device, in rows that are free */
#define DEVICES_MAX 65535   /* a slot is 16 bits */

const double handshake_delay_bounds[HANDSHAKE_DELAYS - 1] = { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
	0.1, 0.2, 0.5, 1, 3 };

/* ---- the last minute ---- */

static void window_advance(struct counters_window *window, int64_t step)
{
	for (int64_t stale = window->step + 1; stale <= step && stale <= window->step + COUNTERS_STEPS;
		stale++)
		memset(window->counts[stale % COUNTERS_STEPS], 0, sizeof(*window->counts));
	if (step > window->step)
		window->step = step;
}

static void window_add(
	struct counters_window *window, int64_t now_ns, enum handshake_outcome outcome, uint32_t weight)
{
	window_advance(window, now_ns / COUNTERS_STEP_NS);
	window->counts[window->step % COUNTERS_STEPS][outcome] += weight;
}

static void window_sum(
	const struct counters_window *window, int64_t now_ns, uint64_t out[static HANDSHAKE_OUTCOMES])
{
	int64_t first = now_ns / COUNTERS_STEP_NS - COUNTERS_STEPS + 1;
	memset(out, 0, HANDSHAKE_OUTCOMES * sizeof(*out));
	for (int64_t step = window->step; step >= 0 && step >= first && step > window->step - COUNTERS_STEPS;
		step--)
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			out[outcome] += window->counts[step % COUNTERS_STEPS][outcome];
}

static void window_merge(struct counters_window *window, struct counters_window *other)
{
	int64_t step = window->step > other->step ? window->step : other->step;
	window_advance(window, step);
	window_advance(other, step);
	for (unsigned i = 0; i < COUNTERS_STEPS; i++)
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			window->counts[i][outcome] += other->counts[i][outcome];
}

static uint32_t hash_of_pair(const struct handshake_counters *counters, int a, int b)
{
	const int both[2] = { a, b };
	return (uint32_t)hash_bytes(counters->seed, both, sizeof(both));
}

/* Once for each of those that got no row, unless more than COUNTERS_OMITTED come in turns. */
static void count_omitted(uint32_t seen[static COUNTERS_OMITTED], uint32_t hash, uint64_t *count)
{
	*count += seen[hash % COUNTERS_OMITTED] != hash;
	seen[hash % COUNTERS_OMITTED] = hash;
}

/* ---- pairs ---- */

static void pair_unlink(struct handshake_counters *counters, uint32_t row)
{
	const struct counters_pair *pair = &counters->pairs[row];
	*(pair->newer == NONE ? &counters->newest : &counters->pairs[pair->newer].older) = pair->older;
	*(pair->older == NONE ? &counters->oldest : &counters->pairs[pair->older].newer) = pair->newer;
}

/* Between two that follow one another by last use, NONE: the ends. */
static void pair_link(struct handshake_counters *counters, uint32_t row, uint32_t newer, uint32_t older)
{
	counters->pairs[row].newer = newer;
	counters->pairs[row].older = older;
	*(newer == NONE ? &counters->newest : &counters->pairs[newer].older) = row;
	*(older == NONE ? &counters->oldest : &counters->pairs[older].newer) = row;
}

static uint32_t pair_find(const struct handshake_counters *counters, int syn_device, int synack_device)
{
	uint32_t hash = hash_of_pair(counters, syn_device, synack_device), at = hash, row;
	while ((row = hash_index_next(&counters->by_pair, hash, &at)) != NONE)
		if (counters->pairs[row].pair.syn_device == syn_device &&
			counters->pairs[row].pair.synack_device == synack_device)
			break;
	return row;
}

/* The row is nobody's from now on, and the first that is given to another. */
static void pair_free(struct handshake_counters *counters, uint32_t row)
{
	struct counters_pair *pair = &counters->pairs[row];
	hash_index_remove(&counters->by_pair,
		hash_of_pair(counters, pair->pair.syn_device, pair->pair.synack_device), row);
	pair_unlink(counters, row);
	*pair = (struct counters_pair){ .pair = { .syn_device = NOBODY } };
	pair_link(counters, row, counters->oldest, NONE);
}

/* 0: all others were used within the last minute. */
static uint32_t pair_place(struct handshake_counters *counters, int64_t now_ns)
{
	uint32_t row = counters->oldest;
	bool has_free = row != NONE && counters->pairs[row].pair.syn_device == NOBODY;
	if (!has_free && counters->pair_count < counters->pair_limit)
		return counters->pair_count++;
	if (!has_free && (row == NONE || now_ns - counters->pairs[row].used_ns < HANDSHAKE_RECENT_NS))
		return 0;
	if (!has_free)
		pair_free(counters, row);
	pair_unlink(counters, row);
	return row;
}

static struct counters_pair *pair_row(
	struct handshake_counters *counters, int syn_device, int synack_device, int64_t now_ns)
{
	uint32_t row = pair_find(counters, syn_device, synack_device);
	if (row != NONE) {
		pair_unlink(counters, row);
	} else {
		uint32_t hash = hash_of_pair(counters, syn_device, synack_device);
		row = pair_place(counters, now_ns);
		if (row == 0) {
			count_omitted(counters->omitted_pairs, hash, &counters->pairs_omitted);
			return &counters->pairs[0];
		}
		counters->pairs[row].pair =
			(struct handshake_pair){ .syn_device = syn_device, .synack_device = synack_device };
		hash_index_add(&counters->by_pair, hash, row);
	}
	counters->pairs[row].used_ns = now_ns;
	pair_link(counters, row, NONE, counters->newest);
	return &counters->pairs[row];
}

/* The pair's counts go on under the name of the device's heir, or end if there is none. */
static void pair_bequeath(struct handshake_counters *counters, uint32_t row, int device, int heir)
{
	struct handshake_pair *pair = &counters->pairs[row].pair;
	int syn_device = pair->syn_device == device ? heir : pair->syn_device;
	int synack_device = pair->synack_device == device ? heir : pair->synack_device;
	uint32_t other = heir ? pair_find(counters, syn_device, synack_device) : NONE;
	if (heir && other == NONE) {
		hash_index_remove(&counters->by_pair,
			hash_of_pair(counters, pair->syn_device, pair->synack_device), row);
		pair->syn_device = syn_device;
		pair->synack_device = synack_device;
		hash_index_add(&counters->by_pair, hash_of_pair(counters, syn_device, synack_device), row);
		return;
	}
	for (unsigned outcome = 0; heir && outcome < HANDSHAKE_OUTCOMES; outcome++)
		counters->pairs[other].pair.counts[outcome] += pair->counts[outcome];
	pair_free(counters, row);
}

/* ---- devices ---- */

uint16_t counters_device_find(const struct handshake_counters *counters, int device)
{
	uint32_t hash = hash_of_pair(counters, device, 0), at = hash, slot;
	while ((slot = hash_index_next(&counters->by_device, hash, &at)) != NONE)
		if (counters->devices[slot].totals.device == device)
			return (uint16_t)slot;
	return 0;
}

void handshake_device_add(struct handshake_device *sum, const struct handshake_device *row)
{
	for (unsigned direction = 0; direction < DIRECTIONS; direction++)
		for (unsigned kind = 0; kind < HANDSHAKE_KINDS; kind++)
			sum->packets[direction][kind] += row->packets[direction][kind];
	for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		sum->recent[outcome] += row->recent[outcome];
	for (unsigned bucket = 0; bucket < HANDSHAKE_DELAYS; bucket++)
		sum->delays[bucket] += row->delays[bucket];
	sum->delay_sum += row->delay_sum;
	for (unsigned outcome = 0; outcome < ECHO_OUTCOMES; outcome++)
		sum->echoes[outcome] += row->echoes[outcome];
}

/* The slot's device is known no more. heir: 0: none. */
static void device_bequeath(struct handshake_counters *counters, uint32_t slot, int heir)
{
	int device = counters->devices[slot].totals.device;
	for (uint32_t i = 1; i < counters->pair_count; i++)
		if (counters->pairs[i].pair.syn_device == device ||
			counters->pairs[i].pair.synack_device == device)
			pair_bequeath(counters, i, device, heir);
	hash_index_remove(&counters->by_device, hash_of_pair(counters, device, 0), slot);
}

/* Of a device that is gone. A series that goes on under its name, the heir's, loses nothing. */
static void device_free(struct handshake_counters *counters, uint32_t slot)
{
	int heir = counters->lives[slot].heir;
	uint16_t heirs = heir ? counters_device_find(counters, heir) : 0;
	if (heirs) {
		struct counters_device *to = &counters->devices[heirs], *from = &counters->devices[slot];
		handshake_device_add(&to->totals, &from->totals);
		window_merge(&to->window, &from->window);
	}
	device_bequeath(counters, slot, heirs ? heir : 0);
	counters->devices[slot] = (struct counters_device){ .totals = { .device = NOBODY } };
	counters->lives[slot] = (struct counters_life){ .gone_ns = INT64_MIN };
	counters->freed++;
}

/* For a device; 0: there is none. */
static uint32_t device_place(struct handshake_counters *counters, int device)
{
	uint32_t longest = 0;
	if (!counters->freed && counters->device_count < counters->device_limit)
		return counters->device_count++;
	if (!counters->gone)
		return 0;
	for (uint32_t slot = 1; slot < counters->device_count; slot++)
		if (counters->lives[slot].gone_ns &&
			(!longest || counters->lives[slot].gone_ns < counters->lives[longest].gone_ns))
			longest = slot;
	counters->gone--;
	if (device && counters->lives[longest].heir == device) {
		device_bequeath(counters, longest, device);
		return longest;
	}
	if (counters->devices[longest].totals.device != NOBODY)
		device_free(counters, longest);
	counters->freed--;
	return longest;
}

uint16_t counters_device_slot(struct handshake_counters *counters, int device)
{
	uint16_t known = counters_device_find(counters, device);
	if (known || device == HANDSHAKE_OTHER_DEVICES)
		return known;
	uint32_t hash = hash_of_pair(counters, device, 0), slot = device_place(counters, device);
	if (slot == 0) {
		count_omitted(counters->omitted_devices, hash, &counters->devices_omitted);
		return 0;
	}
	counters->devices[slot].totals.device = device;
	counters->lives[slot] = (struct counters_life){ .listing = counters->listing };
	hash_index_add(&counters->by_device, hash, slot);
	return (uint16_t)slot;
}

int counters_device_of_slot(const struct handshake_counters *counters, uint16_t slot)
{
	int device = counters->devices[slot].totals.device;
	return device == NOBODY ? 0 : device;
}

/* Each goes through all pairs. */
#define FREED_AT_ONCE 4

void counters_devices(struct handshake_counters *counters, const struct handshake_presence *devices,
	size_t count, int64_t now_ns)
{
	counters->listing++;
	now_ns = now_ns > 0 ? now_ns : 1;
	for (size_t i = 0; i < count; i++) {
		uint16_t slot = counters_device_find(counters, devices[i].device);
		struct counters_life *life = &counters->lives[slot];
		if (slot == 0)
			continue;
		life->listing = counters->listing;
		life->heir = devices[i].heir == devices[i].device ? 0 : devices[i].heir;
		if (devices[i].present && life->gone_ns) {
			life->gone_ns = 0;
			counters->gone--;
		} else if (!devices[i].present && !life->gone_ns) {
			life->gone_ns = now_ns;
			counters->gone++;
		}
	}
	unsigned freed = 0;
	for (uint32_t slot = 1; slot < counters->device_count; slot++) {
		struct counters_life *life = &counters->lives[slot];
		int device = counters->devices[slot].totals.device;
		bool named = life->listing == counters->listing;
		if (device == NOBODY || device == 0)
			continue;
		if (!named && !life->gone_ns) {
			life->gone_ns = now_ns;
			counters->gone++;
		}
		bool over = !named || (life->heir && counters_device_find(counters, life->heir));
		if (life->gone_ns && now_ns - life->gone_ns >= COUNTERS_GONE_NS && over &&
			freed < FREED_AT_ONCE) {
			device_free(counters, slot);
			freed++;
		}
	}
}

void counters_packet(struct handshake_counters *counters, uint16_t slot, enum direction direction,
	enum handshake_kind kind, uint32_t weight)
{
	counters->devices[slot].totals.packets[direction][kind] += weight;
}

void counters_delay(struct handshake_counters *counters, uint16_t slot, double seconds, uint32_t weight)
{
	unsigned bucket = 0;
	while (bucket < HANDSHAKE_DELAYS - 1 && seconds > handshake_delay_bounds[bucket])
		bucket++;
	counters->devices[slot].totals.delays[bucket] += weight;
	counters->devices[slot].totals.delay_sum += seconds * weight;
}

void counters_echo(struct handshake_counters *counters, uint16_t slot, enum echo_outcome outcome)
{
	counters->devices[slot].totals.echoes[outcome]++;
}

/* ---- services ---- */

static uint32_t hash_of_service(
	const struct handshake_counters *counters, const struct handshake_service *service)
{
	const struct {
		int numbers[3];
		struct address address;
		uint8_t zero[3]; /* no padding: hashed as bytes */
	} key = { .numbers = { (int)service->role, service->device, service->synack_device },
		.address = service->address };
	return (uint32_t)hash_bytes(counters->seed, &key, sizeof(key));
}

static bool same_service(const struct handshake_service *a, const struct handshake_service *b)
{
	return a->role == b->role && a->device == b->device && a->synack_device == b->synack_device &&
	       address_equal(&a->address, &b->address);
}

/* So many rows are looked at for one that may go. */
#define GIVE_UP_STEPS 64

static bool is_spared(struct counters_service *row, int64_t now_ns)
{
	bool used_again = row->used_again;
	row->used_again = false;
	return used_again || (row->failed_ns && now_ns - row->failed_ns < HANDSHAKE_RECENT_NS);
}

/* The second-chance algorithm: rows that were used again since the hand passed are spared once, and those
 * that fail as long as somebody may want to know. */
static uint32_t give_up_service(struct handshake_counters *counters, int64_t now_ns)
{
	for (unsigned step = 0;
		step < GIVE_UP_STEPS && is_spared(&counters->services[counters->hand], now_ns); step++)
		counters->hand = (counters->hand + 1) % counters->service_limit;
	uint32_t row = counters->hand;
	counters->hand = (counters->hand + 1) % counters->service_limit;
	hash_index_remove(&counters->by_service, counters->services[row].hash, row);
	counters->services_omitted++;
	return row;
}

static struct counters_service *service_row(
	struct handshake_counters *counters, const struct handshake_service *key, int64_t now_ns)
{
	uint32_t hash = hash_of_service(counters, key), at = hash, row;
	while ((row = hash_index_next(&counters->by_service, hash, &at)) != NONE)
		if (same_service(&counters->services[row].service, key)) {
			counters->services[row].used_again = true;
			return &counters->services[row];
		}
	bool room = counters->service_count < counters->service_limit;
	row = room ? counters->service_count++ : give_up_service(counters, now_ns);
	counters->services[row] = (struct counters_service){ .service = *key, .hash = hash };
	hash_index_add(&counters->by_service, hash, row);
	return &counters->services[row];
}

static void note_time(int64_t *latest, int64_t time_ns)
{
	*latest = time_ns > *latest ? time_ns : *latest;
}

static void service_end(struct handshake_counters *counters, const struct counters_end *end)
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
	struct counters_service *row = service_row(counters, &key, end->time_ns);
	window_add(&row->window, end->time_ns, end->outcome, end->weight);
	row->service.ended_ns = end->time_ns;
	if (end->outcome == HANDSHAKE_COMPLETED)
		note_time(&row->service.completed_ns, end->completed_ns);
	if (end->outcome == HANDSHAKE_ONE_WAY || end->outcome == HANDSHAKE_RETURN_ONLY)
		note_time(&row->service.failed_ns, end->failed_ns);
	if (end->outcome == HANDSHAKE_ONE_WAY)
		row->failed_ns = end->time_ns;
}

void counters_end(struct handshake_counters *counters, const struct counters_end *end)
{
	counters->outcomes[end->outcome] += end->weight;
	pair_row(counters, end->syn_device, end->synack_device, end->time_ns)->pair.counts[end->outcome] +=
		end->weight;
	int device = end->role == HANDSHAKE_PASSED ? end->synack_device : end->syn_device;
	uint16_t slot = counters_device_slot(counters, device);
	window_add(&counters->devices[slot].window, end->time_ns, end->outcome, end->weight);
	service_end(counters, end);
}

/* ---- all ---- */

int counters_init(struct handshake_counters *counters, const struct handshake_limits *limits, uint64_t seed)
{
	*counters = (struct handshake_counters){ .seed = seed,
		.newest = NONE,
		.oldest = NONE,
		.device_limit = limits->devices + 1 < DEVICES_MAX ? limits->devices + 1 : DEVICES_MAX,
		.pair_limit = limits->pairs + 1,
		.service_limit = limits->services ? limits->services : 1 };
	counters->devices = calloc(counters->device_limit, sizeof(*counters->devices));
	counters->lives = calloc(counters->device_limit, sizeof(*counters->lives));
	counters->pairs = calloc(counters->pair_limit, sizeof(*counters->pairs));
	counters->services = calloc(counters->service_limit, sizeof(*counters->services));
	if (!counters->devices || !counters->lives || !counters->pairs || !counters->services ||
		hash_index_init(&counters->by_device, counters->device_limit) < 0 ||
		hash_index_init(&counters->by_pair, counters->pair_limit) < 0 ||
		hash_index_init(&counters->by_service, counters->service_limit) < 0)
		return -ENOMEM;
	counters->device_count = counters->pair_count = 1;
	counters->devices[0].totals.device = HANDSHAKE_OTHER_DEVICES;
	counters->pairs[0].pair.syn_device = counters->pairs[0].pair.synack_device = HANDSHAKE_OTHER_DEVICES;
	return 0;
}

void counters_destroy(struct handshake_counters *counters)
{
	free(counters->devices);
	free(counters->lives);
	free(counters->pairs);
	free(counters->services);
	hash_index_destroy(&counters->by_device);
	hash_index_destroy(&counters->by_pair);
	hash_index_destroy(&counters->by_service);
}

static bool is_blank(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

int counters_report_devices(
	const struct handshake_counters *counters, int64_t now_ns, struct handshake_report *out)
{
	out->devices = calloc(counters->device_count, sizeof(*out->devices));
	if (!out->devices)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < counters->device_count; slot++) {
		struct handshake_device *row = &out->devices[out->device_count];
		if (counters->devices[slot].totals.device == NOBODY)
			continue;
		*row = counters->devices[slot].totals;
		window_sum(&counters->devices[slot].window, now_ns, row->recent);
		bool others = slot == 0 && is_blank(row->packets, sizeof(row->packets)) &&
			      is_blank(row->echoes, sizeof(row->echoes)) &&
			      is_blank(row->recent, sizeof(row->recent));
		out->device_count += others ? 0 : 1;
	}
	out->devices_omitted = counters->devices_omitted;
	return 0;
}

int counters_report_pairs(const struct handshake_counters *counters, struct handshake_report *out)
{
	out->pairs = malloc(counters->pair_count * sizeof(*out->pairs));
	if (!out->pairs)
		return -ENOMEM;
	memcpy(out->outcomes, counters->outcomes, sizeof(out->outcomes));
	for (uint32_t row = 0; row < counters->pair_count; row++) {
		const struct handshake_pair *pair = &counters->pairs[row].pair;
		if (row ? pair->syn_device != NOBODY : !is_blank(pair->counts, sizeof(pair->counts)))
			out->pairs[out->pair_count++] = *pair;
	}
	out->pairs_omitted = counters->pairs_omitted;
	return 0;
}

int counters_report_services(
	const struct handshake_counters *counters, int64_t now_ns, struct handshake_report *out)
{
	out->services = calloc(counters->service_count + 1, sizeof(*out->services));
	if (!out->services)
		return -ENOMEM;
	for (uint32_t row = 0; row < counters->service_count; row++) {
		struct handshake_service *service = &out->services[out->service_count++];
		*service = counters->services[row].service;
		window_sum(&counters->services[row].window, now_ns, service->recent);
	}
	out->services_omitted = counters->services_omitted;
	return 0;
}
