// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/socket/socket.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/base/kernel_module.h"
#include "collectors/base/netlink.h"
#include "collectors/base/procfs.h"
#include "collectors/collector.h"
#include "collectors/socket/socket_proc.h"

#define LISTEN_REFRESH_NS     (2 * SECOND_NS)
#define SYNRECV_REFRESH_NS    SECOND_NS
#define SYNRECV_REPEATS_LEAST 2

/* Of one of the two collectors, and of both families: those that listen, or those in TCP_SYN_RECV. */
struct sockets {
	struct netlink *netlink;
	bool fresh, diag; /* diag: tcp_diag is loaded; else /proc tells */
	int64_t read_ns;
	struct listener *listeners;
	size_t listener_count;
	struct syn_recv_list syn_recv;
};

static int socket_parse(const struct nlmsghdr *header, struct inet_diag_msg *message, struct address *address)
{
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(header) < sizeof(*message))
		return -EBADMSG;
	memcpy(message, mnl_nlmsg_get_payload(header), sizeof(*message));
	const uint8_t *bytes = (const uint8_t *)message->id.idiag_src;
	*address = message->idiag_family == AF_INET6 ? address_unmapped(bytes)
						     : address_make(message->idiag_family, bytes);
	return address_is_none(address) ? -EBADMSG : 0;
}

int listen_parse(const struct nlmsghdr *header, struct listener *out)
{
	static const struct address any = { .family = AF_INET6 };
	const struct nlattr *table[INET_DIAG_MAX + 1];
	struct inet_diag_msg message;
	struct address address;
	if (socket_parse(header, &message, &address) < 0 ||
		!attributes_of_message(header, sizeof(message), table, INET_DIAG_MAX))
		return -EBADMSG;
	/* Told of each IPv6 listener unasked (net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill). */
	uint8_t v6_only = 0;
	uint32_t mark = 0;
	attribute_u8(table[INET_DIAG_SKV6ONLY], &v6_only);
	if (address_equal(&address, &any) && !v6_only)
		address = (struct address){ 0 };
	*out = (struct listener){ .address = address,
		.port = ntohs(message.id.idiag_sport),
		.uid = message.idiag_uid,
		.ifindex = (int)message.id.idiag_if,
		.mark_known = attribute_u32(table[INET_DIAG_MARK], &mark),
		.mark = mark };
	return 0;
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
	struct syn_recv *item = ARRAY_ADD(list->items, list->count);
	if (!item)
		return -ENOMEM;
	*item = (struct syn_recv){ .address = *address, .unanswered = unanswered };
	return 0;
}

int synrecv_parse(const struct nlmsghdr *header, struct syn_recv_list *list)
{
	struct inet_diag_msg message;
	struct address address;
	int error = socket_parse(header, &message, &address);
	/* Request sockets: their state is TCP_SYN_RECV, a socket with TCP_FASTOPEN may have it as well. */
	if (error < 0 || message.idiag_state != TCP_SYN_RECV || message.idiag_retrans < SYNRECV_REPEATS_LEAST)
		return error;
	return synrecv_add(&address, 1, list);
}

bool listen_unmarked(const struct listener *listeners, size_t count, const char *accepts)
{
	for (size_t i = 0; i < count; i++)
		if (!listeners[i].mark_known || listeners[i].mark)
			return false;
	return strcmp(accepts, "0\n") == 0;
}

/* ---- the kernel ---- */

static int listen_message(const struct nlmsghdr *header, void *argument)
{
	struct sockets *sockets = argument;
	struct listener listener;
	int error = listen_parse(header, &listener);
	if (error < 0)
		return error;
	struct listener *item = ARRAY_ADD(sockets->listeners, sockets->listener_count);
	if (!item)
		return -ENOMEM;
	*item = listener;
	return 0;
}

static int synrecv_message(const struct nlmsghdr *header, void *argument)
{
	struct sockets *sockets = argument;
	return synrecv_parse(header, &sockets->syn_recv);
}

static int add_proc_socket(const struct proc_socket *socket, void *argument)
{
	struct sockets *sockets = argument;
	if (socket->state != TCP_LISTEN)
		return socket->repeats < SYNRECV_REPEATS_LEAST
			       ? 0
			       : synrecv_add(&socket->address, 1, &sockets->syn_recv);
	struct listener *item = ARRAY_ADD(sockets->listeners, sockets->listener_count);
	if (!item)
		return -ENOMEM;
	*item = (struct listener){ .address = socket->address, .port = socket->port, .uid = socket->uid };
	return 0;
}

