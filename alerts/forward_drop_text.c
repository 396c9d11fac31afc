// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#include "alerts/describe.h"
#include "alerts/forward_drop.h"
#include "alerts/wire.h"
#include "collectors/drop_reason.h"

#define PLACE_SIZE (ADDRESS_TEXT_SIZE + 16)
#define CHAIN_SIZE 600

static const char *place_text(const struct address *address, uint16_t port, char text[static PLACE_SIZE])
{
	char formatted[ADDRESS_TEXT_SIZE];
	address_format(address, formatted);
	if (port)
		snprintf(text, PLACE_SIZE, "%s port %u", formatted, port);
	else
		snprintf(text, PLACE_SIZE, "%s", formatted);
	return text;
}

/* "ip filter forward" */
static const char *chain_text(const struct trace *trace, char text[static CHAIN_SIZE])
{
	snprintf(text, CHAIN_SIZE, "%s %s %s", trace_family_name(trace->table_family), trace->table,
		trace->chain);
	return text;
}

/* ---- summary ---- */

static int summarise(const struct forward_drop *drop, struct finding *finding)
{
	char service[PLACE_SIZE], chain[CHAIN_SIZE];
	const struct trace *trace = drop->trace;
	place_text(&drop->silence->server, drop->silence->port, service);
	if (trace && trace->end == TRACE_RULE)
		return finding_set_text(&finding->summary,
			"requests for %s that come in on %s are dropped by rule %llu of chain %s", service,
			finding->device_name, (unsigned long long)trace->handle, chain_text(trace, chain));
	if (trace && trace->end == TRACE_POLICY)
		return finding_set_text(&finding->summary,
			"requests for %s that come in on %s are dropped by the policy of chain %s", service,
			finding->device_name, chain_text(trace, chain));
	return finding_set_text(&finding->summary,
		"requests for %s that come in on %s are translated, but do not get through this host",
		service, finding->device_name);
}

/* ---- explanation ---- */

static int explain_translation(const struct forward_drop *drop, struct finding *finding)
{
	char service[PLACE_SIZE], target[PLACE_SIZE] = "", to[PLACE_SIZE + 8] = "";
	if (drop->target_port || !address_equal(&drop->target, &drop->silence->server)) {
		place_text(&drop->target, drop->target_port, target);
		snprintf(to, sizeof(to), " to %s", target);
	}
	return finding_append_text(&finding->explanation,
		"%sRequests for %s come in by %s and are translated%s. Clients repeat them, nobody answers, and "
		"they are not seen leaving. ",
		finding->explanation ? " " : "",
		place_text(&drop->silence->server, drop->silence->port, service), finding->device_name, to);
}

static int explain_set(const struct trace *trace, struct finding *finding)
{
	const char *what = trace->map ? "map" : "set";
	if (!trace->set)
		return 0;
	if (!trace->element)
		return finding_append_text(&finding->explanation,
			" It would have passed if it were in the %s %s.", what, trace->set);
	return finding_append_text(&finding->explanation,
		" It would have passed if %s were in the %s %s, which it is not.", trace->element, what,
		trace->set);
}

static int explain_drop(const struct trace *trace, struct finding *finding)
{
	char chain[CHAIN_SIZE];
	int error = 0;
	chain_text(trace, chain);
	if (trace->end == TRACE_POLICY)
		error = finding_append_text(&finding->explanation,
			"One was traced: no rule of chain %s let it pass, and the chain's policy dropped it.",
			chain);
	else
		error = finding_append_text(&finding->explanation,
			"One was traced: rule %llu of chain %s dropped it%s%s.",
			(unsigned long long)trace->handle, chain, trace->rule ? ": " : "",
			trace->rule ? trace->rule : "");
	if (error == 0)
		error = explain_set(trace, finding);
	if (error == 0)
		error = finding_append_text(&finding->explanation,
			" Whether it may pass is a matter of policy: the command that would admit it was not "
			"checked.");
	return error;
}

