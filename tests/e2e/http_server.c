// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The HTTP face over a host that is written down, for tests/e2e/test_http.py. Ends when its standard input
 * does. Options: --empty (no snapshot), --expose, --config FILE, --max-requests N, --path TELEMETRY_PATH,
 * --addresses N (that many more), --large (256 service
 * addresses, 40 devices and 60 findings), --tick (each second more is seen), --age SECONDS (of the
 * judgement), --hold FIFO (a reload reads it to its end), and addresses to listen on.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/change/changes.h"
#include "exporter/http/http.h"
#include "tests/support/sample.h"

#define MOST_LISTEN 8

struct arguments {
	struct http_options options;
	const char *listen[MOST_LISTEN];
	const char *hold;
	bool empty, large, tick;
	unsigned age; /* seconds */
	unsigned addresses;
	atomic_uint reloads;
};

/* Every second one fails. */
static int reload(void *argument, char *message, size_t size)
{
	struct arguments *arguments = argument;
	char byte;
	if (arguments->hold) {
		int held = open(arguments->hold, O_RDONLY | O_CLOEXEC);
		while (read(held, &byte, 1) > 0)
			;
		close(held);
	}
	if (atomic_fetch_add(&arguments->reloads, 1) % 2 == 0)
		return 0;
	snprintf(message, size, "settings.yml:3: lines: expected a list");
	return -EINVAL;
}

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static void parse_pair(struct arguments *out, const char *name, const char *value)
{
	if (strcmp(name, "--config") == 0)
		out->options.web_config = value;
	else if (strcmp(name, "--max-requests") == 0)
		out->options.max_requests = number(value);
	else if (strcmp(name, "--hold") == 0)
		out->hold = value;
	else if (strcmp(name, "--addresses") == 0)
		out->addresses = number(value);
	else if (strcmp(name, "--age") == 0)
		out->age = number(value);
	else if (strcmp(name, "--path") == 0)
		out->options.telemetry_path = value;
	else
		exit(2);
}

static void parse(int argc, char **argv, struct arguments *out)
{
	out->options = (struct http_options){ .listen = out->listen,
		.telemetry_path = "/metrics",
		.procfs = "/proc",
		.max_requests = 40,
		.exporter_metrics = true };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--empty") == 0)
			out->empty = true;
		else if (strcmp(argv[i], "--large") == 0)
			out->large = true;
		else if (strcmp(argv[i], "--tick") == 0)
			out->tick = true;
		else if (strcmp(argv[i], "--expose") == 0)
			out->options.expose_api = true;
		else if (argv[i][0] == '-' && i + 1 < argc)
			parse_pair(out, argv[i], argv[i + 1]), i++;
		else if (out->options.listen_count < MOST_LISTEN)
			out->listen[out->options.listen_count++] = argv[i];
	}
}

static void add_address(struct facts *facts, unsigned position)
{
	uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 7 };
	bytes[14] = (uint8_t)(position >> 8);
	bytes[15] = (uint8_t)position;
	struct service *service = ARRAY_ADD(facts->services, facts->service_count);
	struct path *path = ARRAY_ADD(facts->paths, facts->path_count);
	if (!service || !path)
		abort();
	service->address = service->target = address_make(AF_INET6, bytes);
	service->endpoint = SIZE_MAX;
	path->service = facts->service_count - 1;
	path->arrival = facts->devices[1].ifindex;
	path->reply.result = ROUTE_FOUND;
	device_set_add(&path->reply.devices, path->arrival);
}

#define LARGE_DEVICES  40
#define LARGE_SERVICES 256
#define LARGE_FINDINGS 60

