// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collectors/base/clock.h"

/* The kernel answers before the request returns, unless the answer is lost. */
#define ANSWER_TIMEOUT_NS (2 * SECOND_NS)
#define INTERRUPTIONS_MAX 64

struct netlink {
	struct mnl_socket *socket;
	uint32_t sequence;
	bool strict;
	alignas(struct nlmsghdr) char buffer[NETLINK_BUFFER_SIZE];
};

static bool switch_on(struct mnl_socket *socket, int option)
{
	int on = 1;
	return mnl_socket_setsockopt(socket, option, &on, sizeof(on)) == 0;
}

static int prepare(struct netlink *netlink)
{
	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* None of these is needed to go on where the kernel is too old for it. */
	switch_on(netlink->socket, NETLINK_EXT_ACK);
	switch_on(netlink->socket, NETLINK_CAP_ACK);
	netlink->strict = switch_on(netlink->socket, NETLINK_GET_STRICT_CHK);
	return 0;
}

int netlink_open(int bus, struct netlink **out)
{
	struct netlink *netlink = calloc(1, sizeof(*netlink));
	if (!netlink)
		return -ENOMEM;
	netlink->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int error = netlink->socket ? prepare(netlink) : -errno;
	if (error < 0) {
		netlink_close(netlink);
		return error;
	}
	*out = netlink;
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink);
}

int netlink_descriptor(const struct netlink *netlink)
{
	return mnl_socket_get_fd(netlink->socket);
}

struct mnl_socket *netlink_socket(const struct netlink *netlink)
{
	return netlink->socket;
}

bool netlink_is_strict(const struct netlink *netlink)
{
	return netlink->strict;
}

uint32_t netlink_sequence(struct netlink *netlink)
{
	/* 0 is what notifications carry. */
	if (++netlink->sequence == 0)
		netlink->sequence = 1;
	return netlink->sequence;
}

int netlink_join(struct netlink *netlink, unsigned group)
{
	int value = (int)group;
	return mnl_socket_setsockopt(netlink->socket, NETLINK_ADD_MEMBERSHIP, &value, sizeof(value)) < 0
		       ? -errno
		       : 0;
}

int netlink_watch(const unsigned *groups, size_t count, struct netlink **out)
{
	struct netlink *netlink;
	int error = netlink_open(NETLINK_ROUTE, &netlink), joined = 0;
	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++) {
		int refused = netlink_join(netlink, groups[i]);
		joined += refused == 0;
		error = refused < 0 ? refused : error;
	}
	if (!joined) {
		netlink_close(netlink);
		return error;
	}
	*out = netlink;
	return 0;
}

static int send_all(struct netlink *netlink, const void *bytes, size_t size)
{
	for (int i = 0; i < INTERRUPTIONS_MAX; i++) {
		ssize_t sent = mnl_socket_sendto(netlink->socket, bytes, size);
		if (sent >= 0)
			return (size_t)sent == size ? 0 : -EMSGSIZE;
		if (errno != EINTR)
			return -errno;
	}
	return -EINTR;
}

/* Bytes received into the buffer, or a negative errno: -EAGAIN when nothing waits, or has come until then. */
static ssize_t receive(struct netlink *netlink, int64_t until_ns)
{
	struct pollfd polled = { .fd = mnl_socket_get_fd(netlink->socket), .events = POLLIN };
	for (int i = 0; i < INTERRUPTIONS_MAX; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(polled.fd, netlink->buffer, sizeof(netlink->buffer),
			MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);
		int64_t left_ns =
			size < 0 && errno == EAGAIN && until_ns ? until_ns - clock_ns(CLOCK_MONOTONIC) : 0;
		if (left_ns > 0) {
			poll(&polled, 1, (int)((left_ns + MILLISECOND_NS - 1) / MILLISECOND_NS));
			continue;
		}
		if (size < 0 && errno != EINTR)
			return -errno;
		/* A privileged process may write to this socket too; only the kernel is believed. */
		if (size < 0 || from.nl_pid != 0)
			continue;
		return (size_t)size > sizeof(netlink->buffer) ? -EMSGSIZE : size;
	}
	return -EINTR;
}

