// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/tracer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "collectors/base/netlink.h"
#include "collectors/trace/nft_client.h"
#include "collectors/trace/trace_build.h"

/* Room for the ways of some hundred packets, should others trace as well. */
#define EVENTS_ROOM (1 << 20)
/* Taking the table away is tried again after this. */
#define RETRY_NS (100 * INT64_C(1000000))

struct tracer {
	struct nft_ctx *client;
	struct netlink *events, *requests, *routes;
	char name[TRACE_TABLE_NAME_SIZE];
	bool armed; /* there is a table */
	bool over;  /* a trace waits to be taken */
	int64_t until_ns, retry_ns;
	struct trace_subject subject;
	struct trace_way way;
};

/* ---- open and close ---- */

static int open_events(struct netlink **out)
{
	int room = EVENTS_ROOM;
	int error = netlink_open(NETLINK_NETFILTER, out);
	if (error < 0)
		return error == -EPROTONOSUPPORT ? -EOPNOTSUPP : error;
	setsockopt(netlink_descriptor(*out), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	error = netlink_join(*out, NFNLGRP_NFTRACE);
	return error == -EINVAL || error == -ENOENT ? -EOPNOTSUPP : error;
}

static int make_name(struct tracer *tracer)
{
	uint32_t number;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(tracer->name, sizeof(tracer->name), TRACE_TABLE_PREFIX "%08x", number);
	return 0;
}

int tracer_open(struct tracer **out)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	if (!tracer)
		return -ENOMEM;
	int error = make_name(tracer);
	if (error == 0)
		error = open_events(&tracer->events);
	if (error == 0)
		error = netlink_open(NETLINK_NETFILTER, &tracer->requests);
	if (error == 0)
		error = netlink_open(NETLINK_ROUTE, &tracer->routes);
	if (error == 0)
		error = nft_client_open(&tracer->client);
	if (error < 0) {
		tracer_close(tracer);
		return error;
	}
	*out = tracer;
	return 0;
}

static int tracer_disarm(struct tracer *tracer)
{
	char text[TRACE_TABLE_TEXT_SIZE];
	if (!tracer->armed)
		return 0;
	int error = nft_client_run(tracer->client, trace_table_remove(tracer->name, text));
	if (error == 0 || error == -ENOENT)
		tracer->armed = false;
	return tracer->armed ? error : 0;
}

/* The table has an owner: what tracer_disarm() could not remove goes with the socket. */
void tracer_close(struct tracer *tracer)
{
	if (!tracer)
		return;
	tracer_disarm(tracer);
	nft_client_close(tracer->client);
	netlink_close(tracer->events);
	netlink_close(tracer->requests);
	netlink_close(tracer->routes);
	free(tracer);
}

int tracer_descriptor(const struct tracer *tracer)
{
	return netlink_descriptor(tracer->events);
}

/* ---- generation ---- */

static int take_generation(const struct nlmsghdr *header, void *argument)
{
	const struct nlattr *table[NFTA_GEN_MAX + 1];
	uint32_t raw;
	if (header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) &&
		attributes_of_message(header, sizeof(struct nfgenmsg), table, NFTA_GEN_MAX) &&
		attribute_u32(table[NFTA_GEN_ID], &raw))
		*(uint32_t *)argument = ntohl(raw);
	return 1;
}

uint32_t tracer_generation(struct tracer *tracer)
{
	char buffer[MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)] __attribute__((aligned(4))) = { 0 };
	uint32_t generation = 0;
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	request->nlmsg_flags = NLM_F_REQUEST;
	request->nlmsg_seq = netlink_sequence(tracer->requests);
	mnl_nlmsg_put_extra_header(request, sizeof(struct nfgenmsg));
	if (netlink_exchange(tracer->requests, request, request->nlmsg_len, 1, take_generation, &generation) <
		0)
		netlink_drain(tracer->requests, NULL, NULL);
	return generation;
}

/* ---- arm, read, disarm ---- */

int tracer_arm(
	struct tracer *tracer, const struct trace_subject *subject, int64_t now_ns, int64_t duration_ns)
{
	char text[TRACE_TABLE_TEXT_SIZE];
	if (tracer->armed || tracer->over)
		return -EBUSY;
	netlink_drain(tracer->events, NULL, NULL);
	int error = nft_client_run(tracer->client, trace_table_make(tracer->name, subject, text));
	if (error < 0) {
		if (error == -EEXIST)
			make_name(tracer);
		return error;
	}
	tracer->armed = true;
	tracer->until_ns = now_ns + duration_ns;
	tracer->retry_ns = 0;
	tracer->subject = *subject;
	memset(&tracer->way, 0, sizeof(tracer->way));
	return 0;
}

struct tracer_reading {
	struct tracer *tracer;
	int64_t now_ns;
};

static int tracer_message(const struct nlmsghdr *header, void *argument)
{
	const struct tracer_reading *reading = argument;
	struct trace_message message;
	if (trace_message_parse(header, &message) == 0)
		trace_way_add(&reading->tracer->way, reading->tracer->name, &message, reading->now_ns);
	return 0;
}

int tracer_advance(struct tracer *tracer, int64_t now_ns)
{
	struct tracer_reading reading = { tracer, now_ns };
	bool wanted = tracer->armed && !tracer->over;
	/* also while nothing is armed: somebody else may trace */
	int read = netlink_drain(tracer->events, wanted ? tracer_message : NULL, &reading);
	int error = read < 0 ? read : 0;
	if (!tracer->armed)
		return error;
	if (read == NETLINK_LOST &&
		!tracer->way.over) /* a way with a gap says nothing; there will be others */
		memset(&tracer->way, 0, sizeof(tracer->way));
	trace_way_advance(&tracer->way, now_ns);
	if (!tracer->over && (tracer->way.over || now_ns >= tracer->until_ns)) {
		tracer->over = true;
		tracer->until_ns = INT64_MAX;
	}
	if (!tracer->over)
		return error;
	int disarmed = tracer_disarm(tracer);
	tracer->retry_ns = now_ns + RETRY_NS;
	return disarmed < 0 ? disarmed : error;
}

bool tracer_is_armed(const struct tracer *tracer)
{
	return tracer->armed;
}

bool tracer_is_over(const struct tracer *tracer)
{
	return tracer->over;
}

int64_t tracer_due(const struct tracer *tracer)
{
	int64_t vanished_ns = tracer->way.last_ns + TRACE_WAY_SILENCE_NS;
	if (!tracer->armed)
		return INT64_MAX;
	if (tracer->over)
		return tracer->retry_ns;
	return tracer->way.begun && vanished_ns < tracer->until_ns ? vanished_ns : tracer->until_ns;
}

int tracer_take(struct tracer *tracer, const struct facts *facts, bool steps, struct trace_subject *subject,
	struct trace *trace)
{
	const struct trace_sources sources = { tracer->client, tracer->routes, facts, steps };
	int error = trace_build(&sources, &tracer->subject, &tracer->way, trace);
	tracer->over = false;
	if (error == 0)
		*subject = tracer->subject;
	return error;
}
