// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rp_filter_drops. Two sources are joined: the prediction, path by path, and the counter. A prediction alone
 * is a finding; the counter alone is not, for dropping stray sources is what rp_filter is there for. Where
 * only peers are affected of whom nobody knows whether they come by that device, the counter says that it
 * happens. The kernel itself counts these drops for the namespace: then the devices are candidates. Where
 * drops are counted by device (facts.device_drops), it is the device that counted them and no other.
 */
#include <stdlib.h>

#include "alerts/condition/conditions.h"
#include "alerts/describe.h"
#include "alerts/recovered.h"
#include "alerts/remedy/put_back.h"
#include "alerts/remedy/remedy.h"
#include "alerts/wire.h"

/* What was found on a device. */
struct drop_case {
	const struct judge_context *context;
	const struct device *device; /* NULL: one of `candidates` */
	struct device_set candidates;
	struct path_span span; /* whose packets are dropped, at least one */
	bool counted;
	bool supposed; /* that drops were counted on the device is all that tells of such packets there */
};

static bool counts_by_device(const struct judge_context *context)
{
	return context->now->device_drops_known && (context->now->drop_reasons >> DROP_IP_RPFILTER & 1);
}

/* On the device, if that is known; else on all together. */
static double recent_drops(const struct judge_context *context, int device)
{
	const struct device_drop *drop = facts_device_drop(context->now, device, DROP_IP_RPFILTER);
	if (counts_by_device(context))
		return drop ? (double)drop->recent : 0;
	return context->now->rpfilter.known ? (double)context->now->rpfilter.drops_recent : 0;
}

static bool is_predicted(const struct judge_context *context, size_t index, int device)
{
	const struct path *path = context_path(context, index);
	return ((path->arrival == device && path->request.result == ROUTE_RP_FILTER) ||
		       (path->reply.result == ROUTE_RP_FILTER &&
			       context_service(context, index)->target_ifindex == device)) &&
	       context_certain(context, index);
}

/* device 0: any. */
static bool is_possible(const struct judge_context *context, size_t index, int device)
{
	const struct path *path = context_path(context, index);
	return path->basis == PATH_POSSIBLE && (device == 0 || path->arrival == device) &&
	       facts_device(context->now, path->arrival) && path->request.result == ROUTE_RP_FILTER;
}

static struct path_span select_paths(const struct judge_context *context, int device,
	bool (*test)(const struct judge_context *, size_t, int), size_t *paths)
{
	struct path_span span = { .paths = paths };
	for (size_t i = 0; i < context->order_count; i++)
		if (test(context, context->order[i], device))
			paths[span.count++] = context->order[i];
	return span;
}

static void rp_filter_summarise(const struct drop_case *drop_case, struct finding *finding)
{
	const struct device *device = drop_case->device;
	char names[DEVICE_NAMES_SIZE];
	if (device)
		finding_summarise(finding,
			"packets that arrive on %s are dropped by reverse-path filtering (mode %d, %s)",
			device->name, device->rp_filter_effective,
			describe_mode(device->rp_filter_effective));
	else
		finding_summarise(finding,
			"packets are dropped by reverse-path filtering, possibly those that arrive on %s",
			facts_device_names(drop_case->context->now, &drop_case->candidates, ", ", names));
}

/* Whose packets: a peer that was seen, or what stands for the others. */
static void explain_whose(const struct drop_case *drop_case, const char *peer, struct finding *finding)
{
	const char *device = drop_case->device->name;
	if (drop_case->supposed)
		finding_explain(finding,
			"Packets that arrive on %s from addresses that this host reaches by another device, "
			"%s say, are dropped, although a capture there shows them: ",
			device, peer);
	else if (context_path(drop_case->context, drop_case->span.paths[0])->kind == DESTINATION_PEER)
		finding_explain(finding,
			"Packets from %s that arrive on %s are dropped, although a capture there shows "
			"them: ",
			peer, device);
	else
		finding_explain(finding,
			"Packets that arrive on %s from beyond its own link, %s say, are dropped, although a "
			"capture there shows them: ",
			device, peer);
}

