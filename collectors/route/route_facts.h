/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Rules, routes, and which way requests and replies go. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collectors/base/address.h"

#define DEVICE_SET_SIZE 8

/* The devices of a multipath route: sorted, distinct. Further ones are left out, and `more` says so. */
struct device_set {
	uint8_t count;
	bool more;
	int ifindex[DEVICE_SET_SIZE];
};

enum route_result {
	ROUTE_NOT_ASKED,
	ROUTE_FOUND,         /* leaves by `devices` */
	ROUTE_LOCAL,         /* delivered to this host */
	ROUTE_NONE,          /* no route to the destination */
	ROUTE_UNREACHABLE,   /* by an unreachable route or rule */
	ROUTE_PROHIBIT,      /* by a prohibit route or rule */
	ROUTE_BLACKHOLE,     /* by a blackhole route or rule */
	ROUTE_RP_FILTER,     /* input only: dropped by reverse-path filtering */
	ROUTE_MARTIAN,       /* input only: dropped for its source, rp_filter aside */
	ROUTE_NOT_FORWARDED, /* input only: a route, but forwarding is off on the arrival device */
	ROUTE_FAILED,        /* the kernel answered with an error that says none of these */
};

/* What the kernel answers to one lookup. */
struct route_answer {
	enum route_result result;
	int error;                 /* the kernel's errno (positive) behind a failure, 0 otherwise */
	struct device_set devices; /* of ROUTE_FOUND */
	struct address gateway;    /* of the first next hop, or none: directly connected or a device route */
	bool bound; /* asked for a socket bound to a device: the table may have a better route by another */
	uint32_t table;        /* whose route decided; 0 if the kernel did not say */
	uint8_t prefix_length; /* of the matching route: 0 is a default route */
};

enum rule_action {
	RULE_LOOKUP, /* in `table` */
	RULE_GOTO,
	RULE_NOP,
	RULE_BLACKHOLE,
	RULE_UNREACHABLE,
	RULE_PROHIBIT,
};

/* One line of `ip rule` (linux/fib_rules.h). */
struct rule {
	uint8_t family;
	uint32_t priority;
	enum rule_action action;
	uint32_t table;         /* of RULE_LOOKUP; 0 for an l3mdev rule */
	uint32_t target;        /* priority of RULE_GOTO */
	bool invert;            /* `not` */
	struct prefix from, to; /* family AF_UNSPEC: all */
	char iif[IF_NAMESIZE], oif[IF_NAMESIZE];
	uint32_t mark, mark_mask;                     /* mask 0: any mark */
	uint8_t protocol;                             /* 0: any */
	uint8_t tos;                                  /* 0: any */
	uint16_t source_port[2], destination_port[2]; /* ranges; {0,0}: any */
	uint32_t uid[2];
	bool has_uid;
	bool l3mdev;
	bool opaque; /* has a selector that cannot be followed here (tun_id, an unknown attribute) */
	int suppress_prefix_length; /* -1: none */
};

/* A destination beyond the host's own links, for which routes are asked. */
enum destination_kind {
	DESTINATION_PEER,      /* seen in conntrack */
	DESTINATION_SET,       /* named in the settings (probes) */
	DESTINATION_PROBE,     /* picked because a default route leads to it */
	DESTINATION_NEIGHBOUR, /* an address in the connected network of `address` */
};

struct destination {
	struct address address;
	enum destination_kind kind;
	struct route_answer plain; /* output lookup without source, mark or device */
};

/* A device by which peers beyond its own link reach this host; one for each device and family. */
struct line {
	int ifindex;
	uint8_t family;
	bool named;  /* by --line or the settings */
	bool tunnel; /* is one only because it is a tunnel: no far destination is known to lead out of it */
	struct address gateway; /* none: a device route */
	uint32_t table;         /* that leads out of it */
};

enum origin {
	ORIGIN_LOCAL,
	ORIGIN_DNAT,
	ORIGIN_REMOTE, /* another host's address, or nobody knows whose: in findings and of services in
			  captures */
};

