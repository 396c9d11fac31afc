/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The part of an nftables ruleset that may translate destinations, or all that a packet may meet, as plain
 * structs: filled from the kernel's messages in the order tables, chains, rules, sets, elements, and then
 * only read. Nothing here knows a socket.
 */

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/hash_index.h"
#include "collectors/firewall/nft_expression.h"

/* What is beyond these limits is left out, and the ruleset says so (`omitted`). */
#define NFT_CHAINS_MAX   65536
#define NFT_RULES_MAX    262144
#define NFT_SETS_MAX     65536
#define NFT_ELEMENTS_MAX 65536
#define NFT_BYTES_MAX    (128u << 20) /* of all rules' expressions */
#define NFT_KEY_SIZE     NFT_REGISTER_BYTES

#define NFT_FIELDS_MAX 16 /* NFT_REG32_COUNT */

#define NFT_NO_INDEX SIZE_MAX

/* Of a chain or set. */
struct nft_name {
	uint8_t family; /* NFPROTO_* of its table */
	const char *table, *own;
};

struct nft_chain {
	struct nft_name name; /* first */
	bool is_base;         /* one of those that the ruleset is read for */
	bool is_nat;          /* of these: of type nat */
	bool drops;           /* its policy */
	uint8_t hook;         /* NF_INET_* */
	int32_t priority;
	size_t first_rule, last_rule; /* NFT_NO_INDEX: none */
	bool reached;                 /* by nft_reach() */
};

struct nft_rule {
	uint64_t handle;
	size_t chain;
	size_t next;        /* in its chain, or NFT_NO_INDEX */
	size_t bytes, size; /* its NFTA_RULE_EXPRESSIONS, in the ruleset's bytes */
};

/* One element: a key, or with `has_end` the range from key to key_end. */
struct nft_element {
	size_t next; /* of its set, or NFT_NO_INDEX */
	uint8_t key[NFT_KEY_SIZE], key_end[NFT_KEY_SIZE];
	bool has_end;
	bool interval_end; /* a mark where an interval has ended, in sets of plain intervals */
	bool catch_all;    /* matches what no other element does */
	uint8_t data[NFT_KEY_SIZE];
	size_t data_size;
	int32_t verdict; /* of a verdict map; then `chain` may name one */
	char *chain;     /* or NULL */
};

struct nft_set {
	struct nft_name name; /* first */
	uint32_t flags;       /* NFT_SET_* */
	uint32_t key_size;
	uint8_t fields[NFT_FIELDS_MAX]; /* of a concatenation: bytes of each; each begins at a multiple of 4
					 */
	uint8_t field_count;            /* 0: not told */
	bool verdicts;
	size_t first_element;
	bool wanted; /* nft_reach() met a lookup of it */
	bool read;   /* all its elements are there, but for those omitted */
	bool cut;    /* some elements were left out */
};

/* Which base chains are wanted. */
enum nft_scope {
	NFT_SCOPE_NAT,    /* of type nat in prerouting */
	NFT_SCOPE_OUTPUT, /* of all types in output */
	NFT_SCOPE_ALL,    /* of all types in all hooks */
};

struct nft_ruleset {
	struct nft_chain *chains;
	size_t chain_count;
	size_t *base_chains;
	size_t base_chain_count;
	enum nft_scope scope;
	bool ingress; /* not NFT_SCOPE_NAT: some chain sees packets before they come so far, or behind */
	struct nft_name *dormant; /* as `ingress`: tables whose chains are not in use; own is "" */
	size_t dormant_count;
	struct nft_rule *rules;
	size_t rule_count;
	struct nft_set *sets;
	size_t set_count;
	struct nft_element *elements;
	size_t element_count;
	uint8_t *bytes;
	size_t byte_count, byte_room;
	struct hash_index chain_names, set_names;
	uint64_t seed;
	size_t *queue; /* of nft_reach(): chains to be walked */
	size_t queue_count;
	bool reaching;
	size_t reached_chain, reached_rule; /* while reaching: the next one to be walked, or NFT_NO_INDEX */
	bool partial;                       /* of these, some rules, chains or sets */
	uint64_t omitted; /* rules, chains, sets and elements for which there was no room, or that are
			     malformed */
};

/* Frees it all, or a piece: true when nothing is left. */
void nft_ruleset_clear(struct nft_ruleset *ruleset);
bool nft_ruleset_clear_piece(struct nft_ruleset *ruleset);

/* One message of the answer to a dump: NFT_MSG_NEWTABLE, NEWCHAIN, NEWRULE, NEWSET or NEWSETELEM; others are
 * skipped. All chains must have been added before the first rule; all sets of the table before the first
 * element. 0, -EBADMSG for a malformed one, which is left out, or -ENOMEM. */
int nft_ruleset_add(struct nft_ruleset *ruleset, const struct nlmsghdr *header);

/* Position, or NFT_NO_INDEX. */
size_t nft_ruleset_chain(const struct nft_ruleset *ruleset, const struct nft_name *name);
size_t nft_ruleset_set(const struct nft_ruleset *ruleset, const struct nft_name *name);

/* Follows jumps and lookups from the base chains, through what is there, and marks chains as reached and sets
 * as wanted, a piece at a time. To be called again after elements were added: verdict maps lead on. 0: there
 * is more; 1: all is reached; or -ENOMEM. */
int nft_reach(struct nft_ruleset *ruleset);
