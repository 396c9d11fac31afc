// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/filter.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "collectors/firewall/filter_eval.h"
#include "collectors/firewall/packet_set.h"

#define STEPS_MAX     2000000u /* rules asked in one base chain */
#define FORKS_MAX     32
#define FUNCTIONS_MAX 256 /* base chains at one hook */

/* ---- three answers */

enum filter_match filter_match_of(bool yes)
{
	return yes ? MATCH_SURELY : MATCH_NOT;
}

enum filter_match filter_both(enum filter_match a, enum filter_match b)
{
	return a < b ? a : b;
}

enum filter_match filter_not(enum filter_match match)
{
	return match == MATCH_PERHAPS ? match : filter_match_of(match == MATCH_NOT);
}

enum filter_match filter_masked(uint32_t value, uint32_t known, uint32_t mask, uint32_t wanted)
{
	if (((value & mask) ^ wanted) & (known | ~mask))
		return MATCH_NOT;
	return mask & ~known ? MATCH_PERHAPS : MATCH_SURELY;
}

/* ---- the packet */

/* In prerouting and output conntrack looks at -200 (nf_conntrack_proto.c). */
enum filter_match filter_is_tracked(const struct filter_scene *scene, const struct filter_packet *packet)
{
	bool early = scene->hook == NF_INET_PRE_ROUTING || scene->hook == NF_INET_LOCAL_OUT;
	if (early && scene->priority == NF_IP_PRI_CONNTRACK)
		return MATCH_PERHAPS;
	return filter_match_of(!packet->untracked && !(early && scene->priority < NF_IP_PRI_CONNTRACK));
}

#define TYPE(type) (1u << (type))

uint32_t filter_address_types(const struct facts *facts, const struct address *address)
{
	static const uint8_t all_ones[4] = { 0xff, 0xff, 0xff, 0xff };
	if (address_is_multicast(address))
		return TYPE(RTN_MULTICAST);
	if (address_is_loopback(address) || (facts && facts_local_address(facts, address)))
		return TYPE(RTN_LOCAL);
	if (!facts)
		return UINT32_MAX >> (31 - RTN_PROHIBIT);
	if (address->family == AF_INET6) /* no route to it is a type as well */
		return TYPE(RTN_UNICAST) | TYPE(RTN_UNREACHABLE);
	if (memcmp(address->bytes, all_ones, sizeof(all_ones)) == 0)
		return TYPE(RTN_BROADCAST);
	const struct local_address *network = facts_network(facts, 0, address);
	return network && network->prefix.length < 31 ? TYPE(RTN_UNICAST) | TYPE(RTN_BROADCAST)
						      : TYPE(RTN_UNICAST);
}

void filter_translate(struct filter_packet *packet, bool source, const struct address *low,
	const struct address *high, const uint16_t ports[static 2])
{
	struct filter_end_point *end = source ? &packet->source : &packet->destination;
	const struct filter_end_point before = *end;
	end->address_unknown = !low || !high || !address_equal(low, high);
	if (!end->address_unknown)
		end->address = *low;
	if (ports[0])
		end->port = ports[0];
	/* A source's port is chosen anew where another connection has it. */
	end->port_unknown = source || !low || ports[0] != ports[1];
	packet->translated |=
		!source && (end->address_unknown || end->port_unknown || end->port != before.port ||
				   !address_equal(&end->address, &before.address));
}

/* To the address of the device it came by (nf_nat_redirect.c): known if it has but one. */
void filter_redirect(
	const struct filter_scene *scene, struct filter_packet *packet, const uint16_t ports[static 2])
{
	const struct local_address *local = NULL, *only = NULL;
	uint8_t family = packet->destination.address.family;
	unsigned count = 0;
	while (scene->facts &&
		(local = facts_device_address(scene->facts, packet->iif, family, local)) != NULL) {
		if (address_is_link_local(&local->prefix.address))
			continue;
		only = local;
		count++;
	}
	const struct address *to = count == 1 ? &only->prefix.address : NULL;
	filter_translate(packet, false, to, to, ports);
	packet->destination.port_unknown = ports[0] != ports[1];
}

