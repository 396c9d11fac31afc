// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/commands.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alerts/condition/forward_drop.h"
#include "alerts/what_if.h"
#include "collectors/base/clock.h"
#include "collectors/base/procfs.h"
#include "collectors/conntrack/conntrack_find.h"
#include "collectors/route/reply_path.h"
#include "collectors/trace/trace_rule.h"
#include "collectors/trace/tracer.h"
#include "exporter/cli/oneshot.h"
#include "exporter/output/writer.h"

static int complain(const char *message)
{
	fprintf(stderr, "%s: %s\n", explain_command.usage.name, message);
	return COMMAND_FAILED;
}

static int refuse(const char *what, const char *expected)
{
	fprintf(stderr, "%s: %s: expected %s; see --help\n", explain_command.usage.name, what, expected);
	return COMMAND_FAILED;
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

/* ---- tracing ---- */

/* So that a trace that is given up is taken back in order; the kernel would do it in any case. */
static int open_signals(sigset_t *before)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &signals, before) < 0)
		return -errno;
	int descriptor = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return descriptor < 0 ? -errno : descriptor;
}

/* A socket whose connection is being made, or negative errno. A rule that drops what this host sends makes
 * connect() fail with EPERM: that is what the trace is about. */
static int open_probe(const struct trace_subject *subject)
{
	const struct address *to = &subject->address;
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(subject->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(subject->port) };
	bool is_four = to->family == AF_INET;
	memcpy(&four.sin_addr, to->bytes, sizeof(four.sin_addr));
	memcpy(&six.sin6_addr, to->bytes, sizeof(six.sin6_addr));
	int descriptor = socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	if (connect(descriptor, is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six,
		    is_four ? sizeof(four) : sizeof(six)) == 0 ||
		errno == EINPROGRESS || errno == EPERM)
		return descriptor;
	int error = errno;
	close(descriptor);
	return -error;
}

static int wait_until_over(struct tracer *tracer, int signals)
{
	while (!tracer_is_over(tracer) || tracer_is_armed(tracer)) {
		struct pollfd polled[] = { { .fd = tracer_descriptor(tracer), .events = POLLIN },
			{ .fd = signals, .events = POLLIN } };
		int64_t left = tracer_due(tracer) - clock_ns(CLOCK_MONOTONIC);
		int timeout = left <= 0 ? 0 : (int)(left / MILLISECOND_NS) + 1;
		if (poll(polled, 2, timeout) > 0 && polled[1].revents)
			return -EINTR;
		int result = tracer_advance(tracer, clock_ns(CLOCK_MONOTONIC));
		if (result < 0)
			return result;
	}
	return 0;
}

/* A request came, and it did not get through. */
static bool is_stopped(const struct explain_trace *traced)
{
	return traced->trace.end != TRACE_PASSED && traced->trace.end != TRACE_NOTHING;
}

static int take_trace(struct tracer *tracer, const struct facts *facts, struct explain_trace *out)
{
	struct trace_subject subject;
	int result = tracer_take(tracer, facts, true, &subject, &out->trace);
	if (result == 0 && is_stopped(out))
		forward_drop_tell(&out->trace, &out->told);
	return out->told.failed ? -ENOMEM : result;
}

static int trace_armed(struct tracer *tracer, const struct trace_subject *subject,
	const struct oneshot *oneshot, struct explain_trace *out)
{
	sigset_t before;
	int signals = open_signals(&before);
	if (signals < 0)
		return signals;
	int probe = oneshot->options->probe ? open_probe(subject) : -1;
	int result = oneshot->options->probe && probe < 0 ? probe : wait_until_over(tracer, signals);
	if (probe >= 0)
		close(probe);
	close(signals);
	if (result != -EINTR) /* the one that came is meant for us, and has been heard */
		sigprocmask(SIG_SETMASK, &before, NULL);
	return result == 0 ? take_trace(tracer, oneshot->facts, out) : result;
}

static bool wants_trace(const struct options *options)
{
	return options->trace || options->probe;
}

/* Arms the trace, waits until a request's end is known, the time is over, or SIGINT or SIGTERM comes, and
 * takes everything back. 0 or the exit status. */
