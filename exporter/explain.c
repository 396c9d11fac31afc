// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/judge.h"
#include "alerts/rule_match.h"
#include "collectors/nat_find.h"
#include "collectors/service.h"
#include "exporter/nat_rule_text.h"

static const char *const step_names[STEPS] = {
	[STEP_ARRIVAL] = "arrives",
	[STEP_TRANSLATION] = "translated",
	[STEP_SOURCE] = "source check",
	[STEP_DELIVERY] = "delivered",
	[STEP_REPLY] = "reply",
	[STEP_LEAVING] = "leaves",
};

static const char *const outcome_names[] = {
	[STEP_PASSES] = "passes",
	[STEP_BREAKS] = "breaks",
	[STEP_OPEN] = "open",
};

const char *step_name(enum step_kind kind)
{
	return step_names[kind];
}

const char *step_outcome_name(enum step_outcome outcome)
{
	return outcome_names[outcome];
}

/* ---- the answer ---- */

struct telling {
	const struct settings *settings;
	const struct facts *facts;
	const struct path *path;
	const struct service *service;
	const char *reason;
	struct explanation *out;
	int result;
};

static void __attribute__((format(printf, 4, 5)))
tell(struct telling *telling, enum step_kind kind, enum step_outcome outcome, const char *format, ...)
{
	struct step *step = &telling->out->steps[kind];
	va_list arguments;
	va_start(arguments, format);
	free(step->text);
	if (vasprintf(&step->text, format, arguments) < 0) {
		step->text = NULL;
		telling->result = -ENOMEM;
	}
	va_end(arguments);
	step->present = true;
	step->outcome = outcome;
}

static const char *device_name(const struct telling *telling, int ifindex)
{
	return ifindex ? facts_device_name(telling->facts, ifindex) : "an unknown device";
}

static void tell_arrival(struct telling *telling)
{
	const struct device *device = facts_device(telling->facts, telling->path->arrival);
	if (!device)
		tell(telling, STEP_ARRIVAL, STEP_OPEN, "%s; name one with --device", telling->reason);
	else if (!device->up)
		tell(telling, STEP_ARRIVAL, STEP_BREAKS, "on %s (%s), which is down", device->name,
			telling->reason);
	else
		tell(telling, STEP_ARRIVAL, STEP_PASSES, "on %s (%s)", device->name, telling->reason);
}

/* The rule that translates the request, or NULL. */
static const struct nat_rule *translating_rule(const struct telling *telling)
{
	const struct path *path = telling->path;
	const struct nat_request request = { .address = telling->service->address,
		.protocol = path->protocol,
		.port = path->port,
		.ifindex = path->arrival };
	return nat_rule_of(telling->facts, &request, &telling->service->target);
}

static bool is_in_conntrack(const struct telling *telling)
{
	const struct facts *facts = telling->facts;
	if (telling->service->endpoint >= facts->endpoint_count)
		return false;
	const struct endpoint *endpoint = &facts->endpoints[telling->service->endpoint];
	for (unsigned i = 0; i < endpoint->example_count; i++)
		if (endpoint->examples[i].port == telling->path->port)
			return true;
	return false;
}

static void tell_dnat(struct telling *telling)
{
	char target[ADDRESS_TEXT_SIZE], place[NAT_RULE_TEXT_SIZE];
	const struct nat_rule *rule = translating_rule(telling);
	uint16_t port = telling->path->target_port;
	bool seen = is_in_conntrack(telling);
	address_format(&telling->service->target, target);
	if (!rule)
		tell(telling, STEP_TRANSLATION, STEP_PASSES, "to %s port %u, as conntrack shows", target,
			port);
	else if (seen)
		tell(telling, STEP_TRANSLATION, STEP_PASSES, "to %s port %u, as conntrack shows, by %s",
			target, port, nat_rule_text(rule, place));
	else
		tell(telling, STEP_TRANSLATION, rule->conditional ? STEP_OPEN : STEP_PASSES,
			"to %s port %u by %s%s%s; no connection of it is in conntrack", target, port,
			nat_rule_text(rule, place),
			rule->balanced ? ", which chooses among several targets" : "",
			rule->conditional ? ", which demands more than can be told" : "");
}

static void tell_redirect(struct telling *telling, const struct nat_rule *rule)
{
	char place[NAT_RULE_TEXT_SIZE];
	tell(telling, STEP_TRANSLATION, rule->conditional ? STEP_OPEN : STEP_PASSES,
		"to port %u of this host by %s%s", telling->path->target_port, nat_rule_text(rule, place),
		rule->conditional ? ", which demands more than can be told" : "");
}

