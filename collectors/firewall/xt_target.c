// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <string.h>

#include "collectors/firewall/xt_match.h"

enum translation { TRANSLATION_DNAT, TRANSLATION_REDIRECT, TRANSLATION_NETMAP };

struct target_form {
	const char *name;
	unsigned revision;
	uint8_t family; /* AF_UNSPEC: both */
	enum translation translation;
	size_t size; /* of its range, which tells the form of that */
};

#define COMPAT sizeof(struct nf_nat_ipv4_multi_range_compat)
#define RANGE  sizeof(struct nf_nat_range) /* what nf_nat_range2 begins with */
#define RANGE2 sizeof(struct nf_nat_range2)

/* net/netfilter/xt_nat.c, xt_REDIRECT.c, xt_NETMAP.c */
static const struct target_form forms[] = {
	{ "DNAT", 0, AF_INET, TRANSLATION_DNAT, COMPAT },
	{ "DNAT", 1, AF_UNSPEC, TRANSLATION_DNAT, RANGE },
	{ "DNAT", 2, AF_UNSPEC, TRANSLATION_DNAT, RANGE2 },
	{ "REDIRECT", 0, AF_INET, TRANSLATION_REDIRECT, COMPAT },
	{ "REDIRECT", 0, AF_INET6, TRANSLATION_REDIRECT, RANGE },
	{ "NETMAP", 0, AF_INET, TRANSLATION_NETMAP, COMPAT },
	{ "NETMAP", 0, AF_INET6, TRANSLATION_NETMAP, RANGE2 },
};

/* The three forms of a range (linux/netfilter/nf_nat.h) as one. */
static bool read_range(
	const struct target_form *form, const uint8_t *info, size_t size, struct nf_nat_range2 *out)
{
	struct nf_nat_ipv4_multi_range_compat compat;
	const struct nf_nat_ipv4_range *only = &compat.range[0];
	*out = (struct nf_nat_range2){ 0 };
	if (size < form->size)
		return false;
	if (form->size != COMPAT) {
		memcpy(out, info, form->size);
		return true;
	}
	memcpy(&compat, info, sizeof(compat));
	out->flags = only->flags;
	out->min_addr.ip = only->min_ip;
	out->max_addr.ip = only->max_ip;
	out->min_proto = only->min;
	out->max_proto = only->max;
	return compat.rangesize == 1;
}

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

static enum xt_effect read_form(const struct target_form *form, const uint8_t *info, size_t size,
	uint8_t family, struct nat_target *out)
{
	struct nf_nat_range2 range;
	struct nat_target target = { .redirect = form->translation == TRANSLATION_REDIRECT,
		.netmap = form->translation == TRANSLATION_NETMAP };
	if (!read_range(form, info, size, &range))
		return XT_UNREADABLE;
	if (target.netmap || ((range.flags & NF_NAT_RANGE_MAP_IPS) && !target.redirect)) {
		target.low = address_make(family, &range.min_addr);
		target.high = address_make(family, &range.max_addr);
	}
	if (range.flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		target.ports[0] = ntohs(range.min_proto.all);
		target.ports[1] = ntohs(range.max_proto.all);
	}
	*out = target;
	return XT_TRANSLATES;
}

enum xt_effect xt_target_read(const char *name, unsigned revision, const uint8_t *info, size_t size,
	uint8_t family, struct nat_target *out)
{
	bool translates = false;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct target_form *form = &forms[i];
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