static int add_trace(const struct oneshot *oneshot, struct explanation *explanation)
{
	const struct options *options = oneshot->options;
	const struct path *path = explanation->connection.path;
	const struct trace_subject subject = { .address = explanation->connection.service->address,
		.port = path->port,
		.arrival = options->probe ? 0 : path->arrival,
		.client = options->probe ? (struct address){ 0 } : path->destination };
	if (!options->probe && !path->arrival)
		return complain("--trace: it is not known by which device the request comes; name it with "
				"--device");
	explanation->trace = calloc(1, sizeof(*explanation->trace));
	if (!explanation->trace)
		return complain(strerror(ENOMEM));
	struct tracer *tracer = NULL;
	int result = tracer_open(&tracer);
	if (result == 0)
		result = tracer_arm(tracer, &subject, clock_ns(CLOCK_MONOTONIC), options->watch_ns);
	if (result == 0) {
		char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
		address_format(&subject.address, service);
		if (options->probe)
			fprintf(stderr, "Opening one connection from this host to %s port %u\n", service,
				subject.port);
		else
			fprintf(stderr,
				"Waiting up to %lld s for a connection from %s to %s port %u that comes in "
				"by %s: make one now. Ctrl-C ends it.\n",
				(long long)(options->watch_ns / SECOND_NS),
				address_format(&subject.client, client), service, subject.port,
				facts_device_name(oneshot->facts, subject.arrival));
		result = trace_armed(tracer, &subject, oneshot, explanation->trace);
	}
	tracer_close(tracer);
	if (result == 0)
		return 0;
	fprintf(stderr, "%s: --trace: %s\n", explain_command.usage.name,
		result == -EPERM        ? "not permitted: needs CAP_NET_ADMIN"
		: result == -EOPNOTSUPP ? "this kernel lacks nftables tables with an owner (Linux 5.12)"
		: result == -EINTR      ? "interrupted"
					: strerror(-result));
	return COMMAND_FAILED;
}

/* ---- reading the firewall's rules ---- */

/* The text of a rule that a step names, to be freed; NULL: there is none, or it cannot be read. */
static char *rule_text(const struct filter_place *place)
{
	struct trace named = { .table_family = place->family,
		.table = (char *)place->table,
		.chain = (char *)place->chain,
		.handle = place->handle,
		.legacy = place->legacy };
	trace_rule_read(&named);
	return named.rule;
}

/* Those who do not want them have said so. */
static bool wants_rules(const struct facts *facts)
{
	for (size_t i = 0; i < facts->collector_count; i++)
		if (strcmp(facts->collectors[i].name, "natrules") == 0)
			return true;
	return false;
}

/* 0 or -ENOMEM. That the rules cannot be read is told by a step. */
static int add_reading(
	const struct oneshot *oneshot, struct explanation *explanation, struct filter_rules **rules)
{
	struct connection_path *connection = &explanation->connection;
	if (!wants_rules(oneshot->facts))
		return 0;
	int error = filter_rules_read(oneshot->options->procfs, rules);
	connection_path_filter(connection, *rules, error);
	for (unsigned i = 0; i < 2; i++)
		connection->rule_texts[i] = rule_text(&connection->rules[i]);
	if (connection->steps[STEP_RULES] != RULES_DROP)
		return 0;
	struct explain_trace *reading = calloc(1, sizeof(*reading));
	if (!reading)
		return -ENOMEM;
	explanation->reading = reading;
	error = connection_path_trace(connection, &reading->trace);
	if (error < 0)
		return error;
	trace_rule_read(&reading->trace);
	forward_drop_tell(&reading->trace, &reading->told);
	return reading->told.failed ? -ENOMEM : 0;
}

static void explain_trace_free(struct explain_trace *traced)
{
	if (!traced)
		return;
	trace_clear(&traced->trace);
	finding_clear(&traced->told);
	free(traced);
}

/* ---- explaining ---- */

/* The way of the connection, made out, shown and, where that is wanted, traced. */
static int explain(const struct oneshot *oneshot, const struct path *path, const char *reason)
{
	const struct report_style style = oneshot_style(oneshot->options);
	struct explanation explanation = { .with = &oneshot->options->with,
		.connection = connection_path_of(oneshot->settings, oneshot->facts, path, reason) };
	/* What would be found, and a remedy for that, stands on more than the commands have changed here. */
	bool is_so = oneshot->options->with.count == 0;
	int result = 0;
	if (is_so)
		result = connection_path_judge(
			oneshot->settings, &explanation.connection, &explanation.findings);
	else
		explanation.findings = calloc(1, sizeof(*explanation.findings));
	if (result == 0 && !explanation.findings)
		result = -ENOMEM;
	if (result < 0)
		return complain(strerror(-result));
	explanation.flow = find_flow(oneshot, &explanation.connection);
	struct filter_rules *rules = NULL;
	result = add_reading(oneshot, &explanation, &rules);
	int status = result < 0                      ? complain(strerror(-result))
		     : wants_trace(oneshot->options) ? add_trace(oneshot, &explanation)
						     : 0;
	struct explain_trace *traced = explanation.trace;
	if (status == 0) {
		result = oneshot->options->writer->explanation(stdout, &style, &explanation);
		if (result == 0)
			result = oneshot_flush();
		bool breaks = connection_path_break(&explanation.connection) != STEPS ||
			      (traced && is_stopped(traced));
		status = result < 0                                     ? complain(strerror(-result))
			 : traced && traced->trace.end == TRACE_NOTHING ? COMMAND_FAILED
			 : breaks                                       ? COMMAND_FOUND
									: COMMAND_NOTHING;
	}
	explain_trace_free(traced);
	explain_trace_free(explanation.reading);
	for (unsigned i = 0; i < 2; i++)
		free((char *)explanation.connection.rule_texts[i]);
	filter_rules_free(rules);
	free(explanation.flow);
	findings_free(explanation.findings);
	return status;
}

