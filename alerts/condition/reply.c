// SPDX-License-Identifier: GPL-2.0-or-later
/* reply_wrong_device and no_reply_route: the reply's way, judged for each service and arrival device. */
#include <netinet/in.h>
#include <stdlib.h>

#include "alerts/condition/conditions.h"
#include "alerts/condition/observed.h"
#include "alerts/describe.h"
#include "alerts/recovered.h"
#include "alerts/remedy/put_back.h"
#include "alerts/remedy/remedy.h"

/* The paths of one service and arrival device for which the condition holds. */
struct reply_case {
	const struct judge_context *context;
	enum verdict verdict;  /* uncovered: reply_wrong_device; no_route: no_reply_route */
	struct path_span span; /* at least one */
	bool intended;
	const struct path *path; /* the first, to speak of */
	const struct service *service;
	const char *arrival;
	struct observed observed;
};

static bool is_offending(
	const struct judge_context *context, size_t path, enum verdict verdict, bool intended)
{
	enum verdict wanted = intended ? VERDICT_INTENDED : verdict;
	return context_certain(context, path) && context->verdicts.paths[path] == wanted &&
	       (!intended || path_verdict_undeclared(context->now, context_path(context, path)) == verdict);
}

static const struct endpoint *endpoint_of(const struct reply_case *reply_case)
{
	const struct facts *facts = reply_case->context->now;
	size_t endpoint = reply_case->service->endpoint;
	return endpoint < facts->endpoint_count ? &facts->endpoints[endpoint] : NULL;
}

static bool is_peer(const struct reply_case *reply_case, const struct address *peer)
{
	for (size_t i = 0; i < reply_case->span.count; i++)
		if (address_equal(
			    &context_path(reply_case->context, reply_case->span.paths[i])->destination, peer))
			return true;
	return false;
}

/* What conntrack has of connections of the case's peers. */
struct tracked {
	bool half_open, unanswered, assured;
};

static struct tracked tracked_of(const struct reply_case *reply_case)
{
	const struct endpoint *endpoint = endpoint_of(reply_case);
	struct tracked tracked = { 0 };
	for (unsigned i = 0; endpoint && i < endpoint->example_count && i < ENDPOINT_EXAMPLES; i++) {
		const struct flow_example *example = &endpoint->examples[i];
		bool syn_recv = example->state == NAT_SYN_RECV;
		if (!is_peer(reply_case, &example->peer))
			continue;
		tracked.half_open |= syn_recv && example->protocol == IPPROTO_TCP;
		tracked.unanswered |=
			syn_recv || example->state == NAT_SYN_SENT || example->state == NAT_UNREPLIED;
		tracked.assured |= example->assured;
	}
	return tracked;
}

/* Without a capture: connections of that address whose SYN-ACK was repeated. */
static bool is_unacknowledged(const struct reply_case *reply_case)
{
	const struct facts *facts = reply_case->context->now;
	for (size_t i = 0; !facts->handshakes && facts->syn_recv_known && i < facts->syn_recv_count; i++)
		if (facts->syn_recv[i].unanswered &&
			address_equal(&facts->syn_recv[i].address, &reply_case->service->target))
			return true;
	return false;
}

/* What was seen on the wire stands above what conntrack shows. */
static enum severity severity_of(const struct reply_case *reply_case)
{
	const struct observed *observed = &reply_case->observed;
	const struct tracked tracked = tracked_of(reply_case);
	if (reply_case->intended)
		return SEVERITY_INFO;
	if (reply_case->verdict == VERDICT_NO_ROUTE)
		return tracked.unanswered ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	if (observed->observation.fails || is_unacknowledged(reply_case))
		return SEVERITY_CRITICAL;
	if (observed->devices.count)
		return observed->completes ? SEVERITY_INFO : SEVERITY_WARNING;
	if (tracked.half_open)
		return SEVERITY_CRITICAL;
	return tracked.assured ? SEVERITY_INFO : SEVERITY_WARNING;
}

static void reply_summarise(const struct reply_case *reply_case, struct finding *finding)
{
	char service[SERVICE_TEXT_SIZE];
	describe_service(reply_case->service, service);
	if (reply_case->verdict == VERDICT_NO_ROUTE)
		finding_summarise(finding, "replies from %s have no route, requests arrive on %s", service,
			reply_case->arrival);
	else
		finding_summarise(finding, "replies from %s leave by %s, requests arrive on %s", service,
			finding->reply_device, reply_case->arrival);
}

static void explain_arrival(const struct reply_case *reply_case, struct finding *finding)
{
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
	address_format(&reply_case->service->address, address);
	address_format(&reply_case->service->target, target);
	if (reply_case->service->origin == ORIGIN_LOCAL)
		finding_explain(finding, "Requests for %s arrive on %s, but ", address, reply_case->arrival);
	else
		finding_explain(finding,
			"Requests for %s arrive on %s and are translated to %s. Their replies are routed "
			"while they still carry %s as their source, so a rule for %s does not apply to them, "
			"and ",
			address, reply_case->arrival, target, target, address);
}

