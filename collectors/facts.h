/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The facts: what is true about a host at one moment, as plain values. Collectors fill them, the judge and
 * the writers read them. No sockets, no callbacks, no opinions.
 *
 * A `struct facts` is built anew for each judgement by the loop thread, one collector after the other in the
 * order of collectors/collector.h, and is immutable afterwards: any thread may read it. Arrays belong to the
 * facts and are freed by facts_free(). Indexes between arrays are positions in the same facts.
 *
 * Interface numbers are 0 for "none"; times are nanoseconds.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/address.h"
#include "collectors/handshake.h"

/* ---- link ---- */

enum device_kind {
	DEVICE_PLAIN,    /* Ethernet, veth, VLAN, macvlan, ...: anything not below */
	DEVICE_LOOPBACK, /* or dummy */
	DEVICE_BRIDGE,
	DEVICE_BOND, /* or team */
	DEVICE_VRF,
	DEVICE_TUNNEL, /* tun, vxlan, gre, ipip, sit, wireguard, ipsec, ppp, ... */
};

/* rp_filter: 0 off, 1 strict, 2 loose (Documentation/networking/ip-sysctl). */
#define RP_FILTER_UNKNOWN (-1)

struct device {
	int ifindex;
	char name[IF_NAMESIZE];
	enum device_kind kind;
	int master; /* ifindex of bridge, bond or VRF above it, or 0 */
	bool port;  /* of a bridge or bond: no device of its own, see DESIGN "device" */
	bool up;    /* administratively up and with carrier */
	bool forwarding4;
	bool forwarding6;        /* of conf/all: in IPv6 the host forwards, not the device (ip6_forward) */
	int rp_filter_raw;       /* conf/<device>/rp_filter, or RP_FILTER_UNKNOWN */
	int rp_filter_effective; /* max(conf/all, conf/<device>): include/linux/inetdevice.h IN_DEV_RPFILTER
				  */
	bool src_valid_mark;     /* conf/all or conf/<device>: the reverse lookup uses the packet's mark */
	bool log_martians;       /* conf/all or conf/<device> */
};

/* An address of this host. Link-local, multicast, tentative and temporary ones are not listed. */
struct local_address {
	struct prefix prefix; /* the address itself, with the length of its connected network */
	int ifindex;
};

/* ---- rpfilter ---- */

struct rpfilter_counters {
	bool known;               /* /proc/net/netstat could be read */
	uint64_t drops;           /* TcpExt IPReversePathFilter, this namespace */
	int64_t drops_risen_ns;   /* monotonic time of the last rise that was seen; 0 if none was */
	uint64_t drops_recent;    /* rise within the last RPFILTER_RECENT_NS */
	bool martians_known;      /* /proc/net/stat/rt_cache could be read */
	uint64_t martian_sources; /* host-wide, all namespaces: never evidence */
	uint64_t martian_destinations;
};

#define RPFILTER_RECENT_NS (60 * INT64_C(1000000000))

/* ---- conntrack ---- */

enum nat_kind { NAT_DNAT, NAT_SNAT, NAT_BOTH, NAT_KINDS };
enum nat_protocol { NAT_TCP, NAT_UDP, NAT_ICMP, NAT_OTHER, NAT_PROTOCOLS };
/* TCP flows are in one of the first four, all others in one of the last two. */
enum nat_state {
	NAT_SYN_SENT,
	NAT_SYN_RECV,
	NAT_ESTABLISHED,
	NAT_CLOSING,
	NAT_UNREPLIED,
	NAT_REPLIED,
	NAT_STATES
};

enum conntrack_stat {
	CONNTRACK_INVALID,
	CONNTRACK_INSERT_FAILED,
	CONNTRACK_DROP,
	CONNTRACK_EARLY_DROP,
	CONNTRACK_CHAIN_TOOLONG,
	CONNTRACK_STATS
};

struct conntrack_sample {
	bool known;  /* a sweep has ended since start */
	bool in_use; /* nf_conntrack is loaded and tracks flows in this namespace */
	uint64_t flows[NAT_KINDS][NAT_PROTOCOLS][NAT_STATES];
	uint64_t entries; /* all entries met, NAT or not */
	int64_t ended_ns; /* CLOCK_REALTIME at the end of the sweep */
	double seconds;   /* CPU time of the loop thread for the sweep */
	bool stats_known;
	uint64_t stats[CONNTRACK_STATS]; /* sums over CPUs; absent columns stay 0 */
	uint64_t endpoints_omitted; /* that gave way or found no place since start, once for each such flow */
};

