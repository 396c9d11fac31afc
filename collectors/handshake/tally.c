// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/tally.h"

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

static void window_merge(struct tally_window *window, struct tally_window *other)
{
	int64_t step = window->step > other->step ? window->step : other->step;
	window_advance(window, step);
	window_advance(other, step);
	for (unsigned i = 0; i < TALLY_STEPS; i++)
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			window->counts[i][outcome] += other->counts[i][outcome];
}

static uint32_t hash_of_pair(const struct tally *tally, int a, int b)
{
	const int both[2] = { a, b };
	return (uint32_t)hash_bytes(tally->seed, both, sizeof(both));
}

/* Once for each of those that got no row, unless more than TALLY_OMITTED come in turns. */
static void count_omitted(uint32_t seen[static TALLY_OMITTED], uint32_t hash, uint64_t *count)
{
	*count += seen[hash % TALLY_OMITTED] != hash;
	seen[hash % TALLY_OMITTED] = hash;
}

/* ---- pairs ---- */

static void pair_unlink(struct tally *tally, uint32_t row)
{
	const struct tally_pair *pair = &tally->pairs[row];
	*(pair->newer == NONE ? &tally->newest : &tally->pairs[pair->newer].older) = pair->older;
	*(pair->older == NONE ? &tally->oldest : &tally->pairs[pair->older].newer) = pair->newer;
}

static void pair_link_newest(struct tally *tally, uint32_t row)
{
	struct tally_pair *pair = &tally->pairs[row];
	pair->newer = NONE;
	pair->older = tally->newest;
	*(tally->newest == NONE ? &tally->oldest : &tally->pairs[tally->newest].newer) = row;
	tally->newest = row;
}

static void pair_link_oldest(struct tally *tally, uint32_t row)
{
	struct tally_pair *pair = &tally->pairs[row];
	pair->older = NONE;
	pair->newer = tally->oldest;
	*(tally->oldest == NONE ? &tally->newest : &tally->pairs[tally->oldest].older) = row;
	tally->oldest = row;
}

static uint32_t pair_find(const struct tally *tally, int syn_device, int synack_device)
{
	uint32_t hash = hash_of_pair(tally, syn_device, synack_device), at = hash, row;
	while ((row = hash_index_next(&tally->by_pair, hash, &at)) != NONE)
		if (tally->pairs[row].pair.syn_device == syn_device &&
			tally->pairs[row].pair.synack_device == synack_device)
			break;
	return row;
}

/* The row is nobody's from now on, and the first that is given to another. */
static void pair_free(struct tally *tally, uint32_t row)
{
	struct tally_pair *pair = &tally->pairs[row];
	hash_index_remove(
		&tally->by_pair, hash_of_pair(tally, pair->pair.syn_device, pair->pair.synack_device), row);
	for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		tally->retired[outcome] += pair->pair.counts[outcome];
	pair_unlink(tally, row);
	*pair = (struct tally_pair){ .pair = { .syn_device = NOBODY } };
	pair_link_oldest(tally, row);
}

/* 0: all others were used within the last minute. */
static uint32_t pair_place(struct tally *tally, int64_t now_ns)
{
	uint32_t row = tally->oldest;
	bool has_free = row != NONE && tally->pairs[row].pair.syn_device == NOBODY;
	if (!has_free && tally->pair_count < tally->pair_limit)
		return tally->pair_count++;
	if (!has_free && (row == NONE || now_ns - tally->pairs[row].used_ns < HANDSHAKE_RECENT_NS))
		return 0;
	if (!has_free)
		pair_free(tally, row);
	pair_unlink(tally, row);
	return row;
}

static struct tally_pair *pair_row(struct tally *tally, int syn_device, int synack_device, int64_t now_ns)
{
	uint32_t row = pair_find(tally, syn_device, synack_device);
	if (row != NONE) {
		pair_unlink(tally, row);
	} else {
		uint32_t hash = hash_of_pair(tally, syn_device, synack_device);
		row = pair_place(tally, now_ns);
		if (row == 0) {
			count_omitted(tally->omitted_pairs, hash, &tally->pairs_omitted);
			return &tally->pairs[0];
		}
		tally->pairs[row].pair =
			(struct handshake_pair){ .syn_device = syn_device, .synack_device = synack_device };
		hash_index_add(&tally->by_pair, hash, row);
	}
	tally->pairs[row].used_ns = now_ns;
	pair_link_newest(tally, row);
	return &tally->pairs[row];
}

