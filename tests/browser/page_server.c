// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP over a large host that is written down: 256 service addresses, 40 devices, 60 findings, and the hour
 * before. Each byte on standard input makes the next judgement, which differs in a few places, and is
 * answered by one on standard output. Ends with its input. Argument: the address to listen on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/change/changes.h"
#include "exporter/config/settings_file.h"
#include "exporter/http/http.h"
#include "tests/support/wire_builder.h"

#define DEVICES  40
#define LINES    8
#define SERVICES 256
#define CAUSES   40 /* one each of the first services */
#define SYMPTOMS 20 /* of the first causes */
#define TEXT     64

struct host {
	struct latest_snapshot *latest;
	unsigned judgements;
	int64_t began_ns; /* CLOCK_MONOTONIC */
};

static const char *text(char out[static TEXT], const char *format, unsigned number)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(out, TEXT, format, number);
#pragma GCC diagnostic pop
	return out;
}

#define DEVICE(number)  text((char[TEXT]){ 0 }, "line%02u", (number) % DEVICES)
#define SERVICE(number) text((char[TEXT]){ 0 }, "198.51.100.%u", number)
#define TARGET(number)  text((char[TEXT]){ 0 }, "10.8.0.%u", number)
#define CLIENT(number)  text((char[TEXT]){ 0 }, "203.0.113.%u", (number) % 250 + 1)

static void add_devices(struct facts *facts, unsigned judgement)
{
	struct handshake_report *report = wire_report(facts);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct device *device = build_device(facts, DEVICE(i));
		device->up = true;
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		capture->ifindex = device->ifindex;
		snprintf(capture->name, sizeof(capture->name), "%s", device->name);
		capture->running = true;
		capture->packets = 1000 + judgement;
	}
	for (unsigned i = 0; i < LINES; i++) {
		struct line *line = ARRAY_ADD(facts->lines, facts->line_count);
		line->ifindex = build_ifindex(facts, DEVICE(i));
		line->family = AF_INET;
		line->gateway = build_address(CLIENT(i));
	}
	for (unsigned i = 0; i < DEVICES; i++) {
		int device = build_ifindex(facts, DEVICE(i)), other = build_ifindex(facts, DEVICE(i + 1));
		struct handshake_device *row = ARRAY_ADD(report->devices, report->device_count);
		row->device = device;
		row->recent[HANDSHAKE_COMPLETED] = 30;
		struct handshake_pair *pair = ARRAY_ADD(report->pairs, report->pair_count);
		pair->syn_device = pair->synack_device = device;
		pair->counts[HANDSHAKE_COMPLETED] = 5 * (uint64_t)judgement;
		pair = ARRAY_ADD(report->pairs, report->pair_count);
		pair->syn_device = device;
		pair->synack_device = other;
		pair->counts[HANDSHAKE_ONE_WAY] = i < CAUSES ? judgement / (i + 1) : 0;
	}
}

static void add_services(struct facts *facts)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		size_t service = build_service(facts, SERVICE(i), TARGET(i), DEVICE(i));
		struct path *path = build_path(facts, service, CLIENT(i), DEVICE(i));
		path->basis = PATH_SEEN;
		if (i < CAUSES)
			path->reply = build_found(facts, DEVICE(i + 1), "192.0.2.1", 254, 0);
	}
}

static struct finding *add_finding(struct findings *findings, const struct facts *facts,
	const struct condition *condition, unsigned number, int64_t age_ns)
{
	struct finding *finding = findings_add(findings, condition);
	const struct address address = build_address(SERVICE(number)), target = build_address(TARGET(number));
	finding->device = build_ifindex(facts, DEVICE(number));
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", DEVICE(number));
	finding_set_service(finding, ORIGIN_DNAT, &address, &target);
	snprintf(finding->reply_device, sizeof(finding->reply_device), "%s", DEVICE(number + 1));
	finding->severity = number % 3 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
	finding->open = finding->holds = true;
	finding->since_ns = facts->time_ns - age_ns;
	finding->last_seen_ns = facts->time_ns;
	finding_identify(finding);
	return finding;
}

