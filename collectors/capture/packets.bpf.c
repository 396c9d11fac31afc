// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hands over the packets of handshakes and echo, and no other: SYN, SYN-ACK, RST, the first bare ACKs of a
 * flow, ICMP echo, of IPv4 and IPv6. Runs in the kernel, at one of these places for each device and
 * direction:
 *
 * - tcx (Linux 6.6), a hook of the device, once for each direction: costs nothing elsewhere, but attaching it
 *   takes the kernel tens of milliseconds in which no device of the host can be changed.
 * - the tracepoints that packets of all devices pass: there at once, and for devices that do not exist yet,
 *   but run for other network namespaces as well. What comes in passes its tracepoint once, at the device
 *   that received it: the VLAN, bond or macvlan above, which the kernel hands it on to, is not told there.
 * - as filter of one packet socket, which sees what comes in at all devices, those above as well.
 *
 * Of a flow's bare ACKs those after the first few are those of a transfer. They are known by a table of
 * hashes (ack_flows), in which collisions only cost a copy: a flow that is not in it passes.
 *
 * The structures name only what is read here, the offsets are those of the running kernel (CO-RE), so that no
 * header of the kernel that builds is needed.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "collectors/base/flow_sample.h"
#include "collectors/capture/packet_record.h"

#define ETHERTYPE_IP4  0x0800
#define ETHERTYPE_IP6  0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8

#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING  4
#define TCX_NEXT         -1
#define IFF_LOOPBACK     8

#define PACKETS_LEAST 28 /* bytes: IPv4 and echo */

#define HEADERS_MAX 4 /* IPv6 extension headers */
#define TAGS_MAX    2 /* that stand in the packet */

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_ICMP6 = 58 };
enum { NEXT_HOP_BY_HOP = 0, NEXT_ROUTING = 43, NEXT_FRAGMENT = 44, NEXT_AH = 51, NEXT_OPTIONS = 60 };
enum { TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };

#define ACK_FLOWS (1 << 16) /* a power of two */
#define ACK_FIRST 3         /* bare ACKs of a flow that pass; at most 3 */

struct ack_flows {
	__u32 slots[ACK_FLOWS]; /* hash, and in the last two bits how many have passed */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct list_head {
	struct list_head *next;
};

struct net_device;

struct netdev_adjacent {
	struct net_device *dev;
	_Bool master;
	struct list_head list;
};

struct net_device {
	int ifindex;
	unsigned int flags;
	struct {
		struct net *net;
	} nd_net;
	struct {
		struct list_head upper;
	} adj_list;
	const struct l3mdev_ops *l3mdev_ops;
};

struct sk_buff {
	struct net_device *dev;
	unsigned int len, data_len;
	__be16 protocol, vlan_proto;
	__u16 vlan_tci, network_header, mac_header;
	__u8 pkt_type : 3, vlan_present : 1;
	unsigned char *head, *data;
};

#pragma clang attribute pop

const volatile __u32 watched_namespace; /* its inode number */
const volatile __u64 seed;              /* of flow_sample.h */
const volatile _Bool watches_unknown;   /* devices that are not in the map */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PACKETS_RING_BYTES);
} packets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKETS_DEVICES_MAX);
	__type(key, __u32);   /* ifindex */
	__type(value, __u32); /* enum packets_device */
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, PACKETS_DEVICES_MAX);
	__type(key, __u32); /* ifindex */
	__type(value, struct packets_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ack_flows);
} ack_flows SEC(".maps");

volatile __u32 ratio = 1; /* one flow of so many is sampled */

struct left_out_slots {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PACKETS_LEFT_OUT_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct packets_left_out));
};

/* The slots are there while there is sampling. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct left_out_slots);
} left_out SEC(".maps");

/* A packet, wherever the program runs. */
struct view {
	struct __sk_buff *skb; /* NULL at a tracepoint */
	const __u8 *network;   /* there: the network header */
	__u32 linear;          /* and so many bytes of it can be read */
	__u32 ifindex;
	__u16 protocol;
	_Bool outgoing;
};

/* What decides whether it passes, and how. */
struct summary {
	__u32 length; /* from the network header to the IP packet's end */
	__u64 source; /* addresses, hashed */
	__u64 destination;
	__u32 ports; /* as they stand */
	__u32 at;    /* where the transport header begins */
	__u8 protocol;
	_Bool recalled; /* packet_record.h */
};

