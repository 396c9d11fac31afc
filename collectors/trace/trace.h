/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The facts of the nftrace collector: what became of requests that were traced; the natrules collector adds
 * what it reads of others. Traces own their texts and
 * steps. */

#include <stdlib.h>

#include "collectors/route/route_facts.h"

/* What became of a traced request. */
enum trace_end {
	TRACE_RULE,     /* a rule dropped it */
	TRACE_POLICY,   /* no rule of a base chain took it, and the chain's policy dropped it */
	TRACE_QUEUED,   /* a rule handed it to others: a program (nfqueue), synproxy */
	TRACE_VANISHED, /* it went no further, and no rule dropped it */
	TRACE_PASSED,   /* it left this host, or was delivered to it */
	TRACE_NOTHING,  /* none came while the trace was armed */
	TRACE_UNKNOWN,  /* it depends on a rule that cannot be followed by reading */
};

/* Where it was last. */
enum trace_place {
	TRACE_ARRIVING,   /* in prerouting */
	TRACE_ROUTING,    /* behind prerouting: its route was not chosen yet */
	TRACE_ENTERING,   /* in input: it is for this host */
	TRACE_FORWARDING, /* in forward */
	TRACE_OPENING,    /* in output: this host opened it */
	TRACE_LEAVING,    /* in postrouting */
	TRACE_THROUGH,    /* behind all of them */
};

/* One line of its way: a rule that took it, or the policy of a base chain. */
struct trace_step {
	uint8_t family; /* of the table, NFPROTO_* */
	char *table, *chain;
	uint64_t handle; /* 0: the policy */
	char *verdict;   /* "accept", "jump allowed", "policy drop", ... */
	char *rule;      /* as nft prints it, or NULL */
};

/* The way of the latest traced request for one service, or what reading the rules says of one. Texts and
 * steps belong to it. */
struct trace {
	struct address address; /* the service */
	uint16_t port;
	uint8_t protocol;      /* IPPROTO_TCP */
	int arrival;           /* ifindex; 0: this host opened it */
	struct address client; /* who asked; none: nobody did */
	uint16_t client_port;
	bool translated;
	struct address target; /* as address and port if it was not translated */
	uint16_t target_port;
	int leaving; /* ifindex; 0: it did not come so far, or is for this host */

	enum trace_end end;
	enum trace_place place;
	/* Of TRACE_RULE, TRACE_POLICY, TRACE_QUEUED: who did it; of TRACE_UNKNOWN who may have; else NULL and
	 * 0. */
	uint8_t table_family; /* NFPROTO_* */
	char *table, *chain;
	uint64_t handle;    /* 0: the policy */
	char *rule;         /* as nft prints it; NULL if it could not be read */
	unsigned number;    /* position of the rule in its chain, from 1; 0: not known */
	bool iptables;      /* the chain is managed by iptables-nft */
	bool legacy;        /* of iptables-legacy: the handle is the rule's number in its chain */
	bool read;          /* no request was traced: the rules were read */
	const char *reason; /* of TRACE_UNKNOWN: why; static; or NULL */
	/* A set or map in which the packet was looked up and not found, and was dropped therefore; or NULL.
	 */
	char *set, *element; /* element: as nft takes it; NULL if that is not known */
	bool map;            /* of verdicts */
	/* Of TRACE_VANISHED in TRACE_ROUTING: what the kernel answers to an input lookup. */
	struct route_answer route;

	struct trace_step *steps; /* in the facts: none */
	size_t step_count;
	int64_t time_ns; /* CLOCK_REALTIME of the verdict */
};

/* Traced requests that were dropped, by what dropped them. Texts as in struct trace. */
struct trace_drops {
	uint8_t table_family; /* NFPROTO_*; 0: all that found no row of their own */
	char *table, *chain;  /* "" for those */
	uint64_t handle;      /* 0: the policy */
	uint64_t packets;
};

/* Deep copy without the steps. 0 or -ENOMEM; *out is written on success only. */
int trace_copy(const struct trace *trace, struct trace *out);
/* Frees what it owns and clears it. */
void trace_clear(struct trace *trace);
void trace_drops_free(struct trace_drops *drops, size_t count);

struct trace_facts {
	bool traces_known;
	struct trace *traces; /* one for each service and arrival device, of the last minutes; what was traced
				 first */
	size_t trace_count;
	struct trace_drops *trace_drops;
	size_t trace_drop_count;
};

void trace_facts_clear(struct trace_facts *own);

/* Something dropped it: a rule or a policy. */
bool trace_is_dropped(const struct trace *trace);

/* Public names: "rule", "policy", "vanished", ...; "prerouting", "routing", "input", ... */
const char *trace_end_name(enum trace_end end);
const char *trace_place_name(enum trace_place place);
/* "ip", "inet", ...: of a table; "?" for one that is not known. */
const char *trace_family_name(uint8_t family);