static int note_rule(struct telling *telling)
{
	char place[NAT_RULE_TEXT_SIZE];
	const struct nat_rule *rule = translating_rule(telling);
	telling->out->rule = rule ? strdup(nat_rule_text(rule, place)) : NULL;
	return rule && !telling->out->rule ? -ENOMEM : 0;
}

static void tell_translation(struct telling *telling)
{
	const struct conntrack_sample *conntrack = &telling->facts->conntrack;
	const struct nat_list *rules = telling->facts->nat_rules;
	const struct nat_rule *rule = translating_rule(telling);
	if (telling->service->origin == ORIGIN_DNAT)
		tell_dnat(telling);
	else if (rule && rule->redirect)
		tell_redirect(telling, rule);
	else if (!conntrack->known)
		tell(telling, STEP_TRANSLATION, STEP_OPEN, "not known: conntrack cannot be read");
	else if (conntrack->in_use)
		tell(telling, STEP_TRANSLATION, STEP_PASSES,
			rules && rules->unread_total == 0
				? "no translation of port %u was seen in conntrack, and no rule does it"
				: "no translation of port %u was seen in conntrack",
			telling->path->port);
	else if (rules && rules->count && rules->unread_total == 0)
		tell(telling, STEP_TRANSLATION, STEP_PASSES, "no rule translates port %u",
			telling->path->port);
}

static const char *const mode_names[] = { "off", "strict", "loose" };

static void tell_source(struct telling *telling)
{
	const struct device *device = facts_device(telling->facts, telling->path->arrival);
	const struct route_answer *request = &telling->path->request;
	if (!device)
		return;
	if (telling->path->destination.family == AF_INET6) {
		tell(telling, STEP_SOURCE, STEP_PASSES,
			"IPv6 has no rp_filter; rules of nftables are not followed");
		return;
	}
	int mode = device->rp_filter_effective;
	const char *name = mode >= 0 && mode <= 2 ? mode_names[mode] : "unknown";
	if (request->result == ROUTE_RP_FILTER)
		tell(telling, STEP_SOURCE, STEP_BREAKS,
			"rp_filter on %s is %s and drops the request: the way back to the client does not "
			"lead out of %s",
			device->name, name, device->name);
	else if (request->result == ROUTE_MARTIAN)
		tell(telling, STEP_SOURCE, STEP_BREAKS,
			"the client's address is one of this host's own (martian)");
	else if (request->result == ROUTE_NOT_ASKED || request->result == ROUTE_FAILED)
		tell(telling, STEP_SOURCE, STEP_OPEN, "rp_filter on %s is %s; whether it passes is not known",
			device->name, name);
	else
		tell(telling, STEP_SOURCE, STEP_PASSES, "rp_filter on %s is %s and lets the request in",
			device->name, name);
}

static const char *failure_text(enum route_result result)
{
	switch (result) {
	case ROUTE_NONE:
		return "there is no route";
	case ROUTE_UNREACHABLE:
		return "the route is unreachable";
	case ROUTE_PROHIBIT:
		return "the route is prohibited";
	case ROUTE_BLACKHOLE:
		return "the route is a blackhole";
	case ROUTE_NOT_FORWARDED:
		return "forwarding is off on the device";
	case ROUTE_RP_FILTER:
		return "rp_filter drops it";
	case ROUTE_MARTIAN:
		return "its source is a martian";
	case ROUTE_NOT_ASKED:
	case ROUTE_FOUND:
	case ROUTE_LOCAL:
	case ROUTE_FAILED:
		break;
	}
	return NULL;
}

/* True also where sockets could not be read. */
static bool listens(const struct telling *telling)
{
	const struct path *path = telling->path;
	return telling->facts->listener_count == 0 ||
	       service_listener(telling->facts, telling->service, path->arrival, path->target_port);
}

/* By the arrival device in IPv4, in IPv6 by the host. */
static bool forwards(const struct telling *telling)
{
	const struct facts *facts = telling->facts;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		bool four = telling->service->target.family == AF_INET;
		if (four && telling->path->arrival && device->ifindex != telling->path->arrival)
			continue;
		if (four ? device->forwarding4 : device->forwarding6)
			return true;
	}
	return false;
}

static bool is_foreign(const struct telling *telling)
{
	return !telling->service->target_local && telling->path->request.result != ROUTE_LOCAL &&
	       !forwards(telling);
}

/* Neither the address nor a translation of it is this host's business. */
static bool is_for_another(const struct telling *telling)
{
	return telling->service->origin == ORIGIN_LOCAL && is_foreign(telling);
}

/* IPv4 lets it in with route_localnet, and then the lookup says so. */
static bool is_loopback_from_afar(const struct telling *telling)
{
	const struct address *client = &telling->path->destination;
	return address_is_loopback(&telling->service->address) && !address_is_loopback(client) &&
	       !facts_local_address(telling->facts, client) &&
	       (client->family == AF_INET6 || telling->path->request.result != ROUTE_LOCAL);
}

