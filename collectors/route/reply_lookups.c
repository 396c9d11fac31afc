// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel would do with the packets of each path. The reply is asked for with every mark that could
 * be on it: where the answers differ nobody can know from configuration which one the kernel will take, and
 * the path says so. Whether source validation lets the request in follows from the reverse lookup
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

static struct route_query reply_query(const struct facts *facts, const struct path *path, uint32_t mark)
{
	const struct service *service = &facts->services[path->service];
	struct route_query query = {
		.destination = path->destination,
		.source = service->target,
		.mark = mark,
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

/* Marks matter only where a rule looks at them. */
static unsigned candidate_marks(
	const struct reply_paths *replies, const struct path *path, uint32_t marks[static ROUTE_MARKS + 2])
{
	unsigned family = family_index(path->destination.family);
	unsigned count = 0;
	marks[count++] = 0;
	for (unsigned i = 0; i < replies->mark_count[family]; i++)
		marks[count++] = replies->marks[family][i];
	if (replies->mark_count[family] && path->mark)
		marks[count++] = path->mark;
	return count;
}

static int ask_reply(struct reply_paths *replies, struct queued_lookups *queue, const struct path *path)
{
	uint32_t marks[ROUTE_MARKS + 2];
	if (!can_ask_reply(replies->facts, path))
		return 0;
	unsigned count = candidate_marks(replies, path, marks);
	for (unsigned m = 0; m < count; m++) {
		struct route_query query = reply_query(replies->facts, path, marks[m]);
		if (!lookup_queue(queue, &query))
			return -ENOMEM;
	}
	return 0;
}

static bool same_answer(const struct route_answer *a, const struct route_answer *b)
{
	return a->result == b->result && a->devices.more == b->devices.more &&
	       device_set_equal(&a->devices, &b->devices);
}

static bool forwards(const struct facts *facts, int ifindex)
{
	const struct device *device = facts_device(facts, ifindex);
	return device && device->forwarding4;
}

/* A forwarded lookup on a device with forwarding off fails as if there were no route. */
static void name_forwarding(const struct facts *facts, const struct path *path, struct route_answer *answer)
{
	const struct service *service = &facts->services[path->service];
	bool none = answer->result == ROUTE_NONE || answer->result == ROUTE_UNREACHABLE;
	if (none && answer->error == EHOSTUNREACH && !service->target_local &&
		service->target.family == AF_INET && !forwards(facts, service->target_ifindex))
		answer->result = ROUTE_NOT_FORWARDED;
}

static size_t note_reply(
	struct reply_paths *replies, const struct queued_lookups *queue, struct path *path, size_t at)
{
	uint32_t marks[ROUTE_MARKS + 2];
	if (!can_ask_reply(replies->facts, path))
		return at;
	unsigned count = candidate_marks(replies, path, marks);
	path->reply = queue->answers[at];
	path->mark = 0;
	for (unsigned m = 1; m < count; m++)
		if (!same_answer(&queue->answers[at], &queue->answers[at + m]))
			path->mark_decides = true;
	name_forwarding(replies->facts, path, &path->reply);
	return at + count;
}

static int look_up_replies(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct queued_lookups queue = { 0 };
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		result = ask_reply(replies, &queue, &facts->paths[i]);
	if (result == 0)
		result = lookup_flush(replies, &queue);
	size_t at = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		at = note_reply(replies, &queue, &facts->paths[i], at);
	queued_lookups_clear(&queue);
	return result;
}

static bool has_ipv4(const struct facts *facts, int ifindex)
{
	return facts_device_address(facts, ifindex, AF_INET, NULL);
}

/* A forwarded reply that fails with EXDEV or EINVAL met source validation on the device it comes from, or a
 * blackhole route: its own reverse lookup tells. */
static bool is_ambiguous(const struct facts *facts, const struct path *path)
{
	return path->reply.result == ROUTE_FAILED && !facts->services[path->service].target_local &&
	       facts_device(facts, facts->services[path->service].target_ifindex) &&
	       (path->reply.error == EINVAL || path->reply.error == EXDEV);
}

static void note_failed_reply(
	const struct facts *facts, struct path *path, const struct route_answer *reverse)
{
	const struct device *device = facts_device(facts, facts->services[path->service].target_ifindex);
	enum route_result verdict = ROUTE_FOUND;
	if (path->destination.family == AF_INET)
		verdict = lookup_source_verdict(device, has_ipv4(facts, device->ifindex), reverse);
	path->reply.result = verdict == ROUTE_FOUND ? ROUTE_BLACKHOLE : verdict;
}

static int look_up_failed_replies(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct queued_lookups queue = { 0 };
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++) {
		if (!is_ambiguous(facts, &facts->paths[i]))
			continue;
		struct route_query forward = reply_query(facts, &facts->paths[i], 0);
		struct route_query reverse = lookup_reverse(&forward, facts->paths[i].arrival, false);
		if (!lookup_queue(&queue, &reverse))
			result = -ENOMEM;
	}
	if (result == 0)
		result = lookup_flush(replies, &queue);
	size_t at = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		if (is_ambiguous(facts, &facts->paths[i]))
			note_failed_reply(facts, &facts->paths[i], &queue.answers[at++]);
	queued_lookups_clear(&queue);
	return result;
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
	return device && can_ask_reply(facts, path) && !(path->mark_decides && device->src_valid_mark);
}

/* Source validation decides only where rp_filter is on, which IPv6 does not have. */
static bool needs_reverse(const struct facts *facts, const struct path *path)
{
	return can_ask_request(facts, path) && path->destination.family == AF_INET &&
	       facts_device(facts, path->arrival)->rp_filter_effective > 0;
}

static int ask_reverse(struct reply_paths *replies, struct queued_lookups *queue, const struct path *path)
{
	const struct service *service = &replies->facts->services[path->service];
	if (!needs_reverse(replies->facts, path))
		return 0;
	struct route_query forward = request_query(replies->facts, path);
	struct route_query reverse =
		lookup_reverse(&forward, service->target_local ? 0 : service->target_ifindex, false);
	if (!reverse.iif)
		reverse.oif = facts_vrf(replies->facts, path->arrival);
	return lookup_queue(queue, &reverse) ? 0 : -ENOMEM;
}

static void note_reverse(const struct facts *facts, struct path *path, const struct route_answer *reverse)
{
	const struct device *device = facts_device(facts, path->arrival);
	enum route_result verdict = lookup_source_verdict(device, has_ipv4(facts, path->arrival), reverse);
	if (verdict == ROUTE_RP_FILTER || verdict == ROUTE_MARTIAN)
		path->request.result = verdict;
}

static int look_up_reverse(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct queued_lookups queue = { 0 };
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		result = ask_reverse(replies, &queue, &facts->paths[i]);
	if (result == 0)
		result = lookup_flush(replies, &queue);
	size_t at = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		if (needs_reverse(facts, &facts->paths[i]))
			note_reverse(facts, &facts->paths[i], &queue.answers[at++]);
	queued_lookups_clear(&queue);
	return result;
}

/* A lookup that is known to fail is made only while the allowance lasts. */
static bool wants_request(const struct reply_paths *replies, const struct path *path, unsigned *failing)
{
	if (!can_ask_request(replies->facts, path))
		return false;
	if (path->request.result == ROUTE_NOT_ASKED)
		return true;
	if (*failing == 0)
		return false;
	(*failing)--;
	return true;
}

/* The kernel's word stands above the derived one. Where it fails with EXDEV or EINVAL it does not say why:
 * the reverse lookup has told. */
static void note_request(struct path *path, const struct route_answer *answer)
{
	bool derived = path->request.result != ROUTE_NOT_ASKED;
	if (answer->result == ROUTE_FAILED && derived) {
		path->request.error = answer->error;
		path->request_confirmed = true;
		return;
	}
	path->request = *answer;
	path->request_confirmed = true;
}

static int look_up_requests(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct queued_lookups queue = { 0 };
	unsigned failing = *replies->failing_left;
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++) {
		struct route_query query = request_query(facts, &facts->paths[i]);
		if (wants_request(replies, &facts->paths[i], &failing) && !lookup_queue(&queue, &query))
			result = -ENOMEM;
	}
	if (result == 0)
		result = lookup_flush(replies, &queue);
	size_t at = 0;
	for (size_t i = 0; result == 0 && i < facts->path_count; i++)
		if (wants_request(replies, &facts->paths[i], replies->failing_left))
			note_request(&facts->paths[i], &queue.answers[at++]);
	queued_lookups_clear(&queue);
	return result;
}

int reply_lookups(struct reply_paths *replies)
{
	int result = look_up_replies(replies);
	if (result == 0)
		result = look_up_failed_replies(replies);
	if (result == 0)
		result = look_up_reverse(replies);
	if (result == 0)
		result = look_up_requests(replies);
	return result;
}
