// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "collectors/base/address.h"

/* Longest: an IPv6 address in brackets with a port. */
#define HOST_SIZE (ADDRESS_TEXT_SIZE + 10)

bool guard_is_loopback(const struct sockaddr *client)
{
	if (!client)
		return false;
	struct in6_addr mapped;
	if (client->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)client)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	if (client->sa_family != AF_INET6)
		return false;
	mapped = ((const struct sockaddr_in6 *)client)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&mapped))
		return mapped.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&mapped);
}

bool guard_host_is_own(const char *host)
{
	char name[HOST_SIZE];
	struct address address;
	if (!host) /* HTTP/1.0; browsers always send one */
		return true;
	size_t length = strlen(host);
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length + 1);
	char *bracket = strchr(name, ']');
	char *colon = strchr(bracket ? bracket : name, ':');
	if (colon) {
		*colon = '\0';
		if (strspn(colon + 1, "0123456789") != strlen(colon + 1))
			return false;
	}
	length = strlen(name);
	if (length >= 2 && name[0] == '[' && name[length - 1] == ']') {
		name[length - 1] = '\0';
		return address_parse(name + 1, &address) == 0 && address.family == AF_INET6;
	}
	return strcasecmp(name, "localhost") == 0 ||
	       (address_parse(name, &address) == 0 && address.family == AF_INET);
}
