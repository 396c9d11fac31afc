// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/lookup.h"

/* Selectors younger than the kernel headers of Debian 12 (include/uapi/linux/fib_rules.h). */
enum {
	ATTRIBUTE_DSCP = 25,
	ATTRIBUTE_FLOWLABEL,
	ATTRIBUTE_FLOWLABEL_MASK,
	ATTRIBUTE_SPORT_MASK,
	ATTRIBUTE_DPORT_MASK,
	ATTRIBUTE_DSCP_MASK,
	ATTRIBUTES_END,
	/* Room for those to come: a rule that has one of them cannot be followed. */
	ATTRIBUTES_MAX = 63,
};

#define FREE_TABLE_FIRST 100
#define FREE_TABLE_LAST  252 /* 253..255 are default, main, local */

static void read_action(uint8_t action, struct rule *rule)
{
	static const struct {
		bool known;
		enum rule_action action;
	} actions[UINT8_MAX + 1] = {
		[FR_ACT_TO_TBL] = { true, RULE_LOOKUP },
		[FR_ACT_GOTO] = { true, RULE_GOTO },
		[FR_ACT_NOP] = { true, RULE_NOP },
		[FR_ACT_BLACKHOLE] = { true, RULE_BLACKHOLE },
		[FR_ACT_UNREACHABLE] = { true, RULE_UNREACHABLE },
		[FR_ACT_PROHIBIT] = { true, RULE_PROHIBIT },
	};
	rule->action = actions[action].known ? actions[action].action : RULE_NOP;
	rule->opaque |= !actions[action].known;
}

static bool read_prefix(const struct nlattr *attribute, uint8_t family, uint8_t length, struct prefix *out)
{
	if (!attribute)
		return length == 0;
	if (mnl_attr_get_payload_len(attribute) != address_size(family) || length > 8 * address_size(family))
		return false;
	*out = (struct prefix){ address_make(family, mnl_attr_get_payload(attribute)), length };
	return true;
}

/* What is copied as it is: numbers, and ranges, which are two of them. */
static const struct {
	uint16_t attribute;
	size_t at, size; /* in struct rule */
} plain[] = {
#define PLAIN(attribute, member)                                                             \
	{                                                                                    \
		attribute, offsetof(struct rule, member), sizeof(((struct rule *)0)->member) \
	}
	PLAIN(FRA_PRIORITY, priority),
	PLAIN(FRA_FWMARK, mark),
	PLAIN(FRA_FWMASK, mark_mask),
	PLAIN(FRA_IP_PROTO, protocol),
	PLAIN(FRA_SPORT_RANGE, source_port),
	PLAIN(FRA_DPORT_RANGE, destination_port),
	PLAIN(FRA_UID_RANGE, uid),
	PLAIN(FRA_TABLE, table),
#undef PLAIN
};

_Static_assert(sizeof(struct fib_rule_port_range) == sizeof(uint16_t[2]) &&
		       sizeof(struct fib_rule_uid_range) == sizeof(uint32_t[2]),
	"ranges are two numbers");

static void read_suppression(const struct nlattr *const *table, struct rule *rule)
{
	uint32_t value;
	rule->suppress_prefix_length = -1;
	if (attribute_u32(table[FRA_SUPPRESS_PREFIXLEN], &value) && (int)value >= 0)
		rule->suppress_prefix_length = (int)value;
	if (attribute_u32(table[FRA_SUPPRESS_IFGROUP], &value) && (int)value >= 0)
		rule->opaque = true;
}

/* The kernel gives a port without a mask the full one. */
static bool is_partial_mask(const struct nlattr *attribute)
{
	uint16_t mask;
	return attribute && (!attribute_u16(attribute, &mask) || mask != UINT16_MAX);
}

static bool has_opaque_selector(const struct nlattr *const *table)
{
	if (table[FRA_TUN_ID] || table[ATTRIBUTE_DSCP] || table[ATTRIBUTE_DSCP_MASK] ||
		table[ATTRIBUTE_FLOWLABEL] || table[ATTRIBUTE_FLOWLABEL_MASK] ||
		is_partial_mask(table[ATTRIBUTE_SPORT_MASK]) || is_partial_mask(table[ATTRIBUTE_DPORT_MASK]))
		return true;
	for (unsigned type = ATTRIBUTES_END; type <= ATTRIBUTES_MAX; type++)
		if (table[type])
			return true;
	return false;
}

