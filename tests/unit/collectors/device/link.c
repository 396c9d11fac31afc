// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <net/if.h> /* before linux/if.h, which yields to it */

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "collectors/device/device_parse.h"
#include "tests/support/recorded.h"

#define LOWER_UP (1U << 16) /* IFF_LOWER_UP, linux/if.h */

/* ip_forward is 1, but va has src_valid_mark and rp_filter 2, vb no forwarding and rp_filter 1. */
static const struct device devices[] = {
	{ .ifindex = 1, .name = "lo", .kind = DEVICE_LOOPBACK, .up = true, .forwarding4 = true },
	{ .ifindex = 2, .name = "tun5", .kind = DEVICE_TUNNEL, .forwarding4 = true },
	{ .ifindex = 11,
		.name = "va",
		.up = true,
		.forwarding4 = true,
		.src_valid_mark = true,
		.rp_filter_raw = 2 },
	{ .ifindex = 12, .name = "pva", .up = true, .forwarding4 = true, .master = 21, .port = true },
	{ .ifindex = 13, .name = "vb", .up = true, .rp_filter_raw = 1 },
	{ .ifindex = 14, .name = "pvb", .up = true, .forwarding4 = true },
	{ .ifindex = 21, .name = "br0", .kind = DEVICE_BRIDGE, .up = true, .forwarding4 = true },
	{ .ifindex = 22, .name = "vx0", .kind = DEVICE_TUNNEL, .forwarding4 = true },
};
#define DEVICES (sizeof(devices) / sizeof(*devices))

static void check_device(const struct device *is, const struct device *wanted)
{
	print_message("%s\n", wanted->name);
	assert_int_equal(is->ifindex, wanted->ifindex);
	assert_string_equal(is->name, wanted->name);
	assert_int_equal(is->kind, wanted->kind);
	assert_int_equal(is->master, wanted->master);
	assert_int_equal(is->port, wanted->port);
	assert_int_equal(is->up, wanted->up);
	assert_int_equal(is->forwarding4, wanted->forwarding4);
	assert_int_equal(is->src_valid_mark, wanted->src_valid_mark);
	assert_int_equal(is->rp_filter_raw, wanted->rp_filter_raw);
	assert_int_equal(is->rp_filter_effective, RP_FILTER_UNKNOWN);
}

static void recorded_devices_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < DEVICES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "link-%02zu", i);
		struct nlmsghdr *header = recorded_message(name);
		struct device device;
		assert_int_equal(link_parse_device(header, &device), 0);
		check_device(&device, &devices[i]);
		free(header);
	}
}

/* "": not listed. */
static const struct {
	const char *text;
	int ifindex;
} addresses[] = {
	{ "", 0 }, /* 127.0.0.1 */
	{ "10.9.9.9", 1 },
	{ "10.1.0.1/24", 11 },
	{ "10.1.0.5/24", 11 }, /* secondary */
	{ "10.2.0.1/24", 13 },
	{ "10.3.0.1", 13 },      /* peer 10.3.0.2 */
	{ "", 0 },               /* ::1 */
	{ "", 0 },               /* deprecated, with a lifetime */
	{ "2001:db8:1::7", 11 }, /* deprecated, for ever */
	{ "2001:db8:1::1/64", 11 },
	{ "", 0 }, /* link-local, and tentative */
	{ "", 0 },
	{ "", 0 }, /* tentative */
	{ "2001:db8:2::1/64", 13 },
	{ "", 0 },
	{ "", 0 },
};
#define ADDRESSES (sizeof(addresses) / sizeof(*addresses))

static void recorded_addresses_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < ADDRESSES; i++) {
		char name[32], text[PREFIX_TEXT_SIZE];
		snprintf(name, sizeof(name), "address-%02zu", i);
		struct nlmsghdr *header = recorded_message(name);
		struct local_address address = { .ifindex = -7 };
		print_message("%s\n", name);
		bool listed = addresses[i].text[0];
		assert_int_equal(link_parse_address(header, &address), listed);
		if (listed) {
			assert_string_equal(prefix_format(&address.prefix, text), addresses[i].text);
			assert_int_equal(address.ifindex, addresses[i].ifindex);
		} else {
			assert_int_equal(address.ifindex, -7);
		}
		free(header);
	}
}

static struct nlmsghdr *write_address(void *buffer, uint32_t flags)
{
	static const uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWADDR;
	struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ifa_family = AF_INET6;
	message->ifa_prefixlen = 64;
	message->ifa_index = 3;
	mnl_attr_put(header, IFA_ADDRESS, sizeof(bytes), bytes);
	mnl_attr_put_u32(header, IFA_FLAGS, flags);
	return header;
}

static void only_addresses_that_serve_are_listed(void **state)
{
	(void)state;
	static const struct {
		uint32_t flags;
		int listed;
	} cases[] = { { 0, 1 }, { IFA_F_TEMPORARY, 0 }, { IFA_F_TENTATIVE, 0 },
		{ IFA_F_TENTATIVE | IFA_F_OPTIMISTIC, 1 }, { IFA_F_DADFAILED, 0 }, { IFA_F_DEPRECATED, 0 },
		{ IFA_F_DEPRECATED | IFA_F_PERMANENT, 1 },
		{ IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE, 1 } };
	char buffer[256] __attribute__((aligned(4)));
	struct local_address address;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(
			link_parse_address(write_address(buffer, cases[i].flags), &address), cases[i].listed);
}