static __always_inline _Bool load(const struct view *view, __u32 offset, void *to, __u32 size)
{
	if (view->skb)
		return bpf_skb_load_bytes_relative(view->skb, offset, to, size, BPF_HDR_START_NET) == 0;
	return offset + size <= view->linear && bpf_probe_read_kernel(to, size, view->network + offset) == 0;
}

static __always_inline __u32 mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

/* ---- IP ---- */

struct ip4 {
	__u8 version_size, service;
	__be16 length, id, fragment;
	__u8 life, protocol;
	__be16 checksum;
	__u32 source, destination;
};

struct ip6 {
	__u32 version;
	__be16 length;
	__u8 next, life;
	__u32 source[4], destination[4];
};

static __always_inline _Bool read_ip4(const struct view *view, __u32 at, struct summary *summary)
{
	struct ip4 ip;
	if (!load(view, at, &ip, sizeof(ip)))
		return 0;
	__u32 header = (ip.version_size & 15) * 4;
	if (ip.version_size >> 4 != 4 || header < sizeof(ip) || ip.fragment & bpf_htons(0x1fff))
		return 0;
	summary->length = at + bpf_ntohs(ip.length);
	summary->source = flow_sample_address(seed, &ip.source, FLOW_SAMPLE_WORDS4);
	summary->destination = flow_sample_address(seed, &ip.destination, FLOW_SAMPLE_WORDS4);
	summary->protocol = ip.protocol;
	summary->at = at + header;
	return 1;
}

/* Returns the header's length; 0: it is none, or what follows is a later fragment. */
static __always_inline __u32 extension(const struct view *view, __u32 at, __u8 *protocol)
{
	struct {
		__u8 next, length;
		__be16 fragment;
	} header;
	__u8 kind = *protocol;
	if (kind != NEXT_HOP_BY_HOP && kind != NEXT_ROUTING && kind != NEXT_OPTIONS &&
		kind != NEXT_FRAGMENT && kind != NEXT_AH)
		return 0;
	if (!load(view, at, &header, sizeof(header)) ||
		(kind == NEXT_FRAGMENT && header.fragment & bpf_htons(0xfff8))) {
		*protocol = 255;
		return 0;
	}
	*protocol = header.next;
	if (kind == NEXT_FRAGMENT)
		return 8;
	return kind == NEXT_AH ? (header.length + 2) * 4 : (header.length + 1) * 8;
}

static __always_inline _Bool read_ip6(const struct view *view, __u32 at, struct summary *summary)
{
	struct ip6 ip;
	if (!load(view, at, &ip, sizeof(ip)) || bpf_ntohl(ip.version) >> 28 != 6)
		return 0;
	summary->length = at + bpf_ntohs(ip.length) + sizeof(ip);
	summary->protocol = ip.next;
	summary->source = flow_sample_address(seed, ip.source, FLOW_SAMPLE_WORDS6);
	summary->destination = flow_sample_address(seed, ip.destination, FLOW_SAMPLE_WORDS6);
	summary->at = at + sizeof(ip);
	for (int i = 0; i < HEADERS_MAX; i++) {
		__u32 length = extension(view, summary->at, &summary->protocol);
		if (!length)
			break;
		summary->at += length;
	}
	return 1;
}

static __always_inline _Bool read_ip(const struct view *view, struct summary *summary)
{
	__u16 protocol = view->protocol;
	__u32 at = 0;
	for (int i = 0; i < TAGS_MAX; i++) {
		if (protocol != bpf_htons(ETHERTYPE_VLAN) && protocol != bpf_htons(ETHERTYPE_QINQ))
			break;
		if (!load(view, at + 2, &protocol, sizeof(protocol)))
			return 0;
		at += 4;
	}
	if (protocol == bpf_htons(ETHERTYPE_IP4))
		return read_ip4(view, at, summary);
	return protocol == bpf_htons(ETHERTYPE_IP6) && read_ip6(view, at, summary);
}

/* ---- the flows whose ACKs have been seen ---- */

/* The mask is kept, though the compiler knows the number to be smaller: the verifier of Linux 6.1 does not
 * know it any more behind an exclusive or. */
