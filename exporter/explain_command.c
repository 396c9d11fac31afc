// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/explain_command.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack_find.h"
#include "collectors/survey.h"
#include "exporter/explain.h"
#include "exporter/explain_trace.h"
#include "exporter/look.h"
#include "exporter/writer.h"

static const struct usage usage = {
	.program = PROGRAM_EXPLAIN,
	.name = "oneway explain",
	.arguments = "CLIENT SERVICE[:PORT]",
	.argument_count = 2,
	.summary = "Follows one connection: how CLIENT's request reaches SERVICE and how the reply leaves, "
		   "with the rule, table and device that decide, and where it breaks. Sends nothing, but "
		   "for --trace --probe. "
		   "Exit status: 0 nothing breaks it, 1 it breaks, 2 could not look.",
};

static int complain(const char *message)
{
	fprintf(stderr, "%s: %s\n", usage.name, message);
	return EXPLAIN_FAILED;
}

static int refuse(const char *what, const char *expected)
{
	fprintf(stderr, "%s: %s: expected %s; see --help\n", usage.name, what, expected);
	return EXPLAIN_FAILED;
}

static int ask_kernel(
	void *netlink, const struct route_query *queries, struct route_answer *answers, size_t count)
{
	return lookup_batch(netlink, queries, answers, count);
}

static int ask_path(struct look *look, struct path *path)
{
	struct netlink *netlink;
	int result = netlink_open(NETLINK_ROUTE, &netlink);
	if (result < 0)
		return result;
	result = survey_path(look->facts, &look->told, ask_kernel, netlink, path);
	netlink_close(netlink);
	return result;
}

static int report(const struct look *look, const struct explanation *explanation)
{
	const struct report_style style = { look_wants_colour(look->options), look_width() };
	int result = look->options->writer->explanation(stdout, &style, explanation);
	return result == 0 ? look_flush() : result;
}

/* One of the client's connections to the service, or else of another's. */
static const struct flow_example *find_example(const struct endpoint *endpoint, const struct address *client)
{
	for (unsigned i = 0; i < endpoint->example_count; i++)
		if (address_equal(&endpoint->examples[i].peer, client))
			return &endpoint->examples[i];
	return endpoint->example_count ? &endpoint->examples[0] : NULL;
}

/* It may have ended since it was seen: then there is nothing to show. */
static char *find_flow(const struct look *look, const struct path *path)
{
	char text[CONNTRACK_TEXT_SIZE];
	struct conntrack_flow flow;
	size_t at = look->facts->services[path->service].endpoint;
	if (at >= look->facts->endpoint_count)
		return NULL;
	const struct endpoint *endpoint = &look->facts->endpoints[at];
	const struct flow_example *example = find_example(endpoint, &path->destination);
	if (!example)
		return NULL;
	struct conntrack_tuple tuple = conntrack_example_tuple(endpoint, example);
	if (conntrack_find(look->options->procfs, &tuple, example->zone, &flow, text) < 0)
		return NULL;
	return strdup(text);
}

static bool wants_trace(const struct options *options)
{
	return options->trace || options->probe;
}

/* 0 or the exit status. */
static int add_trace(const struct look *look, const struct path *path, struct explanation *explanation)
{
	char message[LOOK_MESSAGE_SIZE];
	const struct options *options = look->options;
	const struct trace_wait wait = { .subject = { .address = explanation->service,
						 .port = explanation->port,
						 .arrival = options->probe ? 0 : path->arrival,
						 .client = options->probe ? (struct address){ 0 }
									  : explanation->client },
		.duration_ns = options->watch_ns,
		.probe = options->probe };
	if (!options->probe && !path->arrival)
		return complain("--trace: it is not known by which device the request comes; name it with "
				"--device");
	explanation->trace = calloc(1, sizeof(*explanation->trace));
	if (!explanation->trace)
		return complain(strerror(ENOMEM));
	int result = explain_trace_wait(&wait, look->facts, explanation->trace, message, sizeof(message));
	if (result == 0)
		return 0;
	free(explanation->trace);
	explanation->trace = NULL;
	return complain(message);
}

static int status_of(const struct explanation *explanation)
{
	const struct explain_trace *traced = explanation->trace;
	bool breaks = explanation_break(explanation) != STEPS;
	if (traced && traced->trace.end == TRACE_NOTHING)
		return EXPLAIN_FAILED;
	return breaks || (traced && explain_trace_breaks(traced)) ? EXPLAIN_BREAKS : EXPLAIN_WHOLE;
}

static int explain(struct look *look, const struct path *path, const char *reason)
{
	struct explanation explanation;
	int result = explain_path(look->settings, look->facts, path, reason, &explanation);
	if (result < 0)
		return complain(strerror(-result));
	explanation.flow = find_flow(look, path);
	int status = wants_trace(look->options) ? add_trace(look, path, &explanation) : 0;
	if (status == 0) {
		result = report(look, &explanation);
		status = result < 0 ? complain(strerror(-result)) : status_of(&explanation);
	}
	explanation_clear(&explanation);
	return status;
}

static int answer(struct look *look, const struct explain_question *question)
{
	struct path path = { 0 };
	const char *reason = NULL;
	int result = look_once(look);
	if (result == 0 && look_failed(look))
		return complain("devices or routes cannot be read");
	if (result == 0)
		result = explain_choose(look->facts, question, &path, &reason);
	if (result == -ENODEV)
		return refuse(question->device, "a device of this host");
	if (result == -EAFNOSUPPORT)
		return refuse("CLIENT and SERVICE", "addresses of one family");
	if (result == 0)
		result = ask_path(look, &path);
	return result < 0 ? complain(strerror(-result)) : explain(look, &path, reason);
}

static int run(const struct options *options)
{
	char message[LOOK_MESSAGE_SIZE];
	struct look look;
	struct explain_question question = { .device = options->device };
	if (address_parse(options->arguments.items[0], &question.client) < 0)
		return refuse(options->arguments.items[0], "an IPv4 or IPv6 address");
	if (explain_parse_service(options->arguments.items[1], &question.service, &question.port) < 0)
		return refuse(options->arguments.items[1], "an address, ADDRESS:PORT or [IPV6]:PORT");
	if (wants_trace(options) && question.port == 0)
		return refuse(options->arguments.items[1], "a port to trace, ADDRESS:PORT or [IPV6]:PORT");
	int result = look_open(&look, options, message, sizeof(message));
	int status = result < 0 ? complain(message) : answer(&look, &question);
	look_close(&look);
	return status;
}

int explain_command(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
