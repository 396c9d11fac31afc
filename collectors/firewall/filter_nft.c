// SPDX-License-Identifier: GPL-2.0-or-later
/* nftables, for one packet. Registers hold bytes of which some bits may not be known. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "collectors/firewall/filter_eval.h"
#include "collectors/firewall/nat_elements.h"
#include "collectors/firewall/packet_set.h"

#define WORD      4u
#define ECN_FLAGS 0xc0 /* a SYN may have them */

static const char untold[] = "it asks for something that reading does not tell";
static const char narrowing[] = "it takes only some packets (limit, quota, count or the like)";
static const char changing[] = "it asks a set that packets change";
static const char malformed[] = "the kernel's message about it is malformed";

/* ---- registers */

static bool holds(unsigned at, size_t size)
{
	return at < NFT_REGISTER_BYTES && size <= NFT_REGISTER_BYTES - at;
}

/* The kernel clears the rest of the last word. known: NULL: all. */
static void put(
	struct filter_bytes *registers, unsigned at, const void *value, const uint8_t *known, size_t size)
{
	if (!holds(at, size))
		return;
	for (size_t i = 0; i < (size + WORD - 1) / WORD * WORD && at + i < NFT_REGISTER_BYTES; i++) {
		registers->known[at + i] = i < size && known ? known[i] : 0xff;
		registers->value[at + i] =
			i < size ? ((const uint8_t *)value)[i] & registers->known[at + i] : 0;
	}
}

static void put_unknown(struct filter_bytes *registers, unsigned at, size_t size)
{
	static const uint8_t zero[NFT_REGISTER_BYTES];
	if (at < NFT_REGISTER_BYTES)
		put(registers, at, zero, zero, holds(at, size) ? size : NFT_REGISTER_BYTES - at);
}

/* Of four bytes. */
static void put_number(struct filter_bytes *registers, unsigned at, uint32_t value, uint32_t known)
{
	put(registers, at, &value, (const uint8_t *)&known, sizeof(value));
}

static bool get_number(const struct filter_bytes *registers, unsigned at, uint32_t *value, uint32_t *known)
{
	if (!holds(at, sizeof(*value)))
		return false;
	memcpy(value, registers->value + at, sizeof(*value));
	memcpy(known, registers->known + at, sizeof(*known));
	return true;
}

/* All of it is known. */
static bool get_bytes(const struct filter_bytes *registers, unsigned at, void *out, size_t size)
{
	if (!holds(at, size))
		return false;
	for (size_t i = 0; i < size; i++)
		if (registers->known[at + i] != 0xff)
			return false;
	memcpy(out, registers->value + at, size);
	return true;
}

/* Least and greatest number that the bytes may be. */
static enum filter_match within(const struct filter_bytes *registers, unsigned at, const uint8_t *low,
	const uint8_t *high, size_t size)
{
	uint8_t least[NFT_REGISTER_BYTES], most[NFT_REGISTER_BYTES];
	if (size == 0 || !holds(at, size))
		return MATCH_PERHAPS;
	if (memcmp(low, high, size) == 0) { /* bits that differ tell more than the order does */
		uint8_t missing = 0;
		for (size_t i = 0; i < size; i++) {
			if ((registers->value[at + i] ^ low[i]) & registers->known[at + i])
				return MATCH_NOT;
			missing |= (uint8_t)~registers->known[at + i];
		}
		return missing ? MATCH_PERHAPS : MATCH_SURELY;
	}
	for (size_t i = 0; i < size; i++) {
		least[i] = registers->value[at + i];
		most[i] = registers->value[at + i] | (uint8_t)~registers->known[at + i];
	}
	if (memcmp(most, low, size) < 0 || memcmp(least, high, size) > 0)
		return MATCH_NOT;
	return memcmp(least, low, size) >= 0 && memcmp(most, high, size) <= 0 ? MATCH_SURELY : MATCH_PERHAPS;
}

/* ---- loaded */

struct image {
	uint8_t value[40], known[40];
	size_t size;
};

static void draw(struct image *image, size_t at, const void *bytes, size_t size, bool unknown)
{
	memcpy(image->value + at, bytes, size);
	memset(image->known + at, unknown ? 0 : 0xff, size);
}