/* ---- as if commands had been run ---- */

/* -1: not known. */
static int read_filter_of_all(const char *procfs)
{
	char *text;
	if (procfs_read(procfs, "sys/net/ipv4/conf/all/rp_filter", &text, NULL) < 0)
		return RP_FILTER_UNKNOWN;
	int value = atoi(text);
	free(text);
	return value;
}

/* Changes the facts. 0 or the exit status. */
static int apply_commands(const struct oneshot *oneshot, struct what_if *what_if)
{
	const struct text_list *with = &oneshot->options->with;
	what_if->facts = oneshot->facts;
	what_if->rp_filter_all = read_filter_of_all(oneshot->options->procfs);
	for (size_t i = 0; i < with->count; i++) {
		char message[WHAT_IF_MESSAGE_SIZE];
		if (what_if_apply(what_if, with->items[i], message) == 0)
			continue;
		fprintf(stderr, "%s: --with '%s': %s\n", explain_command.usage.name, with->items[i], message);
		return COMMAND_FAILED;
	}
	return 0;
}

static int find_path(struct oneshot *oneshot, struct what_if *what_if, struct path *path)
{
	struct netlink *netlink;
	if (oneshot->options->with.count)
		return reply_path_find(oneshot->facts, &oneshot->told, what_if_lookup, what_if, path);
	int result = netlink_open(NETLINK_ROUTE, &netlink);
	if (result < 0)
		return result;
	result = reply_path_find(oneshot->facts, &oneshot->told, ask_kernel, netlink, path);
	netlink_close(netlink);
	return result;
}

static int answer(struct oneshot *oneshot, const struct connection_question *question)
{
	struct path path = { 0 };
	struct what_if what_if = { .facts = NULL };
	const char *reason = NULL;
	int result = oneshot_judge(oneshot);
	if (result == 0 && report_could_not_look(oneshot->facts))
		return complain("devices or routes cannot be read");
	int status = result == 0 ? apply_commands(oneshot, &what_if) : 0;
	if (status) {
		what_if_clear(&what_if);
		return status;
	}
	if (result == 0)
		result = connection_question_choose(oneshot->facts, question, &path, &reason);
	if (result == -ENODEV)
		return refuse(question->device, "a device of this host");
	if (result == -EAFNOSUPPORT)
		return refuse("CLIENT and SERVICE", "addresses of one family");
	if (result == 0)
		result = find_path(oneshot, &what_if, &path);
	what_if_clear(&what_if);
	if (result == 0 && *what_if.doubt) {
		fprintf(stderr, "%s: --with: it cannot be told: %s\n", explain_command.usage.name,
			what_if.doubt);
		return COMMAND_FAILED;
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
	if (wants_trace(options) && options->with.count)
		return refuse("--with", "no --trace: what is not so cannot be traced");
	if (wants_trace(options) && question.port == 0)
		return refuse(options->arguments.items[1], "a port to trace, ADDRESS:PORT or [IPV6]:PORT");
	struct progress progress;
	progress_begin(&progress);
	int result = oneshot_open(&oneshot, options, &progress, message, sizeof(message));
	progress_end(&progress);
	int status = result < 0 ? complain(message) : answer(&oneshot, &question);
	oneshot_close(&oneshot);
	return status;
}

const struct command explain_command = {
	.usage = {
		.program = PROGRAM_EXPLAIN,
		.name = "oneway explain",
		.arguments = "CLIENT SERVICE[:PORT]",
		.argument_count = 2,
		.summary = "Follows one connection: how CLIENT's request reaches SERVICE and how the reply "
			   "leaves, with the rule, table and device that decide, and where it breaks. Sends "
			   "nothing, but for --trace --probe. Exit status: 0 nothing breaks it, 1 it breaks, 2 "
			   "could not look.",
	},
	.headline = "The way of one connection, request and reply, and where it breaks.",
	.run = run,
};