static __always_inline __u32 *ack_slot(struct ack_flows *flows, __u32 number)
{
	barrier_var(number);
	return &flows->slots[number % ACK_FLOWS];
}

static __always_inline _Bool is_first_ack(const struct view *view, const struct summary *summary, _Bool opens)
{
	const __u32 first = 0;
	struct ack_flows *flows = bpf_map_lookup_elem(&ack_flows, &first);
	__u32 hash = mix(mix((__u32)(summary->source - summary->destination * 3), summary->ports),
		view->ifindex * 2 + view->outgoing);
	__u32 tag = mix(hash, summary->ports) & ~3u, at = hash % ACK_FLOWS;
	if (!flows)
		return 1;
	for (__u32 way = 0; way < 2; way++) {
		__u32 *slot = ack_slot(flows, at ^ way);
		if ((*slot & ~3u) != tag)
			continue;
		if (opens)
			*slot = 0;
		else if ((*slot & 3) >= ACK_FIRST)
			return 0;
		else
			*slot += 1;
		return 1;
	}
	if (!opens) {
		__u32 way = flows->slots[at] == 0 ? 0 : bpf_get_prandom_u32() & 1;
		*ack_slot(flows, at ^ way) = tag | 1;
	}
	return 1;
}

struct tcp {
	__u32 ports, sequence, acknowledgement;
	__u8 size, flags;
};

/* ---- sampling ---- */

#define REPEATED_MS 20    /* earlier it is the same SYN at another device */
#define RECALLED_MS 40000 /* later, another one */

/*
 * Of a flow that is not sampled nothing passes until its SYN, which was answered, comes again: then all does.
 * Of a slot's tag the last bit says which of both it is; the first holds for one SYN, by its sequence number,
 * the second for the flow.
 */
static __always_inline _Bool is_sampled(const struct tcp *tcp, struct summary *summary)
{
	const __u32 first = 0;
	const __u32 sampled = ratio;
	if (sampled <= 1)
		return 1;
	__u64 hash = flow_sample_hash(seed, summary->source, bpf_ntohs((__u16)tcp->ports),
		summary->destination, bpf_ntohs((__u16)(tcp->ports >> 16)));
	if (flow_is_sampled(hash, sampled))
		return 1;
	void *slots = bpf_map_lookup_elem(&left_out, &first);
	__u32 number = (__u32)hash % PACKETS_LEFT_OUT_MAX;
	struct packets_left_out *slot = slots ? bpf_map_lookup_elem(slots, &number) : 0;
	if (!slot)
		return 0;
	const __u32 followed = (__u32)(hash >> 32) | 1;
	if (slot->tag == followed)
		return 1;
	if (!(tcp->flags & TCP_SYN))
		return 0;
	__u32 now = (__u32)(bpf_ktime_get_ns() / 1000000);
	if (tcp->flags & TCP_ACK) {
		slot->tag = mix(followed, bpf_ntohl(tcp->acknowledgement) - 1) & ~1u;
		slot->milliseconds = now;
		return 0;
	}
	__u32 passed = now - slot->milliseconds;
	if (slot->tag != (mix(followed, bpf_ntohl(tcp->sequence)) & ~1u) || passed < REPEATED_MS ||
		passed > RECALLED_MS)
		return 0;
	slot->tag = followed;
	summary->recalled = 1;
	return 1;
}

static __always_inline _Bool is_handshake(const struct view *view, struct summary *summary)
{
	struct tcp tcp;
	if (!load(view, summary->at, &tcp, 14))
		return 0;
	summary->ports = tcp.ports;
	_Bool opens = tcp.flags & TCP_SYN, resets = tcp.flags & TCP_RST;
	if (!opens && !resets && summary->at + (tcp.size >> 4) * 4 != summary->length)
		return 0;
	return is_sampled(&tcp, summary) && ((resets && !opens) || is_first_ack(view, summary, opens));
}

static __always_inline _Bool is_echo(const struct view *view, __u32 at, __u8 request, __u8 reply)
{
	__u8 type;
	return load(view, at, &type, sizeof(type)) && (type == request || type == reply);
}

