/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Route lookups: the kernel is asked (RTM_GETROUTE) what it would do with a packet. No packet is sent and no
 * privilege is needed, not even to ask for another mark or uid.
 *
 * Every lookup asks for the matching route itself (RTM_F_FIB_MATCH, Linux 4.13), so that a multipath route is
 * answered with all its next hops, and names protocol, ports and uid, since rules may select by them. An
 * output lookup bound to a device that has no route answers ROUTE_NONE; without FIB_MATCH IPv4 would assume
 * the destination to be on-link.
 *
 * An input lookup runs the whole input path including reverse-path validation (net/ipv4/route.c,
 * inet_rtm_getroute). One that fails raises the host-wide in_martian_src counter and, with log_martians,
 * prints to the kernel log: callers limit them. IPv6 has no reverse-path validation there.
 */

#include "collectors/base/netlink.h"
#include "collectors/facts.h"

struct route_query {
	struct address destination;
	struct address source; /* none: unspecified. Output lookups accept only local IPv4 sources */
	int iif;               /* input lookup: the packet arrives on this device; 0: output lookup */
	int oif;               /* output lookup bound to this device; 0: free */
	uint32_t mark;
	uint32_t uid;     /* output lookups only */
	uint8_t protocol; /* IPPROTO_*; 0 means TCP */
	uint16_t source_port, destination_port;
};

/* Asks many lookups, several in one buffer. answers[i] belongs to queries[i] and is always filled in on
 * success; a lookup the kernel refuses is an answer, not an error. ROUTE_RP_FILTER and ROUTE_MARTIAN cannot
 * be told apart from a blackhole by the error alone (EINVAL since Linux 6.13, EXDEV before): input lookups
 * that fail with either are answered ROUTE_FAILED with `error` set, and the caller asks lookup_reverse()
 * (IPv6 has no source validation: there EINVAL is ROUTE_BLACKHOLE). An IPv4 input lookup on a device that
 * does not forward fails with EHOSTUNREACH whatever its route says, which is answered ROUTE_UNREACHABLE: the
 * caller knows forwarding4 and reads it as ROUTE_NOT_FORWARDED. IPv6 does not look at forwarding at all. An
 * `unreachable` rule cannot be told from no route: ROUTE_NONE. A lookup bound to `oif` answers only the hops
 * on it. `gateway` is that of the first of `devices`. With net.ipv4.nexthop_compat_mode=0 the kernel hides
 * the hops of nexthop objects: then `devices` is the one it would pick, and `more` is set. Protocols other
 * than TCP, UDP and ICMP are refused by the kernel: ROUTE_FAILED with EOPNOTSUPP. 0 or negative errno of the
 * conversation. */
int lookup_batch(struct netlink *netlink, const struct route_query *queries, struct route_answer *answers,
	size_t count);

/* The reverse lookup that the kernel's source validation makes for a packet of input query `forward`
 * (__fib_validate_source, net/ipv4/fib_frontend.c): addresses and ports swapped, uid 0, mark only with
 * src_valid_mark, input device `egress` for a forwarded packet and none (loopback) for one delivered locally.
 */
struct route_query lookup_reverse(const struct route_query *forward, int egress, bool src_valid_mark);

/* Would reverse-path filtering drop a packet that arrives on `device`, given the answer to its reverse
 * lookup? ROUTE_RP_FILTER, ROUTE_MARTIAN (its source is an address of this host), or ROUTE_FOUND if it
 * passes. `has_address`: the device has an IPv4 address (loose mode is strict without one). ROUTE_FAILED if
 * that answer or an unknown rp_filter mode leaves it open. */
enum route_result lookup_source_verdict(
	const struct device *device, bool has_address, const struct route_answer *reverse);

/* Exposed for tests: reads one RTM_NEWROUTE or NLMSG_ERROR message, the answer to an input lookup or one
 * bound to `oif`. 0 or -EBADMSG. */
int lookup_parse(const struct nlmsghdr *header, bool input, int oif, struct route_answer *answer);
/* Exposed for tests: writes the request into buffer (at least LOOKUP_REQUEST_SIZE bytes). */
#define LOOKUP_REQUEST_SIZE 160
struct nlmsghdr *lookup_write(void *buffer, const struct route_query *query, uint32_t sequence);

/* All rules of a family, appended in the kernel's order. 0 or negative errno. */
int rules_read(struct netlink *netlink, uint8_t family, struct rule **rules, size_t *count);
/* Exposed for tests: reads one RTM_NEWRULE message. 0, or -EBADMSG. */
int rule_parse(const struct nlmsghdr *header, struct rule *out);
/* A table number in 100..252 that no rule names and in which the kernel knows no route, or 0. */
uint32_t rules_free_table(struct netlink *netlink, uint8_t family, const struct rule *rules, size_t count);
