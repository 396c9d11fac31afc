// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The HTTP face over a host that is written down, for tests/e2e/test_http.py. Ends when its standard input
 * does. Options: --empty (no snapshot), --expose, --config FILE, --max-requests N, --path TELEMETRY_PATH,
 * --addresses N (that many more), --age SECONDS (of the judgement), --hold FIFO (a reload reads it to its
 * end), and addresses to listen on.
 */
#include <errno.h>
#include <fcntl.h>
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
	bool empty;
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

static int serve(struct arguments *arguments, struct latest_snapshot *latest)
{
	struct log log = { .level = LOG_LEVEL_INFO, .descriptor = STDERR_FILENO };
	const struct http_callbacks callbacks = { reload, arguments };
	struct http *http;
	char message[512], byte;
	if (http_start(&arguments->options, &callbacks, latest, &log, &http, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	fprintf(stderr, "started\n");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	http_stop(http);
	return 0;
}

static int publish(struct latest_snapshot *latest, unsigned addresses, unsigned age)
{
	struct snapshot snapshot = sample_snapshot();
	for (unsigned i = 0; i < addresses; i++)
		add_address(snapshot.facts, i);
	sample_judge(&snapshot);
	snapshot.facts->monotonic_ns = clock_ns(CLOCK_MONOTONIC) - age * SECOND_NS;
	if (changes_note(NULL, snapshot.facts) < 0)
		return -ENOMEM;
	return latest_snapshot_publish(latest, snapshot.facts, snapshot.findings);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	parse(argc, argv, &arguments);
	struct latest_snapshot *latest = latest_snapshot_new();
	if (!latest || (!arguments.empty && publish(latest, arguments.addresses, arguments.age) < 0))
		return 1;
	int result = serve(&arguments, latest);
	latest_snapshot_free(latest);
	return result;
}
