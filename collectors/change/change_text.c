// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/change/change_text.h"

#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/base/shell_name.h"
#include "collectors/trace/trace.h"

struct text {
	FILE *out;
	char *bytes;
	size_t size;
};

static bool text_open(struct text *text)
{
	*text = (struct text){ 0 };
	text->out = open_memstream(&text->bytes, &text->size);
	return text->out;
}

static char *text_close(struct text *text)
{
	bool failed = ferror(text->out);
	if (fclose(text->out) == 0 && !failed)
		return text->bytes;
	free(text->bytes);
	return NULL;
}

__attribute__((format(printf, 1, 2))) static char *text_make(const char *format, ...)
{
	va_list arguments;
	char *text;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	return size < 0 ? NULL : text;
}

static const char *ip_command(uint8_t family)
{
	return family == AF_INET6 ? "ip -6" : "ip";
}

static void put_table(FILE *out, uint32_t table)
{
	static const char *const names[] = { "default", "main", "local" };
	if (table >= RT_TABLE_DEFAULT && table <= RT_TABLE_LOCAL)
		fputs(names[table - RT_TABLE_DEFAULT], out);
	else
		fprintf(out, "%" PRIu32, table);
}

static void put_range(FILE *out, const char *word, uint32_t first, uint32_t last)
{
	fprintf(out, " %s %" PRIu32, word, first);
	if (last != first)
		fprintf(out, "-%" PRIu32, last);
}

/* ---- rules ---- */

static void put_selectors(FILE *out, const struct rule *rule)
{
	char prefix[PREFIX_TEXT_SIZE], name[SHELL_NAME_SIZE];
	fputs(rule->invert ? " not from " : " from ", out);
	fputs(address_is_none(&rule->from.address) ? "all" : prefix_format(&rule->from, prefix), out);
	if (!address_is_none(&rule->to.address))
		fprintf(out, " to %s", prefix_format(&rule->to, prefix));
	if (*rule->iif)
		fprintf(out, " iif %s", shell_name(rule->iif, name));
	if (*rule->oif)
		fprintf(out, " oif %s", shell_name(rule->oif, name));
	if (rule->mark_mask == UINT32_MAX)
		fprintf(out, " fwmark 0x%" PRIx32, rule->mark);
	else if (rule->mark_mask)
		fprintf(out, " fwmark 0x%" PRIx32 "/0x%" PRIx32, rule->mark, rule->mark_mask);
	if (rule->tos)
		fprintf(out, " tos 0x%x", rule->tos);
	if (rule->protocol)
		fprintf(out, " ipproto %u", rule->protocol);
	if (rule->source_port[0] || rule->source_port[1])
		put_range(out, "sport", rule->source_port[0], rule->source_port[1]);
	if (rule->destination_port[0] || rule->destination_port[1])
		put_range(out, "dport", rule->destination_port[0], rule->destination_port[1]);
	if (rule->has_uid)
		fprintf(out, " uidrange %" PRIu32 "-%" PRIu32, rule->uid[0], rule->uid[1]);
}

static void put_action(FILE *out, const struct rule *rule)
{
	switch (rule->action) {
	case RULE_LOOKUP:
		fputs(rule->l3mdev ? " l3mdev" : " lookup ", out);
		if (!rule->l3mdev)
			put_table(out, rule->table);
		if (rule->suppress_prefix_length >= 0)
			fprintf(out, " suppress_prefixlength %d", rule->suppress_prefix_length);
		break;
	case RULE_GOTO:
		fprintf(out, " goto %" PRIu32, rule->target);
		break;
	case RULE_NOP:
		fputs(" nop", out);
		break;
	case RULE_BLACKHOLE:
		fputs(" blackhole", out);
		break;
	case RULE_UNREACHABLE:
		fputs(" unreachable", out);
		break;
	case RULE_PROHIBIT:
		fputs(" prohibit", out);
		break;
	}
}

