// SPDX-License-Identifier: GPL-2.0-or-later
/* reply_ignored and reply_from_other_address: what comes of this host's own questions. */

#include "alerts/condition/conditions.h"
#include "alerts/recovered.h"
#include "alerts/wire.h"

#define ECHO_RECENT_NS (60 * INT64_C(1000000000))

/* ---- reply_ignored ---- */

/* The SYN-ACK left again, translated: for whoever asked through this host. */
static bool is_passed_on(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	const struct handshake_report *report = context->now->handshakes;
	if (suspect->synack.out || (suspect->joined && suspect->other_synack.out))
		return true;
	for (size_t i = 0; i < report->suspect_count; i++) {
		const struct handshake_suspect *other = &report->suspects[i];
		if (other != suspect && other->sequence == suspect->sequence && other->synack.out)
			return true;
	}
	return false;
}

/* Its client is this host, or asks through it. */
static bool is_ignored(const struct judge_context *context, const struct handshake_suspect *suspect)
{
	return suspect->sign == SIGN_REPLY_IGNORED && suspect->synack.in > 0 && !suspect->acknowledged &&
	       wire_is_often(context, suspect->repeats) &&
	       (wire_is_local(context, &suspect->client) || (suspect->joined && suspect->other_syn.in)) &&
	       !is_passed_on(context, suspect);
}

/* The answer was seen, and source validation drops it. */
static bool is_filtered(const struct judge_context *context, const struct path *path)
{
	return path->basis == PATH_SEEN && path->answers && path->request.result == ROUTE_RP_FILTER &&
	       path->service < context->now->service_count && facts_device(context->now, path->arrival);
}

static void add_answerers(const struct judge_context *context, const struct wire_observation *observation,
	struct finding *finding)
{
	for (unsigned i = 0; i < observation->suspect_count; i++)
		finding_add_address(finding, "answers_from", &observation->suspects[i]->server);
	for (size_t i = 0; i < context->now->path_count; i++)
		if (context->now->paths[i].arrival == finding->device &&
			is_filtered(context, &context->now->paths[i]))
			finding_add_address(finding, "answers_from", &context->now->paths[i].destination);
}

static void add_ignored(const struct judge_context *context, int device, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	struct wire_observation observation = { 0 };
	struct finding *finding = wire_finding(context, &reply_ignored_condition, device, candidates);
	for (size_t i = 0; i < report->suspect_count; i++)
		if (report->suspects[i].synack.in == device && is_ignored(context, &report->suspects[i]))
			wire_add_suspect(&observation, &report->suspects[i]);
	bool repeated = observation.suspect_count > 0;
	/* Where rp_filter is on it is the likeliest cause, and lookups for the peers just seen come a
	 * judgement later: the symptom does not open alone before. */
	const struct device *known = facts_device(context->now, device);
	finding->held = repeated && !(known && known->rp_filter_effective > 0);
	finding_summarise(
		finding, "answers that arrive on %s are dropped by this host itself", finding->device_name);
	finding_explain(finding,
		"%s A capture sees packets before reverse-path filtering and the firewall do: what "
		"arrives and is not heard was dropped in between. If no rp_filter_drops is found on "
		"%s, look for a rule of the firewall's that drops answers there.",
		repeated ? "The SYN-ACK arrives, and this host sends its SYN again and again."
			 : "Answers arrive from peers that reverse-path filtering rejects there.",
		finding->device_name);
	add_answerers(context, &observation, finding);
	wire_describe_suspects(&observation, finding);
}

/* The answers that are ignored come from the device behind which the cause's target lives. */
static bool no_route_explains_ignored(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	for (size_t i = 0; i < context->now->service_count; i++) {
		const struct service *service = &context->now->services[i];
		if (symptom->device && service->target_ifindex == symptom->device &&
			address_equal(&service->address, &cause->address) &&
			address_equal(&service->target, &cause->target))
			return true;
	}
	return false;
}

static void reply_ignored_find(const struct judge_context *context, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	struct device_set devices = { 0 };
	if (!report)
		return;
	for (size_t i = 0; i < report->suspect_count; i++)
		if (is_ignored(context, &report->suspects[i]))
			device_set_add(&devices, report->suspects[i].synack.in);
	for (size_t i = 0; i < context->now->path_count; i++)
		if (is_filtered(context, &context->now->paths[i]))
			device_set_add(&devices, context->now->paths[i].arrival);
	for (unsigned i = 0; i < devices.count; i++)
		add_ignored(context, devices.ifindex[i], candidates);
}

/* ---- reply_from_other_address ---- */

/* An answer that came from elsewhere, by TCP or echo. */
struct stray {
	int device;
	const struct address *asked, *answerer;
	const struct handshake_suspect *suspect; /* NULL: echo */
};

