/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How an evaluation goes on: rules are evaluated expression by expression, in chains. Chains and rules that
 * wait for something else to end stand on two stacks, so that an evaluation can be left and taken up
 * anywhere. What nftables and legacy iptables have in common is in nat_eval_ruleset.c; what differs is in
 * their operations.
 */

#include "collectors/firewall/nat_elements.h"
#include "collectors/firewall/nat_eval.h"
#include "collectors/firewall/nat_registers.h"
#include "collectors/firewall/xt_match.h"

#define NAT_DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables_core.c */
#define NAT_PARTS_MAX 16 /* times that packets part in one rule */

/* A chain that is evaluated, for the packets that come to it. */
struct nat_eval_chain {
	size_t id;       /* its number; of legacy iptables the offset of its first rule */
	size_t next;     /* rule to be evaluated: its number or NFT_NO_INDEX; or its offset */
	uint64_t number; /* of the rule that is evaluated, from 1; of legacy iptables */
	uint64_t scope;  /* of what is excluded for as long as it lasts */
	struct nat_packets packets;
	bool closed;                   /* none come to the next rule */
	bool is_goto, all, shared_out; /* of the rule that led here; all packets of its chain */
};

enum nat_parting { NAT_WHOLE, NAT_BY_PORT, NAT_BY_ELEMENT, NAT_BY_ABSENCE };

/* What is still to be evaluated of a rule for some packets. Where they part, that is done for each part on
 * its own, and nothing is left when all parts are done. */
struct nat_eval_rule {
	struct nat_eval_chain *chain;
	size_t id;                /* its number, or its offset */
	struct nft_cursor cursor; /* expressions that are left; */
	size_t at, target;        /* or offsets of the next match and of the target */
	unsigned parts;           /* times they have parted */
	bool shared_out; /* a map has an element for each way that chance takes: none is left for later
			    rules */
	struct nat_packets packets; /* as narrowed, opaque or balanced as the rule itself makes them */
	struct nat_registers registers;

	enum nat_parting parting;
	struct xt_ports ports;
	unsigned port;
	struct nft_expression lookup;
	const struct nft_set *set;
	struct nat_elements elements;
};

struct nat_eval_ops {
	/* Begins the next base chain; false: there is none any more. */
	bool (*begin_chain)(struct nat_eval *eval);
	/* Begins the next rule of the chain; false: there is none any more. */
	bool (*begin_rule)(struct nat_eval *eval, struct nat_eval_chain *chain);
	/* Evaluates one expression or match of the rule, which is the last on the stack. */
	void (*step)(struct nat_eval *eval, struct nat_eval_rule *rule);
	struct nat_place (*place)(const struct nat_eval *eval, const struct nat_eval_rule *rule);
};

struct nat_eval {
	const struct nat_eval_ops *ops;
	const struct nft_ruleset *ruleset;
	size_t *base_chains; /* in the order in which the kernel asks them */
	size_t base_count, base_begun;
	bool *unread; /* of each rule: it is counted already */
	const struct ip_table *table;
	struct nat_list *list;
	struct nat_exclusions exclusions;
	uint64_t chains_begun;
	unsigned steps; /* expressions, matches and elements */
	int error;
	unsigned chain_depth, rule_depth;
	struct nat_eval_chain chain[NAT_DEPTH_MAX + 1];
	struct nat_eval_rule
		rule[(NAT_DEPTH_MAX + 1) * (NAT_PARTS_MAX + 1)]; /* memory that is not used is not there */
};

/* NULL when memory is out. */
struct nat_eval *nat_eval_new(const struct nat_eval_ops *ops, struct nat_list *list);

/* A base chain; a chain to which a rule leads these packets, from where they may come back, or not. `chain`
 * NFT_NO_INDEX: there is no such chain. */
void nat_eval_begin_chain(struct nat_eval *eval, size_t chain, size_t first, uint8_t family);
void nat_eval_call(struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets,
	size_t chain, size_t first, bool is_goto);
/* A rule, for all packets of the chain. */
struct nat_eval_rule *nat_eval_begin_rule(struct nat_eval *eval, struct nat_eval_chain *chain, size_t id);
/* The last rule on the stack is over. */
void nat_eval_leave_rule(struct nat_eval *eval);

/* The packets are translated; they are, but to what cannot be told; they do not get to the next rule for so
 * long as `scope` says. */
void nat_eval_translate(struct nat_eval *eval, const struct nat_eval_rule *rule,
	const struct nat_packets *packets, const struct nat_target *target);
void nat_eval_fail(struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets,
	const char *reason);
void nat_eval_exclude(struct nat_eval *eval, struct nat_eval_chain *chain, const struct nat_packets *packets,
	uint64_t scope);
/* Counts the rule as unread, once. */
void nat_eval_note_unread(struct nat_eval *eval, const struct nat_eval_rule *rule, const char *reason);

/* Goes on with the rest of the rule for these of its packets; it is the last on the stack now. NULL: there
 * are none, or the rule has too many parts. */
struct nat_eval_rule *nat_eval_part(
	struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets);
/* Applies a match of iptables; false if the packets part by it. */
bool nat_eval_match(
	struct nat_eval_rule *rule, const char *name, unsigned revision, const uint8_t *info, size_t size);
/* Follows a target of iptables to the end; false if the packets go on to the next expression, or rule. */
bool nat_eval_target(struct nat_eval *eval, const struct nat_eval_rule *rule, const char *name,
	unsigned revision, const uint8_t *info, size_t size);
