// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/connection_path.h"
#include "alerts/describe.h"

static const char *const kind_names[STEPS] = {
	[STEP_ARRIVAL] = "arrives",
	[STEP_TRANSLATION] = "translated",
	[STEP_SOURCE] = "source check",
	[STEP_DELIVERY] = "delivered",
	[STEP_RULES] = "rules",
	[STEP_REPLY] = "reply",
	[STEP_LEAVING] = "leaves",
	[STEP_REPLY_RULES] = "reply rules",
};

static const char *const outcome_names[] = {
	[STEP_PASSES] = "passes",
	[STEP_BREAKS] = "breaks",
	[STEP_OPEN] = "open",
};

/* What stands for %a, %t and so on: put_word(). */
static const struct {
	enum step_outcome outcome;
	const char *text;
} step_table[] = {
	[STEP_ABSENT] = { STEP_PASSES, NULL },
	[ARRIVES_ANYWHERE] = { STEP_OPEN, "%y; name one with --device" },
	[ARRIVES_ON_DOWN] = { STEP_BREAKS, "on %a (%y), which is down" },
	[ARRIVES] = { STEP_PASSES, "on %a (%y)" },
	[TRANSLATED_SEEN] = { STEP_PASSES, "to %t port %p, as conntrack shows" },
	[TRANSLATED_SEEN_BY_RULE] = { STEP_PASSES, "to %t port %p, as conntrack shows, by %n" },
	[TRANSLATED_BY_RULE] = { STEP_PASSES, "to %t port %p by %n%c; no connection of it is in conntrack" },
	[TRANSLATED_PERHAPS] = { STEP_OPEN,
		"to %t port %p by %n%c, which demands more than can be told; no connection "
		"of it is in conntrack" },
	[REDIRECTED] = { STEP_PASSES, "to port %p of this host by %n" },
	[REDIRECTED_PERHAPS] = { STEP_OPEN,
		"to port %p of this host by %n, which demands more than can be told" },
	[TRANSLATION_UNKNOWN] = { STEP_OPEN, "not known: conntrack cannot be read" },
	[NOT_TRANSLATED] = { STEP_PASSES,
		"no translation of port %q was seen in conntrack, and no rule does it" },
	[NOT_SEEN_TRANSLATED] = { STEP_PASSES, "no translation of port %q was seen in conntrack" },
	[NOT_TRANSLATED_BY_RULE] = { STEP_PASSES, "no rule translates port %q" },
	[SOURCE_IPV6] = { STEP_PASSES, "IPv6 has no rp_filter" },
	[SOURCE_FILTERED] = { STEP_BREAKS,
		"rp_filter on %a is %m and drops the request: the way back to the client does not lead "
		"out of %a" },
	[SOURCE_MARTIAN] = { STEP_BREAKS, "the client's address is one of this host's own (martian)" },
	[SOURCE_UNKNOWN] = { STEP_OPEN, "rp_filter on %a is %m; whether it passes is not known" },
	[SOURCE_ACCEPTED] = { STEP_PASSES, "rp_filter on %a is %m and lets the request in" },
	[DELIVERY_LOOPBACK] = { STEP_BREAKS, "a loopback address cannot be reached from another host" },
	[DELIVERY_FOREIGN] = { STEP_BREAKS, "%t is no address of this host, and forwarding is off%o" },
	[DELIVERY_NOT_FORWARDED] = { STEP_BREAKS, "%t is no address of this host, and forwarding is off%o" },
	[DELIVERY_FAILS] = { STEP_BREAKS, "%f" },
	[DELIVERED] = { STEP_PASSES, "to this host" },
	[DELIVERED_TO_NOBODY] = { STEP_PASSES, "to this host, where nothing listens on that port" },
	[FORWARDED] = { STEP_PASSES, "forwarded to %d" },
	[TARGET_WITHOUT_ROUTE] = { STEP_BREAKS, "no route leads to the target" },
	[REPLY_MARKED] = { STEP_OPEN,
		"from %t: a rule selects by mark, and which mark the reply carries is not known" },
	[REPLY_FAILS] = { STEP_BREAKS, "from %t: %f" },
	[REPLY_LOCAL] = { STEP_PASSES, "from %t: to this host itself" },
	[REPLY_UNKNOWN] = { STEP_OPEN, "from %t: the kernel does not say" },
	[REPLY_ROUTED] = { STEP_PASSES, "from %t: %r: %g" },
	[LEAVES] = { STEP_OPEN, "by %l" },
	[LEAVES_AS_IT_CAME] = { STEP_PASSES, "by %l, as the request came" },
	[LEAVES_BY_HASH] = { STEP_OPEN, "by %l, as a hash of the flow decides" },
	[LEAVES_AS_INTENDED] = { STEP_PASSES, "by %l, which is declared as intended" },
	[LEAVES_ELSEWHERE] = { STEP_BREAKS, "by %l, but the request came by %a" },
	[RULES_UNREAD] = { STEP_OPEN, "the firewall's rules cannot be read" },
	[RULES_FORBIDDEN] = { STEP_OPEN, "the firewall's rules cannot be read: needs CAP_NET_ADMIN" },
	[RULES_TOO_MANY] = { STEP_OPEN, "the firewall has more rules than are read" },
	[RULES_VRF] = { STEP_OPEN, "the firewall's rules are not followed through a VRF" },
	[RULES_PASS] = { STEP_PASSES, "no rule of the firewall drops it" },
	[RULES_PASS_BY] = { STEP_PASSES, "%u accepts it in %h, and no rule drops it" },
	[RULES_PASS_BUT] = { STEP_OPEN,
		"no rule drops it; chains of families netdev and bridge, which are there, are not followed" },
	[RULES_DROP] = { STEP_BREAKS, "%u drops it in %h" },
	[RULES_DROP_ONE_OF] = { STEP_BREAKS, "%u drops it in %h, or another one before that" },
	[RULES_UNKNOWN] = { STEP_OPEN, "the firewall's rules cannot be followed" },
	[RULES_UNKNOWN_AT] = { STEP_OPEN, "what %u decides in %h cannot be told: %w" },
};