static void read_selectors(const struct nlattr *const *table, struct rule *rule)
{
	uint8_t l3mdev = 0;
	uint32_t mark, uids[2];
	attribute_text(table[FRA_IIFNAME], rule->iif, sizeof(rule->iif));
	attribute_text(table[FRA_OIFNAME], rule->oif, sizeof(rule->oif));
	if (attribute_u32(table[FRA_FWMARK], &mark))
		rule->mark_mask = UINT32_MAX;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		attribute_bytes(table[plain[i].attribute], (char *)rule + plain[i].at, plain[i].size);
	rule->has_uid = attribute_bytes(table[FRA_UID_RANGE], uids, sizeof(uids));
	attribute_u8(table[FRA_L3MDEV], &l3mdev);
	rule->l3mdev = l3mdev != 0;
	rule->opaque |= has_opaque_selector(table);
}

int rule_parse(const struct nlmsghdr *header, struct rule *out)
{
	const struct nlattr *table[ATTRIBUTES_MAX + 1];
	if (header->nlmsg_type != RTM_NEWRULE ||
		!attributes_of_message(header, sizeof(struct fib_rule_hdr), table, ATTRIBUTES_MAX))
		return -EBADMSG;
	const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(header);
	struct rule rule = { .family = head->family,
		.invert = head->flags & FIB_RULE_INVERT,
		.tos = head->tos,
		.table = head->table };
	if (address_size(rule.family) == 0 ||
		!read_prefix(table[FRA_SRC], rule.family, head->src_len, &rule.from) ||
		!read_prefix(table[FRA_DST], rule.family, head->dst_len, &rule.to))
		return -EBADMSG;
	read_action(head->action, &rule);
	read_selectors(table, &rule);
	read_suppression(table, &rule);
	if (rule.action == RULE_GOTO)
		attribute_u32(table[FRA_GOTO], &rule.target);
	if (rule.action != RULE_LOOKUP || rule.l3mdev)
		rule.table = 0;
	*out = rule;
	return 0;
}

/* ---- all rules ---- */

struct reading {
	struct rule **rules;
	size_t *count;
	size_t first; /* what the caller had before */
};

static int take_rule(const struct nlmsghdr *header, void *argument)
{
	struct reading *reading = argument;
	struct rule rule;
	int error = rule_parse(header, &rule);
	if (error < 0)
		return error;
	struct rule *item = ARRAY_ADD(*reading->rules, *reading->count);
	if (!item)
		return -ENOMEM;
	*item = rule;
	return 0;
}

static void forget_rules(void *argument)
{
	struct reading *reading = argument;
	*reading->count = reading->first;
}

int rules_read(struct netlink *netlink, uint8_t family, struct rule **rules, size_t *count)
{
	char buffer[NLMSG_SPACE(sizeof(struct fib_rule_hdr))] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_GETRULE;
	struct fib_rule_hdr *head = mnl_nlmsg_put_extra_header(header, sizeof(*head));
	head->family = family;
	struct reading reading = { rules, count, *count };
	int error = netlink_dump(netlink, header, take_rule, forget_rules, &reading);
	if (error < 0)
		forget_rules(&reading);
	return error;
}

/* ---- a free table ---- */

/* A route in it, not the end of an empty or missing one. */
static int note_route(const struct nlmsghdr *header, void *argument)
{
	(void)header;
	*(bool *)argument = true;
	return 0;
}

/* 1: it has routes, 0: none, or a negative errno. On a socket of its own: the dump ends with it, however long
 * the table is. */
static int table_is_used(uint8_t family, uint32_t table)
{
	struct netlink *netlink;
	int error = netlink_open(NETLINK_ROUTE, &netlink);
	if (error < 0)
		return error;
	char buffer[NLMSG_SPACE(sizeof(struct rtmsg))] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	bool used = false;
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_DUMP;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = family;
	route->rtm_table = (unsigned char)table;
	error = netlink_ask(netlink, header, note_route, &used);
	netlink_close(netlink);
	return error < 0 && error != -ENOENT ? error : used; /* ENOENT: no such table */
}

static bool is_named(uint32_t table, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].action == RULE_LOOKUP && rules[i].table == table)
			return true;
	return false;
}

uint32_t rules_free_table(struct netlink *netlink, uint8_t family, const struct rule *rules, size_t count)
{
	/* Without strict checking the kernel would dump all tables for one. */
	if (!netlink_is_strict(netlink))
		return 0;
	for (uint32_t table = FREE_TABLE_FIRST; table <= FREE_TABLE_LAST; table++) {
		if (is_named(table, rules, count))
			continue;
		int used = table_is_used(family, table);
		if (used <= 0)
			return used == 0 ? table : 0;
	}
	return 0;
}
