// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/device_parse.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/netlink.h"
#include "collectors/base/procfs.h"
#include "collectors/collector.h"

#define KIND_SIZE 32

/* Changes of conf/<device>/src_valid_mark are not notified. */
#define CACHE_NS      (2 * INT64_C(1000000000))
#define PAUSE_NS      (CACHE_NS / 10) /* between two readings that take long */
#define SETTINGS_NS   INT64_C(1000000000)
#define READS_AT_ONCE 8 /* of 32 KiB: 200 devices, or 3,000 addresses */

struct listing {
	struct device *devices;
	size_t device_count;
	struct local_address *addresses;
	size_t address_count;
};

enum stage { STAGE_IDLE, STAGE_DEVICES, STAGE_ADDRESSES };

/* Where there is much to read, advance() does it, read by read, and collect() gives what was read last. */
struct links {
	struct netlink *requests, *notifications;
	bool known; /* it was read once */
	bool large; /* the last reading took more than READS_AT_ONCE */
	bool fresh; /* nothing was announced since the reading began, and it did not fail */
	int error;  /* of the last reading */
	int64_t began_ns;
	bool announced; /* because of it the reading began */
	enum stage stage;
	struct netlink_dump dump;
	unsigned reads;
	struct listing next; /* that is being read */
	struct listing listing;
	bool settings_known;
	int64_t settings_ns;
	bool src_valid_mark, forwarding6; /* of conf/all */
};

/* ---- devices ---- */

/* IFLA_INFO_KIND of those that are not DEVICE_PLAIN. */
static const struct {
	enum device_kind kind;
	const char *names[20];
} kinds[] = {
	{ DEVICE_BRIDGE, { "bridge" } },
	{ DEVICE_BOND, { "bond", "team" } },
	{ DEVICE_VRF, { "vrf" } },
	{ DEVICE_LOOPBACK, { "dummy" } }, /* nothing arrives by it: its addresses are like those on lo */
	{ DEVICE_TUNNEL,
		{ "tun", "vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan",
			"ipip", "sit", "ip6tnl", "wireguard", "ovpn", "xfrm", "vti", "vti6", "ppp" } },
};

/* Masters that take over their ports' traffic below IP. A VRF does not. */
static const char *const port_masters[] = { "bridge", "bond", "team", "openvswitch", "hsr", "batadv", NULL };