static struct nlmsghdr *write_link(void *buffer, uint16_t type, const char *kind, const char *master)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWLINK;
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
	link->ifi_index = 3;
	link->ifi_type = type;
	mnl_attr_put_strz(header, IFLA_IFNAME, "x");
	struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
	if (kind)
		mnl_attr_put_strz(header, IFLA_INFO_KIND, kind);
	if (master)
		mnl_attr_put_strz(header, IFLA_INFO_SLAVE_KIND, master);
	mnl_attr_nest_end(header, info);
	return header;
}

static void kinds_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		const char *kind, *master;
		enum device_kind wanted;
		bool port;
	} cases[] = {
		{ ARPHRD_ETHER, NULL, NULL, DEVICE_PLAIN, false },
		{ ARPHRD_ETHER, "vlan", NULL, DEVICE_PLAIN, false },
		{ ARPHRD_ETHER, "veth", "vrf", DEVICE_PLAIN, false },
		{ ARPHRD_ETHER, "veth", "bond", DEVICE_PLAIN, true },
		{ ARPHRD_ETHER, NULL, "team", DEVICE_PLAIN, true },
		{ ARPHRD_ETHER, "vxlan", "bridge", DEVICE_TUNNEL, true },
		{ ARPHRD_ETHER, "bond", NULL, DEVICE_BOND, false },
		{ ARPHRD_ETHER, "team", NULL, DEVICE_BOND, false },
		{ ARPHRD_ETHER, "vrf", NULL, DEVICE_VRF, false },
		{ ARPHRD_ETHER, "dummy", NULL, DEVICE_LOOPBACK, false },
		{ ARPHRD_NONE, "wireguard", NULL, DEVICE_TUNNEL, false },
		{ ARPHRD_NONE, NULL, NULL, DEVICE_TUNNEL, false },
		{ ARPHRD_IPGRE, "gre", NULL, DEVICE_TUNNEL, false },
		{ ARPHRD_PPP, "ppp", NULL, DEVICE_TUNNEL, false },
		{ ARPHRD_ETHER, "bridges", NULL, DEVICE_PLAIN, false },
	};
	char buffer[256] __attribute__((aligned(4)));
	struct device device;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct nlmsghdr *header =
			write_link(buffer, cases[i].type, cases[i].kind, cases[i].master);
		assert_int_equal(link_parse_device(header, &device), 0);
		assert_int_equal(device.kind, cases[i].wanted);
		assert_int_equal(device.port, cases[i].port);
	}
}

static void a_vrf_names_its_table(void **state)
{
	(void)state;
	static const char *const kinds[] = { "vrf", "vlan", "vrf" };
	static const uint32_t wanted[] = { 500, 0, 0 };
	char buffer[256] __attribute__((aligned(4)));
	for (size_t i = 0; i < 3; i++) {
		struct device device;
		struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
		header->nlmsg_type = RTM_NEWLINK;
		struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
		link->ifi_index = 3;
		mnl_attr_put_strz(header, IFLA_IFNAME, "x");
		struct nlattr *info = mnl_attr_nest_start(header, IFLA_LINKINFO);
		mnl_attr_put_strz(header, IFLA_INFO_KIND, kinds[i]);
		struct nlattr *data = mnl_attr_nest_start(header, IFLA_INFO_DATA);
		if (i < 2)
			mnl_attr_put_u32(header, IFLA_VRF_TABLE, 500);
		mnl_attr_nest_end(header, data);
		mnl_attr_nest_end(header, info);
		assert_int_equal(link_parse_device(header, &device), 0);
		assert_int_equal(device.vrf_table, wanted[i]);
	}
}

static void up_means_up_and_with_carrier(void **state)
{
	(void)state;
	static const struct {
		unsigned flags;
		bool up;
	} cases[] = { { 0, false }, { IFF_UP, false }, { IFF_RUNNING, false }, { IFF_UP | IFF_RUNNING, true },
		{ IFF_UP | LOWER_UP, true }, { LOWER_UP, false } };
	char buffer[256] __attribute__((aligned(4)));
	struct device device;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nlmsghdr *header = write_link(buffer, ARPHRD_ETHER, NULL, NULL);
		((struct ifinfomsg *)mnl_nlmsg_get_payload(header))->ifi_flags = cases[i].flags;
		assert_int_equal(link_parse_device(header, &device), 0);
		assert_int_equal(device.up, cases[i].up);
	}
}

static void parse(const struct nlmsghdr *header)
{
	struct device device;
	struct local_address address;
	int error = link_parse_device(header, &device);
	assert_true(error == 0 || error == -EBADMSG);
	error = link_parse_address(header, &address);
	assert_true(error == 0 || error == 1 || error == -EBADMSG);
}

static void maimed_messages_are_survived(void **state)
{
	(void)state;
	char name[32];
	for (size_t i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "link-%02zu", i);
		recorded_maim(name, parse);
	}
	for (size_t i = 0; i < ADDRESSES; i++) {
		snprintf(name, sizeof(name), "address-%02zu", i);
		recorded_maim(name, parse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_devices_are_understood),
		cmocka_unit_test(recorded_addresses_are_understood),
		cmocka_unit_test(only_addresses_that_serve_are_listed),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(a_vrf_names_its_table),
		cmocka_unit_test(up_means_up_and_with_carrier),
		cmocka_unit_test(maimed_messages_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