/* Asked by this host itself: between others, a gateway may see either side of a translation. */
static bool tcp_stray(
	const struct judge_context *context, const struct handshake_suspect *suspect, struct stray *out)
{
	if (suspect->sign != SIGN_OTHER_ADDRESS || suspect->other_syn.in || suspect->synack.out ||
		!wire_is_local(context, &suspect->client) ||
		address_equal(&suspect->server, &suspect->other_server))
		return false;
	*out = (struct stray){ .device = suspect->other_syn.out,
		.asked = &suspect->other_server,
		.answerer = &suspect->server,
		.suspect = suspect };
	return true;
}

/* The last or the first address of one of this host's networks: everyone there may answer. */
static bool is_shared(const struct judge_context *context, const struct address *asked)
{
	static const uint8_t all_ones[16] = { 255, 255, 255, 255 };
	struct address broadcast = address_make(AF_INET, all_ones);
	if (address_is_multicast(asked) || address_equal(asked, &broadcast))
		return true;
	for (size_t i = 0; i < context->now->address_count; i++) {
		struct prefix prefix = context->now->addresses[i].prefix;
		size_t bits = address_size(asked->family) * 8;
		if (!prefix_contains(&prefix, asked) || prefix.length >= bits - 1)
			continue;
		struct address last = prefix_network(&prefix).address;
		if (address_equal(asked, &last))
			return true;
		for (size_t bit = prefix.length; bit < bits; bit++)
			last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		if (address_equal(asked, &last))
			return true;
	}
	return false;
}

static bool echo_stray(
	const struct judge_context *context, const struct echo_suspect *echo, struct stray *out)
{
	if (context->now->time_ns - echo->time_ns >= ECHO_RECENT_NS || echo->direction == DIRECTION_IN ||
		!wire_is_local(context, &echo->asker) || is_shared(context, &echo->asked))
		return false;
	*out = (struct stray){ .device = echo->device, .asked = &echo->asked, .answerer = &echo->answerer };
	return true;
}

/* The TCP ones first. */
static bool next_stray(const struct judge_context *context, size_t *at, struct stray *out)
{
	const struct handshake_report *report = context->now->handshakes;
	while (*at < report->suspect_count + report->echo_suspect_count) {
		size_t i = (*at)++;
		if (i < report->suspect_count
				? tcp_stray(context, &report->suspects[i], out)
				: echo_stray(context, &report->echo_suspects[i - report->suspect_count], out))
			return true;
	}
	return false;
}

static void add_strays(const struct judge_context *context, struct finding *finding)
{
	struct wire_observation observation = { 0 };
	struct stray stray;
	double pings = 0;
	for (size_t at = 0; next_stray(context, &at, &stray);) {
		if (stray.device != finding->device || !address_equal(stray.asked, &finding->address))
			continue;
		finding_add_address(finding, "answers_from", stray.answerer);
		if (stray.suspect)
			wire_add_suspect(&observation, stray.suspect);
		else
			pings++;
	}
	finding_add_number(finding, "pings", pings);
	wire_describe_suspects(&observation, finding);
}

static void add_stray(
	const struct judge_context *context, const struct stray *stray, struct findings *candidates)
{
	char asked[ADDRESS_TEXT_SIZE], answerer[ADDRESS_TEXT_SIZE];
	struct finding *finding =
		wire_finding(context, &reply_from_other_address_condition, stray->device, candidates);
	wire_set_address(context, stray->asked, 0, finding);
	address_format(stray->asked, asked);
	address_format(stray->answerer, answerer);
	finding_summarise(finding, "what is asked of %s is answered by %s", asked, answerer);
	finding_explain(finding,
		"Requests to %s leave by %s, and the answers to them carry %s as their source, so "
		"nobody here takes them for answers. The fault is not on this host: somewhere on the "
		"way back a NAT box changes the source of replies whose requests it has not seen. "
		"Look at %s's own route back to this host, and at the box that has the address %s.",
		asked, finding->device_name, answerer, asked, answerer);
	add_strays(context, finding);
}

static void reply_from_other_address_find(const struct judge_context *context, struct findings *candidates)
{
	struct stray stray;
	for (size_t at = 0; context->now->handshakes && next_stray(context, &at, &stray);)
		if (!findings_about(
			    candidates, &reply_from_other_address_condition, stray.device, stray.asked, NULL))
			add_stray(context, &stray, candidates);
}

const struct condition reply_ignored_condition = {
	.name = "reply_ignored",
	.help = "answers to this host arrive on a device, and it repeats its SYN as if they had not, or "
		"reverse-path filtering is known to reject them",
	.severity = "critical",
	.find = reply_ignored_find,
	.recovered = recovered_at_vantage,
	.explained_by = {
		{ &rp_filter_drops_condition, explains_on_device },
		{ &no_reply_route_condition, no_route_explains_ignored },
	},
};

const struct condition reply_from_other_address_condition = {
	.name = "reply_from_other_address",
	.help = "what this host asks of one address, by TCP or ping, is answered by another",
	.severity = "critical",
	.any_target = true,
	.find = reply_from_other_address_find,
	.recovered = recovered_in_answers,
};
