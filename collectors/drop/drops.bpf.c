// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts dropped packets of one network namespace by device and reason. Runs in the kernel, at the tracepoint
 * kfree_skb, which every dropped packet passes and no other. The reasons that count, and under which number,
 * are filled in by the loader before the program is loaded: the kernel's numbers differ from version to
 * version. A reason of another subsystem than the core has its upper 16 bits set, and so is none of them; the
 * bits must not be masked off.
 *
 * The structures name only what is read here, the offsets are those of the running kernel (CO-RE), so that
 * no header of the kernel that builds is needed. Whatever the tracepoint passes behind the reason (a socket
 * since 6.11) is not looked at.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "collectors/drop/drop_record.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net {
	__u64 net_cookie;
};

struct net_device {
	int ifindex;
	struct {
		struct net *net;
	} nd_net;
	const struct l3mdev_ops *l3mdev_ops;
};

struct sock_common {
	struct {
		struct net *net;
	} skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
};

#pragma clang attribute pop

const volatile __u64 watched_cookie;              /* SO_NETNS_COOKIE */
const volatile __u8 reason_of[DROPS_REASONS_MAX]; /* enum drop_reason + 1, or 0 */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, DROPS_ENTRIES_MAX);
	__type(key, struct drops_key);
	__type(value, __u64);
} drops SEC(".maps");

/* What found no place in the other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} omitted SEC(".maps");

static void add_one(__u64 *packets)
{
	/* Atomic: before 6.0 an interrupt may run the program within itself. */
	__sync_fetch_and_add(packets, 1);
}

static void count(const struct drops_key *key)
{
	const __u64 one = 1;
	const __u32 first = 0;
	__u64 *packets = bpf_map_lookup_elem(&drops, key);
	if (!packets && bpf_map_update_elem(&drops, key, &one, BPF_NOEXIST) == 0)
		return;
	if (!packets)
		packets = bpf_map_lookup_elem(&drops, key);
	if (!packets)
		packets = bpf_map_lookup_elem(&omitted, &first);
	if (packets)
		add_one(packets);
}

static const struct net *net_of(const struct sk_buff *skb, const struct net_device *device)
{
	return device ? device->nd_net.net : BPF_CORE_READ(skb, sk, __sk_common.skc_net.net);
}

static int device_of(const struct sk_buff *skb, const struct net_device *device)
{
	int arrival = 0;
	if (!device)
		return 0;
	/* A VRF has taken the packet over from the device it arrived on, which is still told by the first
	 * member of what IP keeps in the packet: struct inet_skb_parm and inet6_skb_parm, `int iif`. */
	if (bpf_core_field_exists(device->l3mdev_ops) && device->l3mdev_ops)
		bpf_core_read(&arrival, sizeof(arrival), &skb->cb);
	return arrival > 0 ? arrival : device->ifindex;
}

SEC("tp_btf/kfree_skb")
int count_drop(const __u64 *arguments) /* packet, location, reason */
{
	const struct sk_buff *skb = (const struct sk_buff *)arguments[0];
	__u32 number = (__u32)arguments[2];
	if (number >= DROPS_REASONS_MAX || !reason_of[number])
		return 0;
	const struct net_device *device = skb->dev;
	const struct net *net = net_of(skb, device);
	if (!net || BPF_CORE_READ(net, net_cookie) != watched_cookie)
		return 0;
	const struct drops_key key = { .ifindex = device_of(skb, device), .reason = reason_of[number] - 1 };
	count(&key);
	return 0;
}

/* That of the project, as the kernel spells it: it lends some helpers to such programs alone. */
const char program_license[] SEC("license") = "GPL";