static void explain_wrong_device(const struct reply_case *reply_case, struct finding *finding)
{
	static const char *const outcomes[SEVERITIES] = {
		[SEVERITY_INFO] = "Connections were seen to complete this way, so at present the peers get "
				  "these replies. ",
		[SEVERITY_WARNING] =
			"Replies that take another line than the requests are usually dropped or "
			"changed on their way, and then no connection completes. ",
		[SEVERITY_CRITICAL] =
			"Connections were seen that were answered this way and never completed: "
			"the peers do not get these replies. ",
	};
	char table[TABLE_TEXT_SIZE], gateway[ADDRESS_TEXT_SIZE];
	const struct route_answer *reply = &reply_case->path->reply;
	address_format(&reply->gateway, gateway);
	finding_explain(finding, "this host sends the replies out by %s (table %s%s%s). %s",
		finding->reply_device, describe_table(reply->table, table), gateway[0] ? ", gateway " : "",
		gateway, reply_case->intended ? "" : outcomes[finding->severity]);
}

static void explain_no_route(const struct reply_case *reply_case, struct finding *finding)
{
	char peer[ADDRESS_TEXT_SIZE];
	finding_explain(finding,
		"the replies never leave this host: one to %s, for example, fails because %s. No connection from "
		"there completes. ",
		address_format(&reply_case->path->destination, peer),
		describe_failure(reply_case->path->reply.result));
}

static void add_evidence(const struct reply_case *reply_case, struct finding *finding)
{
	char text[ADDRESS_TEXT_SIZE];
	const struct route_answer *reply = &reply_case->path->reply;
	const struct endpoint *endpoint = endpoint_of(reply_case);
	describe_peers(reply_case->context, reply_case->span, finding);
	if (reply->table)
		finding_add_number(finding, "reply_table", reply->table);
	if (!address_is_none(&reply->gateway))
		finding_add_evidence(finding, "reply_gateway", "%s", address_format(&reply->gateway, text));
	if (endpoint) {
		finding_add_number(finding, "half_open", (double)endpoint->half_open);
		finding_add_number(finding, "syn_recv", (double)endpoint->syn_recv);
		finding_add_number(finding, "open", (double)endpoint->open);
	}
	if (reply_case->observed.devices.count) {
		wire_describe_suspects(&reply_case->observed.observation, finding);
		wire_describe_counts(&reply_case->observed.observation, finding);
	}
}

static void add_remedy(const struct reply_case *reply_case, struct finding *finding)
{
	char target[ADDRESS_TEXT_SIZE];
	const struct service *service = reply_case->service;
	if (reply_case->intended) {
		finding_explain(finding, "This is declared as intended.");
		return;
	}
	if (remedy_put_back(reply_case->context, &service->target, reply_case->path->arrival, false, finding))
		return;
	const struct plan *plan =
		remedy_plan(reply_case->context, &service->target, reply_case->path->arrival);
	if (*plan->obstacle) {
		if (!remedy_put_back(
			    reply_case->context, &service->target, reply_case->path->arrival, true, finding))
			remedy_refuse(plan->obstacle, finding);
		return;
	}
	finding_explain(finding,
		"The commands lead replies from %s out of %s and keep the other networks of this host "
		"reachable%s.",
		address_format(&service->target, target), reply_case->arrival,
		service->origin == ORIGIN_LOCAL
			? ""
			: "; connections which it opens itself leave that way as well then");
	remedy_write_plan(reply_case->context->now, plan, finding);
}

/* The wire is watched, and has not shown yet what becomes of these replies. */
static bool is_undecided(const struct reply_case *reply_case)
{
	const struct observed *observed = &reply_case->observed;
	return reply_case->verdict != VERDICT_NO_ROUTE && reply_case->context->now->handshakes &&
	       !reply_case->intended && !observed->observation.fails &&
	       (observed->observation.repeated || !observed->devices.count);
}

static void add_finding(const struct reply_case *reply_case, struct findings *candidates)
{
	const struct device_set devices = describe_reply_devices(reply_case->context, reply_case->span);
	const struct service *service = reply_case->service;
	struct finding *finding = wire_finding(reply_case->context,
		reply_case->verdict == VERDICT_NO_ROUTE ? &no_reply_route_condition
							: &reply_wrong_device_condition,
		reply_case->path->arrival, candidates);
	finding_set_service(finding, service->origin, &service->address, &service->target);
	finding->intended = reply_case->intended;
	finding->severity = severity_of(reply_case);
	finding->held = reply_case->observed.observation.fails && reply_case->observed.observation.lasting;
	finding->undecided = is_undecided(reply_case);
	facts_device_names(reply_case->context->now, &devices, ",", finding->reply_device);
	reply_summarise(reply_case, finding);
	explain_arrival(reply_case, finding);
	if (reply_case->verdict == VERDICT_NO_ROUTE)
		explain_no_route(reply_case, finding);
	else
		explain_wrong_device(reply_case, finding);
	add_evidence(reply_case, finding);
	add_remedy(reply_case, finding);
}

