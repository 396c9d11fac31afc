// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/daemon/alert_options.h"

static const struct usage usage = {
	.program = PROGRAM_EXPORTER, .name = "oneway_exporter", .summary = "It watches."
};

static struct alertmanagers_options options_of(
	const char *flag, struct options *options, struct alert_origin *origin)
{
	char *argv[] = { (char *)"program", (char *)(uintptr_t)flag, NULL };
	assert_int_equal(options_parse(&usage, flag ? 2 : 1, argv, options, stdout, stderr), OPTIONS_RUN);
	return alert_options(options, origin);
}

static void an_exporter_is_known_by_its_host_and_port(void **state)
{
	(void)state;
	static const struct {
		const char *flag, *port;
	} cases[] = { { NULL, ":10150" }, { "--web.listen-address=127.0.0.1:9999", ":9999" },
		{ "--web.listen-address=[2001:db8::1]:80", ":80" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct options options;
		struct alert_origin origin;
		char host[HOST_NAME_MAX + 1], instance[HOST_NAME_MAX + 16], url[HOST_NAME_MAX + 32];
		const struct alertmanagers_options found = options_of(cases[i].flag, &options, &origin);
		assert_int_equal(gethostname(host, sizeof(host)), 0);
		snprintf(instance, sizeof(instance), "%s%s", host, cases[i].port);
		snprintf(url, sizeof(url), "http://%s/", instance);
		assert_string_equal(found.sender.instance, instance);
		assert_string_equal(found.sender.generator_url, url);
		assert_string_equal(
			found.sender.runbook_url, "file:///usr/share/doc/oneway/alerts/runbooks/");
		assert_int_equal(found.max_addresses, 256);
		assert_int_equal(found.urls.count, 0);
		options_free(&options);
	}
}

static void flags_say_it_otherwise(void **state)
{
	(void)state;
	struct options options;
	struct alert_origin origin;
	assert_string_equal(
		options_of("--web.external-url=https://gw/oneway/", &options, &origin).sender.generator_url,
		"https://gw/oneway/");
	options_free(&options);
	assert_string_equal(
		options_of("--alertmanager.runbook-url=https://wiki/", &options, &origin).sender.runbook_url,
		"https://wiki/");
	options_free(&options);
	assert_string_equal(options_of("--alertmanager.url=http://am:9093", &options, &origin).urls.items[0],
		"http://am:9093");
	options_free(&options);
	assert_string_equal(
		options_of("--alertmanager.label=site=west", &options, &origin).sender.labels.items[0],
		"site=west");
	options_free(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exporter_is_known_by_its_host_and_port),
		cmocka_unit_test(flags_say_it_otherwise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