static void explain_device(const struct drop_case *drop_case, struct finding *finding)
{
	char peer[ADDRESS_TEXT_SIZE], names[DEVICE_NAMES_SIZE];
	const struct device *device = drop_case->device;
	const struct path *path = context_path(drop_case->context, drop_case->span.paths[0]);
	const struct service *service = context_service(drop_case->context, drop_case->span.paths[0]);
	bool request = path->arrival == device->ifindex;
	explain_whose(
		drop_case, address_format(request ? &path->destination : &service->target, peer), finding);
	finding_explain(finding, "this host's own route back to that address ");
	if (request) {
		struct device_set devices = describe_reply_devices(drop_case->context, drop_case->span);
		facts_device_names(drop_case->context->now, &devices, ", ", names);
		finding_explain(finding, "%s%s", *names ? "leaves by " : "does not exist", names);
	} else {
		finding_explain(finding, "does not leave by that device");
	}
	finding_explain(finding,
		". The mode in force is %d (%s), the higher one of net.ipv4.conf.all.rp_filter and the "
		"device's own, which is %d. ",
		device->rp_filter_effective, describe_mode(device->rp_filter_effective),
		device->rp_filter_raw);
}

static void rp_filter_explain(const struct drop_case *drop_case, struct finding *finding)
{
	const struct judge_context *context = drop_case->context;
	const struct device *device = drop_case->device;
	if (device)
		explain_device(drop_case, finding);
	if (drop_case->counted && counts_by_device(context))
		finding_explain(finding,
			"On %s %.0f packets dropped by reverse-path filtering were counted within 60 s. ",
			device->name, recent_drops(context, device->ifindex));
	else if (drop_case->counted)
		finding_explain(finding,
			"The kernel counted %llu packets dropped by reverse-path filtering within 60 s; it "
			"does not say on which device. ",
			(unsigned long long)context->now->rpfilter.drops_recent);
	if (!device)
		finding_explain(finding,
			"%s would drop packets from peers to whom this host's own route leaves by another "
			"device. No commands are given: nothing tells whether it was %s.",
			drop_case->candidates.count > 1 ? "Several devices" : "One device",
			drop_case->candidates.count > 1 ? "any of them" : "that one");
}

static void add_evidence(const struct drop_case *drop_case, struct finding *finding)
{
	const struct judge_context *context = drop_case->context;
	const struct device *device = drop_case->device;
	const struct rpfilter_counters *counters = &context->now->rpfilter;
	if (counters->known) {
		finding_add_number(finding, "drops_recent", (double)counters->drops_recent);
		finding_add_number(finding, "drops_total", (double)counters->drops);
	}
	if (device && counts_by_device(context)) {
		const struct device_drop *drop =
			facts_device_drop(context->now, device->ifindex, DROP_IP_RPFILTER);
		finding_add_number(finding, "device_drops_recent", recent_drops(context, device->ifindex));
		finding_add_number(finding, "device_drops_total", drop ? (double)drop->packets : 0);
	}
	if (device && device->rp_filter_effective != RP_FILTER_UNKNOWN) {
		finding_add_number(finding, "mode_effective", device->rp_filter_effective);
		finding_add_number(finding, "mode_raw", device->rp_filter_raw);
	}
	for (unsigned i = 0; !device && i < drop_case->candidates.count; i++)
		finding_add_item(finding, "possible_devices",
			facts_device_name(context->now, drop_case->candidates.ifindex[i]));
	describe_peers(context, drop_case->span, finding);
	describe_addresses(context, drop_case->span, finding);
}

/* Where it is the replies from one address that nothing else leads back. */
static bool put_back(const struct drop_case *drop_case, struct finding *finding)
{
	const struct judge_context *context = drop_case->context;
	const struct address *target = NULL;
	for (size_t i = 0; i < drop_case->span.count; i++) {
		size_t path = drop_case->span.paths[i];
		if (!remedy_concerns(context, path))
			continue;
		if (target && !address_equal(target, &context_service(context, path)->target))
			return false;
		target = &context_service(context, path)->target;
	}
	return target && remedy_put_back(context, target, drop_case->device->ifindex, true, finding);
}

