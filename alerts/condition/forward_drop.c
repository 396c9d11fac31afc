// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward_drop: requests for a translated service come in, are repeated, do not leave, and nobody answers. A
 * scanned port of a firewall shows the same, so the service must be known to be translated: by a rule, by
 * earlier connections, or by a trace. A request that was let through makes a conntrack entry behind all
 * rules: then its target is down, or its answer is lost, and this host is not at fault.
 */
#include "alerts/condition/forward_drop.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/describe.h"
#include "alerts/recovered.h"
#include "alerts/verdict.h"
#include "alerts/wire.h"
#include "collectors/firewall/translation.h"

#define ENDPOINT_TEXT_SIZE (ADDRESS_TEXT_SIZE + 16)
#define CHAIN_SIZE         600

/* So long the finding waits for the trace that is under way. */
#define TRACE_WAIT_NS (5 * INT64_C(1000000000))

/* Requests for a translated service that come in and get no further. */
struct forward_drop {
	const struct unanswered_service *unanswered;
	const struct trace *trace; /* what became of one of them, or NULL */
	struct translation translation;
	struct address target; /* the address itself if it is not known */
	uint16_t target_port;  /* 0: not known */
};

static const char *endpoint_text(
	const struct address *address, uint16_t port, char text[static ENDPOINT_TEXT_SIZE])
{
	char formatted[ADDRESS_TEXT_SIZE];
	address_format(address, formatted);
	if (port)
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s port %u", formatted, port);
	else
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s", formatted);
	return text;
}

/* "ip filter forward" */
static const char *chain_text(const struct trace *trace, char text[static CHAIN_SIZE])
{
	snprintf(text, CHAIN_SIZE, "%s%s %s %s", trace_family_name(trace->table_family),
		trace->legacy ? "tables-legacy" : "", trace->table, trace->chain);
	return text;
}

/* ---- summary ---- */

static void forward_drop_summarise(const struct forward_drop *drop, struct finding *finding)
{
	char service[ENDPOINT_TEXT_SIZE], chain[CHAIN_SIZE];
	const struct trace *trace = drop->trace;
	const char *device = finding->device_name;
	endpoint_text(&drop->unanswered->server, drop->unanswered->port, service);
	if (trace && trace->end == TRACE_RULE)
		finding_summarise(finding,
			"requests for %s that come in on %s are dropped by rule %llu of chain %s", service,
			device, (unsigned long long)trace->handle, chain_text(trace, chain));
	else if (trace && trace->end == TRACE_POLICY)
		finding_summarise(finding,
			"requests for %s that come in on %s are dropped by the policy of chain %s", service,
			device, chain_text(trace, chain));
	else
		finding_summarise(finding,
			"requests for %s that come in on %s are translated, but do not get through this host",
			service, device);
}

/* ---- explanation ---- */

static void explain_translation(const struct forward_drop *drop, struct finding *finding)
{
	char service[ENDPOINT_TEXT_SIZE], target[ENDPOINT_TEXT_SIZE] = "";
	bool known = drop->target_port || !address_equal(&drop->target, &drop->unanswered->server);
	if (known)
		endpoint_text(&drop->target, drop->target_port, target);
	finding_explain(finding,
		"%sRequests for %s come in by %s and are translated%s%s. Clients repeat them, nobody answers, "
		"and they are not seen leaving. ",
		finding->explanation ? " " : "",
		endpoint_text(&drop->unanswered->server, drop->unanswered->port, service),
		finding->device_name, known ? " to " : "", target);
}

static void explain_dropped(const struct trace *trace, struct finding *finding)
{
	char chain[CHAIN_SIZE];
	const char *what = trace->map ? "map" : "set";
	chain_text(trace, chain);
	if (trace->end == TRACE_POLICY)
		finding_explain(finding,
			trace->read ? "So the rules read: no rule of chain %s lets it pass, and the chain's "
				      "policy drops it."
				    : "One was traced: no rule of chain %s let it pass, and the chain's "
				      "policy dropped it.",
			chain);
	else
		finding_explain(finding,
			trace->read ? "So the rules read: rule %llu of chain %s drops it%s%s."
				    : "One was traced: rule %llu of chain %s dropped it%s%s.",
			(unsigned long long)trace->handle, chain, trace->rule ? ": " : "",
			trace->rule ? trace->rule : "");
	if (trace->set && !trace->element)
		finding_explain(finding, " It would have passed if it were in the %s %s.", what, trace->set);
	else if (trace->set)
		finding_explain(finding, " It would have passed if %s were in the %s %s, which it is not.",
			trace->element, what, trace->set);
	finding_explain(finding,
		" Whether it may pass is a matter of policy: the command that would admit it "
		"was not checked.");
}

