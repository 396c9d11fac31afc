// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/explain_command.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/conntrack_find.h"
#include "collectors/route/reply_path.h"
#include "exporter/cli/explain_trace.h"
#include "exporter/cli/oneshot.h"

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

/* "192.0.2.1", "192.0.2.1:22", "2001:db8::1", "[2001:db8::1]:22". 0 or -EINVAL. */
static int parse_service(const char *text, struct address *address, uint16_t *port)
{
	char host[ADDRESS_TEXT_SIZE + 2];
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	bool has_port = colon && (bracket ? colon[-1] == ']' : strchr(text, ':') == colon);
	size_t length = has_port ? (size_t)(colon - text) : strlen(text);
	unsigned long parsed_port = 0;
	if (length >= sizeof(host))
		return -EINVAL;
	if (has_port) {
		char *end;
		if (colon[1] < '0' || colon[1] > '9') /* strtoul would take spaces and signs */
			return -EINVAL;
		parsed_port = strtoul(colon + 1, &end, 10);
		if (*end || parsed_port == 0 || parsed_port > UINT16_MAX)
			return -EINVAL;
	}
	memcpy(host, text, length);
	host[length] = '\0';
	if (bracket && (length < 2 || host[length - 1] != ']'))
		return -EINVAL;
	if (bracket)
		host[length - 1] = '\0';
	if (address_parse(host + bracket, address) < 0)
		return -EINVAL;
	*port = (uint16_t)parsed_port;
	return 0;
}

static int ask_kernel(
	void *netlink, const struct route_query *queries, struct route_answer *answers, size_t count)
{
	return lookup_batch(netlink, queries, answers, count);
}

/* One of the client's connections to the service, or else of another's, as it is now. It may have ended since
 * it was seen: then there is nothing to show. */
static char *find_flow(const struct oneshot *oneshot, const struct connection_path *connection)
{
	char text[CONNTRACK_TEXT_SIZE];
	struct conntrack_flow flow;
	if (connection->service->endpoint >= oneshot->facts->endpoint_count)
		return NULL;
	const struct endpoint *endpoint = &oneshot->facts->endpoints[connection->service->endpoint];
	const struct flow_example *example = endpoint->example_count ? &endpoint->examples[0] : NULL;
	for (unsigned i = endpoint->example_count; i-- > 0;)
		if (address_equal(&endpoint->examples[i].peer, &connection->path->destination))
			example = &endpoint->examples[i];
	if (!example)
		return NULL;
	struct conntrack_tuple tuple = conntrack_example_tuple(endpoint, example);
	if (conntrack_find(oneshot->options->procfs, &tuple, example->zone, &flow, text) < 0)
		return NULL;
	return strdup(text);
}

static bool wants_trace(const struct options *options)
{
	return options->trace || options->probe;
}

/* 0 or the exit status. */
static int add_trace(const struct oneshot *oneshot, struct explanation *explanation)
{
	char message[ONESHOT_MESSAGE_SIZE];
	const struct options *options = oneshot->options;
	const struct path *path = explanation->connection.path;
	const struct trace_wait wait = { .subject = { .address = explanation->connection.service->address,
						 .port = path->port,
						 .arrival = options->probe ? 0 : path->arrival,
						 .client = options->probe ? (struct address){ 0 }
									  : path->destination },
		.duration_ns = options->watch_ns,
		.probe = options->probe };
	if (!options->probe && !path->arrival)
		return complain("--trace: it is not known by which device the request comes; name it with "
				"--device");
	explanation->trace = calloc(1, sizeof(*explanation->trace));
	if (!explanation->trace)
		return complain(strerror(ENOMEM));
	int result = explain_trace_wait(&wait, oneshot->facts, explanation->trace, message, sizeof(message));
	return result == 0 ? 0 : complain(message);
}

/* The way of the connection, made out, shown and, where that is wanted, traced. */
static int explain(const struct oneshot *oneshot, const struct path *path, const char *reason)
{
	const struct report_style style = { oneshot_wants_colour(oneshot->options), oneshot_width() };
	struct explanation explanation = { .connection = connection_path_of(
						   oneshot->settings, oneshot->facts, path, reason) };
	int result = connection_path_judge(oneshot->settings, &explanation.connection, &explanation.findings);
	if (result < 0)
		return complain(strerror(-result));
	explanation.flow = find_flow(oneshot, &explanation.connection);
	int status = wants_trace(oneshot->options) ? add_trace(oneshot, &explanation) : 0;
	struct explain_trace *traced = explanation.trace;
	if (status == 0) {
		result = oneshot->options->writer->explanation(stdout, &style, &explanation);
		if (result == 0)
			result = oneshot_flush();
		bool breaks = connection_path_break(&explanation.connection) != STEPS ||
			      (traced && explain_trace_breaks(traced));
		status = result < 0                                     ? complain(strerror(-result))
			 : traced && traced->trace.end == TRACE_NOTHING ? EXPLAIN_FAILED
			 : breaks                                       ? EXPLAIN_BREAKS
									: EXPLAIN_WHOLE;
	}
	if (traced)
		explain_trace_clear(traced);
	free(traced);
	free(explanation.flow);
	findings_free(explanation.findings);
	return status;
}

static int answer(struct oneshot *oneshot, const struct connection_question *question)
{
	struct path path = { 0 };
	const char *reason = NULL;
	int result = oneshot_judge(oneshot);
	if (result == 0 && oneshot_failed(oneshot))
		return complain("devices or routes cannot be read");
	if (result == 0)
		result = connection_question_choose(oneshot->facts, question, &path, &reason);
	if (result == -ENODEV)
		return refuse(question->device, "a device of this host");
	if (result == -EAFNOSUPPORT)
		return refuse("CLIENT and SERVICE", "addresses of one family");
	struct netlink *netlink;
	if (result == 0)
		result = netlink_open(NETLINK_ROUTE, &netlink);
	if (result == 0) {
		result = reply_path_find(oneshot->facts, &oneshot->told, ask_kernel, netlink, &path);
		netlink_close(netlink);
	}
	return result < 0 ? complain(strerror(-result)) : explain(oneshot, &path, reason);
}

static int run(const struct options *options)
{
	char message[ONESHOT_MESSAGE_SIZE];
	struct oneshot oneshot;
	struct connection_question question = { .device = options->device };
	if (address_parse(options->arguments.items[0], &question.client) < 0)
		return refuse(options->arguments.items[0], "an IPv4 or IPv6 address");
	if (parse_service(options->arguments.items[1], &question.service, &question.port) < 0)
		return refuse(options->arguments.items[1], "an address, ADDRESS:PORT or [IPV6]:PORT");
	if (wants_trace(options) && question.port == 0)
		return refuse(options->arguments.items[1], "a port to trace, ADDRESS:PORT or [IPV6]:PORT");
	int result = oneshot_open(&oneshot, options, message, sizeof(message));
	int status = result < 0 ? complain(message) : answer(&oneshot, &question);
	oneshot_close(&oneshot);
	return status;
}

int explain_command(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