/* Connections complete as they should, and none was seen that does not. */
static bool is_refuted(const struct judge_context *context, size_t path)
{
	return observed_refutes(context, path) &&
	       observe_replies(context, context_service(context, path), context_path(context, path)->arrival)
			       .devices.count == 0;
}

/* Copies the offending paths of the pair to the front of `paths`; the intended ones only if there are no
 * others. */
static struct reply_case select_case(
	const struct judge_context *context, enum verdict verdict, struct path_span pair, size_t *paths)
{
	struct reply_case found = { .context = context, .verdict = verdict, .span = { .paths = paths } };
	bool observe = verdict == VERDICT_UNCOVERED; /* the wire may show it, or show that it is not so */
	for (int intended = 0; intended < 2 && found.span.count == 0; intended++) {
		found.intended = intended;
		for (size_t i = 0; i < pair.count; i++)
			if (is_offending(context, pair.paths[i], verdict, intended) &&
				!(observe && is_refuted(context, pair.paths[i])))
				paths[found.span.count++] = pair.paths[i];
	}
	if (found.span.count == 0)
		return found;
	found.path = context_path(context, paths[0]);
	found.service = context_service(context, paths[0]);
	found.arrival = facts_device_name(context->now, found.path->arrival);
	if (observe) {
		found.observed = observe_replies(context, found.service, found.path->arrival);
		if (context->now->handshakes && !found.intended && !found.observed.observation.fails &&
			observed_is_floating(context, found.service))
			found.span.count = 0; /* harmless */
	}
	return found;
}

static void find_pairs(const struct judge_context *context, enum verdict verdict, struct findings *candidates)
{
	size_t *paths = calloc(context->order_count + 1, sizeof(*paths));
	struct path_span pair = { 0 };
	candidates->failed |= !paths;
	while (paths && context_next_pair(context, &pair)) {
		const struct reply_case found = select_case(context, verdict, pair, paths);
		if (found.span.count)
			add_finding(&found, candidates);
	}
	free(paths);
}

static bool is_about(const struct judge_context *context, const struct finding *symptom, size_t path)
{
	const struct service *service = context_service(context, path);
	enum verdict verdict =
		symptom->condition == &no_reply_route_condition ? VERDICT_NO_ROUTE : VERDICT_UNCOVERED;
	return context_path(context, path)->arrival == symptom->device &&
	       service->origin == symptom->origin && address_equal(&service->address, &symptom->address) &&
	       is_offending(context, path, verdict, symptom->intended);
}

/* All that goes wrong with the symptom's replies is about requests which rp_filter drops on arrival. */
static bool rp_filter_explains_reply(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	if (cause->device == 0 || cause->device != symptom->device)
		return false;
	struct path_span span = context_target(context, &symptom->target);
	size_t offending = 0;
	for (size_t i = 0; i < span.count; i++) {
		if (!is_about(context, symptom, span.paths[i]))
			continue;
		if (context_path(context, span.paths[i])->request.result != ROUTE_RP_FILTER)
			return false;
		offending++;
	}
	return offending > 0;
}

static void reply_wrong_device_find(const struct judge_context *context, struct findings *candidates)
{
	/* What only the wire shows comes first: of findings about the same the first counts. */
	observed_wrong_devices(context, candidates);
	find_pairs(context, VERDICT_UNCOVERED, candidates);
}

static void no_reply_route_find(const struct judge_context *context, struct findings *candidates)
{
	find_pairs(context, VERDICT_NO_ROUTE, candidates);
}

const struct condition reply_wrong_device_condition = {
	.name = "reply_wrong_device",
	.help = "requests for a service address arrive on one device and their replies leave by another: "
		"predicted by lookup, or seen on the wire",
	.severity = "warning; critical if clients were seen to repeat their SYN or connections never to "
		    "complete; info if they complete",
	.find = reply_wrong_device_find,
	.recovered = recovered_at_vantage,
	.explained_by = { { &rp_filter_drops_condition, rp_filter_explains_reply } },
};

const struct condition no_reply_route_condition = {
	.name = "no_reply_route",
	.help = "a service address is reached, and its replies have no route, or an unreachable, "
		"prohibit or blackhole one",
	.severity = "warning; critical if such connections were seen",
	.find = no_reply_route_find,
	.recovered = recovered_at_vantage,
	.explained_by = { { &rp_filter_drops_condition, rp_filter_explains_reply } },
};
