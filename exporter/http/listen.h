/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Addresses to listen on: "HOST:PORT", ":PORT" for any address of both families, "[V6]:PORT". HOST is an
 * address or a name; a name is listened on by the first of its addresses. */

#include <stddef.h>
#include <sys/socket.h>

#define LISTEN_HOST_SIZE 256
#define LISTEN_PORT_SIZE 6

struct listen_address {
	char host[LISTEN_HOST_SIZE]; /* "" for any */
	char port[LISTEN_PORT_SIZE]; /* 0 to 65535 */
};

/* 0, or -EINVAL with message. */
int listen_address_parse(const char *text, struct listen_address *out, char *message, size_t size);
/* A listening socket, in the namespace of the calling thread; or negative errno, with a message that names
 * the address. */
int listen_open(const char *text, char *message, size_t size);

#define LISTEN_NAME_SIZE 80

/* "192.0.2.1:10150", "[::]:10150": what the socket is bound to; returns text. */
const char *listen_name(int descriptor, char text[static LISTEN_NAME_SIZE]);