static void draw_network(const struct filter_packet *packet, struct image *image)
{
	static const uint8_t no_fragment[2] = { 0 }, version6 = 0x60, version4 = 0x40, tcp = IPPROTO_TCP;
	bool four = packet->source.address.family == AF_INET;
	size_t size = four ? 4 : 16, source = four ? 12 : 8;
	draw(image, 0, four ? &version4 : &version6, 1, false);
	image->known[0] = 0xf0;
	draw(image, four ? 9 : 6, &tcp, 1, false);
	draw(image, source, packet->source.address.bytes, size, packet->source.address_unknown);
	draw(image, source + size, packet->destination.address.bytes, size,
		packet->destination.address_unknown);
	if (four) { /* but for the bit that forbids to make fragments */
		draw(image, 6, no_fragment, 2, false);
		image->known[6] = 0xbf;
	}
	image->size = source + 2 * size;
}

static void draw_transport(const struct filter_packet *packet, struct image *image)
{
	uint8_t flags = packet->reply ? 0x12 : 0x02;
	uint16_t source = htons(packet->source.port), destination = htons(packet->destination.port);
	draw(image, 0, &source, 2, packet->source.port_unknown);
	draw(image, 2, &destination, 2, packet->destination.port_unknown);
	draw(image, 13, &flags, 1, false);
	image->known[13] = (uint8_t)~ECN_FLAGS;
	image->size = 20;
}

static void load_payload(struct filter_bytes *registers, const struct nft_expression *expression,
	const struct filter_packet *packet)
{
	struct image image = { .size = 0 };
	if (expression->key == NFT_PAYLOAD_NETWORK_HEADER)
		draw_network(packet, &image);
	else if (expression->key == NFT_PAYLOAD_TRANSPORT_HEADER)
		draw_transport(packet, &image);
	if (expression->length <= image.size && expression->offset <= image.size - expression->length)
		put(registers, expression->destination, image.value + expression->offset,
			image.known + expression->offset, expression->length);
	else
		put_unknown(registers, expression->destination, expression->length);
}

static void load_meta(struct filter_bytes *registers, const struct nft_expression *expression,
	const struct filter_packet *packet)
{
	unsigned to = expression->destination;
	bool four = packet->source.address.family == AF_INET;
	const uint8_t family = four ? NFPROTO_IPV4 : NFPROTO_IPV6, protocol = IPPROTO_TCP, to_this_host = 0;
	uint16_t ethertype = htons(four ? ETH_P_IP : ETH_P_IPV6);
	switch (expression->key) {
	case NFT_META_NFPROTO:
		put(registers, to, &family, NULL, 1);
		return;
	case NFT_META_L4PROTO:
		put(registers, to, &protocol, NULL, 1);
		return;
	case NFT_META_PROTOCOL:
		put(registers, to, &ethertype, NULL, 2);
		return;
	case NFT_META_IIF:
		put_number(registers, to, (uint32_t)packet->iif, UINT32_MAX);
		return;
	case NFT_META_OIF:
		put_number(registers, to, (uint32_t)packet->oif, UINT32_MAX);
		return;
	case NFT_META_IIFNAME:
		put(registers, to, packet->iifname, NULL, IF_NAMESIZE);
		return;
	case NFT_META_OIFNAME:
		put(registers, to, packet->oifname, NULL, IF_NAMESIZE);
		return;
	case NFT_META_MARK:
		put_number(registers, to, packet->mark, packet->mark_known);
		return;
	case NFT_META_PKTTYPE:
		put(registers, to, &to_this_host, NULL, 1);
		return;
	}
	put_unknown(registers, to, 4 * WORD);
}

static void load_state(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	const struct filter_packet *packet = &walk->path.packet;
	enum filter_match tracked = filter_is_tracked(scene, packet);
	uint32_t state = NF_CT_STATE_BIT(packet->reply ? IP_CT_ESTABLISHED : IP_CT_NEW);
	if (tracked == MATCH_NOT)
		state = packet->untracked ? NF_CT_STATE_UNTRACKED_BIT : NF_CT_STATE_INVALID_BIT;
	put_number(
		&walk->registers, expression->destination, state, tracked == MATCH_PERHAPS ? 0 : UINT32_MAX);
}