static void put_rule(FILE *out, const struct rule *rule, bool add)
{
	fprintf(out, "%s rule %s pref %" PRIu32, ip_command(rule->family), add ? "add" : "del",
		rule->priority);
	put_selectors(out, rule);
	put_action(out, rule);
}

char *change_text_rule_command(const struct rule *rule, bool add)
{
	struct text text;
	if (!text_open(&text))
		return NULL;
	put_rule(text.out, rule, add);
	return text_close(&text);
}

char *change_text_rule(const struct rule *was, const struct rule *is)
{
	struct text text;
	if (!text_open(&text))
		return NULL;
	if (was)
		put_rule(text.out, was, false);
	if (was && is)
		fputs("; ", text.out);
	if (is)
		put_rule(text.out, is, true);
	if ((was ? was : is)->opaque)
		fputs(" (and a selector that is not known here)", text.out);
	return text_close(&text);
}

/* ---- devices and addresses ---- */

char *change_text_address(const char *device, const struct local_address *was, const struct local_address *is)
{
	char prefix[ADDRESS_TEXT_SIZE], name[SHELL_NAME_SIZE];
	const struct local_address *local = is ? is : was;
	return text_make("%s address %s %s/%u dev %s", ip_command(local->prefix.address.family),
		is ? "add" : "del", address_format(&local->prefix.address, prefix), local->prefix.length,
		shell_name(device, name));
}

static void put_device(FILE *out, const struct facts *facts, const struct device *device)
{
	char name[SHELL_NAME_SIZE], master[SHELL_NAME_SIZE];
	fprintf(out, "%s state %s", shell_name(device->name, name), device->up ? "UP" : "DOWN");
	if (device->master)
		fprintf(out, " master %s", shell_name(facts_device_name(facts, device->master), master));
}

char *change_text_device(const struct facts *before, const struct device *was, const struct facts *now,
	const struct device *is)
{
	struct text text;
	if (!text_open(&text))
		return NULL;
	fputs(is ? "ip link: " : "ip link: Deleted ", text.out);
	put_device(text.out, is ? now : before, is ? is : was);
	if (was && is) {
		fputs(" (was ", text.out);
		put_device(text.out, before, was);
		fputc(')', text.out);
	}
	return text_close(&text);
}

char *change_text_rp_filter(const struct device *was, const struct device *is)
{
	return text_make("sysctl net/ipv4/conf/%s/rp_filter=%d, in effect %d (was %d, in effect %d)",
		is->name, is->rp_filter_raw, is->rp_filter_effective, was->rp_filter_raw,
		was->rp_filter_effective);
}

char *change_text_forwarding(const struct device *is, uint8_t family)
{
	if (family == AF_INET6)
		return text_make(
			"sysctl net/ipv6/conf/all/forwarding=%d (was %d)", is->forwarding6, !is->forwarding6);
	return text_make("sysctl net/ipv4/conf/%s/forwarding=%d (was %d)", is->name, is->forwarding4,
		!is->forwarding4);
}

/* ---- reply routes ---- */

static void put_answer(FILE *out, const struct facts *facts, const struct path *path)
{
	static const char *const failures[] = {
		[ROUTE_NOT_ASKED] = "not asked",
		[ROUTE_LOCAL] = "local",
		[ROUTE_NONE] = "no route",
		[ROUTE_UNREACHABLE] = "unreachable",
		[ROUTE_PROHIBIT] = "prohibit",
		[ROUTE_BLACKHOLE] = "blackhole",
		[ROUTE_RP_FILTER] = "dropped by rp_filter",
		[ROUTE_MARTIAN] = "martian",
		[ROUTE_NOT_FORWARDED] = "not forwarded",
		[ROUTE_FAILED] = "failed",
	};
	const struct route_answer *reply = &path->reply;
	char address[ADDRESS_TEXT_SIZE], name[SHELL_NAME_SIZE];
	if (path->mark_decides) {
		fputs("by its mark", out);
		return;
	}
	if (reply->result != ROUTE_FOUND) {
		fputs(failures[reply->result], out);
		return;
	}
	if (!address_is_none(&reply->gateway))
		fprintf(out, "via %s ", address_format(&reply->gateway, address));
	for (unsigned i = 0; i < reply->devices.count; i++)
		fprintf(out, "%sdev %s", i ? " nexthop " : "",
			shell_name(facts_device_name(facts, reply->devices.ifindex[i]), name));
	if (reply->table) {
		fputs(" table ", out);
		put_table(out, reply->table);
	}
}

