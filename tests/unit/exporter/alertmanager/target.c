// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exporter/alertmanager/alertmanagers.h"
#include "exporter/alertmanager/target.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *url, *requests;
} accepted[] = {
	{ "http://am:9093", "http://am:9093/api/v2/alerts" },
	{ "https://am.example/", "https://am.example/api/v2/alerts" },
	{ "https://am.example/deep/er//", "https://am.example/deep/er/api/v2/alerts" },
	{ "http://alice:s3cret@am:9093/x", "http://am:9093/x/api/v2/alerts" },
	{ "http://alice@am", "http://am/api/v2/alerts" },
	{ "http://[2001:db8::1]:9093", "http://[2001:db8::1]:9093/api/v2/alerts" },
};

static void requests_go_beneath_the_page_and_name_no_user(void **state)
{
	(void)state;
	const struct alertmanager_config config = { 0 };
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct target target;
		assert_int_equal(target_open(accepted[i].url, &config, &target), 0);
		assert_string_equal(target.url, accepted[i].requests);
		target_close(&target);
	}
}

static const char *const refused[] = { "am:9093", "ftp://s3cret@am/", "file:///etc/passwd", "http://", "",
	"http://am/?token=s3cret", "http://am/#s3cret", "http://a b:s3cret@am/", "gopher://am" };

static void other_urls_are_refused_without_being_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		char message[256];
		const struct alertmanagers_options options = {
			.urls = { (const char *[]){ "http://am", refused[i] }, 2 },
			.sender = { .instance = "", .generator_url = "", .runbook_url = "" }
		};
		assert_int_equal(alertmanagers_check(&options, message, sizeof(message)), -EINVAL);
		assert_string_equal(message,
			"--alertmanager.url, number 2: expected http://HOST[:PORT][/PATH] or https://...");
	}
}

static void a_name_for_tls_leads_to_the_same_host(void **state)
{
	(void)state;
	struct alertmanager_config config = { .server_name = (char *)(uintptr_t) "alerts.example" };
	struct target target;
	assert_int_equal(target_open("https://[::1]:9443/x", &config, &target), 0);
	assert_string_equal(target.url, "https://[::1]:9443/x/api/v2/alerts");
	assert_string_equal(target.connect_to->data, "::[::1]:9443");
	assert_string_equal(target.headers->next->next->data, "Host: [::1]:9443");
	target_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_beneath_the_page_and_name_no_user),
		cmocka_unit_test(other_urls_are_refused_without_being_shown),
		cmocka_unit_test(a_name_for_tls_leads_to_the_same_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
