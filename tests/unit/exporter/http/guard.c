// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "exporter/http/guard.h"
#include "exporter/http/listen.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_loopback4(const char *text)
{
	struct sockaddr_in client = { .sin_family = AF_INET };
	assert_int_equal(inet_pton(AF_INET, text, &client.sin_addr), 1);
	return guard_is_loopback((struct sockaddr *)&client);
}

static bool is_loopback6(const char *text)
{
	struct sockaddr_in6 client = { .sin6_family = AF_INET6 };
	assert_int_equal(inet_pton(AF_INET6, text, &client.sin6_addr), 1);
	return guard_is_loopback((struct sockaddr *)&client);
}

static void only_loopback_clients_are_local(void **state)
{
	(void)state;
	assert_true(is_loopback4("127.0.0.1"));
	assert_true(is_loopback4("127.255.0.9"));
	assert_false(is_loopback4("128.0.0.1"));
	assert_false(is_loopback4("192.0.2.127"));
	assert_false(is_loopback4("0.0.0.0"));
	assert_true(is_loopback6("::1"));
	assert_true(is_loopback6("::ffff:127.0.0.1"));
	assert_false(is_loopback6("::ffff:192.0.2.1"));
	assert_false(is_loopback6("::127.0.0.1"));
	assert_false(is_loopback6("::"));
	assert_false(is_loopback6("2001:db8::1"));
	assert_false(is_loopback6("fe80::1"));
	const struct sockaddr_un local = { .sun_family = AF_UNIX };
	assert_false(guard_is_loopback((const struct sockaddr *)&local));
	assert_false(guard_is_loopback(NULL));
}

static struct address client6(const char *text)
{
	struct sockaddr_in6 client = { .sin6_family = AF_INET6 };
	assert_int_equal(inet_pton(AF_INET6, text, &client.sin6_addr), 1);
	return guard_client((struct sockaddr *)&client);
}

static void a_client_is_an_address_or_a_64(void **state)
{
	(void)state;
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = 1 };
	assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &four.sin_addr), 1);
	struct address plain = guard_client((struct sockaddr *)&four);
	struct address mapped = client6("::ffff:192.0.2.1"), neighbour = client6("::ffff:192.0.2.2");
	assert_true(address_equal(&plain, &mapped));
	assert_false(address_equal(&plain, &neighbour));
	struct address first = client6("2001:db8:0:1::1"), last = client6("2001:db8:0:1:ffff:ffff:ffff:ffff");
	struct address other = client6("2001:db8:0:2::1");
	assert_true(address_equal(&first, &last));
	assert_false(address_equal(&first, &other));
	const struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct address none = guard_client((const struct sockaddr *)&local);
	assert_true(address_is_none(&none));
}

static const struct {
	const char *origin, *site, *host;
	bool own;
} origins[] = {
	{ NULL, NULL, "localhost:10150", true }, /* no browser */
	{ NULL, "none", "localhost:10150", true },
	{ NULL, "same-origin", "localhost:10150", true },
	{ NULL, "same-site", "localhost:10150", false },
	{ NULL, "cross-site", "localhost:10150", false },
	{ NULL, "", "localhost:10150", false },
	{ "http://localhost:10150", NULL, "LOCALHOST:10150", true },
	{ "https://localhost:10150", "same-origin", "localhost:10150", true },
	{ "http://localhost:10150", "cross-site", "localhost:10150", false },
	{ "http://evil.example", NULL, "localhost:10150", false },
	{ "http://localhost", NULL, "localhost:10150", false },
	{ "http://localhost:10150", NULL, NULL, false },
	{ "null", NULL, "null", false },
	{ "", NULL, "", false },
};

static void only_own_pages_have_a_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(origins); i++)
		if (guard_origin_is_own(origins[i].origin, origins[i].site, origins[i].host) !=
			origins[i].own)
			fail_msg("origin %zu", i);
}

static const char *const own[] = { "localhost", "LocalHost:10150", "127.0.0.1", "192.0.2.1:80", "[::1]",
	"[2001:db8::1]:10150", "localhost:" };
static const char *const foreign[] = { "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
	"evil.example:10150", "::1", "[::1", "[::1]x", "[127.0.0.1]", "localhost:80x", "127.0.0.1:80:80",
	"[]", ":10150", "localhost ", "0x7f.1", "127.1",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

static void only_addresses_and_localhost_are_own_names(void **state)
{
	(void)state;
	assert_true(guard_host_is_own(NULL));
	for (size_t i = 0; i < COUNT(own); i++)
		if (!guard_host_is_own(own[i]))
			fail_msg("refused: %s", own[i]);
	for (size_t i = 0; i < COUNT(foreign); i++)
		if (guard_host_is_own(foreign[i]))
			fail_msg("taken: %s", foreign[i]);
}

static const struct {
	const char *text, *host, *port;
} listens[] = {
	{ ":10150", "", "10150" },
	{ "127.0.0.1:0", "127.0.0.1", "0" },
	{ "[::1]:65535", "::1", "65535" },
	{ "[fe80::1%eth0]:1", "fe80::1%eth0", "1" },
	{ "example.org:80", "example.org", "80" },
};
static const char *const bad_listens[] = { "", "10150", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":x",
	":-1", ": 1", ":+1", "::1:80", "[::1:80", "::1]:80", "[::1]80", "[[::1]]:80", "[127.0.0.1]:80",
	":123456", "127.0.0.1:80 ", "[]:80" };

static void listen_addresses_are_parsed(void **state)
{
	(void)state;
	struct listen_address address;
	char message[128];
	for (size_t i = 0; i < COUNT(listens); i++) {
		assert_int_equal(
			listen_address_parse(listens[i].text, &address, message, sizeof(message)), 0);
		assert_string_equal(address.host, listens[i].host);
		assert_string_equal(address.port, listens[i].port);
	}
	for (size_t i = 0; i < COUNT(bad_listens); i++) {
		message[0] = '\0';
		if (listen_address_parse(bad_listens[i], &address, message, sizeof(message)) == 0)
			fail_msg("taken: %s", bad_listens[i]);
		assert_memory_equal(message, bad_listens[i], strlen(bad_listens[i]));
	}
}

static void a_taken_port_is_named(void **state)
{
	(void)state;
	char message[128], name[LISTEN_NAME_SIZE], expected[128];
	int first = listen_open("127.0.0.1:0", message, sizeof(message));
	assert_true(first >= 0);
	listen_name(first, name);
	int second = listen_open(name, message, sizeof(message));
	assert_true(second < 0);
	snprintf(expected, sizeof(expected), "cannot listen on %s: port taken", name);
	assert_string_equal(message, expected);
	close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_loopback_clients_are_local),
		cmocka_unit_test(a_client_is_an_address_or_a_64),
		cmocka_unit_test(only_own_pages_have_a_say),
		cmocka_unit_test(only_addresses_and_localhost_are_own_names),
		cmocka_unit_test(listen_addresses_are_parsed),
		cmocka_unit_test(a_taken_port_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
