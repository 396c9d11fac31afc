/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The shared netlink reader, on libmnl. All sockets are CLOEXEC and belong to the namespace the calling
 * thread stands in when they are opened. One socket carries one conversation at a time: notifications have a
 * socket of their own. An answer that does not come is waited for 2 s, then the request fails with
 * -ETIMEDOUT.
 */

#include <libmnl/libmnl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel never puts more than this into one answer to a dump (NLMSG_GOODSIZE, net/netlink/af_netlink.c).
 */
#define NETLINK_BUFFER_SIZE 32768

struct netlink;

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG. Extended acknowledgements are on, strict checking
 * of requests where the kernel has it (4.20). 0 or negative errno; *out is written on success only. */
int netlink_open(int bus, struct netlink **out);
void netlink_close(struct netlink *netlink);
int netlink_descriptor(const struct netlink *netlink);
struct mnl_socket *netlink_socket(const struct netlink *netlink);
/* The kernel checks requests strictly, and so heeds the filters in dump requests. */
bool netlink_is_strict(const struct netlink *netlink);

/* Called for each message of an answer; a negative return stops the parsing and becomes the caller's result.
 */
typedef int netlink_message_function(const struct nlmsghdr *header, void *argument);

/* A dump and how far it was read. */
#define NETLINK_DUMP_TRIES   8
#define NETLINK_DUMP_REQUEST 640
struct netlink_dump {
	netlink_message_function *message;
	void (*restart)(void *argument); /* or NULL: an inconsistent dump is not repeated */
	void *argument;
	/* The rest is kept here. */
	uint32_t sequence;
	unsigned tries;
	bool inconsistent;
	int error; /* first one; the rest of the dump is only drained */
	alignas(struct nlmsghdr) char request[NETLINK_DUMP_REQUEST];
};

/* Sends the request, of NETLINK_DUMP_REQUEST bytes at most, as a dump. 0 or negative errno: then nothing is
 * to be read. */
int netlink_dump_begin(struct netlink *netlink, struct netlink_dump *dump, const struct nlmsghdr *request);
/* Does one read and hands over each message of it. A dump that the kernel marks as inconsistent
 * (NLM_F_DUMP_INTR) is repeated, at most NETLINK_DUMP_TRIES times; `restart` is called before each repetition
 * so that what was read so far can be forgotten. After an error the rest is drained, since an unfinished dump
 * makes the next one fail with EBUSY. 0: there is more; 1: it has ended; or negative errno: -EINTR if no try
 * was consistent, -ETIMEDOUT. */
int netlink_dump_read(struct netlink *netlink, struct netlink_dump *dump);

/* Both, to the end. 0 or negative errno. */
int netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message,
	void (*restart)(void *argument), void *argument);

/* Sends `size` bytes of requests at once and hands over each message that comes back, until `message` has
 * returned 1 ("this answers one of them"; 0: it does not) `answers` times. 0 or negative errno: -ENOBUFS if
 * answers were lost, -ETIMEDOUT if one does not come; drain before asking again. */
int netlink_exchange(struct netlink *netlink, const void *requests, size_t size, size_t answers,
	netlink_message_function *message, void *argument);

/* Sends a request and hands over the message that answers it first, unless that is an error or the end of a
 * dump. 0 or negative errno: the kernel's, that of `message`, or as of netlink_exchange(). */
int netlink_ask(
	struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message, void *argument);

/* Joins a multicast group. 0 or negative errno. */
int netlink_join(struct netlink *netlink, unsigned group);
/* Opens a socket of NETLINK_ROUTE for the announcements of these groups; one that the kernel does not have is
 * left out. 0 or negative errno. */
int netlink_watch(const unsigned *groups, size_t count, struct netlink **out);

/* Reads all waiting notifications, at most NETLINK_DRAIN_READS reads, without blocking; `message` may be
 * NULL. Returns 1 if there were some, NETLINK_LOST if some were lost (ENOBUFS: re-read everything), 0 if
 * none, or negative errno: then nothing is known to have changed. */
#define NETLINK_LOST        2
#define NETLINK_DRAIN_READS 64
int netlink_drain(struct netlink *netlink, netlink_message_function *message, void *argument);

/* Next sequence number of this socket. */
uint32_t netlink_sequence(struct netlink *netlink);

/* Attribute readers that check type and length first; they return false and leave *out alone if it does not
 * fit or the attribute is NULL (absent). */
bool attribute_bytes(const struct nlattr *attribute, void *out, size_t size);
bool attribute_u8(const struct nlattr *attribute, uint8_t *out);
bool attribute_u16(const struct nlattr *attribute, uint16_t *out);
bool attribute_u32(const struct nlattr *attribute, uint32_t *out);
/* A NUL-terminated or exactly filled string, cut to size - 1 and always terminated. */
bool attribute_text(const struct nlattr *attribute, char *out, size_t size);

/* Fills table[type] for each attribute with type <= most, in a message or a nest; later ones win, unknown
 * ones are skipped. `table` must have most + 1 entries and is cleared first. False if the attributes are
 * malformed. */
bool attributes_of_message(
	const struct nlmsghdr *header, size_t header_size, const struct nlattr **table, unsigned most);
bool attributes_of_nest(const struct nlattr *nest, const struct nlattr **table, unsigned most);
/* The same for attributes that stand elsewhere, aligned to 4. */
bool attributes_of_bytes(const void *bytes, size_t size, const struct nlattr **table, unsigned most);