static int explain_vanished(const struct trace *trace, struct finding *finding)
{
	const char *why = describe_failure(trace->route.result);
	if (trace->place == TRACE_ROUTING)
		return finding_append_text(&finding->explanation,
			"One was traced: no rule dropped it, and it was gone before it was routed%s%s.",
			why ? ": by a lookup, " : "", why ? why : "");
	return finding_append_text(&finding->explanation,
		"One was traced: no rule of nftables dropped it, and it was gone in %s: what drops there is "
		"not traced (rules of iptables-legacy, another kernel module).",
		trace_place_name(trace->place));
}

static int explain_untraced(const struct forward_drop *drop, struct finding *finding)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
	const struct handshake_silence *silence = drop->silence;
	bool six = silence->server.family == AF_INET6;
	return finding_append_text(&finding->explanation,
		"A rule drops them, or reverse-path filtering, or there is no route. `oneway explain %s %s%s%s:%u "
		"--trace` names it when the next request comes, and so does oneway_exporter with "
		"--collector.nftrace.",
		address_format(&silence->client, client), six ? "[" : "",
		address_format(&silence->server, service), six ? "]" : "", silence->port);
}

static int explain_trace(const struct trace *trace, struct finding *finding)
{
	if (trace_is_dropped(trace))
		return explain_drop(trace, finding);
	if (trace->end == TRACE_QUEUED)
		return finding_append_text(&finding->explanation,
			"One was traced: rule %llu of chain %s in table %s handed it to a program, which did not "
			"let it go on.",
			(unsigned long long)trace->handle, trace->chain, trace->table);
	return explain_vanished(trace, finding);
}

static int explain(const struct forward_drop *drop, struct finding *finding)
{
	int error = explain_translation(drop, finding);
	if (error < 0)
		return error;
	return drop->trace ? explain_trace(drop->trace, finding) : explain_untraced(drop, finding);
}

/* ---- evidence ---- */

static int add_dropper(const struct trace *trace, struct finding *finding)
{
	int error = finding_add_evidence(
		finding, "table", "%s %s", trace_family_name(trace->table_family), trace->table);
	if (error == 0)
		error = finding_add_evidence(finding, "chain", "%s", trace->chain);
	if (error == 0 && trace->handle)
		error = finding_add_number(finding, "handle", (double)trace->handle);
	if (error == 0 && trace->rule)
		error = finding_add_evidence(finding, "rule", "%s", trace->rule);
	if (error == 0 && trace->set)
		error = finding_add_evidence(finding, "set", "%s", trace->set);
	if (error == 0 && trace->element)
		error = finding_add_evidence(finding, "missing_element", "%s", trace->element);
	return error;
}

static int add_trace(const struct trace *trace, struct finding *finding)
{
	int error = finding_add_evidence(finding, "trace_end", "%s", trace_end_name(trace->end));
	if (error == 0 && trace->end == TRACE_VANISHED)
		error = finding_add_evidence(finding, "trace_place", "%s", trace_place_name(trace->place));
	return error == 0 && trace->table ? add_dropper(trace, finding) : error;
}

static int add_evidence(const struct forward_drop *drop, bool first, struct finding *finding)
{
	char text[ADDRESS_TEXT_SIZE];
	finding_add_handshake(finding, drop->silence->id);
	int error = wire_add_text(finding, "peers", address_format(&drop->silence->client, text));
	snprintf(text, sizeof(text), "%u", drop->silence->port);
	if (error == 0)
		error = wire_add_text(finding, "ports", text);
	if (error == 0 && first)
		error = finding_add_number(finding, "repeats", drop->silence->repeats);
	return error == 0 && first && drop->trace ? add_trace(drop->trace, finding) : error;
}

/* What was dropped on the arrival device meanwhile, but not by a rule. */
static int add_counted(const struct facts *facts, const struct trace *trace, struct finding *finding)
{
	int error = 0;
	for (int reason = 0; error == 0 && reason < DROP_REASONS; reason++) {
		const struct device_drop *drop =
			facts_device_drop(facts, trace->arrival, (enum drop_reason)reason);
		if (!drop || drop->recent == 0 || reason == DROP_NETFILTER_DROP)
			continue;
		const char *name = drop_reason_name(drop->reason);
		error = finding_append_text(&finding->explanation,
			" On %s %llu packets were counted that were dropped within 60 s as %s.",
			finding->device_name, (unsigned long long)drop->recent, name);
		if (error == 0)
			error = finding_add_item(finding, "drop_reasons", name);
	}
	return error;
}

