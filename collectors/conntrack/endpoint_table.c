// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/endpoint_table.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/device/address_set.h"

#define HEADS   1024
#define NO_SLOT UINT16_MAX
#define HALF    (ENDPOINT_EXAMPLES / 2)

/* Slots are chained by hash and listed by age; links are positions in `slots`. */
struct slot {
	struct endpoint endpoint;
	uint16_t chain;
	uint16_t newer, older;
	uint8_t class_before;
	int8_t settled; /* what ranks no higher than this changes no example any more in this sweep */
};

#define UNSETTLED (-1)

struct endpoint_table {
	int64_t now_ns;    /* of this sweep */
	int64_t before_ns; /* of the one before: what was seen since is alive */
	uint64_t omitted;
	bool changed;
	uint16_t count;
	uint16_t newest, oldest;
	uint16_t heads[HEADS];
	struct slot slots[ENDPOINT_LIMIT];
};

static void endpoint_table_empty(struct endpoint_table *table)
{
	table->count = 0;
	table->newest = table->oldest = NO_SLOT;
	memset(table->heads, 0xff, sizeof(table->heads));
}

struct endpoint_table *endpoint_table_new(void)
{
	struct endpoint_table *table = calloc(1, sizeof(*table));
	if (table)
		endpoint_table_empty(table);
	return table;
}

void endpoint_table_free(struct endpoint_table *table)
{
	free(table);
}

static uint16_t *head_of(struct endpoint_table *table, enum endpoint_kind kind, const struct address *address,
	const struct address *target)
{
	uint32_t hash = address_hash(address) + 31 * address_hash(target) + (uint32_t)kind;
	return &table->heads[hash % HEADS];
}

static uint16_t *head_of_slot(struct endpoint_table *table, const struct slot *slot)
{
	return head_of(table, slot->endpoint.kind, &slot->endpoint.address, &slot->endpoint.target);
}

static void age_link(struct endpoint_table *table, uint16_t at)
{
	table->slots[at].newer = NO_SLOT;
	table->slots[at].older = table->newest;
	if (table->newest != NO_SLOT)
		table->slots[table->newest].newer = at;
	else
		table->oldest = at;
	table->newest = at;
}

static void age_unlink(struct endpoint_table *table, uint16_t at)
{
	const struct slot *slot = &table->slots[at];
	if (slot->newer != NO_SLOT)
		table->slots[slot->newer].older = slot->older;
	else
		table->newest = slot->older;
	if (slot->older != NO_SLOT)
		table->slots[slot->older].newer = slot->newer;
	else
		table->oldest = slot->newer;
}

static void link_slot(struct endpoint_table *table, uint16_t at)
{
	uint16_t *head = head_of_slot(table, &table->slots[at]);
	table->slots[at].chain = *head;
	*head = at;
	age_link(table, at);
}

/* Which of the things that the judge looks at an endpoint has. */
static uint8_t class_of(const struct endpoint *endpoint)
{
	return (uint8_t)((endpoint->half_open > 0) | (endpoint->syn_recv > 0) << 1 |
			 (endpoint->open > 0) << 2);
}

void endpoint_table_begin(struct endpoint_table *table, const struct endpoint_table *before, int64_t now_ns)
{
	int64_t since_ns = now_ns - ENDPOINT_MEMORY_NS;
	endpoint_table_empty(table);
	table->now_ns = now_ns;
	table->before_ns = before->now_ns;
	table->omitted = before->omitted;
	table->changed = false;
	for (uint16_t at = before->oldest; at != NO_SLOT; at = before->slots[at].newer) {
		const struct endpoint *known = &before->slots[at].endpoint;
		if (known->seen_ns < since_ns) {
			table->changed = true;
			continue;
		}
		struct slot *slot = &table->slots[table->count];
		struct endpoint *endpoint = &slot->endpoint;
		*slot = (struct slot){
			.endpoint = *known, .class_before = class_of(known), .settled = UNSETTLED
		};
		endpoint->half_open = endpoint->syn_recv = endpoint->open = 0;
		endpoint->example_count = 0;
		for (unsigned i = 0; i < known->example_count; i++)
			if (known->examples[i].seen_ns >= since_ns)
				endpoint->examples[endpoint->example_count++] = known->examples[i];
		if (endpoint->example_count < known->example_count)
			table->changed = true;
		link_slot(table, table->count++);
	}
}

/* In a place of its own, or in that of the endpoint seen longest ago; NULL if that one is alive. */
static struct slot *endpoint_insert(struct endpoint_table *table, const struct endpoint_key *key)
{
	uint16_t at = table->count;
	if (table->count < ENDPOINT_LIMIT) {
		table->count++;
	} else {
		at = table->oldest;
		table->omitted++;
		if (table->slots[at].endpoint.seen_ns >= table->before_ns)
			return NULL;
		uint16_t *link = head_of_slot(table, &table->slots[at]);
		while (*link != at)
			link = &table->slots[*link].chain;
		*link = table->slots[at].chain;
		age_unlink(table, at);
	}
	struct slot *slot = &table->slots[at];
	*slot = (struct slot){ .endpoint = { .kind = key->kind,
				       .address = key->address,
				       .target = key->target,
				       .seen_ns = table->now_ns },
		.settled = UNSETTLED };
	link_slot(table, at);
	table->changed = true;
	return slot;
}

static bool has_key(const struct endpoint *endpoint, const struct endpoint_key *key)
{
	return endpoint->kind == key->kind && address_equal(&endpoint->address, &key->address) &&
	       address_equal(&endpoint->target, &key->target);
}

