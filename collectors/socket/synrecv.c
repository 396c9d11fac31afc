// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/socket/synrecv.h"

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

#define REFRESH_NS    INT64_C(1000000000)
#define REPEATS_LEAST 2

struct receiving {
	struct netlink *netlink;
	bool fresh;
	int64_t read_ns;
	struct syn_recv_list list;
};

static struct address unmapped(uint8_t family, const void *bytes)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return address_make(AF_INET, (const uint8_t *)bytes + sizeof(mapped));
	return address_make(family, bytes);
}

int synrecv_add(const struct address *address, uint32_t unanswered, struct syn_recv_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (address_equal(&list->items[i].address, address)) {
			list->items[i].unanswered += unanswered;
			return 0;
		}
	if (list->count == SYNRECV_ADDRESSES_MAX)
		return 0;
	struct syn_recv *item = GROW(list->items, list->count);
	if (!item)
		return -ENOMEM;
	*item = (struct syn_recv){ .address = *address, .unanswered = unanswered };
	return 0;
}

int synrecv_parse(const struct nlmsghdr *header, struct syn_recv_list *list)
{
	struct inet_diag_msg message;
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(header) < sizeof(message))
		return -EBADMSG;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	if (address_size(message.idiag_family) == 0)
		return -EBADMSG;
	/* Request sockets: their state is TCP_SYN_RECV, a socket with TCP_FASTOPEN may have it as well. */
	if (message.idiag_state != TCP_SYN_RECV || message.idiag_retrans < REPEATS_LEAST)
		return 0;
	struct address address = unmapped(message.idiag_family, message.id.idiag_src);
	return synrecv_add(&address, 1, list);
}

/* ---- the kernel ---- */

static int take_message(const struct nlmsghdr *header, void *argument)
{
	return synrecv_parse(header, argument);
}

static void forget_all(void *argument)
{
	struct syn_recv_list *list = argument;
	list->count = 0;
}

/* The list must be empty. */
static int read_family(struct netlink *netlink, uint8_t family, struct syn_recv_list *list)
{
	return inet_diag_dump(netlink, family, 1 << TCP_SYN_RECV, take_message, forget_all, list);
}

/* The same IPv4 address may come from sockets of both families. */
static int merge(const struct syn_recv_list *from, struct syn_recv_list *list)
{
	int error = 0;
	for (size_t i = 0; i < from->count && error == 0; i++)
		error = synrecv_add(&from->items[i].address, from->items[i].unanswered, list);
	return error;
}

static int read_all(struct netlink *netlink, struct syn_recv_list *list)
{
	struct syn_recv_list other = { 0 };
	int error = read_family(netlink, AF_INET, list);
	if (error == 0)
		error = read_family(netlink, AF_INET6, &other);
	if (error == 0)
		error = merge(&other, list);
	free(other.items);
	return error;
}

static int refresh(struct receiving *receiving, int64_t now)
{
	struct syn_recv_list list = { 0 };
	if (receiving->fresh && now >= receiving->read_ns && now - receiving->read_ns < REFRESH_NS)
		return 0;
	receiving->read_ns = now;
	int error = read_all(receiving->netlink, &list);
	receiving->fresh = error == 0;
	if (error < 0) {
		free(list.items);
		return error;
	}
	free(receiving->list.items);
	receiving->list = list;
	return 0;
}

/* ---- the collector ---- */

static void synrecv_destroy(void *context)
{
	struct receiving *receiving = context;
	if (!receiving)
		return;
	netlink_close(receiving->netlink);
	free(receiving->list.items);
	free(receiving);
}

static int synrecv_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct receiving *receiving = calloc(1, sizeof(*receiving));
	if (!receiving)
		return -ENOMEM;
	int error = inet_diag_open(&receiving->netlink);
	if (error < 0) {
		synrecv_destroy(receiving);
		return error;
	}
	*context = receiving;
	return 0;
}

static int synrecv_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct receiving *receiving = context;
	int error = refresh(receiving, facts->monotonic_ns);
	if (error < 0)
		return error;
	for (size_t i = 0; i < receiving->list.count; i++) {
		struct syn_recv *item = GROW(facts->syn_recv, facts->syn_recv_count);
		if (!item)
			return -ENOMEM;
		*item = receiving->list.items[i];
	}
	facts->syn_recv_known = true;
	return 0;
}

/* ---- metrics ---- */

static void emit_syn_recv_unanswered(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; facts->syn_recv_known && i < facts->syn_recv_count; i++) {
		char address[ADDRESS_TEXT_SIZE];
		metric_add(sink, facts->syn_recv[i].unanswered,
			address_format(&facts->syn_recv[i].address, address));
	}
}

static const struct metric_family synrecv_metrics[] = {
	{ .name = "oneway_syn_recv_unanswered",
		.type = METRIC_GAUGE,
		.labels = { "address" },
		.help = "Connections to a local address whose SYN-ACK was repeated twice or more.",
		.emit = emit_syn_recv_unanswered },
	{ 0 },
};

const struct collector synrecv_collector = {
	.name = "synrecv",
	.summary = "connections whose SYN-ACK was repeated because no acknowledgement comes",
	.init = synrecv_init,
	.collect = synrecv_collect,
	.destroy = synrecv_destroy,
	.families = synrecv_metrics,
};