static void explain_vanished(const struct trace *trace, struct finding *finding)
{
	const char *why = describe_failure(trace->route.result);
	if (trace->place == TRACE_ROUTING)
		finding_explain(finding,
			"One was traced: no rule dropped it, and it was gone before it was routed%s%s.",
			why ? ": by a lookup, " : "", why ? why : "");
	else
		finding_explain(finding,
			"One was traced: no rule of nftables dropped it, and it was gone in %s: what drops "
			"there is not traced (rules of iptables-legacy, another kernel module).",
			trace_place_name(trace->place));
}

static void explain_unknown(const struct trace *trace, struct finding *finding)
{
	char chain[CHAIN_SIZE], rule[32] = "the policy";
	if (trace->handle)
		snprintf(rule, sizeof(rule), "rule %llu", (unsigned long long)trace->handle);
	finding_explain(finding,
		" Reading the rules does not tell which: whether %s of chain %s takes them cannot be "
		"followed%s%s%s.",
		rule, chain_text(trace, chain), trace->reason ? " (" : "", trace->reason ? trace->reason : "",
		trace->reason ? ")" : "");
}

/* What cannot be traced here is not recommended. */
static void explain_untraced(const struct forward_drop *drop, bool traceable, struct finding *finding)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
	const struct unanswered_service *unanswered = drop->unanswered;
	bool six = unanswered->server.family == AF_INET6;
	finding_explain(finding, "A rule drops them, or reverse-path filtering, or there is no route.");
	if (drop->trace)
		explain_unknown(drop->trace, finding);
	if (!traceable)
		return;
	finding_explain(finding,
		" `oneway explain %s "
		"%s%s%s:%u --trace` names it when the next request comes, and so does oneway_exporter with "
		"--collector.nftrace.",
		address_format(&unanswered->client, client), six ? "[" : "",
		address_format(&unanswered->server, service), six ? "]" : "", unanswered->port);
}

static void explain_trace(const struct trace *trace, struct finding *finding)
{
	if (trace_is_dropped(trace))
		explain_dropped(trace, finding);
	else if (trace->end == TRACE_QUEUED)
		finding_explain(finding,
			"One was traced: rule %llu of chain %s in table %s handed it to a program, which did "
			"not let it go on.",
			(unsigned long long)trace->handle, trace->chain, trace->table);
	else
		explain_vanished(trace, finding);
}

/* ---- evidence ---- */

static void add_trace(const struct trace *trace, struct finding *finding)
{
	finding_add_evidence(
		finding, trace->read ? "reading_end" : "trace_end", "%s", trace_end_name(trace->end));
	if (trace->end == TRACE_VANISHED)
		finding_add_evidence(finding, "trace_place", "%s", trace_place_name(trace->place));
	if (!trace->table)
		return;
	finding_add_evidence(finding, "table", "%s %s", trace_family_name(trace->table_family), trace->table);
	finding_add_evidence(finding, "chain", "%s", trace->chain);
	if (trace->handle)
		finding_add_number(finding, "handle", (double)trace->handle);
	if (trace->rule)
		finding_add_evidence(finding, "rule", "%s", trace->rule);
	if (trace->set)
		finding_add_evidence(finding, "set", "%s", trace->set);
	if (trace->element)
		finding_add_evidence(finding, "missing_element", "%s", trace->element);
}

/* What was dropped on the arrival device meanwhile, but not by a rule. */
static void add_counted(const struct facts *facts, const struct trace *trace, struct finding *finding)
{
	for (int reason = 0; reason < DROP_REASONS; reason++) {
		const struct device_drop *drop =
			facts_device_drop(facts, trace->arrival, (enum drop_reason)reason);
		if (!drop || drop->recent == 0 || reason == DROP_NETFILTER_DROP)
			continue;
		const char *name = drop_reason_name(drop->reason);
		finding_explain(finding,
			" On %s %llu packets were counted that were dropped within 60 s as %s.",
			finding->device_name, (unsigned long long)drop->recent, name);
		finding_add_item(finding, "drop_reasons", name);
	}
}