static uint32_t status_of(
	const struct filter_scene *scene, const struct filter_packet *packet, uint32_t *known)
{
	uint32_t status = packet->translated ? IPS_DST_NAT : 0;
	*known = IPS_EXPECTED | IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_DST_NAT;
	if (packet->reply)
		return status | IPS_SEEN_REPLY | IPS_CONFIRMED;
	*known |= IPS_ASSURED;
	if (scene->hook != NF_INET_POST_ROUTING)
		*known |= IPS_SRC_NAT;
	return status;
}

/* Without a connection the rule does not match (nft_ct_get_eval). */
static enum filter_match load_ct(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	struct filter_bytes *registers = &walk->registers;
	const struct filter_packet *packet = &walk->path.packet;
	unsigned to = expression->destination;
	uint8_t family = packet->source.address.family, byte = packet->reply;
	bool original = expression->flags == (NFT_CT_DIRECTED | IP_CT_DIR_ORIGINAL);
	uint32_t known, status = status_of(scene, packet, &known);
	const struct filter_end_point *end = &packet->original[0];
	enum filter_match tracked = filter_is_tracked(scene, packet);
	if (expression->key == NFT_CT_STATE) {
		load_state(scene, walk, expression);
		return MATCH_SURELY;
	}
	put_unknown(registers, to, 4 * WORD);
	switch (expression->key) {
	case NFT_CT_DIRECTION:
		put(registers, to, &byte, NULL, 1);
		break;
	case NFT_CT_STATUS:
		put_number(registers, to, status, known);
		break;
	case NFT_CT_MARK:
		put_number(registers, to, packet->ct_mark, packet->ct_mark_known);
		break;
	case NFT_CT_L3PROTOCOL:
		byte = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
		put(registers, to, &byte, NULL, 1);
		break;
	case NFT_CT_PROTOCOL:
		byte = IPPROTO_TCP;
		put(registers, to, &byte, NULL, 1);
		break;
	case NFT_CT_DST:
	case NFT_CT_DST_IP:
	case NFT_CT_DST_IP6:
		end = &packet->original[1];
		/* fallthrough */
	case NFT_CT_SRC:
	case NFT_CT_SRC_IP:
	case NFT_CT_SRC_IP6:
		if ((expression->key == NFT_CT_SRC_IP || expression->key == NFT_CT_DST_IP) &&
			family != AF_INET)
			return MATCH_NOT;
		if ((expression->key == NFT_CT_SRC_IP6 || expression->key == NFT_CT_DST_IP6) &&
			family != AF_INET6)
			return MATCH_NOT;
		if (original)
			put(registers, to, end->address.bytes, NULL, address_size(family));
		break;
	case NFT_CT_PROTO_DST:
		end = &packet->original[1];
		/* fallthrough */
	case NFT_CT_PROTO_SRC:
		if (original) {
			uint16_t port = htons(end->port);
			put(registers, to, &port, NULL, 2);
		}
		break;
	}
	return tracked;
}

static void load_fib(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	const struct filter_packet *packet = &walk->path.packet;
	bool source = expression->flags == NFTA_FIB_F_SADDR, dest = expression->flags == NFTA_FIB_F_DADDR;
	const struct filter_end_point *end = source ? &packet->source : &packet->destination;
	uint32_t types = filter_address_types(scene->facts, &end->address), any = 0, all = UINT32_MAX;
	for (uint32_t type = 0; type < RTN_MAX; type++)
		if (types & 1u << type) {
			any |= type;
			all &= type;
		}
	if (expression->key == NFT_FIB_RESULT_ADDRTYPE && (source || dest) && !end->address_unknown)
		put_number(&walk->registers, expression->destination, all, ~(any ^ all));
	else
		put_unknown(&walk->registers, expression->destination,
			expression->key == NFT_FIB_RESULT_OIFNAME ? IF_NAMESIZE : WORD);
}

/* ---- changed */

