// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/connection_path.h"

#include "alerts/describe.h"
#include "alerts/judge.h"
#include "alerts/remedy/rule_match.h"
#include "alerts/verdict.h"
#include "collectors/firewall/nat_find.h"
#include "collectors/route/service.h"

static enum step arrival_step(const struct connection_path *connection)
{
	const struct device *device = facts_device(connection->facts, connection->path->arrival);
	return !device ? ARRIVES_ANYWHERE : device->up ? ARRIVES : ARRIVES_ON_DOWN;
}

static enum step translation_step(const struct connection_path *connection)
{
	const struct facts *facts = connection->facts;
	const struct nat_rule *rule = connection->translation;
	bool all_rules = facts->nat_rules && facts->nat_rules->unread_total == 0;
	if (connection->service->origin == ORIGIN_DNAT) {
		if (!rule)
			return TRANSLATED_SEEN;
		if (service_example(facts, connection->service, connection->path->port))
			return TRANSLATED_SEEN_BY_RULE;
		return rule->conditional ? TRANSLATED_PERHAPS : TRANSLATED_BY_RULE;
	}
	if (rule && rule->redirect)
		return rule->conditional ? REDIRECTED_PERHAPS : REDIRECTED;
	if (!facts->conntrack.known)
		return TRANSLATION_UNKNOWN;
	if (facts->conntrack.in_use)
		return all_rules ? NOT_TRANSLATED : NOT_SEEN_TRANSLATED;
	return all_rules && facts->nat_rules->count ? NOT_TRANSLATED_BY_RULE : STEP_ABSENT;
}

static enum step source_step(const struct connection_path *connection)
{
	if (!facts_device(connection->facts, connection->path->arrival))
		return STEP_ABSENT;
	if (connection->path->destination.family == AF_INET6)
		return SOURCE_IPV6;
	switch (connection->path->request.result) {
	case ROUTE_RP_FILTER:
		return SOURCE_FILTERED;
	case ROUTE_MARTIAN:
		return SOURCE_MARTIAN;
	case ROUTE_NOT_ASKED:
	case ROUTE_FAILED:
		return SOURCE_UNKNOWN;
	case ROUTE_FOUND:
	case ROUTE_LOCAL:
	case ROUTE_NONE:
	case ROUTE_UNREACHABLE:
	case ROUTE_PROHIBIT:
	case ROUTE_BLACKHOLE:
	case ROUTE_NOT_FORWARDED:
		break;
	}
	return SOURCE_ACCEPTED;
}

/* By the arrival device in IPv4, in IPv6 by the host. */
static bool forwards(const struct connection_path *connection)
{
	bool four = connection->service->target.family == AF_INET;
	for (size_t i = 0; i < connection->facts->device_count; i++) {
		const struct device *device = &connection->facts->devices[i];
		if (four && connection->path->arrival && device->ifindex != connection->path->arrival)
			continue;
		if (four ? device->forwarding4 : device->forwarding6)
			return true;
	}
	return false;
}

/* IPv4 lets it in with route_localnet, and then the lookup says so; IPv6 never does, whatever a lookup says
 * (ip6_rcv_core). */
static bool is_loopback_from_afar(const struct connection_path *connection)
{
	const struct address *client = &connection->path->destination;
	return address_is_loopback(&connection->service->address) && !address_is_loopback(client) &&
	       !facts_local_address(connection->facts, client) &&
	       (client->family == AF_INET6 || connection->path->request.result != ROUTE_LOCAL);
}