static __always_inline _Bool passes(const struct view *view, struct summary *summary)
{
	summary->recalled = 0;
	if (!read_ip(view, summary))
		return 0;
	switch (summary->protocol) {
	case PROTOCOL_TCP:
		return is_handshake(view, summary);
	case PROTOCOL_ICMP:
		return is_echo(view, summary->at, 8, 0);
	case PROTOCOL_ICMP6:
		return is_echo(view, summary->at, 128, 129);
	}
	return 0;
}

/* ---- handing over ---- */

static __always_inline struct packets_counts *counts_of(__u32 ifindex)
{
	const struct packets_counts none = { 0 };
	struct packets_counts *found = bpf_map_lookup_elem(&counts, &ifindex);
	if (found)
		return found;
	bpf_map_update_elem(&counts, &ifindex, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &ifindex);
}

/* The reader looks into the ring now and then; it is woken when that may be too late. */
static __always_inline __u64 wake(void)
{
	return bpf_ringbuf_query(&packets, BPF_RB_AVAIL_DATA) > PACKETS_RING_BYTES / 8 ? BPF_RB_FORCE_WAKEUP
										       : BPF_RB_NO_WAKEUP;
}

/* The record is to be submitted, unless it is NULL. */
static __always_inline struct packet_record *record_of(const struct view *view, const struct summary *summary)
{
	struct packets_counts *counted = counts_of(view->ifindex);
	if (!counted)
		return 0;
	__sync_fetch_and_add(&counted->passed, 1);
	/* Looked at once: before Linux 6.3 the verifier takes the second look for one that may fail. */
	struct packet_record *record = bpf_ringbuf_reserve(&packets, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&counted->dropped, 1);
		return 0;
	}
	__u64 size = summary->length;
	/* In one register, as compilers would not have it: before Linux 6.8 the verifier forgets what is
	 * known of a 32-bit value when it is copied. */
	asm volatile("if %0 <= %[most] goto +1\n"
		     "%0 = %[most]\n"
		     : "+r"(size)
		     : [most] "i"(PACKETS_BYTES));
	if (size < PACKETS_LEAST || !load(view, 0, record->bytes, (__u32)size)) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return 0;
	}
	record->time_ns = bpf_ktime_get_ns();
	record->ifindex = view->ifindex;
	record->length = summary->length;
	record->protocol = view->protocol;
	record->outgoing = view->outgoing;
	record->tagged = 0;
	record->recalled = summary->recalled;
	record->size = (__u16)size;
	return record;
}

/* ---- at a device ---- */

/*
 * Sees of most IPv4 packets in Ethernet frames without a call that they do not pass. A frame without Ethernet
 * header is not taken for one: what should be its length would be the destination's first two bytes, and
 * those of a packet small enough to be of a handshake are 0.x, which is nobody's address.
 */
static __always_inline _Bool cannot_pass(const struct __sk_buff *skb)
{
	const __u8 *frame = (const __u8 *)(long)skb->data;
	if (frame + 54 > (const __u8 *)(long)skb->data_end || skb->protocol != bpf_htons(ETHERTYPE_IP4) ||
		*(const __u16 *)(frame + 12) != bpf_htons(ETHERTYPE_IP4) || frame[14] != 0x45)
		return 0;
	__u32 length = (__u32)frame[16] << 8 | frame[17];
	if (length + 14 != skb->len)
		return 0;
	if (frame[23] != PROTOCOL_TCP)
		return frame[23] != PROTOCOL_ICMP;
	return !(frame[47] & (TCP_SYN | TCP_RST)) && length != 20 + (frame[46] >> 4) * 4;
}

static __always_inline void capture_skb(struct __sk_buff *skb, _Bool outgoing, enum packets_place place)
{
	const struct view view = {
		.skb = skb, .ifindex = skb->ifindex, .protocol = (__u16)skb->protocol, .outgoing = outgoing
	};
	struct summary summary;
	if ((!outgoing && skb->pkt_type == PACKET_OTHERHOST) || !passes(&view, &summary))
		return;
	const __u32 *seen_at = bpf_map_lookup_elem(&devices, &view.ifindex);
	struct packet_record *record = seen_at && *seen_at == place ? record_of(&view, &summary) : 0;
	if (!record)
		return;
	record->tagged = skb->vlan_present != 0;
	record->tag = (__u16)skb->vlan_tci;
	bpf_skb_load_bytes_relative(skb, 6, record->address, 6, BPF_HDR_START_MAC);
	bpf_ringbuf_submit(record, wake());
}

