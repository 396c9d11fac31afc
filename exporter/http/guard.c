// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "collectors/base/address.h"

/* Longest: an IPv6 address in brackets with a port. */
#define HOST_SIZE (ADDRESS_TEXT_SIZE + 10)

struct address guard_client(const struct sockaddr *client)
{
	if (client->sa_family == AF_INET)
		return address_make(AF_INET, &((const struct sockaddr_in *)client)->sin_addr);
	if (client->sa_family != AF_INET6)
		return (struct address){ 0 };
	struct in6_addr address = ((const struct sockaddr_in6 *)client)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&address))
		return address_make(AF_INET, &address.s6_addr[12]);
	memset(&address.s6_addr[8], 0, 8);
	return address_make(AF_INET6, &address);
}

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

const char *const guard_forwarding_headers[] = { "Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Proto", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", NULL };

/* Browsers send Sec-Fetch-Site since 2020 to 2023, Origin with every POST for longer; pages cannot set them.
 */
bool guard_origin_is_own(const char *origin, const char *fetch_site, const char *host)
{
	if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
		return false;
	if (!origin)
		return true;
	/* "null" has none; the scheme may be another where a proxy ends TLS. */
	const char *authority = strstr(origin, "://");
	return authority && host && strcasecmp(authority + 3, host) == 0;
}