/* The pair's counts go on under the name of the device's heir, or end if there is none. */
static void pair_bequeath(struct tally *tally, uint32_t row, int device, int heir)
{
	struct handshake_pair *pair = &tally->pairs[row].pair;
	int syn_device = pair->syn_device == device ? heir : pair->syn_device;
	int synack_device = pair->synack_device == device ? heir : pair->synack_device;
	uint32_t other = heir ? pair_find(tally, syn_device, synack_device) : NONE;
	if (heir && other == NONE) {
		hash_index_remove(
			&tally->by_pair, hash_of_pair(tally, pair->syn_device, pair->synack_device), row);
		pair->syn_device = syn_device;
		pair->synack_device = synack_device;
		hash_index_add(&tally->by_pair, hash_of_pair(tally, syn_device, synack_device), row);
		return;
	}
	for (unsigned outcome = 0; heir && outcome < HANDSHAKE_OUTCOMES; outcome++) {
		tally->pairs[other].pair.counts[outcome] += pair->counts[outcome];
		pair->counts[outcome] = 0;
	}
	pair_free(tally, row);
}

/* ---- devices ---- */

uint16_t tally_device_find(const struct tally *tally, int device)
{
	uint32_t hash = hash_of_pair(tally, device, 0), at = hash, slot;
	while ((slot = hash_index_next(&tally->by_device, hash, &at)) != NONE)
		if (tally->devices[slot].totals.device == device)
			return (uint16_t)slot;
	return 0;
}

static void device_merge(struct tally_device *heir, struct tally_device *device)
{
	struct handshake_device *to = &heir->totals, *from = &device->totals;
	for (unsigned direction = 0; direction < DIRECTIONS; direction++)
		for (unsigned kind = 0; kind < HANDSHAKE_KINDS; kind++)
			to->packets[direction][kind] += from->packets[direction][kind];
	for (unsigned bucket = 0; bucket < HANDSHAKE_DELAYS; bucket++)
		to->delays[bucket] += from->delays[bucket];
	to->delay_sum += from->delay_sum;
	for (unsigned outcome = 0; outcome < ECHO_OUTCOMES; outcome++)
		to->echoes[outcome] += from->echoes[outcome];
	window_merge(&heir->window, &device->window);
}

/* The slot's device is known no more. heir: 0: none. */
static void device_bequeath(struct tally *tally, uint32_t slot, int heir)
{
	int device = tally->devices[slot].totals.device;
	for (uint32_t i = 1; i < tally->pair_count; i++)
		if (tally->pairs[i].pair.syn_device == device || tally->pairs[i].pair.synack_device == device)
			pair_bequeath(tally, i, device, heir);
	hash_index_remove(&tally->by_device, hash_of_pair(tally, device, 0), slot);
}

/* Of a device that is gone. A series that goes on under its name, the heir's, loses nothing. */
static void device_free(struct tally *tally, uint32_t slot)
{
	int heir = tally->lives[slot].heir;
	uint16_t heirs = heir ? tally_device_find(tally, heir) : 0;
	if (heirs)
		device_merge(&tally->devices[heirs], &tally->devices[slot]);
	device_bequeath(tally, slot, heirs ? heir : 0);
	tally->devices[slot] = (struct tally_device){ .totals = { .device = NOBODY } };
	tally->lives[slot] = (struct tally_life){ .gone_ns = INT64_MIN };
	tally->freed++;
}

/* For a device; 0: there is none. */
static uint32_t device_place(struct tally *tally, int device)
{
	uint32_t longest = 0;
	if (!tally->freed && tally->device_count < tally->device_limit)
		return tally->device_count++;
	if (!tally->gone)
		return 0;
	for (uint32_t slot = 1; slot < tally->device_count; slot++)
		if (tally->lives[slot].gone_ns &&
			(!longest || tally->lives[slot].gone_ns < tally->lives[longest].gone_ns))
			longest = slot;
	tally->gone--;
	if (device && tally->lives[longest].heir == device) {
		device_bequeath(tally, longest, device);
		return longest;
	}
	if (tally->devices[longest].totals.device != NOBODY)
		device_free(tally, longest);
	tally->freed--;
	return longest;
}

uint16_t tally_device_slot(struct tally *tally, int device)
{
	uint16_t known = tally_device_find(tally, device);
	if (known || device == HANDSHAKE_OTHER_DEVICES)
		return known;
	uint32_t hash = hash_of_pair(tally, device, 0), slot = device_place(tally, device);
	if (slot == 0) {
		count_omitted(tally->omitted_devices, hash, &tally->devices_omitted);
		return 0;
	}
	tally->devices[slot].totals.device = device;
	tally->lives[slot] = (struct tally_life){ .survey = tally->survey };
	hash_index_add(&tally->by_device, hash, slot);
	return (uint16_t)slot;
}

int tally_device_of_slot(const struct tally *tally, uint16_t slot)
{
	int device = tally->devices[slot].totals.device;
	return device == NOBODY ? 0 : device;
}

/* Each goes through all pairs. */
#define FREED_AT_ONCE 4