/* ---- remedy ---- */

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* Names that neither a shell nor nft takes for anything else. */
static bool is_plain(const char *name)
{
	return name && *name && *name != '-' && name[strspn(name, PLAIN)] == '\0';
}

/* Before the rule that drops it, or behind all others if the policy does. */
static void admit_by_iptables(const struct trace *trace, const char *target, struct finding *finding)
{
	const char *command = trace->table_family == NFPROTO_IPV6 ? "ip6tables" : "iptables";
	char number[16] = "";
	bool policy = trace->end == TRACE_POLICY;
	unsigned at = trace->legacy ? (unsigned)trace->handle : trace->number;
	if (!policy)
		snprintf(number, sizeof(number), " %u", at ? at : 1);
	finding_add_remedy(finding, "%s-%s -t %s %s %s%s -d %s -p tcp --dport %u -j ACCEPT", command,
		trace->legacy ? "legacy" : "nft", trace->table, policy ? "-A" : "-I", trace->chain, number,
		target, trace->target_port);
}

static void admit_by_rule(const struct trace *trace, const char *target, struct finding *finding)
{
	const char *family = trace_family_name(trace->table_family);
	const char *ip = trace->target.family == AF_INET6 ? "ip6" : "ip";
	if (trace->end == TRACE_POLICY)
		finding_add_remedy(finding, "nft add rule %s %s %s %s daddr %s tcp dport %u accept", family,
			trace->table, trace->chain, ip, target, trace->target_port);
	else
		finding_add_remedy(finding,
			"nft insert rule %s %s %s position %llu %s daddr %s tcp dport %u accept", family,
			trace->table, trace->chain, (unsigned long long)trace->handle, ip, target,
			trace->target_port);
}

static void forward_drop_admit(const struct trace *trace, struct finding *finding)
{
	char target[ADDRESS_TEXT_SIZE];
	bool routed = trace->table_family == NFPROTO_INET || trace->table_family == NFPROTO_IPV4 ||
		      trace->table_family == NFPROTO_IPV6;
	if (!trace_is_dropped(trace) || !routed || !is_plain(trace->table) || !is_plain(trace->chain))
		return;
	address_format(&trace->target, target);
	if (is_plain(trace->set) && trace->element && !trace->element[strspn(trace->element, PLAIN ": ")])
		finding_add_remedy(finding, "nft add element %s %s %s { %s%s }",
			trace_family_name(trace->table_family), trace->table, trace->set, trace->element,
			trace->map ? " : accept" : "");
	else if (trace->iptables || trace->legacy)
		admit_by_iptables(trace, target, finding);
	else
		admit_by_rule(trace, target, finding);
}

/* Adds to them if the finding has some of another port already. */
static void forward_drop_describe(
	const struct facts *facts, const struct forward_drop *drop, struct finding *finding)
{
	char text[8];
	bool first = finding->explanation == NULL;
	if (first)
		forward_drop_summarise(drop, finding);
	explain_translation(drop, finding);
	if (drop->trace && drop->trace->end != TRACE_UNKNOWN)
		explain_trace(drop->trace, finding);
	else
		explain_untraced(drop, facts->owner_tables, finding);
	if (finding->intended && first)
		finding_explain(finding, " This is declared as intended.");
	finding_add_handshake(finding, drop->unanswered->id);
	finding_add_address(finding, "peers", &drop->unanswered->client);
	snprintf(text, sizeof(text), "%u", drop->unanswered->port);
	finding_add_distinct(finding, "ports", text);
	if (first)
		finding_add_number(finding, "repeats", drop->unanswered->repeats);
	if (first && drop->trace)
		add_trace(drop->trace, finding);
	if (first && drop->trace && drop->trace->end == TRACE_VANISHED && drop->trace->place == TRACE_ROUTING)
		add_counted(facts, drop->trace, finding);
	if (!finding->intended && drop->trace)
		forward_drop_admit(drop->trace, finding);
}

void forward_drop_tell(const struct trace *trace, struct finding *finding)
{
	explain_trace(trace, finding);
	forward_drop_admit(trace, finding);
}

/* ---- the condition ---- */