static enum step delivery_step(const struct connection_path *connection)
{
	const struct path *path = connection->path;
	const struct service *service = connection->service;
	if (step_outcome_of(connection->steps[STEP_SOURCE]) == STEP_BREAKS)
		return STEP_ABSENT;
	if (is_loopback_from_afar(connection))
		return DELIVERY_LOOPBACK;
	if (!service->target_local && path->request.result != ROUTE_LOCAL && !forwards(connection))
		return service->origin == ORIGIN_LOCAL ? DELIVERY_FOREIGN : DELIVERY_NOT_FORWARDED;
	if (describe_failure(path->request.result))
		return DELIVERY_FAILS;
	if (!service->target_local)
		return service->target_ifindex ? FORWARDED : TARGET_WITHOUT_ROUTE;
	/* Without any listener sockets could not be read. */
	return connection->facts->listener_count == 0 ||
			       service_listener(connection->facts, service, path->arrival, path->target_port)
		       ? DELIVERED
		       : DELIVERED_TO_NOBODY;
}

static bool is_answered(const struct connection_path *connection)
{
	return connection->steps[STEP_DELIVERY] != DELIVERY_FOREIGN &&
	       connection->steps[STEP_DELIVERY] != DELIVERY_LOOPBACK;
}

static enum step reply_step(const struct connection_path *connection)
{
	enum route_result result = connection->path->reply.result;
	if (!is_answered(connection))
		return STEP_ABSENT;
	if (connection->path->mark_decides)
		return REPLY_MARKED;
	if (describe_failure(result))
		return REPLY_FAILS;
	return result == ROUTE_LOCAL ? REPLY_LOCAL : result == ROUTE_FOUND ? REPLY_ROUTED : REPLY_UNKNOWN;
}

static enum step leaving_step(const struct connection_path *connection, enum verdict verdict)
{
	const struct device_set *devices = &connection->path->reply.devices;
	if (connection->steps[STEP_REPLY] != REPLY_ROUTED)
		return STEP_ABSENT;
	if (connection->path->arrival == 0)
		return LEAVES;
	switch (verdict) {
	case VERDICT_COVERED: /* each device is the one it came by, or one by which requests were seen */
		return devices->count == 1 || device_set_within(devices, &connection->service->arrival)
			       ? LEAVES_AS_IT_CAME
			       : LEAVES_BY_HASH;
	case VERDICT_PARTLY:
		return LEAVES_BY_HASH;
	case VERDICT_INTENDED:
		return LEAVES_AS_INTENDED;
	case VERDICT_UNCOVERED:
		return LEAVES_ELSEWHERE;
	case VERDICT_NO_ROUTE:
	case VERDICT_UNKNOWN:
	case VERDICTS:
		break;
	}
	return LEAVES;
}

struct connection_path connection_path_of(const struct settings *settings, const struct facts *facts,
	const struct path *path, const char *reason)
{
	const struct service *service = &facts->services[path->service];
	const struct nat_request request = { .address = service->address,
		.protocol = path->protocol,
		.port = path->port,
		.ifindex = path->arrival };
	struct connection_path connection = { .facts = facts,
		.path = path,
		.service = service,
		.reason = reason,
		.translation = nat_rule_of(facts, &request, &service->target),
		.rule = rule_decision(facts, path).rule };
	connection.steps[STEP_ARRIVAL] = arrival_step(&connection);
	connection.steps[STEP_TRANSLATION] = translation_step(&connection);
	connection.steps[STEP_SOURCE] = source_step(&connection);
	connection.steps[STEP_DELIVERY] = delivery_step(&connection);
	connection.steps[STEP_REPLY] = reply_step(&connection);
	connection.steps[STEP_LEAVING] = leaving_step(&connection, reply_verdict(settings, facts, path));
	return connection;
}

enum step_kind connection_path_break(const struct connection_path *connection)
{
	int kind = 0;
	while (kind < STEPS && step_outcome_of(connection->steps[kind]) != STEP_BREAKS)
		kind++;
	return (enum step_kind)kind;
}

int connection_path_judge(
	const struct settings *settings, const struct connection_path *connection, struct findings **findings)
{
	struct facts alone = *connection->facts;
	struct path path = *connection->path;
	struct settings at_once = *settings;
	at_once.thresholds.open_judgements = 1;
	alone.paths = &path;
	alone.path_count = is_answered(connection);
	return judge(&at_once, &alone, NULL, findings);
}
