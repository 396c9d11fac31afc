// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/explain_trace.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alerts/condition/forward_drop.h"
#include "collectors/base/clock.h"
#include "collectors/trace/tracer.h"

/* ---- signals ---- */

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

/* ---- the probe ---- */

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

/* ---- waiting ---- */

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

static int take_trace(struct tracer *tracer, const struct facts *facts, struct explain_trace *out)
{
	struct trace_subject subject;
	struct explain_trace traced = { 0 };
	int result = tracer_take(tracer, facts, true, &subject, &traced.trace);
	if (result < 0)
		return result;
	if (explain_trace_breaks(&traced))
		forward_drop_tell(&traced.trace, &traced.told);
	if (traced.told.failed)
		result = -ENOMEM;
	if (result < 0)
		explain_trace_clear(&traced);
	else
		*out = traced;
	return result;
}

static int trace_armed(struct tracer *tracer, const struct trace_wait *wait, const struct facts *facts,
	struct explain_trace *out)
{
	sigset_t before;
	int signals = open_signals(&before);
	if (signals < 0)
		return signals;
	int probe = wait->probe ? open_probe(&wait->subject) : -1;
	int result = wait->probe && probe < 0 ? probe : wait_until_over(tracer, signals);
	if (probe >= 0)
		close(probe);
	close(signals);
	if (result != -EINTR) /* the one that came is meant for us, and has been heard */
		sigprocmask(SIG_SETMASK, &before, NULL);
	return result == 0 ? take_trace(tracer, facts, out) : result;
}

int explain_trace_wait(const struct trace_wait *wait, const struct facts *facts, struct explain_trace *out,
	char *message, size_t size)
{
	struct tracer *tracer = NULL;
	int result = tracer_open(&tracer);
	if (result == 0)
		result = tracer_arm(tracer, &wait->subject, clock_ns(CLOCK_MONOTONIC), wait->duration_ns);
	if (result == 0) {
		const struct trace_subject *subject = &wait->subject;
		char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
		address_format(&subject->address, service);
		if (wait->probe)
			fprintf(stderr, "Opening one connection from this host to %s port %u\n", service,
				subject->port);
		else
			fprintf(stderr,
				"Waiting up to %lld s for a connection from %s to %s port %u that comes in "
				"by %s: make one now. Ctrl-C ends it.\n",
				(long long)(wait->duration_ns / SECOND_NS),
				address_format(&subject->client, client), service, subject->port,
				facts_device_name(facts, subject->arrival));
		result = trace_armed(tracer, wait, facts, out);
	}
	tracer_close(tracer);
	if (result < 0)
		snprintf(message, size, "--trace: %s",
			result == -EPERM ? "not permitted: needs CAP_NET_ADMIN"
			: result == -EOPNOTSUPP
				? "this kernel has no nftables tables that belong to a process (Linux 5.12)"
			: result == -EINTR ? "interrupted"
					   : strerror(-result));
	return result;
}

void explain_trace_clear(struct explain_trace *traced)
{
	trace_clear(&traced->trace);
	finding_clear(&traced->told);
}

bool explain_trace_breaks(const struct explain_trace *traced)
{
	return traced->trace.end != TRACE_PASSED && traced->trace.end != TRACE_NOTHING;
}