/* As long as nobody is answered: what was before an answer says nothing. */
static const struct trace *current_trace(
	const struct facts *facts, const struct unanswered_service *unanswered)
{
	for (size_t i = 0; i < facts->trace_count; i++) {
		const struct trace *trace = &facts->traces[i];
		if (trace->port == unanswered->port && trace->arrival == unanswered->device &&
			trace->end != TRACE_NOTHING && trace->time_ns >= unanswered->since_ns &&
			address_equal(&trace->address, &unanswered->server))
			return trace;
	}
	return NULL;
}

/* The kernel itself said what became of one; that it was translated, too. */
static bool is_traced_back(const struct trace *trace, const struct translation *translation)
{
	return trace->end != TRACE_PASSED && (translation->basis >= TRANSLATION_RULE || trace->translated);
}

/* Without a trace, whatever the rules say. */
static bool is_held_back(const struct facts *facts, const struct unanswered_service *unanswered)
{
	bool waits = facts->traces_known && facts->time_ns - unanswered->repeated_ns < TRACE_WAIT_NS;
	return !waits && translation_is_held_back(facts, unanswered);
}

static struct forward_drop observe_unanswered(
	const struct judge_context *context, const struct unanswered_service *unanswered)
{
	struct forward_drop drop = { .unanswered = unanswered,
		.trace = current_trace(context->now, unanswered),
		.translation = translation_of(
			context->now, &unanswered->server, unanswered->port, unanswered->device),
		.target = unanswered->server };
	if (drop.trace && drop.trace->translated) {
		drop.target = drop.trace->target;
		drop.target_port = drop.trace->target_port;
	} else if (!address_is_none(&drop.translation.target)) {
		drop.target = drop.translation.target;
		drop.target_port = drop.translation.port;
	}
	return drop;
}

static void add_drop(
	const struct judge_context *context, const struct forward_drop *drop, struct findings *candidates)
{
	/* Several ports of one address may lead to one target: they share a finding. */
	struct finding *finding = findings_about(candidates, &forward_drop_condition,
		drop->unanswered->device, &drop->unanswered->server, &drop->target);
	if (!finding) {
		finding =
			wire_finding(context, &forward_drop_condition, drop->unanswered->device, candidates);
		finding_set_service(finding, ORIGIN_DNAT, &drop->unanswered->server, &drop->target);
		finding->intended = intended_covers(
			context->settings, &finding->address, &finding->target, finding->device_name, "");
		if (finding->intended)
			finding->severity = SEVERITY_INFO;
	}
	if (drop->trace && !drop->trace->read && trace_is_dropped(drop->trace))
		finding->held = 1; /* the kernel itself said so */
	forward_drop_describe(context->now, drop, finding);
}

/* The requests that do not get through are those which rp_filter drops, unless a trace shows that something
 * else does. */
static bool rp_filter_explains_forward_drop(
	const struct judge_context *context, const struct finding *cause, const struct finding *symptom)
{
	const struct facts *facts = context->now;
	if (cause->device == 0 || cause->device != symptom->device)
		return false;
	for (size_t i = 0; i < facts->trace_count; i++) {
		const struct trace *trace = &facts->traces[i];
		if (trace->arrival == symptom->device && address_equal(&trace->address, &symptom->address) &&
			trace->end != TRACE_UNKNOWN &&
			(trace->end != TRACE_VANISHED || trace->place > TRACE_ROUTING))
			return false;
	}
	return true;
}

static void forward_drop_find(const struct judge_context *context, struct findings *candidates)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->unanswered_count; i++) {
		const struct unanswered_service *unanswered = &report->unanswered[i];
		if (unanswered->left || unanswered->device <= 0 ||
			!wire_is_often(context, unanswered->repeats))
			continue;
		const struct forward_drop drop = observe_unanswered(context, unanswered);
		bool traced = drop.trace && !drop.trace->read;
		if (traced ? is_traced_back(drop.trace, &drop.translation)
			   : is_held_back(context->now, unanswered))
			add_drop(context, &drop, candidates);
	}
}

const struct condition forward_drop_condition = {
	.name = "forward_drop",
	.help = "requests for a service that is translated arrive, are repeated, do not leave, and "
		"nobody answers: a rule drops them, or routing does",
	.severity = "critical",
	.find = forward_drop_find,
	.recovered = recovered_at_vantage,
	.explained_by = { { &rp_filter_drops_condition, rp_filter_explains_forward_drop } },
};