static bool end_equal(const struct filter_end_point *a, const struct filter_end_point *b)
{
	return address_equal(&a->address, &b->address) && a->port == b->port &&
	       a->address_unknown == b->address_unknown && a->port_unknown == b->port_unknown;
}

static bool packet_equal(const struct filter_packet *a, const struct filter_packet *b)
{
	return end_equal(&a->source, &b->source) && end_equal(&a->destination, &b->destination) &&
	       a->translated == b->translated && a->untracked == b->untracked && a->mark == b->mark &&
	       a->mark_known == b->mark_known && a->ct_mark == b->ct_mark &&
	       a->ct_mark_known == b->ct_mark_known;
}

static bool place_equal(const struct filter_place *a, const struct filter_place *b)
{
	return a->hook == b->hook && a->family == b->family && a->legacy == b->legacy &&
	       a->handle == b->handle && strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0;
}

/* ---- one base chain */

/* The walks of one packet in it; some have ended. */
struct filter_run {
	const struct filter_scene *scene;
	struct filter_way *way;
	struct filter_walk *walks; /* FORKS_MAX, those that wait */
	unsigned count, forked;
	size_t base, first; /* the chain, and its first rule */
	bool translated;    /* some walk was, in a chain of type nat */
	unsigned steps;
};

static void run_doubt(struct filter_walk *walk, const struct filter_place *place, const char *reason)
{
	if (walk->path.doubted)
		return;
	walk->path.doubted = true;
	walk->path.doubt = *place;
	walk->path.doubt.reason = reason;
}

static void way_doubt(struct filter_way *way, const struct filter_path *path)
{
	if (path->doubted && !way->doubted)
		way->doubt = path->doubt;
	way->doubted |= path->doubted;
}

static void path_step(struct filter_path *path, const struct filter_place *place)
{
	if (path->step_count == FILTER_STEPS_MAX) {
		memmove(&path->steps[0], &path->steps[1], --path->step_count * sizeof(path->steps[0]));
		path->vague = true;
	}
	path->steps[path->step_count++] = *place;
}

static void way_add(struct filter_way *way, const struct filter_path *path)
{
	way_doubt(way, path);
	for (unsigned i = 0; i < way->path_count; i++)
		if (packet_equal(&way->paths[i].packet, &path->packet)) {
			struct filter_path *same = &way->paths[i];
			same->vague |= path->vague || same->step_count != path->step_count;
			for (unsigned j = 0; j < path->step_count && !same->vague; j++)
				same->vague = !place_equal(&same->steps[j], &path->steps[j]);
			return;
		}
	if (way->path_count < FILTER_PATHS_MAX)
		way->paths[way->path_count++] = *path;
	else
		way->lost = true;
}

static void way_drop(struct filter_way *way, const struct filter_path *path)
{
	way_doubt(way, path);
	if (!way->drops)
		way->dropped = *path;
	else if (!place_equal(&way->dropped.steps[way->dropped.step_count - 1],
			 &path->steps[path->step_count - 1]))
		way->drops_elsewhere = true;
	way->drops = true;
}

static struct filter_place run_place(const struct filter_run *run, const struct filter_walk *walk)
{
	return run->scene->table ? filter_table_place(run->scene, walk) : filter_nft_place(run->scene, walk);
}

static void run_lose(struct filter_run *run, struct filter_walk *walk, const struct filter_place *place,
	const char *reason)
{
	run_doubt(walk, place, reason);
	way_doubt(run->way, &walk->path);
	run->way->lost = true;
	walk->depth = 0;
}

/* The last rule has gone by: the policy decides. Of legacy iptables it is a rule of its own. */
static void run_end_of_base(struct filter_run *run, struct filter_walk *walk)
{
	const struct filter_scene *scene = run->scene;
	if (scene->table) {
		const struct filter_place place = { .hook = scene->hook,
			.family = NFPROTO_IPV4,
			.legacy = true,
			.table = scene->table_name,
			.chain = "" };
		struct filter_frame *frame = &walk->frames[0];
		if (frame->rule == scene->table->policies[scene->hook]) {
			run_lose(run, walk, &place, "the table is malformed");
			return;
		}
		*frame = (struct filter_frame){ .chain = run->base,
			.next = scene->table->policies[scene->hook] };
		walk->depth = 1;
		return;
	}
	walk->frames[0] =
		(struct filter_frame){ .chain = run->base, .next = NFT_NO_INDEX, .rule = NFT_NO_INDEX };
	const struct filter_place place = filter_nft_place(scene, walk);
	path_step(&walk->path, &place);
	if (scene->rules->ruleset.chains[run->base].drops)
		way_drop(run->way, &walk->path);
	else
		way_add(run->way, &walk->path);
}