/* A service address (DESIGN "Words"). */
struct service {
	enum origin origin;
	struct address address;
	struct address target; /* as address for ORIGIN_LOCAL */
	bool target_local;     /* the target is an address of this host: its replies are not forwarded */
	int target_ifindex;    /* device behind which a target that is not local lives, or 0 */
	/* Where peers from beyond this host's links were seen asking for the address; if none were, the
	 * devices that own it, or if nobody does, where neighbours were seen asking for it. Empty: nobody
	 * knows by which device requests come. */
	struct device_set arrival;
	bool ruled;                 /* a rule translates it (origin dnat), whether or not there is a flow */
	uint8_t protocol;           /* of that rule; 0: any */
	uint16_t port, target_port; /* of that rule; 0: any, kept */
	size_t endpoint;            /* position in endpoints, or SIZE_MAX if conntrack showed no flow */
	uint64_t half_open, syn_recv, open; /* that endpoint's; 0 if none */
};

/* How far it is certain that requests from the destination come by the arrival device. */
enum path_basis {
	PATH_LEADS,     /* a lookup for the destination leads out of the arrival device */
	PATH_CONNECTED, /* the destination is on the arrival device's own link */
	PATH_SEEN,      /* the peer was seen arriving on the device */
	PATH_POSSIBLE, /* nothing speaks for it but that the device is a tunnel or a named line: no verdict */
};

/* The way of the request from `destination` to a service and the way of its reply, for one arrival device. */
struct path {
	size_t service;
	struct address destination;
	enum destination_kind kind;
	int arrival;
	enum path_basis basis;
	bool answers; /* PATH_SEEN: the peer was seen answering this host, not asking it; `request` is about
			 its answers, and the reply's way says nothing */
	uint8_t protocol;
	uint16_t peer_port, port, target_port;
	uint32_t mark;     /* the reply lookup's mark where all candidates agree */
	bool mark_decides; /* candidate marks lead to different answers, and the reply may have one: nothing
			      is known */
	bool request_mark_decides; /* as mark_decides, if source validation asks for the request's mark */
	struct route_answer
		request;        /* input lookup on the arrival device; ROUTE_NOT_ASKED where none was made */
	bool request_confirmed; /* the kernel itself answered; otherwise ROUTE_RP_FILTER follows from the
				   reverse lookup */
	struct route_answer reply;
	struct route_answer egress; /* the lookup that leads out of the arrival device (PATH_LEADS; PATH_SEEN
					if there is one); else as of collectors/route/egress.h */
	bool egress_by_neighbour;   /* it is the only neighbour there, and in no table (0) */
};

/* What a free lookup of the destination in one table alone finds, as read from the table's routes. */
struct table_answer {
	uint32_t table;
	struct address destination;
	struct route_answer answer; /* ROUTE_NONE: the table has no route to it */
	uint32_t metric;            /* of that route */
};

struct route_facts {
	struct rule *rules; /* by family, then as the kernel walks them */
	size_t rule_count;
	bool answers_unmarked; /* nobody gives a mark to the SYN-ACKs that this host itself sends; false as
				  well where that is not known, or no rule asks for a mark */
	struct destination *destinations;
	size_t destination_count;
	struct line *lines;
	size_t line_count;
	struct service *services;
	size_t service_count;
	struct path *paths;
	size_t path_count;
	struct table_answer *table_answers; /* only those that lookups leave open and a remedy may need */
	size_t table_answer_count;
	uint32_t free_tables[2]; /* routing tables that neither a rule nor a route uses, [0] IPv4, [1] IPv6;
				    0: unknown */
};

static inline void route_facts_clear(struct route_facts *own)
{
	free(own->rules);
	free(own->destinations);
	free(own->lines);
	free(own->services);
	free(own->paths);
	free(own->table_answers);
	*own = (struct route_facts){ 0 };
}
