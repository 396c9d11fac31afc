// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel would do with the packets of each path. The reply is asked for with every mark that a
 * rule knows: where the answers differ nobody can know from configuration which one the kernel will take, and
 * the path says so, unless nobody sets marks on its way. Whether source validation lets the request in
 * follows from the reverse lookup
 * (__fib_validate_source); the input lookup, which is the kernel's own word but bumps host-wide counters when
 * it fails, confirms it.
 */
#include <errno.h>
#include <netinet/in.h>

#include "collectors/route/reply_paths.h"
#include "collectors/route/service.h"

/* ---- where replies go ---- */

/* The kernel makes no lookups for other protocols; only rules that select by protocol could tell the
 * difference. */
static uint8_t askable_protocol(uint8_t protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6
		       ? protocol
		       : IPPROTO_TCP;
}

static struct route_query reply_query(const struct facts *facts, const struct path *path)
{
	const struct service *service = &facts->services[path->service];
	struct route_query query = {
		.destination = path->destination,
		.source = service->target,
		.protocol = askable_protocol(path->protocol),
		.source_port = path->target_port,
		.destination_port = path->peer_port,
	};
	if (!service->target_local) {
		query.iif = service->target_ifindex;
		return query;
	}
	const struct listener *listener = service_listener(facts, service, path->arrival, path->target_port);
	if (listener) {
		query.uid = listener->uid;
		query.oif = listener->ifindex;
	}
	/* The socket of a connection that came by a VRF is bound to it. */
	if (!query.oif)
		query.oif = facts_vrf(facts, path->arrival);
	return query;
}

static bool can_ask_reply(const struct facts *facts, const struct path *path)
{
	const struct service *service = &facts->services[path->service];
	return service->target_local || service->target_ifindex;
}

static void ask_reply(struct reply_paths *replies, size_t number)
{
	const struct path *path = &replies->facts->paths[number];
	unsigned family = family_index(path->destination.family), marks = replies->mark_count[family];
	if (!can_ask_reply(replies->facts, path))
		return;
	struct route_query query = reply_query(replies->facts, path);
	lookup_queue(replies, &query);
	/* Marks matter only where a rule looks at them. */
	for (unsigned m = 0; m < marks; m++) {
		query.mark = replies->marks[family][m];
		lookup_queue(replies, &query);
	}
	query.mark = path->mark;
	if (marks && path->mark)
		lookup_queue(replies, &query);
}

static bool same_answer(const struct route_answer *a, const struct route_answer *b)
{
	return a->result == b->result && a->devices.more == b->devices.more &&
	       device_set_equal(&a->devices, &b->devices);
}

static void note_reply(
	struct reply_paths *replies, size_t number, const struct route_answer *answers, size_t count)
{
	struct path *path = &replies->facts->paths[number];
	const struct service *service = &replies->facts->services[path->service];
	const struct device *from = facts_device(replies->facts, service->target_ifindex);
	bool unmarked = replies->facts->answers_unmarked && service->target_local &&
			askable_protocol(path->protocol) == IPPROTO_TCP;
	path->reply = answers[0];
	path->mark = 0;
	for (size_t m = 1; m < count; m++)
		if (!same_answer(&answers[0], &answers[m]))
			path->request_mark_decides = true;
	path->mark_decides = path->request_mark_decides && !unmarked;
	/* A forwarded lookup on a device with forwarding off fails as if there were no route. */
	bool none = path->reply.result == ROUTE_NONE || path->reply.result == ROUTE_UNREACHABLE;
	if (none && path->reply.error == EHOSTUNREACH && !service->target_local &&
		service->target.family == AF_INET && !(from && from->forwarding4))
		path->reply.result = ROUTE_NOT_FORWARDED;
}

/* What source validation says to a request that comes by the device. */
static enum route_result source_verdict(
	const struct facts *facts, int ifindex, const struct route_answer *reverse)
{
	return lookup_source_verdict(
		facts_device(facts, ifindex), facts_device_address(facts, ifindex, AF_INET, NULL), reverse);
}

/* A forwarded reply that fails with EXDEV or EINVAL met source validation on the device it comes from, or a
 * blackhole route: its own reverse lookup tells. */