/* The walk as it would be if the rule had not taken the packet. */
static void run_fork(struct filter_run *run, struct filter_walk *walk, const struct filter_packet *before,
	const struct filter_place *place, const char *reason)
{
	run_doubt(walk, place, reason);
	if (run->forked == FORKS_MAX || run->count == FORKS_MAX) {
		run->way->lost = true;
		way_doubt(run->way, &walk->path);
		return;
	}
	run->forked++;
	run->walks[run->count] = *walk;
	run->walks[run->count++].path.packet = *before;
}

static void run_enter(struct filter_run *run, struct filter_walk *walk, const struct filter_effect *effect,
	const struct filter_place *place)
{
	const struct filter_scene *scene = run->scene;
	if (effect->verdict == VERDICT_JUMPS && walk->depth == FILTER_DEPTH_MAX) {
		run_lose(run, walk, place, "chains lead to chains too often");
		return;
	}
	walk->depth += effect->verdict == VERDICT_JUMPS;
	walk->frames[walk->depth - 1] = (struct filter_frame){ .chain = effect->chain,
		.next = scene->table ? effect->chain : scene->rules->ruleset.chains[effect->chain].first_rule,
		.rule = NFT_NO_INDEX };
}

static void run_apply(struct filter_run *run, struct filter_walk *walk, const struct filter_effect *effect,
	const struct filter_place *place)
{
	switch (effect->verdict) {
	case VERDICT_GOES_ON:
		return;
	case VERDICT_JUMPS:
	case VERDICT_GOES_TO:
		run_enter(run, walk, effect, place);
		return;
	case VERDICT_RETURNS:
		walk->depth--;
		if (walk->depth == 0)
			run_end_of_base(run, walk);
		return;
	case VERDICT_TRANSLATES:
		run->translated = true;
		/* fallthrough */
	case VERDICT_ACCEPTS:
		path_step(&walk->path, place);
		way_add(run->way, &walk->path);
		break;
	case VERDICT_DROPS:
		path_step(&walk->path, place);
		way_drop(run->way, &walk->path);
		break;
	case VERDICT_LOST:
		run_lose(run, walk, place, effect->reason ? effect->reason : "it cannot be followed");
		break;
	}
	walk->depth = 0;
}

static void run_walk(struct filter_run *run, struct filter_walk *walk)
{
	const struct filter_scene *scene = run->scene;
	while (walk->depth) {
		const struct filter_packet before = walk->path.packet;
		struct filter_effect effect;
		bool some = scene->table ? filter_table_next(scene, walk, &effect)
					 : filter_nft_next(scene, walk, &effect);
		if (!some) {
			walk->depth--;
			if (walk->depth == 0)
				run_end_of_base(run, walk);
			continue;
		}
		if (effect.verdict == VERDICT_GOES_ON && packet_equal(&before, &walk->path.packet) &&
			run->steps++ < STEPS_MAX)
			continue;
		const struct filter_place place = run_place(run, walk);
		if (run->steps >= STEPS_MAX) {
			run_lose(run, walk, &place, "the rules before it are too many to be followed");
			return;
		}
		if (effect.perhaps)
			run_fork(run, walk, &before, &place, effect.reason);
		run_apply(run, walk, &effect, &place);
	}
}

/* ---- one hook */

/* A base chain, or a table of legacy iptables. */
struct function {
	int priority, own; /* when it is called; where it stands among those that translate */
	bool is_nat;
	size_t number; /* of the chain, or of the table */
	bool legacy;
};

