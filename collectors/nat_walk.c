// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a rule ends for some packets is remembered as an exclusion, so that a later rule is not taken to be
 * theirs. Of translations that need no such memory: the first rule that fits counts.
 */
#include <errno.h>
#include <stdlib.h>

#include "collectors/nat_run.h"

#define PIECE 32 /* expressions, matches, elements, or ends of chains */

struct nat_walk *nat_walk_new(const struct nat_form *form, struct nat_list *list)
{
	struct nat_walk *walk = calloc(1, sizeof(*walk));
	if (walk) {
		walk->form = form;
		walk->list = list;
	}
	return walk;
}

void nat_walk_free(struct nat_walk *walk)
{
	if (!walk)
		return;
	while (walk->run_count)
		nat_walk_leave(walk);
	free(walk->chains);
	free(walk->unread);
	free(walk);
}

/* ---- how packets come and go */

static bool are_all(const struct nat_visit *visit, const struct nat_packets *packets)
{
	const struct nat_packets *before = &visit->packets;
	return packets->narrowed == before->narrowed && packets->opaque == before->opaque &&
	       packets->balanced == before->balanced && packet_set_covers(&packets->set, &before->set);
}

void nat_walk_end(
	struct nat_walk *walk, struct nat_visit *visit, const struct nat_packets *packets, uint64_t scope)
{
	visit->closed |= are_all(visit, packets);
	nat_exclude(&walk->exclusions, scope, packets);
}

/* Where some packets go another way by chance, the rest of the chain is for the others. */
static void note_chance(struct nat_walk *walk, const struct nat_visit *visit, bool shared_out,
	const struct nat_packets *packets)
{
	if (packets->balanced && !packets->opaque && !shared_out && !visit->packets.balanced)
		nat_exclude(&walk->exclusions, visit->scope, packets);
}

void nat_walk_translate(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	const struct nat_target *target)
{
	const struct nat_place place = walk->form->place(walk, run);
	struct nat_packets left = *packets;
	nat_exclusions_apply(&walk->exclusions, &left);
	if (!left.never)
		nat_list_add(walk->list, &place, &left, target);
	run->visit->closed |= are_all(run->visit, packets);
	note_chance(walk, run->visit, run->shared_out, packets);
}

void nat_walk_note_unread(struct nat_walk *walk, const struct nat_run *run, const char *reason)
{
	const struct nat_place place = walk->form->place(walk, run);
	if (!walk->unread || !walk->unread[run->rule])
		nat_list_add_unread(walk->list, &place, reason);
	if (walk->unread)
		walk->unread[run->rule] = true;
}

void nat_walk_fail(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	const char *reason)
{
	nat_walk_note_unread(walk, run, reason);
	nat_walk_end(walk, run->visit, packets, NAT_SCOPE_FOREVER);
}

bool nat_walk_target(struct nat_walk *walk, const struct nat_run *run, const char *name, unsigned revision,
	const uint8_t *info, size_t size)
{
	struct nat_packets unknown = run->packets;
	struct nat_target target;
	switch (xt_target_read(name, revision, info, size, run->packets.set.family, &target)) {
	case XT_GOES_ON:
		return false;
	case XT_ENDS:
		nat_walk_end(walk, run->visit, &run->packets, NAT_SCOPE_BASE);
		break;
	case XT_TRANSLATES:
		nat_walk_translate(walk, run, &run->packets, &target);
		break;
	case XT_UNREADABLE:
		nat_walk_fail(walk, run, &run->packets, "its target is of a form that is not known");
		break;
	case XT_UNKNOWN:
		unknown.opaque = true;
		nat_walk_end(walk, run->visit, &unknown, NAT_SCOPE_FOREVER);
		break;
	}
	return true;
}

/* ---- chains */

/* Those that come back from the chain, or that never do. */
static void come_back(struct nat_walk *walk, struct nat_visit *visit, const struct nat_packets *packets,
	bool is_goto, bool shared_out)
{
	if (is_goto)
		nat_walk_end(walk, visit, packets, visit->scope);
	else
		note_chance(walk, visit, shared_out, packets);
}