const char *step_name(enum step_kind kind)
{
	return kind_names[kind];
}

const char *step_outcome_name(enum step_outcome outcome)
{
	return outcome_names[outcome];
}

enum step_outcome step_outcome_of(enum step step)
{
	return step_table[step].outcome;
}

static void put_rule(FILE *out, const struct connection_path *connection)
{
	char table[TABLE_TEXT_SIZE], from[PREFIX_TEXT_SIZE];
	const struct rule *rule = connection->rule;
	if (rule)
		fprintf(out, "rule %u", rule->priority);
	if (rule && !address_is_none(&rule->from.address))
		fprintf(out, " (from %s)", prefix_format(&rule->from, from));
	fprintf(out, "%stable %s", rule ? ", " : "", describe_table(connection->path->reply.table, table));
}

static void put_route(FILE *out, const struct route_answer *route)
{
	char gateway[ADDRESS_TEXT_SIZE];
	fputs(route->prefix_length ? "a specific route" : "the default route", out);
	if (address_is_none(&route->gateway))
		fputs(", directly connected", out);
	else
		fprintf(out, " via %s", address_format(&route->gateway, gateway));
}

static void put_word(FILE *out, const struct connection_path *connection, enum step_kind kind, char word)
{
	char text[NAT_RULE_TEXT_SIZE];
	const struct path *path = connection->path;
	const char *arrival = facts_device_name(connection->facts, path->arrival);
	switch (word) {
	case 'a': /* arrival device */
		fputs(arrival, out);
		return;
	case 'y': /* why it is taken for that */
		fputs(connection->reason, out);
		return;
	case 't': /* target */
		fputs(address_format(&connection->service->target, text), out);
		return;
	case 'p': /* its port */
		fprintf(out, "%u", path->target_port);
		return;
	case 'q': /* the port that was asked for */
		fprintf(out, "%u", path->port);
		return;
	case 'd': /* the device behind which it lives */
		fputs(facts_device_name(connection->facts, connection->service->target_ifindex), out);
		return;
	case 'n': /* the rule that translates */
		fputs(describe_nat_rule(connection->translation, text), out);
		return;
	case 'c': /* how it does */
		fputs(connection->translation->balanced ? ", which chooses among several targets" : "", out);
		return;
	case 'm': /* mode of rp_filter */
		fputs(describe_mode(facts_device(connection->facts, path->arrival)->rp_filter_effective),
			out);
		return;
	case 'o': /* where forwarding is off: in IPv6 it is so of the host */
		if (path->arrival && path->destination.family == AF_INET)
			fprintf(out, " on %s", arrival);
		return;
	case 'f': /* why the lookup failed */
		fputs(describe_failure(kind == STEP_REPLY ? path->reply.result : path->request.result), out);
		return;
	case 'r': /* the rule that routes the reply */
		put_rule(out, connection);
		return;
	case 'g': /* and the route */
		put_route(out, &path->reply);
		return;
	case 'u': /* the firewall's rule or policy */
		fputs(describe_place(&connection->rules[kind == STEP_REPLY_RULES], text), out);
		if (connection->rule_texts[kind == STEP_REPLY_RULES])
			fprintf(out, " (%s)", connection->rule_texts[kind == STEP_REPLY_RULES]);
		return;
	case 'h': /* the hook where it stands */
		fputs(filter_hook_name(connection->rules[kind == STEP_REPLY_RULES].hook), out);
		return;
	case 'w': /* why it cannot be followed */
		fputs(connection->rules[kind == STEP_REPLY_RULES].reason, out);
		return;
	case 'l': /* the devices by which it leaves */
		for (unsigned i = 0; i < path->reply.devices.count; i++)
			fprintf(out, "%s%s", i ? " or " : "",
				facts_device_name(connection->facts, path->reply.devices.ifindex[i]));
		return;
	}
}