/* There would be a reply if the request came through. */
static bool is_answered(const struct telling *telling)
{
	return !is_for_another(telling) && !is_loopback_from_afar(telling);
}

static void tell_foreign(struct telling *telling)
{
	char target[ADDRESS_TEXT_SIZE];
	bool by_device = telling->service->target.family == AF_INET && telling->path->arrival;
	tell(telling, STEP_DELIVERY, STEP_BREAKS, "%s is no address of this host, and forwarding is off%s%s",
		address_format(&telling->service->target, target), by_device ? " on " : "",
		by_device ? device_name(telling, telling->path->arrival) : "");
}

static void tell_delivery(struct telling *telling)
{
	const struct route_answer *request = &telling->path->request;
	const char *failure = failure_text(request->result);
	const char *to = device_name(telling, telling->service->target_ifindex);
	if (telling->out->steps[STEP_SOURCE].outcome == STEP_BREAKS)
		return;
	if (is_loopback_from_afar(telling))
		tell(telling, STEP_DELIVERY, STEP_BREAKS,
			"a loopback address cannot be reached from another host");
	else if (is_foreign(telling))
		tell_foreign(telling);
	else if (failure)
		tell(telling, STEP_DELIVERY, STEP_BREAKS, "%s", failure);
	else if (telling->service->target_local)
		tell(telling, STEP_DELIVERY, STEP_PASSES, "to this host%s",
			listens(telling) ? "" : ", where nothing listens on that port");
	else if (telling->service->target_ifindex)
		tell(telling, STEP_DELIVERY, STEP_PASSES, "forwarded to %s", to);
	else
		tell(telling, STEP_DELIVERY, STEP_BREAKS, "no route leads to the target");
}

static const char *table_name(uint32_t table, char text[static 16])
{
	if (table == 254)
		return "main";
	if (table == 253)
		return "default";
	if (table == 255)
		return "local";
	snprintf(text, 16, "%u", table);
	return text;
}

static void describe_rule(const struct telling *telling, char *text, size_t size)
{
	char table[16], from[PREFIX_TEXT_SIZE];
	const struct rule *rule = rule_decision(telling->facts, telling->path).rule;
	const char *name = table_name(telling->path->reply.table, table);
	if (!rule)
		snprintf(text, size, "table %s", name);
	else if (rule->from.address.family == AF_UNSPEC)
		snprintf(text, size, "rule %u, table %s", rule->priority, name);
	else
		snprintf(text, size, "rule %u (from %s), table %s", rule->priority,
			prefix_format(&rule->from, from), name);
}

static void describe_route(const struct route_answer *reply, char *text, size_t size)
{
	char gateway[ADDRESS_TEXT_SIZE];
	address_format(&reply->gateway, gateway);
	const char *what = reply->prefix_length ? "a specific route" : "the default route";
	if (gateway[0])
		snprintf(text, size, "%s via %s", what, gateway);
	else
		snprintf(text, size, "%s, directly connected", what);
}

static void tell_reply(struct telling *telling)
{
	const struct route_answer *reply = &telling->path->reply;
	const char *failure = failure_text(reply->result);
	char source[ADDRESS_TEXT_SIZE], rule[PREFIX_TEXT_SIZE + 64], route[ADDRESS_TEXT_SIZE + 64];
	address_format(&telling->service->target, source);
	describe_rule(telling, rule, sizeof(rule));
	describe_route(reply, route, sizeof(route));
	if (telling->path->mark_decides)
		tell(telling, STEP_REPLY, STEP_OPEN,
			"from %s: a rule selects by mark, and which mark the reply carries is not known",
			source);
	else if (failure)
		tell(telling, STEP_REPLY, STEP_BREAKS, "from %s: %s", source, failure);
	else if (reply->result == ROUTE_LOCAL)
		tell(telling, STEP_REPLY, STEP_PASSES, "from %s: to this host itself", source);
	else if (reply->result != ROUTE_FOUND)
		tell(telling, STEP_REPLY, STEP_OPEN, "from %s: the kernel does not say", source);
	else
		tell(telling, STEP_REPLY, STEP_PASSES, "from %s: %s: %s", source, rule, route);
}

static void join_devices(const struct telling *telling, char *text, size_t size)
{
	const struct device_set *devices = &telling->path->reply.devices;
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < devices->count && used < size; i++) {
		int wrote = snprintf(text + used, size - used, "%s%s", i ? " or " : "",
			device_name(telling, devices->ifindex[i]));
		used += wrote > 0 ? (size_t)wrote : 0;
	}
}