enum endpoint_kind {
	ENDPOINT_DNAT, /* flows to `address`, translated to `target` */
	ENDPOINT_IN,   /* flows to `address` of this host, not translated; target is the same */
	ENDPOINT_OUT,  /* flows from `address` of this host, not translated; target is the same */
};

/* What one connection at an endpoint looked like. */
struct flow_example {
	struct address peer;  /* who opened it (DNAT, IN) or was asked (OUT) */
	uint8_t protocol;     /* IPPROTO_* */
	uint16_t peer_port;   /* host byte order; 0 where the protocol has none */
	uint16_t port;        /* of `address` */
	uint16_t target_port; /* of `target` */
	uint16_t zone;        /* CTA_ZONE */
	uint32_t mark;        /* CTA_MARK */
	enum nat_state state; /* as last met */
	bool assured;         /* IPS_ASSURED: the handshake was completed */
	int64_t seen_ns;      /* monotonic */
	int64_t stuck_ns; /* monotonic time since when each sweep met the peer in NAT_SYN_RECV; 0: not now */
};

#define ENDPOINT_EXAMPLES 4

/* The flows of one address (and, for DNAT, one target) as conntrack shows them, folded together. Remembered
 * for a while after the last flow is gone (seen_ns), counts are of the last sweep alone. */
struct endpoint {
	enum endpoint_kind kind;
	struct address address;
	struct address target;
	uint64_t half_open; /* SYN_SENT, SYN_RECV, unreplied */
	uint64_t syn_recv;  /* of these: the reply came to this host, its acknowledgement never */
	uint64_t open;      /* established, closing, replied */
	int64_t seen_ns;    /* monotonic */
	unsigned example_count;
	struct flow_example examples[ENDPOINT_EXAMPLES]; /* distinct peers, latest first */
};

/* ---- natrules ---- */

/* A rule of the firewall that translates destinations, for one target: a map or a set gives a rule for each
 * element. They stand in the order in which the kernel asks them, so of several that fit a packet the first
 * counts (nat_rule_find(), collectors/nat_find.h). */
struct nat_rule {
	uint8_t family;            /* AF_INET or AF_INET6 */
	uint8_t protocol;          /* IPPROTO_*; 0: any */
	struct prefix destination; /* AF_UNSPEC: any */
	bool destination_local;    /* only addresses of this host */
	uint16_t ports[2];         /* first and last; {0,0}: any */
	char iif[IF_NAMESIZE];     /* "": any; ends with '*' for all that begin so */
	int ifindex;               /* if the rule gives the device by number; iif is its name, or "?" */
	bool iif_excluded;         /* any but that device */
	const char *
		also_excluded; /* further devices that are: names, each ended by NUL, "" ends; in nat_names */
	bool redirect;         /* to this host: the address of the device it came by */
	bool conditional;      /* the rule demands more than is listed here */
	bool by_source;        /* if conditional: that the source is one of some, and nothing else */
	bool balanced;         /* one of several targets, chosen for each connection */
	struct address target[2];  /* first and last; none: not changed */
	uint16_t target_ports[2];  /* {0,0}: kept */
	uint8_t table_family;      /* NFPROTO_* */
	const char *table, *chain; /* of the rule that translates; in nat_names */
	uint64_t handle;           /* of it; of legacy iptables its number in the chain, from 1 */
	bool legacy;               /* of iptables-legacy */
};

/* A rule that translates destinations and cannot be told what to. */
struct nat_unread {
	uint8_t table_family;
	const char *table, *chain; /* "": not of one rule */
	uint64_t handle;
	const char *reason; /* static */
};

#define NAT_RULES_MAX  16384
#define NAT_UNREAD_MAX 16 /* that are named; all are counted */

/* ---- listen ---- */

/* A TCP socket that listens in this namespace. One that takes any address has 0.0.0.0 if it serves IPv4
 * alone, :: if IPv6 alone (IPV6_V6ONLY), and none if both. An IPv4 address to which an IPv6 socket is bound
 * (::ffff:192.0.2.1) is listed as the IPv4 address it is. */
struct listener {
	struct address address; /* none: any address of the host, of both families */
	uint16_t port;
	uint32_t uid; /* the reply is routed with it (uidrange rules) */
	int ifindex;  /* bound to a device (SO_BINDTODEVICE), or 0 */
};

/* ---- handshake ---- */