/* Rules that lead the replies back by the device, where a way out of it is known; else loose mode. */
static void add_rules(const struct drop_case *drop_case, struct finding *finding)
{
	const struct judge_context *context = drop_case->context;
	const struct path_span *span = &drop_case->span;
	int device = drop_case->device->ifindex;
	for (size_t i = 0; i < span->count; i++) {
		if (!remedy_concerns(context, span->paths[i]))
			continue;
		const struct plan *plan =
			remedy_plan(context, &context_service(context, span->paths[i])->target, device);
		if (*plan->obstacle) {
			if (!put_back(drop_case, finding))
				remedy_refuse(plan->obstacle, finding);
			return;
		}
	}
	const struct address *last = NULL; /* paths are in the order of their targets */
	for (size_t i = 0; i < span->count; i++) {
		const struct address *target = &context_service(context, span->paths[i])->target;
		if (!remedy_concerns(context, span->paths[i]) || (last && address_equal(last, target)))
			continue;
		remedy_write_plan(context->now, remedy_plan(context, target, device), finding);
		last = target;
	}
	finding_explain(finding,
		"The commands lead replies from the addresses concerned out of %s, so that the way back is "
		"the way they came, and keep the other networks of this host reachable.",
		drop_case->device->name);
}

/* Loose mode asks only for some route back, but is strict on a device without an IPv4 address. */
static bool passes_loose(const struct drop_case *drop_case)
{
	for (size_t i = 0; i < drop_case->span.count; i++)
		if (context_path(drop_case->context, drop_case->span.paths[i])->reply.result != ROUTE_FOUND)
			return false;
	return drop_case->device->rp_filter_effective == 1;
}

static void add_loose(const struct drop_case *drop_case, struct finding *finding)
{
	if (!facts_device_address(drop_case->context->now, drop_case->device->ifindex, AF_INET, NULL)) {
		remedy_refuse("loose mode would not help, since the device has no IPv4 address", finding);
	} else if (!passes_loose(drop_case)) {
		remedy_refuse("loose mode would not let these packets pass either", finding);
	} else {
		finding_explain(finding,
			"The command makes the mode loose on %s: then any route back will do.",
			drop_case->device->name);
		remedy_write_loose(drop_case->device, finding);
	}
}

/* A way out of the device by which rules could lead the replies. */
static bool has_way_out(const struct drop_case *drop_case)
{
	for (size_t i = 0; i < drop_case->span.count; i++) {
		const struct path *path = context_path(drop_case->context, drop_case->span.paths[i]);
		if (path->arrival == drop_case->device->ifindex && path->basis != PATH_POSSIBLE &&
			remedy_concerns(drop_case->context, drop_case->span.paths[i]) &&
			(path->basis == PATH_CONNECTED || path->egress.result == ROUTE_FOUND))
			return true;
	}
	return false;
}

static void add_finding(
	const struct drop_case *drop_case, enum severity severity, struct findings *candidates)
{
	int device = drop_case->device ? drop_case->device->ifindex : 0;
	struct finding *finding =
		wire_finding(drop_case->context, &rp_filter_drops_condition, device, candidates);
	finding->severity = severity;
	rp_filter_summarise(drop_case, finding);
	rp_filter_explain(drop_case, finding);
	add_evidence(drop_case, finding);
	if (drop_case->device && has_way_out(drop_case))
		add_rules(drop_case, finding);
	else if (drop_case->device && !put_back(drop_case, finding))
		add_loose(drop_case, finding);
}

static bool asks_one_of(const struct drop_case *drop_case, const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < endpoint->example_count && i < ENDPOINT_EXAMPLES; i++)
		for (size_t j = 0; j < drop_case->span.count; j++)
			if (address_equal(&endpoint->examples[i].peer,
				    &context_path(drop_case->context, drop_case->span.paths[j])->destination))
				return true;
	return false;
}

/* This host asked one of the peers from the device's own address and got no answer: there the answers are
 * dropped. */