static void tell_leaving(struct telling *telling)
{
	char devices[DEVICE_SET_SIZE * (IF_NAMESIZE + 4)];
	if (telling->path->mark_decides || telling->path->reply.result != ROUTE_FOUND)
		return;
	join_devices(telling, devices, sizeof(devices));
	const struct device_set *set = &telling->path->reply.devices;
	if (telling->path->arrival == 0)
		tell(telling, STEP_LEAVING, STEP_OPEN, "by %s", devices);
	else if (device_set_within(set, &telling->service->arrival) ||
		 (set->count == 1 && set->ifindex[0] == telling->path->arrival))
		tell(telling, STEP_LEAVING, STEP_PASSES, "by %s, as the request came", devices);
	else if (device_set_contains(set, telling->path->arrival) || set->more)
		tell(telling, STEP_LEAVING, STEP_OPEN, "by %s, as a hash of the flow decides", devices);
	else if (path_verdict(telling->settings, telling->facts, telling->path) == VERDICT_INTENDED)
		tell(telling, STEP_LEAVING, STEP_PASSES, "by %s, which is declared as intended", devices);
	else
		tell(telling, STEP_LEAVING, STEP_BREAKS, "by %s, but the request came by %s", devices,
			device_name(telling, telling->path->arrival));
}

enum step_kind explanation_break(const struct explanation *explanation)
{
	for (int kind = 0; kind < STEPS; kind++)
		if (explanation->steps[kind].present && explanation->steps[kind].outcome == STEP_BREAKS)
			return (enum step_kind)kind;
	return STEPS;
}

static bool is_open(const struct explanation *explanation)
{
	for (int kind = 0; kind < STEPS; kind++)
		if (explanation->steps[kind].present && explanation->steps[kind].outcome == STEP_OPEN)
			return true;
	return false;
}

static int conclude(const struct telling *telling)
{
	struct explanation *out = telling->out;
	enum step_kind broken = explanation_break(out);
	const char *text =
		"Request and reply take the same way: nothing in routes, rules and rp_filter breaks it";
	if (is_open(out))
		text = "Nothing is known to break it, but configuration alone does not tell the whole way";
	if (broken == STEP_DELIVERY && is_for_another(telling))
		text = "The request is not for this host";
	else if (broken == STEP_SOURCE || broken == STEP_DELIVERY || broken == STEP_ARRIVAL)
		text = "The request does not get through";
	else if (broken == STEP_REPLY)
		text = "The request gets through, but the reply has no way back";
	else if (broken == STEP_LEAVING)
		text = "The request gets through, but the reply leaves by another device";
	out->conclusion = strdup(text);
	return out->conclusion ? 0 : -ENOMEM;
}

/* The judge looks at this path alone, and at once: no waiting for a second judgement. */
static int judge_alone(struct telling *telling)
{
	struct facts alone = *telling->facts;
	struct path path = *telling->path;
	struct settings settings = *telling->settings;
	settings.thresholds.open_judgements = 1;
	alone.paths = &path;
	alone.path_count = is_answered(telling);
	return judge(&settings, &alone, NULL, &telling->out->findings);
}

static void tell_all(struct telling *telling)
{
	tell_arrival(telling);
	tell_translation(telling);
	tell_source(telling);
	tell_delivery(telling);
	if (is_answered(telling)) {
		tell_reply(telling);
		tell_leaving(telling);
	}
}

int explain_path(const struct settings *settings, const struct facts *facts, const struct path *path,
	const char *reason, struct explanation *out)
{
	const struct service *service = &facts->services[path->service];
	struct explanation explanation = {
		.client = path->destination,
		.service = service->address,
		.target = service->target,
		.port = path->port,
	};
	const struct device *device = facts_device(facts, path->arrival);
	if (device)
		memcpy(explanation.device, device->name, sizeof(explanation.device));
	struct telling telling = { settings, facts, path, service, reason, &explanation, 0 };
	tell_all(&telling);
	if (telling.result == 0)
		telling.result = note_rule(&telling);
	if (telling.result == 0)
		telling.result = conclude(&telling);
	if (telling.result == 0)
		telling.result = judge_alone(&telling);
	if (telling.result < 0) {
		explanation_clear(&explanation);
		return telling.result;
	}
	*out = explanation;
	return 0;
}

void explanation_clear(struct explanation *explanation)
{
	for (int kind = 0; kind < STEPS; kind++)
		free(explanation->steps[kind].text);
	if (explanation->trace)
		explain_trace_clear(explanation->trace);
	free(explanation->trace);
	free(explanation->rule);
	free(explanation->flow);
	free(explanation->conclusion);
	findings_free(explanation->findings);
	*explanation = (struct explanation){ 0 };
}