/* A device that is, or was, captured on. Rows of the report name devices by ifindex; a device that has gone
 * keeps its row here, so that its counters keep their name. One that comes back under the same name is a new
 * row. */
struct capture {
	int ifindex;
	char name[IF_NAMESIZE];
	bool running;
	uint64_t packets; /* that passed the filter */
	uint64_t dropped; /* of these, lost before they were read */
};

/* ---- synrecv ---- */

/* Embryonic connections to a local address whose SYN-ACK was repeated twice or more (inet_diag,
 * idiag_retrans). */
struct syn_recv {
	struct address address;
	uint32_t unanswered;
};

/* ---- drops ---- */

/* Why the kernel drops a packet: those of its reasons (include/net/dropreason-core.h) that tell why a
 * connection goes one way. Kernels before 6.13 have no LOCAL_SOURCE, INVALID_SOURCE, LOCALNET and
 * INVALID_DEST. */
enum drop_reason {
	DROP_IP_RPFILTER,       /* reverse-path filtering; as TcpExt IPReversePathFilter */
	DROP_IP_LOCAL_SOURCE,   /* the source is an address of this host */
	DROP_IP_INVALID_SOURCE, /* multicast, broadcast, ... as source */
	DROP_IP_LOCALNET,       /* 127.0.0.0/8 from elsewhere */
	DROP_IP_INVALID_DEST,
	DROP_IP_OUTNOROUTES,  /* no route for what this host sends */
	DROP_IP_INNOROUTES,   /* no route for what is to be forwarded */
	DROP_IP_INADDRERRORS, /* neither for this host nor to be forwarded */
	DROP_NETFILTER_DROP,  /* by a rule or policy, or by connection tracking or NAT itself */
	DROP_REASONS
};

/* Packets dropped since start on a device, under the name it had then: where it arrived, or if it was on its
 * way out, where it would have left. A port of a bridge or bond counts as that. One row for a name and
 * reason that ever occurred; rows of devices that have gone stay while there is room. */
struct device_drop {
	int ifindex;            /* of the device that has the name now, or 0 */
	char name[IF_NAMESIZE]; /* "" where the packet had no device yet */
	enum drop_reason reason;
	uint64_t packets;
	int64_t risen_ns; /* monotonic time of the last rise that was seen; 0 if none was */
	uint64_t recent;  /* rise within the last DEVICE_DROPS_RECENT_NS */
};

#define DEVICE_DROPS_RECENT_NS (60 * INT64_C(1000000000))

/* ---- route ---- */

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
	uint32_t table;            /* whose route decided; 0 if the kernel did not say */
	uint8_t prefix_length;     /* of the matching route: 0 is a default route */
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
	bool mark_decides; /* candidate marks lead to different answers: nothing is known */
	struct route_answer
		request;        /* input lookup on the arrival device; ROUTE_NOT_ASKED where none was made */
	bool request_confirmed; /* the kernel itself answered; otherwise ROUTE_RP_FILTER follows from the
				   reverse lookup */
	struct route_answer reply;
	struct route_answer way_out; /* the lookup that leads out of the arrival device (PATH_LEADS; PATH_SEEN
					if there is one) */
};

/* ---- nftrace ---- */

struct trace; /* both: collectors/trace.h */
struct trace_drops;

/* ---- all ---- */

#define COLLECTOR_ERROR_SIZE 160

struct collector_status {
	const char *name; /* static */
	bool success;
	double seconds;                   /* of its last collect */
	char error[COLLECTOR_ERROR_SIZE]; /* "" on success */
};

struct facts_part {
	const struct collector *collector;
	void *data;
	void (*destroy)(void *data);
};

/* How long the event loop was busy at once with one kind of work. */
struct loop_work {
	const char *name; /* static */
	double longest;   /* seconds of processor time, within the last one to two minutes */
};

struct facts {
	int64_t time_ns;      /* CLOCK_REALTIME */
	int64_t monotonic_ns; /* CLOCK_MONOTONIC */

	struct device *devices; /* by ifindex */
	size_t device_count;
	struct local_address *addresses;
	size_t address_count;
	struct address_index *address_index; /* of these; NULL: each is looked at */

	struct rpfilter_counters rpfilter;

	struct conntrack_sample conntrack;
	struct endpoint *endpoints;
	size_t endpoint_count;

	bool nat_rules_known; /* the ruleset was read; there may be no rules in it */
	struct nat_rule *nat_rules;
	size_t nat_rule_count;
	uint64_t nat_rules_version; /* another one when the rules were read anew */
	uint64_t nat_rules_unread;
	struct nat_unread *nat_unread; /* the first ones */
	size_t nat_unread_count;
	char *nat_names;