static bool is_gone_before_routing(const struct trace *trace)
{
	return trace && trace->end == TRACE_VANISHED && trace->place == TRACE_ROUTING;
}

/* ---- remedy ---- */

/* Names that neither a shell nor nft takes for anything else. */
static bool is_plain(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
	return name && *name && *name != '-' && name[strspn(name, plain)] == '\0';
}

static bool is_plain_element(const char *element)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.: ";
	return element && element[strspn(element, plain)] == '\0';
}

static int admit_element(const struct trace *trace, struct finding *finding)
{
	return finding_add_remedy(finding, "nft add element %s %s %s { %s%s }",
		trace_family_name(trace->table_family), trace->table, trace->set, trace->element,
		trace->map ? " : accept" : "");
}

/* Before the rule that drops it, or behind all others if the policy does. */
static int admit_by_iptables(const struct trace *trace, const char *target, struct finding *finding)
{
	const char *command = trace->table_family == NFPROTO_IPV6 ? "ip6tables-nft" : "iptables-nft";
	if (trace->end == TRACE_POLICY)
		return finding_add_remedy(finding, "%s -t %s -A %s -d %s -p tcp --dport %u -j ACCEPT",
			command, trace->table, trace->chain, target, trace->target_port);
	return finding_add_remedy(finding, "%s -t %s -I %s %u -d %s -p tcp --dport %u -j ACCEPT", command,
		trace->table, trace->chain, trace->number ? trace->number : 1, target, trace->target_port);
}

static int admit_by_rule(const struct trace *trace, const char *target, struct finding *finding)
{
	const char *family = trace_family_name(trace->table_family);
	const char *ip = trace->target.family == AF_INET6 ? "ip6" : "ip";
	if (trace->end == TRACE_POLICY)
		return finding_add_remedy(finding, "nft add rule %s %s %s %s daddr %s tcp dport %u accept",
			family, trace->table, trace->chain, ip, target, trace->target_port);
	return finding_add_remedy(finding,
		"nft insert rule %s %s %s position %llu %s daddr %s tcp dport %u accept", family,
		trace->table, trace->chain, (unsigned long long)trace->handle, ip, target,
		trace->target_port);
}

static int admit(const struct trace *trace, struct finding *finding)
{
	char target[ADDRESS_TEXT_SIZE];
	bool routed = trace->table_family == NFPROTO_INET || trace->table_family == NFPROTO_IPV4 ||
		      trace->table_family == NFPROTO_IPV6;
	if (!trace_is_dropped(trace) || !routed || !is_plain(trace->table) || !is_plain(trace->chain))
		return 0;
	address_format(&trace->target, target);
	if (is_plain(trace->set) && is_plain_element(trace->element))
		return admit_element(trace, finding);
	return trace->iptables ? admit_by_iptables(trace, target, finding)
			       : admit_by_rule(trace, target, finding);
}

/* ---- all ---- */

int forward_drop_describe(const struct facts *facts, const struct forward_drop *drop, struct finding *finding)
{
	bool first = finding->explanation == NULL;
	int error = first ? summarise(drop, finding) : 0;
	if (error == 0)
		error = explain(drop, finding);
	if (error == 0 && finding->intended && first)
		error = finding_append_text(&finding->explanation, " This is declared as intended.");
	if (error == 0)
		error = add_evidence(drop, first, finding);
	if (error == 0 && first && is_gone_before_routing(drop->trace))
		error = add_counted(facts, drop->trace, finding);
	if (error == 0 && !finding->intended && drop->trace)
		error = admit(drop->trace, finding);
	return error;
}

int forward_drop_tell(const struct trace *trace, struct finding *finding)
{
	int error = explain_trace(trace, finding);
	return error < 0 ? error : admit(trace, finding);
}