static bool is_among(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

/* type: ARPHRD_* */
static enum device_kind kind_of(const char *kind, uint16_t type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (is_among(kinds[i].names, kind))
			return kinds[i].kind;
	switch (type) {
	case ARPHRD_LOOPBACK:
		return DEVICE_LOOPBACK;
	case ARPHRD_PPP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
	case ARPHRD_NONE:
		return DEVICE_TUNNEL;
	}
	return DEVICE_PLAIN;
}

static bool read_kinds(const struct nlattr *info, uint16_t type, struct device *device)
{
	const struct nlattr *table[IFLA_INFO_MAX + 1] = { 0 };
	char kind[KIND_SIZE] = "", master[KIND_SIZE] = "";
	if (info && !attributes_of_nest(info, table, IFLA_INFO_MAX))
		return false;
	attribute_text(table[IFLA_INFO_KIND], kind, sizeof(kind));
	attribute_text(table[IFLA_INFO_SLAVE_KIND], master, sizeof(master));
	device->kind = kind_of(kind, type);
	if (device->kind == DEVICE_VRF && table[IFLA_INFO_DATA]) {
		const struct nlattr *data[IFLA_VRF_MAX + 1];
		if (!attributes_of_nest(table[IFLA_INFO_DATA], data, IFLA_VRF_MAX))
			return false;
		attribute_u32(data[IFLA_VRF_TABLE], &device->vrf_table);
	}
	device->port = is_among(port_masters, master);
	return true;
}

/* IFLA_INET_CONF is an array of 32-bit numbers, of which the first is IPV4_DEVCONF_ 1. */
static int32_t conf_value(const struct nlattr *conf, unsigned index, int32_t missing)
{
	int32_t value;
	size_t at = (index - 1) * sizeof(value);
	if (mnl_attr_get_payload_len(conf) < at + sizeof(value))
		return missing;
	memcpy(&value, (const char *)mnl_attr_get_payload(conf) + at, sizeof(value));
	return value;
}

/* Absent where the device does not do IPv4. */
static bool read_conf(const struct nlattr *spec, struct device *device)
{
	const struct nlattr *families[AF_INET + 1], *inet[IFLA_INET_MAX + 1];
	if (!spec)
		return true;
	if (!attributes_of_nest(spec, families, AF_INET))
		return false;
	if (!families[AF_INET])
		return true;
	if (!attributes_of_nest(families[AF_INET], inet, IFLA_INET_MAX))
		return false;
	if (!inet[IFLA_INET_CONF])
		return true;
	const struct nlattr *conf = inet[IFLA_INET_CONF];
	device->forwarding4 = conf_value(conf, IPV4_DEVCONF_FORWARDING, 0);
	device->src_valid_mark = conf_value(conf, IPV4_DEVCONF_SRC_VMARK, 0);
	device->rp_filter_raw = conf_value(conf, IPV4_DEVCONF_RP_FILTER, RP_FILTER_UNKNOWN);
	return true;
}

int link_parse_device(const struct nlmsghdr *header, struct device *out)
{
	const struct nlattr *table[IFLA_MAX + 1];
	if (header->nlmsg_type != RTM_NEWLINK ||
		!attributes_of_message(header, sizeof(struct ifinfomsg), table, IFLA_MAX))
		return -EBADMSG;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	struct device device = { .ifindex = link->ifi_index,
		.up = (link->ifi_flags & IFF_UP) && (link->ifi_flags & (IFF_LOWER_UP | IFF_RUNNING)),
		.rp_filter_raw = RP_FILTER_UNKNOWN,
		.rp_filter_effective = RP_FILTER_UNKNOWN };
	uint32_t master;
	if (attribute_u32(table[IFLA_MASTER], &master))
		device.master = (int)master;
	if (device.ifindex <= 0 || !attribute_text(table[IFLA_IFNAME], device.name, sizeof(device.name)) ||
		!read_kinds(table[IFLA_LINKINFO], link->ifi_type, &device) ||
		!read_conf(table[IFLA_AF_SPEC], &device))
		return -EBADMSG;
	*out = device;
	return 0;
}

static int take_device(const struct nlmsghdr *header, void *argument)
{
	struct listing *next = argument;
	struct device device;
	int error = link_parse_device(header, &device);
	if (error < 0)
		return error;
	struct device *item = ARRAY_ADD(next->devices, next->device_count);
	if (!item)
		return -ENOMEM;
	*item = device;
	return 0;
}

static void forget_devices(void *argument)
{
	struct listing *next = argument;
	next->device_count = 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct device *left = a, *right = b;
	return (left->ifindex > right->ifindex) - (left->ifindex < right->ifindex);
}

/* ---- addresses ---- */

static bool is_listed(const struct address *address, uint32_t flags)
{
	if (address_is_loopback(address) || address_is_link_local(address) || address_is_multicast(address))
		return false;
	if (address->family == AF_INET)
		return true; /* there the flag of a temporary address means a secondary one */
	if ((flags & IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC))
		return false;
	/* Set by hand with no preferred lifetime is how keepalived keeps a VIP from being used as source: it
	 * serves all the same. */
	if ((flags & IFA_F_DEPRECATED) && !(flags & IFA_F_PERMANENT))
		return false;
	return !(flags & (IFA_F_TEMPORARY | IFA_F_DADFAILED));
}

int link_parse_address(const struct nlmsghdr *header, struct local_address *out)
{
	const struct nlattr *table[IFA_MAX + 1];
	if (header->nlmsg_type != RTM_NEWADDR ||
		!attributes_of_message(header, sizeof(struct ifaddrmsg), table, IFA_MAX))
		return -EBADMSG;
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	size_t size = address_size(message->ifa_family);
	if (size == 0)
		return 0; /* another family's: dumps of all families bring what there is */
	/* On a point-to-point device IFA_ADDRESS is the peer's. */
	const struct nlattr *local = table[IFA_LOCAL] ? table[IFA_LOCAL] : table[IFA_ADDRESS];
	if (!local || mnl_attr_get_payload_len(local) != size || message->ifa_prefixlen > 8 * size)
		return -EBADMSG;
	uint32_t flags = message->ifa_flags;
	attribute_u32(table[IFA_FLAGS], &flags);
	struct address address = address_make(message->ifa_family, mnl_attr_get_payload(local));
	if (!is_listed(&address, flags))
		return 0;
	*out = (struct local_address){ { address, message->ifa_prefixlen }, (int)message->ifa_index };
	return 1;
}

static int take_address(const struct nlmsghdr *header, void *argument)
{
	struct listing *next = argument;
	struct local_address address;
	int result = link_parse_address(header, &address);
	if (result <= 0)
		return result;
	struct local_address *item = ARRAY_ADD(next->addresses, next->address_count);
	if (!item)
		return -ENOMEM;
	*item = address;
	return 0;
}

static void forget_addresses(void *argument)
{
	struct listing *next = argument;
	next->address_count = 0;
}

/* ---- reading both ---- */

static int end_reading(struct links *links, int error)
{
	links->stage = STAGE_IDLE;
	links->error = error;
	links->fresh &= error == 0;
	return error;
}

/* What the stage is about. Strict kernels want the whole header, of zeros: AF_UNSPEC and all devices. */
static int ask(struct links *links)
{
	char buffer[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg) + 8] __attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	links->dump = (struct netlink_dump){ .argument = &links->next };
	if (links->stage == STAGE_DEVICES) {
		request->nlmsg_type = RTM_GETLINK;
		mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
		mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		links->dump.message = take_device;
		links->dump.restart = forget_devices;
	} else {
		request->nlmsg_type = RTM_GETADDR;
		mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
		links->dump.message = take_address;
		links->dump.restart = forget_addresses;
	}
	links->dump.restart(&links->next);
	return netlink_dump_begin(links->requests, &links->dump, request);
}

