/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How a walk goes on: chains are visited, and in them rules are run, expression by expression. What waits for
 * something else to end stands on two stacks, so that a walk can be left and taken up anywhere. What nftables
 * and legacy iptables have in common is in nat_walk.c; what differs is in their `struct nat_form`s.
 */

#include "collectors/nat_elements.h"
#include "collectors/nat_exclusions.h"
#include "collectors/nat_registers.h"
#include "collectors/nat_walk.h"
#include "collectors/xt_match.h"

#define NAT_DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables_core.c */
#define NAT_PARTS_MAX 16 /* times that packets part in one rule */

/* One visit of a chain. */
struct nat_visit {
	size_t chain;               /* its number; of legacy iptables the offset of its first rule */
	size_t next;                /* rule to be run: its number or NFT_NO_INDEX; or its offset */
	uint64_t number;            /* of the rule that is run, from 1; of legacy iptables */
	uint64_t scope;             /* of what is excluded for as long as it lasts */
	struct nat_packets packets; /* that come to it */
	bool closed;                /* none come to the next rule */
	bool is_goto, shared_out;   /* of the rule that led here */
};

enum nat_parting { NAT_WHOLE, NAT_BY_PORT, NAT_BY_ELEMENT, NAT_BY_ABSENCE };

/* What is still to be run of a rule for some packets. Where they part, the rest of the rule is run for each
 * part on its own, and nothing is left when all parts have been. */
struct nat_run {
	struct nat_visit *visit;
	size_t rule;              /* its number, or its offset */
	struct nft_cursor cursor; /* expressions that are left; */
	size_t at, target;        /* or offsets of the next match and of the target */
	unsigned parts;           /* times they have parted */
	bool shared_out; /* a map has an element for each way that chance takes: none is left for later
			    rules */
	struct nat_packets packets;
	struct nat_registers registers;

	enum nat_parting parting;
	struct xt_ports ports;
	unsigned port;
	struct nft_expression lookup;
	const struct nft_set *set;
	struct nat_elements elements;
};

struct nat_form {
	/* Visits the next base chain; false: there is none any more. */
	bool (*begin_chain)(struct nat_walk *walk);
	/* Begins to run the next rule of the visit; false: there is none any more. */
	bool (*begin_rule)(struct nat_walk *walk, struct nat_visit *visit);
	/* Runs one expression or match of a rule, the one that runs last. */
	void (*run)(struct nat_walk *walk, struct nat_run *run);
	struct nat_place (*place)(const struct nat_walk *walk, const struct nat_run *run);
};

struct nat_walk {
	const struct nat_form *form;
	const struct nft_ruleset *ruleset;
	size_t *chains; /* base chains, in the order in which the kernel asks them */
	size_t chain_count;
	bool *unread; /* of each rule: it is counted already */
	const struct ip_table *table;
	size_t begun; /* base chains */
	struct nat_list *list;
	struct nat_exclusions exclusions;
	uint64_t visits;
	unsigned steps; /* expressions, matches and elements */
	int error;
	unsigned visit_count, run_count;
	struct nat_visit visit[NAT_DEPTH_MAX + 1];
	struct nat_run
		run[(NAT_DEPTH_MAX + 1) * (NAT_PARTS_MAX + 1)]; /* memory that is not used is not there */
};

/* Of a form, or NULL when memory is out. */
struct nat_walk *nat_walk_new(const struct nat_form *form, struct nat_list *list);

/* A base chain; a chain to which a rule leads these packets, from where they may come back, or not. `chain`
 * NFT_NO_INDEX: there is no such chain. */
void nat_walk_begin(struct nat_walk *walk, size_t chain, size_t first, uint8_t family);
void nat_walk_call(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	size_t chain, size_t first, bool is_goto);
/* A rule, for all packets of the visit. */
struct nat_run *nat_walk_run(struct nat_walk *walk, struct nat_visit *visit, size_t rule);
/* The last run is over. */
void nat_walk_leave(struct nat_walk *walk);

/* The packets are translated; they are, but to what cannot be told; they do not get to the next rule for so
 * long as `scope` says. */
void nat_walk_translate(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	const struct nat_target *target);
void nat_walk_fail(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	const char *reason);
void nat_walk_end(
	struct nat_walk *walk, struct nat_visit *visit, const struct nat_packets *packets, uint64_t scope);
/* Counts the rule as unread, once. */
void nat_walk_note_unread(struct nat_walk *walk, const struct nat_run *run, const char *reason);

/* Goes on with the rest of the rule for these of the run's packets; it is the last run now. NULL: there are
 * none, or the rule has too many parts. */
struct nat_run *nat_walk_part(
	struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets);
/* Applies a match of iptables; false if the packets part by it. */
bool nat_walk_match(
	struct nat_run *run, const char *name, unsigned revision, const uint8_t *info, size_t size);
/* Follows a target of iptables to the end; false if the packets go on to the next expression, or rule. */
bool nat_walk_target(struct nat_walk *walk, const struct nat_run *run, const char *name, unsigned revision,
	const uint8_t *info, size_t size);