void tally_survey(struct tally *tally, const struct handshake_presence *devices, size_t count, int64_t now_ns)
{
	tally->survey++;
	now_ns = now_ns > 0 ? now_ns : 1;
	for (size_t i = 0; i < count; i++) {
		uint16_t slot = tally_device_find(tally, devices[i].device);
		struct tally_life *life = &tally->lives[slot];
		if (slot == 0)
			continue;
		life->survey = tally->survey;
		life->heir = devices[i].heir;
		if (devices[i].present && life->gone_ns) {
			life->gone_ns = 0;
			tally->gone--;
		} else if (!devices[i].present && !life->gone_ns) {
			life->gone_ns = now_ns;
			tally->gone++;
		}
	}
	unsigned freed = 0;
	for (uint32_t slot = 1; slot < tally->device_count; slot++) {
		struct tally_life *life = &tally->lives[slot];
		int device = tally->devices[slot].totals.device;
		bool named = life->survey == tally->survey;
		if (device == NOBODY || device == 0)
			continue;
		if (!named && !life->gone_ns) {
			life->gone_ns = now_ns;
			tally->gone++;
		}
		bool over = !named || (life->heir && tally_device_find(tally, life->heir));
		if (life->gone_ns && now_ns - life->gone_ns >= TALLY_GONE_NS && over &&
			freed < FREED_AT_ONCE) {
			device_free(tally, slot);
			freed++;
		}
	}
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
	pair_row(tally, end->syn_device, end->synack_device, end->time_ns)->pair.counts[end->outcome] +=
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
		.newest = NONE,
		.oldest = NONE,
		.device_limit = limits->devices + 1 < DEVICES_MAX ? limits->devices + 1 : DEVICES_MAX,
		.pair_limit = limits->pairs + 1,
		.service_limit = limits->services ? limits->services : 1 };
	tally->devices = calloc(tally->device_limit, sizeof(*tally->devices));
	tally->lives = calloc(tally->device_limit, sizeof(*tally->lives));
	tally->pairs = calloc(tally->pair_limit, sizeof(*tally->pairs));
	tally->services = calloc(tally->service_limit, sizeof(*tally->services));
	if (!tally->devices || !tally->lives || !tally->pairs || !tally->services ||
		hash_index_init(&tally->by_device, tally->device_limit) < 0 ||
		hash_index_init(&tally->by_pair, tally->pair_limit) < 0 ||
		hash_index_init(&tally->by_service, tally->service_limit) < 0)
		return -ENOMEM;
	tally->device_count = tally->pair_count = 1;
	tally->devices[0].totals.device = HANDSHAKE_OTHER_DEVICES;
	tally->pairs[0].pair.syn_device = tally->pairs[0].pair.synack_device = HANDSHAKE_OTHER_DEVICES;
	return 0;
}

void tally_destroy(struct tally *tally)
{
	free(tally->devices);
	free(tally->lives);
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

int tally_report_devices(const struct tally *tally, int64_t now_ns, struct handshake_report *out)
{
	out->devices = calloc(tally->device_count, sizeof(*out->devices));
	if (!out->devices)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < tally->device_count; slot++) {
		struct handshake_device *row = &out->devices[out->device_count];
		if (tally->devices[slot].totals.device == NOBODY)
			continue;
		*row = tally->devices[slot].totals;
		window_sum(&tally->devices[slot].window, now_ns, row->recent);
		bool others = slot == 0 && is_blank(row->packets, sizeof(row->packets)) &&
			      is_blank(row->echoes, sizeof(row->echoes)) &&
			      is_blank(row->recent, sizeof(row->recent));
		out->device_count += others ? 0 : 1;
	}
	out->devices_omitted = tally->devices_omitted;
	return 0;
}

int tally_report_pairs(const struct tally *tally, struct handshake_report *out)
{
	out->pairs = calloc(tally->pair_count, sizeof(*out->pairs));
	if (!out->pairs)
		return -ENOMEM;
	memcpy(out->outcomes, tally->retired, sizeof(out->outcomes));
	for (uint32_t row = 0; row < tally->pair_count; row++) {
		const struct handshake_pair *pair = &tally->pairs[row].pair;
		for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			out->outcomes[outcome] += pair->counts[outcome];
		if (row ? pair->syn_device != NOBODY : !is_blank(pair->counts, sizeof(pair->counts)))
			out->pairs[out->pair_count++] = *pair;
	}
	out->pairs_omitted = tally->pairs_omitted;
	return 0;
}

int tally_report_services(const struct tally *tally, int64_t now_ns, struct handshake_report *out)
{
	out->services = calloc(tally->service_count + 1, sizeof(*out->services));
	if (!out->services)
		return -ENOMEM;
	for (uint32_t row = 0; row < tally->service_count; row++) {
		struct handshake_service *service = &out->services[out->service_count++];
		*service = tally->services[row].service;
		window_sum(&tally->services[row].window, now_ns, service->recent);
	}
	out->services_omitted = tally->services_omitted;
	return 0;
}