SEC("tc")
int tcx_ingress(struct __sk_buff *skb)
{
	if (!cannot_pass(skb))
		capture_skb(skb, 0, PACKETS_AT_TCX);
	return TCX_NEXT;
}

SEC("tc")
int tcx_egress(struct __sk_buff *skb)
{
	if (!cannot_pass(skb))
		capture_skb(skb, 1, PACKETS_AT_TCX);
	return TCX_NEXT;
}

/* ---- at a packet socket ---- */

SEC("socket")
int socket_ingress(struct __sk_buff *skb)
{
	if (skb->pkt_type != PACKET_OUTGOING)
		capture_skb(skb, 0, PACKETS_AT_SOCKET);
	return 0; /* the socket itself gets nothing */
}

/* ---- at the tracepoints ---- */

/* A port is no device of its own: its bridge or bond is looked at. A VRF sees again what its devices do. */
static __always_inline _Bool is_port(const struct net_device *device)
{
	const struct list_head *uppers = __builtin_preserve_access_index(&device->adj_list.upper);
	const struct list_head *first = BPF_CORE_READ(uppers, next);
	const struct netdev_adjacent *upper =
		(const void *)first - bpf_core_field_offset(struct netdev_adjacent, list);
	if (first == uppers || !BPF_CORE_READ(upper, master))
		return 0;
	return !bpf_core_field_exists(device->l3mdev_ops) || !BPF_CORE_READ(upper, dev, l3mdev_ops);
}

/* At the socket a device's outgoing packets are not seen: they are traced. */
static __always_inline _Bool is_traced(const struct net_device *device, _Bool outgoing)
{
	__u32 ifindex = device->ifindex;
	const __u32 *seen_at = bpf_map_lookup_elem(&devices, &ifindex);
	if (seen_at)
		return *seen_at == PACKETS_AT_TRACEPOINTS || (outgoing && *seen_at == PACKETS_AT_SOCKET);
	return watches_unknown && !(device->flags & IFF_LOOPBACK) &&
	       !(bpf_core_field_exists(device->l3mdev_ops) && device->l3mdev_ops) && !is_port(device);
}

/* Before Linux 6.2 vlan_proto stays when the tag is taken off. */
static __always_inline _Bool has_tag(const struct sk_buff *skb)
{
	if (bpf_core_field_exists(skb->vlan_present))
		return BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present) != 0;
	return skb->vlan_proto != 0;
}

static __always_inline int capture_traced(
	const struct sk_buff *skb, const struct net_device *device, const __u8 *network, _Bool outgoing)
{
	if (device->nd_net.net->ns.inum != watched_namespace)
		return 0;
	const struct view view = { .network = network,
		.linear = skb->len - skb->data_len - (__u32)(network - skb->data),
		.ifindex = device->ifindex,
		.protocol = skb->protocol,
		.outgoing = outgoing };
	struct summary summary;
	if (!passes(&view, &summary) || !is_traced(device, outgoing))
		return 0;
	struct packet_record *record = record_of(&view, &summary);
	if (!record)
		return 0;
	if (outgoing && has_tag(skb)) {
		record->tagged = 1;
		record->tag = skb->vlan_tci;
	}
	bpf_probe_read_kernel(record->address, 6, skb->head + skb->mac_header + 6);
	bpf_ringbuf_submit(record, wake());
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int tracepoint_ingress(const __u64 *arguments) /* packet */
{
	const struct sk_buff *skb = (const struct sk_buff *)arguments[0];
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) == PACKET_OTHERHOST)
		return 0;
	return capture_traced(skb, skb->dev, skb->data, 0);
}

SEC("tp_btf/net_dev_start_xmit")
int tracepoint_egress(const __u64 *arguments) /* packet, device */
{
	const struct sk_buff *skb = (const struct sk_buff *)arguments[0];
	return capture_traced(
		skb, (const struct net_device *)arguments[1], skb->head + skb->network_header, 1);
}

/* That of the project, as the kernel spells it: it lends some helpers to such programs alone. */
const char program_license[] SEC("license") = "GPL";