static int by_call(const void *left, const void *right)
{
	const struct function *a = left, *b = right;
	int order = (a->priority > b->priority) - (a->priority < b->priority);
	if (order == 0)
		order = (int)a->is_nat - (int)b->is_nat;
	if (order == 0)
		order = (a->own > b->own) - (a->own < b->own);
	if (order == 0)
		order = (int)a->legacy - (int)b->legacy;
	return order ? order : (a->number < b->number) - (a->number > b->number); /* the youngest first */
}

/* raw, mangle, nat, filter, security: linux/netfilter_ipv4.h */
static const struct {
	const char *name;
	int priority;
} legacy_tables[FILTER_LEGACY] = {
	{ "raw", NF_IP_PRI_RAW },
	{ "mangle", NF_IP_PRI_MANGLE },
	{ "nat", NF_IP_PRI_NAT_DST },
	{ "filter", NF_IP_PRI_FILTER },
	{ "security", NF_IP_PRI_SECURITY },
};

#define LEGACY_NAT 2

static int nat_priority(unsigned hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT ? NF_IP_PRI_NAT_DST
									: NF_IP_PRI_NAT_SRC;
}

/* All that is asked at the hook, in order. Chains that translate are called together, at a priority of their
 * own, whatever theirs is, and only for what opens a connection that is tracked (nf_nat_core.c,
 * nf_nat_inet_fn). */
static size_t list_functions(const struct filter_rules *rules, const struct filter_packet *packet,
	unsigned hook, struct function functions[static FUNCTIONS_MAX], bool *all)
{
	size_t count = 0;
	uint8_t family = packet->source.address.family;
	for (size_t i = 0; i < rules->ruleset.base_chain_count; i++) {
		const struct nft_chain *chain = &rules->ruleset.chains[rules->ruleset.base_chains[i]];
		uint8_t asked = nat_family(chain->name.family);
		if (chain->hook != hook || (asked != AF_UNSPEC && asked != family) ||
			(chain->is_nat && packet->reply))
			continue;
		*all = count < FUNCTIONS_MAX;
		if (*all)
			functions[count++] = (struct function){ .priority = chain->is_nat ? nat_priority(hook)
											  : chain->priority,
				.own = chain->priority,
				.is_nat = chain->is_nat,
				.number = rules->ruleset.base_chains[i] };
	}
	for (size_t i = 0; i < FILTER_LEGACY && count < FUNCTIONS_MAX; i++) {
		const struct ip_table *table = &rules->tables[family == AF_INET6][i];
		bool is_nat = i == LEGACY_NAT;
		if (!table->bytes || table->hooks[hook] == IP_TABLE_NO_ENTRY || (is_nat && packet->reply))
			continue;
		int priority = is_nat ? nat_priority(hook) : legacy_tables[i].priority;
		functions[count++] = (struct function){
			.priority = priority, .own = priority, .is_nat = is_nat, .number = i, .legacy = true
		};
	}
	qsort(functions, count, sizeof(*functions), by_call);
	return count;
}

static struct filter_scene scene_of(const struct filter_rules *rules, const struct facts *facts,
	unsigned hook, uint8_t family, const struct function *function)
{
	return (struct filter_scene){ .rules = rules,
		.facts = facts,
		.hook = hook,
		.priority = function->priority,
		.is_nat = function->is_nat,
		.table = function->legacy ? &rules->tables[family == AF_INET6][function->number] : NULL,
		.table_name = function->legacy ? legacy_tables[function->number].name : NULL };
}

/* Asks one for one packet; what comes of it is added to the way. True if the packet was translated. */
static bool ask_function(struct filter_way *way, const struct filter_scene *scene, size_t number,
	const struct filter_path *path)
{
	struct filter_walk *walks = calloc(FORKS_MAX, sizeof(*walks));
	struct filter_walk *walk = malloc(sizeof(*walk));
	struct filter_run run = { .scene = scene, .way = way, .walks = walks, .count = 1 };
	if (!walks || !walk) {
		way->lost = true;
		free(walks);
		free(walk);
		return false;
	}
	run.base = scene->table ? scene->table->hooks[scene->hook] : number;
	run.first = scene->table ? run.base : scene->rules->ruleset.chains[number].first_rule;
	walks[0].path = *path;
	walks[0].depth = 1;
	walks[0].frames[0] =
		(struct filter_frame){ .chain = run.base, .next = run.first, .rule = NFT_NO_INDEX };
	while (run.count) {
		*walk = walks[--run.count];
		run_walk(&run, walk);
	}
	free(walks);
	free(walk);
	return run.translated;
}