static void add_device(struct facts *facts, int ifindex)
{
	struct device *device = ARRAY_ADD(facts->devices, facts->device_count);
	struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
	struct handshake_pair *pair = ARRAY_ADD(facts->handshakes->pairs, facts->handshakes->pair_count);
	if (!device || !capture || !pair)
		abort();
	device->ifindex = capture->ifindex = ifindex;
	device->up = capture->running = true;
	snprintf(device->name, sizeof(device->name), "vlan%d", ifindex);
	snprintf(capture->name, sizeof(capture->name), "vlan%d", ifindex);
	*pair = (struct handshake_pair){ ifindex, ifindex - ifindex % 3,
		{ [HANDSHAKE_COMPLETED] = (uint64_t)ifindex * ifindex * ifindex,
			[HANDSHAKE_ONE_WAY] = ifindex % 3 ? 7 : 0 } };
}

/* The first finding again, each about an address of its own. */
static void add_finding(struct findings *findings, const struct service *service, unsigned position)
{
	struct finding *copy = findings_add(findings, findings->items[0].condition);
	finding_copy(copy, &findings->items[0]);
	copy->address = copy->target = service->address;
	copy->severity = position % 3 ? SEVERITY_WARNING : SEVERITY_CRITICAL;
	finding_identify(copy);
}

static void enlarge(struct snapshot *snapshot)
{
	struct facts *facts = snapshot->facts;
	for (int i = (int)facts->device_count; i < LARGE_DEVICES; i++)
		add_device(facts, 10 + i);
	for (unsigned i = (unsigned)facts->service_count; i < LARGE_SERVICES; i++) {
		add_address(facts, i);
		struct path *path = &facts->paths[facts->path_count - 1];
		struct service *service = &facts->services[path->service];
		path->arrival = 15 + (int)i % 34;
		path->reply.devices.ifindex[0] = i % 9 ? path->arrival : 15;
		device_set_add(&service->arrival, path->arrival);
	}
	for (unsigned i = (unsigned)snapshot->findings->count; i < LARGE_FINDINGS; i++)
		add_finding(snapshot->findings, &facts->services[i], i);
}

/* What was seen `ticks` seconds later. */
static int publish(struct latest_snapshot *latest, const struct arguments *arguments, unsigned ticks)
{
	struct snapshot snapshot = sample_snapshot();
	snapshot.facts->time_ns += ticks * SECOND_NS;
	snapshot.facts->handshakes->pairs[0].counts[HANDSHAKE_COMPLETED] += ticks;
	for (size_t i = 0; i < snapshot.facts->handshakes->suspect_count; i++)
		snapshot.facts->handshakes->suspects[i].repeats += ticks;
	for (unsigned i = 0; i < arguments->addresses; i++)
		add_address(snapshot.facts, i);
	if (arguments->large)
		enlarge(&snapshot);
	sample_judge(&snapshot);
	snapshot.facts->monotonic_ns = clock_ns(CLOCK_MONOTONIC) - arguments->age * SECOND_NS;
	if (changes_note(NULL, snapshot.facts) < 0)
		return -ENOMEM;
	return latest_snapshot_publish(latest, snapshot.facts, snapshot.findings);
}

static int serve(struct arguments *arguments, struct latest_snapshot *latest)
{
	struct log log = { .level = LOG_LEVEL_INFO, .descriptor = STDERR_FILENO };
	const struct http_callbacks callbacks = { reload, arguments };
	struct http *http;
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char message[512], byte;
	if (http_start(&arguments->options, &callbacks, latest, &log, &http, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	fprintf(stderr, "started\n");
	for (unsigned ticks = 1;; ticks++) {
		if (poll(&input, 1, arguments->tick ? 1000 : -1) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
			break;
		if (arguments->tick && publish(latest, arguments, ticks) < 0)
			break;
	}
	http_stop(http);
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	parse(argc, argv, &arguments);
	struct latest_snapshot *latest = latest_snapshot_new();
	if (!latest || (!arguments.empty && publish(latest, &arguments, 0) < 0))
		return 1;
	int result = serve(&arguments, latest);
	latest_snapshot_free(latest);
	return result;
}