static int begin_reading(struct links *links, int64_t now_ns)
{
	links->fresh = true; /* what is announced from here on is for the next one */
	links->began_ns = now_ns;
	links->reads = 0;
	links->stage = STAGE_DEVICES;
	int error = ask(links);
	return error < 0 ? end_reading(links, error) : 0;
}

static void take_over(struct links *links)
{
	struct listing old = links->listing;
	if (links->next.device_count)
		qsort(links->next.devices, links->next.device_count, sizeof(*links->next.devices),
			compare_devices);
	links->listing = links->next;
	links->next = old;
	links->known = true;
	links->large = links->reads > READS_AT_ONCE;
}

static int read_on(struct links *links)
{
	int result = netlink_dump_read(links->requests, &links->dump);
	links->reads++;
	if (result > 0 && links->stage == STAGE_DEVICES) {
		links->stage = STAGE_ADDRESSES;
		result = ask(links);
	} else if (result > 0) {
		take_over(links);
		return end_reading(links, 0);
	}
	return result < 0 ? end_reading(links, result) : 0;
}

static bool is_over_at(const struct links *links, int64_t period_ns, int64_t now_ns)
{
	return now_ns < links->began_ns || now_ns - links->began_ns >= period_ns;
}

static bool is_due(const struct links *links, int64_t now_ns)
{
	return !links->known || !links->fresh || is_over_at(links, CACHE_NS, now_ns);
}

/* 0: the listing is that of now, or as new as can be had. */
static int refresh(struct links *links, int64_t now_ns)
{
	if (links->known && links->large)
		return links->error;
	int error = links->stage == STAGE_IDLE && is_due(links, now_ns) ? begin_reading(links, now_ns) : 0;
	for (unsigned i = 0; error == 0 && links->stage != STAGE_IDLE; i++) {
		if (links->known && i == READS_AT_ONCE) {
			links->announced = true; /* advance() goes on, and what it gives is news */
			break;
		}
		error = read_on(links);
	}
	return links->stage == STAGE_IDLE ? links->error : error;
}

/* ---- conf/all ---- */

static bool read_flag(const char *procfs, const char *name, bool previous)
{
	char *text;
	if (procfs_read(procfs, name, &text, NULL) < 0)
		return previous;
	bool set = strtol(text, NULL, 10) != 0;
	free(text);
	return set;
}