/* Several functions of one priority may be called in another order than is thought here: a packet that one of
 * them drops may have been dropped by another of them before. */
static void ask_others(struct filter_way *way, const struct filter_rules *rules, const struct facts *facts,
	unsigned hook, const struct function *functions, size_t at, size_t count,
	const struct filter_path *path)
{
	struct filter_way other = { .path_count = 0 };
	for (size_t i = at + 1; i < count && functions[i].priority == functions[at].priority; i++) {
		const struct filter_scene scene =
			scene_of(rules, facts, hook, path->packet.source.address.family, &functions[i]);
		ask_function(&other, &scene, functions[i].number, path);
	}
	way->drops_elsewhere |= other.drops || other.lost;
}

void filter_begin(struct filter_way *way, const struct filter_packet *packet)
{
	memset(way, 0, sizeof(*way));
	way->paths[0].packet = *packet;
	way->path_count = 1;
}

void filter_follow(
	struct filter_way *way, const struct filter_rules *rules, const struct facts *facts, unsigned hook)
{
	struct function functions[FUNCTIONS_MAX];
	struct filter_path before[FILTER_PATHS_MAX];
	bool translated = false, all = true;
	if (way->path_count == 0)
		return;
	uint8_t family = way->paths[0].packet.source.address.family;
	size_t count = list_functions(rules, &way->paths[0].packet, hook, functions, &all);
	way->lost |= !all;
	for (size_t i = 0; i < count && way->path_count; i++) {
		const struct filter_scene scene = scene_of(rules, facts, hook, family, &functions[i]);
		unsigned paths = way->path_count;
		/* Behind it what answers a translated request has that one's address again. */
		for (unsigned j = 0; j < paths && hook == NF_INET_POST_ROUTING &&
				     functions[i].priority > NF_IP_PRI_NAT_SRC;
			j++) {
			struct filter_packet *packet = &way->paths[j].packet;
			if (packet->reply && packet->translated)
				packet->source = packet->original[1];
		}
		/* The first chain that translates a connection is the last that is asked to. */
		if (functions[i].is_nat && translated)
			continue;
		memcpy(before, way->paths, sizeof(before));
		way->path_count = 0;
		for (unsigned j = 0; j < paths; j++) {
			bool dropped = way->drops;
			if (functions[i].is_nat && before[j].packet.untracked) {
				way_add(way, &before[j]);
				continue;
			}
			translated |= ask_function(way, &scene, functions[i].number, &before[j]);
			if (way->drops && !dropped)
				ask_others(way, rules, facts, hook, functions, i, count, &before[j]);
		}
	}
}

enum filter_end filter_end(const struct filter_way *way)
{
	if (way->lost || (way->drops && way->path_count))
		return FILTER_UNKNOWN;
	return way->drops ? FILTER_DROPS : FILTER_PASSES;
}

const struct filter_place *filter_decider(const struct filter_way *way)
{
	switch (filter_end(way)) {
	case FILTER_PASSES:
		return NULL;
	case FILTER_DROPS:
		return &way->dropped.steps[way->dropped.step_count - 1];
	case FILTER_UNKNOWN:
		break;
	}
	return way->doubted ? &way->doubt : NULL;
}

const struct filter_place *filter_accepter(const struct filter_way *way)
{
	const struct filter_path *path = &way->paths[0];
	if (filter_end(way) != FILTER_PASSES || way->path_count != 1 || path->vague)
		return NULL;
	for (unsigned i = path->step_count; i-- > 0;)
		if (path->steps[i].handle)
			return &path->steps[i];
	return NULL;
}

const char *filter_hook_name(unsigned hook)
{
	static const char *const names[] = { "prerouting", "input", "forward", "output", "postrouting" };
	return hook < sizeof(names) / sizeof(*names) ? names[hook] : "?";
}