	struct listener *listeners;
	size_t listener_count;

	struct handshake_report *handshakes; /* NULL: not watched, or not yet */
	struct frame *frames;                /* of suspects, in order of capture: the newest ones */
	size_t frame_count;
	struct capture *captures;
	size_t capture_count;

	bool syn_recv_known;
	struct syn_recv *syn_recv; /* addresses with at least one */
	size_t syn_recv_count;

	bool device_drops_known;
	struct device_drop *device_drops;
	size_t device_drop_count;
	uint32_t drop_reasons; /* bit per enum drop_reason that this kernel tells of; others are not counted
				*/
	uint64_t device_drops_uncounted; /* at most so many packets could not be counted since start */

	struct rule *rules; /* by family, then as the kernel walks them */
	size_t rule_count;
	struct destination *destinations;
	size_t destination_count;
	struct line *lines; /* by ifindex and family */
	size_t line_count;
	struct service *services;
	size_t service_count;
	struct path *paths;
	size_t path_count;
	uint32_t free_tables[2]; /* routing tables that neither a rule nor a route uses, [0] IPv4, [1] IPv6;
				    0: unknown */

	bool traces_known;
	struct trace *traces; /* one for each service and arrival device, of the last minutes */
	size_t trace_count;
	struct trace_drops *trace_drops;
	size_t trace_drop_count;

	struct collector_status *collectors;
	size_t collector_count;
	struct loop_work *loop_works; /* of the loop that the facts were collected in */
	size_t loop_work_count;

	struct facts_part *parts; /* of collectors that are not known here: facts_part() */
	size_t part_count;
};

/* Empty facts, or NULL. */
struct facts *facts_new(void);
void facts_free(struct facts *facts);
/* Lets addresses be found fast; they must stay as they are from then on. 0 or -ENOMEM. */
int facts_index(struct facts *facts);

/* What a collector adds that has no field above: any type of its own. Takes the data over, which `destroy`
 * frees with the facts. 0 or -ENOMEM: then the data stays the caller's. */
int facts_attach(
	struct facts *facts, const struct collector *collector, void *data, void (*destroy)(void *data));
/* The data of that collector; NULL: it added none. */
const void *facts_part(const struct facts *facts, const struct collector *collector);

const struct device *facts_device(const struct facts *facts, int ifindex);
const struct device *facts_device_named(const struct facts *facts, const char *name);
/* The device's name; "?" if it is gone. */
const char *facts_device_name(const struct facts *facts, int ifindex);
/* The ifindex of the VRF the device is in, or 0. */
int facts_vrf(const struct facts *facts, int ifindex);
/* The first local address equal to `address`, or NULL. */
const struct local_address *facts_local_address(const struct facts *facts, const struct address *address);
/* The next one equal to it, or NULL. */
const struct local_address *facts_next_equal(const struct facts *facts, const struct local_address *local);
/* The first address of a device and family after `last` (NULL: of all), or NULL. */
const struct local_address *facts_device_address(
	const struct facts *facts, int ifindex, uint8_t family, const struct local_address *last);
/* The address is one of the device's. */
bool facts_device_owns(const struct facts *facts, int ifindex, const struct address *address);
/* The first address of the device (0: of any) in whose connected network `address` is, or NULL; that of a
 * host route is in none. */
const struct local_address *facts_network(
	const struct facts *facts, int ifindex, const struct address *address);
/* The name of a captured device, also of one that has gone; "" for 0, "?" if it was never seen. */
const char *facts_capture_name(const struct facts *facts, int ifindex);
/* The row of a device and reason; NULL if there was no such drop. */
const struct device_drop *facts_device_drop(const struct facts *facts, int ifindex, enum drop_reason reason);
const struct line *facts_line(const struct facts *facts, int ifindex, uint8_t family);
/* Where in facts->lines it stands, or would. */
size_t facts_line_place(const struct facts *facts, int ifindex, uint8_t family);

/* Adds a device; keeps the set sorted and distinct. */
void device_set_add(struct device_set *set, int ifindex);
bool device_set_contains(const struct device_set *set, int ifindex);
/* Every member of `set` is in `other`; true for the empty set. */
bool device_set_within(const struct device_set *set, const struct device_set *other);
bool device_set_equal(const struct device_set *a, const struct device_set *b);