static bool awaits_answers(const struct drop_case *drop_case, int ifindex)
{
	const struct facts *facts = drop_case->context->now;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		if (endpoint->kind == ENDPOINT_OUT && endpoint->half_open > 0 &&
			facts_device_owns(facts, ifindex, &endpoint->address) &&
			asks_one_of(drop_case, endpoint))
			return true;
	}
	return false;
}

static void find_counted(const struct judge_context *context, size_t *paths, struct findings *candidates)
{
	struct drop_case found = {
		.context = context,
		.span = select_paths(context, 0, is_possible, paths),
		.counted = true,
	};
	for (size_t i = 0; i < found.span.count; i++)
		device_set_add(&found.candidates, context_path(context, found.span.paths[i])->arrival);
	if (found.candidates.count == 0)
		return;
	if (found.candidates.count == 1 && awaits_answers(&found, found.candidates.ifindex[0]))
		found.device = facts_device(context->now, found.candidates.ifindex[0]);
	add_finding(&found, SEVERITY_CRITICAL, candidates);
}

#define PATIENCE 4

/* A capture soon shows whose packets arrive on which device: until then a vague finding can wait. */
static bool may_be_vague(const struct judge_context *context, int device)
{
	double least = context->settings->thresholds.rp_filter_drops;
	return recent_drops(context, device) >= least * (context->now->handshakes ? PATIENCE : 1);
}

/* On each device what is predicted, or else, where they are counted by device, what drops on it may have
 * been. */
static void find_on_devices(const struct judge_context *context, size_t *paths, struct findings *candidates)
{
	for (size_t i = 0; i < context->now->device_count; i++) {
		const struct device *device = &context->now->devices[i];
		int ifindex = device->ifindex;
		struct drop_case found = {
			.context = context,
			.device = device,
			.span = select_paths(context, ifindex, is_predicted, paths),
			.counted = recent_drops(context, ifindex) >=
				   context->settings->thresholds.rp_filter_drops,
		};
		if (!found.span.count && counts_by_device(context) && may_be_vague(context, ifindex)) {
			found.span = select_paths(context, ifindex, is_possible, paths);
			found.supposed = !awaits_answers(&found, ifindex);
		}
		if (found.span.count)
			add_finding(&found, found.counted ? SEVERITY_CRITICAL : SEVERITY_WARNING, candidates);
	}
}

/* The drops on an untold device are those on the one that is told. */
static bool rp_filter_explains_itself(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	(void)context;
	return cause->device != 0 && symptom->device == 0;
}

static bool any_dropped(const struct judge_context *context)
{
	for (size_t i = 0; i < context->order_count; i++)
		if (context_path(context, context->order[i])->request.result == ROUTE_RP_FILTER ||
			context_path(context, context->order[i])->reply.result == ROUTE_RP_FILTER)
			return true;
	return false;
}

static void rp_filter_drops_find(const struct judge_context *context, struct findings *candidates)
{
	if (!any_dropped(context))
		return;
	size_t *paths = calloc(context->order_count + 1, sizeof(*paths));
	size_t before = candidates->count;
	if (!paths) {
		candidates->failed = true;
		return;
	}
	find_on_devices(context, paths, candidates);
	if (!counts_by_device(context) && candidates->count == before && may_be_vague(context, 0))
		find_counted(context, paths, candidates);
	free(paths);
}

/* Others complete on the device as well: as long as drops are counted there it is not over. */
static bool rp_filter_recovered(const struct judge_context *context, const struct finding *finding)
{
	const struct device_drop *drop = facts_device_drop(context->now, finding->device, DROP_IP_RPFILTER);
	bool dropping = counts_by_device(context) && drop && drop->risen_ns &&
			context->now->monotonic_ns - drop->risen_ns < RECOVERED_NS;
	return !dropping && recovered_at_vantage(context, finding);
}

const struct condition rp_filter_drops_condition = {
	.name = "rp_filter_drops",
	.help = "packets that arrive on a device are dropped by reverse-path filtering: predicted by "
		"lookup, or counted, by device where that is possible",
	.severity = "warning; critical if counted",
	.find = rp_filter_drops_find,
	.recovered = rp_filter_recovered,
	.explained_by = { { &rp_filter_drops_condition, rp_filter_explains_itself } },
};