static int sockets_read(struct sockets *sockets, const char *procfs, uint8_t state,
	netlink_message_function *message, int64_t now_ns, int64_t refresh_ns)
{
	char buffer[MNL_NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2)] __attribute__((aligned(4))) = { 0 };
	if (sockets->fresh && now_ns >= sockets->read_ns && now_ns - sockets->read_ns < refresh_ns)
		return 0;
	sockets->fresh = false;
	sockets->read_ns = now_ns;
	sockets->listener_count = sockets->syn_recv.count = 0;
	sockets->diag = sockets->diag || kernel_module_is_there(procfs, "tcp_diag");
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	struct inet_diag_req_v2 *diag = mnl_nlmsg_put_extra_header(request, sizeof(*diag));
	diag->sdiag_protocol = IPPROTO_TCP;
	diag->idiag_states = 1U << state;
	for (int i = 0; i < 2; i++) {
		diag->sdiag_family = i == 0 ? AF_INET : AF_INET6;
		/* Never inconsistent, and so never repeated: inet_diag keeps no sequence
		 * (nl_dump_check_consistent). */
		int error = sockets->diag ? netlink_dump(sockets->netlink, request, message, NULL, sockets)
					  : -ENOENT;
		if (error == -ENOENT) /* not loaded, or this kernel has none */
			error = proc_sockets_read(
				procfs, diag->sdiag_family, state, add_proc_socket, sockets);
		if (error < 0)
			return error;
	}
	sockets->fresh = true;
	return 0;
}

/* ---- the collectors ---- */

static void sockets_destroy(void *context)
{
	struct sockets *sockets = context;
	if (!sockets)
		return;
	netlink_close(sockets->netlink);
	free(sockets->listeners);
	free(sockets->syn_recv.items);
	free(sockets);
}

static int sockets_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct sockets *sockets = calloc(1, sizeof(*sockets));
	if (!sockets)
		return -ENOMEM;
	int error = netlink_open(NETLINK_SOCK_DIAG, &sockets->netlink);
	if (error < 0) {
		sockets_destroy(sockets);
		/* A kernel without CONFIG_INET_DIAG may have no such bus either. */
		return error == -EPROTONOSUPPORT ? -EOPNOTSUPP : error;
	}
	*context = sockets;
	return 0;
}

static int listen_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct sockets *sockets = context;
	int error = sockets_read(sockets, settings->procfs, TCP_LISTEN, listen_message, facts->monotonic_ns,
		LISTEN_REFRESH_NS);
	if (error < 0)
		return error;
	for (size_t i = 0; i < sockets->listener_count; i++) {
		struct listener *listener = ARRAY_ADD(facts->listeners, facts->listener_count);
		if (!listener)
			return -ENOMEM;
		*listener = sockets->listeners[i];
	}
	char *accepts = NULL;
	if (procfs_read(settings->procfs, "sys/net/ipv4/tcp_fwmark_accept", &accepts, NULL) == 0)
		facts->listeners_unmarked =
			listen_unmarked(sockets->listeners, sockets->listener_count, accepts);
	free(accepts);
	return 0;
}

static int synrecv_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct sockets *sockets = context;
	int error = sockets_read(sockets, settings->procfs, TCP_SYN_RECV, synrecv_message,
		facts->monotonic_ns, SYNRECV_REFRESH_NS);
	for (size_t i = 0; error == 0 && i < sockets->syn_recv.count; i++) {
		struct syn_recv *item = ARRAY_ADD(facts->syn_recv, facts->syn_recv_count);
		if (item)
			*item = sockets->syn_recv.items[i];
		else
			error = -ENOMEM;
	}
	facts->syn_recv_known = error == 0;
	return error;
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

const struct collector listen_collector = {
	.name = "listen",
	.summary = "TCP sockets that listen, and whose they are",
	.init = sockets_init,
	.collect = listen_collect,
	.destroy = sockets_destroy,
	.procfs = true,
};

const struct collector synrecv_collector = {
	.name = "synrecv",
	.summary = "connections whose SYN-ACK was repeated because no acknowledgement comes",
	.init = sockets_init,
	.collect = synrecv_collect,
	.destroy = sockets_destroy,
	.procfs = true,
	.families = synrecv_metrics,
};