/* Hands over the messages of one read until one is answered with anything but 0. */
static int each_message(
	const struct netlink *netlink, size_t size, netlink_message_function *message, void *argument)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)netlink->buffer;
	int left = (int)size;
	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		int result = message(header, argument);
		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- dump ---- */

static int error_of(const struct nlmsghdr *header)
{
	int error = 0;
	if (mnl_nlmsg_get_payload_len(header) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
	return error <= 0 ? error : -error;
}

/* 1 ends the dump. */
static int dump_message(const struct nlmsghdr *header, void *argument)
{
	struct netlink_dump *dump = argument;
	if (header->nlmsg_seq != dump->sequence)
		return 0;
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		dump->inconsistent = true;
	bool ends = header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR;
	int error = 0;
	if (ends)
		error = error_of(header);
	else if (header->nlmsg_type >= NLMSG_MIN_TYPE && dump->error == 0)
		error = dump->message(header, dump->argument);
	if (error < 0 && dump->error == 0)
		dump->error = error;
	return ends;
}

static int send_dump(struct netlink *netlink, struct netlink_dump *dump)
{
	struct nlmsghdr *request = (struct nlmsghdr *)dump->request;
	dump->sequence = request->nlmsg_seq = netlink_sequence(netlink);
	dump->inconsistent = false;
	dump->error = 0;
	return send_all(netlink, request, request->nlmsg_len);
}

int netlink_dump_begin(struct netlink *netlink, struct netlink_dump *dump, const struct nlmsghdr *request)
{
	if (request->nlmsg_len > sizeof(dump->request))
		return -EMSGSIZE;
	memcpy(dump->request, request, request->nlmsg_len);
	((struct nlmsghdr *)dump->request)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	dump->tries = 0;
	return send_dump(netlink, dump);
}

int netlink_dump_read(struct netlink *netlink, struct netlink_dump *dump)
{
	ssize_t size = receive(netlink, clock_ns(CLOCK_MONOTONIC) + ANSWER_TIMEOUT_NS);
	if (size < 0)
		return size == -EAGAIN ? -ETIMEDOUT : (int)size;
	if (each_message(netlink, (size_t)size, dump_message, dump) == 0)
		return 0;
	/* An earlier dump was left unfinished (its answer was lost): read it to its end. */
	if (dump->error == -EBUSY)
		netlink_drain(netlink, NULL, NULL);
	else if (dump->error < 0 || !dump->inconsistent)
		return dump->error < 0 ? dump->error : 1;
	else if (!dump->restart)
		return -EINTR;
	if (++dump->tries == NETLINK_DUMP_TRIES)
		return -EINTR;
	if (dump->restart)
		dump->restart(dump->argument);
	return send_dump(netlink, dump);
}

int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message,
	void (*restart)(void *argument), void *argument)
{
	struct netlink_dump dump = { .message = message, .restart = restart, .argument = argument };
	int result = netlink_dump_begin(netlink, &dump, request);
	while (result == 0)
		result = netlink_dump_read(netlink, &dump);
	return result < 0 ? result : 0;
}

/* ---- request and answer ---- */

struct exchange {
	size_t left;
	netlink_message_function *message;
	void *argument;
};

static int exchange_message(const struct nlmsghdr *header, void *argument)
{
	struct exchange *exchange = argument;
	int result = exchange->message(header, exchange->argument);
	if (result > 0)
		exchange->left--;
	return result < 0 ? result : exchange->left == 0;
}

int netlink_exchange(struct netlink *netlink, const void *requests, size_t size, size_t answers,
	netlink_message_function *message, void *argument)
{
	struct exchange exchange = { answers, message, argument };
	int result = answers == 0 ? 1 : send_all(netlink, requests, size);
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + ANSWER_TIMEOUT_NS;
	while (result == 0) {
		ssize_t length = receive(netlink, until_ns);
		if (length < 0)
			return length == -EAGAIN ? -ETIMEDOUT : (int)length;
		result = each_message(netlink, (size_t)length, exchange_message, &exchange);
	}
	return result < 0 ? result : 0;
}

