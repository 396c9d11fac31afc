// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/listen.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_PORT 65535
/* Of one connection, which takes it over: the kernel would keep megabytes for each client that does not read.
 */
#define UNSENT_MOST 262144
#define BACKLOG     4096 /* and no more than net.core.somaxconn */

static bool is_port(const char *text)
{
	size_t length = strlen(text);
	if (length == 0 || length >= LISTEN_PORT_SIZE || strspn(text, "0123456789") != length)
		return false;
	return strtol(text, NULL, 10) <= MOST_PORT;
}

static int refuse(const char *text, const char *why, char *message, size_t size)
{
	snprintf(message, size, "%s: %s", text, why);
	return -EINVAL;
}

/* The host's part, without brackets, or NULL if it is none. */
static const char *host_part(const char *text, size_t length, size_t *host_length)
{
	bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	const char *host = bracketed ? text + 1 : text;
	*host_length = bracketed ? length - 2 : length;
	bool colon = memchr(host, ':', *host_length);
	if (bracketed != colon || memchr(host, '[', *host_length) || memchr(host, ']', *host_length))
		return NULL;
	return *host_length < LISTEN_HOST_SIZE ? host : NULL;
}

int listen_address_parse(const char *text, struct listen_address *out, char *message, size_t size)
{
	const char *colon = strrchr(text, ':');
	size_t length;
	if (!colon)
		return refuse(text, "expected HOST:PORT, :PORT or [IPV6]:PORT", message, size);
	if (!is_port(colon + 1))
		return refuse(text, "expected a port from 0 to 65535 after the last colon", message, size);
	const char *host = host_part(text, (size_t)(colon - text), &length);
	if (!host)
		return refuse(text, "an IPv6 address stands in brackets: [::1]:10150", message, size);
	memset(out, 0, sizeof(*out));
	memcpy(out->host, host, length);
	memcpy(out->port, colon + 1, strlen(colon + 1));
	return 0;
}

/* Negative errno, errno's own meaning kept over the clean-up. */
static int open_socket(int family, const struct sockaddr *address, socklen_t length, bool dual)
{
	int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (descriptor < 0)
		return -errno;
	const int reuse = 1, six_only = !dual, unsent = UNSENT_MOST;
	if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) == 0 &&
		setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &unsent, sizeof(unsent)) == 0 &&
		(family != AF_INET6 || setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &six_only,
					       sizeof(six_only)) == 0) &&
		bind(descriptor, address, length) == 0 && listen(descriptor, BACKLOG) == 0)
		return descriptor;
	int error = errno;
	close(descriptor);
	return -error;
}

/* A host by the first of its addresses; any address of both families by one socket, or of IPv4 alone where
 * the kernel has no IPv6. */
int listen_open(const char *text, char *message, size_t size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE };
	struct listen_address address;
	struct addrinfo *found;
	int result = listen_address_parse(text, &address, message, size);
	if (result < 0)
		return result;
	if (address.host[0]) {
		int error = getaddrinfo(address.host, address.port, &hints, &found);
		if (error != 0) {
			snprintf(message, size, "cannot listen on %s: %s", text, gai_strerror(error));
			return -EINVAL;
		}
		result = open_socket(found->ai_family, found->ai_addr, found->ai_addrlen, false);
		freeaddrinfo(found);
	} else {
		in_port_t port = htons((in_port_t)strtol(address.port, NULL, 10));
		const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = port };
		const struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = port };
		result = open_socket(AF_INET6, (const struct sockaddr *)&six, sizeof(six), true);
		if (result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL)
			result = open_socket(AF_INET, (const struct sockaddr *)&four, sizeof(four), false);
	}
	if (result >= 0)
		return result;
	const char *why = result == -EADDRINUSE      ? "port taken"
			  : result == -EADDRNOTAVAIL ? "not an address of this host"
			  : result == -EACCES        ? "ports below 1024 need CAP_NET_BIND_SERVICE"
						     : strerror(-result);
	snprintf(message, size, "cannot listen on %s: %s", text, why);
	return result;
}

const char *listen_name(int descriptor, char text[static LISTEN_NAME_SIZE])
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[LISTEN_PORT_SIZE];
	snprintf(text, LISTEN_NAME_SIZE, "?");
	if (getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 &&
		getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(text, LISTEN_NAME_SIZE, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
			port);
	return text;
}