int connection_path_text(const struct connection_path *connection, enum step_kind kind, char **text)
{
	const char *words = step_table[connection->steps[kind]].text;
	char *written = NULL;
	size_t size;
	FILE *out = words ? open_memstream(&written, &size) : NULL;
	if (words && !out)
		return -ENOMEM;
	for (; words && *words; words++)
		if (*words == '%')
			put_word(out, connection, kind, *++words);
		else
			fputc(*words, out);
	if (out && fclose(out) != 0) {
		free(written);
		return -ENOMEM;
	}
	*text = written;
	return 0;
}

const char *connection_path_conclusion(const struct connection_path *connection)
{
	static const char *const conclusions[STEPS] = {
		[STEP_ARRIVAL] = "The request does not get through",
		[STEP_TRANSLATION] = "The request does not get through",
		[STEP_SOURCE] = "The request does not get through",
		[STEP_DELIVERY] = "The request does not get through",
		[STEP_RULES] = "The request does not get through",
		[STEP_REPLY] = "The request gets through, but the reply has no way back",
		[STEP_LEAVING] = "The request gets through, but the reply leaves by another device",
		[STEP_REPLY_RULES] = "The request gets through, but the reply does not leave",
	};
	enum step_kind broken = connection_path_break(connection);
	if (connection->steps[STEP_DELIVERY] == DELIVERY_FOREIGN && broken == STEP_DELIVERY)
		return "The request is not for this host";
	if (broken != STEPS)
		return conclusions[broken];
	for (int kind = 0; kind < STEPS; kind++)
		if (step_outcome_of(connection->steps[kind]) == STEP_OPEN)
			return "Nothing is known to break it, but configuration alone does not tell the whole way";
	return "Request and reply take the same way: nothing in routes, rules and rp_filter breaks it";
}
