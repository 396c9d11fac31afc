// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/alertmanager/alertmanager_config.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int parse(const char *text, struct alertmanager_config **out, char *message, size_t size)
{
	return alertmanager_config_parse("am.yml", text, strlen(text), out, message, size);
}

static void what_is_known_is_read(void **state)
{
	(void)state;
	char message[256];
	struct alertmanager_config *config;
	assert_int_equal(parse("basic_auth:\n  username: u\n  password: 'p:w'\n"
			       "tls_config:\n  ca_file: a\n  cert_file: c\n  key_file: k\n"
			       "  server_name: s\n  insecure_skip_verify: true\n",
				 &config, message, sizeof(message)),
		0);
	assert_string_equal(config->username, "u");
	assert_string_equal(config->password, "p:w");
	assert_string_equal(config->authority.text, "a");
	assert_int_equal(config->authority.line, 5);
	assert_string_equal(config->certificate.text, "c");
	assert_string_equal(config->key.text, "k");
	assert_string_equal(config->server_name, "s");
	assert_true(config->insecure);
	alertmanager_config_free(config);
	assert_int_equal(parse("", &config, message, sizeof(message)), 0);
	assert_false(config->insecure || config->username || config->authority.text);
	alertmanager_config_free(config);
}

static const struct {
	const char *text, *message;
} errors[] = {
	{ "bearer_token: x\n", "am.yml:1: bearer_token: not supported, expected basic_auth or tls_config" },
	{ "basic_auth:\n  password: s3cret\n", "am.yml:1: basic_auth: username is missing" },
	{ "basic_auth:\n  username: u\n", "am.yml:1: basic_auth: expected either password or password_file" },
	{ "\nbasic_auth:\n  username: u\n  password: s3cret\n  password_file: f\n",
		"am.yml:2: basic_auth: expected either password or password_file" },
	{ "basic_auth:\n  username: u\n  password: [s3cret]\n",
		"am.yml:3: basic_auth.password: expected a text, got a list" },
	{ "tls_config:\n  cert_file: c\n", "am.yml:1: tls_config: key_file is missing" },
	{ "tls_config:\n  key_file: c\n", "am.yml:1: tls_config: cert_file is missing" },
	{ "tls_config:\n  ca_file: ''\n", "am.yml:2: tls_config.ca_file: expected the name of a file" },
	{ "tls_config:\n  insecure_skip_verify: s3cret\n",
		"am.yml:2: tls_config.insecure_skip_verify: expected true or false, got something else" },
};

static void the_rest_is_refused_by_line_and_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		char message[256];
		struct alertmanager_config *config = NULL;
		assert_true(parse(errors[i].text, &config, message, sizeof(message)) < 0);
		assert_string_equal(message, errors[i].message);
		assert_null(config);
	}
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void files_are_read_beside_the_configuration(void **state)
{
	(void)state;
	static const char *const names[] = { "am.yml", "ca", "password" };
	char folder[] = "/tmp/oneway-am-XXXXXX", path[256], message[512], expected[512];
	struct alertmanager_config *config;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/am.yml", folder);
	write_file(folder, "am.yml",
		"basic_auth:\n  username: u\n  password_file: password\ntls_config:\n  ca_file: ca\n");
	write_file(folder, "password", "s3cret\n");
	assert_true(alertmanager_config_read(path, &config, message, sizeof(message)) < 0);
	snprintf(expected, sizeof(expected), "%s:5: tls_config.ca_file: ca: No such file or directory", path);
	assert_string_equal(message, expected);
	write_file(folder, "ca", "PEM");
	assert_int_equal(alertmanager_config_read(path, &config, message, sizeof(message)), 0);
	assert_string_equal(config->password, "s3cret");
	assert_string_equal(config->authority.text, "PEM");
	alertmanager_config_free(config);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_read),
		cmocka_unit_test(the_rest_is_refused_by_line_and_key),
		cmocka_unit_test(files_are_read_beside_the_configuration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