static void bitwise(struct filter_bytes *registers, const struct nft_expression *expression)
{
	size_t size = expression->length;
	uint8_t value[NFT_REGISTER_BYTES], known[NFT_REGISTER_BYTES];
	if (expression->operation != NFT_BITWISE_BOOL || expression->data.size != size ||
		expression->more.size != size || !holds(expression->source, size)) {
		put_unknown(registers, expression->destination, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		uint8_t mask = expression->data.bytes[i];
		known[i] = registers->known[expression->source + i] | (uint8_t)~mask;
		value[i] = (registers->value[expression->source + i] & mask) ^ expression->more.bytes[i];
	}
	put(registers, expression->destination, value, known, size);
}

/* Either way bytes change places on a machine whose lowest comes first. */
static void byteorder(struct filter_bytes *registers, const struct nft_expression *expression)
{
	size_t size = expression->length, each = expression->flags;
	struct filter_bytes from = *registers;
	bool swaps = htons(1) != 1;
	if ((each != 2 && each != 4 && each != 8) || !holds(expression->source, size) || size % each) {
		put_unknown(registers, expression->destination, size);
		return;
	}
	uint8_t value[NFT_REGISTER_BYTES], known[NFT_REGISTER_BYTES];
	for (size_t i = 0; i < size; i++) {
		size_t at = expression->source + (swaps ? i / each * each + each - 1 - i % each : i);
		value[i] = from.value[at];
		known[i] = from.known[at];
	}
	put(registers, expression->destination, value, known, size);
}

/* `meta mark set`, `ct mark set`, which does nothing without a connection (nft_ct_set_eval); what is written
 * into the packet is not followed. */
static void set(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	struct filter_packet *packet = &walk->path.packet;
	uint32_t value = 0, known = 0;
	enum filter_match tracked = filter_is_tracked(scene, packet);
	get_number(&walk->registers, expression->source, &value, &known);
	if (expression->kind == NFT_KIND_META && expression->key == NFT_META_MARK) {
		packet->mark = value;
		packet->mark_known = known;
	} else if (expression->kind == NFT_KIND_CT && expression->key == NFT_CT_MARK &&
		   tracked != MATCH_NOT) {
		packet->ct_mark = tracked == MATCH_SURELY ? value : 0;
		packet->ct_mark_known = tracked == MATCH_SURELY ? known : 0;
	} else if (expression->kind == NFT_KIND_PAYLOAD) {
		packet->source.address_unknown = packet->source.port_unknown = true;
		packet->destination.address_unknown = packet->destination.port_unknown = true;
	}
}

/* ---- compared */

static enum filter_match compare(
	const struct filter_bytes *registers, const struct nft_expression *expression)
{
	bool range = expression->kind == NFT_KIND_RANGE;
	const struct nft_data from = expression->data, to = range ? expression->more : from;
	uint8_t low[NFT_REGISTER_BYTES] = { 0 }, high[NFT_REGISTER_BYTES];
	if (!from.bytes || !to.bytes || from.size == 0 || from.size > sizeof(low) || from.size != to.size)
		return MATCH_PERHAPS;
	memset(high, 0xff, sizeof(high));
	uint32_t operation = range ? NFT_CMP_EQ : expression->operation;
	bool other = range ? expression->operation == NFT_RANGE_NEQ : operation == NFT_CMP_NEQ;
	if (operation != NFT_CMP_LT && operation != NFT_CMP_LTE)
		memcpy(low, from.bytes, from.size);
	if (operation != NFT_CMP_GT && operation != NFT_CMP_GTE)
		memcpy(high, to.bytes, to.size);
	if ((operation == NFT_CMP_LT && !number_step(high, to.size, false)) ||
		(operation == NFT_CMP_GT && !number_step(low, from.size, true)))
		return MATCH_NOT;
	enum filter_match match = within(registers, expression->source, low, high, from.size);
	return other ? filter_not(match) : match;
}

/* ---- sets and maps */

/* What was found; of MATCH_PERHAPS several elements may be it, and then `several` is set if they differ. */
struct found {
	enum filter_match match;
	const struct nft_element *element;
	bool several;
};

static bool same_verdict(const struct nft_element *a, const struct nft_element *b)
{
	return a->verdict == b->verdict && !a->chain == !b->chain &&
	       (!a->chain || strcmp(a->chain, b->chain) == 0);
}

static enum filter_match element_fits(const struct filter_bytes *registers, unsigned at,
	const struct nft_set *asked, const uint8_t *low, const uint8_t *high)
{
	enum filter_match match = MATCH_SURELY;
	size_t offset = 0;
	if (memcmp(low, high, asked->key_size) == 0 || !(asked->flags & NFT_SET_CONCAT))
		return within(registers, at, low, high, asked->key_size);
	for (unsigned i = 0; i < asked->field_count && offset + asked->fields[i] <= asked->key_size; i++) {
		match = filter_both(match, within(registers, at + (unsigned)offset, low + offset,
						   high + offset, asked->fields[i]));
		offset += (asked->fields[i] + WORD - 1u) / WORD * WORD;
	}
	return asked->field_count ? match : MATCH_PERHAPS;
}

static void note(struct found *found, enum filter_match match, const struct nft_element *element)
{
	if (match == MATCH_NOT || found->match == MATCH_SURELY)
		return;
	found->several |= found->element && !same_verdict(found->element, element);
	found->match = match;
	found->element = element;
}

static struct found find_element(const struct nft_ruleset *ruleset, const struct nft_set *asked,
	const struct filter_bytes *registers, unsigned at)
{
	struct found found = { 0 };
	struct nat_elements elements;
	struct nat_range range;
	int some;
	nat_elements_begin(&elements, ruleset, asked);
	while ((some = nat_elements_next(&elements, &range)) == -EAGAIN || some > 0)
		if (some > 0 && range.rest && found.match != MATCH_PERHAPS)
			note(&found, MATCH_SURELY, range.element);
		else if (some > 0)
			note(&found,
				range.rest ? MATCH_PERHAPS
					   : element_fits(registers, at, asked, range.low, range.high),
				range.element);
	nat_elements_end(&elements);
	if (some < 0 || (asked->cut && found.match == MATCH_NOT)) {
		found.match = MATCH_PERHAPS;
		found.several = true;
	}
	return found;
}

static void follow(const struct filter_scene *scene, const struct filter_walk *walk, int32_t code,
	const char *name, struct filter_effect *effect)
{
	const struct nft_ruleset *ruleset = &scene->rules->ruleset;
	struct nft_name called = ruleset->chains[walk->frames[walk->depth - 1].chain].name;
	called.own = name;
	effect->verdict = code == NFT_JUMP     ? VERDICT_JUMPS
			  : code == NFT_GOTO   ? VERDICT_GOES_TO
			  : code == NFT_RETURN ? VERDICT_RETURNS
			  : code == NF_ACCEPT  ? VERDICT_ACCEPTS
			  : code == NF_DROP    ? VERDICT_DROPS
			  : code < 0           ? VERDICT_GOES_ON
					       : VERDICT_LOST;
	if (effect->verdict == VERDICT_LOST)
		effect->reason = "it hands the packet to a program";
	if (code != NFT_JUMP && code != NFT_GOTO)
		return;
	effect->chain = nft_ruleset_chain(ruleset, &called);
	if (effect->chain == NFT_NO_INDEX) {
		effect->verdict = VERDICT_LOST;
		effect->reason = malformed;
	}
}

static enum filter_match look_up(const struct filter_scene *scene, struct filter_walk *walk,
	const struct nft_expression *expression, struct filter_effect *effect)
{
	const struct nft_ruleset *ruleset = &scene->rules->ruleset;
	struct nft_name name = ruleset->chains[walk->frames[walk->depth - 1].chain].name;
	name.own = expression->name;
	size_t number = nft_ruleset_set(ruleset, &name);
	const struct nft_set *asked = number == NFT_NO_INDEX ? NULL : &ruleset->sets[number];
	bool fleeting = !asked || asked->flags & NFT_SET_EVAL;
	struct found found = { .match = MATCH_PERHAPS, .several = true };
	if (!fleeting)
		found = find_element(ruleset, asked, &walk->registers, expression->source);
	if (found.match == MATCH_PERHAPS)
		effect->reason = fleeting ? changing : untold;
	if (expression->verdict.present) {
		if (found.match != MATCH_NOT && found.several && found.match != MATCH_SURELY)
			effect->verdict = VERDICT_LOST;
		else if (found.match != MATCH_NOT)
			follow(scene, walk, found.element->verdict,
				found.element->chain ? found.element->chain : "", effect);
		return found.match;
	}
	if (expression->destination == NFT_REGISTER_NONE)
		return expression->flags & NFT_LOOKUP_F_INV ? filter_not(found.match) : found.match;
	if (found.match == MATCH_SURELY)
		put(&walk->registers, expression->destination, found.element->data, NULL,
			found.element->data_size);
	else
		put_unknown(&walk->registers, expression->destination, 4 * WORD);
	return found.match;
}

/* ---- translations */

static void translate(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	struct filter_packet *packet = &walk->path.packet;
	const struct filter_bytes *registers = &walk->registers;
	struct address low = packet->destination.address, high = low;
	uint16_t ports[2] = { 0 };
	bool known = true, ported = expression->port != NFT_REGISTER_NONE;
	if (expression->kind == NFT_KIND_NAT && expression->key != NFT_NAT_DNAT) {
		filter_translate(packet, true, NULL, NULL, ports);
		return;
	}
	uint8_t family = nat_family(expression->family);
	if (expression->kind == NFT_KIND_NAT && expression->source != NFT_REGISTER_NONE) {
		size_t size = address_size(family);
		known = size && get_bytes(registers, expression->source, low.bytes, size) &&
			get_bytes(registers, expression->source_end, high.bytes, size);
		low.family = high.family = family;
	}
	if (ported) {
		known = known && get_bytes(registers, expression->port, &ports[0], 2) &&
			get_bytes(registers, expression->port_end, &ports[1], 2);
		ports[0] = ntohs(ports[0]);
		ports[1] = ntohs(ports[1]);
	}
	if (expression->kind == NFT_KIND_REDIR && (known || !ported))
		filter_redirect(scene, packet, ports);
	else
		filter_translate(packet, false, known ? &low : NULL, known ? &high : NULL, ports);
}

/* ---- rules */

/* Expressions of which the parser knows nothing but the name. */
static enum filter_match unknown_expression(
	struct filter_walk *walk, const struct nft_expression *expression, struct filter_effect *effect)
{
	if (strcmp(expression->name, "notrack") == 0) {
		walk->path.packet.untracked = true;
	} else if (strcmp(expression->name, "flow_offload") != 0) {
		effect->verdict = VERDICT_LOST;
		effect->reason = "it has an expression of which nothing is known";
	}
	return MATCH_SURELY;
}

static void end(
	struct filter_walk *walk, const struct nft_expression *expression, struct filter_effect *effect)
{
	static const uint16_t any[2] = { 0 };
	if (strcmp(expression->name, "reject") == 0) {
		effect->verdict = VERDICT_DROPS;
	} else if (strcmp(expression->name, "masq") == 0) {
		filter_translate(&walk->path.packet, true, NULL, NULL, any);
		effect->verdict = VERDICT_TRANSLATES;
	} else {
		effect->verdict = VERDICT_LOST;
		effect->reason = "it hands the packet to a program or another part of the kernel";
	}
}

/* What an object does with a packet (linux/netfilter/nf_tables.h). */
static enum filter_match ask_object(const struct nft_expression *expression)
{
	bool passive = expression->key == NFT_OBJECT_CT_HELPER || expression->key == NFT_OBJECT_CT_TIMEOUT ||
		       expression->key == NFT_OBJECT_SECMARK || expression->key == NFT_OBJECT_CT_EXPECT;
	return strcmp(expression->name, "objref") == 0 && passive ? MATCH_SURELY : MATCH_PERHAPS;
}

static enum filter_match load_or_set(
	const struct filter_scene *scene, struct filter_walk *walk, const struct nft_expression *expression)
{
	if (expression->destination == NFT_REGISTER_NONE && expression->source != NFT_REGISTER_NONE)
		set(scene, walk, expression);
	else if (expression->kind == NFT_KIND_CT)
		return load_ct(scene, walk, expression);
	else if (expression->kind == NFT_KIND_META)
		load_meta(&walk->registers, expression, &walk->path.packet);
	else
		load_payload(&walk->registers, expression, &walk->path.packet);
	return MATCH_SURELY;
}

static enum filter_match ask(const struct filter_scene *scene, struct filter_walk *walk,
	const struct nft_expression *expression, struct filter_effect *effect)
{
	struct filter_bytes *registers = &walk->registers;
	const struct filter_packet *packet = &walk->path.packet;
	const struct nft_data data = expression->data;
	switch (expression->kind) {
	case NFT_KIND_UNKNOWN:
		return unknown_expression(walk, expression, effect);
	case NFT_KIND_PASSIVE:
		return MATCH_SURELY;
	case NFT_KIND_NARROWING:
		effect->reason = effect->reason ? effect->reason : narrowing;
		return ask_object(expression);
	case NFT_KIND_LOAD:
	case NFT_KIND_RANDOM:
		put_unknown(registers, expression->destination, 4 * WORD);
		return MATCH_SURELY;
	case NFT_KIND_PAYLOAD:
	case NFT_KIND_META:
	case NFT_KIND_CT:
		return load_or_set(scene, walk, expression);
	case NFT_KIND_FIB:
		load_fib(scene, walk, expression);
		return MATCH_SURELY;
	case NFT_KIND_BYTEORDER:
		byteorder(registers, expression);
		return MATCH_SURELY;
	case NFT_KIND_BITWISE:
		bitwise(registers, expression);
		return MATCH_SURELY;
	case NFT_KIND_IMMEDIATE:
		if (expression->verdict.present)
			follow(scene, walk, expression->verdict.code, expression->verdict.chain, effect);
		else
			put(registers, expression->destination, data.bytes, NULL, data.size);
		return MATCH_SURELY;
	case NFT_KIND_CMP:
	case NFT_KIND_RANGE:
		return compare(registers, expression);
	case NFT_KIND_LOOKUP:
		return look_up(scene, walk, expression, effect);
	case NFT_KIND_NAT:
	case NFT_KIND_REDIR:
		translate(scene, walk, expression);
		effect->verdict = VERDICT_TRANSLATES;
		return MATCH_SURELY;
	case NFT_KIND_MATCH:
		return filter_xt_match(
			scene, packet, expression->name, expression->revision, data.bytes, data.size);
	case NFT_KIND_TARGET:
		filter_xt_target(
			scene, walk, expression->name, expression->revision, data.bytes, data.size, effect);
		return MATCH_SURELY;
	case NFT_KIND_END:
		end(walk, expression, effect);
		return MATCH_SURELY;
	case NFT_KINDS:
		break;
	}
	return MATCH_PERHAPS;
}

bool filter_nft_next(const struct filter_scene *scene, struct filter_walk *walk, struct filter_effect *effect)
{
	const struct nft_ruleset *ruleset = &scene->rules->ruleset;
	struct filter_frame *frame = &walk->frames[walk->depth - 1];
	struct filter_effect found = { .verdict = VERDICT_GOES_ON };
	const struct nlattr *element;
	if (frame->next == NFT_NO_INDEX)
		return false;
	const struct nft_rule *rule = &ruleset->rules[frame->next];
	struct nft_cursor cursor = { (const char *)ruleset->bytes + rule->bytes, rule->size };
	frame->rule = frame->next;
	frame->next = rule->next;
	while (found.verdict == VERDICT_GOES_ON && (element = nft_cursor_next(&cursor)) != NULL) {
		struct nft_expression expression;
		if (nft_expression_parse(element, &expression) < 0) {
			found.verdict = VERDICT_LOST;
			found.reason = malformed;
			break;
		}
		enum filter_match match = ask(scene, walk, &expression, &found);
		if (match == MATCH_NOT) {
			found = (struct filter_effect){ .verdict = VERDICT_GOES_ON };
			break;
		}
		found.perhaps |= match == MATCH_PERHAPS;
	}
	if (found.perhaps && !found.reason)
		found.reason = untold;
	*effect = found;
	return true;
}

struct filter_place filter_nft_place(const struct filter_scene *scene, const struct filter_walk *walk)
{
	const struct nft_ruleset *ruleset = &scene->rules->ruleset;
	const struct filter_frame *frame = &walk->frames[walk->depth ? walk->depth - 1 : 0];
	const struct nft_chain *chain = &ruleset->chains[frame->chain];
	return (struct filter_place){ .hook = scene->hook,
		.family = chain->name.family,
		.table = chain->name.table,
		.chain = chain->name.own,
		.handle = frame->rule == NFT_NO_INDEX ? 0 : ruleset->rules[frame->rule].handle };
}