struct question {
	uint32_t sequence;
	netlink_message_function *message;
	void *argument;
};

static int question_message(const struct nlmsghdr *header, void *argument)
{
	const struct question *question = argument;
	if (header->nlmsg_seq != question->sequence)
		return 0;
	bool ends = header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE;
	int error = ends ? error_of(header) : question->message(header, question->argument);
	return error < 0 ? error : 1;
}

int netlink_ask(
	struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message, void *argument)
{
	struct question question = { netlink_sequence(netlink), message, argument };
	request->nlmsg_flags |= NLM_F_REQUEST;
	request->nlmsg_seq = question.sequence;
	return netlink_exchange(netlink, request, request->nlmsg_len, 1, question_message, &question);
}

/* ---- notifications ---- */

int netlink_drain(struct netlink *netlink, netlink_message_function *message, void *argument)
{
	int some = 0;
	for (int i = 0; i < NETLINK_DRAIN_READS; i++) {
		ssize_t size = receive(netlink, 0);
		if (size == -EAGAIN)
			return some;
		/* A notification that does not fit is lost like one that found no room. */
		bool lost = size == -ENOBUFS || size == -EMSGSIZE;
		if (lost)
			size = 0;
		if (size < 0) /* what was read before it counts; an error that lasts is met again */
			return some ? some : (int)size;
		some = lost || some == NETLINK_LOST ? NETLINK_LOST : 1;
		int result = message ? each_message(netlink, (size_t)size, message, argument) : 0;
		if (result < 0)
			return result;
	}
	return some;
}

/* ---- attributes ---- */

bool attribute_bytes(const struct nlattr *attribute, void *out, size_t size)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != size)
		return false;
	memcpy(out, mnl_attr_get_payload(attribute), size);
	return true;
}

bool attribute_u8(const struct nlattr *attribute, uint8_t *out)
{
	return attribute_bytes(attribute, out, sizeof(*out));
}

bool attribute_u16(const struct nlattr *attribute, uint16_t *out)
{
	return attribute_bytes(attribute, out, sizeof(*out));
}

bool attribute_u32(const struct nlattr *attribute, uint32_t *out)
{
	return attribute_bytes(attribute, out, sizeof(*out));
}

bool attribute_text(const struct nlattr *attribute, char *out, size_t size)
{
	if (!attribute || size == 0)
		return false;
	size_t length = strnlen(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
	if (length >= size)
		length = size - 1;
	memcpy(out, mnl_attr_get_payload(attribute), length);
	out[length] = '\0';
	return true;
}

bool attributes_of_bytes(const void *bytes, size_t size, const struct nlattr **table, unsigned most)
{
	const char *at = bytes;
	size_t left = size;
	for (unsigned type = 0; type <= most; type++)
		table[type] = NULL;
	while (left > 0) {
		const struct nlattr *attribute = (const struct nlattr *)at;
		if (left < sizeof(*attribute) || attribute->nla_len < sizeof(*attribute) ||
			attribute->nla_len > left)
			return false;
		if (mnl_attr_get_type(attribute) <= most)
			table[mnl_attr_get_type(attribute)] = attribute;
		size_t step = MNL_ALIGN(attribute->nla_len);
		if (step >= left)
			break; /* the last one may lack its padding */
		at += step;
		left -= step;
	}
	return true;
}

bool attributes_of_message(
	const struct nlmsghdr *header, size_t header_size, const struct nlattr **table, unsigned most)
{
	size_t payload = mnl_nlmsg_get_payload_len(header), skip = MNL_ALIGN(header_size);
	if (header->nlmsg_len < MNL_NLMSG_HDRLEN || payload < skip)
		return false;
	return attributes_of_bytes(
		(const char *)mnl_nlmsg_get_payload(header) + skip, payload - skip, table, most);
}

bool attributes_of_nest(const struct nlattr *nest, const struct nlattr **table, unsigned most)
{
	return nest &&
	       attributes_of_bytes(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), table, most);
}
