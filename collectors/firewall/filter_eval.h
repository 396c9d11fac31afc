/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How one packet is followed. What is asked of it has three answers: it is so, it is not, or nobody knows; a
 * value is known bit by bit. Where a rule whose matches nobody knows would change something, the walk goes on
 * as two: one which it took, and one which it did not.
 */

#include "collectors/facts.h"
#include "collectors/firewall/filter.h"
#include "collectors/firewall/ip_tables.h"
#include "collectors/firewall/nft_ruleset.h"

#define FILTER_DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE */
#define FILTER_LEGACY    5  /* raw, mangle, nat, filter, security */

struct filter_rules {
	struct nft_ruleset ruleset;               /* lent by the reader */
	struct nft_reader *reader;                /* NULL: nf_tables is not loaded */
	struct ip_table tables[2][FILTER_LEGACY]; /* [0] IPv4, [1] IPv6; no bytes: not there */
};

enum filter_match { MATCH_NOT, MATCH_PERHAPS, MATCH_SURELY };

enum filter_verdict {
	VERDICT_GOES_ON, /* to the next rule */
	VERDICT_RETURNS,
	VERDICT_JUMPS,
	VERDICT_GOES_TO,
	VERDICT_ACCEPTS,
	VERDICT_TRANSLATES, /* and accepts */
	VERDICT_DROPS,
	VERDICT_LOST, /* it cannot be followed any further */
};

/* What one rule does. */
struct filter_effect {
	enum filter_verdict verdict;
	size_t chain;       /* of a jump */
	bool perhaps;       /* if it takes the packet at all */
	const char *reason; /* of that, or of being lost; static */
};

/* Where it is asked. */
struct filter_scene {
	const struct filter_rules *rules;
	const struct facts *facts;    /* or NULL: nothing is known of this host */
	const struct ip_table *table; /* NULL: nftables */
	const char *table_name;       /* of it */
	unsigned hook;
	int priority;
	bool is_nat; /* a chain that translates */
};

struct filter_frame {
	size_t chain, next; /* numbers; of legacy iptables offsets */
	size_t rule;        /* that is asked */
	uint64_t number;    /* of it, of legacy iptables */
};

/* Known bytes of a value. */
struct filter_bytes {
	uint8_t value[NFT_REGISTER_BYTES], known[NFT_REGISTER_BYTES]; /* bits that are not known are 0 */
};

struct filter_walk {
	struct filter_path path;
	struct filter_bytes registers;
	struct filter_frame frames[FILTER_DEPTH_MAX + 1];
	unsigned depth; /* of the frame it is in, from 1; 0: it has ended */
};

/* Asks the next rule of the walk's frame, and leaves the frame behind it. False: it has none any more, and
 * *effect is unchanged. */
bool filter_nft_next(
	const struct filter_scene *scene, struct filter_walk *walk, struct filter_effect *effect);
bool filter_table_next(
	const struct filter_scene *scene, struct filter_walk *walk, struct filter_effect *effect);
/* Who is asked. */
struct filter_place filter_nft_place(const struct filter_scene *scene, const struct filter_walk *walk);
struct filter_place filter_table_place(const struct filter_scene *scene, const struct filter_walk *walk);

/* A match or a target of iptables, in nftables or out of it. A target that goes on leaves *effect alone. */
enum filter_match filter_xt_match(const struct filter_scene *scene, const struct filter_packet *packet,
	const char *name, unsigned revision, const uint8_t *info, size_t size);
void filter_xt_target(const struct filter_scene *scene, struct filter_walk *walk, const char *name,
	unsigned revision, const uint8_t *info, size_t size, struct filter_effect *effect);

/* Its source or destination is translated to something from low to high, NULL: nobody knows to what. Ports
 * {0,0} are kept. */
void filter_translate(struct filter_packet *packet, bool source, const struct address *low,
	const struct address *high, const uint16_t ports[static 2]);
/* Its destination becomes this host. */
void filter_redirect(
	const struct filter_scene *scene, struct filter_packet *packet, const uint16_t ports[static 2]);

/* Whether conntrack knows it: before it has looked there is no state. */
enum filter_match filter_is_tracked(const struct filter_scene *scene, const struct filter_packet *packet);
/* What it may be: a bit for each of RTN_LOCAL, RTN_UNICAST, ... */
uint32_t filter_address_types(const struct facts *facts, const struct address *address);
enum filter_match filter_match_of(bool yes);
/* Both must be so. */
enum filter_match filter_both(enum filter_match a, enum filter_match b);
enum filter_match filter_not(enum filter_match match);
/* (value & mask) == wanted, as far as the bits are known. */
enum filter_match filter_masked(uint32_t value, uint32_t known, uint32_t mask, uint32_t wanted);