char *change_text_reply(
	const struct facts *before, const struct path *was, const struct facts *now, const struct path *is)
{
	struct text text;
	char to[ADDRESS_TEXT_SIZE], from[ADDRESS_TEXT_SIZE];
	if (!text_open(&text))
		return NULL;
	fprintf(text.out, "%s route get %s from %s: ", ip_command(is->destination.family),
		address_format(&is->destination, to),
		address_format(&now->services[is->service].target, from));
	put_answer(text.out, now, is);
	fputs(" (was ", text.out);
	put_answer(text.out, before, was);
	fputc(')', text.out);
	return text_close(&text);
}

/* ---- translations ---- */

static const char *family_word(const struct nat_rule *rule)
{
	return rule->family == AF_INET6 ? "ip6" : "ip";
}

static void put_match(FILE *out, const struct nat_rule *rule)
{
	char prefix[PREFIX_TEXT_SIZE];
	const char *differs = rule->iif_excluded ? "!= " : "";
	if (*rule->iif)
		fprintf(out, " iifname %s\"%s\"", differs, rule->iif);
	else if (rule->ifindex)
		fprintf(out, " iif %s%d", differs, rule->ifindex);
	if (rule->destination.address.family != AF_UNSPEC)
		fprintf(out, " %s daddr %s", family_word(rule), prefix_format(&rule->destination, prefix));
	if (rule->destination_local)
		fputs(" fib daddr type local", out);
	if (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP)
		fprintf(out, " %s", rule->protocol == IPPROTO_TCP ? "tcp" : "udp");
	else if (rule->protocol)
		fprintf(out, " meta l4proto %u", rule->protocol);
	if (rule->ports[0] || rule->ports[1])
		put_range(out, rule->protocol ? "dport" : "th dport", rule->ports[0], rule->ports[1]);
	if (rule->conditional)
		fputs(" …", out);
}

static void put_target(FILE *out, const struct nat_rule *rule)
{
	char first[ADDRESS_TEXT_SIZE], last[ADDRESS_TEXT_SIZE];
	bool bracket = rule->target_ports[0] && rule->target[0].family == AF_INET6;
	if (rule->redirect)
		fputs("redirect", out);
	if (rule->redirect && rule->target_ports[0])
		fputs(" to ", out);
	if (!address_is_none(&rule->target[0]))
		fprintf(out, "dnat to %s%s%s", bracket ? "[" : "", address_format(&rule->target[0], first),
			bracket ? "]" : "");
	if (!address_equal(&rule->target[0], &rule->target[1]) && !address_is_none(&rule->target[1]))
		fprintf(out, "-%s", address_format(&rule->target[1], last));
	if (rule->target_ports[0])
		fprintf(out, ":%u", rule->target_ports[0]);
	if (rule->target_ports[1] != rule->target_ports[0])
		fprintf(out, "-%u", rule->target_ports[1]);
}

char *change_text_translation(enum change_kind kind, const struct nat_rule *was, const struct nat_rule *is)
{
	struct text text;
	const struct nat_rule *rule = is ? is : was;
	if (!text_open(&text))
		return NULL;
	fprintf(text.out, "%s %s %s %s %s",
		is && was ? "replace"
		: is      ? "add"
			  : "delete",
		kind == CHANGE_ELEMENT ? "element of rule" : "rule", trace_family_name(rule->table_family),
		rule->table, rule->chain);
	put_match(text.out, rule);
	fputc(' ', text.out);
	put_target(text.out, rule);
	if (was && is) {
		fputs(" (was ", text.out);
		put_target(text.out, was);
		fputc(')', text.out);
	}
	return text_close(&text);
}
