// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/socket/listen.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/growth.h"
#include "collectors/base/inet_diag.h"
#include "collectors/collector.h"

#define REFRESH_NS (2 * INT64_C(1000000000))

struct listening {
	struct netlink *netlink;
	bool fresh;
	int64_t read_ns;
	struct listener *listeners;
	size_t count;
};

static bool is_any(const struct address *address)
{
	static const uint8_t zero[sizeof(address->bytes)];
	return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

static struct address unmapped(const struct address *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (address->family == AF_INET6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0)
		return address_make(AF_INET, address->bytes + sizeof(mapped));
	return *address;
}

static struct address served(const struct address *address, bool v6_only)
{
	if (address->family == AF_INET6 && is_any(address) && !v6_only)
		return (struct address){ 0 };
	return unmapped(address);
}

int listen_parse(const struct nlmsghdr *header, struct listener *out)
{
	const struct nlattr *table[INET_DIAG_MAX + 1];
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		!attributes_of_message(header, sizeof(struct inet_diag_msg), table, INET_DIAG_MAX))
		return -EBADMSG;
	struct inet_diag_msg message;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	if (address_size(message.idiag_family) == 0)
		return -EBADMSG;
	struct address address = address_make(message.idiag_family, message.id.idiag_src);
	/* Told of each IPv6 listener unasked (net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill). */
	uint8_t v6_only = 0;
	attribute_u8(table[INET_DIAG_SKV6ONLY], &v6_only);
	*out = (struct listener){ .address = served(&address, v6_only != 0),
		.port = ntohs(message.id.idiag_sport),
		.uid = message.idiag_uid,
		.ifindex = (int)message.id.idiag_if };
	return 0;
}

struct reading {
	struct listening *listening;
	size_t first; /* what the other family brought */
};

static int take_listener(const struct nlmsghdr *header, void *argument)
{
	struct reading *reading = argument;
	struct listener listener;
	int error = listen_parse(header, &listener);
	if (error < 0)
		return error;
	struct listener *item = GROW(reading->listening->listeners, reading->listening->count);
	if (!item)
		return -ENOMEM;
	*item = listener;
	return 0;
}

static void forget_listeners(void *argument)
{
	struct reading *reading = argument;
	reading->listening->count = reading->first;
}

static int read_family(struct listening *listening, uint8_t family)
{
	struct reading reading = { listening, listening->count };
	return inet_diag_dump(
		listening->netlink, family, 1 << TCP_LISTEN, take_listener, forget_listeners, &reading);
}

static int refresh(struct listening *listening, int64_t now)
{
	if (listening->fresh && now >= listening->read_ns && now - listening->read_ns < REFRESH_NS)
		return 0;
	listening->count = 0;
	listening->read_ns = now;
	int error = read_family(listening, AF_INET);
	if (error == 0)
		error = read_family(listening, AF_INET6);
	listening->fresh = error == 0;
	return error;
}

static void listen_destroy(void *context)
{
	struct listening *listening = context;
	if (!listening)
		return;
	netlink_close(listening->netlink);
	free(listening->listeners);
	free(listening);
}

static int listen_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct listening *listening = calloc(1, sizeof(*listening));
	if (!listening)
		return -ENOMEM;
	int error = inet_diag_open(&listening->netlink);
	if (error < 0) {
		listen_destroy(listening);
		return error;
	}
	*context = listening;
	return 0;
}

static int listen_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct listening *listening = context;
	int error = refresh(listening, facts->monotonic_ns);
	if (error < 0)
		return error;
	for (size_t i = 0; i < listening->count; i++) {
		struct listener *listener = GROW(facts->listeners, facts->listener_count);
		if (!listener)
			return -ENOMEM;
		*listener = listening->listeners[i];
	}
	return 0;
}

const struct collector listen_collector = {
	.name = "listen",
	.summary = "TCP sockets that listen, and whose they are",
	.init = listen_init,
	.collect = listen_collect,
	.destroy = listen_destroy,
};
