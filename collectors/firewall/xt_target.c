// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <string.h>

#include "collectors/firewall/xt_match.h"

/* The three forms of a range (linux/netfilter/nf_nat.h) as one. */
static void from_range(const struct nf_nat_range2 *range, uint8_t family, struct nat_target *target)
{
	if (range->flags & NF_NAT_RANGE_MAP_IPS) {
		target->low = address_make(family, &range->min_addr);
		target->high = address_make(family, &range->max_addr);
	}
	if (range->flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		target->ports[0] = ntohs(range->min_proto.all);
		target->ports[1] = ntohs(range->max_proto.all);
	}
}

static bool read_compat(const uint8_t *info, size_t size, struct nf_nat_range2 *out)
{
	struct nf_nat_ipv4_multi_range_compat compat;
	if (size < sizeof(compat))
		return false;
	memcpy(&compat, info, sizeof(compat));
	const struct nf_nat_ipv4_range *range = &compat.range[0];
	if (compat.rangesize != 1)
		return false;
	*out = (struct nf_nat_range2){
		.flags = range->flags, .min_proto = range->min, .max_proto = range->max
	};
	out->min_addr.ip = range->min_ip;
	out->max_addr.ip = range->max_ip;
	return true;
}

static bool read_range(const uint8_t *info, size_t size, struct nf_nat_range2 *out)
{
	struct nf_nat_range range;
	if (size < sizeof(range))
		return false;
	memcpy(&range, info, sizeof(range));
	*out = (struct nf_nat_range2){ .flags = range.flags,
		.min_addr = range.min_addr,
		.max_addr = range.max_addr,
		.min_proto = range.min_proto,
		.max_proto = range.max_proto };
	return true;
}

static bool read_range2(const uint8_t *info, size_t size, struct nf_nat_range2 *out)
{
	if (size < sizeof(*out))
		return false;
	memcpy(out, info, sizeof(*out));
	return true;
}

typedef bool range_reader(const uint8_t *info, size_t size, struct nf_nat_range2 *out);

enum translation { TRANSLATION_DNAT, TRANSLATION_REDIRECT, TRANSLATION_NETMAP };

struct nat_eval_ops {
	const char *name;
	unsigned revision;
	uint8_t family; /* AF_UNSPEC: both */
	enum translation translation;
	range_reader *read;
};

/* net/netfilter/xt_nat.c, xt_REDIRECT.c, xt_NETMAP.c */
static const struct nat_eval_ops forms[] = {
	{ "DNAT", 0, AF_INET, TRANSLATION_DNAT, read_compat },
	{ "DNAT", 1, AF_UNSPEC, TRANSLATION_DNAT, read_range },
	{ "DNAT", 2, AF_UNSPEC, TRANSLATION_DNAT, read_range2 },
	{ "REDIRECT", 0, AF_INET, TRANSLATION_REDIRECT, read_compat },
	{ "REDIRECT", 0, AF_INET6, TRANSLATION_REDIRECT, read_range },
	{ "NETMAP", 0, AF_INET, TRANSLATION_NETMAP, read_compat },
	{ "NETMAP", 0, AF_INET6, TRANSLATION_NETMAP, read_range2 },
};

/* Targets that let the packet go on (XT_CONTINUE). */
static const char *const continuing[] = { "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT",
	"DSCP", "ECN", "HL", "HMARK", "IDLETIMER", "LED", "LOG", "MARK", "NFLOG", "NOTRACK", "RATEEST",
	"SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG" };
static const char *const ending[] = { "DROP", "NFQUEUE", "REJECT", "SYNPROXY", "TARPIT", "TPROXY" };

static bool is_listed(const char *name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

#define IS_LISTED(name, list) is_listed((name), (list), sizeof(list) / sizeof(*(list)))

static enum xt_effect read_form(const struct nat_eval_ops *form, const uint8_t *info, size_t size,
	uint8_t family, struct nat_target *out)
{
	struct nf_nat_range2 range;
	struct nat_target target = { .redirect = form->translation == TRANSLATION_REDIRECT,
		.netmap = form->translation == TRANSLATION_NETMAP };
	if (!form->read(info, size, &range))
		return XT_UNREADABLE;
	if (target.netmap)
		range.flags |= NF_NAT_RANGE_MAP_IPS;
	if (target.redirect)
		range.flags &= ~(unsigned)NF_NAT_RANGE_MAP_IPS;
	from_range(&range, family, &target);
	*out = target;
	return XT_TRANSLATES;
}

enum xt_effect xt_target_read(const char *name, unsigned revision, const uint8_t *info, size_t size,
	uint8_t family, struct nat_target *out)
{
	bool translates = false;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct nat_eval_ops *form = &forms[i];
		if (strcmp(form->name, name) != 0)
			continue;
		translates = true;
		if (form->revision == revision && (!form->family || form->family == family))
			return read_form(form, info, size, family, out);
	}
	if (translates)
		return XT_UNREADABLE;
	if (IS_LISTED(name, continuing))
		return XT_CONTINUES;
	return IS_LISTED(name, ending) ? XT_ENDS : XT_UNKNOWN;
}