static void ask_failed_reply(struct reply_paths *replies, size_t number)
{
	const struct facts *facts = replies->facts;
	const struct path *path = &facts->paths[number];
	const struct service *service = &facts->services[path->service];
	if (path->reply.result != ROUTE_FAILED || service->target_local ||
		!facts_device(facts, service->target_ifindex) ||
		(path->reply.error != EINVAL && path->reply.error != EXDEV))
		return;
	struct route_query forward = reply_query(facts, path);
	struct route_query reverse = lookup_reverse(&forward, path->arrival, false);
	lookup_queue(replies, &reverse);
}

static void note_failed_reply(
	struct reply_paths *replies, size_t number, const struct route_answer *reverse, size_t count)
{
	(void)count;
	const struct facts *facts = replies->facts;
	struct path *path = &facts->paths[number];
	enum route_result verdict = ROUTE_FOUND;
	if (path->destination.family == AF_INET)
		verdict = source_verdict(facts, facts->services[path->service].target_ifindex, reverse);
	path->reply.result = verdict == ROUTE_FOUND ? ROUTE_BLACKHOLE : verdict;
}

/* ---- whether requests come in ---- */

static struct route_query request_query(const struct facts *facts, const struct path *path)
{
	return (struct route_query){
		.destination = facts->services[path->service].target,
		.source = path->destination,
		.iif = path->arrival,
		.protocol = askable_protocol(path->protocol),
		.source_port = path->peer_port,
		.destination_port = path->target_port,
	};
}

/* Source validation uses mark 0 unless src_valid_mark is set; with it, the mark of the request counts, and
 * that is not known where marks decide. */
static bool can_ask_request(const struct facts *facts, const struct path *path)
{
	const struct device *device = facts_device(facts, path->arrival);
	return device && can_ask_reply(facts, path) &&
	       !(path->request_mark_decides && device->src_valid_mark);
}

/* Source validation decides only where rp_filter is on, which IPv6 does not have. */
static void ask_reverse(struct reply_paths *replies, size_t number)
{
	const struct facts *facts = replies->facts;
	const struct path *path = &facts->paths[number];
	const struct service *service = &facts->services[path->service];
	if (!can_ask_request(facts, path) || path->destination.family != AF_INET ||
		facts_device(facts, path->arrival)->rp_filter_effective <= 0)
		return;
	struct route_query forward = request_query(facts, path);
	struct route_query reverse =
		lookup_reverse(&forward, service->target_local ? 0 : service->target_ifindex, false);
	if (!reverse.iif)
		reverse.oif = facts_vrf(facts, path->arrival);
	lookup_queue(replies, &reverse);
}

static void note_reverse(
	struct reply_paths *replies, size_t number, const struct route_answer *reverse, size_t count)
{
	(void)count;
	struct path *path = &replies->facts->paths[number];
	enum route_result verdict = source_verdict(replies->facts, path->arrival, reverse);
	if (verdict == ROUTE_RP_FILTER || verdict == ROUTE_MARTIAN)
		path->request.result = verdict;
}

/* A lookup that is known to fail is made only while the allowance lasts. */
static void ask_request(struct reply_paths *replies, size_t number)
{
	const struct path *path = &replies->facts->paths[number];
	bool fails = path->request.result != ROUTE_NOT_ASKED;
	if (!can_ask_request(replies->facts, path) || (fails && *replies->failing_left == 0))
		return;
	*replies->failing_left -= fails;
	struct route_query query = request_query(replies->facts, path);
	lookup_queue(replies, &query);
}

/* The kernel's word stands above the derived one. Where it fails with EXDEV or EINVAL it does not say why:
 * the reverse lookup has told. */
static void note_request(
	struct reply_paths *replies, size_t number, const struct route_answer *answer, size_t count)
{
	(void)count;
	struct path *path = &replies->facts->paths[number];
	bool derived = path->request.result != ROUTE_NOT_ASKED;
	if (answer->result == ROUTE_FAILED && derived)
		path->request.error = answer->error;
	else
		path->request = *answer;
	path->request_confirmed = true;
}

void reply_lookups(struct reply_paths *replies)
{
	size_t count = replies->facts->path_count;
	lookup_round(replies, count, ask_reply, note_reply);
	lookup_round(replies, count, ask_failed_reply, note_failed_reply);
	lookup_round(replies, count, ask_reverse, note_reverse);
	lookup_round(replies, count, ask_request, note_request);
}