static void add_findings(struct findings *findings, struct facts *facts, const struct host *host)
{
	for (unsigned i = 0; i < CAUSES; i++) {
		int64_t since_ns = host->began_ns - (int64_t)(i + 1) * 60 * SECOND_NS;
		if (since_ns > facts->monotonic_ns)
			continue;
		struct finding *cause = add_finding(
			findings, facts, &reply_wrong_device_condition, i, facts->monotonic_ns - since_ns);
		char id[FINDING_ID_SIZE];
		memcpy(id, cause->id, sizeof(id));
		finding_summarise(cause, "Replies from %s leave by %s; requests arrive on %s", SERVICE(i),
			DEVICE(i + 1), DEVICE(i));
		finding_explain(cause, "No rule speaks of %s, so table main decides.", TARGET(i));
		finding_add_evidence(cause, "peer", "%s", CLIENT(i));
		finding_add_remedy(cause, "ip rule add pref %u from %s lookup main suppress_prefixlength 0",
			100 + 2 * i, TARGET(i));
		finding_add_remedy(
			cause, "ip rule add pref %u from %s lookup %u", 101 + 2 * i, TARGET(i), 200 + i);
		cause->remedy_checked = true;
		for (uint32_t repeats = 2; repeats < 5; repeats++)
			finding_add_handshake(cause, wire_repeated(facts, DEVICE(i), DEVICE(i + 1), CLIENT(i),
							     SERVICE(i), repeats + host->judgements % 7)
							     ->id);
		if (i >= SYMPTOMS)
			continue;
		struct finding *symptom = add_finding(
			findings, facts, &handshake_one_way_condition, i, facts->monotonic_ns - since_ns);
		memcpy(symptom->cause, id, sizeof(id));
		finding_summarise(symptom, "Handshakes with %s do not complete", SERVICE(i));
		finding_explain(symptom, "The SYN came again after its SYN-ACK.");
	}
}

/* What is seen at that time. 0 or -ENOMEM. */
static int judge_host(struct host *host, int64_t monotonic_ns)
{
	struct snapshot snapshot = { .facts = build_facts(), .findings = findings_new() };
	const struct snapshot *last = latest_snapshot_take(host->latest);
	struct facts *facts = snapshot.facts;
	host->judgements++;
	facts->monotonic_ns = monotonic_ns;
	facts->time_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) + monotonic_ns;
	add_devices(facts, host->judgements);
	add_services(facts);
	build_default_rules(facts);
	for (unsigned i = 0; i <= host->judgements / 60; i++)
		build_rule(facts, AF_INET, 10 + i, TARGET(i), 300);
	struct collector_status *status = ARRAY_ADD(facts->collectors, facts->collector_count);
	*status = (struct collector_status){ .name = "route", .success = true };
	add_findings(snapshot.findings, facts, host);
	struct settings *settings = settings_new();
	int result = settings ? verdicts_make(settings, facts, &snapshot.findings->verdicts) : -ENOMEM;
	settings_free(settings);
	if (result == 0)
		result = changes_note(last ? last->facts : NULL, facts);
	if (result == 0)
		result = latest_snapshot_publish(host->latest, facts, snapshot.findings);
	snapshot_release(last);
	return result;
}

int main(int argc, char **argv)
{
	struct log log = { .level = LOG_LEVEL_WARN, .descriptor = STDERR_FILENO };
	struct host host = { .latest = latest_snapshot_new(), .began_ns = clock_ns(CLOCK_MONOTONIC) };
	const char *const listen[] = { argc == 2 ? argv[1] : NULL };
	const struct http_options options = { .listen = listen,
		.listen_count = 1,
		.telemetry_path = "/metrics",
		.procfs = "/proc",
		.max_requests = 40 };
	const struct http_callbacks callbacks = { 0 };
	struct http *http;
	char message[512], byte;
	if (argc != 2 || !host.latest)
		return 2;
	for (int64_t step = TIMELINE_POINTS + 1; step > 0; step--)
		if (judge_host(&host, host.began_ns - step * TIMELINE_STEP_NS) < 0)
			return 1;
	if (judge_host(&host, host.began_ns) < 0 ||
		http_start(&options, &callbacks, host.latest, &log, &http, message, sizeof(message)) < 0)
		return 1;
	do {
		if (write(STDOUT_FILENO, "+", 1) != 1)
			break;
		if (read(STDIN_FILENO, &byte, 1) != 1)
			break;
	} while (judge_host(&host, clock_ns(CLOCK_MONOTONIC)) == 0);
	http_stop(http);
	latest_snapshot_free(host.latest);
	return 0;
}