void nat_walk_call(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	size_t chain, size_t first, bool is_goto)
{
	if (chain == NFT_NO_INDEX || walk->visit_count > NAT_DEPTH_MAX)
		come_back(walk, run->visit, packets, is_goto, run->shared_out);
	else
		walk->visit[walk->visit_count++] = (struct nat_visit){ .chain = chain,
			.next = first,
			.scope = ++walk->visits,
			.packets = *packets,
			.is_goto = is_goto,
			.shared_out = run->shared_out };
}

void nat_walk_begin(struct nat_walk *walk, size_t chain, size_t first, uint8_t family)
{
	walk->visit[0] = (struct nat_visit){
		.chain = chain, .next = first, .scope = ++walk->visits, .packets = { .set = packet_set_all }
	};
	walk->visit[0].packets.set.family = family;
	walk->visit_count = 1;
}

static void end_visit(struct nat_walk *walk)
{
	const struct nat_visit *visit = &walk->visit[--walk->visit_count];
	nat_exclusions_leave(&walk->exclusions, visit->scope);
	if (walk->visit_count)
		come_back(walk, &walk->visit[walk->visit_count - 1], &visit->packets, visit->is_goto,
			visit->shared_out);
	else
		nat_exclusions_leave(&walk->exclusions, NAT_SCOPE_BASE);
}

/* ---- rules */

struct nat_run *nat_walk_run(struct nat_walk *walk, struct nat_visit *visit, size_t rule)
{
	struct nat_run *run = &walk->run[walk->run_count++];
	*run = (struct nat_run){ .visit = visit, .rule = rule, .packets = visit->packets };
	return run;
}

void nat_walk_leave(struct nat_walk *walk)
{
	nat_elements_end(&walk->run[--walk->run_count].elements);
}

struct nat_run *nat_walk_part(
	struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets)
{
	if (packets->never)
		return NULL;
	if (run->parts == NAT_PARTS_MAX) {
		nat_walk_fail(walk, run, packets, "it has too many sets to be followed");
		return NULL;
	}
	struct nat_run *part = &walk->run[walk->run_count++];
	*part = *run;
	part->packets = *packets;
	part->parts++;
	part->parting = NAT_WHOLE;
	part->elements = (struct nat_elements){ 0 };
	return part;
}

bool nat_walk_match(
	struct nat_run *run, const char *name, unsigned revision, const uint8_t *info, size_t size)
{
	xt_match_apply(name, revision, info, size, &run->packets, &run->ports);
	run->port = 0;
	run->parting = run->ports.count ? NAT_BY_PORT : NAT_WHOLE;
	return run->ports.count == 0;
}

static void run_next_port(struct nat_walk *walk, struct nat_run *run)
{
	if (run->port == run->ports.count) {
		nat_walk_leave(walk);
		return;
	}
	const uint16_t *range = run->ports.ranges[run->port++];
	struct nat_packets packets = run->packets;
	nat_match_ports(&packets, range[0], range[1]);
	nat_walk_part(walk, run, &packets);
}

/* ---- pieces */

int nat_walk_on(struct nat_walk *walk)
{
	const struct nat_list *list = walk->list;
	size_t count = list->count;
	uint64_t unread = list->unread_total;
	/* What is added to the list may be cut into many prefixes before. */
	for (unsigned i = 0; i < PIECE && list->count == count && list->unread_total == unread; i++) {
		struct nat_visit *visit = walk->visit_count ? &walk->visit[walk->visit_count - 1] : NULL;
		struct nat_run *run = walk->run_count ? &walk->run[walk->run_count - 1] : NULL;
		if (walk->error < 0 || list->failed)
			return -ENOMEM;
		if (!visit && !walk->form->begin_chain(walk))
			return list->failed ? -ENOMEM : 1;
		else if (!visit)
			continue;
		else if (run && run->visit == visit && run->parting == NAT_BY_PORT)
			run_next_port(walk, run);
		else if (run && run->visit == visit)
			walk->form->run(walk, run);
		else if (visit->closed || !walk->form->begin_rule(walk, visit))
			end_visit(walk);
	}
	return 0;
}
