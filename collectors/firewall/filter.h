/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which rule of the firewall lets one TCP packet pass or drops it, by reading: the base chains of nftables
 * and the tables of legacy iptables are followed in the order in which the kernel asks them. What cannot be
 * known of the packet (a limit, a mark set elsewhere, a module of which nothing is known) is not guessed:
 * both ways are followed, and where they end differently the answer is that it cannot be told, and the rule
 * that decides.
 *
 * filter_rules_read() asks the kernel, and needs CAP_NET_ADMIN; all else is pure.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/base/address.h"

struct facts;
struct trace;

/* All rules that a packet of IPv4 or IPv6 may meet, as they were read at one time; immutable. */
struct filter_rules;

/* Reads them at once, in the calling thread's network namespace. Loads no module. 0 or negative errno:
 * -EPERM; -EINTR if they do not stop changing; -E2BIG if there are more than are read. */
int filter_rules_read(const char *procfs, struct filter_rules **out);
/* As filter_rules_read(), but of nftables only what packets meet that this host sends. */
int filter_rules_read_output(const char *procfs, struct filter_rules **out);
/* Whether some rule may give a mark to packets that this host sends, or another one, of the latter reading;
 * true as well if it cannot be told. */
bool filter_rules_mark_output(const struct filter_rules *rules);
/* Accepts NULL. */
void filter_rules_free(struct filter_rules *rules);
/* False: chains of other families, or at ingress or egress, see packets as well. */
bool filter_rules_are_all(const struct filter_rules *rules);

struct filter_end_point {
	struct address address;
	uint16_t port;                      /* host byte order */
	bool address_unknown, port_unknown; /* it was translated to something */
};

/* A TCP packet that opens a connection, or with `reply` answers such a one. */
struct filter_packet {
	struct filter_end_point source, destination; /* as it is now */
	struct filter_end_point original[2];         /* source and destination of the request as it came */
	bool reply;                                  /* a SYN-ACK; else a SYN */
	bool translated;                             /* the request's destination was */
	bool untracked;                              /* conntrack is told to let it alone */
	int iif, oif;                                /* 0: none */
	char iifname[IF_NAMESIZE], oifname[IF_NAMESIZE];   /* filled with NUL to their end */
	uint32_t mark, mark_known, ct_mark, ct_mark_known; /* known: which bits are */
};

/* A rule, or the policy of a base chain. Texts belong to the rules. */
struct filter_place {
	unsigned hook;  /* NF_INET_* of linux/netfilter.h */
	uint8_t family; /* of the table, NFPROTO_* */
	bool legacy;    /* of iptables-legacy */
	const char *table, *chain;
	uint64_t handle;    /* of legacy iptables its number in the chain, from 1; 0: the policy */
	const char *reason; /* why it cannot be followed; static; NULL: it can */
};

enum filter_end {
	FILTER_PASSES,
	FILTER_DROPS,
	FILTER_UNKNOWN,
};

/* What each base chain said to it, as far as that is certain: who accepted or dropped it. */
#define FILTER_STEPS_MAX 32
struct filter_path {
	struct filter_packet packet;
	struct filter_place steps[FILTER_STEPS_MAX];
	unsigned step_count;
	bool vague; /* the steps may be others */
	bool doubted;
	struct filter_place doubt; /* the first rule of which it cannot be told whether it takes the packet */
};

/* The packet's ways so far: those that have not ended, and how others did. */
#define FILTER_PATHS_MAX 8
struct filter_way {
	struct filter_path paths[FILTER_PATHS_MAX];
	unsigned path_count;
	struct filter_path dropped; /* the first that was; its last step dropped it */
	bool drops;                 /* some was */
	bool drops_elsewhere;       /* another one by another rule */
	bool lost;                  /* some way could not be followed to its end */
	bool doubted;               /* some way depends on `doubt` */
	struct filter_place doubt;
};

void filter_begin(struct filter_way *way, const struct filter_packet *packet);
/* Follows a packet that is at the hook through all that is asked there. Facts: devices and addresses. To be
 * called for one hook after the other; what was translated in one is so in the next, and the caller sets
 * `oif` and `iif` of all paths. */
void filter_follow(
	struct filter_way *way, const struct filter_rules *rules, const struct facts *facts, unsigned hook);
enum filter_end filter_end(const struct filter_way *way);
/* Who dropped it, or of FILTER_UNKNOWN who cannot be followed; NULL if it passes. */
const struct filter_place *filter_decider(const struct filter_way *way);
/* Of FILTER_PASSES: the last rule that accepted it; NULL if none did but policies, or that is not certain. */
const struct filter_place *filter_accepter(const struct filter_way *way);

/* "prerouting", ... */
const char *filter_hook_name(unsigned hook);

/* Number and name of a packet's device; 0 and "" of one that is not there. */
void filter_set_device(const struct facts *facts, int ifindex, int *number, char name[static IF_NAMESIZE]);
/* Makes the place that dropped it the trace's end. 0 or -ENOMEM. */
int filter_place_trace(const struct filter_place *place, struct trace *trace);