static void read_settings(struct links *links, const char *procfs, int64_t now)
{
	if (links->settings_known && now >= links->settings_ns && now - links->settings_ns < SETTINGS_NS)
		return;
	links->src_valid_mark =
		read_flag(procfs, "sys/net/ipv4/conf/all/src_valid_mark", links->src_valid_mark);
	links->forwarding6 = read_flag(procfs, "sys/net/ipv6/conf/all/forwarding", links->forwarding6);
	links->settings_known = true;
	links->settings_ns = now;
}

/* ---- collector ---- */

static void link_destroy(void *context)
{
	struct links *links = context;
	if (!links)
		return;
	netlink_close(links->requests);
	netlink_close(links->notifications);
	free(links->next.devices);
	free(links->next.addresses);
	free(links->listing.devices);
	free(links->listing.addresses);
	free(links);
}

static int link_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct links *links = calloc(1, sizeof(*links));
	if (!links)
		return -ENOMEM;
	static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_NETCONF };
	int error = netlink_open(NETLINK_ROUTE, &links->requests);
	if (error == 0)
		error = netlink_watch(groups, sizeof(groups) / sizeof(*groups), &links->notifications);
	if (error < 0) {
		link_destroy(links);
		return error;
	}
	refresh(links, 0); /* much may be read at once as long as nothing else is to be done */
	*context = links;
	return 0;
}

/* As netlink_drain(). */
static int drain(struct links *links)
{
	int some = netlink_drain(links->notifications, NULL, NULL);
	if (some > 0)
		links->fresh = false;
	return some;
}

static void *copy_array(const void *items, size_t size)
{
	void *copy = malloc(size ? size : 1);
	if (copy && size)
		memcpy(copy, items, size);
	return copy;
}

static int give(const struct links *links, struct facts *facts)
{
	const struct listing *listing = &links->listing;
	facts->devices = copy_array(listing->devices, listing->device_count * sizeof(*listing->devices));
	facts->addresses =
		copy_array(listing->addresses, listing->address_count * sizeof(*listing->addresses));
	if (!facts->devices || !facts->addresses)
		return -ENOMEM;
	facts->device_count = listing->device_count;
	facts->address_count = listing->address_count;
	for (size_t i = 0; i < facts->device_count; i++) {
		facts->devices[i].src_valid_mark |= links->src_valid_mark;
		facts->devices[i].forwarding6 = links->forwarding6;
	}
	return 0;
}

static int link_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct links *links = context;
	int some = drain(links), error = refresh(links, facts->monotonic_ns);
	if (error < 0)
		return error;
	read_settings(links, settings->procfs, facts->monotonic_ns);
	error = give(links, facts);
	/* What is announced cannot be followed, but was read anew. */
	return error < 0 ? error : some < 0 ? some : 0;
}

static int link_descriptor(const void *context)
{
	const struct links *links = context;
	return netlink_descriptor(links->notifications);
}

static int link_advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	struct links *links = context;
	int some = drain(links), error = some < 0 ? some : 0;
	*schedule = (struct collector_schedule){ .due_ns = now_ns + CACHE_NS,
		.changed = some > 0 && !links->large };
	if (links->stage == STAGE_IDLE && !links->large)
		return error;
	if (links->stage == STAGE_IDLE && is_due(links, now_ns) && is_over_at(links, PAUSE_NS, now_ns)) {
		links->announced = !links->fresh;
		error = begin_reading(links, now_ns);
	} else if (links->stage != STAGE_IDLE) {
		error = read_on(links);
		schedule->changed = error == 0 && links->stage == STAGE_IDLE && links->announced;
	}
	if (links->stage != STAGE_IDLE)
		schedule->due_ns = now_ns;
	else if (!links->fresh)
		schedule->due_ns = links->began_ns + PAUSE_NS;
	return error;
}

static bool link_settled(const void *context)
{
	const struct links *links = context;
	return links->known;
}

const struct collector link_collector = {
	.name = "link",
	.summary = "devices and their addresses",
	.init = link_init,
	.collect = link_collect,
	.destroy = link_destroy,
	.procfs = true,
	.descriptor = link_descriptor,
	.advance = link_advance,
	.settled = link_settled,
};