static struct slot *endpoint_find(struct endpoint_table *table, const struct endpoint_key *key)
{
	uint16_t at = *head_of(table, key->kind, &key->address, &key->target);
	while (at != NO_SLOT && !has_key(&table->slots[at].endpoint, key))
		at = table->slots[at].chain;
	if (at == NO_SLOT)
		return endpoint_insert(table, key);
	if (table->newest != at) {
		age_unlink(table, at);
		age_link(table, at);
	}
	return &table->slots[at];
}

static void count_flow(struct endpoint *endpoint, enum nat_state state)
{
	switch (state) {
	case NAT_SYN_RECV:
		endpoint->syn_recv++;
		endpoint->half_open++;
		return;
	case NAT_SYN_SENT:
	case NAT_UNREPLIED:
		endpoint->half_open++;
		return;
	case NAT_ESTABLISHED:
	case NAT_CLOSING:
	case NAT_REPLIED:
		endpoint->open++;
		return;
	case NAT_STATES:
		return;
	}
}

static bool is_failing(const struct flow_example *example)
{
	return example->state == NAT_SYN_SENT || example->state == NAT_SYN_RECV;
}

/* Of several flows of one peer, the one that says most. */
static int rank(const struct flow_example *example)
{
	return is_failing(example) ? 2 : example->protocol == IPPROTO_TCP ? 1 : 0;
}

/* The one of four examples that gives way to `example`, the oldest of those that may, or NULL. */
static struct flow_example *find_victim(
	const struct endpoint_table *table, struct endpoint *endpoint, bool failing)
{
	struct flow_example *victim = NULL;
	unsigned failures = 0;
	for (unsigned i = 0; i < endpoint->example_count; i++)
		failures += is_failing(&endpoint->examples[i]);
	for (unsigned i = 0; i < endpoint->example_count; i++) {
		struct flow_example *each = &endpoint->examples[i];
		bool stale = each->seen_ns < table->before_ns;
		bool may = is_failing(each) ? stale && (failing || failures > HALF)
					    : stale || (failing && failures < HALF);
		if (may && (!victim || each->seen_ns < victim->seen_ns))
			victim = each;
	}
	return victim;
}

static struct flow_example *place_for_peer(
	struct endpoint_table *table, struct endpoint *endpoint, const struct flow_example *example)
{
	for (unsigned i = 0; i < endpoint->example_count; i++) {
		struct flow_example *known = &endpoint->examples[i];
		if (address_equal(&known->peer, &example->peer)) {
			bool says_more = known->seen_ns < table->now_ns || rank(example) > rank(known);
			return says_more ? known : NULL;
		}
	}
	struct flow_example *place = endpoint->example_count < ENDPOINT_EXAMPLES
					     ? &endpoint->examples[endpoint->example_count++]
					     : find_victim(table, endpoint, is_failing(example));
	if (place)
		table->changed = true;
	return place;
}

/* With all places taken in this sweep, a flow matters only if it says more than one of them. */
static int8_t settle(const struct endpoint_table *table, const struct endpoint *endpoint)
{
	int least = 2;
	if (endpoint->example_count < ENDPOINT_EXAMPLES)
		return UNSETTLED;
	for (unsigned i = 0; i < ENDPOINT_EXAMPLES; i++) {
		if (endpoint->examples[i].seen_ns < table->now_ns)
			return UNSETTLED;
		least = rank(&endpoint->examples[i]) < least ? rank(&endpoint->examples[i]) : least;
	}
	return (int8_t)least;
}

void endpoint_table_add(
	struct endpoint_table *table, const struct endpoint_key *key, const struct flow_example *example)
{
	struct slot *slot = endpoint_find(table, key);
	if (!slot)
		return;
	slot->endpoint.seen_ns = table->now_ns;
	count_flow(&slot->endpoint, example->state);
	if (rank(example) <= slot->settled)
		return;
	struct flow_example *place = place_for_peer(table, &slot->endpoint, example);
	if (!place)
		return;
	bool stays_stuck = place->stuck_ns && place->seen_ns >= table->before_ns &&
			   address_equal(&place->peer, &example->peer); /* it may be of another peer */
	int64_t stuck_ns = stays_stuck ? place->stuck_ns : table->now_ns;
	*place = *example;
	place->seen_ns = table->now_ns;
	place->stuck_ns = example->state == NAT_SYN_RECV ? stuck_ns : 0;
	slot->settled = settle(table, &slot->endpoint);
}

static bool comes_before(const struct flow_example *a, const struct flow_example *b)
{
	return a->seen_ns != b->seen_ns ? a->seen_ns > b->seen_ns : rank(a) > rank(b);
}

static void sort_examples(struct endpoint *endpoint)
{
	for (unsigned i = 1; i < endpoint->example_count; i++)
		for (unsigned j = i;
			j > 0 && comes_before(&endpoint->examples[j], &endpoint->examples[j - 1]); j--) {
			struct flow_example swapped = endpoint->examples[j];
			endpoint->examples[j] = endpoint->examples[j - 1];
			endpoint->examples[j - 1] = swapped;
		}
}

bool endpoint_table_end(struct endpoint_table *table)
{
	for (uint16_t i = 0; i < table->count; i++) {
		sort_examples(&table->slots[i].endpoint);
		if (class_of(&table->slots[i].endpoint) != table->slots[i].class_before)
			table->changed = true;
	}
	return table->changed;
}

unsigned endpoint_table_count(const struct endpoint_table *table)
{
	return table->count;
}

void endpoint_table_copy(const struct endpoint_table *table, struct endpoint *out)
{
	for (uint16_t i = 0; i < table->count; i++)
		out[i] = table->slots[i].endpoint;
}

uint64_t endpoint_table_omitted(const struct endpoint_table *table)
{
	return table->omitted;
}
